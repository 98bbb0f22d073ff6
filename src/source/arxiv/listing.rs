//! arXiv's catch-up page: one day's announcement in one subject, exactly. Pure.
//!
//! `arxiv.org/catchup/{subject}/{date}?abs=True&page=N` shows any of the last 90
//! days, 2,000 entries a page, in sections for new papers, cross-lists and
//! replacements; `/list/{category}/new` has the same shape for the newest one. Each
//! section is a list of `<dt>` with the id and `<dd>` with the rest.
//!
//! It is a page for people, not an interface: this reader is built from the
//! templates of arXiv's own program (arxiv-browse), without having asked the server,
//! takes what it recognises, and trusts the result only if the page says how many
//! entries there are and as many were read. Robots are asked to leave 15 seconds
//! between pages. It is asked for only where the settings say so.

use super::{Announcement, Listed, Unreadable, is_category};
use crate::paper::{Paper, PaperId};
use crate::text::{clean_tex_line, clean_tex_text, cut};
use chrono::NaiveDate;

const TITLE_CHARS_MAX: usize = 2_000;

/// Length of the excerpt of an unreadable entry, in characters.
const KEPT_CHARS_MAX: usize = 2_000;

/// One page of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The day in its heading.
    pub date: Option<NaiveDate>,
    /// Entries on all pages, replacements among them: `Total of N entries`.
    pub total: Option<u32>,
    /// Entries of this page, in order.
    pub entries: Vec<Result<Listed, Unreadable>>,
}

/// Reads the page that came from `place`. The error says what it is instead.
pub fn read(bytes: &[u8], place: &str) -> Result<Listing, String> {
    let page = String::from_utf8_lossy(bytes);
    let total = number_after(&page, "Total of ");
    let says_none = page.contains("No updates for")
        || page.contains("No further updates")
        || page.contains("No updates today");
    let date = heading_date(&page);
    if date.is_none() && total.is_none() && !says_none {
        return Err(format!(
            "no listing: {:?}",
            cut(&clean_tex_line(&without_tags(&page)), 80)
        ));
    }
    let mut entries = Vec::new();
    let mut announcement = Announcement::New;
    let mut rest = page.as_ref();
    while let Some(at) = next_of(rest, &["<h3", "<dt"]) {
        rest = &rest[at..];
        if rest.starts_with("<h3") {
            let heading =
                without_tags(rest.split("</h3").next().unwrap_or_default()).to_lowercase();
            if heading.contains("cross") {
                announcement = Announcement::Cross;
            } else if heading.contains("replacement") {
                announcement = Announcement::Replace;
            } else if heading.contains("new submission") {
                announcement = Announcement::New;
            }
            rest = &rest[3..];
            continue;
        }
        let end = next_of(&rest[3..], &["<h3", "<dt", "</dl"]).map_or(rest.len(), |end| end + 3);
        let entry = &rest[..end];
        let place = format!("{place} entry {}", entries.len() + 1);
        entries.push(listed(entry, announcement, date).map_err(|reason| {
            let record = entry.chars().take(KEPT_CHARS_MAX).collect();
            Unreadable {
                place,
                reason,
                record,
            }
        }));
        rest = &rest[end..];
    }
    Ok(Listing {
        date,
        total: total.or(says_none.then_some(0)),
        entries,
    })
}

fn listed(
    entry: &str,
    announcement: Announcement,
    date: Option<NaiveDate>,
) -> Result<Listed, String> {
    let name = between(entry, "/abs/", &['"', '\'', '?', '#', '>', ' '])
        .ok_or("no link to a paper in it")?;
    let (id, version) = PaperId::parse(name).map_err(|error| format!("{name:?}: {error}"))?;
    if !id.is_arxiv() {
        return Err(format!("{name:?} is no id of arXiv"));
    }
    let title = part(entry, "list-title")
        .map(|text| clean_tex_line(&text))
        .filter(|title| !title.is_empty());
    let title = title.ok_or("no title in it")?;
    let authors = part(entry, "list-authors").unwrap_or_default();
    let mut categories: Vec<String> = Vec::new();
    // "Machine Learning (cs.LG); Computation and Language (cs.CL)"
    for code in part(entry, "list-subjects")
        .unwrap_or_default()
        .split('(')
        .skip(1)
    {
        let code = code.split(')').next().unwrap_or_default();
        if is_category(code) && !categories.iter().any(|known| known == code) {
            categories.push(code.to_owned());
        }
    }
    let paragraph = entry
        .split("<p")
        .nth(1)
        .and_then(|rest| rest.split_once('>'))
        .map(|(_, rest)| rest);
    let described = paragraph
        .and_then(|rest| rest.split("</p").next())
        .map(without_tags)
        .unwrap_or_default();
    // An entry marked as replaced is one in every section.
    let is_replaced = entry
        .split("<dd")
        .next()
        .is_some_and(|head| head.contains("(replaced)"));
    let announcement = if is_replaced {
        Announcement::Replace
    } else {
        announcement
    };
    Ok(Listed {
        announcement,
        paper: Paper {
            url: Some(format!("https://arxiv.org/abs/{id}")),
            version,
            abstract_text: clean_tex_text(&described),
            authors: crate::source::authors::names(&clean_tex_line(&authors)),
            categories,
            announced: date.filter(|_| announcement.is_first()),
            comment: part(entry, "list-comments").map(|text| clean_tex_line(&text)),
            journal: part(entry, "list-journal-ref").map(|text| clean_tex_line(&text)),
            ..Paper::new(id, cut(&title, TITLE_CHARS_MAX))
        },
    })
}

/// The text of the element of a class, without the word before it (`Title:`).
fn part(entry: &str, class: &str) -> Option<String> {
    let (_, rest) = entry.split_once(class)?;
    let (_, rest) = rest.split_once('>')?;
    let rest = match rest
        .split_once("class='descriptor'")
        .or_else(|| rest.split_once("class=\"descriptor\""))
    {
        Some((before, after)) if before.trim() == "<span" => {
            after.split_once("</span>").map_or(after, |(_, text)| text)
        }
        _ => rest,
    };
    let text = without_tags(rest.split("</div").next()?);
    (!text.trim().is_empty()).then_some(text)
}

/// Text between tags; what stands for characters stays for the cleaning of text.
fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        // A bracket that begins no tag is a bracket.
        if after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!') {
            rest = after.split_once('>').map_or("", |(_, rest)| rest);
            if after.starts_with("br") {
                text.push('\n');
            }
        } else {
            text.push('<');
            rest = after;
        }
    }
    text.push_str(rest);
    text
}

/// "Catchup results for Machine Learning on Tue, 04 Aug 2026"; "Showing new listings
/// for Tuesday, 4 August 2026".
fn heading_date(page: &str) -> Option<NaiveDate> {
    let heading = ["Catchup results for", "new listings for"]
        .iter()
        .find_map(|words| page.split_once(words))?
        .1;
    let heading = without_tags(heading.split("</h").next()?);
    let words: Vec<&str> = heading
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.windows(3).rev().find_map(|words| {
        let month = words[1].get(..3)?;
        NaiveDate::parse_from_str(&format!("{} {month} {}", words[0], words[2]), "%d %b %Y").ok()
    })
}

fn number_after(page: &str, words: &str) -> Option<u32> {
    let digits: String = page
        .split_once(words)?
        .1
        .trim_start()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

fn between<'a>(text: &'a str, start: &str, ends: &[char]) -> Option<&'a str> {
    text.split_once(start)?
        .1
        .split(ends)
        .next()
        .filter(|text| !text.is_empty())
}

/// Position of the first of `tags`.
fn next_of(text: &str, tags: &[&str]) -> Option<usize> {
    tags.iter().filter_map(|tag| text.find(tag)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<html><body><h1>Catchup results for Machine Learning on Tue, 04 Aug 2026</h1>
      <div>Total of 4 entries <br></div>
      <dl id='articles'><h3>New submissions (showing 2 of 2 entries)</h3>
      <dt><a name='item1'>[1]</a> <a href ="/abs/2608.00001" title="Abstract" id="2608.00001">arXiv:2608.00001</a>
        [<a href="/pdf/2608.00001">pdf</a>]</dt>
      <dd><div class='meta'><div class='list-title mathjax'><span class='descriptor'>Title:</span>
          Learning with $\alpha &lt; 1$ and <em>care</em></div>
        <div class='list-authors'><a href="/search?a">Ada Lovelace</a>, <a href="/b">Kurt G&ouml;del</a></div>
        <div class='list-comments mathjax'><span class='descriptor'>Comments:</span> 12 pages</div>
        <div class='list-journal-ref'><span class='descriptor'>Journal-ref:</span> J. 1 (2026)</div>
        <div class='list-subjects'><span class='descriptor'>Subjects:</span>
          <span class="primary-subject">Machine Learning (cs.LG)</span>; Information Theory (cs.IT)</div>
        <p class='mathjax'>We learn, for x < 3.<br>And more.</p></div></dd>
      <dt><a href="/nothing">[2]</a></dt><dd>broken</dd></dl>
      <dl id='articles'><h3>Cross submissions (showing 1 of 1 entries)</h3>
      <dt><a href="/abs/math/0309136">arXiv:math/0309136</a> (cross-list from math.GT)</dt>
      <dd><div class="list-title"><span class="descriptor">Title:</span> Old</div>
        <div class='list-subjects'>Geometric Topology (math.GT)</div></dd></dl>
      <dl><h3>Replacement submissions (showing 1 of 1 entries)</h3>
      <dt><a href="/abs/2607.00001">arXiv:2607.00001</a> (replaced)</dt><dd><div class='list-title'>New again</div></dd></dl>
      <div>Total of 4 entries</div></body></html>"#;

    #[test]
    fn a_page_is_read_section_by_section() {
        let listing = read(PAGE.as_bytes(), "page").unwrap();
        assert_eq!(
            (listing.date, listing.total),
            ("2026-08-04".parse().ok(), Some(4))
        );
        let shown: Vec<String> = listing
            .entries
            .iter()
            .map(|entry| match entry {
                Ok(listed) => {
                    format!(
                        "{:?} {}",
                        listed.announcement,
                        serde_json::to_string_pretty(&listed.paper).unwrap()
                    )
                }
                Err(unreadable) => format!("! {}: {}", unreadable.place, unreadable.reason),
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn empty_days_and_other_pages_are_told_apart() {
        let none =
            read(b"<h1>Catchup results for x on Sat, 08 Aug 2026</h1><p>No updates for Sat, 08 Aug 2026</p>", "x")
                .unwrap();
        assert_eq!(
            (none.date, none.total, none.entries.len()),
            ("2026-08-08".parse().ok(), Some(0), 0)
        );
        let new = read(
            b"<h3>Showing new listings for Wednesday, 12 August 2026</h3>",
            "x",
        )
        .unwrap();
        assert_eq!((new.date, new.total), ("2026-08-12".parse().ok(), None));
        for nonsense in ["", "Rate exceeded.", "<html><body>503</body></html>"] {
            assert!(read(nonsense.as_bytes(), "x").is_err(), "{nonsense}");
        }
        // Cut off anywhere, and without end.
        for end in 0..PAGE.len() {
            if let Some(part) = PAGE.get(..end) {
                let _ = read(part.as_bytes(), "x");
            }
        }
        assert_eq!(
            read(
                format!("Total of 9 {}", "<dt>".repeat(20_000)).as_bytes(),
                "x"
            )
            .unwrap()
            .entries
            .len(),
            20_000
        );
    }
}

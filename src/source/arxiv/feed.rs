//! Reads the feeds of rss.arxiv.org: the announcement of one day in one category, as RSS
//! or Atom. Pure.

use super::calendar::eastern_date;
use super::markup::{Element, take_apart};
use super::{Unreadable, is_category};
use crate::paper::{Paper, PaperId};
use crate::text::{clean_tex_line, clean_tex_text, cut};
use chrono::{DateTime, NaiveDate};

const TITLE_CHARS_MAX: usize = 2_000;

/// Entries in the largest feed. New papers come last, so a full feed lacks new papers.
pub(super) const ENTRIES_MAX: usize = 2_000;

/// The reason why a paper is in a feed (`arxiv:announce_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announcement {
    /// New, and this is its primary category.
    New,
    /// New here: its primary category is another one.
    Cross,
    /// A new version.
    Replace,
    /// A new version of a cross-listed paper.
    ReplaceCross,
}

impl Announcement {
    fn parse(word: &str) -> Result<Self, String> {
        match word.trim().to_lowercase().as_str() {
            "new" => Ok(Announcement::New),
            "cross" => Ok(Announcement::Cross),
            "replace" => Ok(Announcement::Replace),
            "replace-cross" => Ok(Announcement::ReplaceCross),
            _ => Err(format!("announce type {word:?} is not known")),
        }
    }

    /// Whether the paper is announced, rather than replaced.
    pub fn is_first(self) -> bool {
        matches!(self, Announcement::New | Announcement::Cross)
    }
}

/// A paper in a feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Why it stands there.
    pub announcement: Announcement,
    /// The paper; announced on the entry's day if it is new or new here.
    pub paper: Paper,
}

/// A feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// The day it is about, in Eastern time.
    pub date: Option<NaiveDate>,
    /// Its entries, in order.
    pub entries: Vec<Result<Listed, Unreadable>>,
    /// Whether its end is there.
    pub is_whole: bool,
}

/// Reads the feed that came from `place`. The error says why there is none.
pub fn read(bytes: &[u8], place: &str) -> Result<Feed, String> {
    let document = take_apart(bytes)?;
    let title = document
        .head
        .text("title")
        .map(clean_tex_line)
        .unwrap_or_default();
    if title.starts_with("Feed error") {
        let said = document
            .head
            .text("description")
            .or(document.head.text("subtitle"));
        return Err(format!(
            "arXiv answers {:?}",
            cut(
                &format!("{title} {}", clean_tex_line(said.unwrap_or_default())),
                300
            )
        ));
    }
    let mut dated = ["pubDate", "lastBuildDate", "updated", "date"]
        .iter()
        .filter_map(|name| document.head.text(name));
    let date = dated.find_map(announcement_date);
    let entries: Vec<Result<Listed, Unreadable>> = document
        .entries
        .into_iter()
        .enumerate()
        .map(|(at, entry)| {
            let place = format!("{place} entry {}", at + 1);
            let entry = entry.map_err(|broken| Unreadable {
                place: place.clone(),
                reason: broken.reason,
                record: broken.text,
            })?;
            listed(&entry, date).map_err(|reason| Unreadable {
                place,
                reason,
                record: entry.raw,
            })
        })
        .collect();
    let newest = entries
        .iter()
        .flatten()
        .filter_map(|listed| listed.paper.announced)
        .max();
    Ok(Feed {
        date: date.or(newest),
        entries,
        is_whole: document.is_whole,
    })
}

fn listed(entry: &Element, feed_date: Option<NaiveDate>) -> Result<Listed, String> {
    let described = Described::read(
        entry
            .text("description")
            .or(entry.text("summary"))
            .unwrap_or_default(),
    );
    let names = [
        entry.text("guid"),
        entry.text("id"),
        described.id,
        entry.text("link"),
    ];
    let links = entry.attributes("link", "href").map(Some);
    let id = names.into_iter().chain(links).flatten().find_map(|name| {
        let (id, version) = PaperId::parse(name).ok()?;
        id.is_arxiv().then_some((id, version))
    });
    let (id, version) = id.ok_or("no arXiv id in it")?;
    let title = entry
        .text("title")
        .map(clean_tex_line)
        .filter(|title| !title.is_empty())
        .ok_or("no title in it")?;
    let announcement = match entry.text("announce_type").or(described.announcement) {
        Some(word) => Announcement::parse(word)?,
        // Only first versions are new.
        None if version.is_none_or(|version| version == 1) => Announcement::New,
        None => Announcement::Replace,
    };
    let own_date = match entry.text("pubDate").or(entry.text("published")) {
        Some(text) => {
            Some(announcement_date(text).ok_or_else(|| format!("date {text:?} cannot be read"))?)
        }
        None => None,
    };
    let date = own_date
        .or(feed_date)
        .ok_or("no announcement date, in it or in the feed")?;
    if let Some(feed_date) = feed_date.filter(|feed_date| date > *feed_date) {
        return Err(format!("dated {date}, after its feed of {feed_date}"));
    }
    let categories = entry
        .texts("category")
        .chain(entry.attributes("category", "term"));
    let creators: Vec<&str> = entry
        .texts("creator")
        .chain(entry.texts("author/name"))
        .collect();
    Ok(Listed {
        announcement,
        paper: Paper {
            url: Some(format!("https://arxiv.org/abs/{id}")),
            version,
            abstract_text: clean_tex_text(described.abstract_text),
            authors: crate::source::authors::names(&creators.join(", ")),
            categories: categories
                .filter(|code| is_category(code))
                .map(str::to_owned)
                .collect(),
            announced: announcement.is_first().then_some(date),
            doi: entry.text("DOI").or(entry.text("doi")).map(clean_tex_line),
            comment: entry.text("comment").map(clean_tex_line),
            ..Paper::new(id, cut(&title, TITLE_CHARS_MAX))
        },
    })
}

/// `arXiv:2508.13426v1 Announce Type: cross ⏎ Abstract: …`
struct Described<'a> {
    id: Option<&'a str>,
    announcement: Option<&'a str>,
    abstract_text: &'a str,
}

impl<'a> Described<'a> {
    fn read(text: &'a str) -> Self {
        let text = text.trim();
        if !text.starts_with("arXiv:") {
            let abstract_text = text.strip_prefix("Abstract:").unwrap_or(text);
            return Described {
                id: None,
                announcement: None,
                abstract_text,
            };
        }
        let (head, abstract_text) = text.split_once("Abstract:").unwrap_or((text, ""));
        let announcement = head
            .split_once("Announce Type:")
            .and_then(|(_, word)| word.split_whitespace().next());
        Described {
            id: head.split_whitespace().next(),
            announcement,
            abstract_text,
        }
    }
}

/// The day of an announcement, from the date of an entry or a feed: an RFC 2822
/// or RFC 3339 instant. arXiv writes midnight, Eastern time; midnight stands for
/// its day whatever the zone behind it.
pub(super) fn announcement_date(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let without_weekday = text.split_once(", ").map_or(text, |(_, rest)| rest);
    let at = DateTime::parse_from_rfc2822(text)
        // A wrong weekday is arXiv's business, and ours is the date.
        .or_else(|_| DateTime::parse_from_rfc2822(without_weekday))
        .or_else(|_| DateTime::parse_from_rfc3339(text));
    match at {
        Ok(at) if at.time() == chrono::NaiveTime::MIN => Some(at.date_naive()),
        Ok(at) => Some(eastern_date(at.to_utc())),
        Err(_) => text.split(['T', ' ']).next()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEED: &str = include_str!("fixtures/feed.xml");

    #[test]
    fn a_feed_is_read_entry_by_entry() {
        let feed = read(FEED.as_bytes(), "feed.xml").unwrap();
        let shown: Vec<String> = feed
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
        insta::assert_snapshot!(format!(
            "{:?} whole: {}\n{}",
            feed.date,
            feed.is_whole,
            shown.join("\n")
        ));
    }

    #[test]
    fn an_error_in_the_form_of_a_feed_is_an_error() {
        let feed = "<feed><title>Feed error for query: cs.XX</title><subtitle>Invalid archive</subtitle></feed>";
        let said = read(feed.as_bytes(), "x").unwrap_err();
        assert!(
            said.contains("cs.XX") && said.contains("Invalid archive"),
            "{said}"
        );
    }

    #[test]
    fn a_date_is_that_of_new_york() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                announcement_date(text)
                    .map(|date| date.to_string())
                    .as_deref(),
                expected,
                "{text}"
            );
        };
        check("Wed, 20 Aug 2025 00:00:00 -0400", Some("2025-08-20"));
        check("Wed, 6 Aug 2025 00:00:00 -0400", Some("2025-08-06"));
        check("Mon, 20 Aug 2025 00:00:00 -0400", Some("2025-08-20"));
        check("Wed, 20 Aug 2025 04:00:19 +0000", Some("2025-08-20"));
        check("Wed, 20 Aug 2025 03:59:59 +0000", Some("2025-08-19"));
        check("2025-12-20T04:30:00Z", Some("2025-12-19"));
        check("2025-08-20T00:00:00-04:00", Some("2025-08-20"));
        check("Wed, 20 Aug 2025 00:00:00 GMT", Some("2025-08-20"));
        check("2025-8-20", Some("2025-08-20"));
        check("yesterday", None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_fail(bytes: Vec<u8>) {
            let _ = read(&bytes, "x");
        }

        #[test]
        fn no_damage_makes_the_reader_fail(at in 0..FEED.len(), byte: u8, end in 0..FEED.len()) {
            let mut bytes = FEED.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = read(&bytes, "x");
            let _ = read(&bytes[..end], "x");
        }
    }
}

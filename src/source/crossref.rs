//! Crossref: the works whose DOI was registered on a day.
//!
//! A work is announced on the day of its registration (`created`): publication dates
//! are those of issues and may lie in the future. Abstracts are JATS and often missing.
//! A query or journals are needed: some 30,000 DOIs are registered on an ordinary day.

use super::daily::DayPolicy;
use super::dates;
use super::identifiers::{Identifiers, is_front_matter, topics};
use super::json::{count, list, text, texts};
use super::pagination::{FIRST, Page, PagedSource};
use super::provider_client::{FetchError, ProviderClient, error_in};
use super::{Need, Source, SourceKind, SourceSettings};
use crate::paper::{Paper, PaperId};
use crate::text::{clean_line, clean_text};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use std::fmt::Write as _;

const HOST: &str = "https://api.crossref.org";

/// One list request per second is allowed to every client.
const SPACING: TimeDelta = TimeDelta::seconds(1);

const PAGE_WORKS: usize = 200;

/// Types of records that are not works to read: parts of journals, tables, grants.
const NO_WORKS: [&str; 9] = [
    "component",
    "journal",
    "journal-issue",
    "journal-volume",
    "grant",
    "peer-review",
    "database",
    "book-series",
    "proceedings-series",
];

/// Settings of which Crossref and `OpenAlex` need one.
pub(super) const QUERY_OR_JOURNALS: Need = Need {
    any_of: &["query", "journals"],
    remedy: "must say what to search for, unless journals does: all of it would be tens of thousands a day",
};

/// Kind `crossref`.
pub const KIND: SourceKind = SourceKind {
    keys: &["journals"],
    needs: &[QUERY_OR_JOURNALS],
    ..SourceKind::new("crossref", open)
};

fn open(settings: &SourceSettings) -> Box<dyn Source> {
    let (query, journals) = (settings.query.clone(), settings.journals.clone());
    let parameters = move |date: NaiveDate, cursor: Option<&str>, contact: Option<&str>| {
        let mut filter = format!("from-created-date:{date},until-created-date:{date}");
        for issn in &journals {
            // Filters with the same name are alternatives.
            let _ = write!(filter, ",issn:{issn}");
        }
        let mut parameters = vec![
            ("filter", filter),
            ("rows", PAGE_WORKS.to_string()),
            ("cursor", cursor.unwrap_or(FIRST).to_owned()),
        ];
        parameters.extend(query.clone().map(|query| ("query", query)));
        parameters.extend(contact.map(|contact| ("mailto", contact.to_owned())));
        parameters
    };
    Box::new(PagedSource {
        client: ProviderClient::new("crossref", HOST, settings.endpoint.as_deref(), SPACING),
        policy: DayPolicy {
            zone: chrono_tz::UTC,
            initial_days: 2,
            reread_days: 5,
        },
        path: "/works",
        parameters: Box::new(parameters),
        read,
    })
}

/// Reads one page, or a single work.
pub fn read(answer: &Value, place: &str) -> Result<Page, FetchError> {
    let is_list = answer
        .pointer("/message/items")
        .is_some_and(Value::is_array);
    let single = answer
        .pointer("/message")
        .filter(|work| work.get("DOI").is_some());
    let works: &[Value] = match single {
        _ if is_list => list(answer, "/message/items"),
        Some(work) => std::slice::from_ref(work),
        None => {
            let said = error_in(answer).unwrap_or_else(|| "no works".to_owned());
            return Err(FetchError::Invalid(format!("{place} answers {said:?}")));
        }
    };
    let read = |work: &Value| {
        let kind = text(work, "/type").unwrap_or_default();
        let title = title_of(work).unwrap_or_default();
        // A notice that corrects or retracts another work is not that work.
        let is_notice = !list(work, "/update-to").is_empty();
        if NO_WORKS.contains(&kind.as_str()) || is_notice || is_front_matter(&clean_line(&title)) {
            return None;
        }
        Some(paper(work))
    };
    Ok(Page {
        total: count(answer, "/message/total-results"),
        next: text(answer, "/message/next-cursor"),
        ..Page::of(works, place, read)
    })
}

fn paper(work: &Value) -> Result<Paper, String> {
    let doi = text(work, "/DOI").ok_or("no DOI in it")?;
    let title = title_of(work).ok_or("no title in it")?;
    let related = [
        "is-preprint-of",
        "has-preprint",
        "is-version-of",
        "has-version",
        "is-identical-to",
        "is-same-as",
    ];
    let others = related
        .iter()
        .flat_map(|kind| list(work, &format!("/relation/{kind}")));
    let others = others.filter(|other| {
        text(other, "/id-type")
            .is_some_and(|kind| ["doi", "arxiv"].contains(&kind.to_lowercase().as_str()))
    });
    let others = others
        .filter_map(|other| text(other, "/id"))
        .filter(|id| is_name(id))
        .collect();
    let paper = Identifiers {
        doi: Some(doi),
        others,
        ..Identifiers::default()
    }
    .paper(&title)?;
    let authors = list(work, "/author").iter().map(|author| {
        let part = |name: &str| text(author, name).unwrap_or_default();
        let name = clean_line(&format!(
            "{} {} {}",
            part("/given"),
            part("/family"),
            part("/suffix")
        ));
        if name.is_empty() {
            clean_line(&part("/name"))
        } else {
            name
        }
    });
    let abstract_text = text(work, "/abstract")
        .map(|jats| clean_text(&plain_markup(without_heading(&jats))))
        .unwrap_or_default();
    let retracted = list(work, "/updated-by").iter().any(|update| {
        text(update, "/type")
            .map(|kind| kind.to_lowercase().replace(['-', ' '], "_"))
            .is_some_and(|kind| RETRACTIONS.contains(&kind.as_str()))
    });
    let container = text(work, "/container-title/0").or(text(work, "/container-title"));
    let container = container
        .or(text(work, "/institution/0/name"))
        .map(|name| clean_line(&name));
    let parts = [
        container.clone(),
        text(work, "/volume"),
        text(work, "/page").or(text(work, "/article-number")),
    ];
    let published = [
        "/published",
        "/published-online",
        "/posted",
        "/issued",
        "/published-print",
        "/created",
    ];
    Ok(Paper {
        abstract_text,
        authors: authors.filter(|name| !name.is_empty()).collect(),
        categories: topics(&paper, &texts(work, "/subject", "")),
        published: published.iter().find_map(|name| date(work, name)),
        url: text(work, "/resource/primary/URL")
            .filter(|url| url.starts_with("http") && !url.contains(char::is_whitespace)),
        journal: container
            .is_some()
            .then(|| parts.into_iter().flatten().collect::<Vec<_>>().join(", ")),
        withdrawn: retracted || is_marked_retracted(&paper.title),
        ..paper
    })
}

/// Types of updates that take a work back.
const RETRACTIONS: [&str; 5] = [
    "retraction",
    "withdrawal",
    "removal",
    "retracted",
    "withdrawn",
];

/// The title with the subtitles that it does not hold already, free of face markup.
fn title_of(work: &Value) -> Option<String> {
    let of = |name: &str| {
        let items = list(work, &format!("/{name}")).iter();
        let items: Vec<String> = items.filter_map(|item| text(item, "")).collect();
        let items = if items.is_empty() {
            text(work, &format!("/{name}")).into_iter().collect()
        } else {
            items
        };
        items
            .iter()
            .map(|item| plain_markup(item))
            .filter(|item| !item.trim().is_empty())
            .collect::<Vec<String>>()
    };
    let mut title = of("title").into_iter().next()?;
    for subtitle in of("subtitle") {
        if !words(&title).contains(&words(&subtitle)) {
            let end = clean_line(&title).chars().next_back();
            let joint = if end.is_some_and(|end| matches!(end, ':' | '?' | '!' | '–' | '—')) {
                " "
            } else {
                ": "
            };
            title = format!("{}{joint}{}", title.trim_end(), subtitle.trim());
        }
    }
    Some(title)
}

/// Letters and digits in lower case, for comparing titles.
fn words(text: &str) -> String {
    let letters = clean_line(text).to_lowercase();
    letters.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Crossref's face markup (schema library, "Face markup") that is no HTML.
const FACE_MARKUP: [&str; 4] = ["scp", "ovl", "tt", "font"];

/// Removes the tags of [`FACE_MARKUP`] and decodes entities that are escaped twice.
fn plain_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = rest[1..].trim_start_matches('/');
        let name = name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        let is_face = FACE_MARKUP
            .iter()
            .any(|face| face.eq_ignore_ascii_case(name));
        if rest.starts_with('<')
            && is_face
            && let Some(end) = rest.find('>')
        {
            rest = &rest[end + 1..];
        } else if let Some(inner) = rest.strip_prefix("&amp;").filter(|inner| is_entity(inner)) {
            out.push('&');
            rest = inner;
        } else {
            out.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

/// Whether `text` begins with the name or number of an entity and its semicolon.
fn is_entity(text: &str) -> bool {
    let Some((name, _)) = text.split_once(';') else {
        return false;
    };
    let name = name.strip_prefix('#').unwrap_or(name);
    !name.is_empty() && name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether a publisher put a mark of retraction before or after the title, like
/// `RETRACTED ARTICLE: …` or `… (Retracted)`. A title that only begins with such a word has
/// none.
fn is_marked_retracted(title: &str) -> bool {
    const MARKS: [&str; 4] = ["retracted", "withdrawn", "removed", "retraction"];
    const KINDS: [&str; 8] = [
        "article",
        "paper",
        "chapter",
        "preprint",
        "manuscript",
        "publication",
        "book",
        "abstract",
    ];
    let is_mark = |text: &str| {
        let text = text
            .trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase();
        let mut words = text.split_whitespace();
        words.next().is_some_and(|word| MARKS.contains(&word))
            && words.all(|word| KINDS.contains(&word))
    };
    let before = title.split_once([':', ']', ')']).map(|(head, _)| head);
    let after = title.trim_end_matches('.').strip_suffix([']', ')']);
    let after = after
        .and_then(|text| text.rsplit_once(['[', '(']))
        .map(|(_, mark)| mark);
    let spaced = [" - ", " – ", " — "]
        .iter()
        .find_map(|dash| title.split_once(dash));
    [before, after, spaced.map(|(head, _)| head)]
        .into_iter()
        .flatten()
        .any(is_mark)
}

fn is_name(id: &str) -> bool {
    id.parse::<PaperId>()
        .is_ok_and(|id| id.is_arxiv() || id.as_str().starts_with("10."))
}

/// Removes the heading `<jats:title>Abstract</jats:title>`.
fn without_heading(jats: &str) -> &str {
    let start = jats.trim_start();
    let lower = start.to_ascii_lowercase();
    for prefix in ["jats:", ""] {
        for word in ["abstract", "summary"] {
            let heading = format!("<{prefix}title>{word}</{prefix}title>");
            if lower.starts_with(&heading) {
                return &start[heading.len()..];
            }
        }
    }
    jats
}

/// Reads `{"date-parts": [[2026, 8, 4]]}`; month and day may be missing.
fn date(work: &Value, name: &str) -> Option<DateTime<Utc>> {
    let parts = list(work, &format!("{name}/date-parts/0"));
    let parts: Vec<u32> = parts
        .iter()
        .map_while(Value::as_u64)
        .map(|part| part as u32)
        .collect();
    let year = i32::try_from(*parts.first()?)
        .ok()
        .filter(|year| (1800..=2200).contains(year))?;
    let day = NaiveDate::from_ymd_opt(
        year,
        *parts.get(1).unwrap_or(&1),
        *parts.get(2).unwrap_or(&1),
    );
    day.map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc())
        .or_else(|| dates::instant(&text(work, &format!("{name}/date-time"))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read_one(mut work: Value) -> Paper {
        work["DOI"] = json!("10.1000/x");
        paper(&work).unwrap()
    }

    #[test]
    fn face_markup_is_removed_and_entities_are_decoded() {
        for (title, expected) in [
            ("<scp>DNA</scp> methylation", "DNA methylation"),
            (
                "<b><scp>D</scp>NA</b> and <font face=\"x\">R</font>NA",
                "DNA and RNA",
            ),
            ("<ovl>x</ovl> and <tt>code</tt>", "x and code"),
            ("Salt &amp;amp; pepper", "Salt & pepper"),
            ("Values &amp;lt; 5", "Values < 5"),
            ("Caf&amp;#233;", "Café"),
            ("R&amp;D", "R&D"),
        ] {
            assert_eq!(
                read_one(json!({"title": [title]})).title,
                expected,
                "{title}"
            );
        }
        let paper = read_one(
            json!({"title": ["t"], "abstract": "<jats:p>Seen; <jats:italic>p</jats:italic> &amp;lt; 0.05.</jats:p>"}),
        );
        assert_eq!(paper.abstract_text, "Seen; p < 0.05.");
    }

    #[test]
    fn a_subtitle_is_part_of_the_title_once() {
        let title = |title: Value, subtitle: Value| {
            read_one(json!({"title": title, "subtitle": subtitle})).title
        };
        assert_eq!(
            title(json!(["Ladders"]), json!(["A trial"])),
            "Ladders: A trial"
        );
        assert_eq!(
            title(json!(["Ladders?"]), json!(["A trial"])),
            "Ladders? A trial"
        );
        assert_eq!(
            title(json!(["Ladders:"]), json!("A trial")),
            "Ladders: A trial"
        );
        assert_eq!(
            title(json!(["Ladders: A Trial"]), json!(["a trial"])),
            "Ladders: A Trial"
        );
        assert_eq!(
            title(json!(["Ladders"]), json!(["One", "Two"])),
            "Ladders: One: Two"
        );
        assert_eq!(title(json!(["Ladders"]), json!(["", null])), "Ladders");
    }

    #[test]
    fn a_mark_of_retraction_is_noticed_and_a_mere_word_is_not() {
        for title in [
            "RETRACTED ARTICLE: Ladders cure everything",
            "RETRACTED: Ladders cure everything",
            "WITHDRAWN: Ladders cure everything",
            "Retracted paper: Ladders",
            "[Retracted] Ladders cure everything",
            "Ladders cure everything (Retracted)",
            "Ladders cure everything [RETRACTED ARTICLE]",
            "RETRACTED – Ladders",
        ] {
            assert!(is_marked_retracted(title), "{title}");
        }
        for title in [
            "Retracted papers: a study",
            "Withdrawn from the market: drugs of 2026",
            "Retracted science and its readers",
            "Ladders (a study)",
        ] {
            assert!(!is_marked_retracted(title), "{title}");
        }
        let updated = json!({"title": ["t"], "updated-by": [{"type": "Retraction"}]});
        assert!(read_one(updated).withdrawn);
    }
}

//! Crossref: the works whose DOI was registered on a day.
//!
//! The day of registration (`created`) announces a work: publication dates are
//! of issues, and may lie in the future. Abstracts are JATS, and often missing
//! (research/recommenders.md section 6.12). Needs a query or journals: on an
//! ordinary day some 30,000 DOIs are registered.

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

/// One list a second is the least that is allowed to anybody.
const SPACING: TimeDelta = TimeDelta::seconds(1);

const PAGE_WORKS: usize = 200;

/// What is registered besides, and nobody reads: parts of journals, tables, grants.
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
        let title = text(work, "/title/0").unwrap_or_default();
        // Notices that correct or take back another work are not that work.
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
    let title = text(work, "/title/0")
        .or(text(work, "/title"))
        .ok_or("no title in it")?;
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
        .map(|jats| clean_text(without_heading(&jats)))
        .unwrap_or_default();
    let retracted = list(work, "/updated-by").iter().any(|update| {
        text(update, "/type")
            .is_some_and(|kind| ["retraction", "withdrawal", "removal"].contains(&kind.as_str()))
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
        withdrawn: retracted || paper.title.to_lowercase().starts_with("retracted:"),
        ..paper
    })
}

fn is_name(id: &str) -> bool {
    id.parse::<PaperId>()
        .is_ok_and(|id| id.is_arxiv() || id.as_str().starts_with("10."))
}

/// `<jats:title>Abstract</jats:title>` says nothing.
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

/// `{"date-parts": [[2026, 8, 4]]}`, of which the end may lack.
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

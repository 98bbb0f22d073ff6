//! `OpenAlex`: the works published on a day.
//!
//! Built from the documented shape of `/works`, without recorded answers, and
//! lenient for that reason. The API needs a (free) key since February 2026; without one
//! requests are sent all the same, and pause when they are refused. Filtering by the day
//! of entry is for paying users, so a day is one of publication, and fetched again for
//! two weeks, in which most of its works come in. A query or journals are needed.

use super::crossref::QUERY_OR_JOURNALS;
use super::daily::DayPolicy;
use super::dates;
use super::identifiers::{Identifiers, arxiv_in, is_front_matter, topics};
use super::json::{count, list, text, texts};
use super::pagination::{FIRST, Page, PagedSource};
use super::provider_client::{FetchError, KeyLocation, ProviderClient, error_in};
use super::{Source, SourceKind, SourceSettings};
use crate::paper::Paper;
use crate::text::{clean_line, clean_text};
use chrono::{NaiveDate, TimeDelta};
use serde_json::Value;
use std::fmt::Write as _;

const HOST: &str = "https://api.openalex.org";

const SPACING: TimeDelta = TimeDelta::milliseconds(200);

/// The smallest limit that the official pages name.
const PAGE_WORKS: usize = 100;

/// Words of an abstract; longer ones are invalid.
const WORDS_MAX: u64 = 20_000;

/// Kind `openalex`.
pub const KIND: SourceKind = SourceKind {
    keys: &["journals"],
    needs: &[QUERY_OR_JOURNALS],
    ..SourceKind::new("openalex", open)
};

fn open(settings: &SourceSettings) -> Box<dyn Source> {
    let (query, journals) = (settings.query.clone(), settings.journals.join("|"));
    let parameters = move |date: NaiveDate, cursor: Option<&str>, contact: Option<&str>| {
        let mut filter = format!("from_publication_date:{date},to_publication_date:{date}");
        if !journals.is_empty() {
            let _ = write!(filter, ",primary_location.source.issn:{journals}");
        }
        let mut parameters = vec![
            ("filter", filter),
            ("per_page", PAGE_WORKS.to_string()),
            ("cursor", cursor.unwrap_or(FIRST).to_owned()),
        ];
        parameters.extend(query.clone().map(|query| ("search", query)));
        parameters.extend(contact.map(|contact| ("mailto", contact.to_owned())));
        parameters
    };
    let client = ProviderClient::new("openalex", HOST, settings.endpoint.as_deref(), SPACING);
    Box::new(PagedSource {
        client: client.with_key(KeyLocation::Query, "api_key", settings.api_key.clone()),
        policy: DayPolicy {
            zone: chrono_tz::UTC,
            initial_days: 3,
            reread_days: 14,
        },
        path: "/works",
        parameters: Box::new(parameters),
        read,
    })
}

/// Reads one page.
pub fn read(answer: &Value, place: &str) -> Result<Page, FetchError> {
    let Some(works) = answer.pointer("/results").and_then(Value::as_array) else {
        let said = error_in(answer).unwrap_or_else(|| "no results".to_owned());
        return Err(FetchError::Invalid(format!("{place} answers {said:?}")));
    };
    let read = |work: &Value| {
        let kind = text(work, "/type").unwrap_or_default();
        let title = text(work, "/title")
            .or(text(work, "/display_name"))
            .unwrap_or_default();
        let is_paratext = work.pointer("/is_paratext").and_then(Value::as_bool) == Some(true);
        let is_other =
            ["paratext", "grant", "peer-review", "dataset", "erratum"].contains(&kind.as_str());
        if is_paratext || is_other || is_front_matter(&clean_line(&title)) {
            return None;
        }
        Some(paper(work, &title))
    };
    Ok(Page {
        total: count(answer, "/meta/count"),
        next: text(answer, "/meta/next_cursor"),
        ..Page::of(works, place, read)
    })
}

fn paper(work: &Value, title: &str) -> Result<Paper, String> {
    let last = |address: String| address.rsplit('/').next().unwrap_or_default().to_owned();
    let own = text(work, "/id")
        .or(text(work, "/ids/openalex"))
        .map(last)
        .filter(|id| id.starts_with(['W', 'w']));
    let mut locations: Vec<&Value> = list(work, "/locations").iter().collect();
    locations.extend(work.pointer("/primary_location"));
    let arxiv = locations
        .iter()
        .find_map(|place| arxiv_in(&text(place, "/landing_page_url")?));
    let mut others = Vec::new();
    others.extend(text(work, "/ids/pmid").map(|id| format!("pmid:{}", last(id))));
    others.extend(text(work, "/ids/pmcid").map(|id| format!("pmc:{}", last(id))));
    let names = Identifiers {
        arxiv,
        doi: text(work, "/doi").or(text(work, "/ids/doi")),
        own: own.map(|id| format!("openalex:{}", id.to_uppercase())),
        others,
    };
    let paper = names.paper(title)?;
    let authors = texts(work, "/authorships", "/author/display_name").into_iter();
    let authors: Vec<String> = authors
        .map(|name| clean_line(&name))
        .filter(|name| !name.is_empty())
        .collect();
    let raw = texts(work, "/authorships", "/raw_author_name")
        .into_iter()
        .map(|name| clean_line(&name));
    let journal = text(work, "/primary_location/source/display_name").map(|name| clean_line(&name));
    let parts = [
        journal.clone(),
        text(work, "/biblio/volume"),
        text(work, "/biblio/first_page"),
    ];
    let topic: Vec<String> = text(work, "/primary_topic/subfield/display_name")
        .into_iter()
        .collect();
    Ok(Paper {
        abstract_text: clean_text(&abstract_of(work)),
        authors: if authors.is_empty() {
            raw.collect()
        } else {
            authors
        },
        categories: topics(&paper, &topic),
        published: text(work, "/publication_date").and_then(|at| dates::instant(&at)),
        url: text(work, "/primary_location/landing_page_url").filter(|url| is_address(url)),
        journal: journal
            .is_some()
            .then(|| parts.into_iter().flatten().collect::<Vec<_>>().join(", ")),
        withdrawn: work.pointer("/is_retracted").and_then(Value::as_bool) == Some(true),
        ..paper
    })
}

fn is_address(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && !url.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// The abstract, from the places of its words: `{"We": [0, 7], "study": [1]}`.
fn abstract_of(work: &Value) -> String {
    let Some(index) = work
        .pointer("/abstract_inverted_index")
        .and_then(Value::as_object)
    else {
        return text(work, "/abstract").unwrap_or_default();
    };
    let mut words: Vec<(u64, &str)> = index
        .iter()
        .flat_map(|(word, places)| {
            let places = places.as_array().map_or(&[][..], Vec::as_slice);
            places
                .iter()
                .filter_map(Value::as_u64)
                .map(move |place| (place, word.as_str()))
        })
        .filter(|(place, _)| *place < WORDS_MAX)
        .collect();
    words.sort_unstable_by_key(|(place, _)| *place);
    words.dedup_by_key(|(place, _)| *place);
    let words: Vec<&str> = words.into_iter().map(|(_, word)| word).collect();
    let abstract_text = words.join(" ");
    // Crawled abstracts begin with their heading.
    abstract_text
        .strip_prefix("Abstract ")
        .map_or(abstract_text.clone(), str::to_owned)
}

//! Semantic Scholar: papers published on a day that match a query.
//!
//! The bulk search returns a token for the next page. It knows publication dates only,
//! and papers enter it days later: a day is fetched again for two weeks. A key is
//! optional; all clients without one share one limit, so requests often fail.

use super::daily::DayPolicy;
use super::dates;
use super::identifiers::{Identifiers, is_front_matter, topics};
use super::json::{count, text, texts};
use super::pagination::{Page, PagedSource};
use super::provider_client::{FetchError, KeyLocation, ProviderClient, error_in};
use super::{Need, Source, SourceKind, SourceSettings};
use crate::paper::Paper;
use crate::text::{clean_line, clean_text};
use chrono::{NaiveDate, TimeDelta};
use serde_json::Value;

const HOST: &str = "https://api.semanticscholar.org";

/// One request a second with a key, all its hosts together.
const SPACING: TimeDelta = TimeDelta::milliseconds(1_100);
const SPACING_WITHOUT_KEY: TimeDelta = TimeDelta::seconds(4);

const FIELDS: &str =
    "title,abstract,authors,externalIds,publicationDate,year,venue,journal,url,fieldsOfStudy";

/// Settings of which `PubMed` and Semantic Scholar need one.
pub(super) const QUERY: Need = Need {
    any_of: &["query"],
    remedy: "must say what to search for, like \"graph neural networks\"",
};

/// Kind `semantic_scholar`.
pub const KIND: SourceKind = SourceKind {
    needs: &[QUERY],
    ..SourceKind::new("semantic_scholar", open)
};

fn open(settings: &SourceSettings) -> Box<dyn Source> {
    let spacing = if settings.api_key.is_some() {
        SPACING
    } else {
        SPACING_WITHOUT_KEY
    };
    let endpoint = settings.endpoint.as_deref();
    let client = ProviderClient::new("semantic_scholar", HOST, endpoint, spacing);
    let query = settings.query.clone().unwrap_or_default();
    let parameters = move |date: NaiveDate, cursor: Option<&str>, _contact: Option<&str>| {
        let mut parameters = vec![
            ("query", query.clone()),
            ("publicationDateOrYear", format!("{date}:{date}")),
            ("fields", FIELDS.to_owned()),
        ];
        parameters.extend(cursor.map(|cursor| ("token", cursor.to_owned())));
        parameters
    };
    Box::new(PagedSource {
        client: client.with_key(KeyLocation::Header, "x-api-key", settings.api_key.clone()),
        policy: DayPolicy {
            zone: chrono_tz::UTC,
            initial_days: 3,
            reread_days: 14,
        },
        path: "/graph/v1/paper/search/bulk",
        parameters: Box::new(parameters),
        read,
    })
}

/// Reads one page of a search.
pub fn read(answer: &Value, place: &str) -> Result<Page, FetchError> {
    let is_empty = count(answer, "/total") == Some(0);
    let records = match answer.pointer("/data").and_then(Value::as_array) {
        Some(records) => records.as_slice(),
        None if is_empty => &[],
        None => {
            let said = error_in(answer).unwrap_or_else(|| "no data".to_owned());
            return Err(FetchError::Invalid(format!("{place} answers {said:?}")));
        }
    };
    let read = |record: &Value| {
        let title = text(record, "/title").unwrap_or_default();
        if is_front_matter(&clean_line(&title)) {
            return None;
        }
        Some(paper(record, &title))
    };
    Ok(Page {
        total: count(answer, "/total"),
        next: text(answer, "/token"),
        ..Page::of(records, place, read)
    })
}

fn paper(record: &Value, title: &str) -> Result<Paper, String> {
    let external = |name: &str| text(record, &format!("/externalIds/{name}"));
    let mut others = Vec::new();
    others.extend(external("PubMed").map(|id| format!("pmid:{id}")));
    others.extend(
        external("PubMedCentral").map(|id| format!("pmc:PMC{}", id.trim_start_matches("PMC"))),
    );
    others.extend(external("ACL").map(|id| format!("acl:{id}")));
    let names = Identifiers {
        arxiv: external("ArXiv"),
        doi: external("DOI"),
        own: text(record, "/paperId").map(|id| format!("s2:{id}")),
        others,
    };
    let paper = names.paper(title)?;
    let authors = texts(record, "/authors", "/name")
        .into_iter()
        .map(|name| clean_line(&name));
    let journal = text(record, "/journal/name")
        .or(text(record, "/venue"))
        .map(|name| clean_line(&name));
    let parts = [
        journal.clone(),
        text(record, "/journal/volume"),
        text(record, "/journal/pages"),
    ];
    Ok(Paper {
        abstract_text: clean_text(&text(record, "/abstract").unwrap_or_default()),
        authors: authors.filter(|name| !name.is_empty()).collect(),
        categories: topics(&paper, &texts(record, "/fieldsOfStudy", "")),
        published: text(record, "/publicationDate")
            .or(text(record, "/year"))
            .and_then(|at| dates::instant(&at)),
        // The page of a publisher or preprint server is preferred.
        url: text(record, "/url")
            .filter(|url| url.starts_with("https://") && paper.id.as_str().starts_with("s2:")),
        journal: journal.is_some().then(|| {
            let parts: Vec<String> = parts
                .into_iter()
                .flatten()
                .map(|part| clean_line(&part))
                .collect();
            parts
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(", ")
        }),
        ..paper
    })
}

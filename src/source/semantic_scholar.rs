//! Semantic Scholar: what a query finds among the papers published on a day.
//!
//! The bulk search hands out a token for the next page. It knows publication
//! dates only, and papers come into it days later: a day is read again for two
//! weeks. A key is optional; without one all the world shares one limit, so
//! little is to be expected (research/recommenders.md section 6.10).

use super::SourceSettings;
use super::daily::{DailySource, DayPolicy, DayResult};
use super::dates;
use super::identifiers::{Identifiers, is_front_matter, topics};
use super::json::{count, text, texts};
use super::pagination::{Page, fetch_pages};
use super::provider_client::{FetchError, KeyLocation, ProviderClient, error_in};
use crate::http::{Http, Provider};
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

/// Papers that a query finds.
#[derive(Debug)]
pub struct SemanticScholar {
    client: ProviderClient,
    query: String,
}

impl SemanticScholar {
    /// What the source's query finds.
    pub fn new(source: &SourceSettings) -> Self {
        let spacing = if source.api_key.is_some() {
            SPACING
        } else {
            SPACING_WITHOUT_KEY
        };
        let client = ProviderClient::new(
            "semantic_scholar",
            HOST,
            source.endpoint.as_deref(),
            spacing,
        );
        let client = client.with_key(KeyLocation::Header, "x-api-key", source.api_key.clone());
        SemanticScholar {
            client,
            query: source.query.clone().unwrap_or_default(),
        }
    }
}

impl DailySource for SemanticScholar {
    fn policy(&self) -> DayPolicy {
        DayPolicy {
            zone: chrono_tz::UTC,
            initial_days: 3,
            reread_days: 14,
        }
    }

    fn provider(&self) -> &Provider {
        &self.client.provider
    }

    async fn day(&self, http: &Http, date: NaiveDate) -> DayResult {
        let span = format!("{date}:{date}");
        let url = |cursor: Option<&str>| {
            let mut asked = vec![
                ("query", self.query.as_str()),
                ("publicationDateOrYear", &span),
                ("fields", FIELDS),
            ];
            asked.extend(cursor.map(|cursor| ("token", cursor)));
            self.client.url("/graph/v1/paper/search/bulk", &asked)
        };
        fetch_pages(&self.client, http, date, url, read).await
    }
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
        // Of a paper that others know, their page is the better one.
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

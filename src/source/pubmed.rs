//! `PubMed`, by the day on which a record entered it (`edat`).
//!
//! Publication dates may be months off in both directions, so they are not used for the
//! announcement. One search stores the result of a day at the server and returns its
//! size; then it is fetched in batches. Errors come with status 200 in place of a result.

use super::daily::{DailySource, DayPolicy, DayResult};
use super::fetch::Arrival;
use super::json::{count, text};
use super::provider_client::{
    FetchError, KeyLocation, PageGuard, ProviderClient, error_in, error_message,
};
use super::{SourceKind, SourceSettings, Unreadable};
use crate::http::{Http, Provider};
use chrono::{NaiveDate, TimeDelta};
use serde_json::Value;

mod record;

pub use record::read;

const HOST: &str = "https://eutils.ncbi.nlm.nih.gov";
const BASE: &str = "/entrez/eutils";

/// NCBI allows 3 requests a second, and 10 to those with a key.
const SPACING: TimeDelta = TimeDelta::milliseconds(350);
const SPACING_WITH_KEY: TimeDelta = TimeDelta::milliseconds(110);

const BATCH_RECORDS: u64 = 200;

/// Records of one search that the servers hand out (E-utilities help, `retmax`).
const RECORDS_MAX: u64 = 10_000;

/// Kind `pubmed`.
pub const KIND: SourceKind = SourceKind {
    needs: &[super::semantic_scholar::QUERY],
    ..SourceKind::new("pubmed", |settings| Box::new(Pubmed::new(settings)))
};

/// Records of `PubMed` that match a query.
#[derive(Debug)]
pub struct Pubmed {
    client: ProviderClient,
    query: String,
}

/// The result of a search, which the server keeps for the fetches that follow.
#[derive(Debug, PartialEq)]
struct SearchResult {
    count: u64,
    environment: String,
    key: String,
}

impl Pubmed {
    /// Builds the source.
    pub fn new(source: &SourceSettings) -> Self {
        let spacing = if source.api_key.is_some() {
            SPACING_WITH_KEY
        } else {
            SPACING
        };
        let client = ProviderClient::new("pubmed", HOST, source.endpoint.as_deref(), spacing);
        let client = client.with_key(KeyLocation::Query, "api_key", source.api_key.clone());
        Pubmed {
            client,
            query: source.query.clone().unwrap_or_default(),
        }
    }

    fn url(&self, http: &Http, tool: &str, asked: &[(&str, &str)]) -> String {
        let mut asked = asked.to_vec();
        asked.push(("tool", "paperboy"));
        if let Some(contact) = http.contact() {
            asked.push(("email", contact));
        }
        self.client.url(&format!("{BASE}/{tool}.fcgi"), &asked)
    }

    async fn search(&self, http: &Http, date: NaiveDate) -> Result<SearchResult, FetchError> {
        let day = date.format("%Y/%m/%d").to_string();
        let asked = [
            ("db", "pubmed"),
            ("term", self.query.as_str()),
            ("datetype", "edat"),
            ("mindate", &day),
            ("maxdate", &day),
            ("usehistory", "y"),
            ("retmax", "0"),
            ("retmode", "json"),
        ];
        let url = self.url(http, "esearch", &asked);
        let answer = self.client.json(http, &url).await?;
        found(&answer).map_err(|why| FetchError::Invalid(format!("{url} answers {why}")))
    }

    async fn fetch(
        &self,
        http: &Http,
        found: &SearchResult,
        start: u64,
    ) -> Result<Vec<Result<crate::paper::Paper, Unreadable>>, FetchError> {
        let (start, size) = (start.to_string(), BATCH_RECORDS.to_string());
        let asked = [
            ("db", "pubmed"),
            ("WebEnv", found.environment.as_str()),
            ("query_key", &found.key),
            ("retstart", &start),
            ("retmax", &size),
            ("retmode", "xml"),
        ];
        let url = self.url(http, "efetch", &asked);
        let answer = self.client.get(http, &url, "application/xml").await?;
        if answer.status >= 400 {
            return Err(FetchError::Invalid(format!(
                "{url} answers with status {}{}",
                answer.status,
                error_message(&answer.body)
            )));
        }
        read(&answer.body, answer.content_type.as_deref(), &url).map_err(FetchError::Invalid)
    }
}

impl DailySource for Pubmed {
    fn policy(&self) -> DayPolicy {
        DayPolicy {
            zone: chrono_tz::America::New_York,
            initial_days: 2,
            reread_days: 3,
        }
    }

    fn provider(&self) -> &Provider {
        &self.client.provider
    }

    async fn day(&self, http: &Http, date: NaiveDate) -> DayResult {
        let found = match self.search(http, date).await {
            Ok(found) => found,
            Err(error) => return DayResult::failed(error),
        };
        let mut day = DayResult {
            declared: Some(found.count),
            ..DayResult::default()
        };
        if found.count > RECORDS_MAX {
            day.note =
                format!("only {RECORDS_MAX} of a search can be had: make the query narrower");
        }
        let mut pages = PageGuard::default();
        while day.read < found.count.min(RECORDS_MAX) {
            match self.fetch(http, &found, day.read).await {
                Ok(records) if records.is_empty() => {
                    if pages.ask_again() {
                        continue;
                    }
                    // The counts show what is missing.
                    break;
                }
                Ok(records) => {
                    day.read += records.len() as u64;
                    for record in records {
                        match record {
                            Ok(paper) => {
                                let paper = crate::paper::Paper {
                                    announced: Some(date),
                                    ..paper
                                };
                                day.arrivals.push(Arrival::Announced(paper));
                            }
                            Err(unreadable) => day.unreadable.push(unreadable),
                        }
                    }
                }
                // Some batches contain an error at the first try.
                Err(FetchError::Invalid(_)) if pages.ask_again() => {}
                Err(error) => {
                    day.error = Some(error);
                    break;
                }
            }
        }
        day
    }
}

fn found(answer: &Value) -> Result<SearchResult, String> {
    let result = answer.pointer("/esearchresult").unwrap_or(answer);
    if let Some(error) = error_in(result) {
        return Err(format!("{error:?}"));
    }
    let count = count(result, "/count").ok_or("no count")?;
    let (environment, key) = (text(result, "/webenv"), text(result, "/querykey"));
    match (environment, key) {
        (Some(environment), Some(key)) => Ok(SearchResult {
            count,
            environment,
            key,
        }),
        _ if count == 0 => Ok(SearchResult {
            count,
            environment: String::new(),
            key: String::new(),
        }),
        _ => Err("no history".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_search_says_how_many_or_what_is_wrong() {
        let right =
            json!({"esearchresult": {"count": "2", "webenv": "W", "querykey": "1", "idlist": []}});
        assert_eq!(
            found(&right),
            Ok(SearchResult {
                count: 2,
                environment: "W".to_owned(),
                key: "1".to_owned()
            })
        );
        let none = json!({"esearchresult": {"count": "0", "idlist": []}});
        assert_eq!(found(&none).unwrap().count, 0);
        for wrong in [
            json!({"esearchresult": {"ERROR": "Search Backend failed"}}),
            json!({"error": "API rate limit exceeded", "count": "11"}),
            json!({"esearchresult": {"count": "3"}}),
            json!({}),
        ] {
            assert!(found(&wrong).is_err(), "{wrong}");
        }
    }
}

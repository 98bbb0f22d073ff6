//! Hugging Face's daily papers, which its readers submit and vote for.
//!
//! A paper is announced on the day that features it. Its id is arXiv's. The list of a
//! day grows during the day, and votes come for days after, so days are fetched again.
//! Only id and title are certain to be in a record.

use super::daily::{DailySource, DayPolicy, DayResult};
use super::dates::instant;
use super::fetch::Arrival;
use super::identifiers::{Identifiers, excerpt};
use super::json::{count, list, text};
use super::provider_client::{FetchError, PageGuard, ProviderClient, error_in};
use super::{SourceKind, SourceSettings, Unreadable};
use crate::http::{Http, Provider};
use crate::paper::{Paper, PaperId};
use crate::text::{clean_line, clean_text};
use chrono::{NaiveDate, TimeDelta};
use serde_json::Value;
use std::collections::HashSet;

const HOST: &str = "https://huggingface.co";

/// Anonymous clients may ask 500 times in 5 minutes, everything together.
const SPACING: TimeDelta = TimeDelta::milliseconds(700);

const PAGE_PAPERS: usize = 100;

/// Kind `huggingface`.
pub const KIND: SourceKind = SourceKind::new("huggingface", |settings| {
    Box::new(HuggingFace::new(settings))
});

/// The daily papers.
#[derive(Debug)]
pub struct HuggingFace {
    client: ProviderClient,
}

impl HuggingFace {
    /// Builds the source.
    pub fn new(source: &SourceSettings) -> Self {
        HuggingFace {
            client: ProviderClient::new("huggingface", HOST, source.endpoint.as_deref(), SPACING),
        }
    }
}

impl DailySource for HuggingFace {
    fn policy(&self) -> DayPolicy {
        // Most votes come within two weeks.
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
        let mut day = DayResult::default();
        let mut seen: HashSet<PaperId> = HashSet::new();
        let mut pages = PageGuard::default();
        for page in 0.. {
            let (date_text, page_text, size) =
                (date.to_string(), page.to_string(), PAGE_PAPERS.to_string());
            let asked = [
                ("date", date_text.as_str()),
                ("p", &page_text),
                ("limit", &size),
            ];
            let url = self.client.url("/api/daily_papers", &asked);
            if let Err(error) = pages.go_on(&page_text) {
                day.error = Some(error);
                break;
            }
            let records = match self
                .client
                .json(http, &url)
                .await
                .and_then(|answer| read(&answer, date, &url))
            {
                Ok(records) => records,
                Err(error) => {
                    day.error = Some(error);
                    break;
                }
            };
            let came = records.len();
            let mut new = 0;
            for record in records {
                match record {
                    // A list that grows while it is read, or a server without pages, shows some
                    // twice.
                    Ok(paper) if !seen.insert(paper.id.clone()) => continue,
                    Ok(paper) => day.arrivals.push(Arrival::Announced(paper)),
                    Err(unreadable) => day.unreadable.push(unreadable),
                }
                new += 1;
            }
            day.read += new as u64;
            if came < PAGE_PAPERS || new == 0 {
                break;
            }
        }
        day
    }
}

/// The papers of an answer, featured on `date`.
pub fn read(
    answer: &Value,
    date: NaiveDate,
    place: &str,
) -> Result<Vec<Result<Paper, Unreadable>>, FetchError> {
    let Some(records) = answer.as_array() else {
        let said =
            error_in(answer).map_or_else(|| "no list".to_owned(), |error| format!("{error:?}"));
        return Err(FetchError::Invalid(format!("{place} answers {said}")));
    };
    Ok(records
        .iter()
        .enumerate()
        .map(|(at, record)| read_one(record, Some(date), at, place))
        .collect())
}

/// The papers of saved answers, each featured on the day that it names itself.
pub(super) fn read_dated(records: &[Value], place: &str) -> Vec<Result<Paper, Unreadable>> {
    let read = |(at, record): (usize, &Value)| {
        let named = text(record, "/paper/submittedOnDailyAt").or(text(record, "/publishedAt"));
        let date = named.and_then(|at| instant(&at)).map(|at| at.date_naive());
        read_one(record, date, at, place)
    };
    records.iter().enumerate().map(read).collect()
}

fn read_one(
    record: &Value,
    date: Option<NaiveDate>,
    at: usize,
    place: &str,
) -> Result<Paper, Unreadable> {
    paper(record, date).map_err(|reason| Unreadable {
        place: format!("{place} record {}", at + 1),
        reason,
        record: excerpt(&record.to_string()),
    })
}

fn paper(record: &Value, date: Option<NaiveDate>) -> Result<Paper, String> {
    let id = text(record, "/paper/id")
        .or(text(record, "/id"))
        .ok_or("no id in it")?;
    let title = text(record, "/paper/title")
        .or(text(record, "/title"))
        .ok_or("no title in it")?;
    let first = |names: &[&str]| names.iter().find_map(|name| text(record, name));
    let names = Identifiers {
        arxiv: Some(id.clone()),
        own: Some(format!("hf:{id}")),
        ..Identifiers::default()
    };
    let mut paper = names.paper(&title)?;
    // The page there is called as arXiv calls the paper.
    paper.same_as.clear();
    let authors = list(record, "/paper/authors")
        .iter()
        .filter_map(|author| text(author, "/name"));
    Ok(Paper {
        abstract_text: clean_text(&first(&["/paper/summary", "/summary"]).unwrap_or_default()),
        authors: authors
            .map(|name| clean_line(&name))
            .filter(|name| !name.is_empty())
            .collect(),
        announced: date,
        published: first(&["/paper/publishedAt"]).and_then(|at| instant(&at)),
        upvotes: count(record, "/paper/upvotes")
            .or(count(record, "/upvotes"))
            .map(|votes| votes as u32),
        code: first(&["/paper/githubRepo"])
            .filter(|url| url.starts_with("https://") || url.starts_with("http://")),
        ..paper
    })
}

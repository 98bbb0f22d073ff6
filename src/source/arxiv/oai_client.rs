//! Fetches the changes in a category from oaipmh.arxiv.org, page after page.
//!
//! A token is valid until midnight UTC, and the server stalls for minutes at times: a
//! list whose token has expired continues from the last day that came, since records
//! are sorted by the day of their change. The daily set of a category is one page; each has up to
//! 2,500 records.

use super::oai::{self, OaiProblem, older_set_of, set_of};
use super::{Arxiv, Harvest, OaiRecord};
use crate::http::{Http, HttpError};
use crate::paper::{PaperId, is_in_category};
use chrono::{NaiveDate, TimeDelta};
use std::collections::{BTreeMap, BTreeSet};

/// Number of requests for a page that came without its end, or is something else.
const PAGE_TRIES: u32 = 3;

/// Number of restarts of a list whose token is refused.
const RESTARTS_MAX: u32 = 3;

/// Pages in a row without new records that say that there is more.
const EMPTY_PAGES_MAX: u32 = 3;

/// arXiv refuses days before this one.
const EARLIEST: NaiveDate = NaiveDate::from_ymd_opt(2005, 9, 16).expect("it is a day");

/// Pauses up to this length are waited out.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// Number of pauses that are waited out in one list.
const PAUSES_MAX: u32 = 5;

impl Arxiv {
    /// The records of `category` that were changed on or after `since` (UTC).
    ///
    /// Fails only when arXiv asks for a pause that is too long to sit out; what
    /// else goes wrong is the harvest's problem.
    pub async fn harvest(
        &self,
        http: &Http,
        category: &str,
        since: NaiveDate,
    ) -> Result<Harvest, HttpError> {
        let mut from = since.max(EARLIEST);
        let mut set = set_of(category);
        let mut url = self.list_url(&set, from);
        let mut records: BTreeMap<PaperId, OaiRecord> = BTreeMap::new();
        let mut harvest = Harvest {
            category: category.to_owned(),
            records: Vec::new(),
            unreadable: Vec::new(),
            deleted: Vec::new(),
            problem: None,
        };
        let mut tokens: BTreeSet<String> = BTreeSet::new();
        let (mut tries, mut restarts, mut empty, mut pauses) = (0, 0, 0, 0);
        harvest.problem = loop {
            let answer = match http.get(&self.provider, &url).await {
                Ok(answer) => answer,
                Err(HttpError::AskedToWait(pause)) => {
                    let wait = pause.until - http.now();
                    pauses += 1;
                    if wait > PATIENCE || pauses > PAUSES_MAX {
                        return Err(HttpError::AskedToWait(pause));
                    }
                    http.sleep(wait).await;
                    continue;
                }
                Err(error) => break Some(error.to_string()),
            };
            match oai::read(&answer.body, &url) {
                // Plain refusals have been met on these pages as well (status 406).
                Ok(_) if answer.status >= 300 => {
                    break Some(format!("{url} answers with status {}", answer.status));
                }
                Ok(page) if !page.is_whole && tries + 1 < PAGE_TRIES => tries += 1,
                Ok(page) => {
                    tries = 0;
                    let before = records.len();
                    for record in page.records {
                        match record {
                            Ok(record) => drop(records.insert(record.paper.id.clone(), record)),
                            Err(unreadable) => harvest.unreadable.push(unreadable),
                        }
                    }
                    harvest.deleted.extend(page.deleted);
                    if !page.is_whole {
                        break Some("the list breaks off".to_owned());
                    }
                    let Some(token) = page.token else { break None };
                    empty = if records.len() == before {
                        empty + 1
                    } else {
                        0
                    };
                    if empty == EMPTY_PAGES_MAX {
                        break Some(format!("{empty} pages in a row brought nothing new"));
                    }
                    if !tokens.insert(token.clone()) {
                        break Some("the list repeats itself".to_owned());
                    }
                    url = self.oai_url(&[("verb", "ListRecords"), ("resumptionToken", &token)]);
                }
                Err(OaiProblem::NoRecordsMatch) => break None,
                Err(OaiProblem::BadResumptionToken) if restarts < RESTARTS_MAX => {
                    restarts += 1;
                    from = records
                        .values()
                        .map(|record| record.datestamp)
                        .max()
                        .unwrap_or(from);
                    url = self.list_url(&set, from);
                }
                Err(OaiProblem::BadResumptionToken) => {
                    break Some("its tokens are refused".to_owned());
                }
                Err(OaiProblem::CannotDisseminateFormat) => {
                    break Some("the server has no format arXivRaw".to_owned());
                }
                // A mirror with the older sets.
                Err(OaiProblem::Refused { code, .. })
                    if code == "badArgument"
                        && records.is_empty()
                        && set != older_set_of(category) =>
                {
                    set = older_set_of(category);
                    url = self.list_url(&set, from);
                }
                Err(OaiProblem::Refused { code, said }) => {
                    break Some(format!("the server answers {code}: {said}"));
                }
                Err(OaiProblem::NoAnswer(_)) if answer.status < 300 && tries + 1 < PAGE_TRIES => {
                    tries += 1;
                }
                Err(OaiProblem::NoAnswer(what)) => {
                    break Some(format!(
                        "{url} answers with status {} and {what}",
                        answer.status
                    ));
                }
            }
        };
        let is_in = |record: &OaiRecord| {
            record
                .paper
                .categories
                .iter()
                .any(|code| is_in_category(code, category))
        };
        harvest.records = records.into_values().filter(is_in).collect();
        Ok(harvest)
    }

    fn list_url(&self, set: &str, from: NaiveDate) -> String {
        let from = from.to_string();
        self.oai_url(&[
            ("verb", "ListRecords"),
            ("metadataPrefix", "arXivRaw"),
            ("set", set),
            ("from", &from),
        ])
    }

    fn oai_url(&self, asked: &[(&str, &str)]) -> String {
        let mut url = reqwest::Url::parse(&format!("{}/oai", self.oai))
            .expect("hosts and endpoints are addresses");
        url.query_pairs_mut().extend_pairs(asked);
        url.into()
    }
}

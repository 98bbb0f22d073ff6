//! Sources that answer a query for a day in pages, each with the cursor of the next:
//! Crossref, `OpenAlex` and Semantic Scholar.

use super::Unreadable;
use super::daily::{DailySource, DayPolicy, DayResult};
use super::fetch::Arrival;
use super::identifiers::excerpt;
use super::provider_client::{FetchError, PAGE_TRIES, PageGuard, ProviderClient};
use crate::http::{Http, Provider};
use crate::paper::Paper;
use chrono::NaiveDate;
use serde_json::Value;

/// Cursor of the first page, for APIs that want one.
pub(super) const FIRST: &str = "*";

/// One page.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    /// Its papers; `None` for a record that is not a paper.
    pub entries: Vec<Option<Result<Paper, Unreadable>>>,
    /// Number of records in all pages, if the response says.
    pub total: Option<u64>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl Page {
    /// The page with `records`, each read by `read`; `place` names them in messages.
    pub(super) fn of(
        records: &[Value],
        place: &str,
        read: impl Fn(&Value) -> Option<Result<Paper, String>>,
    ) -> Self {
        let entry = |(at, record): (usize, &Value)| {
            Some(read(record)?.map_err(|reason| Unreadable {
                place: format!("{place} record {}", at + 1),
                reason,
                record: excerpt(&record.to_string()),
            }))
        };
        Page {
            entries: records.iter().enumerate().map(entry).collect(),
            total: None,
            next: None,
        }
    }
}

/// The query parameters of a page, given the day, the cursor of the page (`None` for the
/// first) and the contact address.
type Parameters =
    dyn Fn(NaiveDate, Option<&str>, Option<&str>) -> Vec<(&'static str, String)> + Send + Sync;

/// A source whose days are pages of JSON.
pub(super) struct PagedSource {
    pub(super) client: ProviderClient,
    pub(super) policy: DayPolicy,
    pub(super) path: &'static str,
    pub(super) parameters: Box<Parameters>,
    /// Reads one page; the text names it in messages.
    pub(super) read: fn(&Value, &str) -> Result<Page, FetchError>,
}

impl DailySource for PagedSource {
    fn policy(&self) -> DayPolicy {
        self.policy
    }

    fn provider(&self) -> &Provider {
        &self.client.provider
    }

    async fn day(&self, http: &Http, date: NaiveDate) -> DayResult {
        let mut pages = Pagination::default();
        loop {
            let parameters = (self.parameters)(date, pages.cursor.as_deref(), http.contact());
            let asked: Vec<(&str, &str)> = parameters
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let url = self.client.url(self.path, &asked);
            let page = match pages.go_on() {
                Ok(()) => {
                    let answer = self.client.json(http, &url).await;
                    answer.and_then(|answer| (self.read)(&answer, &url))
                }
                Err(error) => Err(error),
            };
            if pages.took(page, date) {
                return pages.day;
            }
        }
    }
}

#[derive(Debug, Default)]
struct Pagination {
    /// Cursor of the next page; `None` before the first.
    cursor: Option<String>,
    day: DayResult,
    pages: PageGuard,
    is_requested_again: bool,
}

impl Pagination {
    fn go_on(&mut self) -> Result<(), FetchError> {
        let is_again = std::mem::take(&mut self.is_requested_again);
        if is_again {
            Ok(())
        } else {
            self.pages.go_on(self.cursor.as_deref().unwrap_or(FIRST))
        }
    }

    /// Adds a page announced on `date`. Returns whether it was the last.
    fn took(&mut self, page: Result<Page, FetchError>, date: NaiveDate) -> bool {
        let Page {
            entries,
            total,
            next,
        } = match page {
            Ok(page) => page,
            Err(error) => {
                self.day.error = Some(error);
                return true;
            }
        };
        self.day.declared = total.or(self.day.declared);
        let is_missing = self
            .day
            .declared
            .is_some_and(|declared| self.day.read < declared);
        if entries.is_empty() && is_missing {
            self.is_requested_again = self.pages.ask_again();
            if !self.is_requested_again {
                self.day.note = format!(
                    "{PAGE_TRIES} times an empty page after {} records",
                    self.day.read
                );
            }
            return !self.is_requested_again;
        }
        let is_end = entries.is_empty();
        for entry in entries {
            self.day.read += 1;
            match entry {
                None => self.day.skipped += 1,
                Some(Ok(paper)) => {
                    self.day.arrivals.push(Arrival::Announced(Paper {
                        announced: Some(date),
                        ..paper
                    }));
                }
                Some(Err(unreadable)) => self.day.unreadable.push(unreadable),
            }
        }
        // Some APIs give a cursor after the last record, too.
        let is_end = is_end
            || self
                .day
                .declared
                .is_some_and(|declared| self.day.read >= declared);
        match next {
            Some(next) if !is_end => {
                self.cursor = Some(next);
                false
            }
            _ => true,
        }
    }
}

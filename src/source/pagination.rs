//! A day that comes in pages, each with a cursor that leads to the next, as
//! Crossref, `OpenAlex` and Semantic Scholar have it.

use super::Unreadable;
use super::daily::DayResult;
use super::fetch::Arrival;
use super::identifiers::excerpt;
use super::provider_client::{FetchError, PAGE_TRIES, PageGuard, ProviderClient};
use crate::http::Http;
use crate::paper::Paper;
use chrono::NaiveDate;
use serde_json::Value;

/// The cursor of the first page, where one must be named.
pub(super) const FIRST: &str = "*";

/// One page of an answer.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    /// Its works; `None` for what is none.
    pub entries: Vec<Option<Result<Paper, Unreadable>>>,
    /// How many there are in all pages, where the answer says.
    pub total: Option<u64>,
    /// Where the next page is.
    pub next: Option<String>,
}

impl Page {
    /// The page that `records` are, as `read` reads each; `place` is where they are from.
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

/// Walks through the pages of a day. `url` says where the page of a cursor is
/// (`None` for the first), `read` what an answer holds.
pub(super) async fn fetch_pages(
    client: &ProviderClient,
    http: &Http,
    date: NaiveDate,
    url: impl Fn(Option<&str>) -> String,
    read: impl Fn(&Value, &str) -> Result<Page, FetchError>,
) -> DayResult {
    let mut walk = Pagination::default();
    loop {
        let url = url(walk.cursor.as_deref());
        let page = match walk.go_on() {
            Ok(()) => client
                .json(http, &url)
                .await
                .and_then(|answer| read(&answer, &url)),
            Err(error) => Err(error),
        };
        if walk.took(page, date) {
            return walk.day;
        }
    }
}

#[derive(Debug, Default)]
struct Pagination {
    /// Of the next page; `None` before the first.
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

    /// Takes a page, announced on `date`. Whether that was the end.
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
        // A cursor is given beyond the last record, too.
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

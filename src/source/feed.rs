//! Feeds of journals and others: RSS of all versions, Atom, JSON Feed.
//!
//! Journals date their papers by issue, in the future, weeks before the paper is in the
//! feed, or not at all. [`super::fetch`] describes on which day such a paper is announced.
//! A feed does not tell what is still to come, so no issue waits for it: a day is complete
//! or quiet once it was fetched. A feed that cannot be read has one failed day, the first,
//! until it can.
//!
//! The parser accepts documents that are not well-formed (`xml.rs`): a strict one loses a
//! whole feed for one stray `&`.

use super::fetch::{Arrival, FetchResult, FetchWindow, Source, failed, paused};
use super::provider_client::error_message;
use super::{SourceKind, SourceSettings, Unreadable};
use crate::http::{BoxFuture, Http, HttpError, HttpRequest, Provider};
use crate::paper::Paper;
use chrono::{Days, NaiveDate, TimeDelta};

mod item;
mod json_feed;
mod markup;

const SPACING: TimeDelta = TimeDelta::seconds(1);

/// Items whose date cannot be read are old if it is before this many days ago at the latest.
const OLD_DAYS: u64 = 31;

const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/feed+json, application/xml, application/json;q=0.5, */*;q=0.1";

/// Kind `feed`.
pub const KIND: SourceKind = SourceKind {
    keys: &["url"],
    ..SourceKind::new("feed", |settings| Box::new(Feed::new(settings)))
};

/// A feed.
#[derive(Debug)]
pub struct Feed {
    provider: Provider,
    url: String,
}

/// The items of a feed.
#[derive(Debug, Default, PartialEq)]
pub struct Items {
    /// Papers, and items that cannot be read.
    pub entries: Vec<Result<Item, Unreadable>>,
    /// Number of items that are not papers: without a title, or parts of a journal.
    pub skipped: u64,
    /// Whether the feed has its end.
    pub is_whole: bool,
}

/// A paper in a feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The paper, without an announcement day.
    pub paper: Paper,
    /// Its own date.
    pub date: Option<NaiveDate>,
    /// The latest day that its date can mean, if that is not certain.
    pub latest: Option<NaiveDate>,
    /// Whether there is a date, readable or not.
    pub has_date_text: bool,
}

impl Feed {
    /// Builds the source.
    pub fn new(source: &SourceSettings) -> Self {
        let url = source.url.clone().unwrap_or_default();
        let parsed = reqwest::Url::parse(&url).ok();
        let host = parsed
            .as_ref()
            .and_then(reqwest::Url::host_str)
            .unwrap_or("a feed")
            .to_owned();
        let (name, url) = match &source.endpoint {
            // The same path and query at another host.
            Some(endpoint) => {
                let path = parsed.as_ref().map(reqwest::Url::path).unwrap_or_default();
                let query = parsed
                    .as_ref()
                    .and_then(reqwest::Url::query)
                    .map(|query| format!("?{query}"));
                (
                    format!("{host} at {endpoint}"),
                    format!("{endpoint}{path}{}", query.unwrap_or_default()),
                )
            }
            None => (host, url),
        };
        // Feeds of one host share its rate limit.
        Feed {
            provider: Provider {
                name,
                spacing: SPACING,
            },
            url,
        }
    }
}

impl Source for Feed {
    fn provider(&self) -> Option<&Provider> {
        Some(&self.provider)
    }

    fn fetch<'a>(&'a self, http: &'a Http, window: &'a FetchWindow) -> BoxFuture<'a, FetchResult> {
        Box::pin(self.fetch_feed(http, window))
    }
}

impl Feed {
    async fn fetch_feed(&self, http: &Http, window: &FetchWindow) -> FetchResult {
        let mut result = FetchResult {
            requested: 1,
            ..FetchResult::default()
        };
        let question = HttpRequest {
            url: self.url.clone(),
            accept: ACCEPT,
            ..HttpRequest::default()
        };
        let why = match http.send(&self.provider, &question).await {
            Ok(answer) if answer.status < 300 => {
                match read(&answer.body, answer.content_type.as_deref(), &self.url) {
                    Ok(items) => {
                        if !items.is_whole {
                            http.evict(&self.url);
                            let why = "the feed breaks off: the rest comes another time".to_owned();
                            result.failures.push((String::new(), why.clone()));
                            result.truncated.push((String::new(), why));
                        }
                        result.take(items, window);
                        return result;
                    }
                    Err(why) => why,
                }
            }
            Ok(answer) => format!(
                "{} answers with status {}{}",
                self.url,
                answer.status,
                error_message(&answer.body)
            ),
            Err(HttpError::AskedToWait(pause)) => {
                result.coverage.extend(paused("", &pause, window));
                result.pause = Some(pause);
                return result;
            }
            Err(error) => error.to_string(),
        };
        result.coverage.extend(failed("", &why, window));
        result.failures.push((String::new(), why));
        result
    }
}

impl Item {
    /// The day that stands for its own date: an item whose date cannot be read is not new
    /// if the date names an old day, or if the feed is fetched for the first time.
    fn own_day(&self, window: &FetchWindow) -> Option<NaiveDate> {
        let old = window.now.date_naive() - Days::new(OLD_DAYS);
        let is_first_fetch = window.last_settled("").is_none();
        self.date
            .or(self.latest.filter(|latest| *latest < old))
            .or((self.has_date_text && is_first_fetch).then_some(old))
    }
}

impl FetchResult {
    fn take(&mut self, items: Items, window: &FetchWindow) {
        self.skipped += items.skipped;
        for entry in items.entries {
            match entry {
                Ok(item) => {
                    let day = item.own_day(window);
                    self.arrivals
                        .push(Arrival::Seen(item.paper, day, String::new()));
                }
                Err(unreadable) => self.unreadable.push(unreadable),
            }
        }
        self.seen.push(String::new());
    }
}

/// Reads a feed that came from `place`, which is part of the ids of papers that have none
/// of their own. The error says what the bytes are instead.
pub fn read(bytes: &[u8], content_type: Option<&str>, place: &str) -> Result<Items, String> {
    let text = super::charset::decode(bytes, content_type);
    let start =
        text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    if start.is_empty() {
        return Err(format!("{place} answers with nothing"));
    }
    if start.starts_with(['{', '[']) {
        json_feed::read(start, place)
    } else {
        markup::read(start, place)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fetch::settle;
    use super::*;
    use crate::coverage::{Coverage, CoverageState};
    use std::collections::BTreeMap;

    /// The announcement day of an item with this date that is first seen on 2026-11-30, in a
    /// feed that was fetched the day before or never.
    fn announced(date: &str, is_known_feed: bool) -> String {
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        let mut window = FetchWindow::at(now);
        if is_known_feed {
            window.known.push(Coverage {
                source: "s".to_owned(),
                category: String::new(),
                date: "2026-11-29".parse().unwrap(),
                state: CoverageState::Quiet,
                declared: None,
                papers: 0,
                announced_at: None,
                checked_at: now,
                completed_at: None,
                note: String::new(),
            });
        }
        let item = format!("<item><title>Ladders</title><pubDate>{date}</pubDate></item>");
        let feed = format!("<rss><channel>{item}</channel></rss>");
        let mut result = FetchResult::default();
        result.take(read(feed.as_bytes(), None, "x").unwrap(), &window);
        let batch = settle(result, &BTreeMap::new(), &window, now);
        batch.papers[0].announced.unwrap().to_string()
    }

    #[test]
    fn an_unreadable_date_never_makes_an_old_item_new() {
        for is_known_feed in [false, true] {
            for old in [
                "03/04/2019",
                "Spring 2019",
                "mid 2019",
                "2019-02-31",
                "12 Nov 2019",
            ] {
                let day = announced(old, is_known_feed);
                assert!(day.starts_with("2019-"), "{old} {is_known_feed}: {day}");
            }
            assert_eq!(
                announced("Mon, 30 Nov 2026 06:00:00 GMT", is_known_feed),
                "2026-11-30"
            );
        }
        assert_eq!(announced("last week", false), "2026-10-30");
        assert_eq!(announced("last week", true), "2026-11-30");
        // Journals list papers weeks after their date.
        assert_eq!(announced("10/22/2026", true), "2026-11-29");
    }
}

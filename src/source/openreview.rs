//! `OpenReview`, API v2: the papers of venues.
//!
//! Built from the documented shape of `/notes`, without recorded answers, and
//! lenient for that reason: content fields may be wrapped in `{"value": …}`, as in
//! version 2, or plain, as in version 1.
//!
//! A venue makes its papers public at any time, with dates of weeks before, so they are
//! announced when they are first seen ([`super::fetch`]). Notes are read from the last
//! changed one back to those of the previous fetch.

use super::fetch::{Arrival, FetchResult, FetchWindow, Source, failed, paused};
use super::identifiers::{Identifiers, excerpt};
use super::json::{count, list, text};
use super::provider_client::{FetchError, PageGuard, ProviderClient, error_in, pause_refused};
use super::{Need, SourceKind, SourceSettings, Unreadable};
use crate::http::{BoxFuture, Http, Provider};
use crate::paper::Paper;
use crate::text::{clean_line, clean_text};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

const HOST: &str = "https://api2.openreview.net";

const SPACING: TimeDelta = TimeDelta::seconds(1);

const PAGE_NOTES: u64 = 1_000;

/// Interval between fetches of a venue.
const RESTS: TimeDelta = TimeDelta::hours(2);

/// Overlap with the previous fetch: clocks differ, and pages shift.
const OVERLAP: TimeDelta = TimeDelta::hours(2);

/// Kind `openreview`.
pub const KIND: SourceKind = SourceKind {
    keys: &["venues"],
    needs: &[Need {
        any_of: &["venues"],
        remedy: "must name at least one venue, like [\"ICLR.cc/2027/Conference\"]",
    }],
    ..SourceKind::new("openreview", |settings| Box::new(OpenReview::new(settings)))
};

/// Papers of some venues.
#[derive(Debug)]
pub struct OpenReview {
    client: ProviderClient,
    venues: Vec<String>,
}

/// One page.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    /// Papers, and records that cannot be read.
    pub entries: Vec<Result<Note, Unreadable>>,
    /// Number of records in all pages, if the response says.
    pub total: Option<u64>,
}

/// A paper at a venue.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// The paper, without an announcement day.
    pub paper: Paper,
    /// Its own date of publication.
    pub date: Option<DateTime<Utc>>,
    /// Time of the last change.
    pub changed: Option<DateTime<Utc>>,
}

impl OpenReview {
    /// Builds the source.
    pub fn new(source: &SourceSettings) -> Self {
        let client = ProviderClient::new("openreview", HOST, source.endpoint.as_deref(), SPACING);
        OpenReview {
            client,
            venues: source.venues.clone(),
        }
    }

    fn url(&self, venue: &str, offset: u64) -> String {
        // An invitation finds all public submissions, a venue the accepted ones.
        let by = if venue.contains("/-/") {
            "invitation"
        } else {
            "content.venueid"
        };
        let (size, offset) = (PAGE_NOTES.to_string(), offset.to_string());
        let asked = [
            (by, venue),
            ("sort", "tmdate:desc"),
            ("limit", size.as_str()),
            ("offset", &offset),
        ];
        self.client.url("/notes", &asked)
    }

    /// Reads a venue into `result`, back to notes changed before `back_to`.
    async fn venue(
        &self,
        http: &Http,
        venue: &str,
        back_to: Option<DateTime<Utc>>,
        result: &mut FetchResult,
    ) -> Result<(), FetchError> {
        let mut pages = PageGuard::default();
        let mut offset = 0;
        let mut total = None;
        let mut is_requested_again = false;
        loop {
            let url = self.url(venue, offset);
            if !std::mem::take(&mut is_requested_again) {
                pages.go_on(&offset.to_string())?;
            }
            let page = read(&self.client.json(http, &url).await?, &url)?;
            total = page.total.or(total);
            let came = page.entries.len() as u64;
            if came == 0 {
                match total {
                    Some(total) if offset < total && pages.ask_again() => {
                        is_requested_again = true;
                        continue;
                    }
                    Some(total) if offset < total => {
                        return Err(FetchError::Invalid(format!(
                            "{url} is empty, of {total} notes"
                        )));
                    }
                    _ => return Ok(()),
                }
            }
            let oldest = page
                .entries
                .iter()
                .flatten()
                .filter_map(|note| note.changed)
                .min();
            for entry in page.entries {
                match entry {
                    Ok(note) => {
                        let day = note.date.map(|at| at.date_naive());
                        result
                            .arrivals
                            .push(Arrival::Seen(note.paper, day, venue.to_owned()));
                    }
                    Err(unreadable) => result.unreadable.push(unreadable),
                }
            }
            offset += came;
            let is_back = back_to
                .zip(oldest)
                .is_some_and(|(back_to, oldest)| oldest < back_to);
            if is_back || total.map_or(came < PAGE_NOTES, |total| offset >= total) {
                return Ok(());
            }
        }
    }
}

impl Source for OpenReview {
    fn provider(&self) -> Option<&Provider> {
        Some(&self.client.provider)
    }

    fn fetch<'a>(&'a self, http: &'a Http, window: &'a FetchWindow) -> BoxFuture<'a, FetchResult> {
        Box::pin(self.fetch_venues(http, window))
    }
}

impl OpenReview {
    async fn fetch_venues(&self, http: &Http, window: &FetchWindow) -> FetchResult {
        let mut result = FetchResult::default();
        for venue in &self.venues {
            let last = window.last_settled(venue).map(|row| row.checked_at);
            let rested = last.is_none_or(|last| window.now - last >= RESTS || last > window.now);
            if !rested && !window.everything {
                continue;
            }
            result.requested += 1;
            let back_to = last
                .filter(|_| window.since.is_none())
                .map(|last| last - OVERLAP);
            match self.venue(http, venue, back_to, &mut result).await {
                Ok(()) => result.seen.push(venue.clone()),
                Err(FetchError::Paused(pause)) => {
                    result.coverage.extend(paused(venue, &pause, window));
                    result.pause = Some(pause);
                    break;
                }
                Err(FetchError::Refused(why)) => {
                    result.coverage.extend(failed(venue, &why, window));
                    result.pause = Some(pause_refused(&self.client.provider, &why, http));
                    result.is_refused = true;
                    result.failures.push((venue.clone(), why));
                    break;
                }
                Err(FetchError::Unreachable(why) | FetchError::Invalid(why)) => {
                    result.coverage.extend(failed(venue, &why, window));
                    result.failures.push((venue.clone(), why));
                }
            }
        }
        result
    }
}

/// Reads one page.
pub fn read(answer: &Value, place: &str) -> Result<Page, FetchError> {
    let Some(notes) = answer.pointer("/notes").and_then(Value::as_array) else {
        let said = error_in(answer).unwrap_or_else(|| "no notes".to_owned());
        return Err(FetchError::Invalid(format!("{place} answers {said:?}")));
    };
    let read = |(at, record): (usize, &Value)| {
        note(record).map_err(|reason| Unreadable {
            place: format!("{place} record {}", at + 1),
            reason,
            record: excerpt(&record.to_string()),
        })
    };
    Ok(Page {
        entries: notes.iter().enumerate().map(read).collect(),
        total: count(answer, "/count"),
    })
}

fn note(record: &Value) -> Result<Note, String> {
    let content = |name: &str| {
        text(record, &format!("/content/{name}/value"))
            .or_else(|| text(record, &format!("/content/{name}")))
    };
    let strings = |name: &str| {
        let wrapped = list(record, &format!("/content/{name}/value"));
        let items = if wrapped.is_empty() {
            list(record, &format!("/content/{name}"))
        } else {
            wrapped
        };
        items
            .iter()
            .filter_map(|item| text(item, "").or(text(item, "/fullname")))
            .collect::<Vec<String>>()
    };
    let title = content("title").ok_or("no title in it")?;
    let id = text(record, "/forum")
        .or(text(record, "/id"))
        .ok_or("no id in it")?;
    let mut names = Identifiers {
        own: Some(format!("openreview:{id}")),
        ..Identifiers::default()
    };
    names.doi = content("doi");
    names.arxiv = ["arxiv", "arxiv_id", "html", "pdf"]
        .iter()
        .find_map(|name| super::identifiers::arxiv_in(&content(name)?));
    let paper = names.paper(&title)?;
    let instant = |name: &str| {
        let at = count(record, name)
            .and_then(|at| DateTime::from_timestamp_millis(i64::try_from(at).ok()?));
        at.map(|at| DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at))
    };
    let (created, changed) = (
        instant("/cdate").or(instant("/tcdate")),
        instant("/tmdate").or(instant("/mdate")),
    );
    let venue = content("venue").map(|venue| clean_line(&venue));
    let venue_id = content("venueid").unwrap_or_default();
    let is_withdrawn = ["/Withdrawn", "/Desk_Rejected", "/Retracted"]
        .iter()
        .any(|word| venue_id.contains(word));
    let authors = strings("authors")
        .into_iter()
        .map(|name| clean_line(&name))
        .filter(|name| !name.is_empty());
    // "ICLR 2031 Conference Submission" is no journal yet.
    let journal = venue.filter(|venue| !venue.to_lowercase().contains("submi"));
    let code =
        content("code").filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    Ok(Note {
        date: instant("/pdate").or(instant("/odate")).or(created),
        changed,
        paper: Paper {
            abstract_text: clean_text(&content("abstract").unwrap_or_default()),
            authors: authors.collect(),
            published: instant("/pdate").or(instant("/odate")).or(created),
            url: Some(format!("https://openreview.net/forum?id={id}")),
            journal,
            code: code.filter(|url| !url.contains(|c: char| c.is_whitespace() || c.is_control())),
            withdrawn: is_withdrawn,
            ..paper
        },
    })
}

//! Sources that can be asked for a day. Deciding which days is pure.
//!
//! A day is announced once it is over in the time zone of the source: until then its
//! row waits, so that it is not reported as complete and no issue waits for it. After
//! that it is fetched again for some days, less and less often: records come late, and
//! votes change. When the source does not answer, the oldest open day fails and the
//! days after it have no row: all of them are fetched when the source is back.

use super::Unreadable;
use super::fetch::{Arrival, FetchResult, FetchWindow, Source};
use super::provider_client::{FetchError, pause_refused};
use crate::coverage::{CoverageState, CoverageUpdate};
use crate::http::{BoxFuture, Http, Provider};
use chrono::{DateTime, Days as DayCount, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use std::collections::VecDeque;
use std::future::Future;

/// Days per fetch; the next fetch continues.
const DAYS_MAX: usize = 62;

/// How far back gaps are filled without `--since`.
const GAP_DAYS: u64 = 31;

/// Failed days in a row after which one more is tried before the fetch ends.
const FAILED_DAYS_MAX: u32 = 2;

/// Share of the declared records that may be missing: records are withdrawn and merged
/// while they are counted.
const MISSING_PERCENT: u64 = 2;

/// When the days of a source begin and end, and which are fetched.
#[derive(Debug, Clone, Copy)]
pub struct DayPolicy {
    /// Time zone of its days.
    pub zone: Tz,
    /// Days before today that the first fetch takes.
    pub initial_days: u64,
    /// Number of days for which a day is fetched again.
    pub reread_days: u64,
}

/// Result of fetching one day.
#[derive(Debug, Default)]
pub struct DayResult {
    /// Its papers.
    pub arrivals: Vec<Arrival>,
    /// Records that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Number of records that the source declares.
    pub declared: Option<u64>,
    /// Number of records that came.
    pub read: u64,
    /// Records of these that are not papers or not wanted.
    pub skipped: u64,
    /// Note for a person.
    pub note: String,
    /// Reason why the rest is missing.
    pub error: Option<FetchError>,
}

impl DayResult {
    /// A day of which nothing came.
    pub(super) fn failed(error: FetchError) -> Self {
        DayResult {
            error: Some(error),
            ..DayResult::default()
        }
    }
}

/// A source that can be asked for a day.
pub trait DailySource: Send + Sync {
    /// Its days.
    fn policy(&self) -> DayPolicy;

    /// Provider whose rate limit the requests count against.
    fn provider(&self) -> &Provider;

    /// Fetches one day.
    fn day(&self, http: &Http, date: NaiveDate) -> impl Future<Output = DayResult> + Send;
}

impl<T: DailySource> Source for T {
    fn provider(&self) -> Option<&Provider> {
        Some(DailySource::provider(self))
    }

    fn fetch<'a>(&'a self, http: &'a Http, window: &'a FetchWindow) -> BoxFuture<'a, FetchResult> {
        Box::pin(fetch_days(self, http, window))
    }
}

/// Fetches the due days until the provider asks for a pause or does not answer.
async fn fetch_days<T: DailySource>(source: &T, http: &Http, window: &FetchWindow) -> FetchResult {
    let policy = source.policy();
    let mut result = FetchResult::default();
    let mut failed_days = 0;
    let mut days: VecDeque<NaiveDate> = due(window, &policy).into();
    let mut is_last_try = false;
    while let Some(date) = days.pop_front() {
        let day = source.day(http, date).await;
        result.requested += 1;
        let failed = match &day.error {
            Some(
                FetchError::Unreachable(why) | FetchError::Invalid(why) | FetchError::Refused(why),
            ) => Some(why.clone()),
            Some(FetchError::Paused(_)) | None => None,
        };
        if is_last_try && failed.is_some() {
            break;
        }
        is_last_try = false;
        result
            .coverage
            .push(day_coverage(date, &day, &policy, http.now()));
        result.skipped += day.skipped;
        result.arrivals.extend(day.arrivals);
        result.unreadable.extend(day.unreadable);
        failed_days = if failed.is_some() { failed_days + 1 } else { 0 };
        result
            .failures
            .extend(failed.map(|why| (date.to_string(), why)));
        match day.error {
            Some(FetchError::Paused(pause)) => {
                result.pause = Some(pause);
                break;
            }
            Some(FetchError::Refused(why)) => {
                result.pause = Some(pause_refused(source.provider(), &why, http));
                result.is_refused = true;
                break;
            }
            _ => {}
        }
        if failed_days >= FAILED_DAYS_MAX {
            // Only these days may fail: the newest one shows.
            let Some(newest) = (0..days.len()).max_by_key(|at| days[*at]) else {
                break;
            };
            days.swap(0, newest);
            is_last_try = true;
        }
    }
    result
}

/// The days to fetch: open ones, oldest first, then those that are fetched again.
fn due(window: &FetchWindow, policy: &DayPolicy) -> Vec<NaiveDate> {
    let today = window.now.with_timezone(&policy.zone).date_naive();
    let gaps_from = today - DayCount::new(GAP_DAYS);
    let read = window
        .known
        .iter()
        .filter(|row| row.category.is_empty() && row.date >= gaps_from);
    let first = read
        .map(|row| row.date)
        .min()
        .unwrap_or_else(|| today - DayCount::new(policy.initial_days));
    let first = window.since.unwrap_or(first);
    let (mut open, mut again) = (Vec::new(), Vec::new());
    for date in first.iter_days().take_while(|date| *date <= today) {
        let age = (today - date).num_days() as u64;
        match window.day("", date) {
            Some(row) if row.state.is_settled() => {
                let rests = if age <= 2 {
                    TimeDelta::hours(2)
                } else {
                    TimeDelta::hours(12)
                };
                let rested = window.now - row.checked_at >= rests || row.checked_at > window.now;
                if age <= policy.reread_days && (window.everything || rested) {
                    again.push(date);
                }
            }
            _ => open.push(date),
        }
    }
    // Newer days change more.
    again.reverse();
    open.extend(again);
    open.truncate(DAYS_MAX);
    open
}

/// The instant at which `date` ends in `zone`.
fn end_of(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = (date + DayCount::new(1)).and_time(NaiveTime::MIN);
    // If clocks change at midnight, the earlier instant is good enough.
    zone.from_local_datetime(&midnight)
        .earliest()
        .map_or_else(|| midnight.and_utc(), |at| at.to_utc())
}

/// Coverage of a day after it was fetched.
fn day_coverage(
    date: NaiveDate,
    day: &DayResult,
    policy: &DayPolicy,
    now: DateTime<Utc>,
) -> CoverageUpdate {
    let ends = end_of(date, policy.zone);
    let papers = day
        .arrivals
        .iter()
        .filter(|arrival| matches!(arrival, Arrival::Announced(_)))
        .count();
    let missing = day
        .declared
        .map_or(0, |declared| declared.saturating_sub(day.read));
    let counts = day
        .declared
        .filter(|_| missing > 0)
        .map(|declared| format!("{} of {declared} records came", day.read));
    let is_short = day
        .declared
        .is_some_and(|declared| missing * 100 > declared * MISSING_PERCENT);
    let is_over = now >= ends;
    let (state, what) = match &day.error {
        Some(FetchError::Paused(pause)) => (
            CoverageState::Waiting,
            Some(format!(
                "asked to wait until {}",
                pause.until.format("%Y-%m-%d %H:%M UTC")
            )),
        ),
        Some(
            FetchError::Unreachable(why) | FetchError::Invalid(why) | FetchError::Refused(why),
        ) => (CoverageState::Failed, Some(why.clone())),
        None if !is_over => (
            CoverageState::Waiting,
            Some("the day is not over".to_owned()),
        ),
        None if is_short => (CoverageState::Stalled, None),
        None if papers > 0 => (CoverageState::Complete, None),
        None => (CoverageState::Quiet, None),
    };
    let words: Vec<&str> = [what.as_deref(), counts.as_deref(), Some(day.note.as_str())]
        .into_iter()
        .flatten()
        .filter(|words| !words.is_empty())
        .collect();
    CoverageUpdate {
        category: String::new(),
        date,
        state,
        declared: day
            .declared
            .map(|declared| declared.try_into().unwrap_or(u32::MAX)),
        papers: papers as u32,
        announced_at: Some(ends),
        note: words.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::Coverage;
    use crate::paper::Paper;

    const POLICY: DayPolicy = DayPolicy {
        zone: Tz::America__New_York,
        initial_days: 2,
        reread_days: 3,
    };

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn row(text: &str) -> Coverage {
        let words: Vec<&str> = text.split(' ').collect();
        let state = CoverageState::WORDS
            .iter()
            .find(|(word, _)| *word == words[1])
            .unwrap()
            .1;
        Coverage {
            source: "s".to_owned(),
            category: String::new(),
            date: format!("2026-08-{}", words[0]).parse().unwrap(),
            state,
            declared: None,
            papers: 1,
            announced_at: None,
            checked_at: at(words[2]),
            completed_at: None,
            note: String::new(),
        }
    }

    /// On the 10th at noon, New York.
    #[track_caller]
    fn check(rows: &[&str], since: Option<&str>, everything: bool, expected: &str) {
        let known = rows.iter().map(|text| row(text)).collect();
        let since = since.map(|day| day.parse().unwrap());
        let window = FetchWindow {
            known,
            since,
            everything,
            ..FetchWindow::at(at("2026-08-10T16:00:00Z"))
        };
        let days: Vec<String> = due(&window, &POLICY)
            .iter()
            .map(|date| date.format("%d").to_string())
            .collect();
        assert_eq!(days.join(" "), expected, "{rows:?}");
    }

    #[test]
    fn open_days_come_first_and_read_ones_again_after_a_while() {
        check(&[], None, false, "08 09 10");
        check(
            &[
                "09 complete 2026-08-10T15:00:00Z",
                "10 waiting 2026-08-10T15:00:00Z",
            ],
            None,
            false,
            "10",
        );
        check(
            &[
                "09 complete 2026-08-10T13:00:00Z",
                "10 waiting 2026-08-10T15:00:00Z",
            ],
            None,
            false,
            "10 09",
        );
        check(&["09 complete 2026-08-10T15:00:00Z"], None, true, "10 09");
        // A week off: the days in between, and the ones before that are recent enough.
        check(
            &[
                "02 complete 2026-08-03T15:00:00Z",
                "03 failed 2026-08-03T15:00:00Z",
            ],
            None,
            false,
            "03 04 05 06 07 08 09 10",
        );
        check(
            &["09 quiet 2026-08-10T15:30:00Z"],
            Some("2026-08-07"),
            false,
            "07 08 10",
        );
        check(
            &["10 waiting 2026-08-10T15:30:00Z"],
            Some("2026-08-12"),
            false,
            "",
        );
    }

    #[track_caller]
    fn check_verdict(day: &DayResult, now: &str, state: CoverageState, note: &str) {
        let news = day_coverage("2026-08-09".parse().unwrap(), day, &POLICY, at(now));
        assert_eq!((news.state, news.note.as_str()), (state, note));
        assert_eq!(news.announced_at, Some(at("2026-08-10T04:00:00Z")));
    }

    #[test]
    fn a_day_is_complete_once_it_is_over_and_nothing_is_missing() {
        let day = |papers: usize, declared: Option<u64>| DayResult {
            arrivals: (0..papers)
                .map(|at| {
                    Arrival::Announced(Paper::new(
                        format!("x:{at}").parse().unwrap(),
                        "x".to_owned(),
                    ))
                })
                .collect(),
            declared,
            read: papers as u64,
            ..DayResult::default()
        };
        check_verdict(
            &day(3, Some(3)),
            "2026-08-10T03:59:59Z",
            CoverageState::Waiting,
            "the day is not over",
        );
        check_verdict(
            &day(3, Some(3)),
            "2026-08-10T04:00:00Z",
            CoverageState::Complete,
            "",
        );
        check_verdict(
            &day(0, Some(0)),
            "2026-08-10T04:00:00Z",
            CoverageState::Quiet,
            "",
        );
        check_verdict(
            &day(99, Some(100)),
            "2026-08-10T04:00:00Z",
            CoverageState::Complete,
            "99 of 100 records came",
        );
        check_verdict(
            &day(50, Some(100)),
            "2026-08-10T04:00:00Z",
            CoverageState::Stalled,
            "50 of 100 records came",
        );
        check_verdict(
            &day(0, Some(1)),
            "2026-08-10T04:00:00Z",
            CoverageState::Stalled,
            "0 of 1 records came",
        );
        let away = DayResult {
            error: Some(FetchError::Unreachable("no answer".to_owned())),
            ..DayResult::default()
        };
        check_verdict(
            &away,
            "2026-08-10T04:00:00Z",
            CoverageState::Failed,
            "no answer",
        );
    }
}

//! arXiv as a source: its feeds; then its catch-up pages and lists of changes, for the
//! days that the feeds do not settle.

use super::feed_coverage::{FeedResult, is_due};
use super::{
    ApiError, Arxiv, FeedResults, IDS_MAX, batch, eastern_date, harvested_ids, ids, is_category,
    is_harvest_due, is_working_day, judge_caught, judge_harvests, offered_days, wanted_days,
};
use crate::http::{BoxFuture, Http, HttpError, Pause, Provider};
use crate::paper::PaperId;
use crate::source::fetch::{Decision, FetchResult, FetchWindow, Probe, Source};
use crate::source::{Batch, Need, SourceKind, brief};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use std::collections::BTreeMap;

/// Kind `arxiv`.
pub const KIND: SourceKind = SourceKind {
    keys: &["verify", "catchup"],
    needs: &[Need {
        any_of: &["categories"],
        remedy: "must name at least one category, like [\"cs.LG\", \"hep-th\"]",
    }],
    category,
    ..SourceKind::new("arxiv", |settings| {
        Box::new(ArxivSource {
            arxiv: Arxiv::new(settings.endpoint.as_deref()),
            categories: settings.categories.clone(),
            verify: settings.verify,
            catchup: settings.catchup,
        })
    })
};

fn category(text: &str) -> Result<String, &'static str> {
    if is_category(text) {
        Ok(text.to_owned())
    } else {
        Err("must be categories of arXiv, like cs.LG or hep-th")
    }
}

/// Pauses up to this length are waited out; after a longer one the next poll continues.
const PAUSE_MAX: TimeDelta = TimeDelta::seconds(60);

/// Number of pauses that are waited out in one poll.
const PAUSES_MAX: u32 = 3;

/// Number of lists in a row that fail, after which no more are requested.
const FAILED_LISTS_MAX: u32 = 2;

/// Steps of a poll.
const FEEDS: usize = 0;
const CATCH_UP: usize = 1;
const LISTS: usize = 2;

struct ArxivSource {
    arxiv: Arxiv,
    categories: Vec<String>,
    verify: bool,
    catchup: bool,
}

impl Source for ArxivSource {
    fn provider(&self) -> Option<&Provider> {
        Some(self.arxiv.provider())
    }

    fn steps(&self) -> usize {
        LISTS + 1
    }

    fn fetch<'a>(&'a self, http: &'a Http, window: &'a FetchWindow) -> BoxFuture<'a, FetchResult> {
        Box::pin(async move {
            match window.step {
                FEEDS => self.feeds(http, window).await,
                CATCH_UP if self.catchup => self.catch_up(http, window).await,
                LISTS if self.verify => self.lists(http, window).await,
                _ => FetchResult::default(),
            }
        })
    }

    fn probe<'a>(&'a self, http: &'a Http) -> BoxFuture<'a, Probe> {
        Box::pin(async move {
            let first = &self.categories[..self.categories.len().min(1)];
            let FeedResults { results, pause } = self.arxiv.fetch_feeds(http, first).await;
            match (results.into_iter().next(), pause) {
                (_, Some(pause)) => Probe::paused(&pause),
                (Some((category, FeedResult::Seen(feed))), None) => {
                    Probe::answers(feed.entries.len(), |papers| {
                        format!("{category} lists {papers}")
                    })
                }
                (Some((_, FeedResult::Failed(why) | FeedResult::NotAsked(why))), None) => {
                    Probe::Unreachable(brief(&why))
                }
                (None, None) => Probe::Refuses("no categories are named".to_owned()),
            }
        })
    }

    fn finds(&self) -> Option<fn(&PaperId) -> bool> {
        Some(PaperId::is_arxiv)
    }

    fn look_up<'a>(&'a self, http: &'a Http, ids: Vec<PaperId>) -> BoxFuture<'a, FetchResult> {
        Box::pin(self.look_up_all(http, ids))
    }

    fn announcement_days(&self, since: NaiveDate, now: DateTime<Utc>) -> Vec<NaiveDate> {
        let today = eastern_date(now);
        let days = since.iter_days().take_while(|date| *date < today);
        days.filter(|date| is_working_day(*date)).collect()
    }
}

impl ArxivSource {
    async fn feeds(&self, http: &Http, window: &FetchWindow) -> FetchResult {
        let is_wanted = |category: &String| {
            !window.done.contains(category)
                && (window.everything || is_due(category, &window.known, http.now()))
        };
        let categories: Vec<String> = self
            .categories
            .iter()
            .filter(|it| is_wanted(it))
            .cloned()
            .collect();
        let (results, pause) = self.fetch_feeds(http, categories).await;
        let mut result = FetchResult {
            pause,
            ..FetchResult::default()
        };
        for (category, feed) in &results {
            if let FeedResult::Failed(why) = feed {
                result.failures.push((category.clone(), why.clone()));
            }
            if !matches!(feed, FeedResult::NotAsked(_)) {
                result.requested += 1;
                result.done.push(category.clone());
            }
        }
        result.decision = Some(Decision {
            ids: ids(&results),
            decide: Box::new(move |announced, known, now| batch(&results, announced, known, now)),
        });
        result
    }

    /// Fetches feeds and waits out short pauses. Categories that are not requested in the end
    /// get a result that says so.
    async fn fetch_feeds(
        &self,
        http: &Http,
        mut categories: Vec<String>,
    ) -> (Vec<(String, FeedResult)>, Option<Pause>) {
        let mut results = Vec::new();
        for pauses in 0.. {
            let came = self.arxiv.fetch_feeds(http, &categories).await;
            categories.drain(..came.results.len());
            results.extend(came.results);
            let Some(pause) = came.pause else { break };
            let wait = pause.until - http.now();
            if wait > PAUSE_MAX || pauses == PAUSES_MAX {
                let until = pause.until.format("%Y-%m-%d %H:%M UTC");
                let why = format!("asked to wait until {until}");
                let not_asked = |category| (category, FeedResult::NotAsked(why.clone()));
                results.extend(categories.into_iter().map(not_asked));
                return (results, Some(pause));
            }
            http.sleep(wait).await;
        }
        (results, None)
    }

    /// Fetches the catch-up pages of the first missing day that was not requested lately.
    async fn catch_up(&self, http: &Http, window: &FetchWindow) -> FetchResult {
        let missing = self.categories.iter().flat_map(|category| {
            let days = wanted_days(category, &window.known, window.since, http.now());
            let days = offered_days(category, &days, &window.known, http.now());
            days.into_iter().map(move |date| (category, date))
        });
        for (category, date) in missing {
            let mark = format!("catch-up of {category} {date}");
            if !is_mark_due(&mark, window, http) {
                continue;
            }
            let note = |why: String| FetchResult {
                notes: vec![format!("{category} of {date}: {why}")],
                ..FetchResult::default()
            };
            let caught = match self.arxiv.catch_up(http, category, date).await {
                Ok(caught) => caught,
                Err(HttpError::AskedToWait(pause)) => return paused(pause),
                Err(error) => return note(format!("no catch-up page: {error}")),
            };
            let result = match &caught.problem {
                Some(problem) => note(format!("catch-up page: {problem}")),
                None => FetchResult::default(),
            };
            let listed = caught.entries.iter().flatten();
            return FetchResult {
                decision: Some(Decision {
                    ids: listed.map(|listed| listed.paper.id.clone()).collect(),
                    decide: Box::new(move |announced, _, now| {
                        judge_caught(&[caught], announced, now)
                    }),
                }),
                marks: vec![mark.clone()],
                done: vec![mark],
                has_more: true,
                ..result
            };
        }
        FetchResult::default()
    }

    /// Fetches the changes in the categories of which days are missing or unchecked.
    async fn lists(&self, http: &Http, window: &FetchWindow) -> FetchResult {
        let mut result = FetchResult::default();
        let mut wanted: BTreeMap<String, Vec<NaiveDate>> = BTreeMap::new();
        let mut harvests = Vec::new();
        let mut failed = 0;
        for category in &self.categories {
            let days = wanted_days(category, &window.known, window.since, http.now());
            let mark = format!("list of {category}");
            let Some(first) = days.first().filter(|_| is_mark_due(&mark, window, http)) else {
                continue;
            };
            // The evening of an announcement may still be the day before in UTC.
            let harvest = match self
                .arxiv
                .harvest(http, category, *first - Days::new(1))
                .await
            {
                Ok(harvest) => harvest,
                Err(HttpError::AskedToWait(pause)) => {
                    result.pause = Some(pause);
                    break;
                }
                Err(error) => {
                    result.failures.push((category.clone(), error.to_string()));
                    break;
                }
            };
            result.marks.push(mark.clone());
            result.done.push(mark);
            if let Some(problem) = &harvest.problem {
                let problem = format!("list of changes: {problem}");
                let is_settled = |day: &NaiveDate| {
                    window
                        .day(category, *day)
                        .is_some_and(|row| row.state.is_settled())
                };
                if days.iter().all(is_settled) {
                    result
                        .notes
                        .push(format!("{category} could not be checked: {problem}"));
                } else {
                    result.failures.push((category.clone(), problem));
                }
            }
            let is_failed = harvest.problem.is_some() && harvest.records.is_empty();
            failed = if is_failed { failed + 1 } else { 0 };
            wanted.insert(category.clone(), days);
            harvests.push(harvest);
            if failed == FAILED_LISTS_MAX {
                break;
            }
        }
        result.decision = Some(Decision {
            ids: harvested_ids(&harvests),
            decide: Box::new(move |announced, known, now| {
                judge_harvests(&harvests, &wanted, announced, known, now)
            }),
        });
        result
    }

    async fn look_up_all(&self, http: &Http, ids: Vec<PaperId>) -> FetchResult {
        let mut result = FetchResult::default();
        let mut batch = Batch::default();
        // One id that arXiv refuses fails the whole request: halve what is refused.
        let mut rest: Vec<Vec<PaperId>> =
            ids.chunks(IDS_MAX).rev().map(<[PaperId]>::to_vec).collect();
        while let Some(mut part) = rest.pop() {
            match self.arxiv.papers(http, &part).await {
                Ok(more) => {
                    result.looked_up.extend(part);
                    batch.papers.extend(more.papers);
                    batch.unreadable.extend(more.unreadable);
                }
                Err(ApiError::Refused(_)) if part.len() > 1 => {
                    rest.push(part.split_off(part.len() / 2));
                    rest.push(part);
                }
                Err(ApiError::Refused(_)) => result.looked_up.extend(part),
                Err(ApiError::Http(HttpError::AskedToWait(pause))) => {
                    result.pause = Some(pause);
                    break;
                }
                Err(error) => {
                    result
                        .notes
                        .push(format!("papers could not be looked up: {error}"));
                    break;
                }
            }
        }
        batch.read = (batch.papers.len() + batch.unreadable.len()) as u64;
        result.decision = Some(Decision {
            ids: Vec::new(),
            decide: Box::new(move |_, _, _| batch),
        });
        result
    }
}

/// Whether something with this mark is worth a request.
fn is_mark_due(mark: &str, window: &FetchWindow, http: &Http) -> bool {
    let is_due = window.everything || is_harvest_due(window.marked.get(mark).copied(), http.now());
    is_due && !window.done.contains(mark)
}

fn paused(pause: Pause) -> FetchResult {
    FetchResult {
        pause: Some(pause),
        ..FetchResult::default()
    }
}

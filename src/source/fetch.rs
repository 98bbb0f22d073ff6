//! The trait of a source, and the papers and coverage that follow from a fetch.
//!
//! A fetch has two steps, so that deciding stays pure: the source sends its requests
//! ([`Source::fetch`]), and [`settle`] turns the result into papers and coverage, given
//! which of the papers are known.
//!
//! There are two kinds of sources. Some can be asked for a day ([`super::daily`]):
//! their papers are announced on that day. Others only show their present content
//! (feeds, venues of `OpenReview`): a paper of these is announced on its own date if
//! that lies between the previous fetch and this one, and else on the day on which it
//! is first seen. Journals put a paper into their feed days before or after its date;
//! subscribers are told when it is there.

use super::{Batch, Unreadable};
use crate::coverage::{Coverage, CoverageState, CoverageUpdate};
use crate::http::{BoxFuture, Http, Pause, Provider};
use crate::paper::{Paper, PaperId};
use chrono::{DateTime, Days, NaiveDate, Utc};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::PathBuf;

/// How far back the first fetch of a source without days announces papers by their own dates.
const FIRST_FETCH_DAYS: u64 = 31;

/// How long after its own date a paper may first appear in a feed and still be announced.
/// Items that are older were listed again, or moved with their site.
const LATE_DAYS: u64 = 180;

/// A source of papers. Only [`Source::provider`] and [`Source::fetch`] are required.
pub trait Source: Send + Sync {
    /// Provider whose rate limit the requests count against; `None` for local files.
    fn provider(&self) -> Option<&Provider>;

    /// Number of steps in one poll: each sees what the steps before have stored.
    fn steps(&self) -> usize {
        1
    }

    /// Fetches what `window` leaves open. Failures are part of the result.
    fn fetch<'a>(&'a self, http: &'a Http, window: &'a FetchWindow) -> BoxFuture<'a, FetchResult>;

    /// Sends the least that shows whether the source answers.
    fn probe<'a>(&'a self, http: &'a Http) -> BoxFuture<'a, Probe> {
        Box::pin(async move {
            let now = http.now();
            let window = FetchWindow {
                since: Some(now.date_naive()),
                everything: true,
                ..FetchWindow::at(now)
            };
            let result = self.fetch(http, &window).await;
            Probe::of(&result, |papers| format!("{papers} so far today"))
        })
    }

    /// Predicate of the ids that [`Source::look_up`] finds; `None` if it finds none.
    fn finds(&self) -> Option<fn(&PaperId) -> bool> {
        None
    }

    /// Fetches papers by their ids, without announcement days.
    fn look_up<'a>(&'a self, _http: &'a Http, _ids: Vec<PaperId>) -> BoxFuture<'a, FetchResult> {
        Box::pin(async { FetchResult::default() })
    }

    /// The days from `since` until yesterday for which an announcement is certain, so that
    /// a day without coverage is a gap.
    fn announcement_days(&self, _since: NaiveDate, _now: DateTime<Utc>) -> Vec<NaiveDate> {
        Vec::new()
    }
}

/// Range and purpose of a fetch.
#[derive(Debug, Clone)]
pub struct FetchWindow {
    /// Known coverage of the source.
    pub known: Vec<Coverage>,
    /// First day whose gaps are filled; by default the first day that is not settled.
    pub since: Option<NaiveDate>,
    /// Whether to fetch also where nothing new is expected.
    pub everything: bool,
    /// The time of the poll.
    pub now: DateTime<Utc>,
    /// Step of the poll, from 0.
    pub step: usize,
    /// Marks of earlier polls ([`FetchResult::marks`]), with their times.
    pub marked: HashMap<String, DateTime<Utc>>,
    /// Parts that this poll has fetched already ([`FetchResult::done`]).
    pub done: BTreeSet<String>,
}

impl FetchWindow {
    /// The window of a source of which nothing is known.
    pub fn at(now: DateTime<Utc>) -> Self {
        FetchWindow {
            known: Vec::new(),
            since: None,
            everything: false,
            now,
            step: 0,
            marked: HashMap::new(),
            done: BTreeSet::new(),
        }
    }

    /// Coverage of a category's day.
    pub fn day(&self, category: &str, date: NaiveDate) -> Option<&Coverage> {
        self.known
            .iter()
            .find(|row| row.date == date && row.category == category)
    }

    /// The newest settled day of a category.
    pub(super) fn last_settled(&self, category: &str) -> Option<&Coverage> {
        let settled = self
            .known
            .iter()
            .filter(|row| row.category == category && row.state.is_settled());
        settled.max_by_key(|row| row.date)
    }
}

/// Why a paper is in a response.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrival {
    /// It was announced on the day that it carries.
    Announced(Paper),
    /// A new version; passed over if the paper is unknown.
    Replaced(Paper),
    /// It is part of the present content of a category; the date is its own.
    Seen(Paper, Option<NaiveDate>, String),
}

/// Announcement days of the papers that are known.
pub type AnnouncedDays = BTreeMap<PaperId, Option<NaiveDate>>;

/// Papers and coverage, given the announcement days, the known coverage and the time.
pub type Decide = dyn FnOnce(&AnnouncedDays, &[Coverage], DateTime<Utc>) -> Batch + Send;

/// Decides on papers and coverage in a source's own way, instead of [`settle`].
pub struct Decision {
    /// Ids of the papers whose announcement days are needed.
    pub ids: Vec<PaperId>,
    /// Decides, given the announcement days and the known coverage.
    pub decide: Box<Decide>,
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision").finish_non_exhaustive()
    }
}

/// Result of a fetch.
#[derive(Debug, Default)]
pub struct FetchResult {
    /// Papers of the batch.
    pub arrivals: Vec<Arrival>,
    /// Records that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Coverage of days.
    pub coverage: Vec<CoverageUpdate>,
    /// Categories whose present content was fetched; [`settle`] derives their coverage.
    pub seen: Vec<String>,
    /// Categories of these whose content broke off, with the reason.
    pub truncated: Vec<(String, String)>,
    /// Number of days, venues or feeds that were requested.
    pub requested: u64,
    /// Records that are not papers.
    pub skipped: u64,
    /// Pause that the provider asked for.
    pub pause: Option<Pause>,
    /// Whether the provider refuses our settings; then the pause ends when they change.
    pub is_refused: bool,
    /// Parts that could not be fetched, with the reason.
    pub failures: Vec<(String, String)>,
    /// Notes for a person.
    pub notes: Vec<String>,
    /// Papers and coverage, if the source decides on them itself.
    pub decision: Option<Decision>,
    /// A file whose papers are imported.
    pub file: Option<PathBuf>,
    /// Names under which the store remembers that something was fetched now.
    pub marks: Vec<String>,
    /// Ids that were looked up, whether or not there is such a paper.
    pub looked_up: Vec<PaperId>,
    /// Parts that are fetched; see [`FetchWindow::done`].
    pub done: Vec<String>,
    /// Whether the same step has more to fetch once this is stored.
    pub has_more: bool,
}

/// Whether a source answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// It answers; the text says with what.
    Answers(String),
    /// It does not answer now, which may pass; with the reason.
    Unreachable(String),
    /// It refuses the settings; with the reason.
    Refuses(String),
}

impl Probe {
    /// The verdict on a fetch; `describe` words the number of papers.
    pub(super) fn of(result: &FetchResult, describe: impl FnOnce(String) -> String) -> Self {
        match (result.failures.first(), &result.pause) {
            (Some((_, why)), _) if result.is_refused => Probe::Refuses(super::brief(why)),
            (_, Some(pause)) if result.is_refused => Probe::Refuses(super::brief(&pause.reason)),
            (_, Some(pause)) => Probe::paused(pause),
            (Some((_, why)), None) => Probe::Unreachable(super::brief(why)),
            (None, None) => Probe::answers(result.arrivals.len(), describe),
        }
    }

    /// It answered with that many papers.
    pub(super) fn answers(papers: usize, describe: impl FnOnce(String) -> String) -> Self {
        let papers = match papers {
            1 => "1 paper".to_owned(),
            papers => format!("{papers} papers"),
        };
        Probe::Answers(format!("answers: {}", describe(papers)))
    }

    /// It asks for a pause.
    pub(super) fn paused(pause: &Pause) -> Self {
        let until = pause.until.format("%Y-%m-%d %H:%M UTC");
        let reason = &pause.reason;
        Probe::Unreachable(format!("asks to be left alone until {until} ({reason})"))
    }
}

/// The ids of the fetched papers.
pub fn paper_ids(result: &FetchResult) -> Vec<PaperId> {
    if let Some(decision) = &result.decision {
        return decision.ids.clone();
    }
    let ids: BTreeSet<&PaperId> = result.arrivals.iter().map(|it| &it.paper().id).collect();
    ids.into_iter().cloned().collect()
}

impl Arrival {
    fn paper(&self) -> &Paper {
        match self {
            Arrival::Announced(paper) | Arrival::Replaced(paper) | Arrival::Seen(paper, ..) => {
                paper
            }
        }
    }
}

/// Papers and coverage of a fetch, given the announcement days of its papers that are
/// known.
pub fn settle(
    mut result: FetchResult,
    announced: &AnnouncedDays,
    window: &FetchWindow,
    now: DateTime<Utc>,
) -> Batch {
    if let Some(decision) = result.decision.take() {
        return (decision.decide)(announced, &window.known, now);
    }
    let today = window.now.date_naive();
    let mut batch = Batch {
        coverage: result.coverage,
        unreadable: result.unreadable,
        ..Batch::default()
    };
    batch.read = result.arrivals.len() as u64 + batch.unreadable.len() as u64 + result.skipped;
    batch.passed_over = result.skipped;
    let floors: HashMap<&String, NaiveDate> = result
        .seen
        .iter()
        .map(|category| (category, first_day(category, window)))
        .collect();
    let mut places: HashMap<PaperId, usize> = HashMap::new();
    let mut days: BTreeMap<(&String, NaiveDate), u32> = BTreeMap::new();
    let (first, replaced): (Vec<&Arrival>, Vec<&Arrival>) = result
        .arrivals
        .iter()
        .partition(|arrival| !matches!(arrival, Arrival::Replaced(_)));
    for arrival in first.into_iter().chain(replaced) {
        let mut paper = arrival.paper().clone();
        if let Arrival::Seen(_, own, category) = arrival {
            let floor = floors.get(category).copied().unwrap_or(today);
            let known = announced.get(&paper.id).copied().flatten();
            let day = known.unwrap_or_else(|| match own {
                Some(own) if *own < floor - Days::new(LATE_DAYS) => *own,
                own => own.unwrap_or(today).clamp(floor, today.max(floor)),
            });
            paper.announced = known.is_none().then_some(day);
            if !places.contains_key(&paper.id)
                && let Some((category, _)) = floors.get_key_value(category)
            {
                *days.entry((*category, day)).or_default() += 1;
            }
        }
        match places.get(&paper.id) {
            Some(&at) => {
                batch.merged += 1;
                batch.papers[at] = batch.papers[at].updated_by(&paper);
            }
            None if matches!(arrival, Arrival::Replaced(_))
                && !announced.contains_key(&paper.id) =>
            {
                batch.passed_over += 1;
            }
            None => {
                places.insert(paper.id.clone(), batch.papers.len());
                batch.papers.push(paper);
            }
        }
    }
    for category in &result.seen {
        let mut updates = days_seen(category, floors[category], &days, window);
        if let Some((_, why)) = result
            .truncated
            .iter()
            .find(|(truncated, _)| truncated == category)
            && let Some(last) = updates.last_mut()
        {
            // The missing papers may be of any day; the next fetch brings them.
            last.state = CoverageState::Stalled;
            last.note.clone_from(why);
        }
        batch.coverage.extend(updates);
    }
    batch
}

/// The first day on which a new paper of a category can have been announced.
fn first_day(category: &str, window: &FetchWindow) -> NaiveDate {
    let today = window.now.date_naive();
    let last = window.last_settled(category).map(|row| row.date.min(today));
    // An explicit `since` bounds the announcement days, too.
    let first = today - Days::new(FIRST_FETCH_DAYS);
    last.unwrap_or_else(|| window.since.map_or(first, |since| since.min(today)))
}

/// Coverage of a category whose whole content was fetched: the days since the previous
/// fetch, and earlier ones on which papers are announced.
fn days_seen(
    category: &String,
    first: NaiveDate,
    days: &BTreeMap<(&String, NaiveDate), u32>,
    window: &FetchWindow,
) -> Vec<CoverageUpdate> {
    let today = window.now.date_naive();
    let is_known = window.last_settled(category).is_some();
    let updates = first
        .iter_days()
        .take_while(|date| *date <= today)
        .filter_map(|date| {
            let papers = days.get(&(category, date)).copied().unwrap_or(0);
            let is_open = window
                .day(category, date)
                .is_some_and(|row| !row.state.is_settled());
            if papers == 0 && !is_known && !is_open && date < today {
                return None;
            }
            Some(CoverageUpdate {
                category: category.clone(),
                date,
                state: if papers > 0 {
                    CoverageState::Complete
                } else {
                    CoverageState::Quiet
                },
                declared: None,
                papers,
                announced_at: None,
                note: String::new(),
            })
        });
    updates.collect()
}

/// Coverage of a source that asks for a pause; the same day as that of [`failed`].
pub(super) fn paused(
    category: &str,
    pause: &Pause,
    window: &FetchWindow,
) -> Option<CoverageUpdate> {
    let why = format!(
        "asked to wait until {}",
        pause.until.format("%Y-%m-%d %H:%M UTC")
    );
    failed(category, &why, window).map(|update| CoverageUpdate {
        state: CoverageState::Waiting,
        ..update
    })
}

/// Coverage of a source without days that cannot be read: one day, the first that is
/// open, fails until the source can be read.
pub(super) fn failed(category: &str, why: &str, window: &FetchWindow) -> Option<CoverageUpdate> {
    let today = window.now.date_naive();
    let settled = window.last_settled(category).map(|row| row.date);
    let open = window
        .known
        .iter()
        .filter(|row| row.category == category && !row.state.is_settled());
    let open = open
        .map(|row| row.date)
        .filter(|date| settled.is_none_or(|settled| *date > settled))
        .min();
    Some(CoverageUpdate {
        category: category.to_owned(),
        date: open.unwrap_or(today),
        state: CoverageState::Failed,
        declared: None,
        papers: 0,
        announced_at: None,
        note: why.to_owned(),
    })
    // A day that is settled stays so.
    .filter(|update| settled != Some(update.date))
}

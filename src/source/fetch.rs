//! Sources that answer over HTTP: what one owes, and what becomes of what it says.
//!
//! A result at a source is two steps, so that deciding stays pure. The source
//! asks ([`Source::result`]) and says what it saw; [`settle`] turns that into
//! papers and coverage, given which of the papers are known.
//!
//! There are two kinds of sources. Some can be asked for a day ([`super::daily`]):
//! that is the day on which their papers are announced. Others only show what
//! they hold at present (feeds, venues of `OpenReview`): there a paper is
//! announced on its own date if that lies between the last result and this one,
//! and else on the day on which it is first seen. Journals put a paper into their
//! feed days after its date, and days before; readers are told when it is there.

use super::biorxiv::Biorxiv;
use super::crossref::Crossref;
use super::feed::Feed;
use super::huggingface::HuggingFace;
use super::openalex::OpenAlex;
use super::openreview::OpenReview;
use super::pubmed::Pubmed;
use super::semantic_scholar::SemanticScholar;
use super::{Batch, SourceKind, SourceSettings, Unreadable};
use crate::coverage::{Coverage, CoverageState, CoverageUpdate};
use crate::http::{Http, Pause, Provider};
use crate::paper::{Paper, PaperId};
use chrono::{DateTime, Days, NaiveDate, Utc};
use std::collections::{BTreeMap, HashMap};
use std::future::Future;

/// How far back the first result at a source without days is to announce papers by their own dates.
const FIRST_SIGHT_DAYS: u64 = 31;

/// What a result is to cover.
#[derive(Debug, Clone)]
pub struct FetchWindow {
    /// What is known of the source's days.
    pub known: Vec<Coverage>,
    /// From which day on gaps are to be filled; where the source was last, if nobody says.
    pub since: Option<NaiveDate>,
    /// Whether to ask also where nothing new is expected.
    pub everything: bool,
    /// When.
    pub now: DateTime<Utc>,
}

impl FetchWindow {
    /// What is known of a category's day.
    pub fn day(&self, category: &str, date: NaiveDate) -> Option<&Coverage> {
        self.known
            .iter()
            .find(|row| row.date == date && row.category == category)
    }

    /// The newest day of a category on which the source answered.
    pub(super) fn last_seen(&self, category: &str) -> Option<&Coverage> {
        let seen = self
            .known
            .iter()
            .filter(|row| row.category == category && row.state.is_settled());
        seen.max_by_key(|row| row.date)
    }
}

/// Why a paper is in an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrival {
    /// It was announced, on the day that it carries.
    Announced(Paper),
    /// A new version: news of a paper that is known, and else passed over.
    Replaced(Paper),
    /// It is there, in that category; the date is its own.
    Seen(Paper, Option<NaiveDate>, String),
}

/// What a source was seen to hold.
#[derive(Debug, Default)]
pub struct FetchResult {
    /// Papers.
    pub arrivals: Vec<Arrival>,
    /// What should have been some.
    pub unreadable: Vec<Unreadable>,
    /// What is now known of days.
    pub news: Vec<CoverageUpdate>,
    /// Categories that were seen as they are at present, and of which [`settle`] works out the days.
    pub seen: Vec<String>,
    /// Of these, what broke off, and how that is said.
    pub truncated: Vec<(String, String)>,
    /// Things that were asked for: days, venues, a feed.
    pub requested: u64,
    /// Records that are no papers.
    pub skipped: u64,
    /// Until when the provider wants to be left alone.
    pub pause: Option<Pause>,
    /// Whether that is because of our settings, which may be mended before.
    pub is_refused: bool,
    /// What could not be had, and why.
    pub failures: Vec<(String, String)>,
}

/// A source that answers over HTTP.
pub trait Source: Send + Sync {
    /// Whose limits its requests count against.
    fn provider(&self) -> &Provider;

    /// Asks for what `window` leaves open. What goes wrong stands in the result.
    fn fetch(&self, http: &Http, window: &FetchWindow) -> impl Future<Output = FetchResult> + Send;
}

/// Looks at the source that the settings describe; `None` if it is not one that
/// answers over HTTP in this way.
pub async fn fetch(
    settings: &SourceSettings,
    http: &Http,
    window: &FetchWindow,
) -> Option<FetchResult> {
    Some(match settings.kind {
        SourceKind::HuggingFace => HuggingFace::new(settings).fetch(http, window).await,
        SourceKind::Biorxiv | SourceKind::Medrxiv => {
            Biorxiv::new(settings).fetch(http, window).await
        }
        SourceKind::Pubmed => Pubmed::new(settings).fetch(http, window).await,
        SourceKind::OpenReview => OpenReview::new(settings).fetch(http, window).await,
        SourceKind::Crossref => Crossref::new(settings).fetch(http, window).await,
        SourceKind::OpenAlex => OpenAlex::new(settings).fetch(http, window).await,
        SourceKind::SemanticScholar => SemanticScholar::new(settings).fetch(http, window).await,
        SourceKind::Feed => Feed::new(settings).fetch(http, window).await,
        SourceKind::Arxiv | SourceKind::Jsonl => return None,
    })
}

/// Whose limits the source's requests count against; `None` as for [`result`].
pub fn provider(settings: &SourceSettings) -> Option<Provider> {
    let provider = match settings.kind {
        SourceKind::HuggingFace => Source::provider(&HuggingFace::new(settings)).clone(),
        SourceKind::Biorxiv | SourceKind::Medrxiv => {
            Source::provider(&Biorxiv::new(settings)).clone()
        }
        SourceKind::Pubmed => Source::provider(&Pubmed::new(settings)).clone(),
        SourceKind::OpenReview => Source::provider(&OpenReview::new(settings)).clone(),
        SourceKind::Crossref => Source::provider(&Crossref::new(settings)).clone(),
        SourceKind::OpenAlex => Source::provider(&OpenAlex::new(settings)).clone(),
        SourceKind::SemanticScholar => Source::provider(&SemanticScholar::new(settings)).clone(),
        SourceKind::Feed => Source::provider(&Feed::new(settings)).clone(),
        SourceKind::Arxiv | SourceKind::Jsonl => return None,
    };
    Some(provider)
}

/// The papers of a result, by name.
pub fn ids(result: &FetchResult) -> Vec<PaperId> {
    let mut ids: Vec<PaperId> = result
        .arrivals
        .iter()
        .map(|arrival| arrival.paper().id.clone())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
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

/// What the result brings, given which of its papers are known and on which days
/// these were announced.
pub fn settle(
    result: FetchResult,
    announced: &BTreeMap<PaperId, Option<NaiveDate>>,
    window: &FetchWindow,
) -> Batch {
    let today = window.now.date_naive();
    let mut batch = Batch {
        news: result.news,
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
            let day = known.unwrap_or_else(|| own.unwrap_or(today).clamp(floor, today.max(floor)));
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
        let mut news = days_seen(category, floors[category], &days, window);
        if let Some((_, why)) = result
            .truncated
            .iter()
            .find(|(truncated, _)| truncated == category)
            && let Some(last) = news.last_mut()
        {
            // What is missing may be of any day: it comes with the next result, and none of today's is sure.
            last.state = CoverageState::Stalled;
            last.note.clone_from(why);
        }
        batch.news.extend(news);
    }
    batch
}

/// The day from which on what is new in a category was announced.
fn first_day(category: &str, window: &FetchWindow) -> NaiveDate {
    let today = window.now.date_naive();
    let last = window.last_seen(category).map(|row| row.date.min(today));
    // What is asked for explicitly was not announced before it, either.
    let first = today - Days::new(FIRST_SIGHT_DAYS);
    last.unwrap_or_else(|| window.since.map_or(first, |since| since.min(today)))
}

/// The days of a category that was just seen whole: those since the last result, and
/// of earlier ones those that papers are announced on.
fn days_seen(
    category: &String,
    first: NaiveDate,
    days: &BTreeMap<(&String, NaiveDate), u32>,
    window: &FetchWindow,
) -> Vec<CoverageUpdate> {
    let today = window.now.date_naive();
    let is_known = window.last_seen(category).is_some();
    let news = first
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
    news.collect()
}

/// What is said of a source that asks to be left alone, as [`failed`] says it.
pub(super) fn paused(
    category: &str,
    pause: &Pause,
    window: &FetchWindow,
) -> Option<CoverageUpdate> {
    let why = format!(
        "asked to wait until {}",
        pause.until.format("%Y-%m-%d %H:%M UTC")
    );
    failed(category, &why, window).map(|news| CoverageUpdate {
        state: CoverageState::Waiting,
        ..news
    })
}

/// What is said of a source that shows what it holds and cannot be read: one day, the
/// first, says so until it can.
pub(super) fn failed(category: &str, why: &str, window: &FetchWindow) -> Option<CoverageUpdate> {
    let today = window.now.date_naive();
    let settled = window.last_seen(category).map(|row| row.date);
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
    // A day on which it was read before is not taken back.
    .filter(|news| settled != Some(news.date))
}

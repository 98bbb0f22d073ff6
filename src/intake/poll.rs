//! One look at one source: what is new goes to the store, papers and coverage together.

use super::{Import, IntakeError};
use crate::coverage::{Coverage, CoverageNews, CoverageState};
use crate::paper::PaperId;
use crate::source::arxiv::{self, Arxiv, Look};
use crate::source::http::{Http, Pause, Provider};
use crate::source::{Batch, SourceKind, SourceSettings, Unreadable};
use crate::store::{Db, SetAside, SourcePause, StoreError, TakenIn};
use chrono::{DateTime, Days, NaiveDate, SubsecRound, TimeDelta, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// A pause that is sat out in place; after a longer one the next poll goes on.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// How often pauses are sat out in one poll.
const PAUSES_MAX: u32 = 3;

/// How far back coverage is looked at for gaps.
const COVERAGE_DAYS: u64 = 40;

/// When a source is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Where an answer may bring something: what is settled is left alone.
    WhatIsDue,
    /// In any case.
    Everything,
}

/// What one look at a source brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Polled {
    /// Name of the source.
    pub source: String,
    /// Categories that were asked for (or files that were read).
    pub asked: u64,
    /// Records read.
    pub read: u64,
    /// Papers that were not known.
    pub new: u64,
    /// Known papers of which something is new.
    pub changed: u64,
    /// Records of a paper that was in the batch already.
    pub merged: u64,
    /// New versions of papers that are not known here.
    pub passed_over: u64,
    /// Records set aside because they could not be read.
    pub rejected: u64,
    /// What is known now of the days that the look says something about.
    pub coverage: Vec<Coverage>,
    /// Until when the provider wants to be left alone, if that stopped the look.
    pub paused_until: Option<DateTime<Utc>>,
    /// Categories that could not be had or read, and why.
    pub failures: Vec<(String, String)>,
    /// Of the coverage, what was otherwise before.
    #[serde(skip)]
    pub changes: Vec<CoverageNews>,
    /// What could not be read.
    #[serde(skip)]
    pub set_aside: Vec<SetAside>,
}

impl Polled {
    /// Writes to the log what a person may want to know, once: for a daemon,
    /// whose results nobody prints.
    pub fn log(&self) {
        let source = self.source.as_str();
        for record in &self.set_aside {
            tracing::warn!(source.name = source, record.place = record.place, "set aside: {}", record.reason);
        }
        if let Some(until) = self.paused_until {
            tracing::warn!(source.name = source, %until, "the source asks to be left alone");
        }
        for CoverageNews { category, date, papers, note, state, .. } in &self.changes {
            match state {
                CoverageState::Complete => {
                    tracing::info!(source.name = source, category, %date, papers, "announcement complete {note}");
                }
                CoverageState::Quiet => {
                    tracing::info!(source.name = source, category, %date, "no announcement: {note}");
                }
                CoverageState::Waiting => {
                    tracing::debug!(source.name = source, category, %date, "announcement awaited: {note}");
                }
                CoverageState::Stalled => {
                    tracing::warn!(source.name = source, category, %date, "announcement missing: {note}");
                }
                CoverageState::Failed => {
                    tracing::warn!(source.name = source, category, %date, "not read: {note}");
                }
            }
        }
    }
}

/// Why a source could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// The file cannot be read, or the database not written.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// This version does not know how.
    #[error("sources of kind {} are not in this version yet", .0.word())]
    NotYet(SourceKind),
}

impl From<StoreError> for PollError {
    fn from(error: StoreError) -> Self {
        PollError::Intake(error.into())
    }
}

/// Looks at `source` and takes in what it brings: one step of a daemon's loop,
/// or of a command.
///
/// What goes wrong at the source is no error: it stands in the coverage. The
/// time of taking in is read from the client's clock after the last answer,
/// since a look may last minutes.
pub async fn poll(db: &Db, http: &Http, source: &SourceSettings, ask: Ask) -> Result<Polled, PollError> {
    match source.kind {
        SourceKind::Arxiv => Ok(poll_arxiv(db, http, source, ask).await?),
        SourceKind::Jsonl => {
            let (now, source) = (http.now(), source.clone());
            Ok(db.run_blocking(move |db| poll_file(db, &source, ask, now)).await?)
        }
        kind => Err(PollError::NotYet(kind)),
    }
}

async fn poll_arxiv(db: &Db, http: &Http, source: &SourceSettings, ask: Ask) -> Result<Polled, StoreError> {
    let arxiv = Arxiv::new(source.endpoint.as_deref());
    let provider = arxiv.provider();
    let (name, turn) = (provider.name.clone(), turn_of(provider));
    let (pause, turn) = db.run(move |store| Ok((store.source_pause(&name)?, store.source_pause(&turn)?))).await?;
    if let Some(SourcePause { provider, until, reason }) = pause {
        http.stay_away(Pause { provider, until, reason });
    }
    if let Some(turn) = turn {
        http.take_turn(provider, turn.until).await;
    }
    let before = known(db, &source.name, http.now()).await?;
    let mut categories = source.categories.clone();
    categories.retain(|category| ask == Ask::Everything || arxiv::is_due(category, &before, http.now()));
    let asked = categories.len();
    let (looks, pause) = look(db, http, &arxiv, categories).await?;
    // The process after this one keeps the distance too.
    if let Some(until) = http.next_turn(provider).await {
        let reason = "requests keep their distance".to_owned();
        note_pause(db, &Pause { provider: turn_of(provider), until, reason }).await?;
    }
    if looks.is_empty() {
        return Ok(Polled { source: source.name.clone(), ..Polled::default() });
    }
    let ids = arxiv::ids(&looks);
    let announced: BTreeMap<PaperId, Option<NaiveDate>> =
        db.run(move |store| store.announcement_days(&ids)).await?.into_iter().collect();
    let now = http.now();
    let batch = arxiv::batch(&looks, &announced, &before, now);
    let not_asked = looks.iter().filter(|(_, look)| matches!(look, Look::NotAsked(_))).count();
    let failed = looks.iter().filter_map(|(category, look)| match look {
        Look::Failed(why) => Some((category.clone(), why.clone())),
        Look::Seen(_) | Look::NotAsked(_) => None,
    });
    let failures = failed.collect();
    let mut polled = take_in(db, &source.name, &before, batch, now).await?;
    polled.failures = failures;
    polled.asked = (asked - not_asked) as u64;
    polled.paused_until = pause.map(|pause| pause.until);
    Ok(polled)
}

/// Asks for feeds, sitting out short pauses; what is not asked for in the end says so.
async fn look(
    db: &Db,
    http: &Http,
    arxiv: &Arxiv,
    mut categories: Vec<String>,
) -> Result<(Vec<(String, Look)>, Option<Pause>), StoreError> {
    let mut looks = Vec::new();
    for pauses in 0.. {
        let came = arxiv.look(http, &categories).await;
        categories.drain(..came.looks.len());
        looks.extend(came.looks);
        let Some(pause) = came.pause else { break };
        // Written down before anything else: it holds after a crash, too.
        note_pause(db, &pause).await?;
        let wait = pause.until - http.now();
        if wait > PATIENCE || pauses == PAUSES_MAX {
            let why = format!("asked to wait until {}", pause.until.format("%Y-%m-%d %H:%M UTC"));
            looks.extend(categories.into_iter().map(|category| (category, Look::NotAsked(why.clone()))));
            return Ok((looks, Some(pause)));
        }
        http.sleep(wait).await;
    }
    Ok((looks, None))
}

/// Under which name the provider's next turn is written down, beside its pauses.
fn turn_of(provider: &Provider) -> String {
    format!("{} (next turn)", provider.name)
}

/// Writes a pause down, to the next whole second.
async fn note_pause(db: &Db, pause: &Pause) -> Result<(), StoreError> {
    let whole = pause.until.trunc_subsecs(0);
    let until = if whole < pause.until { whole + TimeDelta::seconds(1) } else { whole };
    let noted = SourcePause { provider: pause.provider.clone(), until, reason: pause.reason.clone() };
    db.run(move |store| store.pause_source(&noted)).await
}

async fn known(db: &Db, source: &str, now: DateTime<Utc>) -> Result<Vec<Coverage>, StoreError> {
    let today = now.date_naive();
    let (first, last) = (today - Days::new(COVERAGE_DAYS), today + Days::new(2));
    let mut rows = db.run(move |store| store.coverage(first, last)).await?;
    rows.retain(|row| row.source == source);
    Ok(rows)
}

async fn take_in(
    db: &Db,
    source: &str,
    before: &[Coverage],
    batch: Batch,
    now: DateTime<Utc>,
) -> Result<Polled, StoreError> {
    let Batch { papers, unreadable, news, read, merged, passed_over } = batch;
    let rejected = unreadable.len() as u64;
    let days: Vec<(String, NaiveDate)> = news.iter().map(|news| (news.category.clone(), news.date)).collect();
    let set_aside =
        unreadable.into_iter().map(|Unreadable { place, reason, record }| SetAside { place, reason, record });
    let set_aside: Vec<SetAside> = set_aside.collect();
    let changes = changes(before, &news);
    let kept = set_aside.clone();
    let name = source.to_owned();
    let taken = db
        .run(move |store| {
            let taken = store.take_batch(&name, &papers, &news, now)?;
            store.set_aside(&name, &kept, now)?;
            Ok(taken)
        })
        .await?;
    let count = |what: TakenIn| taken.iter().filter(|became| **became == what).count() as u64;
    let mut coverage = Vec::new();
    if let (Some(first), Some(last)) = (days.iter().map(|day| day.1).min(), days.iter().map(|day| day.1).max()) {
        coverage = db.run(move |store| store.coverage(first, last)).await?;
        coverage.retain(|row| row.source == source && days.contains(&(row.category.clone(), row.date)));
    }
    Ok(Polled {
        source: source.to_owned(),
        read,
        new: count(TakenIn::New),
        changed: count(TakenIn::Changed),
        merged,
        passed_over,
        rejected,
        coverage,
        changes,
        set_aside,
        ..Polled::default()
    })
}

/// The news of days that were in another state before.
fn changes(before: &[Coverage], news: &[CoverageNews]) -> Vec<CoverageNews> {
    let is_new = |news: &&CoverageNews| {
        let before = before.iter().find(|row| row.date == news.date && row.category == news.category);
        before.is_none_or(|row| row.state != news.state && !row.state.is_settled())
    };
    news.iter().filter(is_new).cloned().collect()
}

fn poll_file(db: &Db, source: &SourceSettings, ask: Ask, now: DateTime<Utc>) -> Result<Polled, IntakeError> {
    let path = source.path.as_deref().expect("sources of kind jsonl have a path");
    if ask == Ask::WhatIsDue && !is_changed(db, source, path)? {
        return Ok(Polled { source: source.name.clone(), ..Polled::default() });
    }
    let mut import = Import::of(&source.name, now);
    import.take_in_file(db, path, |_, _| {})?;
    let imported = import.imported();
    let mut coverage = db.run_here(|store| store.coverage(NaiveDate::MIN, NaiveDate::MAX))?;
    coverage.retain(|row| row.source == source.name && row.checked_at == now.trunc_subsecs(0));
    Ok(Polled {
        source: source.name.clone(),
        asked: 1,
        read: imported.read,
        new: imported.new,
        changed: imported.changed,
        merged: imported.merged,
        rejected: imported.rejected,
        coverage,
        ..Polled::default()
    })
}

/// Whether the file was written after it was last read. A file none of whose
/// papers has an announcement day is read each time.
fn is_changed(db: &Db, source: &SourceSettings, path: &std::path::Path) -> Result<bool, IntakeError> {
    let read = db.run_here(|store| store.coverage(NaiveDate::MIN, NaiveDate::MAX))?;
    let read = read.iter().filter(|row| row.source == source.name).map(|row| row.checked_at).max();
    let written = std::fs::metadata(path).and_then(|file| file.modified());
    let written = written.map_err(|cause| IntakeError::Unreadable { path: path.to_owned(), cause })?;
    // What is written in the second of the reading may have come after it.
    Ok(read.is_none_or(|read| DateTime::<Utc>::from(written) >= read))
}

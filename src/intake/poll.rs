//! One result at one source: what is new goes to the store, papers and coverage together.

mod arxiv;
mod fetched;
mod file;

use super::IntakeError;
use super::shared_limit::DbRateLimit;
use crate::coverage::{Coverage, CoverageState, CoverageUpdate};
use crate::http::Http;
use crate::paper::PaperId;
use crate::source::{Batch, SourceKind, SourceSettings, Unreadable, brief};
use crate::store::{Db, IntakeOutcome, SetAside, StoreError};
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Serialize;
use std::sync::Arc;

/// How far back coverage is looked at for gaps.
const COVERAGE_DAYS: u64 = 40;

/// When a source is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollScope {
    /// Where an answer may bring something: what is settled is left alone.
    WhatIsDue,
    /// In any case.
    Everything,
    /// In any case, and for every announcement day from this one on that the source
    /// still offers and that is not settled.
    Since(NaiveDate),
}

impl PollScope {
    /// Whether settled days are asked for as well.
    pub fn is_everything(self) -> bool {
        self != PollScope::WhatIsDue
    }

    /// The day from which gaps are to be filled.
    pub fn since(self) -> Option<NaiveDate> {
        match self {
            PollScope::Since(date) => Some(date),
            PollScope::WhatIsDue | PollScope::Everything => None,
        }
    }
}

/// What one result at a source brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PollSummary {
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
    /// Records of a paper that was in the batch already, or that is known by another name.
    pub merged: u64,
    /// New versions of papers that are not known here, and records that are no papers.
    pub passed_over: u64,
    /// Records set aside because they could not be read.
    pub rejected: u64,
    /// What is known now of the days that the result says something about.
    pub coverage: Vec<Coverage>,
    /// Until when the provider wants to be left alone, if that stopped the result.
    pub paused_until: Option<DateTime<Utc>>,
    /// Categories that could not be had or read, and why.
    pub failures: Vec<(String, String)>,
    /// What else a person may want to know.
    pub notes: Vec<String>,
    /// Of the coverage, what was otherwise before.
    #[serde(skip)]
    pub changes: Vec<CoverageUpdate>,
    /// What could not be read.
    #[serde(skip)]
    pub set_aside: Vec<SetAside>,
}

impl PollSummary {
    /// Adds what another question to the same source brought.
    fn add(&mut self, more: PollSummary) {
        self.asked += more.asked;
        self.read += more.read;
        self.new += more.new;
        self.changed += more.changed;
        self.merged += more.merged;
        self.passed_over += more.passed_over;
        self.rejected += more.rejected;
        let is_newer = |row: &Coverage| {
            !more
                .coverage
                .iter()
                .any(|newer| newer.category == row.category && newer.date == row.date)
        };
        self.coverage.retain(is_newer);
        self.coverage.extend(more.coverage);
        self.coverage
            .sort_by(|a, b| (a.date, &a.category).cmp(&(b.date, &b.category)));
        self.paused_until = self.paused_until.max(more.paused_until);
        self.failures.extend(more.failures);
        self.notes.extend(more.notes);
        self.changes.extend(more.changes);
        self.set_aside.extend(more.set_aside);
    }

    /// Writes to the log what a person may want to know, once: for a daemon,
    /// whose results nobody prints.
    pub fn log(&self) {
        let source = self.source.as_str();
        for record in &self.set_aside {
            tracing::warn!(
                source.name = source,
                record.place = record.place,
                "set aside: {}",
                record.reason
            );
        }
        for note in &self.notes {
            tracing::warn!(source.name = source, "{note}");
        }
        if let Some(until) = self.paused_until {
            tracing::warn!(source.name = source, %until, "the source asks to be left alone");
        }
        for (what, why) in &self.failures {
            tracing::debug!(source.name = source, what, "not read: {why}");
        }
        for CoverageUpdate {
            category,
            date,
            papers,
            note,
            state,
            ..
        } in &self.changes
        {
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
/// since a result may last minutes.
pub async fn poll(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    ask: PollScope,
) -> Result<PollSummary, PollError> {
    let http = &http.with_shared_limit(Arc::new(DbRateLimit(db.clone())));
    match source.kind {
        SourceKind::Arxiv => Ok(arxiv::poll(db, http, source, ask).await?),
        SourceKind::Jsonl => {
            let (now, source) = (http.now(), source.clone());
            Ok(db
                .run_blocking(move |db| file::poll(db, &source, ask, now))
                .await?)
        }
        _ => Ok(fetched::poll(db, http, source, ask).await?),
    }
}

/// Asks `source` for papers by their names, and takes in those that it has. They
/// are without an announcement day: they can be liked, and no issue announces them.
/// Kinds of sources that cannot be asked so bring nothing.
pub async fn fetch_papers(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    ids: &[PaperId],
) -> Result<PollSummary, PollError> {
    let http = &http.with_shared_limit(Arc::new(DbRateLimit(db.clone())));
    match source.kind {
        SourceKind::Arxiv => Ok(arxiv::fetch_papers(db, http, source, ids).await?),
        _ => Ok(PollSummary {
            source: source.name.clone(),
            ..PollSummary::default()
        }),
    }
}

/// What is known of the source's days: the last ones, and those from `since` on.
async fn known(
    db: &Db,
    source: &str,
    since: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<Vec<Coverage>, StoreError> {
    let today = now.date_naive();
    let (first, last) = (today - Days::new(COVERAGE_DAYS), today + Days::new(2));
    let first = since.map_or(first, |since| first.min(since));
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
) -> Result<PollSummary, StoreError> {
    let Batch {
        papers,
        unreadable,
        mut news,
        read,
        merged,
        passed_over,
    } = batch;
    for news in &mut news {
        news.note = brief(&news.note);
    }
    let rejected = unreadable.len() as u64;
    let days: Vec<(String, NaiveDate)> = news
        .iter()
        .map(|news| (news.category.clone(), news.date))
        .collect();
    let set_aside = unreadable.into_iter().map(
        |Unreadable {
             place,
             reason,
             record,
         }| SetAside {
            place,
            reason,
            record,
        },
    );
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
    let count = |what: IntakeOutcome| taken.iter().filter(|became| **became == what).count() as u64;
    let mut coverage = Vec::new();
    if let (Some(first), Some(last)) = (
        days.iter().map(|day| day.1).min(),
        days.iter().map(|day| day.1).max(),
    ) {
        coverage = db.run(move |store| store.coverage(first, last)).await?;
        coverage
            .retain(|row| row.source == source && days.contains(&(row.category.clone(), row.date)));
    }
    Ok(PollSummary {
        source: source.to_owned(),
        read,
        new: count(IntakeOutcome::New),
        changed: count(IntakeOutcome::Changed),
        merged: merged + count(IntakeOutcome::Merged),
        passed_over,
        rejected,
        coverage,
        changes,
        set_aside,
        ..PollSummary::default()
    })
}

/// The news of days that were in another state before.
fn changes(before: &[Coverage], news: &[CoverageUpdate]) -> Vec<CoverageUpdate> {
    let is_new = |news: &&CoverageUpdate| {
        let before = before
            .iter()
            .find(|row| row.date == news.date && row.category == news.category);
        before.is_none_or(|row| row.state != news.state && !row.state.is_settled())
    };
    news.iter().filter(is_new).cloned().collect()
}

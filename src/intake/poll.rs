//! One poll of one source: new papers and coverage are stored together.

use super::shared_limit::DbRateLimit;
use super::{Import, IntakeError, set_aside};
use crate::coverage::{Coverage, CoverageState, CoverageUpdate};
use crate::http::Http;
use crate::paper::PaperId;
use crate::source::fetch::{AnnouncedDays, FetchResult, FetchWindow, Source, paper_ids, settle};
use crate::source::{Batch, SourceSettings, brief};
use crate::store::{Db, IntakeOutcome, SetAside, StoreError};
use chrono::{DateTime, Days, NaiveDate, SubsecRound, TimeDelta, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Pauses up to this length are waited out; after a longer one the next poll continues.
const PAUSE_MAX: TimeDelta = TimeDelta::seconds(60);

/// Number of pauses that are waited out in one step of a poll.
const PAUSES_MAX: u32 = 3;

/// Papers per transaction; a larger batch is split by day.
const BATCH_PAPERS: usize = 1_000;

/// Unknown papers that are looked up in one poll.
const EXAMPLES_MAX: u32 = 500;

/// Mark of the last look-up of papers that subscribers named.
const EXAMPLES_MARK: &str = "examples";

/// How far back coverage is searched for gaps.
const COVERAGE_DAYS: u64 = 40;

/// Extent of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollScope {
    /// Only days that may bring something new.
    WhatIsDue,
    /// Settled days, too.
    Everything,
    /// Settled days, too, and every open announcement day from this one on that the source
    /// still offers.
    Since(NaiveDate),
}

impl PollScope {
    /// Whether settled days are fetched, too.
    pub fn is_everything(self) -> bool {
        self != PollScope::WhatIsDue
    }

    /// The first day whose gaps are filled.
    pub fn since(self) -> Option<NaiveDate> {
        match self {
            PollScope::Since(date) => Some(date),
            PollScope::WhatIsDue | PollScope::Everything => None,
        }
    }
}

/// Counts and coverage of one poll of a source.
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
    /// Coverage of the days that were fetched.
    pub coverage: Vec<Coverage>,
    /// End of the pause that the provider asked for, if that ended the poll.
    pub paused_until: Option<DateTime<Utc>>,
    /// Categories that could not be fetched or read, with the reason.
    pub failures: Vec<(String, String)>,
    /// Notes for a person.
    pub notes: Vec<String>,
    /// Coverage that changed.
    #[serde(skip)]
    pub changes: Vec<CoverageUpdate>,
    /// The records that were set aside.
    #[serde(skip)]
    pub set_aside: Vec<SetAside>,
}

impl PollSummary {
    fn of(source: &SourceSettings) -> Self {
        PollSummary {
            source: source.name.clone(),
            ..PollSummary::default()
        }
    }

    /// Adds the result of another fetch of the same source.
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

    /// Logs the result; for the daemon, which prints nothing.
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
            tracing::warn!(source.name = source, %until, "the source asked for a pause");
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

/// Reasons why a source could not be polled.
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

/// Polls `source` and stores the result: one step of the daemon's loop, or of a command.
///
/// A source that fails is not an error: the coverage says so. The time of storing is
/// read from the client's clock after the last response, since a poll may last minutes.
pub async fn poll(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    scope: PollScope,
) -> Result<PollSummary, PollError> {
    let http = &http.with_shared_limit(Arc::new(DbRateLimit(db.clone())));
    let opened = source.open();
    let mut summary = PollSummary::of(source);
    for step in 0..opened.steps() {
        summary.add(poll_step(db, http, source, &*opened, scope, step).await?);
        if summary.paused_until.is_some() {
            return Ok(summary);
        }
    }
    if let Some(is_findable) = opened.finds() {
        summary.add(look_up_examples(db, http, source, &*opened, is_findable).await?);
    }
    Ok(summary)
}

/// Fetches one step until nothing is left or the provider asks for a long pause.
async fn poll_step(
    db: &Db,
    http: &Http,
    settings: &SourceSettings,
    source: &dyn Source,
    scope: PollScope,
    step: usize,
) -> Result<PollSummary, PollError> {
    let mut summary = PollSummary::of(settings);
    let mut done = BTreeSet::new();
    let mut pauses = 0;
    loop {
        let window = FetchWindow {
            step,
            done: done.clone(),
            ..window(db, settings, scope, http.now()).await?
        };
        let mut result = source.fetch(http, &window).await;
        let (pause, has_more) = (result.pause.take(), result.has_more);
        done.extend(std::mem::take(&mut result.done));
        summary.add(store_result(db, http, settings, result, &window).await?);
        match pause {
            Some(pause) => {
                let wait = pause.until - http.now();
                if wait > PAUSE_MAX || pauses == PAUSES_MAX {
                    summary.paused_until = Some(pause.until);
                    return Ok(summary);
                }
                pauses += 1;
                http.sleep(wait).await;
                // The next fetch repeats the parts that failed.
                summary.failures.clear();
            }
            None if has_more => {}
            None => return Ok(summary),
        }
    }
}

/// Looks up the papers that subscribers like or dislike and that are unknown here: each
/// once, whether or not the source has it.
async fn look_up_examples(
    db: &Db,
    http: &Http,
    settings: &SourceSettings,
    source: &dyn Source,
    is_findable: fn(&PaperId) -> bool,
) -> Result<PollSummary, PollError> {
    let now = http.now();
    let marks = marks(db, &settings.name).await?;
    let last = marks
        .get(EXAMPLES_MARK)
        .copied()
        .filter(|last| *last <= now);
    let (name, since) = (settings.name.clone(), last.unwrap_or(DateTime::UNIX_EPOCH));
    let unknown = db
        .run(move |store| store.unknown_examples(&name, since, EXAMPLES_MAX))
        .await?;
    let is_all = unknown.len() < EXAMPLES_MAX as usize;
    let (ids, foreign): (Vec<PaperId>, Vec<PaperId>) = unknown.into_iter().partition(is_findable);
    let mut result = FetchResult::default();
    if !ids.is_empty() {
        result = source.look_up(http, ids).await;
    }
    result.looked_up.extend(foreign);
    let pause = result.pause.take();
    if is_all && result.notes.is_empty() && pause.is_none() {
        result.marks.push(EXAMPLES_MARK.to_owned());
    }
    let mut summary = store_result(db, http, settings, result, &FetchWindow::at(now)).await?;
    summary.paused_until = pause.map(|pause| pause.until);
    Ok(summary)
}

/// Looks papers up by their ids and stores those that `source` has, without an
/// announcement day: they can be liked, and no issue announces them.
pub async fn fetch_papers(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    ids: &[PaperId],
) -> Result<PollSummary, PollError> {
    let http = &http.with_shared_limit(Arc::new(DbRateLimit(db.clone())));
    let mut result = source.open().look_up(http, ids.to_vec()).await;
    let pause = result.pause.take();
    let window = FetchWindow::at(http.now());
    let mut summary = store_result(db, http, source, result, &window).await?;
    summary.paused_until = pause.map(|pause| pause.until);
    Ok(summary)
}

/// The window of the next fetch: coverage of the last days and from `since` on, and marks.
async fn window(
    db: &Db,
    source: &SourceSettings,
    scope: PollScope,
    now: DateTime<Utc>,
) -> Result<FetchWindow, StoreError> {
    let today = now.date_naive();
    let (first, last) = (today - Days::new(COVERAGE_DAYS), today + Days::new(2));
    let since = scope.since();
    let first = since.map_or(first, |since| first.min(since));
    let mut known = db.run(move |store| store.coverage(first, last)).await?;
    known.retain(|row| row.source == source.name);
    Ok(FetchWindow {
        known,
        since,
        everything: scope.is_everything(),
        marked: marks(db, &source.name).await?,
        ..FetchWindow::at(now)
    })
}

async fn marks(db: &Db, source: &str) -> Result<HashMap<String, DateTime<Utc>>, StoreError> {
    let source = source.to_owned();
    let marks = db.run(move |store| store.source_marks(&source)).await?;
    Ok(marks.into_iter().collect())
}

/// Stores papers, coverage and marks of a fetch.
async fn store_result(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    mut result: FetchResult,
    window: &FetchWindow,
) -> Result<PollSummary, PollError> {
    let mut summary = PollSummary {
        asked: result.requested,
        failures: std::mem::take(&mut result.failures),
        notes: std::mem::take(&mut result.notes),
        ..PollSummary::of(source)
    };
    let (marks, looked_up) = (
        std::mem::take(&mut result.marks),
        std::mem::take(&mut result.looked_up),
    );
    let fetched_at = http.now();
    if let Some(path) = result.file.take() {
        let source = source.clone();
        let imported = db.run_blocking(move |db| import_file(db, &source, &path, fetched_at));
        summary.add(imported.await?);
    } else {
        let ids = paper_ids(&result);
        let announced = db.run(move |store| store.announcement_days(&ids)).await?;
        let announced: AnnouncedDays = announced.into_iter().collect();
        for batch in by_day(settle(result, &announced, window, fetched_at)) {
            summary.add(store_batch(db, source, &window.known, batch, fetched_at).await?);
        }
    }
    let name = source.name.clone();
    db.run(move |store| {
        for mark in &marks {
            store.note_source_asked(&name, mark, fetched_at)?;
        }
        store.note_papers_asked(&name, &looked_up, fetched_at)
    })
    .await?;
    Ok(summary)
}

/// Imports the papers of a file.
fn import_file(
    db: &Db,
    source: &SourceSettings,
    path: &Path,
    now: DateTime<Utc>,
) -> Result<PollSummary, IntakeError> {
    let mut import = Import::of(&source.name, now);
    import.take_in_file(db, path, |_, _| {})?;
    let imported = import.imported();
    let mut coverage = db.run_here(|store| store.coverage(NaiveDate::MIN, NaiveDate::MAX))?;
    coverage.retain(|row| row.source == source.name && row.checked_at == now.trunc_subsecs(0));
    Ok(PollSummary {
        read: imported.read,
        new: imported.new,
        changed: imported.changed,
        merged: imported.merged,
        rejected: imported.rejected,
        coverage,
        ..PollSummary::of(source)
    })
}

/// Splits a large batch so that no transaction is long: first the papers without a new
/// announcement day, then each day with its papers and its coverage.
fn by_day(mut batch: Batch) -> Vec<Batch> {
    if batch.papers.len() <= BATCH_PAPERS {
        return vec![batch];
    }
    let mut days: BTreeMap<NaiveDate, Batch> = BTreeMap::new();
    for update in std::mem::take(&mut batch.coverage) {
        days.entry(update.date).or_default().coverage.push(update);
    }
    let mut undated = Vec::new();
    for paper in std::mem::take(&mut batch.papers) {
        match paper.announced {
            Some(day) => days.entry(day).or_default().papers.push(paper),
            None => undated.push(paper),
        }
    }
    let mut parts = vec![batch];
    parts.extend(undated.chunks(BATCH_PAPERS).map(|papers| Batch {
        papers: papers.to_vec(),
        ..Batch::default()
    }));
    parts.extend(days.into_values());
    parts
}

async fn store_batch(
    db: &Db,
    source: &SourceSettings,
    before: &[Coverage],
    mut batch: Batch,
    now: DateTime<Utc>,
) -> Result<PollSummary, StoreError> {
    for update in &mut batch.coverage {
        update.note = brief(&update.note);
    }
    let days: Vec<(String, NaiveDate)> = batch
        .coverage
        .iter()
        .map(|update| (update.category.clone(), update.date))
        .collect();
    let mut summary = PollSummary {
        read: batch.read,
        passed_over: batch.passed_over,
        rejected: batch.unreadable.len() as u64,
        changes: changes(before, &batch.coverage),
        set_aside: batch.unreadable.into_iter().map(set_aside).collect(),
        ..PollSummary::of(source)
    };
    let (name, records) = (source.name.clone(), summary.set_aside.clone());
    let taken = db
        .run(move |store| {
            let taken = store.take_batch(&name, &batch.papers, &batch.coverage, now)?;
            store.set_aside(&name, &records, now)?;
            Ok(taken)
        })
        .await?;
    let count = |what: IntakeOutcome| taken.iter().filter(|became| **became == what).count() as u64;
    summary.new = count(IntakeOutcome::New);
    summary.changed = count(IntakeOutcome::Changed);
    summary.merged = batch.merged + count(IntakeOutcome::Merged);
    let dates = days.iter().map(|day| day.1);
    if let (Some(first), Some(last)) = (dates.clone().min(), dates.max()) {
        let mut coverage = db.run(move |store| store.coverage(first, last)).await?;
        coverage.retain(|row| {
            row.source == source.name && days.contains(&(row.category.clone(), row.date))
        });
        summary.coverage = coverage;
    }
    Ok(summary)
}

/// The updates of days that were in another state before.
fn changes(before: &[Coverage], updates: &[CoverageUpdate]) -> Vec<CoverageUpdate> {
    let is_change = |update: &&CoverageUpdate| {
        let before = before
            .iter()
            .find(|row| row.date == update.date && row.category == update.category);
        before.is_none_or(|row| row.state != update.state && !row.state.is_settled())
    };
    updates.iter().filter(is_change).cloned().collect()
}

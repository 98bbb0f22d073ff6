//! Papers, what is known of each announcement day, and records set aside.

use super::StoreError;
use crate::coverage::{Coverage, CoverageUpdate};
use crate::paper::{Paper, PaperId};
use chrono::{DateTime, NaiveDate, Utc};

/// The row of a paper: later rows were taken in later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaperRow(pub i64);

/// A paper with its row.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPaper {
    /// Its row.
    pub row: PaperRow,
    /// The paper.
    pub paper: Paper,
    /// When it was first taken in.
    pub seen_at: DateTime<Utc>,
}

/// What became of one paper of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntakeOutcome {
    /// It was not known.
    New,
    /// It was known, and something about it is new.
    Changed,
    /// It is one work with a paper that is known by another name.
    Merged,
    /// Nothing new.
    Known,
}

/// A record that could not be read, kept for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// File and line, or address of the answer.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
    /// The record as it came, cut if it is long.
    pub record: String,
}

/// A provider that wants to be left alone for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePause {
    /// Its name.
    pub provider: String,
    /// Until when.
    pub until: DateTime<Utc>,
    /// What it said.
    pub reason: String,
}

/// Verbs about papers.
pub trait PaperStore {
    /// Takes `papers` in as what `source` announced, and marks their announcement
    /// days as complete (a file knows what it holds); one answer for each paper, in order.
    ///
    /// A known paper keeps its row, its id and the earliest announcement day; a
    /// record of an earlier version than the one known changes nothing. Records
    /// that are one work ([`is_same_work`](crate::paper::is_same_work)) are one paper,
    /// whichever comes first, unless a person has taken them apart; a record that
    /// shows two papers to be one makes them one, and the older row stays. Each
    /// of several records of a work is kept.
    fn take_in(
        &mut self,
        source: &str,
        papers: &[Paper],
        now: DateTime<Utc>,
    ) -> Result<Vec<IntakeOutcome>, StoreError>;

    /// Takes in what was fetched from `source`: papers, and what is now known of
    /// its days, together or not at all; one answer for each paper, in order.
    ///
    /// Papers are taken in as by [`take_in`](Self::take_in), and mark no day.
    fn take_batch(
        &mut self,
        source: &str,
        papers: &[Paper],
        news: &[CoverageUpdate],
        now: DateTime<Utc>,
    ) -> Result<Vec<IntakeOutcome>, StoreError>;

    /// Keeps records that could not be read. The same record is kept once.
    fn set_aside(
        &mut self,
        source: &str,
        records: &[SetAside],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// The paper of which this is a name.
    fn paper(&mut self, id: &PaperId) -> Result<Option<StoredPaper>, StoreError>;

    /// Those of `ids` that are names of papers, each with its paper, in their order.
    fn papers_by_id(&mut self, ids: &[PaperId]) -> Result<Vec<(PaperId, StoredPaper)>, StoreError>;

    /// All papers announced from `first` to `last`, both included, by row.
    fn papers_announced(
        &mut self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<Vec<StoredPaper>, StoreError>;

    /// Up to `limit` papers whose row comes after `after`, by row.
    fn papers_after(&mut self, after: PaperRow, limit: u32)
    -> Result<Vec<StoredPaper>, StoreError>;

    /// Papers whose text holds the words of `query`, best first. Any text is a query.
    fn search_papers(&mut self, query: &str, limit: u32) -> Result<Vec<StoredPaper>, StoreError>;

    /// Papers announced on `date`, most votes first.
    fn trending_papers(
        &mut self,
        date: NaiveDate,
        limit: u32,
    ) -> Result<Vec<StoredPaper>, StoreError>;

    /// Those of `ids` that a source lists, with the days on which they were
    /// announced under that name.
    fn announcement_days(
        &mut self,
        ids: &[PaperId],
    ) -> Result<Vec<(PaperId, Option<NaiveDate>)>, StoreError>;

    /// Notes that a provider wants to be left alone. Of two pauses the longer one holds.
    fn pause_source(&mut self, pause: &SourcePause) -> Result<(), StoreError>;

    /// Until when a provider wants to be left alone, if it ever said so.
    fn source_pause(&mut self, provider: &str) -> Result<Option<SourcePause>, StoreError>;

    /// Papers announced on `date`.
    fn count_announced(&mut self, date: NaiveDate) -> Result<u32, StoreError>;

    /// The newest announcement day at or before `until` that is complete in some
    /// category. Quiet days are not looked at: there is nothing to read.
    fn newest_day(&mut self, until: NaiveDate) -> Result<Option<NaiveDate>, StoreError>;

    /// What is known of the days from `first` to `last`, both included, by date,
    /// source and category.
    fn coverage(&mut self, first: NaiveDate, last: NaiveDate) -> Result<Vec<Coverage>, StoreError>;

    /// How many papers there are.
    fn count_papers(&mut self) -> Result<u64, StoreError>;

    /// The background statistics last saved, with the row up to which they count.
    fn background(&mut self) -> Result<Option<(PaperRow, Vec<u8>)>, StoreError>;

    /// Saves background statistics that count every paper up to `row`.
    fn save_background(&mut self, row: PaperRow, bytes: &[u8]) -> Result<(), StoreError>;
}

//! Papers, coverage of announcement days, and unreadable records.

use super::StoreError;
use crate::coverage::{Coverage, CoverageUpdate};
use crate::paper::{Paper, PaperId};
use chrono::{DateTime, NaiveDate, Utc};

/// The row of a paper. Later rows were taken in later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaperRow(pub i64);

/// A paper with its row.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPaper {
    /// Row of the paper.
    pub row: PaperRow,
    /// The paper.
    pub paper: Paper,
    /// Time at which it was first taken in.
    pub seen_at: DateTime<Utc>,
}

/// The outcome of taking in one paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntakeOutcome {
    /// Not known before.
    New,
    /// Known, and changed.
    Changed,
    /// Merged with a paper known by another name.
    Merged,
    /// Known, and unchanged.
    Known,
}

/// An unreadable record, kept for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// File and line, or address of the answer.
    pub place: String,
    /// The problem.
    pub reason: String,
    /// The record as it came, truncated if it is long.
    pub record: String,
}

/// A pause that a provider asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePause {
    /// Name of the provider.
    pub provider: String,
    /// End of the pause.
    pub until: DateTime<Utc>,
    /// Text of the provider.
    pub reason: String,
}

/// Papers, coverage and unreadable records.
pub trait PaperStore {
    /// Takes in `papers` as announced by `source`, and marks their announcement days as complete
    /// (a file is complete in itself). Returns one outcome for each paper, in order.
    ///
    /// A known paper keeps its row, its id and the earliest announcement day; a record of an
    /// earlier version than the known one changes nothing. Records of one work
    /// ([`is_same_work`](crate::paper::is_same_work)) become one paper, in any order, unless a
    /// person has split them; a record that shows two papers to be one work merges them into the
    /// older row. Each of several records of a work is kept.
    fn take_in(
        &mut self,
        source: &str,
        papers: &[Paper],
        now: DateTime<Utc>,
    ) -> Result<Vec<IntakeOutcome>, StoreError>;

    /// Takes in a fetched batch of `source`: papers and coverage, in one transaction. Returns
    /// one outcome for each paper, in order.
    ///
    /// Papers are taken in as by [`take_in`](Self::take_in), but mark no day.
    fn take_batch(
        &mut self,
        source: &str,
        papers: &[Paper],
        news: &[CoverageUpdate],
        now: DateTime<Utc>,
    ) -> Result<Vec<IntakeOutcome>, StoreError>;

    /// Keeps unreadable records, each once.
    fn set_aside(
        &mut self,
        source: &str,
        records: &[SetAside],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Returns the paper that has this name.
    fn paper(&mut self, id: &PaperId) -> Result<Option<StoredPaper>, StoreError>;

    /// Returns the papers that `ids` name, each with the name, in their order.
    fn papers_by_id(&mut self, ids: &[PaperId]) -> Result<Vec<(PaperId, StoredPaper)>, StoreError>;

    /// Returns all papers announced from `first` to `last`, both included, by row.
    fn papers_announced(
        &mut self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<Vec<StoredPaper>, StoreError>;

    /// Returns up to `limit` papers whose row comes after `after`, by row.
    fn papers_after(&mut self, after: PaperRow, limit: u32)
    -> Result<Vec<StoredPaper>, StoreError>;

    /// Returns papers whose text contains the words of `query`, best first. Any text is a query.
    fn search_papers(&mut self, query: &str, limit: u32) -> Result<Vec<StoredPaper>, StoreError>;

    /// Returns papers announced on `date`, most votes first.
    fn trending_papers(
        &mut self,
        date: NaiveDate,
        limit: u32,
    ) -> Result<Vec<StoredPaper>, StoreError>;

    /// Returns those of `ids` that a source lists, with the days on which they were announced
    /// under that name.
    fn announcement_days(
        &mut self,
        ids: &[PaperId],
    ) -> Result<Vec<(PaperId, Option<NaiveDate>)>, StoreError>;

    /// Records a provider's pause. The longer of two pauses is kept.
    fn pause_source(&mut self, pause: &SourcePause) -> Result<(), StoreError>;

    /// Returns the end of a provider's pause, if it ever asked for one.
    fn source_pause(&mut self, provider: &str) -> Result<Option<SourcePause>, StoreError>;

    /// Counts the papers announced on `date`.
    fn count_announced(&mut self, date: NaiveDate) -> Result<u32, StoreError>;

    /// Returns the newest announcement day up to `until` that is complete in some category,
    /// without quiet days: they have no papers.
    fn newest_day(&mut self, until: NaiveDate) -> Result<Option<NaiveDate>, StoreError>;

    /// Returns the coverage of the days from `first` to `last`, both included, by date, source
    /// and category.
    fn coverage(&mut self, first: NaiveDate, last: NaiveDate) -> Result<Vec<Coverage>, StoreError>;

    /// Counts the papers.
    fn count_papers(&mut self) -> Result<u64, StoreError>;

    /// Returns the last saved background statistics, with the row up to which they count.
    fn background(&mut self) -> Result<Option<(PaperRow, Vec<u8>)>, StoreError>;

    /// Saves background statistics that count every paper up to `row`.
    fn save_background(&mut self, row: PaperRow, bytes: &[u8]) -> Result<(), StoreError>;
}

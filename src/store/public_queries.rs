//! Queries of the public pages.

use super::{PaperRecord, PaperRow, StoreError, StoredPaper};
use crate::paper::PaperId;
use crate::pick::PaperNews;
use chrono::NaiveDate;

/// A page of the papers of one announcement day, most votes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayQuery {
    /// Announcement day.
    pub date: NaiveDate,
    /// Category, if only one is wanted.
    pub category: Option<String>,
    /// Papers to skip.
    pub offset: u32,
    /// Most papers to return.
    pub limit: u32,
}

/// A page of the papers of one day.
#[derive(Debug, Clone, PartialEq)]
pub struct DayPage {
    /// The papers.
    pub papers: Vec<StoredPaper>,
    /// Number of papers on all pages.
    pub total: u32,
}

/// The number of papers of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// Announcement day.
    pub date: NaiveDate,
    /// Number of papers.
    pub papers: u32,
}

/// The data of a paper's page.
#[derive(Debug, Clone, PartialEq)]
pub struct PaperPage {
    /// The paper.
    pub stored: StoredPaper,
    /// Records of its sources, as [`WorkStore::paper_records`](super::WorkStore::paper_records).
    pub records: Vec<PaperRecord>,
    /// Events, as [`PublicQueryStore::paper_events`].
    pub events: Vec<(NaiveDate, PaperNews)>,
    /// Signature, if it has one.
    pub signature: Option<Vec<u8>>,
}

/// Counters that change when the public pages' data changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    /// Changes of papers, days and similarity.
    pub papers: i64,
    /// Changes of readers' votes, and clicks.
    pub votes: (i64, i64),
}

/// Queries for the public pages. None of them changes anything.
pub trait PublicQueryStore {
    /// Returns a page of the papers of one day.
    fn papers_of_day(&mut self, query: &DayQuery) -> Result<DayPage, StoreError>;

    /// Returns the papers of a day, or those in `category`, with the votes that each came with,
    /// in no order.
    fn votes_of_day(
        &mut self,
        date: NaiveDate,
        category: Option<&str>,
    ) -> Result<Vec<(PaperRow, u32)>, StoreError>;

    /// Returns the nearest days with papers before and after `date`.
    fn days_around(
        &mut self,
        date: NaiveDate,
    ) -> Result<(Option<NaiveDate>, Option<NaiveDate>), StoreError>;

    /// Returns up to `limit` days with papers up to `until`, newest first.
    fn days_with_papers(
        &mut self,
        until: NaiveDate,
        limit: u32,
    ) -> Result<Vec<DayCount>, StoreError>;

    /// Whether a source announces in this category or a paper is in it, in any case; for `xx.*`,
    /// in one that begins with `xx.`. Reads all papers if not.
    fn knows_category(&mut self, code: &str) -> Result<bool, StoreError>;

    /// Counts the papers of a day by category, most papers first.
    fn categories_of_day(&mut self, date: NaiveDate) -> Result<Vec<(String, u32)>, StoreError>;

    /// Returns the paper in this row, or the one that it was merged into.
    fn standing_paper(&mut self, row: PaperRow) -> Result<Option<StoredPaper>, StoreError>;

    /// Returns the events of the paper in this row with their days, oldest first.
    fn paper_events(&mut self, row: PaperRow) -> Result<Vec<(NaiveDate, PaperNews)>, StoreError>;

    /// Returns the data of a paper's page.
    fn paper_page(&mut self, id: &PaperId) -> Result<Option<PaperPage>, StoreError>;

    /// Returns the counters of changes. Whatever takes papers in, splits or signs them
    /// increments `papers`, if it changed something.
    fn changes(&mut self) -> Result<Changes, StoreError>;
}

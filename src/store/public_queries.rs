//! What the public pages ask: papers of a day, and where other days are.

use super::{PaperRecord, PaperRow, StoreError, StoredPaper};
use crate::paper::PaperId;
use crate::pick::PaperNews;
use chrono::NaiveDate;

/// Papers of one announcement day, most votes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayQuery {
    /// The day.
    pub date: NaiveDate,
    /// Only of this category.
    pub category: Option<String>,
    /// So many are passed over.
    pub offset: u32,
    /// At most so many.
    pub limit: u32,
}

/// A piece of a day.
#[derive(Debug, Clone, PartialEq)]
pub struct DayPage {
    /// The papers.
    pub papers: Vec<StoredPaper>,
    /// How many there are in all.
    pub total: u32,
}

/// A day with papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// The announcement day.
    pub date: NaiveDate,
    /// Its papers.
    pub papers: u32,
}

/// What the page of a paper shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PaperPage {
    /// The paper.
    pub stored: StoredPaper,
    /// What each source says of it, as [`WorkStore::paper_records`](super::WorkStore::paper_records).
    pub records: Vec<PaperRecord>,
    /// What became of it, as [`PublicQueryStore::paper_events`].
    pub events: Vec<(NaiveDate, PaperNews)>,
    /// Its signature, if it has one.
    pub signature: Option<Vec<u8>>,
}

/// Numbers that differ once something has changed that public pages show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    /// Papers, days, and what is known of how papers are like each other.
    pub papers: i64,
    /// What our readers said of papers, and their clicks.
    pub votes: (i64, i64),
}

/// Verbs for readers of the public pages; none of them changes anything.
pub trait PublicQueryStore {
    /// A piece of a day.
    fn papers_of_day(&mut self, query: &DayQuery) -> Result<DayPage, StoreError>;

    /// The papers of a day, or those of them that are in `category`, with the votes
    /// that each came with; in no order.
    fn votes_of_day(
        &mut self,
        date: NaiveDate,
        category: Option<&str>,
    ) -> Result<Vec<(PaperRow, u32)>, StoreError>;

    /// The nearest days with papers before and after `date`.
    fn days_around(
        &mut self,
        date: NaiveDate,
    ) -> Result<(Option<NaiveDate>, Option<NaiveDate>), StoreError>;

    /// Up to `limit` days with papers at or before `until`, the newest first.
    fn days_with_papers(
        &mut self,
        until: NaiveDate,
        limit: u32,
    ) -> Result<Vec<DayCount>, StoreError>;

    /// Whether a source announces in this category or a paper is in it, however it is
    /// written; for `xx.*`, in one that begins with `xx.`. Reads all papers if not.
    fn knows_category(&mut self, code: &str) -> Result<bool, StoreError>;

    /// The categories of a day's papers with how many are in each, most papers first.
    fn categories_of_day(&mut self, date: NaiveDate) -> Result<Vec<(String, u32)>, StoreError>;

    /// The paper in this row, or the one that it was merged into.
    fn standing_paper(&mut self, row: PaperRow) -> Result<Option<StoredPaper>, StoreError>;

    /// What became of the paper in this row, with the day on which that was seen, oldest first.
    fn paper_events(&mut self, row: PaperRow) -> Result<Vec<(NaiveDate, PaperNews)>, StoreError>;

    /// All that the page of the paper with this name shows of the paper.
    fn paper_page(&mut self, id: &PaperId) -> Result<Option<PaperPage>, StoreError>;

    /// What differs once a public page is to be made anew. Whatever takes papers in,
    /// takes them apart or signs them changes `papers`, if anything came of it.
    fn changes(&mut self) -> Result<Changes, StoreError>;
}

//! Works with several records: splitting them, and their events.

use super::{PaperRow, StoreError, StoredPaper};
use crate::paper::PaperId;
use crate::pick::PaperNews;
use crate::subscriber::SubscriberId;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// A source's record of a work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PaperRecord {
    /// Id of the work at its source.
    pub id: PaperId,
    /// Name of the source.
    pub source: String,
    /// Every name in the record.
    pub names: Vec<PaperId>,
    /// Time at which it was first taken in.
    pub seen_at: DateTime<Utc>,
}

/// The outcome of splitting a work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SplitOutcome {
    /// Split into two papers.
    Done {
        /// Paper that the records were taken from.
        from: PaperId,
        /// Records that are a paper of their own now, the requested one first.
        apart: Vec<PaperId>,
    },
    /// No paper has this name.
    Unknown,
    /// The paper has one record, or records of one name.
    Whole(PaperId),
    /// The paper has several records: one of these must be named.
    Several(PaperId, Vec<PaperId>),
    /// No record has this name as its id: the record with this id contains it.
    OnlyAName(PaperId),
}

/// An event of a paper that a subscriber knows.
#[derive(Debug, Clone, PartialEq)]
pub struct PaperEvent {
    /// The paper as it is now.
    pub paper: StoredPaper,
    /// The event.
    pub news: PaperNews,
    /// Day on which it was seen.
    pub day: NaiveDate,
}

/// The methods for works.
pub trait WorkStore {
    /// Returns the records of the paper in `row`, oldest first.
    fn paper_records(&mut self, row: PaperRow) -> Result<Vec<PaperRecord>, StoreError>;

    /// Splits the record `id` from the paper that it was merged into, together with the records
    /// that belong to it alone: they become a paper of their own, and are never merged with the
    /// rest again. If `id` is the paper's own name, its one other record is split off.
    ///
    /// Issues keep the name that they were sent under.
    fn split_paper(&mut self, id: &PaperId, now: DateTime<Utc>)
    -> Result<SplitOutcome, StoreError>;

    /// Returns the events since `since` of the papers that `subscriber` was sent, and of those in
    /// `liked`, by row, without those that an issue has reported.
    fn news_for(
        &mut self,
        subscriber: SubscriberId,
        liked: &[PaperId],
        since: DateTime<Utc>,
    ) -> Result<Vec<PaperEvent>, StoreError>;
}

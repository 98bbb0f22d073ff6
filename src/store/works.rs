//! Works that several records tell of: taking them apart, and what became of them.

use super::{PaperRow, StoreError, StoredPaper};
use crate::paper::PaperId;
use crate::pick::PaperNews;
use crate::subscriber::SubscriberId;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// One record of a work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PaperRecord {
    /// What its source calls the work.
    pub id: PaperId,
    /// Its source.
    pub source: String,
    /// Every name in it.
    pub names: Vec<PaperId>,
    /// When it was first taken in.
    pub seen_at: DateTime<Utc>,
}

/// What came of taking a work apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SplitOutcome {
    /// These are two papers now.
    Done {
        /// The paper that it was taken from.
        from: PaperId,
        /// The records that are a paper of their own now, the one asked for first.
        apart: Vec<PaperId>,
    },
    /// No paper has this name.
    Unknown,
    /// The paper is one record, or records of one name.
    Whole(PaperId),
    /// Several records were merged into the paper: one of these has to be named.
    Several(PaperId, Vec<PaperId>),
    /// No record is listed under this name: the record with this id brought it.
    OnlyAName(PaperId),
}

/// Something that became of a paper that a subscriber knows.
#[derive(Debug, Clone, PartialEq)]
pub struct PaperEvent {
    /// The paper as it is now.
    pub paper: StoredPaper,
    /// What became of it.
    pub news: PaperNews,
    /// The day on which that was seen.
    pub day: NaiveDate,
}

/// Verbs about works.
pub trait WorkStore {
    /// What each source says of the paper in `row`, in the order in which it came.
    fn paper_records(&mut self, row: PaperRow) -> Result<Vec<PaperRecord>, StoreError>;

    /// Takes the record called `id` out of the paper that it was merged into, with
    /// the records that belong to it alone: they are a paper of their own again,
    /// and never merged with the rest again. If `id` is the paper's own name, the
    /// one other record is taken out.
    ///
    /// What was sent under either name stays with it.
    fn split_paper(&mut self, id: &PaperId, now: DateTime<Utc>)
    -> Result<SplitOutcome, StoreError>;

    /// What became since `since` of the papers that `subscriber` was sent, and of
    /// those in `liked`, by row; without what an issue has told them already.
    fn news_for(
        &mut self,
        subscriber: SubscriberId,
        liked: &[PaperId],
        since: DateTime<Utc>,
    ) -> Result<Vec<PaperEvent>, StoreError>;
}

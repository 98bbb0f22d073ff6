//! Which papers are most like each other.

use super::{PaperRow, StoreError, StoredPaper};
use chrono::{DateTime, Utc};

/// A round in which the papers like every paper were worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimilarRound {
    /// How many papers there were.
    pub papers: u64,
    /// The last row among them.
    pub newest: PaperRow,
    /// When it began.
    pub at: DateTime<Utc>,
}

/// A paper and those most like it, most alike first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimilarTo {
    /// The paper.
    pub paper: PaperRow,
    /// The others.
    pub others: Vec<PaperRow>,
}

/// Verbs about similar papers.
pub trait SimilarStore {
    /// The last round that came to its end.
    fn similar_round(&mut self) -> Result<Option<SimilarRound>, StoreError>;

    /// Notes that a round came to its end, and forgets the lists of papers that
    /// are papers no longer.
    fn save_similar_round(&mut self, round: &SimilarRound) -> Result<(), StoreError>;

    /// Keeps lists in place of those before; how many of them say something new.
    fn save_similar(&mut self, lists: &[SimilarTo]) -> Result<u64, StoreError>;

    /// The papers that the list of `row` holds, as they are now, in its order,
    /// without those that have since become another name of one; `None` where
    /// there is no list. A list goes when the text of its paper changes.
    fn similar_papers(&mut self, row: PaperRow) -> Result<Option<Vec<StoredPaper>>, StoreError>;

    /// How many papers there are, and the last row among them.
    fn extent(&mut self) -> Result<(u64, PaperRow), StoreError>;
}

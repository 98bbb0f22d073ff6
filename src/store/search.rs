//! Finding papers by their words.

use super::{PaperRow, StoreError};
use crate::paper::PaperId;
use crate::paper::query::{SearchQuery, SearchWords};

/// A paper that was found, and how well it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchHit {
    /// Which.
    pub paper: PaperRow,
    /// More is better; comparable within one answer only.
    pub fit: f32,
}

/// Verbs that find papers.
pub trait SearchStore {
    /// The papers that fit `query`, best first: `limit` of them after the first
    /// `offset`. Without words it is the newest that come first. Any query will
    /// do; one that asks for nothing finds nothing.
    fn find_papers(
        &mut self,
        query: &SearchQuery,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<SearchHit>, StoreError>;

    /// Up to `limit` papers with at least one of `words`, those with most and
    /// rarest of them first.
    fn papers_with_any(
        &mut self,
        words: &[SearchWords],
        limit: u32,
    ) -> Result<Vec<SearchHit>, StoreError>;

    /// Those of `papers` that pass the filters of `query`: categories, sources,
    /// dates, and words that must not be there; in their order.
    fn filter_papers(
        &mut self,
        query: &SearchQuery,
        papers: &[PaperRow],
    ) -> Result<Vec<PaperRow>, StoreError>;

    /// The papers in these rows, in their order, without those that have become
    /// another name of one.
    fn papers_in_rows(&mut self, rows: &[PaperRow]) -> Result<Vec<super::StoredPaper>, StoreError>;

    /// The row of the paper that goes by one of these names: its id, its DOI.
    fn row_of(&mut self, ids: &[PaperId]) -> Result<Option<PaperRow>, StoreError>;
}

//! Full-text search of papers.

use super::{PaperRow, StoreError};
use crate::paper::PaperId;
use crate::paper::query::{SearchQuery, SearchWords};

/// A paper that was found, with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchHit {
    /// Row of the paper.
    pub paper: PaperRow,
    /// Score: more is better; comparable within one result only.
    pub fit: f32,
}

/// The methods for search.
pub trait SearchStore {
    /// Returns the papers that match `query`, best first: `limit` of them after the first
    /// `offset`. Without words, the newest come first. Any query is valid; an empty one finds
    /// nothing.
    fn find_papers(
        &mut self,
        query: &SearchQuery,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<SearchHit>, StoreError>;

    /// Returns up to `limit` papers with at least one of `words`, those with most and rarest
    /// first.
    fn papers_with_any(
        &mut self,
        words: &[SearchWords],
        limit: u32,
    ) -> Result<Vec<SearchHit>, StoreError>;

    /// Returns those of `papers` that pass the filters of `query` (categories, sources, dates,
    /// excluded words), in their order.
    fn filter_papers(
        &mut self,
        query: &SearchQuery,
        papers: &[PaperRow],
    ) -> Result<Vec<PaperRow>, StoreError>;

    /// Returns the papers in these rows, in their order, without rows merged into another paper.
    fn papers_in_rows(&mut self, rows: &[PaperRow]) -> Result<Vec<super::StoredPaper>, StoreError>;

    /// Returns the row of the paper with one of these names: id, DOI.
    fn row_of(&mut self, ids: &[PaperId]) -> Result<Option<PaperRow>, StoreError>;
}

//! The archive: the papers that were taken in, searched.
//!
//! Statistics over all papers ([`refresh_stats`]), dense vectors ([`refresh_vectors`]),
//! similar papers ([`SimilarityIndex`]), search by words ([`search`](fn@search)) and
//! resolving what a person names ([`resolve_papers`], [`match_works`]).

mod match_works;
mod resolve_papers;
mod search;
mod signatures;
mod similar;
mod statistics;
mod vector_index;
mod vectors;

pub use match_works::{MatchedWorks, match_works};
pub use resolve_papers::{ResolvedPapers, resolve_papers};
pub use search::{SearchResults, VectorSearch, search};
pub use similar::{SimilarityIndex, refresh_signatures, similar_papers};
pub use statistics::{ArchiveStats, ArchiveVectors, refresh_background, refresh_stats};
pub use vector_index::VectorIndex;
pub use vectors::{ActiveEmbedder, StoredVectors, VectorError, refresh_vectors};

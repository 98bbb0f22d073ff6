//! Embedders learned from the archive.

use super::StoreError;

/// An embedder with the statistics of its vectors over the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEmbedder {
    /// Name of the embedder.
    pub name: String,
    /// Papers in the archive at the time of learning.
    pub papers: u32,
    /// The embedder itself, if it was learned from the archive; empty otherwise.
    pub model: Vec<u8>,
    /// Mean and covariance of its vectors.
    pub background: Vec<u8>,
}

/// Embedders, at most one of each kind.
pub trait EmbedderStore {
    /// Returns the last saved embedder of `kind`.
    fn embedder(&mut self, kind: &str) -> Result<Option<StoredEmbedder>, StoreError>;

    /// Saves `embedder`, replacing the one of its kind.
    fn save_embedder(&mut self, kind: &str, embedder: &StoredEmbedder) -> Result<(), StoreError>;
}

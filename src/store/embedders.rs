//! What was learned from the archive to make dense vectors with.

use super::StoreError;

/// A maker of dense vectors and the statistics of its vectors over the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEmbedder {
    /// The maker's name.
    pub name: String,
    /// Papers in the archive when this was learned.
    pub papers: u32,
    /// The maker itself, where it was learned from the archive; empty otherwise.
    pub model: Vec<u8>,
    /// Mean and covariance of its vectors.
    pub background: Vec<u8>,
}

/// Verbs about makers of dense vectors. There is at most one of each kind.
pub trait EmbedderStore {
    /// The one of `kind` last saved.
    fn embedder(&mut self, kind: &str) -> Result<Option<StoredEmbedder>, StoreError>;

    /// Saves the one of `kind` in place of any before.
    fn save_embedder(&mut self, kind: &str, embedder: &StoredEmbedder) -> Result<(), StoreError>;
}

//! Dense vectors of papers, and the active model.

use super::{PaperRow, StoreError, StoredPaper};
use chrono::{DateTime, Utc};

/// The model whose vectors are used for ranking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveModel {
    /// Name of its embedder ([`crate::embedding::Embedder::name`]).
    pub maker: String,
    /// Name among the installed models.
    pub folder: String,
}

/// A model with stored vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRow {
    /// Name of its embedder.
    pub maker: String,
    /// Name among the installed models.
    pub folder: String,
    /// Whether it is active.
    pub is_active: bool,
    /// Number of papers with a vector.
    pub vectors: u64,
}

/// A vector to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewVector<'a> {
    /// Paper, as the vector was computed from it.
    pub paper: &'a StoredPaper,
    /// The components.
    pub vector: &'a [f32],
}

/// Vectors. Vectors of different embedders are never mixed: every method names one.
pub trait VectorStore {
    /// Returns the active model, if there is one.
    fn active_model(&mut self) -> Result<Option<ActiveModel>, StoreError>;

    /// Returns all models with stored vectors, the active one first.
    fn models(&mut self) -> Result<Vec<ModelRow>, StoreError>;

    /// Prepares for the vectors of the embedder `maker`, installed as the model `folder`.
    /// Existing vectors stay.
    fn begin_model(
        &mut self,
        maker: &str,
        folder: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Activates the model of the embedder `maker`, and deletes the vectors of all others.
    /// Returns `false`, and changes nothing, if it was not prepared.
    fn activate_model(&mut self, maker: &str) -> Result<bool, StoreError>;

    /// Deletes all models and their vectors.
    fn forget_models(&mut self) -> Result<(), StoreError>;

    /// Returns up to `limit` papers without a vector of `maker`, those announced last first;
    /// only those after `after` in that order.
    fn vectors_missing(
        &mut self,
        maker: &str,
        after: Option<&StoredPaper>,
        limit: u32,
    ) -> Result<Vec<StoredPaper>, StoreError>;

    /// Counts the papers without a vector of `maker`.
    fn count_vectors_missing(&mut self, maker: &str) -> Result<u64, StoreError>;

    /// Stores vectors of `maker`, and returns how many. Skips papers whose title or abstract has
    /// changed since, and everything if `maker` was deleted meanwhile.
    fn save_vectors(&mut self, maker: &str, vectors: &[NewVector<'_>]) -> Result<u64, StoreError>;

    /// Calls `each` for every packed vector of `maker`, in the order of papers.
    fn each_vector(
        &mut self,
        maker: &str,
        each: &mut dyn FnMut(PaperRow, &[u8]),
    ) -> Result<(), StoreError>;

    /// Returns the vectors of `maker` for `rows`, in their order; `None` where there is none.
    fn vectors(
        &mut self,
        maker: &str,
        rows: &[PaperRow],
    ) -> Result<Vec<Option<Vec<f32>>>, StoreError>;
}

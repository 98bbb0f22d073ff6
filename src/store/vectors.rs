//! Dense vectors of papers, and the model whose vectors rank.

use super::{PaperRow, StoreError, StoredPaper};
use chrono::{DateTime, Utc};

/// The model whose vectors rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveModel {
    /// The name of its maker ([`crate::embedding::Embedder::name`]).
    pub maker: String,
    /// Its name among the installed models.
    pub folder: String,
}

/// A model that there are vectors of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRow {
    /// The name of its maker.
    pub maker: String,
    /// Its name among the installed models.
    pub folder: String,
    /// Whether its vectors rank.
    pub is_active: bool,
    /// How many papers have a vector.
    pub vectors: u64,
}

/// A vector to keep.
#[derive(Debug, Clone, Copy)]
pub struct NewVector<'a> {
    /// The paper, as the vector was made from it.
    pub paper: &'a StoredPaper,
    /// Its numbers.
    pub vector: &'a [f32],
}

/// Verbs about vectors. Vectors of different makers never meet: every verb names one.
pub trait VectorStore {
    /// The model whose vectors rank, if one was chosen.
    fn active_model(&mut self) -> Result<Option<ActiveModel>, StoreError>;

    /// All models that vectors are kept of, the active one first.
    fn models(&mut self) -> Result<Vec<ModelRow>, StoreError>;

    /// Makes room for the vectors of `maker`, the model installed as `folder`.
    /// Those that are there already stay.
    fn begin_model(
        &mut self,
        maker: &str,
        folder: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Lets the vectors of `maker` rank, and forgets all others. Whether there was
    /// room for them: if not, nothing changes.
    fn activate_model(&mut self, maker: &str) -> Result<bool, StoreError>;

    /// Forgets all models and their vectors.
    fn forget_models(&mut self) -> Result<(), StoreError>;

    /// Up to `limit` papers without a vector of `maker`, those announced last
    /// first; only such as come after `after` in that order.
    fn vectors_missing(
        &mut self,
        maker: &str,
        after: Option<&StoredPaper>,
        limit: u32,
    ) -> Result<Vec<StoredPaper>, StoreError>;

    /// How many papers have no vector of `maker`.
    fn count_vectors_missing(&mut self, maker: &str) -> Result<u64, StoreError>;

    /// Keeps vectors of `maker`, and says how many. Passed over are papers whose
    /// title or abstract has changed since, and everything if `maker` was forgotten meanwhile.
    fn save_vectors(&mut self, maker: &str, vectors: &[NewVector<'_>]) -> Result<u64, StoreError>;

    /// Shows `each` every vector of `maker` as it is packed, in the order of papers.
    fn each_vector(
        &mut self,
        maker: &str,
        each: &mut dyn FnMut(PaperRow, &[u8]),
    ) -> Result<(), StoreError>;

    /// The vectors of `maker` for `rows`, in their order; `None` where there is none.
    fn vectors(
        &mut self,
        maker: &str,
        rows: &[PaperRow],
    ) -> Result<Vec<Option<Vec<f32>>>, StoreError>;
}

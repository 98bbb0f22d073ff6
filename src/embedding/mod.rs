//! Makes dense vectors of papers.
//!
//! A maker turns texts into vectors of unit length in which likeness of meaning
//! is a scalar product. Vectors of two makers are never compared: every stored
//! one carries the name of its maker.

mod matrix;
pub mod svd;

pub use svd::SvdEmbedder;

use crate::paper::Paper;

/// A maker of dense vectors.
pub trait Embedder: Send + Sync {
    /// What tells its vectors from those of any other maker: kind, model and a
    /// checksum of its weights, such as `svd-256-1f3a9c20`.
    fn name(&self) -> &str;

    /// Numbers in each vector.
    fn dimensions(&self) -> usize;

    /// One vector for each of `papers`, in order: unit length, or all zero where
    /// the maker knows nothing of the text.
    fn embed(&self, papers: &[&Paper]) -> Vec<Vec<f32>>;
}

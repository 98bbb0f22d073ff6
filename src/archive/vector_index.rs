//! The dense vectors of the archive in memory, for pages that are requested often.

use super::VectorSearch;
use super::vectors::BestOf;
use crate::embedding::{Embedder, QuantizedVector};
use crate::paper::Paper;
use crate::store::{Db, PaperRow, StoreError};
use std::sync::Arc;

/// A snapshot of one embedder's vectors: one byte a number, 23 MB for 60,000 papers and
/// 384 dimensions.
pub struct VectorIndex {
    maker: Arc<dyn Embedder>,
    /// Papers in the order of the vectors.
    rows: Vec<PaperRow>,
    /// `QuantizedVector` vectors, one after the other.
    bytes: Vec<u8>,
    /// Bytes of each vector.
    stride: usize,
}

impl std::fmt::Debug for VectorIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "VectorIndex({} by {})",
            self.rows.len(),
            self.maker.name()
        )
    }
}

impl VectorIndex {
    /// Reads the stored vectors of `maker`.
    pub fn read(db: &Db, maker: Arc<dyn Embedder>) -> Result<Self, StoreError> {
        let (mut rows, mut bytes, mut stride) = (Vec::new(), Vec::new(), 0);
        db.read_here(|store| {
            store.each_vector(maker.name(), &mut |row, packed| {
                if rows.is_empty() {
                    stride = packed.len();
                }
                // A vector of another length is not of this embedder.
                if packed.len() == stride && stride > 0 {
                    rows.push(row);
                    bytes.extend_from_slice(packed);
                }
            })
        })?;
        rows.shrink_to_fit();
        bytes.shrink_to_fit();
        Ok(VectorIndex {
            maker,
            rows,
            bytes,
            stride,
        })
    }
}

impl VectorSearch for VectorIndex {
    fn nearest(&self, paper: &Paper, limit: usize) -> Vec<PaperRow> {
        let Some(asked) = self.maker.embed(&[paper]).pop() else {
            return Vec::new();
        };
        if self.rows.is_empty() {
            return Vec::new();
        }
        let asked = QuantizedVector::new(&asked);
        let mut best = BestOf::new(limit);
        for (packed, row) in self.bytes.chunks_exact(self.stride).zip(&self.rows) {
            if let Some(cosine) = asked.dot(packed) {
                best.add(cosine, *row);
            }
        }
        best.sorted()
    }
}

//! The dense vectors of the archive held in memory, for pages that are asked often.

use super::find::Nearest;
use super::vectors::BestOf;
use crate::embedding::{Embedder, QuantizedVector};
use crate::paper::Paper;
use crate::store::{Db, PaperRow, StoreError};
use std::sync::Arc;

/// The vectors of one maker as they were when they were read: a byte for each
/// number, 23 MB for 60,000 papers of a model with 384 numbers.
pub struct HeldVectors {
    maker: Arc<dyn Embedder>,
    /// In the order of papers.
    rows: Vec<PaperRow>,
    /// QuantizedVector vectors, one after the other.
    bytes: Vec<u8>,
    /// Bytes in each.
    stride: usize,
}

impl std::fmt::Debug for HeldVectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "HeldVectors({} by {})",
            self.rows.len(),
            self.maker.name()
        )
    }
}

impl HeldVectors {
    /// Reads the vectors that `db` keeps of `maker`.
    pub fn read(db: &Db, maker: Arc<dyn Embedder>) -> Result<Self, StoreError> {
        let (mut rows, mut bytes, mut stride) = (Vec::new(), Vec::new(), 0);
        db.read_here(|store| {
            store.each_vector(maker.name(), &mut |row, packed| {
                if rows.is_empty() {
                    stride = packed.len();
                }
                // One of another length is not of this maker.
                if packed.len() == stride && stride > 0 {
                    rows.push(row);
                    bytes.extend_from_slice(packed);
                }
            })
        })?;
        rows.shrink_to_fit();
        bytes.shrink_to_fit();
        Ok(HeldVectors {
            maker,
            rows,
            bytes,
            stride,
        })
    }
}

impl Nearest for HeldVectors {
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

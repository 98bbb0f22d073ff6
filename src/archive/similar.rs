//! Finds the papers most similar to one, by the signatures of all.

use super::VectorSearch;
use super::statistics::refresh_background;
use crate::paper::Paper;
use crate::ranking::neighbours::{Neighbours, NeighboursBuilder, Scratch};
use crate::ranking::signature::Signature;
use crate::ranking::similar::{WorkKey, fuse};
use crate::store::{Db, PaperRow, Store, StoreError, StoredPaper};
use std::cell::RefCell;

/// Papers in the index; if there are more, those taken in last. Each takes some 250
/// bytes of memory.
const COMPARED_MAX: u32 = 200_000;

/// Candidates by words, and as many by a model, so that neither outvotes the other.
const DEPTH: usize = 120;

/// The signatures of an archive when it was read. Reading 60,000 papers takes a few
/// milliseconds and 20 MB.
pub struct SimilarityIndex {
    neighbours: Neighbours,
    /// In the order in which they were taken in.
    rows: Vec<PaperRow>,
}

thread_local! {
    /// One buffer per thread, so that it stays in the cache of its core.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl std::fmt::Debug for SimilarityIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SimilarityIndex({} papers)", self.rows.len())
    }
}

impl SimilarityIndex {
    /// Reads the signatures that `db` keeps.
    pub fn read(db: &Db) -> Result<Self, StoreError> {
        let (mut rows, mut archive) = (Vec::new(), NeighboursBuilder::default());
        db.read_here(|store| {
            store.each_signature(COMPARED_MAX, &mut |row, terms| {
                rows.push(row);
                archive.add(terms);
            })
        })?;
        rows.shrink_to_fit();
        Ok(SimilarityIndex {
            neighbours: archive.build(),
            rows,
        })
    }

    /// The positions of up to `most` papers similar to the one at `itself` whose signature
    /// is `own`, most similar first.
    fn near(&self, itself: Option<usize>, own: &[u8], most: usize) -> Vec<usize> {
        let own = Signature::from_bytes(own);
        SCRATCH.with_borrow_mut(|sums| self.neighbours.of(&own, itself, most, sums))
    }

    /// The `limit` papers most similar to `paper`, most similar first: never the paper
    /// itself, and no work twice. `signature` is its own in the stored form; `near` holds
    /// the papers nearest to it by an embedding model, if there is one.
    fn similar(
        &self,
        store: &mut dyn Store,
        paper: &StoredPaper,
        signature: &[u8],
        near: Vec<PaperRow>,
        limit: usize,
    ) -> Result<Vec<StoredPaper>, StoreError> {
        let itself = self.rows.binary_search(&paper.row).ok();
        let by_words: Vec<PaperRow> = self
            .near(itself, signature, DEPTH.max(2 * limit))
            .into_iter()
            .map(|at| self.rows[at])
            .collect();
        let mut order = if near.is_empty() {
            by_words
        } else {
            fuse(&[by_words, near])
        };
        order.retain(|row| *row != paper.row);
        distinct_works(store, &paper.paper, &order, limit)
    }
}

/// The first `limit` papers of `order` that still exist, without other records of `paper`
/// or of each other.
fn distinct_works(
    store: &mut dyn Store,
    paper: &Paper,
    order: &[PaperRow],
    limit: usize,
) -> Result<Vec<StoredPaper>, StoreError> {
    let mut keys = vec![WorkKey::of(paper)];
    let mut chosen = Vec::with_capacity(limit);
    // Usually no two are the same work, and one chunk is enough.
    for rows in order.chunks(limit.max(1)) {
        for other in store.papers_in_rows(rows)? {
            if chosen.len() == limit {
                return Ok(chosen);
            }
            let key = WorkKey::of(&other.paper);
            if !keys.iter().any(|known| known.is_same(&key)) {
                keys.push(key);
                chosen.push(other);
            }
        }
    }
    Ok(chosen)
}

/// Signs and counts the papers that came or changed since the statistics of the archive
/// were refreshed.
pub fn refresh_signatures(db: &Db) -> Result<(), StoreError> {
    if db.read_here(|store| store.is_behind())? {
        refresh_background(db, |_| {})?;
    }
    Ok(())
}

/// The `limit` papers most similar to `paper`, most similar first: never the paper itself,
/// and no work twice. The papers that `dense` finds join those of `index`. Empty if the
/// paper has no signature yet and there is no `dense`.
pub fn similar_papers(
    db: &Db,
    index: &SimilarityIndex,
    paper: &StoredPaper,
    limit: usize,
    dense: Option<&dyn VectorSearch>,
) -> Result<Vec<StoredPaper>, StoreError> {
    let near = dense.map_or_else(Vec::new, |dense| dense.nearest(&paper.paper, DEPTH));
    db.read_here(|store| {
        let signature = store.signature(paper.row)?.unwrap_or_default();
        index.similar(store, paper, &signature, near, limit)
    })
}

//! Finds the papers that are most like one, by the signatures of all.

use super::background::refresh_background;
use super::find::Nearest;
use crate::paper::Paper;
use crate::ranking::neighbours::{Archive, Neighbours, Sums};
use crate::ranking::signature::Signature;
use crate::ranking::similar::{WorkKey, fuse};
use crate::store::{Db, PaperRow, StoreError, StoredPaper};
use std::cell::RefCell;

/// Papers that are compared with each other; with more, those taken in last. Some
/// 250 bytes of memory for each.
const COMPARED_MAX: u32 = 200_000;

/// Papers looked at where a model finds others too: as many as it finds, so that
/// neither outvotes the other.
const DEPTH: usize = 120;

/// Papers read beyond those that are wanted, where some are one work.
const SPARE: usize = 2;

/// The signatures of an archive as they were when they were read: a few
/// milliseconds and 15 MB for 60,000 papers.
pub struct Kin {
    neighbours: Neighbours,
    /// In the order in which they were taken in.
    rows: Vec<PaperRow>,
}

thread_local! {
    /// One for each thread: what another one wrote lies near another core.
    static SUMS: RefCell<Sums> = RefCell::default();
}

impl std::fmt::Debug for Kin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kin({} papers)", self.rows.len())
    }
}

impl Kin {
    /// Reads the signatures that `db` keeps.
    pub fn read(db: &Db) -> Result<Self, StoreError> {
        let (mut rows, mut archive) = (Vec::new(), Archive::default());
        db.read_here(|store| {
            store.each_signature(COMPARED_MAX, &mut |row, terms| {
                rows.push(row);
                archive.add(terms);
            })
        })?;
        rows.shrink_to_fit();
        Ok(Kin { neighbours: archive.settle(), rows })
    }

    /// Up to `most` papers like the one in `row` whose signature is `own`, most alike first.
    fn near(&self, row: PaperRow, own: &Signature, most: usize) -> Vec<PaperRow> {
        let itself = self.rows.binary_search(&row).ok();
        let near = SUMS.with_borrow_mut(|sums| self.neighbours.of(own, itself, most, sums));
        near.into_iter().map(|at| self.rows[at]).collect()
    }

    /// The `limit` papers most like `paper`, most alike first: never the paper itself,
    /// and no work twice. `signature` is its own in the stored form; `near` are the
    /// papers that a model holds to be near it, nearest first, if there is one. What
    /// is to be known of papers `read` says, of those in its rows that are there.
    pub fn similar<T: AsRef<WorkKey>, E>(
        &self,
        paper: &StoredPaper,
        signature: &[u8],
        near: Vec<PaperRow>,
        limit: usize,
        mut read: impl FnMut(&[PaperRow]) -> Result<Vec<T>, E>,
    ) -> Result<Vec<T>, E> {
        let own = Signature::from_bytes(signature);
        let by_words = self.near(paper.row, &own, DEPTH.max(2 * limit));
        let mut order = if near.is_empty() { by_words } else { fuse(&[by_words, near]) };
        order.retain(|row| *row != paper.row);
        let (itself, mut chosen, mut seen) = (WorkKey::of(&paper.paper), Vec::<T>::with_capacity(limit), 0);
        while chosen.len() < limit && seen < order.len() {
            // Mostly none of them is the same work, and the first so many will do.
            let wanted = if seen == 0 { limit } else { limit - chosen.len() + SPARE };
            let end = order.len().min(seen + wanted);
            for other in read(&order[seen..end])? {
                let key = other.as_ref();
                let is_known = key.is_same(&itself) || chosen.iter().any(|chosen| chosen.as_ref().is_same(key));
                if !is_known && chosen.len() < limit {
                    chosen.push(other);
                }
            }
            seen = end;
        }
        Ok(chosen)
    }
}

/// A paper, and what tells whether another one is the same work.
struct Keyed {
    key: WorkKey,
    stored: StoredPaper,
}

impl AsRef<WorkKey> for Keyed {
    fn as_ref(&self) -> &WorkKey {
        &self.key
    }
}

/// Signs the papers that came or changed since the statistics of the archive were
/// brought up to date, and counts them.
pub fn sign_papers(db: &Db) -> Result<(), StoreError> {
    if db.read_here(|store| store.is_behind())? {
        refresh_background(db, |_| {})?;
    }
    Ok(())
}

/// The `limit` papers most like `paper`, most alike first: never the paper itself,
/// and no work twice. Those that `dense` finds join those that `kin` does. None
/// where the paper is not signed yet and `dense` is not given.
pub fn similar(
    db: &Db,
    kin: &Kin,
    paper: &StoredPaper,
    limit: usize,
    dense: Option<&dyn Nearest>,
) -> Result<Vec<StoredPaper>, StoreError> {
    let near = nearest(dense, &paper.paper);
    db.read_here(|store| {
        let signature = store.signature(paper.row)?.unwrap_or_default();
        let similar = kin.similar(paper, &signature, near, limit, |rows| {
            let keyed = |stored: StoredPaper| Keyed { key: WorkKey::of(&stored.paper), stored };
            Ok::<_, StoreError>(store.papers_in_rows(rows)?.into_iter().map(keyed).collect())
        })?;
        Ok(similar.into_iter().map(|keyed| keyed.stored).collect())
    })
}

/// The papers that a model holds to be near one.
pub fn nearest(dense: Option<&dyn Nearest>, paper: &Paper) -> Vec<PaperRow> {
    dense.map(|dense| dense.nearest(paper, DEPTH)).unwrap_or_default()
}

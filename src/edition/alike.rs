//! Finds the papers that are most like one, by the signatures of all.

use super::background::refresh_background;
use super::find::Nearest;
use crate::paper::Paper;
use crate::ranking::neighbours::{Archive, Neighbours, Sums};
use crate::ranking::signature::Signature;
use crate::ranking::similar::{WorkKey, fuse};
use crate::store::{Db, PaperRow, Store, StoreError, StoredPaper};
use std::sync::{Mutex, PoisonError};

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
    /// One for each that asks at the same time.
    sums: Mutex<Vec<Sums>>,
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
        Ok(Kin { neighbours: archive.settle(), rows, sums: Mutex::default() })
    }

    /// Up to `most` papers like the one in `row` whose signature is `own`, most alike first.
    fn near(&self, row: PaperRow, own: &Signature, most: usize) -> Vec<PaperRow> {
        let spare = || self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums = spare().pop().unwrap_or_default();
        let near = self.neighbours.of(own, self.rows.binary_search(&row).ok(), most, &mut sums);
        spare().push(sums);
        near.into_iter().map(|at| self.rows[at]).collect()
    }

    /// The `limit` papers most like `paper`, most alike first: never the paper itself,
    /// and no work twice. `signature` is its own in the stored form; `near` are the
    /// papers that a model holds to be near it, nearest first, if there is one.
    pub fn similar(
        &self,
        store: &mut dyn Store,
        paper: &StoredPaper,
        signature: &[u8],
        near: Vec<PaperRow>,
        limit: usize,
    ) -> Result<Vec<StoredPaper>, StoreError> {
        let own = Signature::from_bytes(signature);
        let by_words = self.near(paper.row, &own, DEPTH.max(2 * limit));
        let mut order = if near.is_empty() { by_words } else { fuse(&[by_words, near]) };
        order.retain(|row| *row != paper.row);
        let (mut chosen, mut read): (Vec<StoredPaper>, usize) = (Vec::with_capacity(limit), 0);
        while chosen.len() < limit && read < order.len() {
            // Mostly none of them is the same work, and the first so many will do.
            let wanted = if read == 0 { limit } else { limit - chosen.len() + SPARE };
            let end = order.len().min(read + wanted);
            let others = store.papers_in_rows(&order[read..end])?;
            read = end;
            add_works_of_their_own(&paper.paper, others, limit, &mut chosen);
        }
        Ok(chosen)
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

/// Adds those of `others` to `chosen` that are neither `paper` nor among them, up to `limit` in all.
fn add_works_of_their_own(paper: &Paper, others: Vec<StoredPaper>, limit: usize, chosen: &mut Vec<StoredPaper>) {
    let mut are_new = Vec::with_capacity(others.len());
    let mut known: Vec<WorkKey<'_>> = chosen.iter().map(|stored| WorkKey::of(&stored.paper)).collect();
    known.push(WorkKey::of(paper));
    for other in &others {
        let key = WorkKey::of(&other.paper);
        let is_new = !known.iter().any(|known| known.is_same(&key));
        are_new.push(is_new);
        if is_new {
            known.push(key);
        }
    }
    drop(known);
    let new = others.into_iter().zip(are_new).filter(|(_, is_new)| *is_new).map(|(other, _)| other);
    chosen.extend(new.take(limit - chosen.len()));
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
        kin.similar(store, paper, &signature, near, limit)
    })
}

/// The papers that a model holds to be near one.
pub fn nearest(dense: Option<&dyn Nearest>, paper: &Paper) -> Vec<PaperRow> {
    dense.map(|dense| dense.nearest(paper, DEPTH)).unwrap_or_default()
}

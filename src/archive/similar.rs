//! Finds the papers that are most like one, by the signatures of all.

use super::VectorSearch;
use super::statistics::refresh_background;
use crate::paper::Paper;
use crate::ranking::neighbours::{Neighbours, NeighboursBuilder, Scratch};
use crate::ranking::signature::Signature;
use crate::ranking::similar::{WorkKey, fuse};
use crate::store::{Db, PaperRow, StoreError, StoredPaper};
use std::cell::RefCell;
use std::sync::OnceLock;

/// Papers that are compared with each other; with more, those taken in last. Some
/// 250 bytes of memory for each.
const COMPARED_MAX: u32 = 200_000;

/// Papers looked at where a model finds others too: as many as it finds, so that
/// neither outvotes the other.
const DEPTH: usize = 120;

/// Papers read beyond those that are wanted, where some are one work.
const SPARE: usize = 2;

/// Papers whose places are kept for each: nearly always enough for what is shown.
const KEPT: usize = 16;

/// Papers that are looked at ahead in one go: some 20 milliseconds.
const AHEAD: usize = 256;

/// The signatures of an archive as they were when they were read: a few
/// milliseconds and 20 MB for 60,000 papers.
pub struct SimilarityIndex {
    neighbours: Neighbours,
    /// In the order in which they were taken in.
    rows: Vec<PaperRow>,
    /// The papers most like each, most alike first, of those for which somebody has asked.
    found: Vec<OnceLock<Found>>,
}

/// The places of the first papers like one, and how many there are.
struct Found {
    places: [u32; KEPT],
    count: u8,
}

impl Found {
    fn of(near: &[usize]) -> Self {
        let (mut places, count) = ([0; KEPT], near.len().min(KEPT));
        for (kept, place) in places.iter_mut().zip(near) {
            *kept = *place as u32;
        }
        Found {
            places,
            count: count as u8,
        }
    }

    fn places(&self) -> &[u32] {
        &self.places[..usize::from(self.count)]
    }
}

thread_local! {
    /// One for each thread: what another one wrote lies near another core.
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
        let found = rows.iter().map(|_| OnceLock::new()).collect();
        Ok(SimilarityIndex {
            neighbours: archive.build(),
            rows,
            found,
        })
    }

    /// The places of up to `most` papers like the one at `itself` whose signature is
    /// `own`, most alike first.
    fn near(&self, itself: Option<usize>, own: &[u8], most: usize) -> Vec<usize> {
        let own = Signature::from_bytes(own);
        SCRATCH.with_borrow_mut(|sums| self.neighbours.of(&own, itself, most, sums))
    }

    /// The rows of the first papers like the one at `itself`.
    fn first(&self, itself: usize, own: &[u8]) -> Vec<PaperRow> {
        let found =
            self.found[itself].get_or_init(|| Found::of(&self.near(Some(itself), own, DEPTH)));
        found
            .places()
            .iter()
            .map(|place| self.rows[*place as usize])
            .collect()
    }

    /// Finds what is like some papers, from the one at place `from` on, before somebody
    /// asks; tells at which place to go on, if there are more. All of them take some
    /// seconds for 60,000: a quarter of what making their pages takes.
    pub fn look_ahead(&self, db: &Db, from: usize) -> Result<Option<usize>, StoreError> {
        let end = self.rows.len().min(from + AHEAD);
        db.read_here(|store| {
            for itself in from..end {
                // One that has changed since it was read is not signed.
                if let Some(own) = store.signature(self.rows[itself])? {
                    self.first(itself, &own);
                }
            }
            Ok(())
        })?;
        Ok((end < self.rows.len()).then_some(end))
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
        let itself = self.rows.binary_search(&paper.row).ok();
        let mut chosen = Chosen {
            itself: WorkKey::of(&paper.paper),
            all: Vec::with_capacity(limit),
            limit,
        };
        let mut known = 0;
        if let (Some(itself), true) = (itself, near.is_empty() && limit <= KEPT) {
            let first = self.first(itself, signature);
            chosen.choose_from(&first, &mut read)?;
            known = first.len();
            if chosen.is_complete() || known < KEPT {
                return Ok(chosen.all);
            }
        }
        let by_words = self
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
        // The same order as that of the first.
        chosen.choose_from(&order[known.min(order.len())..], &mut read)?;
        Ok(chosen.all)
    }
}

/// Papers that are chosen as being like one.
struct Chosen<T> {
    itself: WorkKey,
    all: Vec<T>,
    limit: usize,
}

impl<T: AsRef<WorkKey>> Chosen<T> {
    fn is_complete(&self) -> bool {
        self.all.len() >= self.limit
    }

    /// Chooses from papers in this order, none of whose works is there already.
    fn choose_from<E>(
        &mut self,
        order: &[PaperRow],
        read: &mut impl FnMut(&[PaperRow]) -> Result<Vec<T>, E>,
    ) -> Result<(), E> {
        let mut seen = 0;
        while !self.is_complete() && seen < order.len() {
            // Mostly none of them is the same work, and the first so many will do.
            let wanted = if seen == 0 {
                self.limit
            } else {
                self.limit - self.all.len() + SPARE
            };
            let end = order.len().min(seen + wanted);
            for other in read(&order[seen..end])? {
                let key = other.as_ref();
                let is_known = key.is_same(&self.itself)
                    || self.all.iter().any(|chosen| chosen.as_ref().is_same(key));
                if !is_known && !self.is_complete() {
                    self.all.push(other);
                }
            }
            seen = end;
        }
        Ok(())
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
pub fn refresh_signatures(db: &Db) -> Result<(), StoreError> {
    if db.read_here(|store| store.is_behind())? {
        refresh_background(db, |_| {})?;
    }
    Ok(())
}

/// The `limit` papers most like `paper`, most alike first: never the paper itself,
/// and no work twice. Those that `dense` finds join those that `kin` does. None
/// where the paper is not signed yet and `dense` is not given.
pub fn similar_papers(
    db: &Db,
    kin: &SimilarityIndex,
    paper: &StoredPaper,
    limit: usize,
    dense: Option<&dyn VectorSearch>,
) -> Result<Vec<StoredPaper>, StoreError> {
    let near = nearest_papers(dense, &paper.paper);
    db.read_here(|store| {
        let signature = store.signature(paper.row)?.unwrap_or_default();
        let similar = kin.similar(paper, &signature, near, limit, |rows| {
            let keyed = |stored: StoredPaper| Keyed {
                key: WorkKey::of(&stored.paper),
                stored,
            };
            Ok::<_, StoreError>(store.papers_in_rows(rows)?.into_iter().map(keyed).collect())
        })?;
        Ok(similar.into_iter().map(|keyed| keyed.stored).collect())
    })
}

/// The papers that a model holds to be near one.
pub fn nearest_papers(dense: Option<&dyn VectorSearch>, paper: &Paper) -> Vec<PaperRow> {
    dense
        .map(|dense| dense.nearest(paper, DEPTH))
        .unwrap_or_default()
}

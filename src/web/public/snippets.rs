//! Papers as they stand below another one.
//!
//! A paper is like many others and looks the same below each of them: what stands
//! there is made once for all pages, and again when something has changed that
//! pages show of papers.

use crate::digest::Locale;
use crate::ranking::similar::WorkKey;
use crate::store::{PaperRow, Store, StoredPaper};
use crate::web::pages::{Fragment, Pages};
use crate::web::paper_view::SimilarView;
use crate::web::{PageError, WebState};
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};
use std::sync::Arc;

/// All of them together, in bytes: some 24,000 papers.
const BYTES_MAX: u64 = 64 << 20;

/// Beside its text and its key, in bytes.
const EACH_BYTES: usize = 200;

/// A paper as it stands below another one.
pub(super) struct Piece {
    /// [`Changes::papers`](crate::store::Changes) before it was read.
    changes: i64,
    key: WorkKey,
    pub(super) html: Fragment,
}

impl Piece {
    fn new(
        pages: &Pages,
        locale: &Locale,
        paper: &StoredPaper,
        changes: i64,
    ) -> Result<Self, PageError> {
        let html = pages.fragment(
            "paper.similar.html",
            &SimilarView::new(&paper.paper, locale),
        )?;
        Ok(Piece {
            changes,
            key: WorkKey::of(&paper.paper),
            html,
        })
    }
}

/// A piece that others hold, too.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Arc<Piece>);

impl AsRef<WorkKey> for Shared {
    fn as_ref(&self) -> &WorkKey {
        &self.0.key
    }
}

/// The paper, and the code of the language.
type Key = (PaperRow, String);

#[derive(Hash)]
struct Wanted<'a>(PaperRow, &'a str);

impl Equivalent<Key> for Wanted<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.0 == key.0 && self.1 == key.1
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Shared> for Weight {
    fn weight(&self, _: &Key, Shared(piece): &Shared) -> u64 {
        (piece.html.len() + piece.key.size_bytes() + EACH_BYTES) as u64
    }
}

/// Keeps pieces.
pub(super) struct Pieces(Cache<Key, Shared, Weight>);

impl Default for Pieces {
    fn default() -> Self {
        // A piece has some 2,500 bytes.
        Pieces(Cache::with_weighter(24_000, BYTES_MAX, Weight))
    }
}

impl Pieces {
    /// The papers in these rows that are there, in their order, each as good as one
    /// that is made now that so much has changed.
    pub(super) fn of(
        &self,
        state: &WebState,
        locale: &Locale,
        store: &mut dyn Store,
        rows: &[PaperRow],
        changes: i64,
    ) -> Result<Vec<Shared>, PageError> {
        let kept = |row: &PaperRow| self.0.get(&Wanted(*row, locale.code()));
        let mut found: Vec<Option<Shared>> = rows
            .iter()
            .map(|row| kept(row).filter(|shared| shared.0.changes == changes))
            .collect();
        let lacking: Vec<PaperRow> = rows
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_none())
            .map(|(row, _)| *row)
            .collect();
        if !lacking.is_empty() {
            for paper in store.papers_in_rows(&lacking)? {
                let piece = Shared(Arc::new(Piece::new(&state.pages, locale, &paper, changes)?));
                self.0
                    .insert((paper.row, locale.code().to_owned()), piece.clone());
                let place = rows.iter().position(|row| *row == paper.row);
                found[place.expect("only papers in these rows are read")] = Some(piece);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Lets all of them go.
    pub(super) fn clear(&self) {
        self.0.clear();
    }
}

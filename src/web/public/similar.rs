//! Which papers are like a given one.
//!
//! What tells all papers from each other is read when the first page asks for it,
//! and again when papers have come, now and then; a service whose pages nobody
//! visits holds nothing of it, and lets go of what it held.

use super::semantic_index;
use crate::archive::VectorSearch;
use crate::archive::{SimilarityIndex, nearest_papers, refresh_signatures};
use crate::digest::Locale;
use crate::paper::PaperId;
use crate::store::{Db, PaperPage, PaperRow, StoreError};
use crate::web::public::snippets::{Pieces, Shared};
use crate::web::{PageError, WebState};
use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Instant;
use tokio::sync::{Mutex, Semaphore};

/// Similar papers on a page.
const SHOWN: usize = 8;

/// How long what was read serves though papers have come.
pub(in crate::web) const FRESH: TimeDelta = TimeDelta::minutes(10);

/// How long it does where a paper is shown that came since.
const FRESH_TO_NEWCOMERS: TimeDelta = TimeDelta::minutes(1);

/// How long what a model found near a paper holds: its vectors come once a day.
const NEAR_HOLDS: TimeDelta = TimeDelta::hours(1);

/// Papers of which that is kept: some 500 bytes for each.
const NEAR_KEPT: usize = 10_000;

/// Papers for which a model is asked at a time.
const AT_A_TIME: usize = 2;

#[derive(Clone)]
struct Held {
    at: DateTime<Utc>,
    /// [`Changes::papers`](crate::store::Changes) when it was read.
    changes: i64,
    kin: Arc<SimilarityIndex>,
}

/// What is remembered.
pub(in crate::web) struct Similar {
    held: std::sync::Mutex<Option<Held>>,
    /// Whoever reads it anew.
    reading: Mutex<()>,
    /// When somebody last asked for it, in seconds.
    asked_at: AtomicI64,
    near: Cache<PaperRow, (DateTime<Utc>, Arc<[PaperRow]>)>,
    pieces: Pieces,
    turns: Semaphore,
}

impl Default for Similar {
    fn default() -> Self {
        Similar {
            held: std::sync::Mutex::default(),
            reading: Mutex::default(),
            asked_at: AtomicI64::default(),
            near: Cache::new(NEAR_KEPT),
            pieces: Pieces::default(),
            turns: Semaphore::new(AT_A_TIME),
        }
    }
}

impl Similar {
    fn held(&self) -> std::sync::MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of all of it, if nobody has asked since `since`.
    pub(in crate::web) fn evict_unused(&self, since: DateTime<Utc>) {
        if self.asked_at.load(Ordering::Relaxed) < since.timestamp() {
            *self.held() = None;
            self.near.clear();
            self.pieces.clear();
        }
    }

    /// What was read at most `patience` ago.
    fn fresh(&self, now: DateTime<Utc>, patience: TimeDelta) -> Option<Arc<SimilarityIndex>> {
        self.held()
            .as_ref()
            .filter(|held| held.at <= now && now - held.at < patience)
            .map(|held| Arc::clone(&held.kin))
    }
}

/// What tells the papers from each other, as it was at most `patience` ago. While it
/// is read anew, what there was before serves.
pub(in crate::web) async fn kin(
    state: &WebState,
    patience: TimeDelta,
) -> Result<Arc<SimilarityIndex>, PageError> {
    let (memory, now) = (&state.shared.similar, state.clock.now());
    memory.asked_at.store(now.timestamp(), Ordering::Relaxed);
    if let Some(kin) = memory.fresh(now, patience) {
        return Ok(kin);
    }
    let old = memory.held().clone();
    let _turn = match (memory.reading.try_lock(), &old) {
        (Ok(turn), _) => turn,
        (Err(_), Some(old)) => return Ok(Arc::clone(&old.kin)),
        (Err(_), None) => memory.reading.lock().await,
    };
    if let Some(kin) = memory.fresh(now, patience) {
        return Ok(kin);
    }
    let read = move |db: &Db| {
        if let Err(error) = refresh_signatures(db) {
            // A full disk is no reason to show less than is known.
            tracing::warn!(
                "newer papers are not found similar yet: {:#}",
                anyhow::Error::from(error)
            );
        }
        let changes = db.read_here(|store| store.changes())?.papers;
        let same = old.filter(|old| old.changes == changes).map(|old| old.kin);
        let kin = same.map_or_else(|| SimilarityIndex::read(db).map(Arc::new), Ok)?;
        Ok::<_, StoreError>(Held {
            at: now,
            changes,
            kin,
        })
    };
    let held = state.db.run_blocking(read).await?;
    let kin = Arc::clone(&held.kin);
    let before = memory.held().replace(held);
    // What a model finds near is asked of it for each paper.
    if before.is_none_or(|before| !Arc::ptr_eq(&before.kin, &kin))
        && semantic_index::vectors(state).await?.is_none()
    {
        look_ahead(state, Arc::clone(&kin));
    }
    Ok(kin)
}

/// Finds meanwhile what is like each paper, until something newer is read or all is
/// let go. It leaves half of the time to whoever asks for a page.
fn look_ahead(state: &WebState, kin: Arc<SimilarityIndex>) {
    let state = state.clone();
    tokio::spawn(async move {
        let is_held = || {
            state
                .shared
                .similar
                .held()
                .as_ref()
                .is_some_and(|held| Arc::ptr_eq(&held.kin, &kin))
        };
        let mut next = Some(0);
        while let Some(from) = next.filter(|_| is_held()) {
            let (began, kin) = (Instant::now(), Arc::clone(&kin));
            match state
                .db
                .run_blocking(move |db| kin.look_ahead(db, from))
                .await
            {
                Ok(end) => next = end,
                // It is found when a page asks for it.
                Err(error) => {
                    let why = anyhow::Error::from(error);
                    return tracing::warn!("what is like the papers is not found ahead: {why:#}");
                }
            }
            tokio::time::sleep(began.elapsed()).await;
        }
    });
}

/// What the page of a paper shows.
pub(super) struct Shown {
    pub(super) page: PaperPage,
    pub(super) similar: Vec<Shared>,
    /// The paper came a moment ago, and it is not known yet which are like it.
    pub(super) is_unfinished: bool,
}

/// What `make` makes of the paper with this name and of the papers most like it;
/// `None` if there is no such paper.
pub(super) async fn with_similar<T, F>(
    state: &WebState,
    locale: &Locale,
    id: PaperId,
    make: F,
) -> Result<Option<T>, PageError>
where
    T: Send + 'static,
    F: Fn(&WebState, &Locale, Shown) -> Result<T, PageError> + Clone + Send + 'static,
{
    let near = near(state, &id).await?;
    let known = kin(state, FRESH).await?;
    match made(
        state,
        locale,
        id.clone(),
        Arc::clone(&near),
        known,
        make.clone(),
    )
    .await?
    {
        None => Ok(None),
        Some((made, false)) => Ok(Some(made)),
        // It has come since.
        Some((_, true)) => {
            let known = kin(state, FRESH_TO_NEWCOMERS).await?;
            let made = self::made(state, locale, id, near, known, make).await?;
            Ok(made.map(|(made, _)| made))
        }
    }
}

/// The same, as far as `kin` knows papers; and whether it is unfinished.
async fn made<T, F>(
    state: &WebState,
    locale: &Locale,
    id: PaperId,
    near: Arc<[PaperRow]>,
    kin: Arc<SimilarityIndex>,
    make: F,
) -> Result<Option<(T, bool)>, PageError>
where
    T: Send + 'static,
    F: Fn(&WebState, &Locale, Shown) -> Result<T, PageError> + Send + 'static,
{
    // Asked before papers are read: what is kept is never older than it says.
    let changes = state.shared.pages.paper_changes(state).await?;
    let (db, state, locale) = (state.db.clone(), state.clone(), locale.clone());
    // All of it in one go, and here: going from thread to thread costs as much as reading.
    let made = db.read_at_once(move |store| {
        let Some(page) = store.paper_page(&id)? else {
            return Ok(Ok(None));
        };
        let signature = page.signature.as_deref().unwrap_or_default();
        let pieces = &state.shared.similar.pieces;
        let similar = kin.similar(&page.stored, signature, near.to_vec(), SHOWN, |rows| {
            pieces.of(&state, &locale, store, rows, changes)
        });
        let is_unfinished = page.signature.is_none();
        let shown = similar.map(|similar| Shown {
            page,
            similar,
            is_unfinished,
        });
        Ok(shown
            .and_then(|shown| make(&state, &locale, shown))
            .map(|made| Some((made, is_unfinished))))
    });
    made.await?
}

/// The papers that a model holds to be near one; none where there is no model.
async fn near(state: &WebState, id: &PaperId) -> Result<Arc<[PaperRow]>, PageError> {
    let Some(vectors) = semantic_index::vectors(state).await? else {
        return Ok(Arc::default());
    };
    let (memory, now, id) = (&state.shared.similar, state.clock.now(), id.clone());
    let Some(paper) = state.db.read(move |store| store.paper(&id)).await? else {
        return Ok(Arc::default());
    };
    if let Some((_, known)) = memory
        .near
        .get(&paper.row)
        .filter(|(at, _)| *at <= now && now - *at < NEAR_HOLDS)
    {
        return Ok(known);
    }
    // The semaphore is never closed; were it, a page more at a time does no harm.
    let _turn = memory.turns.acquire().await;
    let row = paper.row;
    let found = state
        .db
        .run_blocking(move |_| nearest_papers(Some(&*vectors as &dyn VectorSearch), &paper.paper))
        .await;
    let found: Arc<[PaperRow]> = found.into();
    memory.near.insert(row, (now, Arc::clone(&found)));
    Ok(found)
}

//! Indexes of the archive in memory: signatures for similar papers, and the dense vectors
//! of the active model.
//!
//! An index is read when a page first needs it, read again when it is stale, and evicted
//! when nobody uses it: a service without visitors holds none.

use crate::archive::{
    SimilarityIndex, VectorIndex, VectorSearch, refresh_signatures, similar_papers,
};
use crate::paper::PaperId;
use crate::store::{Db, PaperPage, StoreError, StoredPaper};
use crate::web::{PageError, WebState};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// Similar papers on a page.
const SIMILAR_PAPERS: usize = 8;

/// Age at which an index is stale: new papers come once a day, new models more rarely.
const MAX_AGE: TimeDelta = TimeDelta::minutes(10);

/// The same where the page of a paper needs it that the index does not know yet.
const MAX_AGE_FOR_NEW_PAPERS: TimeDelta = TimeDelta::minutes(1);

/// Concurrent queries to the embedding model: each keeps a core busy for a while.
const MODEL_QUERIES_MAX: usize = 2;

/// Indexes of the archive, loaded on demand.
pub(in crate::web) struct Indexes {
    similarity: Slot<VersionedIndex>,
    /// `None` where there is no model.
    vectors: Slot<Option<Arc<VectorIndex>>>,
    model_queries: Semaphore,
}

/// An index, with [`Changes::papers`](crate::store::Changes) when it was read.
type VersionedIndex = (i64, Arc<SimilarityIndex>);

impl Default for Indexes {
    fn default() -> Self {
        Indexes {
            similarity: Slot::default(),
            vectors: Slot::default(),
            model_queries: Semaphore::new(MODEL_QUERIES_MAX),
        }
    }
}

impl Indexes {
    /// Evicts the indexes that nobody has used since `since`.
    pub(in crate::web) fn evict_unused(&self, since: DateTime<Utc>) {
        self.similarity.evict_unused(since);
        self.vectors.evict_unused(since);
    }
}

/// A place for one index.
struct Slot<T> {
    loaded: Mutex<Option<Loaded<T>>>,
    /// Held while the index is read.
    loading: tokio::sync::Mutex<()>,
}

struct Loaded<T> {
    read_at: DateTime<Utc>,
    used_at: DateTime<Utc>,
    index: T,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot {
            loaded: Mutex::default(),
            loading: tokio::sync::Mutex::default(),
        }
    }
}

impl<T: Clone + Send + 'static> Slot<T> {
    fn loaded(&self) -> MutexGuard<'_, Option<Loaded<T>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn evict_unused(&self, since: DateTime<Utc>) {
        self.loaded().take_if(|loaded| loaded.used_at < since);
    }

    /// The index, if it is younger than `max_age`.
    fn fresh(&self, now: DateTime<Utc>, max_age: TimeDelta) -> Option<T> {
        let mut loaded = self.loaded();
        let loaded = loaded.as_mut()?;
        loaded.used_at = now;
        (loaded.read_at <= now && now - loaded.read_at < max_age).then(|| loaded.index.clone())
    }

    /// The index, which `read` reads if it is not younger than `max_age`. `read` gets the
    /// stale one; meanwhile others use that, or wait where there is none.
    async fn get(
        &self,
        state: &WebState,
        max_age: TimeDelta,
        read: impl FnOnce(&Db, Option<T>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, PageError> {
        let now = state.clock.now();
        if let Some(index) = self.fresh(now, max_age) {
            return Ok(index);
        }
        let stale = self.loaded().as_ref().map(|loaded| loaded.index.clone());
        let _loading = match (self.loading.try_lock(), &stale) {
            (Ok(guard), _) => guard,
            (Err(_), Some(stale)) => return Ok(stale.clone()),
            (Err(_), None) => self.loading.lock().await,
        };
        if let Some(index) = self.fresh(now, max_age) {
            return Ok(index);
        }
        let index = state.db.run_blocking(move |db| read(db, stale)).await?;
        *self.loaded() = Some(Loaded {
            read_at: now,
            used_at: now,
            index: index.clone(),
        });
        Ok(index)
    }
}

/// The index of similar papers, at most some minutes old.
pub(in crate::web) async fn similarity_index(
    state: &WebState,
) -> Result<Arc<SimilarityIndex>, PageError> {
    similarity_index_within(state, MAX_AGE).await
}

async fn similarity_index_within(
    state: &WebState,
    max_age: TimeDelta,
) -> Result<Arc<SimilarityIndex>, PageError> {
    let read = |db: &Db, stale: Option<VersionedIndex>| {
        if let Err(error) = refresh_signatures(db) {
            // With a full disk, the signatures written before still serve.
            let error = anyhow::Error::from(error);
            tracing::warn!("signatures of new papers cannot be written: {error:#}");
        }
        let changes = db.read_here(|store| store.changes())?.papers;
        match stale {
            Some(unchanged) if unchanged.0 == changes => Ok(unchanged),
            _ => Ok((changes, Arc::new(SimilarityIndex::read(db)?))),
        }
    };
    let slot = &state.shared.indexes.similarity;
    Ok(slot.get(state, max_age, read).await?.1)
}

/// The vectors of the active model; `None` if there is none, or if it cannot be used.
pub(super) async fn vector_index(state: &WebState) -> Result<Option<Arc<VectorIndex>>, PageError> {
    let composer = state.composer();
    let read = move |db: &Db, _| match composer.model.get_or_without(db)? {
        Some(model) => VectorIndex::read(db, model).map(|vectors| Some(Arc::new(vectors))),
        None => Ok(None),
    };
    state.shared.indexes.vectors.get(state, MAX_AGE, read).await
}

/// A paper and the papers most similar to it.
pub(super) struct WithSimilar {
    pub(super) page: PaperPage,
    pub(super) similar: Vec<StoredPaper>,
}

/// Reads the paper `id` and the papers most similar to it; `None` if there is no such paper.
pub(super) async fn with_similar(
    state: &WebState,
    id: PaperId,
) -> Result<Option<WithSimilar>, PageError> {
    let index = similarity_index(state).await?;
    let found = read_with_similar(state, id.clone(), index).await?;
    let is_new = |found: &WithSimilar| found.page.signature.is_none();
    if !found.as_ref().is_some_and(is_new) {
        return Ok(found);
    }
    // The paper was taken in after the index was read.
    let index = similarity_index_within(state, MAX_AGE_FOR_NEW_PAPERS).await?;
    read_with_similar(state, id, index).await
}

async fn read_with_similar(
    state: &WebState,
    id: PaperId,
    index: Arc<SimilarityIndex>,
) -> Result<Option<WithSimilar>, PageError> {
    let vectors = vector_index(state).await?;
    // The semaphore is never closed.
    let _permit = match vectors {
        Some(_) => state.shared.indexes.model_queries.acquire().await.ok(),
        None => None,
    };
    let read = move |db: &Db| {
        let Some(page) = db.read_here(|store| store.paper_page(&id))? else {
            return Ok(None);
        };
        let vectors = vectors
            .as_deref()
            .map(|vectors| vectors as &dyn VectorSearch);
        let similar = similar_papers(db, &index, &page.stored, SIMILAR_PAPERS, vectors)?;
        Ok(Some(WithSimilar { page, similar }))
    };
    state.db.run_blocking(read).await
}

//! Finding by meaning, where a model is installed: its vectors are read now and
//! then, not for a page.

use crate::archive::VectorIndex;
use crate::web::{PageError, WebState};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use tokio::sync::Mutex;

/// How long what was read serves: new papers come once a day, and another model
/// is chosen more rarely still.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// What is remembered.
#[derive(Default)]
pub(in crate::web) struct SemanticIndex {
    held: Mutex<Option<Held>>,
}

struct Held {
    at: DateTime<Utc>,
    /// When somebody last asked for it.
    asked_at: DateTime<Utc>,
    /// `None` where there is no model.
    vectors: Option<Arc<VectorIndex>>,
}

impl SemanticIndex {
    /// Lets go of what was read, if nobody has asked since `since`.
    pub(in crate::web) fn evict_unused(&self, since: DateTime<Utc>) {
        // Whoever holds it asks.
        if let Ok(mut held) = self.held.try_lock() {
            held.take_if(|held| held.asked_at < since);
        }
    }
}

/// The vectors of the active model; `None` where there is none, or where it
/// cannot be used. While they are read, others wait for them.
pub(in crate::web) async fn vectors(
    state: &WebState,
) -> Result<Option<Arc<VectorIndex>>, PageError> {
    let (now, composer) = (state.clock.now(), state.composer());
    let mut held = state.shared.semantic_index.held.lock().await;
    if let Some(Held {
        at,
        asked_at,
        vectors,
    }) = &mut *held
        && *at <= now
        && now - *at < FRESH
    {
        *asked_at = now;
        return Ok(vectors.clone());
    }
    // What was read before is let go first: the new ones need its room.
    *held = None;
    let read = move |db: &_| match composer.model.get_or_without(db)? {
        Some(maker) => VectorIndex::read(db, maker).map(|vectors| Some(Arc::new(vectors))),
        None => Ok(None),
    };
    let vectors = state.db.run_blocking(read).await?;
    *held = Some(Held {
        at: now,
        asked_at: now,
        vectors: vectors.clone(),
    });
    Ok(vectors)
}

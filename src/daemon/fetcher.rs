//! The loop that looks at the sources.

use super::keep::{Step, Trouble};
use super::parts::Parts;
use crate::clock::Clock;
use crate::intake::Import;
use crate::source::{SourceKind, SourceSettings};
use crate::store::Db;
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

pub(super) struct Fetcher {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) parts: watch::Receiver<Arc<Parts>>,
    pub(super) stop: CancellationToken,
    /// Rings when papers may have come.
    pub(super) arrived: Arc<Notify>,
    /// Told when the sources were looked at for the first time.
    pub(super) polled: watch::Sender<bool>,
    pub(super) memory: Mutex<Memory>,
}

/// What is remembered from one poll to the next.
#[derive(Debug, Default)]
pub(super) struct Memory {
    last: Option<DateTime<Utc>>,
    /// Files that have been read, as they were then.
    files: HashMap<PathBuf, (SystemTime, u64)>,
    /// Sources that were said to be of a kind that is not fetched.
    said: HashSet<String>,
}

impl Fetcher {
    /// Looks at every source if it is time.
    pub(super) async fn step(self: Arc<Self>) -> Result<Step, Trouble> {
        let now = self.clock.now();
        let parts = Arc::clone(&self.parts.borrow());
        let last = self.memory().last;
        // A clock that was set back is no reason to wait for it to catch up.
        if last.is_some_and(|last| last <= now && parts.config.schedule.poll.next_after(last) > now) {
            return Ok(Step::Idle);
        }
        let mut first_trouble = None;
        for source in &parts.config.sources {
            if self.stop.is_cancelled() {
                return Ok(Step::Idle);
            }
            // One source that fails does not keep the others from being looked at.
            if let Err(trouble) = self.fetch(source, now).await {
                first_trouble = first_trouble.or(Some(trouble));
            }
        }
        self.memory().last = Some(now);
        self.polled.send_replace(true);
        self.arrived.notify_one();
        first_trouble.map_or(Ok(Step::Idle), Err)
    }

    async fn fetch(&self, source: &SourceSettings, now: DateTime<Utc>) -> Result<(), Trouble> {
        match (source.kind, &source.path) {
            (SourceKind::Jsonl, Some(path)) => self.import(&source.name, path.clone(), now).await,
            (kind, _) => {
                if self.memory().said.insert(source.name.clone()) {
                    let kind = kind.word();
                    tracing::warn!(source.name = %source.name, "sources of kind {kind} are not fetched by this version");
                }
                Ok(())
            }
        }
    }

    /// Takes a file in, unless it is as it was the last time.
    async fn import(&self, name: &str, path: PathBuf, now: DateTime<Utc>) -> Result<(), Trouble> {
        let state = std::fs::metadata(&path).and_then(|metadata| Ok((metadata.modified()?, metadata.len())));
        // A file that cannot be seen is opened all the same: that says why.
        if let Ok(state) = &state
            && self.memory().files.get(&path) == Some(state)
        {
            return Ok(());
        }
        let file = path.clone();
        let imported = self
            .db
            .run_blocking(move |db| {
                let mut import = Import::new(now);
                import.take_in_file(db, &file, |_, _| {}).map(|()| import.imported())
            })
            .await?;
        if let Ok(state) = state {
            self.memory().files.insert(path, state);
        }
        tracing::info!(
            source.name = %name, read = imported.read, new = imported.new, changed = imported.changed,
            rejected = imported.rejected, "papers taken in"
        );
        Ok(())
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The loop that looks at the sources.

use super::driver::{Step, StepError};
use super::runtime_config::RuntimeConfig;
use crate::archive::{VectorError, refresh_vectors};
use crate::clock::Clock;
use crate::http::Http;
use crate::intake::{IntakeError, PollError, PollScope, PollSummary, poll};
use crate::source::{SourceKind, SourceSettings};
use crate::store::Db;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

pub(super) struct FetchTask {
    pub(super) db: Db,
    pub(super) http: Http,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) runtime: watch::Receiver<Arc<RuntimeConfig>>,
    pub(super) stop: CancellationToken,
    /// Rings when papers may have come.
    pub(super) arrived: Arc<Notify>,
    /// Told when the sources were looked at for the first time.
    pub(super) polled: watch::Sender<bool>,
    pub(super) memory: Mutex<Memory>,
}

/// Under this name it is remembered what was said of the model; no source has it.
const MODEL: &str = " model";

/// What is remembered from one poll to the next.
#[derive(Debug, Default)]
pub(super) struct Memory {
    last: Option<DateTime<Utc>>,
    /// What was last said to be wrong with a source.
    said: HashMap<String, String>,
}

impl FetchTask {
    /// Looks at every source if it is time.
    pub(super) async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let now = self.clock.now();
        let runtime = Arc::clone(&self.runtime.borrow());
        let last = self.memory().last;
        // A clock that was set back is no reason to wait for it to catch up.
        if last
            .is_some_and(|last| last <= now && runtime.config.schedule.poll.next_after(last) > now)
        {
            return Ok(Step::Idle);
        }
        for source in &runtime.config.sources {
            let looked = tokio::select! {
                // A look may wait for its provider for minutes; what it has brought is stored in one go.
                () = self.stop.cancelled() => return Ok(Step::Idle),
                looked = poll(&self.db, &self.http, source, PollScope::WhatIsDue) => looked,
            };
            match looked {
                Err(PollError::Intake(IntakeError::Store(error))) => return Err(error.into()),
                looked => {
                    self.note(source, &looked, now).await?;
                    self.say(source, looked);
                }
            }
        }
        self.make_vectors(&runtime).await?;
        let done_at = self.clock.now();
        self.db
            .run(move |store| store.note_work("fetch", None, done_at))
            .await?;
        self.memory().last = Some(now);
        self.polled.send_replace(true);
        self.arrived.notify_one();
        Ok(Step::Idle)
    }

    /// Makes the vectors of papers that have none, before their issues are composed.
    async fn make_vectors(&self, runtime: &Arc<RuntimeConfig>) -> Result<(), StepError> {
        let (runtime, stop) = (Arc::clone(runtime), self.stop.clone());
        let made = self.db.run_blocking(move |db| {
            let Some(embedder) = runtime.composer.model.get(db)? else {
                return Ok(0);
            };
            Ok(refresh_vectors(db, &*embedder, |_| !stop.is_cancelled())?)
        });
        match made.await {
            Ok(made) => {
                self.memory().said.remove(MODEL);
                if made > 0 {
                    tracing::info!(made, "vectors computed");
                }
            }
            Err(VectorError::Store(error)) => return Err(error.into()),
            // Papers are ranked without it.
            Err(error) => {
                let said = format!("{:#}", anyhow::Error::from(error));
                if self
                    .memory()
                    .said
                    .insert(MODEL.to_owned(), said.clone())
                    .as_ref()
                    != Some(&said)
                {
                    tracing::error!("{said}");
                }
            }
        }
        Ok(())
    }

    /// Stores whether the source could be read, for the alarms.
    async fn note(
        &self,
        source: &SourceSettings,
        looked: &Result<PollSummary, PollError>,
        now: DateTime<Utc>,
    ) -> Result<(), StepError> {
        let why = match looked {
            // Nothing was due, or it is left alone: that says nothing.
            Ok(polled) if polled.paused_until.is_some() => return Ok(()),
            Ok(polled) if polled.asked == 0 && source.kind != SourceKind::Jsonl => return Ok(()),
            Ok(polled) => {
                polled
                    .failures
                    .first()
                    .filter(|_| polled.read == 0)
                    .map(|(what, why)| match what.as_str() {
                        "" => why.clone(),
                        what => format!("{what}: {why}"),
                    })
            }
            Err(error) => Some(error.to_string()),
        };
        let name = source.name.clone();
        if let Some(why) = &why
            && looked
                .as_ref()
                .is_ok_and(|polled| polled.changes.is_empty())
            && self
                .memory()
                .said
                .insert(name.clone(), why.clone())
                .as_ref()
                != Some(why)
        {
            tracing::warn!(source.name = %name, "the source cannot be read: {why}");
        }
        Ok(self
            .db
            .run(move |store| store.note_look(&name, why.as_deref(), now))
            .await?)
    }

    /// Says what a look brought, and what is wrong with a source when that changes.
    fn say(&self, source: &SourceSettings, looked: Result<PollSummary, PollError>) {
        match looked {
            Ok(polled) => {
                if polled.failures.is_empty() {
                    self.memory().said.remove(&source.name);
                }
                polled.log();
                if polled.read > 0 {
                    tracing::info!(
                        source.name = %source.name, read = polled.read, new = polled.new, changed = polled.changed,
                        rejected = polled.rejected, "papers taken in"
                    );
                }
            }
            Err(error) => {
                let said = format!("{:#}", anyhow::Error::from(error));
                if self
                    .memory()
                    .said
                    .insert(source.name.clone(), said.clone())
                    .as_ref()
                    != Some(&said)
                {
                    tracing::error!(source.name = %source.name, "the source cannot be looked at: {said}");
                }
            }
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

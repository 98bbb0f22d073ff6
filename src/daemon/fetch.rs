//! The loop that polls the sources.

use super::SCHEDULE_IDLE;
use super::driver::{Step, StepError};
use super::runtime_config::RuntimeConfig;
use super::tasks::{Shared, Tasks, Timing};
use crate::archive::{VectorError, refresh_vectors};
use crate::config::Config;
use crate::http::{Http, HttpEnv, HttpSettings};
use crate::intake::{IntakeError, PollError, PollScope, PollSummary, poll};
use crate::source::SourceSettings;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// A provider may ask to be left alone for long, and the first poll reads weeks.
const FETCH_PATIENCE: Duration = Duration::from_hours(3);

/// The key of the model's last error among those of the sources; no source has this name.
const MODEL: &str = " model";

struct FetchTask {
    shared: Shared,
    http: Http,
    /// Tells the publisher that the sources have been polled.
    polled: watch::Sender<bool>,
    memory: Mutex<FetchMemory>,
}

/// State between two polls.
#[derive(Debug, Default)]
struct FetchMemory {
    last: Option<DateTime<Utc>>,
    /// The last logged error of each source.
    logged: HashMap<String, String>,
}

impl FetchMemory {
    /// Whether `error` of `name` is not the one that was logged last.
    fn is_new(&mut self, name: &str, error: &str) -> bool {
        let before = self.logged.insert(name.to_owned(), error.to_owned());
        before.as_deref() != Some(error)
    }
}

/// Starts the fetch loop, which tells `polled` after the first poll.
pub(super) fn start(
    tasks: &mut Tasks,
    shared: &Shared,
    config: &Config,
    polled: watch::Sender<bool>,
) -> anyhow::Result<()> {
    let http = Http::new(HttpSettings::of_site(&config.site), HttpEnv::system())?;
    let timing = Timing {
        idle: SCHEDULE_IDLE,
        patience: FETCH_PATIENCE,
        wake: None,
    };
    let task = FetchTask {
        shared: shared.clone(),
        http,
        polled,
        memory: Mutex::default(),
    };
    tasks.start("fetch", &timing, |_| task, FetchTask::step);
    Ok(())
}

impl FetchTask {
    /// Polls every source if it is time.
    async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let runtime = shared.current();
        let last = self.memory().last;
        // A clock that was set back is no reason to wait for it to catch up.
        if last
            .is_some_and(|last| last <= now && runtime.config.schedule.poll.next_after(last) > now)
        {
            return Ok(Step::Idle);
        }
        for source in &runtime.config.sources {
            let looked = tokio::select! {
                // A poll may wait for its provider for minutes; its result is stored in one go.
                () = shared.stop.cancelled() => return Ok(Step::Idle),
                looked = poll(&shared.db, &self.http, source, PollScope::WhatIsDue) => looked,
            };
            match looked {
                Err(PollError::Intake(IntakeError::Store(error))) => return Err(error.into()),
                looked => {
                    self.note(source, &looked, now).await?;
                    self.log(source, looked);
                }
            }
        }
        self.make_vectors(&runtime).await?;
        let done_at = shared.clock.now();
        shared
            .db
            .run(move |store| store.note_work("fetch", None, done_at))
            .await?;
        self.memory().last = Some(now);
        self.polled.send_replace(true);
        shared.papers_arrived.notify_one();
        Ok(Step::Idle)
    }

    /// Makes the vectors of papers that have none, before their issues are composed.
    async fn make_vectors(&self, runtime: &Arc<RuntimeConfig>) -> Result<(), StepError> {
        let (runtime, stop) = (Arc::clone(runtime), self.shared.stop.clone());
        let made = self.shared.db.run_blocking(move |db| {
            let Some(embedder) = runtime.composer.model.get(db)? else {
                return Ok(0);
            };
            Ok(refresh_vectors(db, &*embedder, |_| !stop.is_cancelled())?)
        });
        match made.await {
            Ok(made) => {
                self.memory().logged.remove(MODEL);
                if made > 0 {
                    tracing::info!(made, "vectors computed");
                }
            }
            Err(VectorError::Store(error)) => return Err(error.into()),
            // Papers are ranked without it.
            Err(error) => {
                let said = format!("{:#}", anyhow::Error::from(error));
                if self.memory().is_new(MODEL, &said) {
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
            // Nothing was due, or the provider is paused: that proves nothing.
            Ok(polled) if polled.paused_until.is_some() => return Ok(()),
            Ok(polled) if polled.asked == 0 && source.open().provider().is_some() => return Ok(()),
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
            && self.memory().is_new(&name, why)
        {
            tracing::warn!(source.name = %name, "the source cannot be read: {why}");
        }
        Ok(self
            .shared
            .db
            .run(move |store| store.note_look(&name, why.as_deref(), now))
            .await?)
    }

    /// Logs what a poll brought, and an error of the source when it is new.
    fn log(&self, source: &SourceSettings, looked: Result<PollSummary, PollError>) {
        match looked {
            Ok(polled) => {
                if polled.failures.is_empty() {
                    self.memory().logged.remove(&source.name);
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
                if self.memory().is_new(&source.name, &said) {
                    tracing::error!(source.name = %source.name, "the source cannot be polled: {said}");
                }
            }
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, FetchMemory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

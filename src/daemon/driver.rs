//! The driver of background loops.

use crate::clock::Clock;
use crate::edition::EditionError;
use crate::findings::MonitorError;
use crate::findings::webhook::WebhookError;
use crate::outbox::{DeliverError, LockError};
use crate::store::{Db, StoreError, WorkNote};
use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The first wait after a step failed; it doubles up to [`BACKOFF_MAX`].
const BACKOFF: Duration = Duration::from_secs(1);

/// The longest wait after a step failed.
const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// How long the database may be unwritable before the service ends, so that its manager sees it.
const PATIENCE: Duration = Duration::from_mins(10);

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There may be more to do at once.
    Worked,
    /// There is nothing to do for a while.
    Idle,
}

/// Why a step failed.
#[derive(Debug)]
pub(super) enum StepError {
    /// The next try may succeed.
    Passing(anyhow::Error),
    /// Another process does the work, and this one waits; that is no failure.
    Standby(anyhow::Error),
    /// The next try may succeed, but the service ends if the failure lasts.
    Lasting(anyhow::Error),
    /// No try can succeed.
    Final(anyhow::Error),
}

impl StepError {
    /// Classifies an error by the error of the database in its chain.
    fn new(error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        let store = error.chain().find_map(|cause| {
            let shared = cause.downcast_ref::<Arc<StoreError>>().map(AsRef::as_ref);
            shared.or_else(|| cause.downcast_ref::<StoreError>())
        });
        match store {
            Some(
                StoreError::TooNew { .. } | StoreError::TooOld { .. } | StoreError::Missing { .. },
            ) => StepError::Final(error),
            Some(StoreError::NotWritable(_)) => StepError::Lasting(error),
            _ => StepError::Passing(error),
        }
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        StepError::new(error)
    }
}

impl From<EditionError> for StepError {
    fn from(error: EditionError) -> Self {
        match error {
            EditionError::Store(error) => StepError::new(error),
            error => StepError::new(error),
        }
    }
}

impl From<MonitorError> for StepError {
    fn from(error: MonitorError) -> Self {
        match error {
            MonitorError::Store(error) => StepError::new(error),
            error @ MonitorError::Mail(_) => StepError::new(error),
        }
    }
}

impl From<WebhookError> for StepError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Store(error) => StepError::new(error),
            error => StepError::Passing(error.into()),
        }
    }
}

impl From<DeliverError> for StepError {
    fn from(error: DeliverError) -> Self {
        StepError::new(error)
    }
}

impl From<LockError> for StepError {
    fn from(error: LockError) -> Self {
        StepError::new(error)
    }
}

/// The heartbeat of one loop.
#[derive(Debug)]
pub(super) struct Heartbeat {
    pub(super) name: &'static str,
    /// The longest time without a tick that is still normal.
    patience: Duration,
    last: Mutex<Instant>,
}

impl Heartbeat {
    pub(super) fn new(name: &'static str, patience: Duration) -> Arc<Self> {
        Arc::new(Heartbeat {
            name,
            patience,
            last: Mutex::new(Instant::now()),
        })
    }

    pub(super) fn tick(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn is_alive(&self) -> bool {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
            < self.patience
    }
}

/// How a loop is driven.
#[derive(Debug, Clone)]
pub(super) struct LoopConfig {
    pub(super) heartbeat: Arc<Heartbeat>,
    /// The wait when there is nothing to do.
    pub(super) idle: Duration,
    /// Ends the wait early.
    pub(super) wake: Arc<Notify>,
    pub(super) stop: CancellationToken,
    /// Stores failures in the database.
    pub(super) reporter: Option<StatusReporter>,
}

/// Stores how the loops do, for the alarms and the operator's pages.
#[derive(Clone)]
pub(super) struct StatusReporter {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for StatusReporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StatusReporter")
    }
}

impl StatusReporter {
    /// Stores that the loop `name` fails.
    async fn failed(&self, name: &'static str, error: String) {
        let now = self.clock.now();
        let stored = self
            .db
            .run(move |store| store.note_work(name, Some(&error), now));
        // A database that cannot be written is noticed by itself.
        let _ = stored.await;
    }

    /// Stores that the loop `name` works again, if a failure is stored.
    async fn works(&self, name: &'static str) {
        let now = self.clock.now();
        let stored = self.db.run(move |store| {
            let notes = store.work_notes()?;
            let is_failing = |note: &WorkNote| note.part == name && note.failing().is_some();
            if notes.iter().any(is_failing) {
                store.note_work(name, None, now)?;
            }
            Ok(())
        });
        let _ = stored.await;
    }
}

/// Repeats `step` until `stop` is cancelled; a running step is always finished.
///
/// A step that fails or panics is retried with backoff, and each kind of failure is logged once
/// until a step succeeds. `Err` if the loop cannot go on.
pub(super) async fn drive<S>(config: LoopConfig, mut step: impl FnMut() -> S) -> anyhow::Result<()>
where
    S: Future<Output = Result<Step, StepError>> + Send + 'static,
{
    let name = config.heartbeat.name;
    let mut logged = HashSet::new();
    let mut failing: Option<(Duration, Instant)> = None;
    // A process that ended while a step failed has left that in the database.
    let mut may_be_noted = true;
    while !config.stop.is_cancelled() {
        config.heartbeat.tick();
        // In a task of its own, a panic is an error like others.
        let error = match tokio::spawn(step()).await {
            Ok(Ok(came_to)) => {
                if failing.take().is_some() {
                    logged.clear();
                    tracing::info!(loop_name = name, "{name}: works again");
                }
                if std::mem::take(&mut may_be_noted)
                    && let Some(reporter) = &config.reporter
                {
                    reporter.works(name).await;
                }
                if came_to == Step::Idle {
                    pause(&config, config.idle, Some(&config.wake)).await;
                }
                continue;
            }
            Ok(Err(error)) => error,
            Err(_) => StepError::Passing(anyhow::anyhow!("the step panicked; it is retried")),
        };
        let (wait, since) = failing.unwrap_or((BACKOFF, Instant::now()));
        failing = Some(((wait * 2).min(BACKOFF_MAX), since));
        match error {
            StepError::Final(error) => return Err(error.context(format!("{name} cannot go on"))),
            StepError::Lasting(error) if since.elapsed() > PATIENCE => {
                let minutes = PATIENCE.as_secs() / 60;
                return Err(error.context(format!("{name} cannot go on: for {minutes} minutes")));
            }
            StepError::Standby(error) => {
                if logged.insert(error.to_string()) {
                    tracing::warn!(loop_name = name, "{name}: {error:#}");
                }
            }
            StepError::Passing(error) | StepError::Lasting(error) => {
                if logged.insert(error.to_string()) {
                    tracing::error!(loop_name = name, "{name}: {error:#}");
                    may_be_noted = true;
                    if let Some(reporter) = &config.reporter {
                        reporter.failed(name, format!("{error:#}")).await;
                    }
                }
            }
        }
        pause(&config, wait, None).await;
    }
    Ok(())
}

async fn pause(config: &LoopConfig, wait: Duration, wake: Option<&Notify>) {
    config.heartbeat.tick();
    let woken = async {
        match wake {
            Some(wake) => wake.notified().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = config.stop.cancelled() => {}
        () = woken => {}
        () = tokio::time::sleep(wait) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn config() -> LoopConfig {
        LoopConfig {
            heartbeat: Heartbeat::new("the test", Duration::from_mins(1)),
            idle: Duration::ZERO,
            wake: Arc::new(Notify::new()),
            stop: CancellationToken::new(),
            reporter: None,
        }
    }

    /// Takes the steps one after another, then stops.
    async fn take(steps: Vec<fn() -> Result<Step, StepError>>) -> (usize, anyhow::Result<()>) {
        let (config, taken) = (config(), Arc::new(AtomicUsize::new(0)));
        let (stop, count) = (config.stop.clone(), Arc::clone(&taken));
        let ended = drive(config, move || {
            let at = count.fetch_add(1, Ordering::SeqCst);
            let step = steps[at];
            if at + 1 == steps.len() {
                stop.cancel();
            }
            async move { step() }
        })
        .await;
        (taken.load(Ordering::SeqCst), ended)
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_fails_or_panics_is_taken_again() {
        let (taken, ended) = take(vec![
            || Ok(Step::Worked),
            || Err(StepError::Passing(anyhow::anyhow!("not now"))),
            || panic!("a bug"),
            || Ok(Step::Idle),
            || Ok(Step::Idle),
        ])
        .await;
        assert_eq!(taken, 5);
        ended.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_became_too_new_ends_the_loop() {
        let (taken, ended) = take(vec![
            || Err(StoreError::TooNew { found: 2, known: 1 }.into()),
            || Ok(Step::Idle),
        ])
        .await;
        assert_eq!(taken, 1);
        assert!(
            format!("{:#}", ended.unwrap_err())
                .starts_with("the test cannot go on: the database has schema 2")
        );
    }

    #[test]
    fn errors_of_the_database_decide_whether_a_loop_goes_on() {
        let full = || StoreError::NotWritable("disk full".into());
        assert!(matches!(StepError::from(full()), StepError::Lasting(_)));
        assert!(matches!(
            StepError::from(DeliverError::NotRecorded(Arc::new(full()))),
            StepError::Lasting(_)
        ));
        assert!(matches!(
            StepError::from(EditionError::Store(full())),
            StepError::Lasting(_)
        ));
        let gone = StoreError::Missing {
            path: "paperboy.db".to_owned(),
        };
        assert!(matches!(StepError::from(gone), StepError::Final(_)));
        assert!(matches!(
            StepError::from(StoreError::Closed),
            StepError::Passing(_)
        ));
    }
}

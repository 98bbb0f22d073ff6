//! The driver of background loops.

use crate::clock::Clock;
use crate::edition::EditionError;
use crate::findings::MonitorError;
use crate::findings::webhook::WebhookError;
use crate::outbox::{DeliverError, LockError};
use crate::store::{Db, StoreError};
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

/// How long a disk may be unusable before the program gives up and its keeper sees it.
const PATIENCE: Duration = Duration::from_mins(10);

/// What a step came to.
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
    /// It may go better the next time.
    Passing(anyhow::Error),
    /// The same, but if it lasts the program ends.
    Lasting(anyhow::Error),
    /// It will never go better.
    Final(anyhow::Error),
}

impl StepError {
    /// Any error, by what the database has to do with it.
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

    fn error(&self) -> &anyhow::Error {
        let (StepError::Passing(error) | StepError::Lasting(error) | StepError::Final(error)) =
            self;
        error
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

/// The sign of life of one loop.
#[derive(Debug)]
pub(super) struct Heartbeat {
    pub(super) name: &'static str,
    /// The longest silence that is still life.
    patience: Duration,
    last: Mutex<Instant>,
    /// Since when its steps fail, and why.
    failing: Mutex<Option<(Instant, String)>>,
}

impl Heartbeat {
    pub(super) fn new(name: &'static str, patience: Duration) -> Arc<Self> {
        Arc::new(Heartbeat {
            name,
            patience,
            last: Mutex::new(Instant::now()),
            failing: Mutex::default(),
        })
    }

    pub(super) fn tick(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Records why a step failed, or with `None` that a step succeeded.
    fn fails(&self, why: Option<(Instant, String)>) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// For how long its steps have failed, and why; `None` if they do not.
    pub(super) fn failing(&self) -> Option<(Duration, String)> {
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        failing
            .as_ref()
            .map(|(since, why)| (since.elapsed(), why.clone()))
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
    /// The pause when there is nothing to do.
    pub(super) idle: Duration,
    /// Rings when there may be something to do.
    pub(super) wake: Arc<Notify>,
    pub(super) stop: CancellationToken,
    /// Where it is noted what the loop fails of, for the operator's pages.
    pub(super) status: Option<StatusReporter>,
}

/// Where it is noted how a part of the work goes.
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

impl LoopConfig {
    /// Stores why the loop fails, or with `None` that it works again.
    async fn note(&self, failure: Option<String>) {
        let Some(status) = &self.status else { return };
        let (part, now) = (self.heartbeat.name, status.clock.now());
        // A database that cannot be written is seen without it.
        let _ = status
            .db
            .run(move |store| store.note_work(part, failure.as_deref(), now))
            .await;
    }
}

/// Takes steps until `stop` is cancelled; a step under way is always finished.
///
/// A step that fails or panics is taken again after a pause that grows, and is
/// mentioned once for each kind of failure until a step succeeds. `Err` if the
/// loop cannot go on.
pub(super) async fn drive<S>(driven: LoopConfig, mut step: impl FnMut() -> S) -> anyhow::Result<()>
where
    S: Future<Output = Result<Step, StepError>> + Send + 'static,
{
    let name = driven.heartbeat.name;
    let mut said = HashSet::new();
    let mut failing: Option<(Duration, Instant)> = None;
    while !driven.stop.is_cancelled() {
        driven.heartbeat.tick();
        // In a task of its own, a panic is an error like others.
        let trouble = match tokio::spawn(step()).await {
            Ok(Ok(came_to)) => {
                if failing.take().is_some() {
                    said.clear();
                    driven.heartbeat.fails(None);
                    tracing::info!(loop_name = name, "{name}: works again");
                    driven.note(None).await;
                }
                if came_to == Step::Worked {
                    continue;
                }
                pause(&driven, driven.idle).await;
                continue;
            }
            Ok(Err(trouble)) => trouble,
            Err(_) => StepError::Passing(anyhow::anyhow!("the step panicked; it is tried again")),
        };
        let (wait, since) =
            failing.map_or((BACKOFF, Instant::now()), |(wait, since)| (wait, since));
        failing = Some(((wait * 2).min(BACKOFF_MAX), since));
        driven
            .heartbeat
            .fails(Some((since, trouble.error().to_string())));
        match trouble {
            StepError::Final(error) => return Err(error.context(format!("{name} cannot go on"))),
            StepError::Lasting(error) if since.elapsed() > PATIENCE => {
                let minutes = PATIENCE.as_secs() / 60;
                return Err(error.context(format!("{name} cannot go on: for {minutes} minutes")));
            }
            trouble => {
                let error = trouble.error();
                if said.insert(error.to_string()) {
                    tracing::error!(loop_name = name, "{name}: {error:#}");
                    driven.note(Some(format!("{error:#}"))).await;
                }
            }
        }
        pause(
            &LoopConfig {
                wake: Arc::new(Notify::new()),
                ..driven.clone()
            },
            wait,
        )
        .await;
    }
    Ok(())
}

async fn pause(driven: &LoopConfig, wait: Duration) {
    driven.heartbeat.tick();
    tokio::select! {
        () = driven.stop.cancelled() => {}
        () = driven.wake.notified() => {}
        () = tokio::time::sleep(wait) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn driven() -> LoopConfig {
        LoopConfig {
            heartbeat: Heartbeat::new("the test", Duration::from_mins(1)),
            idle: Duration::ZERO,
            wake: Arc::new(Notify::new()),
            stop: CancellationToken::new(),
            status: None,
        }
    }

    /// Takes the steps one after another, then stops.
    async fn take(steps: Vec<fn() -> Result<Step, StepError>>) -> (usize, anyhow::Result<()>) {
        let (driven, taken) = (driven(), Arc::new(AtomicUsize::new(0)));
        let (stop, count) = (driven.stop.clone(), Arc::clone(&taken));
        let ended = drive(driven, move || {
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
    fn what_the_database_says_decides_whether_to_go_on() {
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

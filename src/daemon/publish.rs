//! The loop that composes and queues due issues.

use super::PATIENCE;
use super::driver::{Heartbeat, Step, StepError};
use super::tasks::{Shared, Tasks, Timing};
use crate::edition::{PublishLoop, Published};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The wait between two looks at who is due: how late an issue may start without other reason.
const IDLE: Duration = Duration::from_secs(5);

/// How long the first issues wait for the first poll of the sources: before it nobody knows
/// which papers are missing.
const FIRST_POLL: Duration = Duration::from_mins(5);

struct PublishTask {
    shared: Shared,
    heartbeat: Arc<Heartbeat>,
    /// Whether the sources have been polled since the service started.
    polled: watch::Receiver<bool>,
    began: Instant,
    publisher: Mutex<PublishLoop>,
}

/// Starts the publish loop; `polled` tells when the sources have been polled.
pub(super) fn start(tasks: &mut Tasks, shared: &Shared, polled: watch::Receiver<bool>) {
    let timing = Timing {
        idle: IDLE,
        patience: PATIENCE,
        wake: Some(&shared.papers_arrived),
    };
    let make = |heartbeat| PublishTask {
        shared: shared.clone(),
        heartbeat,
        polled,
        began: Instant::now(),
        publisher: Mutex::default(),
    };
    tasks.start("publish", &timing, make, PublishTask::step);
}

impl PublishTask {
    /// Composes and queues the issues that are due.
    async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        if !*self.polled.borrow() && self.began.elapsed() < FIRST_POLL {
            return Ok(Step::Idle);
        }
        let shared = &self.shared;
        shared.db.run(|store| store.check_schema()).await?;
        let this = Arc::clone(&self);
        let published = shared.db.run_blocking(move |db| {
            let runtime = this.shared.current();
            let mut publisher = this
                .publisher
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            publisher.step(db, &runtime.composer, this.shared.clock.now(), || {
                this.heartbeat.tick();
                !this.shared.stop.is_cancelled()
            })
        });
        let Some(published) = published.await? else {
            return Ok(Step::Idle);
        };
        let now = shared.clock.now();
        shared
            .db
            .run(move |store| store.note_work("publish", None, now))
            .await?;
        log(&published);
        if published.queued > 0 {
            shared.mail_queued.notify_one();
        }
        Ok(Step::Idle)
    }
}

fn log(published: &Published) {
    if published.due > 0 {
        tracing::info!(
            due = published.due,
            queued = published.queued,
            empty = published.empty,
            "issues composed"
        );
    }
    if published.waiting > 0 {
        tracing::info!(
            waiting = published.waiting,
            "issues wait for missing papers"
        );
    }
    if published.late > 0 {
        tracing::warn!(
            skipped = published.late,
            "issues skipped: due longer ago than schedule.max_lateness_hours; their papers come \
             with the next issues"
        );
    }
}

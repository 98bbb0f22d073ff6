//! The loop that composes what is due.

use super::driver::{Heartbeat, Step, StepError};
use super::runtime_config::RuntimeConfig;
use crate::clock::Clock;
use crate::edition::{PublishLoop, Published};
use crate::store::Db;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// How long the first issues wait for the first look at the sources: nobody knows yet what is missing.
const FIRST_POLL: Duration = Duration::from_mins(5);

pub(super) struct PublishTask {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) runtime: watch::Receiver<Arc<RuntimeConfig>>,
    pub(super) heartbeat: Arc<Heartbeat>,
    pub(super) stop: CancellationToken,
    /// Rings when mail was queued.
    pub(super) queued: Arc<Notify>,
    /// Whether the sources have been looked at since the program began.
    pub(super) polled: watch::Receiver<bool>,
    pub(super) began: Instant,
    pub(super) publisher: Mutex<PublishLoop>,
}

impl PublishTask {
    /// Composes and queues what is due.
    pub(super) async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        if !*self.polled.borrow() && self.began.elapsed() < FIRST_POLL {
            return Ok(Step::Idle);
        }
        self.db.run(|store| store.check_schema()).await?;
        let this = Arc::clone(&self);
        let published = self.db.run_blocking(move |db| {
            let runtime = Arc::clone(&this.runtime.borrow());
            let mut publisher = this
                .publisher
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            publisher.step(db, &runtime.composer, this.clock.now(), || {
                this.heartbeat.tick();
                !this.stop.is_cancelled()
            })
        });
        let Some(published) = published.await? else {
            return Ok(Step::Idle);
        };
        let now = self.clock.now();
        self.db
            .run(move |store| store.note_work("publish", None, now))
            .await?;
        say(&published);
        if published.queued > 0 {
            self.queued.notify_one();
        }
        Ok(Step::Idle)
    }
}

fn say(published: &Published) {
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
            "issues wait for papers that are still missing"
        );
    }
    if published.late > 0 {
        tracing::warn!(
            skipped = published.late,
            "issues were due longer ago than schedule.max_lateness_hours: skipped, their papers come with the next ones"
        );
    }
}

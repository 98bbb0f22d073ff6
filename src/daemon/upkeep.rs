//! The loop that tends the database.

use super::driver::{Heartbeat, Step, StepError};
use super::runtime_config::RuntimeConfig;
use crate::clock::Clock;
use crate::store::Db;
use crate::upkeep::tend;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Sessions of the operator end long before.
const SESSIONS_KEPT: TimeDelta = TimeDelta::days(8);

/// What was done by hand is asked about for as long as what came back.
const ACTS_KEPT: TimeDelta = TimeDelta::days(400);

pub(super) struct UpkeepTask {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) runtime: watch::Receiver<Arc<RuntimeConfig>>,
    pub(super) heartbeat: Arc<Heartbeat>,
    pub(super) stop: CancellationToken,
    /// When it was done last, or when the program began.
    pub(super) last: Mutex<DateTime<Utc>>,
}

impl UpkeepTask {
    /// Tends the database if it is time.
    pub(super) async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let now = self.clock.now();
        let config = self.runtime.borrow().config.clone();
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last <= now && config.schedule.upkeep.next_after(last) > now {
            return Ok(Step::Idle);
        }
        let go_on = || {
            self.heartbeat.tick();
            !self.stop.is_cancelled()
        };
        let tended = tend(&self.db, &config.retention, now, go_on).await?;
        if self.stop.is_cancelled() {
            return Ok(Step::Idle);
        }
        self.db
            .run(move |store| {
                store.forget_admin(now - SESSIONS_KEPT, now - ACTS_KEPT)?;
                store.keep_subscriber_counts(now.date_naive())?;
                store.note_work("upkeep", None, now)
            })
            .await?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = now;
        let forgotten: u64 = tended.forgotten.iter().map(|(_, count)| count).sum();
        tracing::info!(
            forgotten,
            pages = tended.pages,
            rewritten = tended.rewritten,
            took_seconds = (self.clock.now() - now).num_seconds(),
            "the database is tended"
        );
        if let Some(first) = tended.damage.first() {
            tracing::error!(
                "the database is damaged ({first}): stop the service, keep a copy, and `paperboy restore` the last backup"
            );
        }
        Ok(Step::Idle)
    }
}

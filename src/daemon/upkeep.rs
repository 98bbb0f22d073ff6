//! The loop that does the upkeep of the database.

use super::driver::{Heartbeat, Step, StepError};
use super::tasks::{Shared, Tasks, Timing};
use super::{PATIENCE, SCHEDULE_IDLE};
use crate::upkeep::run_upkeep;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex, PoisonError};

/// Admin sessions end well before.
const SESSIONS_KEPT: TimeDelta = TimeDelta::days(8);

/// Operator actions are kept as long as reports are by default.
const ACTIONS_KEPT: TimeDelta = TimeDelta::days(400);

struct UpkeepTask {
    shared: Shared,
    heartbeat: Arc<Heartbeat>,
    /// The time of the last upkeep, or of the start of the service.
    last: Mutex<DateTime<Utc>>,
}

/// Starts the upkeep loop.
pub(super) fn start(tasks: &mut Tasks, shared: &Shared) {
    let timing = Timing {
        idle: SCHEDULE_IDLE,
        patience: PATIENCE,
        wake: None,
    };
    let make = |heartbeat| UpkeepTask {
        shared: shared.clone(),
        heartbeat,
        last: Mutex::new(shared.clock.now()),
    };
    tasks.start("upkeep", &timing, make, UpkeepTask::step);
}

impl UpkeepTask {
    /// Does the upkeep if it is due.
    async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let config = shared.current().config.clone();
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last <= now && config.schedule.upkeep.next_after(last) > now {
            return Ok(Step::Idle);
        }
        let go_on = || {
            self.heartbeat.tick();
            !shared.stop.is_cancelled()
        };
        let report = run_upkeep(&shared.db, &config.retention, now, go_on).await?;
        if shared.stop.is_cancelled() {
            return Ok(Step::Idle);
        }
        shared
            .db
            .run(move |store| {
                store.forget_admin(now - SESSIONS_KEPT, now - ACTIONS_KEPT)?;
                store.keep_subscriber_counts(now.date_naive())?;
                store.note_work("upkeep", None, now)
            })
            .await?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = now;
        let forgotten: u64 = report.forgotten.iter().map(|(_, count)| count).sum();
        tracing::info!(
            forgotten,
            pages = report.pages,
            rewritten = report.rewritten,
            took_seconds = (shared.clock.now() - now).num_seconds(),
            "upkeep of the database done"
        );
        if let Some(first) = report.damage.first() {
            tracing::error!(
                "the database is damaged ({first}): stop the service, keep a copy, and \
                 `paperboy restore` the last backup"
            );
        }
        Ok(Step::Idle)
    }
}

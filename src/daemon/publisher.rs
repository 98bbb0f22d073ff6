//! The loop that composes what is due.

use super::keep::{Pulse, Step, Trouble};
use super::parts::Parts;
use crate::clock::Clock;
use crate::coverage::CoverageState;
use crate::edition::{EditionError, Press, Published};
use crate::store::Db;
use chrono::{DateTime, Days, NaiveDate, Utc};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// Days back of which a change of coverage wakes those who wait.
const DAYS_WATCHED: u64 = 3;

/// How long the first issues wait for the first look at the sources: nobody knows yet what is missing.
const FIRST_POLL: Duration = Duration::from_mins(5);

/// What is known of the last days: if it changes, somebody's papers may have come.
type Known = Vec<(NaiveDate, String, String, CoverageState, u32)>;

pub(super) struct Publisher {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) parts: watch::Receiver<Arc<Parts>>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) stop: CancellationToken,
    /// Rings when mail was queued.
    pub(super) queued: Arc<Notify>,
    /// Whether the sources have been looked at since the program began.
    pub(super) polled: watch::Receiver<bool>,
    pub(super) began: Instant,
    pub(super) known: Mutex<Option<Known>>,
}

impl Publisher {
    /// Composes and queues what is due.
    pub(super) async fn step(self: Arc<Self>) -> Result<Step, Trouble> {
        if !*self.polled.borrow() && self.began.elapsed() < FIRST_POLL {
            return Ok(Step::Idle);
        }
        let now = self.clock.now();
        self.db.run(|store| store.check_schema()).await?;
        self.wake_waiting(now).await?;
        let next = self.db.run(|store| store.next_look()).await?;
        if next.is_none_or(|next| next > now) {
            return Ok(Step::Idle);
        }
        let this = Arc::clone(&self);
        let published = self.db.run_blocking(move |db| this.publish(db, now)).await?;
        say(&published);
        if published.queued > 0 {
            self.queued.notify_one();
        }
        Ok(Step::Idle)
    }

    /// Has those looked at whose papers may have come.
    async fn wake_waiting(&self, now: DateTime<Utc>) -> Result<(), Trouble> {
        let today = now.date_naive();
        let rows = self.db.run(move |store| store.coverage(today - Days::new(DAYS_WATCHED), today)).await?;
        let known: Known =
            rows.into_iter().map(|row| (row.date, row.source, row.category, row.state, row.papers)).collect();
        if self.last_known().as_ref() == Some(&known) {
            return Ok(());
        }
        self.db.run(|store| store.look_at_waiting()).await?;
        *self.last_known() = Some(known);
        Ok(())
    }

    fn last_known(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, db: &Db, now: DateTime<Utc>) -> Result<Published, EditionError> {
        let parts = Arc::clone(&self.parts.borrow());
        let mut press = Press::for_due(db, &parts.desk, now)?;
        while !self.stop.is_cancelled() && press.print_page()? {
            self.pulse.beat();
        }
        Ok(press.published())
    }
}

fn say(published: &Published) {
    if published.due > 0 {
        tracing::info!(due = published.due, queued = published.queued, empty = published.empty, "issues composed");
    }
    if published.waiting > 0 {
        tracing::info!(waiting = published.waiting, "issues wait for papers that are still missing");
    }
    if published.late > 0 {
        tracing::warn!(
            skipped = published.late,
            "issues were due longer ago than schedule.max_lateness_hours: skipped, their papers come with the next ones"
        );
    }
}

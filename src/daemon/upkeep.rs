//! The loop that tends the database.

use super::keep::{Step, Trouble};
use super::parts::Parts;
use crate::clock::Clock;
use crate::store::Db;
use chrono::{DateTime, Days, TimeDelta, Utc};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// How long it is remembered that a date had no issue: it decides nothing after
/// 8 days, and operators may wonder for some weeks.
const SKIPPED_DAYS: u64 = 60;

/// Subscriptions that were asked for and never confirmed are forgotten after so many days.
const UNCONFIRMED_DAYS: i64 = 30;

/// Clicks tell what is read now.
const CLICKS_DAYS: i64 = 90;
/// How long reports are kept: a year and a month, so that seasons can be compared.
const REPORTS_KEPT: TimeDelta = TimeDelta::days(400);

/// Sessions of the operator end long before.
const SESSIONS_KEPT: TimeDelta = TimeDelta::days(8);

/// What was done by hand is asked about for as long as what came back.
const ACTS_KEPT: TimeDelta = REPORTS_KEPT;

pub(super) struct Upkeep {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) parts: watch::Receiver<Arc<Parts>>,
    /// When it was done last, or when the program began.
    pub(super) last: Mutex<DateTime<Utc>>,
}

impl Upkeep {
    /// Tends the database if it is time.
    pub(super) async fn step(self: Arc<Self>) -> Result<Step, Trouble> {
        let now = self.clock.now();
        let upkeep = self.parts.borrow().config.schedule.upkeep.clone();
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last <= now && upkeep.next_after(last) > now {
            return Ok(Step::Idle);
        }
        let forget_before = now.date_naive() - Days::new(SKIPPED_DAYS);
        let (unconfirmed, clicks) = (now - TimeDelta::days(UNCONFIRMED_DAYS), now - TimeDelta::days(CLICKS_DAYS));
        let forgotten = self
            .db
            .run(move |store| {
                let forgotten = (store.forget_unconfirmed(unconfirmed)?, store.forget_clicks(clicks)?);
                store.forget_reports(now - REPORTS_KEPT)?;
                store.forget_admin(now - SESSIONS_KEPT, now - ACTS_KEPT)?;
                store.keep_subscriber_counts(now.date_naive())?;
                store.tend(forget_before)?;
                store.note_work("upkeep", None, now)?;
                Ok(forgotten)
            })
            .await?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = now;
        tracing::info!(unconfirmed = forgotten.0, clicks = forgotten.1, "the database is tended");
        Ok(Step::Idle)
    }
}

//! Publishing step by step, for a service.

use super::{Composer, EditionError, Published, Publisher};
use crate::coverage::CoverageState;
use crate::store::Db;
use chrono::{DateTime, Days, NaiveDate, Utc};

/// Days whose coverage is watched for changes.
const DAYS_WATCHED: u64 = 3;

/// Coverage of the last days; a change may bring papers that subscribers wait for.
type Known = Vec<(NaiveDate, String, String, CoverageState, u32)>;

/// Publishes due issues repeatedly. A step is cheap while no subscriber is due.
#[derive(Debug, Default)]
pub struct PublishLoop {
    known: Option<Known>,
}

impl PublishLoop {
    /// Composes and queues what is due at `now`, batch by batch while `go_on` returns true.
    /// `None` if no subscriber was to be looked at.
    pub fn step(
        &mut self,
        db: &Db,
        composer: &Composer,
        now: DateTime<Utc>,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<Option<Published>, EditionError> {
        self.wake_waiting(db, now)?;
        let next = db.run_here(|store| store.next_look())?;
        if next.is_none_or(|next| next > now) {
            return Ok(None);
        }
        let mut publisher = Publisher::for_due(db, composer, now)?;
        while go_on() && publisher.publish_batch()? {}
        Ok(Some(publisher.published()))
    }

    /// Schedules a look at the subscribers whose papers may have come.
    fn wake_waiting(&mut self, db: &Db, now: DateTime<Utc>) -> Result<(), EditionError> {
        let today = now.date_naive();
        let rows = db.run_here(|store| store.coverage(today - Days::new(DAYS_WATCHED), today))?;
        let known: Known = rows
            .into_iter()
            .map(|row| (row.date, row.source, row.category, row.state, row.papers))
            .collect();
        if self.known.as_ref() != Some(&known) {
            db.run_here(|store| store.look_at_waiting())?;
            self.known = Some(known);
        }
        Ok(())
    }
}

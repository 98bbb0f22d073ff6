//! Publishing step by step, for a service.

use super::{Desk, EditionError, Press, Published};
use crate::coverage::CoverageState;
use crate::store::Db;
use chrono::{DateTime, Days, NaiveDate, Utc};

/// Days back of which a change of coverage wakes those who wait.
const DAYS_WATCHED: u64 = 3;

/// What is known of the last days: if it changes, papers may have come that somebody waits for.
type Known = Vec<(NaiveDate, String, String, CoverageState, u32)>;

/// Publishes what is due, again and again. A step costs next to nothing while nobody is due.
#[derive(Debug, Default)]
pub struct Publisher {
    known: Option<Known>,
}

impl Publisher {
    /// Composes and queues what is due at `now`, page by page as long as `go_on`
    /// says so. `None` if nobody was to be looked at.
    pub fn step(
        &mut self,
        db: &Db,
        desk: &Desk,
        now: DateTime<Utc>,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<Option<Published>, EditionError> {
        self.wake_waiting(db, now)?;
        let next = db.run_here(|store| store.next_look())?;
        if next.is_none_or(|next| next > now) {
            return Ok(None);
        }
        let mut press = Press::for_due(db, desk, now)?;
        while go_on() && press.print_page()? {}
        Ok(Some(press.published()))
    }

    /// Has those looked at whose papers may have come.
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

//! Tending the file.

use super::row::date_text;
use super::{STEPS, SqliteStore};
use crate::store::{StoreError, UpkeepStore};
use chrono::NaiveDate;
use rusqlite::named_params;

impl UpkeepStore for SqliteStore {
    fn check_schema(&mut self) -> Result<(), StoreError> {
        let (found, known) = (self.schema()?, STEPS.len());
        match found.cmp(&known) {
            std::cmp::Ordering::Less => Err(StoreError::TooOld { found, known }),
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(StoreError::TooNew { found, known }),
        }
    }

    fn check_writable(&mut self) -> Result<(), StoreError> {
        let tx = self.write()?;
        tx.execute(
            "INSERT INTO relay_pauses (relay, until, failures, refuses_us, reason) VALUES ('', 0, 0, 0, '')",
            [],
        )?;
        Ok(tx.rollback()?)
    }

    fn check_integrity(&mut self) -> Result<Vec<String>, StoreError> {
        let mut check = self.conn.prepare("PRAGMA quick_check(10)")?;
        let lines = check.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    fn tend(&mut self, forget_before: NaiveDate) -> Result<(), StoreError> {
        self.conn.execute(
            "DELETE FROM skipped WHERE local_date < :before",
            named_params! { ":before": date_text(forget_before) },
        )?;
        self.purge()?;
        // What queries have shown to be worth knowing (SQLite's manual on PRAGMA optimize).
        self.conn.execute_batch("PRAGMA optimize")?;
        // As much of the log as nobody reads goes into the file; nobody is waited for.
        self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }
}

impl SqliteStore {
    /// Overwrites what people who were erased had left in freed pages, by writing the file anew.
    fn purge(&mut self) -> Result<(), StoreError> {
        let is_wanted = self.conn.prepare_cached("SELECT 1 FROM erased WHERE is_purged = 0")?.exists([])?;
        if !is_wanted {
            return Ok(());
        }
        match self.conn.execute_batch("VACUUM").map_err(StoreError::from) {
            // No room for a second file: there may be some tomorrow, and nothing else depends on it.
            Err(StoreError::NotWritable(_)) => return Ok(()),
            done => done?,
        }
        self.conn.execute("UPDATE erased SET is_purged = 1", [])?;
        Ok(())
    }
}

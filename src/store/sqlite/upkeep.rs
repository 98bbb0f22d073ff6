//! Upkeep of the database file.

use super::{SqliteStore, steps};
use crate::store::{StoreError, UpkeepStore};

impl UpkeepStore for SqliteStore {
    fn check_schema(&mut self) -> Result<(), StoreError> {
        let (found, known) = (self.schema()?, steps().len());
        match found.cmp(&known) {
            std::cmp::Ordering::Less => Err(StoreError::TooOld { found, known }),
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(StoreError::TooNew { found, known }),
        }
    }

    fn check_writable(&mut self) -> Result<(), StoreError> {
        let tx = self.write()?;
        tx.execute(
            "INSERT INTO relay_pauses (relay, until, failures, refuses_us, reason) VALUES ('', 0,
                0, 0, '')",
            [],
        )?;
        Ok(tx.rollback()?)
    }

    fn check_integrity(&mut self) -> Result<Vec<String>, StoreError> {
        let mut check = self.conn.prepare("PRAGMA quick_check(10)")?;
        let lines = check
            .query_map([], |row| row.get(0))?
            .collect::<Result<Vec<String>, _>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    fn optimize(&mut self) -> Result<(), StoreError> {
        // With a limit, no table is read in full (SQLite's manual on PRAGMA optimize).
        self.conn
            .execute_batch("PRAGMA analysis_limit = 400; PRAGMA optimize")?;
        Ok(())
    }

    fn has_erased(&mut self) -> Result<bool, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT 1 FROM erased WHERE is_purged = 0")?
            .exists([])?)
    }

    fn purge_erased(&mut self) -> Result<bool, StoreError> {
        if !self.has_erased()? {
            return Ok(false);
        }
        // From now on the file can also shrink a few pages at a time.
        self.conn
            .pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        match self.conn.execute_batch("VACUUM").map_err(StoreError::from) {
            // No room for a second file: there may be some tomorrow; nothing else depends on it.
            Err(StoreError::NotWritable(_)) => return Ok(false),
            done => done?,
        }
        self.conn.execute("UPDATE erased SET is_purged = 1", [])?;
        self.conn
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(true)
    }
}

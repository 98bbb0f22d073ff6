//! Tending the database.

use super::StoreError;
use chrono::NaiveDate;

/// Verbs of a program that runs for long.
pub trait UpkeepStore {
    /// Fails if another version has changed the database's schema meanwhile, or the file is gone.
    fn check_schema(&mut self) -> Result<(), StoreError>;

    /// Does what a database needs from time to time, and forgets which issues
    /// dated before `forget_before` were skipped. After somebody was erased,
    /// nothing of them is left in the file, not even in its unused parts.
    fn tend(&mut self, forget_before: NaiveDate) -> Result<(), StoreError>;
}

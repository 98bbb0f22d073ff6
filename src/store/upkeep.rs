//! Tending the database.

use super::StoreError;
use chrono::NaiveDate;
use std::path::Path;

/// Verbs of a program that runs for long.
pub trait UpkeepStore {
    /// Fails if another version has changed the database's schema meanwhile, or the file is gone.
    fn check_schema(&mut self) -> Result<(), StoreError>;

    /// Writes something, and takes it back.
    fn check_writable(&mut self) -> Result<(), StoreError>;

    /// What is damaged in the file, a line each; empty if it is sound. Reads all of it, and stops nobody.
    fn check_integrity(&mut self) -> Result<Vec<String>, StoreError>;

    /// Does what a database needs from time to time, and forgets which issues
    /// dated before `forget_before` were skipped. After somebody was erased,
    /// nothing of them is left in the file, not even in its unused parts.
    fn tend(&mut self, forget_before: NaiveDate) -> Result<(), StoreError>;
}

/// Room on the disk of `folder` for programs without special rights, in bytes.
pub fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let room = rustix::fs::statvfs(folder)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}

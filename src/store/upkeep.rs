//! Upkeep of the database.

use super::StoreError;
use std::path::Path;

/// Upkeep by a long-running program.
pub trait UpkeepStore {
    /// Fails if another version has changed the database's schema meanwhile, or the file is gone.
    fn check_schema(&mut self) -> Result<(), StoreError>;

    /// Writes and rolls back, to find out whether the database is writable.
    fn check_writable(&mut self) -> Result<(), StoreError>;

    /// Returns the damage in the file, a line each; empty if it is sound. Reads all of it, and
    /// blocks no writer.
    fn check_integrity(&mut self) -> Result<Vec<String>, StoreError>;

    /// Updates the statistics of the query planner. Takes little time.
    fn optimize(&mut self) -> Result<(), StoreError>;

    /// Removes the data of erased subscribers from the unused pages of the file, by rewriting
    /// it; writers wait. Returns `false` if there was no need, or no room on the disk.
    fn purge_erased(&mut self) -> Result<bool, StoreError>;

    /// Whether [`UpkeepStore::purge_erased`] has anything to do.
    fn has_erased(&mut self) -> Result<bool, StoreError>;
}

/// Returns the free bytes on the disk of `folder` for programs without special rights.
pub fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let room = rustix::fs::statvfs(folder)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}

//! Tending the database.

use super::StoreError;
use std::path::Path;

/// Verbs of a program that runs for long.
pub trait UpkeepStore {
    /// Fails if another version has changed the database's schema meanwhile, or the file is gone.
    fn check_schema(&mut self) -> Result<(), StoreError>;

    /// Writes something, and takes it back.
    fn check_writable(&mut self) -> Result<(), StoreError>;

    /// What is damaged in the file, a line each; empty if it is sound. Reads all of it, and stops nobody.
    fn check_integrity(&mut self) -> Result<Vec<String>, StoreError>;

    /// Notes what queries have shown to be worth knowing of the tables. Takes no time to speak of.
    fn optimize(&mut self) -> Result<(), StoreError>;

    /// Sees to it that nothing of those who were erased is left in the file, not
    /// even in its unused parts, by writing it anew: nobody else writes meanwhile.
    /// `false` if there was no need, or no room on the disk.
    fn purge_erased(&mut self) -> Result<bool, StoreError>;

    /// Whether [`UpkeepStore::purge_erased`] has anything to do.
    fn has_erased(&mut self) -> Result<bool, StoreError>;
}

/// Room on the disk of `folder` for programs without special rights, in bytes.
pub fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let room = rustix::fs::statvfs(folder)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}

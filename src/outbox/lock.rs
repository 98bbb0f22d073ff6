//! The operating system's lock on sending.
//!
//! The lease in the database outlives a process that was killed; this lock does
//! not. Its holder knows that no other process on this machine sends, and
//! takes over a dead sender's lease at once.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

/// The lock on sending, held until it is dropped.
#[derive(Debug)]
pub struct SendingLock {
    // The lock goes with the file handle, also when the process is killed.
    _file: File,
}

/// An error that keeps the lock from being taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds the lock.
    #[error("another paperboy is sending already: {holder}")]
    Taken {
        /// The name of the process that has it.
        holder: String,
    },
    /// The file cannot be made or locked.
    #[error("cannot lock {path}")]
    Io {
        /// The path of the lock file.
        path: String,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl SendingLock {
    /// Takes the lock on the file at `path` (made if need be) in the name of `holder`.
    pub fn take(path: &Path, holder: &str) -> Result<Self, LockError> {
        let broken = |source| LockError::Io {
            path: path.display().to_string(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(broken)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The name is a courtesy: without it the lock is taken all the same.
                let _ = file.take(200).read_to_string(&mut holder);
                let holder = if holder.trim().is_empty() {
                    "a process that left no name"
                } else {
                    holder.trim()
                };
                return Err(LockError::Taken {
                    holder: holder.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(broken(source)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(holder.as_bytes())
        };
        write(&mut file).map_err(broken)?;
        Ok(SendingLock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sending.lock");
        let first = SendingLock::take(&path, "first, process 12345").unwrap();
        let refused = SendingLock::take(&path, "second").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "another paperboy is sending already: first, process 12345"
        );
        drop(first);
        let _second = SendingLock::take(&path, "second").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "second");
    }
}

//! Backup and restore of the database.

use super::{SqliteStore, StoreError, UpkeepStore};
use chrono::{DateTime, Utc};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, named_params};
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The failure of a backup or a restore.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file operation.
    #[error("cannot {attempt} {path}")]
    File {
        /// The operation.
        attempt: &'static str,
        /// The path.
        path: PathBuf,
        /// Error of the operating system.
        #[source]
        cause: io::Error,
    },
    /// The database to be replaced is in use.
    #[error("another paperboy has {path} open: stop it first")]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// The file is not a database, or damaged.
    #[error("{path} is not a sound backup: {found}")]
    Unsound {
        /// The path.
        path: PathBuf,
        /// Message of SQLite.
        found: String,
    },
    /// Not enough room for a copy.
    #[error("a copy needs {} MiB, and {} MiB are free in {folder}: make room", needed >> 20, free >> 20)]
    NoRoom {
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
        /// The folder.
        folder: PathBuf,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        BackupError::Store(error.into())
    }
}

/// The result of [`restore`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Waiting deliveries that are held now.
    pub held: u64,
    /// Path of the replaced database, if there was one.
    pub kept: Option<PathBuf>,
}

impl SqliteStore {
    /// Copies a snapshot of the database into a new file at `to`.
    pub fn back_up(&self, to: &Path) -> Result<(), BackupError> {
        new_file(to)?;
        let copied = self.copy_into(to);
        if copied.is_err() {
            // An incomplete backup is deleted.
            let _ = fs::remove_file(to);
        }
        copied
    }

    fn copy_into(&self, to: &Path) -> Result<(), BackupError> {
        let mut target = Connection::open(to)?;
        let backup = Backup::new(&self.conn, &mut target)?;
        // All pages in one step: otherwise a writer in another process restarts the copy.
        // The write-ahead log lets writers continue meanwhile.
        match backup.step(-1)? {
            StepResult::Done => Ok(()),
            _ => Err(BackupError::Store(StoreError::Backend(
                "the database is locked".into(),
            ))),
        }
    }
}

/// The result of a migration on a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rehearsed {
    /// Schema before.
    pub from: usize,
    /// Schema after.
    pub to: usize,
    /// Size of the file before, in bytes.
    pub bytes_before: u64,
    /// Size of the file after, in bytes.
    pub bytes_after: u64,
}

/// Migrates a copy of the database at `database` to this program's schema, checks it, and
/// deletes it. The database may be in use meanwhile.
pub fn rehearse(database: &Path) -> Result<Rehearsed, BackupError> {
    if !database.exists() {
        return Err(StoreError::Missing {
            path: database.display().to_string(),
        }
        .into());
    }
    let folder = database
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let size = |path: &Path| {
        let about = fs::metadata(path);
        about
            .map(|about| about.len())
            .map_err(|cause| BackupError::File {
                attempt: "read",
                path: path.into(),
                cause,
            })
    };
    // Room for the copy, and for the write-ahead log of the migration.
    let needed = 2 * size(database)?;
    if let Ok(free) = crate::store::free_bytes(folder)
        && free < needed
    {
        return Err(BackupError::NoRoom {
            needed,
            free,
            folder: folder.to_owned(),
        });
    }
    let copy = beside(database, "dry-run");
    remove_with_log(&copy);
    new_file(&copy)?;
    let tried = rehearse_on(database, &copy).and_then(|(from, to, bytes_before)| {
        Ok(Rehearsed {
            from,
            to,
            bytes_before,
            bytes_after: size(&copy)?,
        })
    });
    remove_with_log(&copy);
    tried
}

fn rehearse_on(database: &Path, copy: &Path) -> Result<(usize, usize, u64), BackupError> {
    let flags = OpenFlags::default() & !OpenFlags::SQLITE_OPEN_CREATE;
    let store = SqliteStore::connect(Connection::open_with_flags(database, flags)?)?;
    store.copy_into(copy)?;
    drop(store);
    let bytes_before = fs::metadata(copy).map_or(0, |about| about.len());
    let (mut store, migrated) = SqliteStore::migrate(copy)?;
    if let Some(found) = store.check_integrity()?.into_iter().next() {
        return Err(BackupError::Unsound {
            path: database.to_owned(),
            found,
        });
    }
    // In one file again, to know its whole size.
    store.conn.pragma_update(None, "journal_mode", "DELETE")?;
    Ok((migrated.from, migrated.to, bytes_before))
}

fn remove_with_log(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let _ = fs::remove_file(PathBuf::from(name));
    }
}

/// Replaces the database at `database` by the backup at `from`, migrated to this program's
/// schema; waiting deliveries are held, and issues due before `now` are not composed. The
/// database must not be in use.
///
/// Everything that can fail is done on a copy first; the replaced database is kept beside
/// the new one.
pub fn restore(from: &Path, database: &Path, now: DateTime<Utc>) -> Result<Restored, BackupError> {
    let fresh = beside(database, "restoring");
    let file_error = |attempt, path: &Path| {
        let path = path.to_owned();
        move |cause| BackupError::File {
            attempt,
            path,
            cause,
        }
    };
    let _ = fs::remove_file(&fresh);
    new_file(&fresh)?;
    fs::copy(from, &fresh).map_err(file_error("read", from))?;
    let prepared = prepare(from, &fresh, now);
    let replaced = prepared.and_then(|held| {
        let kept = if database.exists() {
            Some(set_aside(database, now)?)
        } else {
            None
        };
        fs::rename(&fresh, database).map_err(file_error("write", database))?;
        Ok(Restored { held, kept })
    });
    if replaced.is_err() {
        remove_with_log(&fresh);
    }
    replaced
}

/// Prepares the copy at `fresh`: checked, migrated, and with nothing to send.
fn prepare(from: &Path, fresh: &Path, now: DateTime<Utc>) -> Result<u64, BackupError> {
    let unsound = |found: String| BackupError::Unsound {
        path: from.to_owned(),
        found,
    };
    let conn = Connection::open(fresh)?;
    let found = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match found {
        Ok(found) if found == "ok" => {}
        Ok(found) => return Err(unsound(found)),
        Err(error) => return Err(unsound(error.to_string())),
    }
    let tables: i64 = conn.query_row(
        "SELECT count(*) FROM sqlite_master WHERE name = 'deliveries'",
        [],
        |row| row.get(0),
    )?;
    if tables == 0 {
        return Err(unsound("paperboy did not write it".to_owned()));
    }
    drop(conn);
    let (mut store, _) = SqliteStore::migrate(fresh)?;
    let tx = store.write()?;
    // Waiting mails may have been sent after the backup was made: the server may have a copy.
    let held = tx.execute(
        "UPDATE deliveries
            SET state = 'held', next_at = NULL, resent = 1, at = :now,
                text = 'was waiting in the backup that was restored; it may have been sent since'
          WHERE state IN ('rendered', 'claimed', 'handing_over', 'deferred', 'uncertain')",
        named_params! { ":now": now.timestamp() },
    )?;
    // The same holds for issues due since: they are not composed again.
    tx.execute(
        "UPDATE subscribers
            SET due_from = :now, next_due_at = CASE WHEN status = 'active' THEN 0 END, awaits = 0",
        named_params! { ":now": now.timestamp() },
    )?;
    tx.execute("DELETE FROM sender_lease", [])?;
    tx.execute("DELETE FROM relay_pauses", [])?;
    tx.commit().map_err(StoreError::from)?;
    // In one file again: a moved file must not leave its write-ahead log behind.
    store.conn.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(held as u64)
}

/// Moves the database away, if it is not in use.
fn set_aside(database: &Path, now: DateTime<Utc>) -> Result<PathBuf, BackupError> {
    let in_use = || BackupError::InUse {
        path: database.to_owned(),
    };
    let conn = Connection::open(database)?;
    conn.busy_timeout(Duration::from_secs(2))?;
    // This needs exclusive access, and checkpoints the log (SQLite's manual on WAL, section 3).
    let mode = conn.query_row("PRAGMA journal_mode = DELETE", [], |row| {
        row.get::<_, String>(0)
    });
    match mode.map_err(StoreError::from) {
        Ok(mode) if mode == "delete" => {}
        Ok(_) | Err(StoreError::NotWritable(_)) => return Err(in_use()),
        // A damaged database, the usual reason to restore, is kept as it is.
        Err(_) => {}
    }
    drop(conn);
    let kept = beside(
        database,
        &format!("before-restore-{}", now.format("%Y%m%dT%H%M%SZ")),
    );
    fs::rename(database, &kept).map_err(|cause| BackupError::File {
        attempt: "move",
        path: database.into(),
        cause,
    })?;
    for suffix in ["-wal", "-shm"] {
        let (mut from, mut to) = (database.as_os_str().to_owned(), kept.as_os_str().to_owned());
        from.push(suffix);
        to.push(suffix);
        if Path::new(&from).exists() {
            fs::rename(&from, &to).map_err(|cause| BackupError::File {
                attempt: "move",
                path: from.into(),
                cause,
            })?;
        }
    }
    Ok(kept)
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// Creates an empty file that only its owner can read: it will contain addresses.
fn new_file(path: &Path) -> Result<(), BackupError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map_err(|cause| BackupError::File {
        attempt: "create",
        path: path.to_owned(),
        cause,
    })?;
    Ok(())
}

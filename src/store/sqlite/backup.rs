//! Copies of the database, and going back to one.

use super::{SqliteStore, StoreError};
use chrono::{DateTime, Utc};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, named_params};
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file.
    #[error("cannot {attempt} {path}")]
    File {
        /// To do what.
        attempt: &'static str,
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        #[source]
        cause: io::Error,
    },
    /// Somebody works with the database that is to be replaced.
    #[error("another paperboy has {path} open: stop it first")]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// The file is no database, or a broken one.
    #[error("{path} is not a sound backup: {found}")]
    Unsound {
        /// Which.
        path: PathBuf,
        /// What SQLite found.
        found: String,
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

/// What [`restore`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Deliveries that were waiting, and are held now.
    pub held: u64,
    /// The database that was there before, if there was one.
    pub kept: Option<PathBuf>,
}

impl SqliteStore {
    /// Copies the database, as it is at this instant, into a new file at `to`.
    pub fn back_up(&self, to: &Path) -> Result<(), BackupError> {
        new_file(to)?;
        let copied = self.copy_into(to);
        if copied.is_err() {
            // Half a backup is worse than none.
            let _ = fs::remove_file(to);
        }
        copied
    }

    fn copy_into(&self, to: &Path) -> Result<(), BackupError> {
        let mut target = Connection::open(to)?;
        let backup = Backup::new(&self.conn, &mut target)?;
        // All pages in one step: a writer in another process would make it begin again otherwise.
        // The log lets it write meanwhile.
        match backup.step(-1)? {
            StepResult::Done => Ok(()),
            _ => Err(BackupError::Store(StoreError::Backend("the database is locked".into()))),
        }
    }
}

/// Replaces the database at `database` by the backup at `from`, brought to this
/// program's schema; nothing that was waiting in it, or was due before `now`,
/// is sent. Nobody else may have the database open.
///
/// Everything that can fail is done on a copy first; the database that was
/// there stays beside the new one.
pub fn restore(from: &Path, database: &Path, now: DateTime<Utc>) -> Result<Restored, BackupError> {
    let fresh = beside(database, "restoring");
    let file_error = |attempt, path: &Path| {
        let path = path.to_owned();
        move |cause| BackupError::File { attempt, path, cause }
    };
    let _ = fs::remove_file(&fresh);
    new_file(&fresh)?;
    fs::copy(from, &fresh).map_err(file_error("read", from))?;
    let prepared = prepare(from, &fresh, now);
    let replaced = prepared.and_then(|held| {
        let kept = if database.exists() { Some(set_aside(database, now)?) } else { None };
        fs::rename(&fresh, database).map_err(file_error("write", database))?;
        Ok(Restored { held, kept })
    });
    if replaced.is_err() {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = fresh.as_os_str().to_owned();
            name.push(suffix);
            let _ = fs::remove_file(PathBuf::from(name));
        }
    }
    replaced
}

/// Makes the copy at `fresh` ready: sound, of our schema, and with nothing to send.
fn prepare(from: &Path, fresh: &Path, now: DateTime<Utc>) -> Result<u64, BackupError> {
    let unsound = |found: String| BackupError::Unsound { path: from.to_owned(), found };
    let conn = Connection::open(fresh)?;
    let found = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match found {
        Ok(found) if found == "ok" => {}
        Ok(found) => return Err(unsound(found)),
        Err(error) => return Err(unsound(error.to_string())),
    }
    let tables: i64 =
        conn.query_row("SELECT count(*) FROM sqlite_master WHERE name = 'deliveries'", [], |row| row.get(0))?;
    if tables == 0 {
        return Err(unsound("paperboy did not write it".to_owned()));
    }
    drop(conn);
    let (mut store, _) = SqliteStore::migrate(fresh)?;
    let tx = store.write()?;
    // Whatever waited may have been sent after the backup was made, so a copy may be with the server.
    let held = tx.execute(
        "UPDATE deliveries
            SET state = 'held', next_at = NULL, resent = 1, at = :now,
                text = 'was waiting in the backup that was restored; it may have been sent since'
          WHERE state IN ('rendered', 'claimed', 'handing_over', 'deferred', 'uncertain')",
        named_params! { ":now": now.timestamp() },
    )?;
    // The same holds for issues that were due since: they are not composed again.
    tx.execute(
        "UPDATE subscribers
            SET due_from = :now, next_due_at = CASE WHEN status = 'active' THEN 0 END, awaits = 0",
        named_params! { ":now": now.timestamp() },
    )?;
    tx.execute("DELETE FROM sender_lease", [])?;
    tx.execute("DELETE FROM relay_pauses", [])?;
    tx.commit().map_err(StoreError::from)?;
    // In one file again: what is moved must not leave its log behind.
    store.conn.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(held as u64)
}

/// Moves the database away, if nobody works with it.
fn set_aside(database: &Path, now: DateTime<Utc>) -> Result<PathBuf, BackupError> {
    let in_use = || BackupError::InUse { path: database.to_owned() };
    let conn = Connection::open(database)?;
    conn.busy_timeout(Duration::from_secs(2))?;
    // This needs the file alone, and puts the log into it (SQLite's manual on WAL, section 3).
    let mode = conn.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0));
    match mode.map_err(StoreError::from) {
        Ok(mode) if mode == "delete" => {}
        Ok(_) | Err(StoreError::NotWritable(_)) => return Err(in_use()),
        // What is no sound database any more is what one restores for: it is kept as it is.
        Err(_) => {}
    }
    drop(conn);
    let kept = beside(database, &format!("before-restore-{}", now.format("%Y%m%dT%H%M%SZ")));
    fs::rename(database, &kept).map_err(|cause| BackupError::File { attempt: "move", path: database.into(), cause })?;
    for suffix in ["-wal", "-shm"] {
        let (mut from, mut to) = (database.as_os_str().to_owned(), kept.as_os_str().to_owned());
        from.push(suffix);
        to.push(suffix);
        if Path::new(&from).exists() {
            fs::rename(&from, &to).map_err(|cause| BackupError::File { attempt: "move", path: from.into(), cause })?;
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

/// An empty file that nobody else on this machine can read: it will hold addresses.
fn new_file(path: &Path) -> Result<(), BackupError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map_err(|cause| BackupError::File { attempt: "create", path: path.to_owned(), cause })?;
    Ok(())
}

//! [`Store`](super::Store) on SQLite: one file, no server.
//!
//! The ledger must not lose a mark (a mail could then be sent twice), so the journal is a
//! write-ahead log with `synchronous=FULL`: a commit returns when it is on the disk.

mod admin;
mod admin_queries;
mod alarms;
mod backup;
mod deliveries;
mod embedders;
mod feedback;
mod inbound;
mod issues;
mod keys;
mod library;
mod metrics;
mod operator_actions;
mod packed;
mod paged_lists;
mod papers;
mod pick_stats;
mod public_queries;
mod requests;
mod retention;
mod row;
mod search;
mod signatures;
mod sources;
mod subscriber_history;
mod subscribers;
mod typed_picks;
mod upkeep;
mod vectors;
mod works;

pub use backup::{BackupError, Rehearsed, Restored, rehearse, restore};

use super::{StoreError, UpkeepStore};
use packed::Dictionaries;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};
use std::path::Path;
use std::time::Duration;

/// Schema steps in order. Released steps are never edited: later changes are later files.
fn steps() -> Vec<M<'static>> {
    vec![
        M::up(include_str!("../../../migrations/sqlite/0001_init.sql")),
        M::up(include_str!("../../../migrations/sqlite/0002_papers.sql")),
        M::up(include_str!("../../../migrations/sqlite/0003_coverage.sql")),
        M::up(include_str!("../../../migrations/sqlite/0004_ranking.sql")),
        M::up(include_str!("../../../migrations/sqlite/0005_vectors.sql")),
        M::up(include_str!("../../../migrations/sqlite/0006_feedback.sql")),
        M::up(include_str!("../../../migrations/sqlite/0007_inbound.sql")),
        M::up(include_str!("../../../migrations/sqlite/0008_web.sql")),
        M::up(include_str!("../../../migrations/sqlite/0009_erasure.sql")),
        M::up(include_str!("../../../migrations/sqlite/0010_links.sql")),
        M::up(include_str!("../../../migrations/sqlite/0011_admin.sql")),
        M::up(include_str!("../../../migrations/sqlite/0012_keys.sql")),
        M::up(include_str!(
            "../../../migrations/sqlite/0013_operations.sql"
        )),
        M::up(include_str!(
            "../../../migrations/sqlite/0014_signatures.sql"
        )),
        M::up(include_str!("../../../migrations/sqlite/0015_weights.sql")),
        M::up(include_str!("../../../migrations/sqlite/0016_packed.sql")),
        M::up(include_str!(
            "../../../migrations/sqlite/0017_namesakes.sql"
        )),
        M::up(include_str!(
            "../../../migrations/sqlite/0018_preferences.sql"
        )),
        M::up_with_hook(
            include_str!("../../../migrations/sqlite/0019_typed_picks.sql"),
            typed_picks::convert,
        ),
    ]
}

/// Time that a command waits for another process's transaction.
const BUSY_WAIT: Duration = Duration::from_secs(30);

/// A connection to the database file.
#[derive(Debug)]
pub struct SqliteStore {
    conn: Connection,
    dictionaries: Dictionaries,
}

/// The result of [`SqliteStore::migrate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// Schema before; 0 for a new file.
    pub from: usize,
    /// Schema now.
    pub to: usize,
}

impl SqliteStore {
    /// Opens a database that exists and has this program's schema.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.is_file() {
            return Err(StoreError::Missing {
                path: path.display().to_string(),
            });
        }
        let mut store = Self::connect(Connection::open_with_flags(
            path,
            OpenFlags::default() & !OpenFlags::SQLITE_OPEN_CREATE,
        )?)?;
        store.check_schema()?;
        Ok(store)
    }

    /// Opens another, read-only connection to a database that is open already.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let store = Self::open(path)?;
        store.conn.pragma_update(None, "query_only", true)?;
        // 4 MiB each: there are several, and the system caches the file besides.
        store.conn.pragma_update(None, "cache_size", -4_096)?;
        Ok(store)
    }

    /// Creates the database, or migrates it to this program's schema.
    pub fn migrate(path: &Path) -> Result<(Self, Migrated), StoreError> {
        make_private(path);
        let conn = Connection::open(path)?;
        // A new file can return unused pages a few at a time; an existing one keeps its mode.
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        Self::upgrade(conn)
    }

    /// A database in memory, for tests and trials.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self::upgrade(Connection::open_in_memory()?)?.0)
    }

    fn upgrade(conn: Connection) -> Result<(Self, Migrated), StoreError> {
        let mut store = Self::connect(conn)?;
        let (from, known) = (store.schema()?, steps().len());
        if from > known {
            return Err(StoreError::TooNew { found: from, known });
        }
        Migrations::new(steps())
            .to_latest(&mut store.conn)
            .map_err(|error| StoreError::Backend(Box::new(error)))?;
        works::name_old_papers(&mut store)?;
        Ok((store, Migrated { from, to: known }))
    }

    fn connect(conn: Connection) -> Result<Self, StoreError> {
        conn.busy_timeout(BUSY_WAIT)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        // 16 MiB: a claimed message is still cached when it is deleted.
        conn.pragma_update(None, "cache_size", -16_384)?;
        conn.set_prepared_statement_cache_capacity(64);
        Ok(SqliteStore {
            conn,
            dictionaries: Dictionaries::default(),
        })
    }

    fn schema(&self) -> Result<usize, StoreError> {
        let version: i64 = self
            .conn
            .pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok(usize::try_from(version).unwrap_or(usize::MAX))
    }

    /// Write transactions take the lock at once, so that two never deadlock half-way.
    fn write(&mut self) -> Result<Transaction<'_>, StoreError> {
        begin(&mut self.conn)
    }
}

/// A read transaction. rusqlite's own transaction prepares its statements each time, which
/// takes as long as a short query.
struct Snapshot<'c>(&'c Connection);

impl<'c> Snapshot<'c> {
    fn of(conn: &'c mut Connection) -> Result<Self, StoreError> {
        conn.prepare_cached("BEGIN")?.execute([])?;
        Ok(Snapshot(conn))
    }
}

impl std::ops::Deref for Snapshot<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // A failure would show at the next statement.
        let _ = self
            .0
            .prepare_cached("ROLLBACK")
            .and_then(|mut end| end.execute([]));
    }
}

fn begin(conn: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    Ok(conn.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// Puts a transaction on the disk.
fn commit(tx: Transaction<'_>) -> Result<(), StoreError> {
    crate::failpoint::pass();
    tx.commit()?;
    crate::failpoint::pass();
    Ok(())
}

/// Creates an empty file that only its owner can read: it will contain addresses. SQLite
/// gives its journal the same mode. A failure is reported by the opening that follows.
fn make_private(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let _ = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let unwritable = matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::ReadOnly
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::CannotOpen
            )
        );
        match error {
            rusqlite::Error::FromSqlConversionFailure(_, _, cause)
                if cause.is::<row::NotOurs>() =>
            {
                match cause.downcast::<row::NotOurs>() {
                    Ok(not_ours) => not_ours.into_error(),
                    Err(cause) => StoreError::Backend(cause),
                }
            }
            error if unwritable => StoreError::NotWritable(Box::new(Refused(error))),
            error => StoreError::Backend(Box::new(Refused(error))),
        }
    }
}

/// An SQLite error, with a remedy where there is one.
#[derive(Debug)]
struct Refused(rusqlite::Error);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let remedy = match self.0.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "make room on its disk",
            Some(ErrorCode::SystemIoFailure) => {
                "see whether its disk is full or broken (`df`, `dmesg`)"
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                "another program keeps it locked, `fuser -v` on the file shows which; end that, and try again"
            }
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                "its file and its folder must belong to the user of the service (`sudo -u paperboy paperboy …`), on a \
                 disk that is not read-only"
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                "the file is damaged: stop the service, keep a copy, and `paperboy restore` the last backup"
            }
            _ => return write!(f, "{}", self.0),
        };
        write!(f, "{}: {remedy}", self.0)
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SubscriberStore;
    use crate::subscriber::Preferences;

    #[test]
    fn a_database_that_refuses_says_what_to_do() {
        let check = |code, remedy| {
            let error = StoreError::from(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(code),
                None,
            ));
            let cause = std::error::Error::source(&error)
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(cause.contains(remedy), "{code}: {cause}");
        };
        check(
            rusqlite::ffi::SQLITE_BUSY,
            "another program keeps it locked, `fuser -v` on the file shows which",
        );
        check(rusqlite::ffi::SQLITE_FULL, "make room on its disk");
        check(
            rusqlite::ffi::SQLITE_READONLY,
            "must belong to the user of the service",
        );
        check(
            rusqlite::ffi::SQLITE_CORRUPT,
            "`paperboy restore` the last backup",
        );
        check(
            rusqlite::ffi::SQLITE_IOERR,
            "whether its disk is full or broken",
        );
    }

    #[test]
    fn preferences_of_an_older_database_are_kept() {
        let mut conn = Connection::open_in_memory().unwrap();
        Migrations::new(steps()).to_version(&mut conn, 17).unwrap();
        conn.execute_batch(
            r#"INSERT INTO subscribers (
                   address, address_key, name, status, timezone, send_at, days, frequency, weekday,
                   max_papers, abstracts, min_score, when_empty, format, language, pause_until,
                   replacements, publications, joined_at, changed_at, due_from)
               VALUES (
                   'ada@example.org', 'ada@example.org', 'Ada', 'active', 'Europe/Berlin',
                   '06:30:00', '["mon","fri"]', 'weekly', 'fri', 5, 'full', 0.3499999940395355,
                   'note', 'text', 'de', '2026-08-04', 1, 0, 0, 0, 0)"#,
        )
        .unwrap();
        let (mut store, _) = SqliteStore::upgrade(conn).unwrap();
        let address = "ada@example.org".parse().unwrap();
        let ada = store.subscriber(&address).unwrap().unwrap();
        let mut expected = serde_json::json!({
                "email": "ada@example.org", "name": "Ada", "status": "active",
                "timezone": "Europe/Berlin", "send_at": "06:30", "days": ["mon", "fri"],
                "frequency": "weekly", "weekday": "fri", "max_papers": 5, "abstracts": "full",
                "min_score": 0.35, "when_empty": "note", "format": "text", "language": "de",
                "pause_until": "2026-08-04", "replacements": true, "publications": false,
                "interests": [],
        });
        for (key, value) in Preferences::default().to_json() {
            expected
                .as_object_mut()
                .unwrap()
                .entry(key)
                .or_insert(value);
        }
        assert_eq!(ada.to_record(), expected);
        assert_eq!(store.languages().unwrap(), [("de".to_owned(), 1)]);
    }

    #[test]
    fn the_steps_make_a_database() {
        assert!(Migrations::new(steps()).validate().is_ok());
    }

    #[test]
    fn a_database_of_a_newer_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.db");
        let (store, migrated) = SqliteStore::migrate(&path).unwrap();
        assert_eq!(
            migrated,
            Migrated {
                from: 0,
                to: steps().len()
            }
        );
        store.conn.pragma_update(None, "user_version", 999).unwrap();
        drop(store);
        assert!(matches!(
            SqliteStore::open(&path),
            Err(StoreError::TooNew { found: 999, .. })
        ));
        assert!(matches!(
            SqliteStore::migrate(&path),
            Err(StoreError::TooNew { found: 999, .. })
        ));
    }

    #[test]
    fn opening_makes_no_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.db");
        assert!(matches!(
            SqliteStore::open(&path),
            Err(StoreError::Missing { .. })
        ));
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_not_a_database_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.db");
        std::fs::write(&path, "x".repeat(4096)).unwrap();
        assert!(matches!(
            SqliteStore::open(&path),
            Err(StoreError::Backend(_))
        ));
    }
}

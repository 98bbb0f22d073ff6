//! What the rest of the program may ask of the database.
//!
//! The verbs are grouped by subject, one trait and one file for each; [`Store`]
//! is all of them. Each method is one transaction and is named after what the
//! program wants done, not after a table. Callers pass the time in; no method
//! reads a clock or decides a policy.
//!
//! To add a verb: write its promise here, then a test of the promise in
//! `tests/it/store.rs`, then the SQL in the file of its subject below each back
//! end.

mod bridge;
mod by_hand;
mod issues;
mod ledger;
mod makers;
mod papers;
mod settings;
pub mod sqlite;
mod subscribers;
mod upkeep;

pub use crate::coverage::{Coverage, CoverageNews, CoverageState};
pub use bridge::Db;
pub use by_hand::{ByHand, HandStore};
pub use issues::{History, IssueStore, NewIssue, NewPick, NextLook, PickKind, Publishable, SentPaper, Skipped};
pub use ledger::{
    AttemptRecord, Claimed, DeliveryId, DeliveryRow, DeliveryState, Earlier, LedgerStore, LedgerTurn, OutboxFilter,
    Pace, RateBucket, Recovered, RelayPause, SenderLease, Settlement, Verdict,
};
pub use makers::{MakerStore, StoredMaker};
pub use papers::{PaperRow, PaperStore, SetAside, SourcePause, StoredPaper, TakenIn};
pub use settings::{DatabaseSettings, DatabaseUrl};
pub use subscribers::{Entered, SubscriberStore, Suppression};
pub use upkeep::UpkeepStore;

/// Everything the program asks of the database.
pub trait Store:
    PaperStore + SubscriberStore + IssueStore + LedgerStore + HandStore + UpkeepStore + MakerStore + Send
{
}

impl<T: PaperStore + SubscriberStore + IssueStore + LedgerStore + HandStore + UpkeepStore + MakerStore + Send> Store
    for T
{
}

/// Why the database did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full or read-only, or another process holds the lock: sending must stop.
    #[error("the database cannot be written")]
    NotWritable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Anything else that the driver says.
    #[error("the database refused")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Stored data is not what paperboy would have written.
    #[error("{table}.{column} holds {value:?}, which paperboy did not write")]
    Corrupt {
        /// Where.
        table: &'static str,
        /// In which column.
        column: &'static str,
        /// What stands there.
        value: String,
    },
    /// A newer paperboy has been here.
    #[error(
        "the database has schema {found}, newer than this paperboy, which knows {known}: install that version again"
    )]
    TooNew {
        /// Of the database.
        found: usize,
        /// Of this program.
        known: usize,
    },
    /// There is no database yet.
    #[error("there is no database at {path}: run `paperboy init` or `paperboy migrate`")]
    Missing {
        /// Where it was looked for.
        path: String,
    },
    /// The database is older than the program.
    #[error("the database has schema {found}, this paperboy needs {known}: run `paperboy migrate`")]
    TooOld {
        /// Of the database.
        found: usize,
        /// Of this program.
        known: usize,
    },
    /// The program is stopping.
    #[error("the program is stopping")]
    Closed,
}

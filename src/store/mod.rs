//! The database: its methods, and their implementation on SQLite.
//!
//! The methods are grouped by subject, one trait and one file for each; [`Store`] is all of
//! them. Each method is one transaction and is named after its purpose, not after a table.
//! Callers pass the time in; no method reads a clock or decides a policy.
//!
//! To add a method, document it in the trait of its subject, test it in `tests/it/store/`,
//! and write its SQL in the file of the same name in `sqlite/`.

mod admin;
mod admin_queries;
mod alarms;
mod bridge;
mod embedders;
mod feedback;
mod inbound;
mod issues;
mod keys;
mod ledger;
mod library;
mod metrics;
mod operator_actions;
mod paged_lists;
mod papers;
mod pick_stats;
mod public_queries;
mod requests;
mod retention;
mod search;
mod settings;
mod signatures;
mod sources;
pub mod sqlite;
mod subscriber_history;
mod subscribers;
mod upkeep;
mod vectors;
mod works;

pub use crate::coverage::{Coverage, CoverageState, CoverageUpdate};
pub use admin::{AdminAct, AdminSession, AdminStore, WorkNote};
pub use admin_queries::{
    AdminQueryStore, LatencyCount, LatencyStart, MailFigures, MailLine, MailSearch, SubscriberLine,
    SubscriberSearch, SuppressionLine,
};
pub use alarms::{AlarmRow, AlarmStore, FailingSource, IncidentCounts, RunRow};
pub use bridge::Db;
pub use embedders::{EmbedderStore, StoredEmbedder};
pub use feedback::{
    Agent, Channel, Click, Feedback, FeedbackChange, FeedbackEvent, FeedbackStore, NewFeedback,
    StoredClick, ThumbsAtRank, Vote,
};
pub use inbound::{
    DeliveryKey, Effect, InboundStore, NewReport, PolicyReports, ReportRow, Reported, ReportsOf,
};
pub use issues::{
    History, IssueStore, NewIssue, NewPick, NextLook, PickKind, Publishable, SentPaper, Skipped,
};
pub use keys::{
    IdempotencyKey, IdempotencyState, KeyId, KeyScope, KeyStore, NewKey, StoredAnswer, StoredKey,
};
pub use ledger::{
    AttemptRecord, Claimed, DeliveryId, DeliveryRow, DeliveryState, Disposition, Earlier,
    LedgerStore, LedgerTurn, OutboxFilter, RateBucket, RateState, Recovered, RelayPause,
    SenderLease, Settlement,
};
pub use library::{LibraryStore, LibraryWork, WorkMatch, WorkNames};
pub use metrics::{MetricsStore, SourceStatus};
pub use operator_actions::{OperatorActionStore, OperatorOutcome};
pub use paged_lists::PagedListStore;
pub use papers::{IntakeOutcome, PaperRow, PaperStore, SetAside, SourcePause, StoredPaper};
pub use pick_stats::{PickPlace, PickStats, PickStatsStore};
pub use public_queries::{Changes, DayCount, DayPage, DayQuery, PaperPage, PublicQueryStore};
pub use requests::{
    AGREES_TO, Consent, ConsentContext, NewNotice, NewRequest, Request, RequestId, RequestKind,
    RequestOutcome, RequestStore,
};
pub use retention::{LastUpkeep, RetentionClass, RetentionStore};
pub use search::{SearchHit, SearchStore};
pub use settings::{DatabaseSettings, DatabaseUrl};
pub use signatures::{NewSignature, SignatureStore};
pub use sources::{SetAsideRow, SourceStore, SourceTurn};
pub use subscriber_history::{
    PastIssue, PastIssueContent, PastPick, SentMail, SubscriberHistoryStore,
};
pub use subscribers::{Entered, SubscriberStore, Suppression};
pub use upkeep::{UpkeepStore, free_bytes};
pub use vectors::{ActiveModel, ModelRow, NewVector, VectorStore};
pub use works::{PaperEvent, PaperRecord, SplitOutcome, WorkStore};

/// Declares a trait that is all of these at once.
macro_rules! all_of {
    ($($part:ident)+) => {
        /// All methods of the database.
        pub trait Store: $($part +)+ Send {}

        impl<T: $($part +)+ Send> Store for T {}
    };
}

all_of! {
    PaperStore
    SourceStore
    WorkStore
    PublicQueryStore
    SearchStore
    SubscriberStore
    RequestStore
    FeedbackStore
    LibraryStore
    IssueStore
    PickStatsStore
    SubscriberHistoryStore
    LedgerStore
    OperatorActionStore
    InboundStore
    UpkeepStore
    RetentionStore
    AlarmStore
    MetricsStore
    EmbedderStore
    VectorStore
    SignatureStore
    AdminStore
    AdminQueryStore
    KeyStore
    PagedListStore
}

/// The failure of a database operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full or read-only, or another process holds the lock: sending must stop.
    #[error("the database cannot be written")]
    NotWritable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Any other error of the driver.
    #[error("the database refused")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Stored data that paperboy does not write.
    #[error("{table}.{column} holds {value:?}, which paperboy did not write")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The value.
        value: String,
    },
    /// The database is newer than the program.
    #[error(
        "the database has schema {found}, newer than this paperboy, which knows {known}: install that version again"
    )]
    TooNew {
        /// Schema of the database.
        found: usize,
        /// Schema of this program.
        known: usize,
    },
    /// There is no database.
    #[error("there is no database at {path}: run `paperboy init` or `paperboy migrate`")]
    Missing {
        /// Path that was tried.
        path: String,
    },
    /// The database is older than the program.
    #[error("the database has schema {found}, this paperboy needs {known}: run `paperboy migrate`")]
    TooOld {
        /// Schema of the database.
        found: usize,
        /// Schema of this program.
        known: usize,
    },
    /// The program is stopping.
    #[error("the program is stopping")]
    Closed,
}

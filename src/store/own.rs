//! What one reader asks about their own issues.

use super::{StoreError, StoredPaper};
use crate::subscriber::SubscriberId;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// An issue in the list of a reader's issues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnIssue {
    /// Its date where they live.
    pub local_date: NaiveDate,
    /// The subject of its mail.
    pub subject: String,
    /// Papers in it.
    pub papers: u32,
}

/// A paper as it stood in an issue.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnPick {
    /// The paper as it is now.
    pub paper: StoredPaper,
    /// 0 to 1.
    pub score: f32,
    /// Heading of its section.
    pub section: String,
    /// Why it was picked.
    pub reason: String,
    /// The date of the issue.
    pub local_date: NaiveDate,
    /// When the issue was composed.
    pub composed_at: DateTime<Utc>,
}

/// What is kept of an issue once its mail is settled.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptIssue {
    /// Announcement days in it, oldest and newest.
    pub covers: Option<(NaiveDate, NaiveDate)>,
    /// When it was composed.
    pub composed_at: DateTime<Utc>,
    /// Whether the reader had none before it.
    pub is_first: bool,
    /// Its papers in order.
    pub picks: Vec<OwnPick>,
}

/// Verbs about a reader's own issues; none of them changes anything.
pub trait OwnStore {
    /// Up to `limit` issues of a reader, the newest first.
    fn own_issues(&mut self, subscriber: SubscriberId, limit: u32) -> Result<Vec<OwnIssue>, StoreError>;

    /// What is kept of a reader's issue of that date. A paper that was merged
    /// into another since stands in it as that one.
    fn kept_issue(&mut self, subscriber: SubscriberId, date: NaiveDate) -> Result<Option<KeptIssue>, StoreError>;

    /// Up to `limit` papers of a reader's newest issues, the newest issue first,
    /// within each in order.
    fn newest_picks(&mut self, subscriber: SubscriberId, limit: u32) -> Result<Vec<OwnPick>, StoreError>;
}

//! What a subscriber may see of what is stored about them: their issues, the
//! mails that were written to them, and what they asked for.

use super::{DeliveryState, Request, StoreError, StoredPaper};
use crate::pick::{Reason, Section};
use crate::subscriber::SubscriberId;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// An issue in the list of a reader's issues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PastIssue {
    /// Its date where they live.
    pub local_date: NaiveDate,
    /// The subject of its mail.
    pub subject: String,
    /// Papers in it.
    pub papers: u32,
}

/// A paper as it stood in an issue.
#[derive(Debug, Clone, PartialEq)]
pub struct PastPick {
    /// The paper as it is now; one that was merged into another since stands as that one.
    pub paper: StoredPaper,
    /// Its place in the issue, from 1.
    pub rank: u32,
    /// 0 to 1.
    pub score: f32,
    /// Its section.
    pub section: Section,
    /// The reasons for it, strongest first.
    pub reasons: Vec<Reason>,
    /// The date of the issue.
    pub local_date: NaiveDate,
    /// When the issue was composed.
    pub composed_at: DateTime<Utc>,
}

/// What is kept of an issue once its mail is settled.
#[derive(Debug, Clone, PartialEq)]
pub struct PastIssueContent {
    /// Announcement days in it, oldest and newest.
    pub covers: Option<(NaiveDate, NaiveDate)>,
    /// When it was composed.
    pub composed_at: DateTime<Utc>,
    /// Whether the reader had none before it.
    pub is_first: bool,
    /// Its papers in order.
    pub picks: Vec<PastPick>,
}

/// A mail that was written to a subscriber, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentMail {
    /// `issue`, or what kind of notice it is.
    pub kind: String,
    /// Its date where they live.
    pub local_date: NaiveDate,
    /// Where it went.
    pub address: String,
    /// The subject line.
    pub subject: String,
    /// Without angle brackets.
    pub message_id: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// The last reply's three digits.
    pub code: Option<u16>,
    /// The server's last words, or ours.
    pub text: Option<String>,
    /// When it came to stand so.
    pub at: DateTime<Utc>,
}

/// Verbs for the subscriber's own eyes; none of them changes anything.
pub trait SubscriberHistoryStore {
    /// Up to `limit` issues of a reader, the newest first.
    fn past_issues(
        &mut self,
        subscriber: SubscriberId,
        limit: u32,
    ) -> Result<Vec<PastIssue>, StoreError>;

    /// What is kept of a reader's issue of that date.
    fn past_issue(
        &mut self,
        subscriber: SubscriberId,
        date: NaiveDate,
    ) -> Result<Option<PastIssueContent>, StoreError>;

    /// The picks of a reader's newest issues, `issues` of them, the newest first
    /// and each in order.
    fn picks_of(
        &mut self,
        subscriber: SubscriberId,
        issues: u32,
    ) -> Result<Vec<PastPick>, StoreError>;

    /// Up to `limit` mails to a subscriber, the newest first.
    fn mails_to(
        &mut self,
        subscriber: SubscriberId,
        limit: u32,
    ) -> Result<Vec<SentMail>, StoreError>;

    /// What a subscriber asked for on the web, oldest first.
    fn requests_of(&mut self, subscriber: SubscriberId) -> Result<Vec<Request>, StoreError>;
}

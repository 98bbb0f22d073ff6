//! The history of a subscriber: their issues, mails and requests.

use super::{DeliveryState, Request, StoreError, StoredPaper};
use crate::pick::{Reason, Section};
use crate::subscriber::SubscriberId;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// An issue in a reader's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PastIssue {
    /// Local date.
    pub local_date: NaiveDate,
    /// Subject line.
    pub subject: String,
    /// Number of papers.
    pub papers: u32,
}

/// A pick of a past issue.
#[derive(Debug, Clone, PartialEq)]
pub struct PastPick {
    /// The paper as it is now; a merged one is shown as the paper it was merged into.
    pub paper: StoredPaper,
    /// Place in the issue, from 1.
    pub rank: u32,
    /// Score, 0 to 1.
    pub score: f32,
    /// The section.
    pub section: Section,
    /// Reasons, strongest first.
    pub reasons: Vec<Reason>,
    /// Date of the issue.
    pub local_date: NaiveDate,
    /// Time at which the issue was composed.
    pub composed_at: DateTime<Utc>,
}

/// The content of a past issue.
#[derive(Debug, Clone, PartialEq)]
pub struct PastIssueContent {
    /// Oldest and newest announcement day.
    pub covers: Option<(NaiveDate, NaiveDate)>,
    /// Time at which it was composed.
    pub composed_at: DateTime<Utc>,
    /// Whether it was the reader's first.
    pub is_first: bool,
    /// Picks, in order.
    pub picks: Vec<PastPick>,
}

/// A mail to a subscriber, in any state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentMail {
    /// `issue`, or the kind of notice.
    pub kind: String,
    /// Local date.
    pub local_date: NaiveDate,
    /// The recipient.
    pub address: String,
    /// Subject line.
    pub subject: String,
    /// Message-ID, without angle brackets.
    pub message_id: String,
    /// State of the delivery.
    pub state: DeliveryState,
    /// Three digits of the last reply.
    pub code: Option<u16>,
    /// Text of the server's last reply, or ours.
    pub text: Option<String>,
    /// Time of the last change of state.
    pub at: DateTime<Utc>,
}

/// Queries for the subscriber's own pages. None of them changes anything.
pub trait SubscriberHistoryStore {
    /// Returns up to `limit` issues of a reader, newest first.
    fn past_issues(
        &mut self,
        subscriber: SubscriberId,
        limit: u32,
    ) -> Result<Vec<PastIssue>, StoreError>;

    /// Returns the content of a reader's issue of that date.
    fn past_issue(
        &mut self,
        subscriber: SubscriberId,
        date: NaiveDate,
    ) -> Result<Option<PastIssueContent>, StoreError>;

    /// Returns the picks of a reader's newest `issues` issues, newest issue first and each in
    /// order.
    fn picks_of(
        &mut self,
        subscriber: SubscriberId,
        issues: u32,
    ) -> Result<Vec<PastPick>, StoreError>;

    /// Returns up to `limit` mails to a subscriber, newest first.
    fn mails_to(
        &mut self,
        subscriber: SubscriberId,
        limit: u32,
    ) -> Result<Vec<SentMail>, StoreError>;

    /// Returns a subscriber's requests, oldest first.
    fn requests_of(&mut self, subscriber: SubscriberId) -> Result<Vec<Request>, StoreError>;
}

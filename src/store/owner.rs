//! What a subscriber may see of what is stored about them.

use super::{DeliveryState, PaperRow, Request, StoreError};
use crate::paper::PaperId;
use crate::subscriber::SubscriberId;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

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

/// A pick of one of a subscriber's issues.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownPick {
    /// The date of the issue.
    pub local_date: NaiveDate,
    /// Its place in it, from 1.
    pub rank: u32,
    /// Which paper.
    #[serde(skip)]
    pub paper: PaperRow,
    /// Its id.
    pub id: PaperId,
    /// Its title.
    pub title: String,
    /// Who wrote it.
    #[serde(skip)]
    pub authors: Vec<String>,
    /// The heading that it stood below.
    pub section: String,
    /// 0 to 1.
    pub score: f32,
    /// Why it was picked.
    pub reason: String,
}

/// Verbs for the subscriber's own eyes; none of them changes anything.
pub trait OwnerStore {
    /// Up to `limit` mails to a subscriber, the newest first.
    fn mails_to(&mut self, subscriber: SubscriberId, limit: u32) -> Result<Vec<SentMail>, StoreError>;

    /// The picks of a subscriber's newest issues, `issues` of them, the newest
    /// first and each in order.
    fn picks_of(&mut self, subscriber: SubscriberId, issues: u32) -> Result<Vec<ShownPick>, StoreError>;

    /// What a subscriber asked for on the web, oldest first.
    fn requests_of(&mut self, subscriber: SubscriberId) -> Result<Vec<Request>, StoreError>;
}

//! Queries of the operator's pages: lists with filters, page by page, and counts by day.

use super::{DeliveryId, DeliveryRow, DeliveryState, ReportRow, StoreError};
use crate::subscriber::{Status, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};

/// Counts of the mail since an instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailFigures {
    /// Issues composed.
    pub composed: u64,
    /// Dates without an issue because no paper was above the line.
    pub empty: u64,
    /// Mails queued, by state.
    pub states: Vec<(DeliveryState, u64)>,
    /// Time at which the newest issue was composed, if there is one.
    pub last_composed: Option<DateTime<Utc>>,
    /// Time of the last attempt at a mail queued since.
    pub last_tried: Option<DateTime<Utc>>,
}

/// Filters of mails. A mail must match all that are set.
#[derive(Debug, Clone, Default)]
pub struct MailSearch {
    /// The state.
    pub state: Option<DeliveryState>,
    /// Date of the issue.
    pub local_date: Option<NaiveDate>,
    /// Text that the address contains, in any case.
    pub address: Option<String>,
    /// Text that the server's last reply, its code or the stage contains, in any case.
    pub words: Option<String>,
    /// The subscriber.
    pub subscriber: Option<SubscriberId>,
    /// Number of the delivery.
    pub id: Option<DeliveryId>,
    /// Only deliveries with a smaller number.
    pub before: Option<DeliveryId>,
    /// Most mails to return.
    pub limit: u32,
}

/// A mail in the operator's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailLine {
    /// Row of the outbox.
    pub row: DeliveryRow,
    /// `issue`, or the kind of notice.
    pub kind: String,
    /// Time of queueing.
    pub queued_at: DateTime<Utc>,
    /// End of the shelf life.
    pub expires_at: DateTime<Utc>,
    /// Whether the server may have a first copy.
    pub resent: bool,
}

/// Filters of subscribers. A subscriber must match all that are set.
#[derive(Debug, Clone, Default)]
pub struct SubscriberSearch {
    /// Text that the address or the name contains, in any case.
    pub text: Option<String>,
    /// Status of the subscription.
    pub status: Option<Status>,
    /// Only subscribers with a larger number.
    pub after: Option<SubscriberId>,
    /// Most subscribers to return.
    pub limit: u32,
}

/// A subscriber in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriberLine {
    /// Number of the subscriber.
    pub id: SubscriberId,
    /// Address to which issues go.
    pub address: String,
    /// Name; may be empty.
    pub name: String,
    /// Status of the subscription.
    pub status: Status,
    /// Number of interests.
    pub interests: u32,
    /// Time of joining.
    pub joined_at: DateTime<Utc>,
    /// Time and channel of leaving.
    pub left: Option<(DateTime<Utc>, String)>,
    /// Date of the newest issue.
    pub last_issue: Option<NaiveDate>,
    /// Time at which the next issue is considered.
    pub next_due_at: Option<DateTime<Utc>>,
}

/// A suppressed address with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionLine {
    /// Address as it was written.
    pub address: String,
    /// Reason, with the server's reply.
    pub reason: String,
    /// Time of the suppression.
    pub at: DateTime<Utc>,
    /// Report that caused it, if there was one.
    pub evidence: Option<ReportRow>,
    /// Subscriber with this address, if there is one.
    pub subscriber: Option<SubscriberId>,
}

/// Start of the time that a mail took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatencyStart {
    /// Announcement of the newest papers in the mail, by the first of its sources.
    Announcement,
    /// The queueing.
    Queueing,
}

/// The number of mails that took a certain time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatencyCount {
    /// Day (UTC) on which the server accepted them.
    pub day: NaiveDate,
    /// Upper bound in minutes: 5, 10, 15, …
    pub minutes: u32,
    /// Number of mails.
    pub mails: u64,
}

/// Queries for the operator's pages. None of them changes anything.
pub trait AdminQueryStore {
    /// Counts the mail since `since`.
    fn mail_figures(&mut self, since: DateTime<Utc>) -> Result<MailFigures, StoreError>;

    /// Returns mails, newest first.
    fn find_mails(&mut self, search: &MailSearch) -> Result<Vec<MailLine>, StoreError>;

    /// Returns subscribers, by number.
    fn find_subscribers(
        &mut self,
        search: &SubscriberSearch,
    ) -> Result<Vec<SubscriberLine>, StoreError>;

    /// Returns one subscriber.
    fn person(&mut self, id: SubscriberId) -> Result<Option<SubscriberLine>, StoreError>;

    /// Returns up to `limit` suppressed addresses after `after` that contain `text` in lower
    /// case, by address.
    fn find_suppressions(
        &mut self,
        text: Option<&str>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<SuppressionLine>, StoreError>;

    /// Counts the mails queued since `since`, by day (UTC) and state.
    fn mails_by_day(
        &mut self,
        since: DateTime<Utc>,
    ) -> Result<Vec<(NaiveDate, DeliveryState, u64)>, StoreError>;

    /// Counts the issues queued since `since` by the day and the time, in steps of 5 minutes,
    /// that they took until a server accepted them.
    fn latencies(
        &mut self,
        from: LatencyStart,
        since: DateTime<Utc>,
    ) -> Result<Vec<LatencyCount>, StoreError>;

    /// Counts the reports received since `since`, by day (UTC) and class.
    fn reports_by_day(
        &mut self,
        since: DateTime<Utc>,
    ) -> Result<Vec<(NaiveDate, String, u64)>, StoreError>;
}

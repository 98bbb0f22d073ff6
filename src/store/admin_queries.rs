//! What the operator looks at: lists with filters, page by page, and figures by day.

use super::{DeliveryId, DeliveryRow, DeliveryState, ReportRow, StoreError};
use crate::subscriber::{Status, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};

/// What became of the mail since an instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailFigures {
    /// Issues composed since then.
    pub composed: u64,
    /// Dates since then without an issue, because nothing was above the line.
    pub empty: u64,
    /// And because it was too late.
    pub late: u64,
    /// Where the mails queued since then stand.
    pub states: Vec<(DeliveryState, u64)>,
    /// When the newest issue was composed, if ever.
    pub last_composed: Option<DateTime<Utc>>,
    /// When a mail queued since then was last tried.
    pub last_tried: Option<DateTime<Utc>>,
}

/// Which mails are looked for. All that is set must fit.
#[derive(Debug, Clone, Default)]
pub struct MailSearch {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this date.
    pub local_date: Option<NaiveDate>,
    /// The address holds this, whatever the case.
    pub address: Option<String>,
    /// The server's last words, its code or the stage hold this, whatever the case.
    pub words: Option<String>,
    /// To this subscriber.
    pub subscriber: Option<SubscriberId>,
    /// With this number.
    pub id: Option<DeliveryId>,
    /// With a smaller number than this.
    pub before: Option<DeliveryId>,
    /// At most so many.
    pub limit: u32,
}

/// A mail as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailLine {
    /// As the outbox has it.
    pub row: DeliveryRow,
    /// `issue`, or what kind of notice it is.
    pub kind: String,
    /// When it was queued.
    pub queued_at: DateTime<Utc>,
    /// When there is no point in sending it any more.
    pub expires_at: DateTime<Utc>,
    /// Whether the server may have had a first copy.
    pub resent: bool,
}

/// Which subscribers are looked for. All that is set must fit.
#[derive(Debug, Clone, Default)]
pub struct SubscriberSearch {
    /// The address or the name holds this, whatever the case.
    pub text: Option<String>,
    /// With this status.
    pub status: Option<Status>,
    /// With a larger number than this.
    pub after: Option<SubscriberId>,
    /// At most so many.
    pub limit: u32,
}

/// A subscriber in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriberLine {
    /// Who.
    pub id: SubscriberId,
    /// Where issues go.
    pub address: String,
    /// What to call them; may be empty.
    pub name: String,
    /// Where the subscription stands.
    pub status: Status,
    /// How many interests they have.
    pub interests: u32,
    /// When they joined.
    pub joined_at: DateTime<Utc>,
    /// When they left, and how they said so.
    pub left: Option<(DateTime<Utc>, String)>,
    /// The date of their newest issue.
    pub last_issue: Option<NaiveDate>,
    /// When they will be looked at next.
    pub next_due_at: Option<DateTime<Utc>>,
}

/// An address that must not be written to, with why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionLine {
    /// As it was written.
    pub address: String,
    /// Why, with the server's words.
    pub reason: String,
    /// Since when.
    pub at: DateTime<Utc>,
    /// The report that shows it, if it was one.
    pub evidence: Option<ReportRow>,
    /// Whose address it is, if a subscriber's.
    pub subscriber: Option<SubscriberId>,
}

/// From when a mail's time is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatencyStart {
    /// From the announcement of the newest papers in it: of its sources the first to say when.
    Announcement,
    /// From when it was queued.
    Queueing,
}

/// How many mails took how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatencyCount {
    /// The day (UTC) on which the server took them.
    pub day: NaiveDate,
    /// At most so many minutes: 5, 10, 15, …
    pub minutes: u32,
    /// How many.
    pub mails: u64,
}

/// Verbs for the operator's eyes; none of them changes anything.
pub trait AdminQueryStore {
    /// What became of the mail since `since`.
    fn mail_figures(&mut self, since: DateTime<Utc>) -> Result<MailFigures, StoreError>;

    /// Mails, the newest first.
    fn find_mails(&mut self, search: &MailSearch) -> Result<Vec<MailLine>, StoreError>;

    /// Subscribers, by number.
    fn find_subscribers(
        &mut self,
        search: &SubscriberSearch,
    ) -> Result<Vec<SubscriberLine>, StoreError>;

    /// One subscriber.
    fn person(&mut self, id: SubscriberId) -> Result<Option<SubscriberLine>, StoreError>;

    /// Suppressed addresses that hold `text`, in lower case and by address: up to `limit` after `after`.
    fn find_suppressions(
        &mut self,
        text: Option<&str>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<SuppressionLine>, StoreError>;

    /// The mails queued since `since`, by day (UTC) and where they stand.
    fn mails_by_day(
        &mut self,
        since: DateTime<Utc>,
    ) -> Result<Vec<(NaiveDate, DeliveryState, u64)>, StoreError>;

    /// How long the issues queued since `since` took until a server had them, by day and in steps of 5 minutes.
    fn latencies(
        &mut self,
        from: LatencyStart,
        since: DateTime<Utc>,
    ) -> Result<Vec<LatencyCount>, StoreError>;

    /// The reports that came since `since`, by day (UTC) and class.
    fn reports_by_day(
        &mut self,
        since: DateTime<Utc>,
    ) -> Result<Vec<(NaiveDate, String, u64)>, StoreError>;
}

//! Reports: what came back, and what was done about it.

use super::{DeliveryId, DeliveryState, Earlier, NewNotice, StoreError};
use crate::subscriber::{Address, SubscriberId};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// By what a delivery is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryKey {
    /// Its row.
    Id(DeliveryId),
    /// Its Message-ID, without angle brackets.
    MessageId(String),
    /// The last one that was handed over to this subscriber.
    LastOf(SubscriberId),
    /// The last one that was handed over to this address.
    LastTo(Address),
}

/// What is known of a delivery that a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Which.
    pub id: DeliveryId,
    /// To whom it went.
    pub address: Address,
    /// Of whom, unless they were removed.
    pub subscriber: Option<SubscriberId>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Whether a server may have had it.
    pub was_offered: bool,
    /// When it came to stand so.
    pub at: DateTime<Utc>,
}

/// What follows from a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is sent to the address any more.
    Suppress,
    /// The same, and its subscriber has left.
    SuppressAndLeave,
    /// The mailbox could not take this issue.
    MarkSoft,
    /// The subscription ends.
    Unsubscribe,
    /// Only that it is remembered.
    Remember,
}

/// A report as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReport {
    /// The same for the same report, whichever way it comes again.
    pub key: String,
    /// On which delivery, if on one.
    pub delivery: Option<DeliveryId>,
    /// Of whom, if known.
    pub subscriber: Option<SubscriberId>,
    /// To whom we had written.
    pub address: Address,
    /// `hard`, `soft`, `policy`, …
    pub class: &'static str,
    /// Why, in Sisimai's words.
    pub reason: Option<&'static str>,
    /// The enhanced code.
    pub status: Option<String>,
    /// The server's words.
    pub diagnostic: String,
    /// The way it came: `mail`, `ses`, …
    pub source: &'static str,
    /// What is done, in a word.
    pub action: &'static str,
    /// What is done.
    pub effect: Effect,
}

/// A recorded report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReportRow {
    /// About which address, in lower case.
    pub address: String,
    /// `hard`, `soft`, `policy`, …
    pub class: String,
    /// Why.
    pub reason: Option<String>,
    /// The enhanced code.
    pub status: Option<String>,
    /// The server's words.
    pub diagnostic: String,
    /// The way it came.
    pub source: String,
    /// What was done.
    pub action: String,
    /// When it came.
    pub at: DateTime<Utc>,
}

/// Whose reports are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportsOf {
    /// On one delivery.
    Delivery(DeliveryId),
    /// About one address, whatever they were on.
    Address(Address),
    /// Of one class, since an instant.
    Class(&'static str, DateTime<Utc>),
}

/// Reports that call for the operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyReports {
    /// How many.
    pub count: u64,
    /// The oldest of them.
    pub first: Option<ReportRow>,
    /// The newest of them.
    pub last: Option<ReportRow>,
}

/// Verbs about reports.
pub trait InboundStore {
    /// The delivery that `key` names, unless its reader was erased.
    fn reported_delivery(&mut self, key: &DeliveryKey) -> Result<Option<Reported>, StoreError>;

    /// Up to `limit` deliveries to the address of `id` that were tried before it, newest first.
    fn deliveries_before(&mut self, id: DeliveryId, limit: u32)
    -> Result<Vec<Earlier>, StoreError>;

    /// Records a report with its effect; `false`, and nothing is done, if it
    /// was recorded before or the delivery has `most` reports already.
    fn record_report(
        &mut self,
        report: &NewReport,
        most: u32,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Queues `notice`; `false`, and nothing is queued, if its address had one of its kind since `since`.
    fn enqueue_notice_once(
        &mut self,
        notice: &NewNotice,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Recorded reports, newest first, at most `limit`.
    fn reports(&mut self, of: &ReportsOf, limit: u32) -> Result<Vec<ReportRow>, StoreError>;

    /// Reports since `since` on which the operator was to be told: mail from us is not wanted somewhere.
    fn policy_reports(&mut self, since: DateTime<Utc>) -> Result<PolicyReports, StoreError>;

    /// Reports by class.
    fn count_reports(&mut self) -> Result<Vec<(String, u64)>, StoreError>;

    /// The report on which an address was suppressed, if it was one.
    fn suppression_evidence(&mut self, address: &Address) -> Result<Option<ReportRow>, StoreError>;
}

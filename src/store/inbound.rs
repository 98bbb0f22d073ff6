//! Reports on mails, and their effects.

use super::{DeliveryId, DeliveryState, Earlier, NewNotice, StoreError};
use crate::subscriber::{Address, SubscriberId};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// The key by which a delivery is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryKey {
    /// Row of the delivery.
    Id(DeliveryId),
    /// Message-ID, without angle brackets.
    MessageId(String),
    /// Last delivery that was handed over to this subscriber.
    LastOf(SubscriberId),
    /// Last delivery that was handed over to this address.
    LastTo(Address),
}

/// The delivery that a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Row of the delivery.
    pub id: DeliveryId,
    /// Address that it went to.
    pub address: Address,
    /// Subscriber, unless they were removed.
    pub subscriber: Option<SubscriberId>,
    /// State of the delivery.
    pub state: DeliveryState,
    /// Whether it was offered to a server.
    pub was_offered: bool,
    /// Time of the last change of state.
    pub at: DateTime<Utc>,
}

/// The effect of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The address is suppressed.
    Suppress,
    /// The address is suppressed, and its subscriber unsubscribed.
    SuppressAndLeave,
    /// The delivery is marked as refused by a full or disabled mailbox.
    MarkSoft,
    /// The subscriber is unsubscribed.
    Unsubscribe,
    /// The report is only recorded.
    Remember,
}

/// A report to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReport {
    /// Key that is the same for the same report, by whichever way it arrives.
    pub key: String,
    /// Delivery that it is about, if known.
    pub delivery: Option<DeliveryId>,
    /// Subscriber, if known.
    pub subscriber: Option<SubscriberId>,
    /// Recipient of our mail.
    pub address: Address,
    /// `hard`, `soft`, `policy`, …
    pub class: &'static str,
    /// Reason, in Sisimai's words.
    pub reason: Option<&'static str>,
    /// Enhanced status code.
    pub status: Option<String>,
    /// Text of the server.
    pub diagnostic: String,
    /// Way that it arrived: `mail`, `ses`, …
    pub source: &'static str,
    /// Effect, in a word.
    pub action: &'static str,
    /// The effect.
    pub effect: Effect,
}

/// A recorded report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReportRow {
    /// Address that it is about, in lower case.
    pub address: String,
    /// `hard`, `soft`, `policy`, …
    pub class: String,
    /// The reason.
    pub reason: Option<String>,
    /// Enhanced status code.
    pub status: Option<String>,
    /// Text of the server.
    pub diagnostic: String,
    /// Way that it arrived.
    pub source: String,
    /// Effect, in a word.
    pub action: String,
    /// Time of arrival.
    pub at: DateTime<Utc>,
}

/// A selection of reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportsOf {
    /// Reports on one delivery.
    Delivery(DeliveryId),
    /// Reports on one address.
    Address(Address),
    /// Reports of one class since an instant.
    Class(&'static str, DateTime<Utc>),
}

/// Reports that the operator must act on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyReports {
    /// Number of reports.
    pub count: u64,
    /// The newest.
    pub last: Option<ReportRow>,
}

/// The methods for reports.
pub trait InboundStore {
    /// Returns the delivery that `key` names, unless its reader was erased.
    fn reported_delivery(&mut self, key: &DeliveryKey) -> Result<Option<Reported>, StoreError>;

    /// Returns up to `limit` attempted deliveries to the address of `id` before it, newest first.
    fn deliveries_before(&mut self, id: DeliveryId, limit: u32)
    -> Result<Vec<Earlier>, StoreError>;

    /// Records a report with its effect. Returns `false`, and does nothing, if it was recorded
    /// before or the delivery has `most` reports already.
    fn record_report(
        &mut self,
        report: &NewReport,
        most: u32,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Queues `notice`. Returns `false`, and queues nothing, if its address received one of its
    /// kind since `since`.
    fn enqueue_notice_once(
        &mut self,
        notice: &NewNotice,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Returns recorded reports, newest first, at most `limit`.
    fn reports(&mut self, of: &ReportsOf, limit: u32) -> Result<Vec<ReportRow>, StoreError>;

    /// Returns the policy reports since `since`.
    fn policy_reports(&mut self, since: DateTime<Utc>) -> Result<PolicyReports, StoreError>;

    /// Counts reports by class.
    fn count_reports(&mut self) -> Result<Vec<(String, u64)>, StoreError>;

    /// Returns the report that caused the suppression of an address, if there was one.
    fn suppression_evidence(&mut self, address: &Address) -> Result<Option<ReportRow>, StoreError>;
}

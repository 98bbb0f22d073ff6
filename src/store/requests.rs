//! Requests made on the web and confirmed by a mailed link, and mails other than issues.

use super::{DeliveryId, Entered, StoreError};
use crate::subscriber::{Address, NewSubscriber, SubscriberId};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The row of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub i64);

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// A subscription; `details` is the subscriber's record.
    Subscribe,
    /// A link to the preferences.
    Preferences,
    /// A change of address; `details` is the new address, or `undo`.
    Move,
    /// An export of the subscriber's data.
    Export,
    /// The erasure of the subscriber.
    Erase,
}

impl RequestKind {
    /// Every kind with its word.
    pub const WORDS: [(&'static str, RequestKind); 5] = [
        ("subscribe", RequestKind::Subscribe),
        ("preferences", RequestKind::Preferences),
        ("move", RequestKind::Move),
        ("export", RequestKind::Export),
        ("erase", RequestKind::Erase),
    ];

    /// Returns the kind's word.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(word, _)| word)
    }
}

/// The circumstances of a consent, as the record of consent needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentContext {
    /// Version of the form's text.
    pub wording: String,
    /// Address of the form.
    pub page: String,
    /// Network address of the visitor.
    pub network: String,
}

/// A request to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// Kind of the request.
    pub kind: RequestKind,
    /// Address to which the confirming link is mailed.
    pub address: Address,
    /// Subscriber, if known.
    pub subscriber: Option<SubscriberId>,
    /// Details, as [`RequestKind`] says.
    pub details: String,
    /// Circumstances of the request.
    pub asking: ConsentContext,
}

/// A stored request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Row of the request.
    pub id: RequestId,
    /// The request.
    pub request: NewRequest,
    /// Time of the request.
    pub asked_at: DateTime<Utc>,
    /// Time at which the link was mailed, if it was.
    pub mailed_at: Option<DateTime<Utc>>,
    /// Time at which it was carried out, if it was.
    pub done_at: Option<DateTime<Utc>>,
}

/// A mail other than an issue, ready to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotice {
    /// Kind in the outbox: `confirm`, `welcome`, `alarm`, …
    pub kind: &'static str,
    /// Subscriber, if it is to one.
    pub subscriber: Option<SubscriberId>,
    /// The recipient.
    pub address: Address,
    /// The subject line.
    pub subject: String,
    /// Message-ID, without angle brackets; the same on every attempt.
    pub message_id: String,
    /// The complete message, sent byte for byte.
    pub message: Vec<u8>,
    /// End of the shelf life.
    pub expires_at: DateTime<Utc>,
}

/// An entry in the record of consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Consent {
    /// Time of the entry.
    pub at: DateTime<Utc>,
    /// `asked`, `confirmed`, `moved`, or `vouched` if the operator vouches for the consent.
    pub act: String,
    /// Version of the form's text.
    pub wording: String,
    /// Address of the form.
    pub page: String,
    /// Network address of the visitor.
    pub network: String,
}

/// Prefix of the details of a request to the old address of a subscriber who moves; the
/// number of the request to the new address follows.
pub const AGREES_TO: &str = "agrees to ";

/// The outcome of following a request's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// Carried out now, for this subscriber.
    Done(SubscriberId),
    /// Carried out before, for this subscriber: links are followed twice.
    Before(SubscriberId),
    /// Waiting for the link to the other address of this subscriber.
    Waiting(SubscriberId),
    /// Impossible: another subscriber has the address, or the subscriber no longer exists.
    Impossible,
}

/// Requests, consent and notices.
pub trait RequestStore {
    /// Stores a request. A request to subscribe from an unknown address creates a pending
    /// subscriber with the chosen preferences.
    fn ask(
        &mut self,
        request: &NewRequest,
        pending: Option<&NewSubscriber>,
        now: DateTime<Utc>,
    ) -> Result<RequestId, StoreError>;

    /// Returns a request.
    fn request(&mut self, id: RequestId) -> Result<Option<Request>, StoreError>;

    /// Counts the links of `kind` mailed to `address` since `since`.
    fn count_mailed(
        &mut self,
        kind: RequestKind,
        address: &Address,
        since: DateTime<Utc>,
    ) -> Result<u32, StoreError>;

    /// Counts those of them that were requested on this page.
    fn count_mailed_from(
        &mut self,
        page: &str,
        kind: RequestKind,
        address: &Address,
        since: DateTime<Utc>,
    ) -> Result<u32, StoreError>;

    /// Queues mails other than issues, all or none; with a request, records that its link was
    /// mailed.
    fn enqueue_notices(
        &mut self,
        notices: &[NewNotice],
        request: Option<RequestId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<DeliveryId>, StoreError>;

    /// Confirms a subscription: the subscriber becomes active with `details`, even if they had
    /// left or were suppressed. The request and the confirmation enter the record of consent.
    fn confirm_subscription(
        &mut self,
        id: RequestId,
        details: &NewSubscriber,
        confirming: &ConsentContext,
        now: DateTime<Utc>,
    ) -> Result<RequestOutcome, StoreError>;

    /// Confirms a change of address from one of the two addresses. Once both have confirmed,
    /// the address changes, and links in older mails stop working.
    fn agree_to_move(
        &mut self,
        id: RequestId,
        confirming: &ConsentContext,
        now: DateTime<Utc>,
    ) -> Result<RequestOutcome, StoreError>;

    /// Records that a request was carried out; `false` if it was before.
    fn finish_request(&mut self, id: RequestId, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Adds a subscriber for whose consent the operator vouches, which enters the record of
    /// consent. An address that is known, or has left, is not changed.
    fn vouch_for(
        &mut self,
        subscriber: &NewSubscriber,
        vouching: &ConsentContext,
        now: DateTime<Utc>,
    ) -> Result<Entered, StoreError>;

    /// Returns the record of consent of a subscriber, oldest first.
    fn consents(&mut self, subscriber: SubscriberId) -> Result<Vec<Consent>, StoreError>;

    /// Erases a subscriber. `hash` is kept: it replaces the address in the outbox, and imports
    /// refuse it. Returns `false` if there is no such subscriber.
    fn erase_subscriber(
        &mut self,
        id: SubscriberId,
        hash: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Whether an address with one of these hashes was erased.
    fn was_erased(&mut self, hashes: &[String]) -> Result<bool, StoreError>;
}

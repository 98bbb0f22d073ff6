//! What people ask for on the web and prove by a link that is mailed to them,
//! and the mails besides issues.

use super::{DeliveryId, Entered, StoreError};
use crate::subscriber::{Address, NewSubscriber, SubscriberId};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The row of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub i64);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// A subscription; `details` is the subscriber's record.
    Subscribe,
    /// A fresh link to the preferences.
    Preferences,
    /// Issues to another address; `details` is the new one, or `undo`.
    Move,
    /// All that is stored of a subscriber.
    Export,
    /// To be forgotten.
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

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(word, _)| word)
    }
}

/// Where and in which words somebody asked: what a record of consent must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentContext {
    /// Version of the form's words.
    pub wording: String,
    /// Address of the form.
    pub page: String,
    /// The visitor's network address.
    pub network: String,
}

/// A request as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// What is asked for.
    pub kind: RequestKind,
    /// Where the link goes that proves it.
    pub address: Address,
    /// Whose matter it is, if they are known.
    pub subscriber: Option<SubscriberId>,
    /// As [`RequestKind`] says.
    pub details: String,
    /// Where and how it was asked.
    pub asking: ConsentContext,
}

/// A request as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its row.
    pub id: RequestId,
    /// What was asked.
    pub request: NewRequest,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// When a link was mailed for it, if one was.
    pub mailed_at: Option<DateTime<Utc>>,
    /// When it was done, if it was.
    pub done_at: Option<DateTime<Utc>>,
}

/// A mail besides the issues, ready to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotice {
    /// `confirm`, `welcome`, `alarm`, …: what it is, in the outbox.
    pub kind: &'static str,
    /// Of whom, if it is to a subscriber.
    pub subscriber: Option<SubscriberId>,
    /// To whom.
    pub address: Address,
    /// The subject line.
    pub subject: String,
    /// Without angle brackets; the same on every try.
    pub message_id: String,
    /// The complete message, sent byte for byte.
    pub message: Vec<u8>,
    /// When there is no point in sending it any more.
    pub expires_at: DateTime<Utc>,
}

/// One act in the record of consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Consent {
    /// When.
    pub at: DateTime<Utc>,
    /// `asked`, `confirmed`, `moved`, or `vouched`: the operator says that they agreed.
    pub act: String,
    /// Version of the form's words.
    pub wording: String,
    /// Address of the form.
    pub page: String,
    /// The visitor's network address.
    pub network: String,
}

/// How the details begin of a request to the old address of somebody who moves; the
/// number of the one to the new address follows.
pub const AGREES_TO: &str = "agrees to ";

/// What became of a proved request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// It is done now, for this subscriber.
    Done(SubscriberId),
    /// It was done before, for this subscriber: links are followed twice.
    Before(SubscriberId),
    /// It will be done for this subscriber once another link has been followed, too.
    Waiting(SubscriberId),
    /// Somebody else has that address meanwhile, or the subscriber is gone.
    Impossible,
}

/// Verbs about requests, consent and notices.
pub trait RequestStore {
    /// Notes a request. Somebody who asks to subscribe and is not known becomes
    /// a pending subscriber with what they chose.
    fn ask(
        &mut self,
        request: &NewRequest,
        pending: Option<&NewSubscriber>,
        now: DateTime<Utc>,
    ) -> Result<RequestId, StoreError>;

    /// One request.
    fn request(&mut self, id: RequestId) -> Result<Option<Request>, StoreError>;

    /// How many links of `kind` were mailed to `address` since `since`.
    fn count_mailed(
        &mut self,
        kind: RequestKind,
        address: &Address,
        since: DateTime<Utc>,
    ) -> Result<u32, StoreError>;

    /// How many of them were asked for on this page.
    fn count_mailed_from(
        &mut self,
        page: &str,
        kind: RequestKind,
        address: &Address,
        since: DateTime<Utc>,
    ) -> Result<u32, StoreError>;

    /// Queues mails besides issues, all or none; with a request, notes that its link was mailed.
    fn enqueue_notices(
        &mut self,
        notices: &[NewNotice],
        request: Option<RequestId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<DeliveryId>, StoreError>;

    /// The owner of the request's address has confirmed the subscription: it is
    /// active with `details` from now on, whoever had left or been suppressed
    /// before; both acts enter the record of consent.
    fn confirm_subscription(
        &mut self,
        id: RequestId,
        details: &NewSubscriber,
        confirming: &ConsentContext,
        now: DateTime<Utc>,
    ) -> Result<RequestOutcome, StoreError>;

    /// The owner of one of two addresses agrees that issues go to the new one. Once both
    /// have, they do, and links in older mails stop working.
    fn agree_to_move(
        &mut self,
        id: RequestId,
        confirming: &ConsentContext,
        now: DateTime<Utc>,
    ) -> Result<RequestOutcome, StoreError>;

    /// Notes that a request was done; `false` if it was before.
    fn finish_request(&mut self, id: RequestId, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Enters a subscriber for whose consent somebody else vouches, which enters
    /// the record of consent; nothing is done for who is known, or has left.
    fn vouch_for(
        &mut self,
        subscriber: &NewSubscriber,
        vouching: &ConsentContext,
        now: DateTime<Utc>,
    ) -> Result<Entered, StoreError>;

    /// The record of consent of one subscriber, oldest first.
    fn consents(&mut self, subscriber: SubscriberId) -> Result<Vec<Consent>, StoreError>;

    /// Forgets all that is stored of a person. What is left is `hash`, which
    /// stands for the address in the outbox and keeps imports from bringing them
    /// back. `false` if nobody has that row.
    fn erase_subscriber(
        &mut self,
        id: SubscriberId,
        hash: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Whether somebody with one of these hashes of their address asked to be forgotten.
    fn was_erased(&mut self, hashes: &[String]) -> Result<bool, StoreError>;
}

//! Subscribers and suppressed addresses.

use super::StoreError;
use crate::subscriber::{Address, NewSubscriber, Status, Subscriber, SubscriberId};
use chrono::{DateTime, Utc};

/// The outcome of entering a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// Not known before.
    New,
    /// Known, and changed.
    Changed,
    /// Known, and unchanged.
    Known,
    /// Refused: the address has left or refused mail, and only its owner can bring it back.
    Left(Status),
}

/// A suppressed address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The address.
    pub address: Address,
    /// Reason, with the server's text.
    pub reason: String,
    /// Time of the suppression.
    pub at: DateTime<Utc>,
}

/// The methods for subscribers.
pub trait SubscriberStore {
    /// Adds subscribers, or updates known ones; all or none. Returns one outcome for each, in
    /// order. Addresses are compared without regard to case.
    fn enter_subscribers(
        &mut self,
        subscribers: &[NewSubscriber],
        now: DateTime<Utc>,
    ) -> Result<Vec<Entered>, StoreError>;

    /// Returns the subscriber with this address.
    fn subscriber(&mut self, address: &Address) -> Result<Option<Subscriber>, StoreError>;

    /// Returns the subscriber in this row.
    fn subscriber_by_id(&mut self, id: SubscriberId) -> Result<Option<Subscriber>, StoreError>;

    /// Returns up to `limit` subscribers after `after`, by row.
    fn subscribers_after(
        &mut self,
        after: SubscriberId,
        limit: u32,
    ) -> Result<Vec<Subscriber>, StoreError>;

    /// Saves preferences, name, status and interests of a subscriber. Someone who has left or is
    /// suppressed stays so: they may have left since they were read. Nothing is written if the
    /// subscriber was erased.
    fn save_subscriber(
        &mut self,
        subscriber: &Subscriber,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Ends the subscription, and holds the queued mails that no sender has claimed. Returns
    /// `false` if there is no such subscriber or they had left already.
    fn unsubscribe(
        &mut self,
        id: SubscriberId,
        channel: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Invalidates all links in older mails, except those to unsubscribe; `false` if there is no
    /// such subscriber.
    fn retire_links(&mut self, id: SubscriberId, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Deletes the subscriber, and holds the queued mails that no sender has claimed. The record
    /// of sent mails stays. Returns `false` if there is no such subscriber.
    fn remove_subscriber(
        &mut self,
        id: SubscriberId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Counts subscribers by status.
    fn count_subscribers(&mut self) -> Result<Vec<(Status, u64)>, StoreError>;

    /// Counts the subscribers who have not left, by language.
    fn languages(&mut self) -> Result<Vec<(String, u64)>, StoreError>;

    /// Returns the suppressed addresses.
    fn suppressions(&mut self) -> Result<Vec<Suppression>, StoreError>;
}

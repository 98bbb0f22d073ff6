//! Subscribers and suppressed addresses.

use super::StoreError;
use crate::subscriber::{Address, NewSubscriber, Status, Subscriber, SubscriberId};
use chrono::{DateTime, Utc};

/// What became of an entered subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It was not known.
    New,
    /// It was known and now is as entered.
    Changed,
    /// It was known just so.
    Known,
    /// The address has left or refused mail, and only its owner can bring it
    /// back; nothing was changed.
    Left(Status),
}

/// An address that must not be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The address.
    pub address: Address,
    /// Why, with the server's words.
    pub reason: String,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// Verbs about subscribers.
pub trait SubscriberStore {
    /// Enters subscribers, or brings known ones to what is entered; all or none,
    /// one answer for each, in order. Addresses are compared without regard to case.
    fn enter_subscribers(
        &mut self,
        subscribers: &[NewSubscriber],
        now: DateTime<Utc>,
    ) -> Result<Vec<Entered>, StoreError>;

    /// The subscriber with this address.
    fn subscriber(&mut self, address: &Address) -> Result<Option<Subscriber>, StoreError>;

    /// The subscriber with this row.
    fn subscriber_by_id(&mut self, id: SubscriberId) -> Result<Option<Subscriber>, StoreError>;

    /// Up to `limit` subscribers after `after`, by row.
    fn subscribers_after(
        &mut self,
        after: SubscriberId,
        limit: u32,
    ) -> Result<Vec<Subscriber>, StoreError>;

    /// Writes preferences, name, status and interests of a known subscriber. Whoever has
    /// left or is suppressed stays so: they may have left since they were read. Of
    /// somebody who was erased nothing is written.
    fn save_subscriber(
        &mut self,
        subscriber: &Subscriber,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Ends the subscription. What is queued and not yet handed over is held.
    /// `false` if there is no such subscriber or they had left already.
    fn unsubscribe(
        &mut self,
        id: SubscriberId,
        channel: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Has all links in older mails stop working, but those to leave; `false` if
    /// there is no such subscriber.
    fn retire_links(&mut self, id: SubscriberId, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Forgets the subscriber; what is queued and not yet handed over is held.
    /// The record of what was sent stays. `false` if there is no such subscriber.
    fn remove_subscriber(
        &mut self,
        id: SubscriberId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Subscribers by status.
    fn count_subscribers(&mut self) -> Result<Vec<(Status, u64)>, StoreError>;

    /// Every language that somebody who is not gone chose, and how many did.
    fn languages(&mut self) -> Result<Vec<(String, u64)>, StoreError>;

    /// The addresses that must not be written to.
    fn suppressions(&mut self) -> Result<Vec<Suppression>, StoreError>;
}

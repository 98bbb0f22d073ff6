//! Long lists, read piece by piece: each piece begins behind the last one's end,
//! so that what is added meanwhile neither repeats nor hides anything.

use super::{DeliveryId, DeliveryRow, DeliveryState, PastIssue, StoreError, Suppression};
use crate::subscriber::{Address, Status, Subscriber, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};

/// Verbs that read a piece of a list; none of them changes anything.
pub trait PagedListStore {
    /// Up to `limit` subscribers after `after`, by row; only those with `status` if one is given.
    fn list_subscribers(
        &mut self,
        status: Option<Status>,
        after: SubscriberId,
        limit: u32,
    ) -> Result<Vec<Subscriber>, StoreError>;

    /// Up to `limit` issues of a subscriber of before the date `before`, the newest first.
    fn list_issues(
        &mut self,
        subscriber: SubscriberId,
        before: Option<NaiveDate>,
        limit: u32,
    ) -> Result<Vec<PastIssue>, StoreError>;

    /// Up to `limit` mails to a subscriber, issues and others, before the row `before`, the newest first.
    fn list_mails(
        &mut self,
        subscriber: SubscriberId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError>;

    /// Mails dated `date`, where each reader lives, by state.
    fn count_mails_of(&mut self, date: NaiveDate) -> Result<Vec<(DeliveryState, u64)>, StoreError>;

    /// Why `address` must not be written to, if so.
    fn suppression(&mut self, address: &Address) -> Result<Option<Suppression>, StoreError>;

    /// Up to `limit` suppressions from `from` on, in the order in which they were added.
    fn list_suppressions(
        &mut self,
        from: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Suppression>, StoreError>;
}

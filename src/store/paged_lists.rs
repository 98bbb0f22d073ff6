//! Long lists, read page by page. A page begins behind the last entry of the one before, so
//! that entries added meanwhile are neither repeated nor skipped.

use super::{DeliveryId, DeliveryRow, DeliveryState, PastIssue, StoreError, Suppression};
use crate::subscriber::{Address, Status, Subscriber, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};

/// Queries that read one page of a list. None of them changes anything.
pub trait PagedListStore {
    /// Returns up to `limit` subscribers after `after`, by row; only those with `status` if one
    /// is given.
    fn list_subscribers(
        &mut self,
        status: Option<Status>,
        after: SubscriberId,
        limit: u32,
    ) -> Result<Vec<Subscriber>, StoreError>;

    /// Returns up to `limit` issues of a subscriber dated before `before`, newest first.
    fn list_issues(
        &mut self,
        subscriber: SubscriberId,
        before: Option<NaiveDate>,
        limit: u32,
    ) -> Result<Vec<PastIssue>, StoreError>;

    /// Returns up to `limit` mails to a subscriber, issues and others, before the row `before`,
    /// newest first.
    fn list_mails(
        &mut self,
        subscriber: SubscriberId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError>;

    /// Counts the mails with the local date `date`, by state.
    fn count_mails_of(&mut self, date: NaiveDate) -> Result<Vec<(DeliveryState, u64)>, StoreError>;

    /// Returns the suppression of `address`, if there is one.
    fn suppression(&mut self, address: &Address) -> Result<Option<Suppression>, StoreError>;

    /// Returns up to `limit` suppressions from `from` on, oldest first.
    fn list_suppressions(
        &mut self,
        from: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Suppression>, StoreError>;
}

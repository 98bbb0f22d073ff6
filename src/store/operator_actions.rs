//! The operator's actions on deliveries and suppressions.

use super::{DeliveryId, DeliveryState, StoreError};
use crate::subscriber::Address;
use chrono::{DateTime, Utc};

/// The outcome of an action on a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorOutcome {
    /// The action was done.
    Done,
    /// Queued again; the server may have a copy already.
    MayDuplicate,
    /// Not possible in this state: claimed by a sender, or settled.
    Not(DeliveryState),
    /// The address is suppressed.
    Suppressed,
    /// There is no such delivery.
    Unknown,
}

/// Actions of the operator. None of them touches a claimed delivery.
pub trait OperatorActionStore {
    /// Makes waiting or held deliveries due at once, with a shelf life until `expires_at` at
    /// least; one outcome for each, in order.
    ///
    /// A delivery that the server may have already becomes uncertain: if that happens again, it
    /// is held.
    fn retry_deliveries(
        &mut self,
        ids: &[DeliveryId],
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<OperatorOutcome>, StoreError>;

    /// Holds waiting deliveries; one outcome for each, in order.
    fn hold_deliveries(
        &mut self,
        ids: &[DeliveryId],
        now: DateTime<Utc>,
    ) -> Result<Vec<OperatorOutcome>, StoreError>;

    /// Drops waiting or held deliveries for good: they become expired, and their message is
    /// deleted; one outcome for each, in order.
    fn drop_deliveries(
        &mut self,
        ids: &[DeliveryId],
        now: DateTime<Utc>,
    ) -> Result<Vec<OperatorOutcome>, StoreError>;

    /// Suppresses `address`; `false` if it was suppressed already.
    fn suppress(
        &mut self,
        address: &Address,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Removes the suppression of `address`, and makes its subscriber active unless they had
    /// unsubscribed; `false` if it was not suppressed.
    fn lift_suppression(
        &mut self,
        address: &Address,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;
}

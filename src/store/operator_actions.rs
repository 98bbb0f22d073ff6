//! What a person does to deliveries and addresses by hand.

use super::{DeliveryId, DeliveryState, StoreError};
use crate::subscriber::Address;
use chrono::{DateTime, Utc};

/// What became of a delivery that a person touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorOutcome {
    /// It is as asked.
    Done,
    /// It is queued again, and the server may have a copy already.
    MayDuplicate,
    /// It stands where this cannot be done: in a sender's hands, or settled.
    Not(DeliveryState),
    /// Its address must not be written to.
    Suppressed,
    /// There is no such delivery.
    Unknown,
}

/// Verbs for people. None of them touches what a sender has in hand.
pub trait OperatorActionStore {
    /// Makes deliveries that wait or are held due at once, to be sent until
    /// `expires_at` at least; one answer for each, in order.
    ///
    /// One that the server may have already stands as uncertain: if that
    /// happens again it is held.
    fn retry_deliveries(
        &mut self,
        ids: &[DeliveryId],
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<OperatorOutcome>, StoreError>;

    /// Keeps deliveries that wait from being sent; one answer for each, in order.
    fn hold_deliveries(
        &mut self,
        ids: &[DeliveryId],
        now: DateTime<Utc>,
    ) -> Result<Vec<OperatorOutcome>, StoreError>;

    /// Gives deliveries that wait or are held up for good: they become expired,
    /// and their message is forgotten; one answer for each, in order.
    fn drop_deliveries(
        &mut self,
        ids: &[DeliveryId],
        now: DateTime<Utc>,
    ) -> Result<Vec<OperatorOutcome>, StoreError>;

    /// Sees to it that nothing is sent to `address` any more; `false` if that was so already.
    fn suppress(
        &mut self,
        address: &Address,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Allows mail to `address` again, and makes its subscriber active if they
    /// had not left by themselves; `false` if it was not suppressed.
    fn lift_suppression(
        &mut self,
        address: &Address,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;
}

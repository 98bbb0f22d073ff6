//! The rate limit that all processes of an installation share.

use super::Pause;
use chrono::{DateTime, TimeDelta, Utc};
use std::future::Future;
use std::pin::Pin;

/// Lifetime of a slot. When it is exceeded, the process that holds the slot has
/// died: the read timeout is as long.
pub const SLOT_MAX: TimeDelta = TimeDelta::minutes(2);

/// Result of asking for the next request slot of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// This process may send; the slot is identified by the instant at which it expires.
    Acquired(DateTime<Utc>),
    /// The slot is taken until then, or until its holder releases it.
    NotBefore(DateTime<Utc>),
    /// The provider asked all clients to pause.
    Paused(Pause),
}

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The store of slots and pauses. It never fails: when it cannot be reached, each
/// process keeps the distance between its own requests.
pub trait SharedRateLimit: Send + Sync {
    /// Acquires the next slot at `provider` if it is free at `now`.
    fn acquire<'a>(&'a self, provider: &'a str, now: DateTime<Utc>) -> BoxFuture<'a, Slot>;

    /// Releases a slot; the next one may begin at `next`.
    fn release<'a>(
        &'a self,
        provider: &'a str,
        slot: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> BoxFuture<'a, ()>;

    /// Stores the pause that a provider asked for.
    fn pause<'a>(&'a self, pause: &'a Pause) -> BoxFuture<'a, ()>;
}

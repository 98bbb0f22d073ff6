//! What the processes of an installation agree on before they ask a provider.

use super::Pause;
use chrono::{DateTime, TimeDelta, Utc};
use std::future::Future;
use std::pin::Pin;

/// How long a request may be under way before its turn is given up for lost: its
/// process has died. The longest silence that is sat out is as long.
pub const TURN_MAX: TimeDelta = TimeDelta::minutes(2);

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Ours; named by this instant when it ends.
    Ours(DateTime<Utc>),
    /// Not ours before then, or until whoever has it is done.
    NotBefore(DateTime<Utc>),
    /// Nobody's for now.
    Paused(Pause),
}

/// Something that will come.
pub type Soon<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The place where processes agree. It never fails: where it cannot be reached,
/// each process keeps its own distance.
pub trait Turns: Send + Sync {
    /// Takes the next turn at `provider`, if it is free at `now`.
    fn take<'a>(&'a self, provider: &'a str, now: DateTime<Utc>) -> Soon<'a, Turn>;

    /// Ends a turn; the next one may begin at `next`.
    fn end<'a>(
        &'a self,
        provider: &'a str,
        turn: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> Soon<'a, ()>;

    /// Writes down that a provider wants to be left alone.
    fn pause<'a>(&'a self, pause: &'a Pause) -> Soon<'a, ()>;
}

//! Counts of the whole installation, for monitoring.

use super::{RelayPause, SenderLease, StoreError};
use chrono::{DateTime, Utc};

/// The status of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStatus {
    /// Name of the source.
    pub source: String,
    /// Time of the last poll.
    pub checked_at: DateTime<Utc>,
    /// Time at which a day of it last became complete or quiet, if ever.
    pub settled_at: Option<DateTime<Utc>>,
}

/// Queries for monitoring. They read many rows: not to be called every second.
pub trait MetricsStore {
    /// Counts the recorded attempts by the first digit of the reply's code; `None` where there
    /// was no reply.
    fn count_attempts(&mut self) -> Result<Vec<(Option<u16>, u64)>, StoreError>;

    /// Returns the time since which the oldest delivery due at `now` could have been sent.
    fn oldest_due(&mut self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Returns every source that was ever polled, by name.
    fn source_statuses(&mut self) -> Result<Vec<SourceStatus>, StoreError>;

    /// Returns every paused relay, by name.
    fn relay_pauses(&mut self) -> Result<Vec<(String, RelayPause)>, StoreError>;

    /// Returns the last sender lease.
    fn sender(&mut self) -> Result<Option<SenderLease>, StoreError>;
}

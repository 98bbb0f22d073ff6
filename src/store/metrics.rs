//! Figures of the whole house, for those who watch it from outside.

use super::{RelayPause, SenderLease, StoreError};
use chrono::{DateTime, Utc};

/// How a source stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStatus {
    /// Its name.
    pub source: String,
    /// When it was last looked at.
    pub checked_at: DateTime<Utc>,
    /// When a day of it last turned out complete or quiet, if any ever did.
    pub settled_at: Option<DateTime<Utc>>,
}

/// Verbs that count. They look at many rows: not to be asked every second.
pub trait MetricsStore {
    /// Tries ever made and still recorded, by the first digit of the reply's code; `None` where there was no reply.
    fn count_attempts(&mut self) -> Result<Vec<(Option<u16>, u64)>, StoreError>;

    /// Since when the oldest delivery that is due at `now` could have been sent.
    fn oldest_due(&mut self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Every source that was ever looked at, by name.
    fn source_statuses(&mut self) -> Result<Vec<SourceStatus>, StoreError>;

    /// Every relay in trouble, by name.
    fn relay_pauses(&mut self) -> Result<Vec<(String, RelayPause)>, StoreError>;

    /// Who was last given the right to send.
    fn sender(&mut self) -> Result<Option<SenderLease>, StoreError>;
}

//! Deletion of old data, in small steps.

use super::StoreError;
use chrono::{DateTime, Utc};

/// The kinds of data with a retention time, and the start of their age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionClass {
    /// Attempts, from the queueing of their delivery. The delivery keeps its outcome.
    Attempts,
    /// Messages of held deliveries, from when they were held; the delivery expires with them.
    HeldTexts,
    /// The clicks.
    Clicks,
    /// Reports, from their arrival. Suppressions stay.
    Reports,
    /// Consent records of subscribers who left, from their leaving.
    Consents,
    /// Requests, and pending subscriptions that nobody confirmed.
    Requests,
    /// Dates skipped, from the decision.
    Skipped,
    /// Unreadable records.
    SetAside,
    /// Alarms, from their end.
    Alarms,
}

/// The last upkeep of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUpkeep {
    /// Time of the upkeep.
    pub at: DateTime<Utc>,
    /// Damage found in the file, a line each; empty if it is sound.
    pub damage: String,
}

/// Retention and upkeep.
pub trait RetentionStore {
    /// Deletes up to `limit` entries from before `before`, and returns how many. Fewer than
    /// `limit` means that nothing older is left. Counters keep their counts.
    fn forget_old(
        &mut self,
        what: RetentionClass,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError>;

    /// Returns up to `pages` unused pages of the file to the disk, if a good part of the file is
    /// unused; returns how many.
    fn shrink(&mut self, pages: u32) -> Result<u64, StoreError>;

    /// Checkpoints the write-ahead log, and truncates it if it has no readers at this moment.
    /// Does not wait.
    fn settle_log(&mut self) -> Result<(), StoreError>;

    /// Records an upkeep, with the damage found.
    fn note_upkeep(&mut self, damage: &str, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Returns the last upkeep.
    fn last_upkeep(&mut self) -> Result<Option<LastUpkeep>, StoreError>;
}

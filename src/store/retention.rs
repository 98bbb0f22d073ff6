//! Forgetting what is old, a little at a time.

use super::StoreError;
use chrono::{DateTime, Utc};

/// What can grow old. Each says what its age is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionClass {
    /// Tries of deliveries, from when the delivery was queued. How it ended stays with the delivery.
    Attempts,
    /// The texts of mails that are held, from when they were; they are given up with it.
    HeldTexts,
    /// Clicks.
    Clicks,
    /// Reports on mails that came back, from when they came. Suppressions stay.
    Reports,
    /// The record of consent of those who left, from when they did.
    Consents,
    /// What was asked for on the web, and with it subscriptions that nobody confirmed.
    Requests,
    /// That a date had no issue, from when that was decided.
    Skipped,
    /// Records that could not be read.
    SetAside,
    /// Alarms, from their end.
    Alarms,
}

/// The last time that the database was tended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUpkeep {
    /// When.
    pub at: DateTime<Utc>,
    /// What is damaged in the file, a line each; empty if it is sound.
    pub damage: String,
}

/// Verbs about what is kept for a while only.
pub trait RetentionStore {
    /// Forgets up to `limit` of what is from before `before`; how many that were.
    /// Fewer than `limit` means that nothing older is left. Counters keep what they counted.
    fn forget_old(
        &mut self,
        what: RetentionClass,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError>;

    /// Gives up to `pages` unused pages of the file back to the disk, if a good part of it is unused; how many.
    fn shrink(&mut self, pages: u32) -> Result<u64, StoreError>;

    /// Empties the log into the file, and cuts it if nobody reads it at this moment. Waits for nobody.
    fn settle_log(&mut self) -> Result<(), StoreError>;

    /// Notes that the database was tended, and what is damaged in it.
    fn note_upkeep(&mut self, damage: &str, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// When it was tended last, if it ever was.
    fn last_upkeep(&mut self) -> Result<Option<LastUpkeep>, StoreError>;
}

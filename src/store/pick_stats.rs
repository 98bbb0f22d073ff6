//! Feedback on picks: exploring ones compared with the others.

use super::{PaperRow, PickKind, StoreError};
use chrono::{DateTime, Utc};

/// The feedback on picks of one kind at one place of the issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PickStats {
    /// Kind of the picks.
    pub kind: PickKind,
    /// Place in the issue, from 1.
    pub rank: u32,
    /// Number of picks.
    pub shown: u64,
    /// Of these, liked now.
    pub more: u64,
    /// Of these, disliked now.
    pub less: u64,
    /// Of these, saved now.
    pub save: u64,
}

/// The place of a pick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PickPlace {
    /// Kind of the pick.
    pub kind: PickKind,
    /// Place in the issue, from 1.
    pub rank: u32,
}

/// Feedback on picks.
pub trait PickStatsStore {
    /// Counts the feedback on picks of the issues composed since `since`, by kind (chosen ones
    /// first), then by place. News of papers is left out.
    fn pick_stats(&mut self, since: DateTime<Utc>) -> Result<Vec<PickStats>, StoreError>;

    /// Returns the places of papers in the issues composed since `since`, in the order of
    /// `picks`; `None` for a paper in an older issue, in none, or reported as news.
    fn pick_places(
        &mut self,
        picks: &[(i64, PaperRow)],
        since: DateTime<Utc>,
    ) -> Result<Vec<Option<PickPlace>>, StoreError>;
}

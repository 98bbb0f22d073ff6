//! How picks fared: what came of those that were tried, beside the others.

use super::{PaperRow, PickKind, StoreError};
use chrono::{DateTime, Utc};

/// How the picks of one kind at one place of the issues fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PickStats {
    /// How they came into their issues.
    pub kind: PickKind,
    /// Their place there, from 1.
    pub rank: u32,
    /// How many there were.
    pub shown: u64,
    /// Of them, how many are liked now.
    pub more: u64,
    /// Disliked.
    pub less: u64,
    /// Saved.
    pub save: u64,
}

/// Where a pick stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PickPlace {
    /// How it came into its issue.
    pub kind: PickKind,
    /// Its place there, from 1.
    pub rank: u32,
}

/// Verbs about how picks fared.
pub trait PickStatsStore {
    /// How the picks of the issues composed since `since` fared, by kind (chosen
    /// ones first), then by place. News of papers is left out.
    fn pick_stats(&mut self, since: DateTime<Utc>) -> Result<Vec<PickStats>, StoreError>;

    /// Where papers stood in issues composed since `since`, in the order of `picks`;
    /// `None` where it was in an older one, in none, or as news of a paper.
    fn pick_places(
        &mut self,
        picks: &[(i64, PaperRow)],
        since: DateTime<Utc>,
    ) -> Result<Vec<Option<PickPlace>>, StoreError>;
}

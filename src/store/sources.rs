//! How sources are asked: turns, what was asked for, and what came unreadable.

use super::{SetAside, SourcePause, StoreError};
use crate::paper::PaperId;
use chrono::{DateTime, NaiveDate, Utc};

/// Whose turn it is at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceTurn {
    /// Ours, until then at most: what ends the turn names this instant.
    Ours(DateTime<Utc>),
    /// Somebody else's, or nobody's yet: look again then, or sooner.
    NotBefore(DateTime<Utc>),
    /// Nobody's: the provider wants to be left alone.
    Paused(SourcePause),
}

/// A record that was set aside, with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAsideRow {
    /// Name of the source.
    pub source: String,
    /// The record.
    pub record: SetAside,
    /// When it last came.
    pub at: DateTime<Utc>,
}

/// Verbs about asking sources.
pub trait SourceStore {
    /// Takes the next turn at `provider` until `until`, unless another process has
    /// it or a pause runs at `now`. Of any number of processes that ask at once, one
    /// gets it. Turns that last twice as long as this one would, and pauses that end after
    /// `latest`, are from a clock that has been set since, and hold nobody up.
    fn take_source_turn(
        &mut self,
        provider: &str,
        until: DateTime<Utc>,
        latest: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<SourceTurn, StoreError>;

    /// Ends the turn that was taken until `turn`: the next one may begin at `next`.
    /// Changes nothing if it was given up for lost and somebody else has it.
    fn end_source_turn(
        &mut self,
        provider: &str,
        turn: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// When `source` was last asked for `what`.
    fn source_asked(
        &mut self,
        source: &str,
        what: &str,
    ) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Notes that `source` was asked for `what` at `at`.
    fn note_source_asked(
        &mut self,
        source: &str,
        what: &str,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Up to `limit` papers that are liked or disliked by subscribers who changed
    /// something at or after `since`, that are not known, and for which `source` was
    /// not asked yet.
    fn unknown_examples(
        &mut self,
        source: &str,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<PaperId>, StoreError>;

    /// Notes that `source` was asked for these papers at `at`.
    fn note_papers_asked(
        &mut self,
        source: &str,
        ids: &[PaperId],
        at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Up to `limit` records that were set aside, the last ones first.
    fn records_set_aside(&mut self, limit: u32) -> Result<Vec<SetAsideRow>, StoreError>;

    /// How many records were set aside, by source and day (UTC), the last days first.
    fn count_set_aside(&mut self) -> Result<Vec<(String, NaiveDate, u64)>, StoreError>;
}

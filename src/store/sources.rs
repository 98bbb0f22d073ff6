//! Rate-limit leases at providers, poll times, and unreadable records.

use super::{SetAside, SourcePause, StoreError};
use crate::paper::PaperId;
use chrono::{DateTime, NaiveDate, Utc};

/// The result of asking for a lease at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceTurn {
    /// Granted, until this time at most; ending it needs the same time.
    Ours(DateTime<Utc>),
    /// Held by another process, or not due yet: ask again then, or sooner.
    NotBefore(DateTime<Utc>),
    /// Not granted: the provider asked for a pause.
    Paused(SourcePause),
}

/// An unreadable record with its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAsideRow {
    /// Name of the source.
    pub source: String,
    /// The record.
    pub record: SetAside,
    /// Time at which it last came.
    pub at: DateTime<Utc>,
}

/// Leases at providers and poll times.
pub trait SourceStore {
    /// Takes the next lease at `provider` until `until`, unless another process holds it or a
    /// pause runs at `now`. One of several concurrent processes gets it. Leases twice as long as
    /// this one, and pauses that end after `latest`, come from a clock that was set back since,
    /// and are ignored.
    fn take_source_turn(
        &mut self,
        provider: &str,
        until: DateTime<Utc>,
        latest: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<SourceTurn, StoreError>;

    /// Ends the lease that was taken until `turn`: the next one may begin at `next`. Changes
    /// nothing if the lease expired and another process has it.
    fn end_source_turn(
        &mut self,
        provider: &str,
        turn: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Returns what `source` was asked for, with the time of the last request.
    fn source_marks(&mut self, source: &str) -> Result<Vec<(String, DateTime<Utc>)>, StoreError>;

    /// Records that `source` was asked for `what` at `at`.
    fn note_source_asked(
        &mut self,
        source: &str,
        what: &str,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Returns up to `limit` papers that are liked or disliked by subscribers changed at or after
    /// `since`, that are not known, and that `source` was not asked for yet.
    fn unknown_examples(
        &mut self,
        source: &str,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<PaperId>, StoreError>;

    /// Records that `source` was asked for these papers at `at`.
    fn note_papers_asked(
        &mut self,
        source: &str,
        ids: &[PaperId],
        at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Returns up to `limit` unreadable records, newest first.
    fn records_set_aside(&mut self, limit: u32) -> Result<Vec<SetAsideRow>, StoreError>;

    /// Counts unreadable records by source and day (UTC), newest days first.
    fn count_set_aside(&mut self) -> Result<Vec<(String, NaiveDate, u64)>, StoreError>;
}

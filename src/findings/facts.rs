//! The facts that findings are decided from. Pure.

use crate::coverage::Coverage;
use crate::store::{FailingSource, IncidentCounts, PolicyReports, RelayPause, SourceStatus};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

/// Everything that [`super::decide`] looks at. What was not gathered is empty and proves nothing.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Name of the configured relay in the ledger.
    pub relay: String,
    /// Relays that were in trouble and have taken no mail since, with their pause.
    pub relays: Vec<(String, RelayPause)>,
    /// Mails that could be sent now.
    pub due: u64,
    /// The time since which the oldest waiting mail to a reader could have been sent.
    pub oldest_due: Option<DateTime<Utc>>,
    /// Whether some process holds the right to send.
    pub is_sending: bool,
    /// Incidents of the last 24 hours, counted.
    pub incidents: IncidentCounts,
    /// Reports of the last 24 hours that say that mail from us is not wanted.
    pub policy_reports: PolicyReports,
    /// Active readers.
    pub readers: u64,
    /// Active readers whose issue should have been looked at and was not.
    pub overdue_readers: u64,
    /// Readers of a sample who were due in the last 24 hours.
    pub due_readers: u64,
    /// Names of the configured sources.
    pub sources: Vec<String>,
    /// The last poll of each source.
    pub standings: Vec<SourceStatus>,
    /// Sources that could not be read at their last poll.
    pub failing_sources: Vec<FailingSource>,
    /// Coverage of the last days.
    pub coverage: Vec<Coverage>,
    /// Issues queued since the instants that `missing_from` gives for `coverage`.
    pub issues_after: Vec<(DateTime<Utc>, u64)>,
    /// How long issues wait for papers.
    pub latest_send: TimeDelta,
    /// Background loops of all processes whose steps fail.
    pub failing_loops: Vec<LoopFailure>,
    /// Background loops of this process without a heartbeat.
    pub silent_loops: Vec<String>,
    /// The time of the last upkeep of the database.
    pub tended_at: Option<DateTime<Utc>>,
    /// Damage found in the database; empty if none is known.
    pub damage: String,
    /// Why the database cannot be written, if it cannot.
    pub unwritable: Option<String>,
    /// Free bytes on the disk of the database.
    pub free_bytes: Option<u64>,
    /// The time of the newest backup; the outer `None` if backups are not checked.
    pub newest_backup: Option<Option<DateTime<Utc>>>,
    /// How old the newest backup may be.
    pub backup_age: TimeDelta,
    /// Seconds that our clock is ahead of another one.
    pub clock_off_seconds: Option<i64>,
    /// Certificates: the file or address they serve, and when they end.
    pub certificates: Vec<(String, DateTime<Utc>)>,
}

/// A background loop whose steps fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopFailure {
    /// Name of the loop.
    pub name: String,
    /// The time at which the failure was stored.
    pub since: DateTime<Utc>,
    /// The error, as in the log.
    pub error: String,
}

impl Facts {
    /// Issues queued since `instant`; 0 if they were not counted.
    pub(super) fn issues_since(&self, instant: DateTime<Utc>) -> u64 {
        self.issues_after
            .iter()
            .find(|(after, _)| *after == instant)
            .map_or(0, |(_, count)| *count)
    }

    /// Whether mail to `relay` is paused now.
    pub(super) fn is_paused(&self, now: DateTime<Utc>) -> bool {
        self.relays.iter().any(|(_, pause)| pause.until > now)
    }
}

/// The instant from which issues no longer waited for the papers of `row`: an
/// issue waits for papers that were announced in the 24 hours before it.
pub(super) fn missing_from(row: &Coverage, latest_send: TimeDelta) -> DateTime<Utc> {
    row.announced_at
        .unwrap_or_else(|| row.date.and_time(NaiveTime::MIN).and_utc())
        + latest_send
}

//! What alarms are judged by.

use super::{AlarmSettings, LOOK_BACK};
use crate::coverage::Coverage;
use crate::schedule::{due_at, latest_due};
use crate::store::{FailingSource, IncidentCounts, RelayPause, Store, StoreError};
use crate::subscriber::{Status, SubscriberId};
use chrono::{DateTime, Days, TimeDelta, Utc};
use std::path::Path;
use std::time::Duration;

/// Below this much room mail is about to stop.
pub const DISK_LOW_BYTES: u64 = 1 << 30;

/// Readers who are asked whether they were due: enough to notice that nobody gets anything.
const READERS_ASKED: u32 = 500;

/// Days back whose coverage matters: of older ones nobody waits for papers.
const COVERAGE_DAYS: u64 = 3;

/// A look at what is due comes at the second, and takes a while.
const OVERDUE: TimeDelta = TimeDelta::minutes(5);

/// A part of the program that fails again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopFailure {
    /// Its name.
    pub name: &'static str,
    /// Why, as it stands in the log.
    pub text: String,
    /// For how long.
    pub lasts: Duration,
}

/// Everything that [`super::rules::judge`] looks at.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The relay's name.
    pub relay: String,
    /// Its pause, if it is or was in trouble and has taken nothing since.
    pub pause: Option<RelayPause>,
    /// Since when the oldest mail is due, but for those to the operator.
    pub oldest_due: Option<DateTime<Utc>>,
    /// Whether some process has the right to send.
    pub is_sending: bool,
    /// What went wrong in a day.
    pub incidents: IncidentCounts,
    /// Active readers.
    pub readers: u64,
    /// Of them, those who should have been looked at and were not.
    pub overdue_readers: u64,
    /// Readers of a sample who were due in a day.
    pub due_readers: u64,
    /// Sources that could not be read when they were last looked at.
    pub failing_sources: Vec<FailingSource>,
    /// What is known of the last days.
    pub coverage: Vec<Coverage>,
    /// How many issues were queued since some instants.
    pub issues_after: Vec<(DateTime<Utc>, u64)>,
    /// How long issues wait for papers.
    pub latest_send: TimeDelta,
    /// Room on the disk of the database.
    pub free_bytes: Option<u64>,
    /// What is damaged in the database; empty if nothing is known to be.
    pub damage: String,
    /// The newest backup, if somebody is to look for one.
    pub newest_backup: Option<Option<DateTime<Utc>>>,
    /// How old it may be.
    pub backup_age: TimeDelta,
    /// How far the clock is ahead of others', if they were asked.
    pub clock_off_seconds: Option<i64>,
    /// Certificates by what they are for, and when they end.
    pub certificates: Vec<(String, DateTime<Utc>)>,
    /// Parts of the program that fail.
    pub parts: Vec<LoopFailure>,
}

impl Facts {
    /// How many issues were queued since `instant`, if that was asked.
    pub fn issues_since(&self, instant: DateTime<Utc>) -> u64 {
        self.issues_after
            .iter()
            .find(|(after, _)| *after == instant)
            .map_or(0, |(_, count)| *count)
    }

    /// Reads what the database knows. It counts the last day's deliveries: not to be asked every second.
    pub fn read(
        store: &mut dyn Store,
        relay: &str,
        latest_send: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<Facts, StoreError> {
        let today = now.date_naive();
        let coverage = store.coverage(today - Days::new(COVERAGE_DAYS), today)?;
        let mut issues_after: Vec<(DateTime<Utc>, u64)> = Vec::new();
        for row in coverage.iter().filter(|row| !row.state.is_settled()) {
            let instant = super::rules::missing_from(row, latest_send);
            if !issues_after.iter().any(|(known, _)| *known == instant) {
                issues_after.push((instant, store.count_issues(instant)?));
            }
        }
        let counts = store.count_subscribers()?;
        Ok(Facts {
            relay: relay.to_owned(),
            pause: store.relay_pause(relay)?,
            oldest_due: store.oldest_due_to_readers(now)?,
            is_sending: store.sender()?.is_some_and(|lease| lease.until > now),
            incidents: store.incident_counts(now - LOOK_BACK)?,
            readers: counts
                .iter()
                .find(|(status, _)| *status == Status::Active)
                .map_or(0, |(_, count)| *count),
            overdue_readers: store.overdue_readers(now - OVERDUE)?,
            due_readers: due_readers(store, now - latest_send)?,
            failing_sources: store.failing_sources()?,
            coverage,
            issues_after,
            latest_send,
            damage: store
                .last_upkeep()?
                .map_or_else(String::new, |tended| tended.damage),
            ..Facts::default()
        })
    }

    /// Adds what the machine knows.
    #[must_use]
    pub fn on_machine(self, database: &Path, settings: &AlarmSettings) -> Facts {
        let folder = database
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        Facts {
            free_bytes: crate::store::free_bytes(folder).ok(),
            newest_backup: settings.backup_folder.as_deref().map(newest_file),
            backup_age: settings.backup_age,
            ..self
        }
    }
}

/// Of the first readers, those whose issue was due in the day before `now`.
fn due_readers(store: &mut dyn Store, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let readers = store.publishable(SubscriberId(0), READERS_ASKED)?;
    let was_due = readers.iter().filter(|reader| {
        let preferences = &reader.subscriber.preferences;
        latest_due(preferences, now).is_some_and(|date| {
            let due = due_at(date, preferences.send_at, preferences.timezone);
            now - due < LOOK_BACK && reader.due_from < due
        })
    });
    Ok(was_due.count() as u64)
}

/// When the newest file of a folder was written.
pub fn newest_file(folder: &Path) -> Option<DateTime<Utc>> {
    let files = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let written = files.filter_map(|file| {
        let about = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        about.modified().ok()
    });
    written.max().map(DateTime::from)
}

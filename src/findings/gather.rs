//! Gathers the facts from the database and the machine.

use super::facts::{Facts, LoopFailure, missing_from};
use super::{AlarmSettings, LOOK_BACK};
use crate::outbox::Transport;
use crate::schedule::{due_at, latest_due};
use crate::store::{Store, StoreError};
use crate::subscriber::{Status, SubscriberId};
use chrono::{DateTime, Days, TimeDelta, Utc};
use std::path::Path;

/// Readers whose due dates are computed: enough to notice that nobody gets an issue.
const DUE_SAMPLE: u32 = 500;

/// Days back whose coverage matters: nobody waits for older papers.
pub const COVERAGE_DAYS: u64 = 3;

/// The publisher looks for due issues every few seconds, and composing takes a while.
const OVERDUE: TimeDelta = TimeDelta::minutes(5);

/// The settings that facts of the database are read by.
#[derive(Debug, Clone, Default)]
pub struct FactSettings {
    /// Name of the relay in the ledger.
    pub relay: String,
    /// How long issues wait for papers.
    pub latest_send: TimeDelta,
    /// Names of the configured sources.
    pub sources: Vec<String>,
}

/// The name that the ledger has for where mail goes.
pub fn relay_name(transport: &Transport) -> String {
    match transport {
        Transport::Smtp(smtp) => format!("{}:{}", smtp.host, smtp.port),
        Transport::Maildir(_) => "maildir".to_owned(),
    }
}

impl Facts {
    /// Reads the facts of the database. Counts a day's deliveries: too slow for every second.
    pub fn read(
        store: &mut dyn Store,
        settings: FactSettings,
        now: DateTime<Utc>,
    ) -> Result<Facts, StoreError> {
        let (today, latest_send) = (now.date_naive(), settings.latest_send);
        let coverage = store.coverage(today - Days::new(COVERAGE_DAYS), today)?;
        let mut issues_after: Vec<(DateTime<Utc>, u64)> = Vec::new();
        for row in coverage.iter().filter(|row| !row.state.is_settled()) {
            let instant = missing_from(row, latest_send);
            if !issues_after.iter().any(|(known, _)| *known == instant) {
                issues_after.push((instant, store.count_issues(instant)?));
            }
        }
        let counts = store.count_subscribers()?;
        let tended = store.last_upkeep()?;
        let notes = store.work_notes()?;
        Ok(Facts {
            relay: settings.relay,
            relays: store.relay_pauses()?,
            due: store.waiting(now)?.0,
            oldest_due: store.oldest_due_to_readers(now)?,
            is_sending: store.sender()?.is_some_and(|lease| lease.until > now),
            incidents: store.incident_counts(now - LOOK_BACK)?,
            policy_reports: store.policy_reports(now - LOOK_BACK)?,
            readers: counts
                .iter()
                .find(|(status, _)| *status == Status::Active)
                .map_or(0, |(_, count)| *count),
            overdue_readers: store.overdue_readers(now - OVERDUE)?,
            due_readers: due_readers(store, now - latest_send)?,
            sources: settings.sources,
            standings: store.source_statuses()?,
            failing_sources: store.failing_sources()?,
            coverage,
            issues_after,
            latest_send,
            failing_loops: notes
                .iter()
                .filter_map(|note| {
                    note.failing().map(|(since, error)| LoopFailure {
                        name: note.part.clone(),
                        since: *since,
                        error: error.clone(),
                    })
                })
                .collect(),
            tended_at: tended.as_ref().map(|tended| tended.at),
            damage: tended.map_or_else(String::new, |tended| tended.damage),
            ..Facts::default()
        })
    }

    /// Adds the facts of the machine: disk and backups.
    #[must_use]
    pub fn on_machine(self, database: &Path, settings: &AlarmSettings) -> Facts {
        Facts {
            free_bytes: crate::store::free_bytes(folder_of(database)).ok(),
            newest_backup: settings.backup_folder.as_deref().map(newest_file),
            backup_age: settings.backup_age,
            ..self
        }
    }
}

/// The folder that holds the file at `path`.
pub fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Readers of the sample whose issue was due in the day before `now`.
fn due_readers(store: &mut dyn Store, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let readers = store.publishable(SubscriberId(0), DUE_SAMPLE)?;
    let was_due = readers.iter().filter(|reader| {
        let preferences = &reader.subscriber.preferences;
        latest_due(preferences, now).is_some_and(|date| {
            let due = due_at(date, preferences.send_at, preferences.timezone);
            now - due < LOOK_BACK && reader.due_from < due
        })
    });
    Ok(was_due.count() as u64)
}

/// The time of the newest file in `folder`.
fn newest_file(folder: &Path) -> Option<DateTime<Utc>> {
    let files = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let written = files.filter_map(|file| {
        let about = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        about.modified().ok()
    });
    written.max().map(DateTime::from)
}

//! Metrics for Prometheus: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
//!
//! Metrics are read from the database, so they survive a restart and cover all processes.
//! A counter falls only when a reader's data are erased, which Prometheus takes for a restart.

use crate::coverage::{Coverage, CoverageState};
use crate::findings::FindingKind;
use crate::store::{AlarmRow, DeliveryState, RelayPause, RunRow, SourceStatus, Store, StoreError};
use crate::subscriber::Status;
use chrono::{DateTime, Days, TimeDelta, Utc};
use std::fmt::{Display, Write as _};

/// The metrics at one instant.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    pub(super) now: DateTime<Utc>,
    pub(super) deliveries: Vec<(DeliveryState, u64)>,
    pub(super) due: u64,
    pub(super) oldest_due: Option<DateTime<Utc>>,
    pub(super) attempts: Vec<(Option<u16>, u64)>,
    pub(super) subscribers: Vec<(Status, u64)>,
    pub(super) reports: Vec<(String, u64)>,
    pub(super) papers: u64,
    pub(super) sources: Vec<SourceStatus>,
    pub(super) relays: Vec<(String, RelayPause)>,
    pub(super) is_sending: bool,
    pub(super) alarms: Vec<AlarmRow>,
    pub(super) coverage: Vec<Coverage>,
    /// Seconds that the last day's issues waited in the queue, in ascending order.
    pub(super) waits: Vec<u64>,
    pub(super) tended_at: Option<DateTime<Utc>>,
    pub(super) run: Option<RunRow>,
}

/// Issues whose wait is read: enough for quantiles.
const WAITS_MAX: u32 = 10_000;

/// Days back whose coverage is counted: what is older is not waited for.
const COVERAGE_DAYS: u64 = 3;

impl Metrics {
    /// Reads all metrics.
    pub(super) fn read(store: &mut dyn Store, now: DateTime<Utc>) -> Result<Self, StoreError> {
        Ok(Metrics {
            now,
            deliveries: store.count_deliveries()?,
            due: store.waiting(now)?.0,
            oldest_due: store.oldest_due(now)?,
            attempts: store.count_attempts()?,
            subscribers: store.count_subscribers()?,
            reports: store.count_reports()?,
            papers: store.count_papers()?,
            sources: store.source_statuses()?,
            relays: store.relay_pauses()?,
            is_sending: store.sender()?.is_some_and(|lease| lease.until > now),
            alarms: store.alarms(now)?,
            coverage: store.coverage(
                now.date_naive() - Days::new(COVERAGE_DAYS),
                now.date_naive(),
            )?,
            waits: store.waits(now - TimeDelta::days(1), WAITS_MAX)?,
            tended_at: store.last_upkeep()?.map(|tended| tended.at),
            run: store.runs(1)?.pop(),
        })
    }

    /// The whole page, with the facts of the process: when it `began`, which loops are alive, and
    /// the free bytes on the disk of the database.
    pub(super) fn page(
        &self,
        began: DateTime<Utc>,
        loops: &[(&'static str, bool)],
        free_bytes: Option<u64>,
    ) -> String {
        let mut page = Page::default();
        page.family(
            "paperboy_build_info",
            "gauge",
            "The version that runs; always 1.",
        );
        page.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        page.family(
            "process_start_time_seconds",
            "gauge",
            "When the process started, in Unix time.",
        );
        page.sample(&[], began.timestamp());
        page.family(
            "paperboy_loop_alive",
            "gauge",
            "Whether a background loop of the process gives a heartbeat.",
        );
        for (name, is_alive) in loops {
            page.sample(&[("loop", name)], u8::from(*is_alive));
        }

        page.family(
            "paperboy_deliveries",
            "gauge",
            "Mails by the state they are in.",
        );
        for (word, state) in DeliveryState::WORDS {
            page.sample(&[("state", word)], count(&self.deliveries, &state));
        }
        page.family(
            "paperboy_deliveries_due",
            "gauge",
            "Mails that could be sent now.",
        );
        page.sample(&[], self.due);
        page.family(
            "paperboy_deliveries_due_age_seconds",
            "gauge",
            "How long the oldest due mail has been due.",
        );
        page.sample(
            &[],
            self.oldest_due
                .map_or(0, |due| (self.now - due).num_seconds().max(0)),
        );
        page.family(
            "paperboy_attempts_total",
            "counter",
            "Tries to deliver, by the class of the server's reply.",
        );
        for class in [Some(2), Some(3), Some(4), Some(5), None] {
            let word = class.map_or("none".to_owned(), |class| format!("{class}xx"));
            page.sample(&[("class", &word)], count(&self.attempts, &class));
        }
        page.family(
            "paperboy_sending",
            "gauge",
            "Whether some process holds the right to send.",
        );
        page.sample(&[], u8::from(self.is_sending));
        let resting: Vec<&RelayPause> = self
            .relays
            .iter()
            .map(|(_, pause)| pause)
            .filter(|pause| pause.until > self.now)
            .collect();
        page.family(
            "paperboy_relay_paused",
            "gauge",
            "Whether a relay is given time to recover.",
        );
        page.sample(&[], u8::from(!resting.is_empty()));
        page.family(
            "paperboy_relay_refuses_us",
            "gauge",
            "Whether a relay refuses all mail from us.",
        );
        page.sample(&[], u8::from(resting.iter().any(|pause| pause.refuses_us)));

        page.family(
            "paperboy_reports_total",
            "counter",
            "Reports on mail that came back, by class.",
        );
        for (class, reports) in &self.reports {
            page.sample(&[("class", class)], reports);
        }
        page.family("paperboy_subscribers", "gauge", "Subscribers by status.");
        for (word, status) in Status::WORDS {
            page.sample(&[("status", word)], count(&self.subscribers, &status));
        }
        page.family("paperboy_papers", "gauge", "Papers in the database.");
        page.sample(&[], self.papers);
        page.family(
            "paperboy_source_checked_timestamp_seconds",
            "gauge",
            "When a source was last polled.",
        );
        for source in &self.sources {
            page.sample(&[("source", &source.source)], source.checked_at.timestamp());
        }
        page.family(
            "paperboy_source_settled_timestamp_seconds",
            "gauge",
            "When a day of a source last turned out complete or quiet.",
        );
        for source in &self.sources {
            if let Some(settled_at) = source.settled_at {
                page.sample(&[("source", &source.source)], settled_at.timestamp());
            }
        }
        self.of_operation(&mut page, free_bytes);
        page.text
    }

    /// Alarms, coverage, waits, upkeep, disk and the last daily report.
    fn of_operation(&self, page: &mut Page, free_bytes: Option<u64>) {
        page.family(
            "paperboy_alarm",
            "gauge",
            "Whether an alarm of this kind stands.",
        );
        for kind in FindingKind::alarms() {
            let is_standing = |alarm: &AlarmRow| alarm.name == kind.word() && alarm.stands();
            let stands = self.alarms.iter().any(is_standing);
            page.sample(&[("name", kind.word())], u8::from(stands));
        }
        page.family(
            "paperboy_coverage_days",
            "gauge",
            "Announcements of the last 3 days, by how far they have come.",
        );
        for (word, state) in CoverageState::WORDS {
            page.sample(
                &[("state", word)],
                self.coverage
                    .iter()
                    .filter(|row| row.state == state)
                    .count(),
            );
        }
        page.family(
            "paperboy_issue_wait_seconds",
            "gauge",
            "How long the issues that were taken in a day had waited in the queue, by quantile.",
        );
        for (word, share) in [("0.5", 0.5), ("0.95", 0.95), ("1", 1.0)] {
            let at = ((self.waits.len() as f64 * share).ceil() as usize).saturating_sub(1);
            if let Some(wait) = self.waits.get(at) {
                page.sample(&[("quantile", word)], wait);
            }
        }
        if let Some(tended_at) = self.tended_at {
            page.family(
                "paperboy_tended_timestamp_seconds",
                "gauge",
                "When the database last had its upkeep.",
            );
            page.sample(&[], tended_at.timestamp());
        }
        if let Some(free) = free_bytes {
            page.family(
                "paperboy_disk_free_bytes",
                "gauge",
                "Free bytes on the disk of the database.",
            );
            page.sample(&[], free);
        }
        let Some(run) = &self.run else { return };
        page.family(
            "paperboy_run_timestamp_seconds",
            "gauge",
            "When the last day was reported.",
        );
        page.sample(&[], run.at.timestamp());
        page.family(
            "paperboy_run_issues",
            "gauge",
            "Issues of the last day that was reported, by outcome.",
        );
        let figures = &run.figures;
        for (outcome, count) in [
            ("accepted", figures.accepted),
            ("deferred", figures.deferred),
            ("rejected", figures.rejected),
            ("expired", figures.expired),
            ("uncertain", figures.uncertain),
            ("empty", figures.empty),
        ] {
            page.sample(&[("outcome", outcome)], count);
        }
        page.family(
            "paperboy_run_papers",
            "gauge",
            "Papers taken in on the last day that was reported.",
        );
        page.sample(&[], figures.papers);
    }
}

fn count<K: PartialEq>(counts: &[(K, u64)], wanted: &K) -> u64 {
    counts
        .iter()
        .find(|(known, _)| known == wanted)
        .map_or(0, |(_, count)| *count)
}

#[derive(Default)]
struct Page {
    text: String,
    family: &'static str,
}

impl Page {
    /// Begins a family; its samples follow.
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.family = name;
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(self.family);
        for (at, (name, label)) in labels.iter().enumerate() {
            let label = label
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _ = write!(
                self.text,
                "{}{name}=\"{label}\"",
                if at == 0 { '{' } else { ',' }
            );
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_break_out() {
        let mut page = Page::default();
        page.family("x", "gauge", "X.");
        page.sample(&[("source", "a\"} 1\nb\\"), ("more", "c")], 2);
        assert_eq!(
            page.text,
            "# HELP x X.\n# TYPE x gauge\nx{source=\"a\\\"} 1\\nb\\\\\",more=\"c\"} 2\n"
        );
    }
}

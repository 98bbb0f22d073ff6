//! What Prometheus is told: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
//!
//! The database is the truth, so figures survive a restart, and whatever other
//! processes do on it is counted too. Counters are of what is recorded: they
//! fall only when somebody's data are erased, which Prometheus takes for a restart.

use crate::store::{DeliveryState, RelayPause, SourceStanding, Store, StoreError};
use crate::subscriber::Status;
use chrono::{DateTime, Utc};
use std::fmt::{Display, Write as _};

/// The figures of one instant.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    pub(super) now: DateTime<Utc>,
    pub(super) deliveries: Vec<(DeliveryState, u64)>,
    pub(super) due: u64,
    pub(super) oldest_due: Option<DateTime<Utc>>,
    pub(super) attempts: Vec<(Option<u16>, u64)>,
    pub(super) subscribers: Vec<(Status, u64)>,
    pub(super) reports: Vec<(String, u64)>,
    pub(super) papers: u64,
    pub(super) sources: Vec<SourceStanding>,
    pub(super) relays: Vec<(String, RelayPause)>,
    pub(super) is_sending: bool,
}

impl Figures {
    /// Asks `store` for all of them.
    pub(super) fn read(store: &mut dyn Store, now: DateTime<Utc>) -> Result<Self, StoreError> {
        Ok(Figures {
            now,
            deliveries: store.count_deliveries()?,
            due: store.waiting(now)?.0,
            oldest_due: store.oldest_due(now)?,
            attempts: store.count_attempts()?,
            subscribers: store.count_subscribers()?,
            reports: store.count_reports()?,
            papers: store.count_papers()?,
            sources: store.source_standings()?,
            relays: store.relay_pauses()?,
            is_sending: store.sender()?.is_some_and(|lease| lease.until > now),
        })
    }

    /// The whole page, with what is known of the process: when it `began`, and which of its loops are alive.
    pub(super) fn page(&self, began: DateTime<Utc>, loops: &[(&'static str, bool)]) -> String {
        let mut page = Page::default();
        page.family("paperboy_build_info", "gauge", "The version that runs; always 1.");
        page.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        page.family("process_start_time_seconds", "gauge", "When the process started, in Unix time.");
        page.sample(&[], began.timestamp());
        page.family("paperboy_loop_alive", "gauge", "Whether a part of the process gives signs of life.");
        for (name, is_alive) in loops {
            page.sample(&[("loop", name)], u8::from(*is_alive));
        }

        page.family("paperboy_deliveries", "gauge", "Mails by the state they are in.");
        for (word, state) in DeliveryState::WORDS {
            page.sample(&[("state", word)], count(&self.deliveries, &state));
        }
        page.family("paperboy_deliveries_due", "gauge", "Mails that could be sent now.");
        page.sample(&[], self.due);
        page.family("paperboy_deliveries_due_age_seconds", "gauge", "How long the oldest due mail has been due.");
        page.sample(&[], self.oldest_due.map_or(0, |due| (self.now - due).num_seconds().max(0)));
        page.family("paperboy_attempts_total", "counter", "Tries to deliver, by the class of the server's reply.");
        for class in [Some(2), Some(3), Some(4), Some(5), None] {
            let word = class.map_or("none".to_owned(), |class| format!("{class}xx"));
            page.sample(&[("class", &word)], count(&self.attempts, &class));
        }
        page.family("paperboy_sending", "gauge", "Whether some process holds the right to send.");
        page.sample(&[], u8::from(self.is_sending));
        let resting: Vec<&RelayPause> =
            self.relays.iter().map(|(_, pause)| pause).filter(|pause| pause.until > self.now).collect();
        page.family("paperboy_relay_paused", "gauge", "Whether a relay is given time to recover.");
        page.sample(&[], u8::from(!resting.is_empty()));
        page.family("paperboy_relay_refuses_us", "gauge", "Whether a relay refuses all mail from us.");
        page.sample(&[], u8::from(resting.iter().any(|pause| pause.refuses_us)));

        page.family("paperboy_reports_total", "counter", "Reports on mail that came back, by class.");
        for (class, reports) in &self.reports {
            page.sample(&[("class", class)], reports);
        }
        page.family("paperboy_subscribers", "gauge", "Subscribers by status.");
        for (status, subscribers) in &self.subscribers {
            page.sample(&[("status", word(*status))], subscribers);
        }
        page.family("paperboy_papers", "gauge", "Papers in the database.");
        page.sample(&[], self.papers);
        page.family("paperboy_source_checked_timestamp_seconds", "gauge", "When a source was last looked at.");
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
        page.text
    }
}

fn count<K: PartialEq>(counts: &[(K, u64)], wanted: &K) -> u64 {
    counts.iter().find(|(known, _)| known == wanted).map_or(0, |(_, count)| *count)
}

fn word(status: Status) -> &'static str {
    Status::WORDS.iter().find(|(_, known)| *known == status).map_or("", |(word, _)| word)
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
            let label = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{}{name}=\"{label}\"", if at == 0 { '{' } else { ',' });
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
        assert_eq!(page.text, "# HELP x X.\n# TYPE x gauge\nx{source=\"a\\\"} 1\\nb\\\\\",more=\"c\"} 2\n");
    }
}

//! `outbox`: who got what, when, and what the server said.

use super::open::{Place, address, date, desk, now};
use super::{Done, Failure, out};
use crate::store::{ByHand, Db, DeliveryId, DeliveryRow, DeliveryState, OutboxFilter, ReportRow, ReportsOf};
use anyhow::anyhow;
use chrono::{NaiveDate, TimeDelta};
use serde_json::{Map, Value, json};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List deliveries, oldest first
    List {
        /// Only to this address
        #[arg(long, value_name = "ADDRESS")]
        to: Option<String>,
        /// Only in this state
        #[arg(long, value_parser = state)]
        state: Option<DeliveryState>,
        /// Only issues of this date
        #[arg(long, value_parser = date)]
        date: Option<NaiveDate>,
        /// Only after the delivery with this number
        #[arg(long, value_name = "NUMBER")]
        after: Option<i64>,
        /// At most so many
        #[arg(long)]
        limit: Option<u32>,
    },
    /// Show the deliveries to one address, with every try
    Show {
        address: String,
        /// Only the issue of this date
        #[arg(long, value_parser = date)]
        date: Option<NaiveDate>,
    },
    /// Send again what waits or is held, at once
    Retry(Which),
    /// Keep what waits from being sent
    Hold(Which),
    /// Give up what waits or is held, for good
    Drop(Which),
    /// Count deliveries by state
    Stats,
}

/// Which deliveries are meant.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Numbers of deliveries, Message-IDs, or addresses with all that is queued for them
    #[arg(required = true, value_name = "WHICH")]
    which: Vec<String>,
    /// Only issues of this date
    #[arg(long, value_parser = date)]
    date: Option<NaiveDate>,
}

fn state(text: &str) -> Result<DeliveryState, String> {
    let found = DeliveryState::WORDS.iter().find(|(word, _)| *word == text);
    found.map(|(_, state)| *state).ok_or_else(|| {
        let words: Vec<&str> = DeliveryState::WORDS.iter().map(|(word, _)| *word).collect();
        format!("must be one of {}", words.join(", "))
    })
}

pub(super) fn run(command: Command, place: &Place) -> Done {
    let (config, db) = place.open()?;
    match command {
        Command::List { to, state, date, after, limit } => {
            let filter = OutboxFilter {
                address: to.as_deref().map(address).transpose()?,
                state,
                local_date: date,
                after: after.map(DeliveryId),
                limit,
                ..OutboxFilter::default()
            };
            list(&db.run_here(|store| store.deliveries(&filter))?, place.json)
        }
        Command::Show { address: to, date } => {
            let filter = OutboxFilter { address: Some(address(&to)?), local_date: date, ..OutboxFilter::default() };
            show(&db, &filter, place.json)
        }
        Command::Retry(which) => {
            let ids = which.find(&db)?;
            let until = now() + desk(&config)?.shelf_life;
            tell(&ids, &db.run_here(|store| store.retry_deliveries(&ids, until, now()))?, "to be sent at once")
        }
        Command::Hold(which) => {
            let ids = which.find(&db)?;
            tell(&ids, &db.run_here(|store| store.hold_deliveries(&ids, now()))?, "held")
        }
        Command::Drop(which) => {
            let ids = which.find(&db)?;
            tell(&ids, &db.run_here(|store| store.drop_deliveries(&ids, now()))?, "given up")
        }
        Command::Stats => stats(&db, place.json),
    }
}

impl Which {
    /// The deliveries that are meant. Of an address, those that are not settled.
    fn find(&self, db: &Db) -> Result<Vec<DeliveryId>, Failure> {
        let mut ids = Vec::new();
        for text in &self.which {
            if let Ok(number) = text.parse() {
                ids.push(DeliveryId(number));
                continue;
            }
            let mut filter = OutboxFilter { local_date: self.date, ..OutboxFilter::default() };
            let bare = text.trim_start_matches('<').trim_end_matches('>');
            let by_message_id = OutboxFilter { message_id: Some(bare.to_owned()), ..filter.clone() };
            let mut found = db.run_here(|store| store.deliveries(&by_message_id))?;
            if found.is_empty() {
                filter.address = Some(address(text)?);
                found = db.run_here(|store| store.deliveries(&filter))?;
                found.retain(|row| {
                    use DeliveryState::{Deferred, Held, Rendered, Uncertain};
                    matches!(row.state, Rendered | Deferred | Uncertain | Held)
                });
            }
            if found.is_empty() {
                return Err(Failure::Failed(anyhow!("nothing that waits or is held fits {text:?}")));
            }
            ids.extend(found.into_iter().map(|row| row.id));
        }
        Ok(ids)
    }
}

fn tell(ids: &[DeliveryId], answers: &[ByHand], done: &str) -> Done {
    let mut is_all_done = true;
    for (id, answer) in ids.iter().zip(answers) {
        let said = match answer {
            ByHand::Done => done.to_owned(),
            ByHand::DoneAgain => format!("{done}; the server may have a copy already, so a second one is possible"),
            ByHand::Not(DeliveryState::Claimed | DeliveryState::HandingOver) => {
                "a sender has it in hand: try again once it is done".to_owned()
            }
            ByHand::Not(state) => format!("is {}: there is nothing to do about it", state.word()),
            ByHand::Suppressed => {
                "its address is suppressed: `paperboy suppressions remove` allows mail to it".to_owned()
            }
            ByHand::Unknown => "there is no such delivery".to_owned(),
        };
        is_all_done &= matches!(answer, ByHand::Done | ByHand::DoneAgain);
        out::line(format!("{}: {said}", id.0))?;
    }
    if is_all_done { Ok(()) } else { Err(Failure::Said) }
}

fn list(rows: &[DeliveryRow], json: bool) -> Done {
    if json {
        return Ok(out::json(&rows)?);
    }
    let rows: Vec<[String; 7]> = rows
        .iter()
        .map(|row| {
            [
                row.id.0.to_string(),
                row.local_date.to_string(),
                row.address.clone(),
                row.state.word().to_owned(),
                row.attempts.to_string(),
                row.at.format("%Y-%m-%d %H:%M:%S").to_string(),
                said(row.stage.as_deref(), row.code, row.text.as_deref()),
            ]
        })
        .collect();
    Ok(out::table(["NUMBER", "ISSUE", "ADDRESS", "STATE", "TRIES", "SINCE (UTC)", "LAST WORD"], &rows)?)
}

/// What the server said, where, on one line.
fn said(stage: Option<&str>, code: Option<u16>, text: Option<&str>) -> String {
    let code = code.map(|code| code.to_string());
    let parts = [stage.map(|stage| format!("{stage}:")), code, text.map(str::to_owned)];
    crate::text::cut(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "), 100)
}

fn show(db: &Db, filter: &OutboxFilter, json: bool) -> Done {
    let rows = db.run_here(|store| store.deliveries(filter))?;
    if rows.is_empty() {
        return Err(Failure::Failed(anyhow!("nothing was ever queued for that address and date")));
    }
    let mut shown = Vec::new();
    for row in &rows {
        let attempts = db.run_here(|store| store.attempts(row.id))?;
        let reports = db.run_here(|store| store.reports(&ReportsOf::Delivery(row.id), 100))?;
        if json {
            let mut value = serde_json::to_value(row)?;
            let attempts: Vec<Value> = attempts
                .iter()
                .map(|(at, attempt)| {
                    json!({
                        "at": at, "stage": attempt.stage, "code": attempt.code, "enhanced": attempt.enhanced,
                        "text": attempt.text, "duration_ms": attempt.duration_ms,
                    })
                })
                .collect();
            value["issue"] = row.id.0.into();
            value["tries"] = attempts.into();
            value["subject"] = row.subject.clone().into();
            value["next_at"] = json!(row.next_at);
            value["reports"] = json!(reports);
            shown.push(value);
            continue;
        }
        out::line(format!("{} · issue of {} · {}", row.address, row.local_date, row.state.word()))?;
        out::line(format!("  {}", row.subject))?;
        out::line(format!("  {}", row.message_id))?;
        out::line(format!("  issue {} (`issue={}` in the log)", row.id.0, row.id.0))?;
        for (at, attempt) in &attempts {
            out::line(format!(
                "  {}  {} ms  {}",
                at.format("%Y-%m-%d %H:%M:%S"),
                attempt.duration_ms,
                said(Some(&attempt.stage), attempt.code, Some(&attempt.text))
            ))?;
        }
        if attempts.is_empty() && row.text.is_some() {
            out::line(format!("  {}", said(row.stage.as_deref(), row.code, row.text.as_deref())))?;
        }
        for report in reports.iter().rev() {
            out::line(format!(
                "  {}  came back by {}: {}",
                report.at.format("%Y-%m-%d %H:%M:%S"),
                report.source,
                in_words(report)
            ))?;
        }
        if let Some(next) = row.next_at {
            out::line(format!("  to be sent from {} on", next.format("%Y-%m-%d %H:%M:%S")))?;
        }
    }
    if json {
        out::json(&shown)?;
    }
    Ok(())
}

/// A report on one line.
pub(super) fn in_words(report: &ReportRow) -> String {
    let words = [Some(report.class.as_str()), report.reason.as_deref(), report.status.as_deref()];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    crate::text::cut(&format!("{} → {}: {}", words.join(" "), report.action, report.diagnostic), 160)
}

/// How far back reports that call for a person are shown.
pub(super) const ALARM_DAYS: i64 = 7;

/// Reports of the last days that say that mail from us is not wanted, newest first.
pub(super) fn alarms(db: &Db) -> Result<Vec<ReportRow>, Failure> {
    let since = now() - TimeDelta::days(ALARM_DAYS);
    Ok(db.run_here(|store| store.reports(&ReportsOf::Class("policy", since), 1_000))?)
}

fn stats(db: &Db, json: bool) -> Done {
    let (reports, alarms) = (db.run_here(|store| store.count_reports())?, alarms(db)?);
    let counts = db.run_here(|store| store.count_deliveries())?;
    let count = |state| counts.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count);
    if json {
        let mut all: Map<String, Value> =
            DeliveryState::WORDS.iter().map(|(word, state)| ((*word).to_owned(), count(*state).into())).collect();
        all.extend(reports.iter().map(|(class, count)| (format!("report_{class}"), Value::from(*count))));
        all.insert("alarms".to_owned(), alarms.len().into());
        all.insert("total".to_owned(), counts.iter().map(|(_, count)| count).sum::<u64>().into());
        return Ok(out::json(&all)?);
    }
    for (word, state) in DeliveryState::WORDS {
        out::line(format!("{word:<13} {}", count(state)))?;
    }
    for (class, count) in &reports {
        out::line(format!("reports: {class:<4} {count}"))?;
    }
    if let Some(last) = alarms.first() {
        out::line(format!(
            "! {} reports in {ALARM_DAYS} days say that mail from us is not wanted, the last one: {}",
            alarms.len(),
            in_words(last)
        ))?;
    }
    Ok(())
}

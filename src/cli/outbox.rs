//! `outbox`: who got what, when, and what the server said.

use super::open::{Place, address, date};
use super::{Done, Failure, out};
use crate::store::{Db, DeliveryId, DeliveryRow, DeliveryState, OutboxFilter};
use anyhow::anyhow;
use chrono::NaiveDate;
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
    /// Count deliveries by state
    Stats,
}

fn state(text: &str) -> Result<DeliveryState, String> {
    let found = DeliveryState::WORDS.iter().find(|(word, _)| *word == text);
    found.map(|(_, state)| *state).ok_or_else(|| {
        let words: Vec<&str> = DeliveryState::WORDS.iter().map(|(word, _)| *word).collect();
        format!("must be one of {}", words.join(", "))
    })
}

pub(super) fn run(command: Command, place: &Place) -> Done {
    let (_, db) = place.open()?;
    match command {
        Command::List { to, state, date, after, limit } => {
            let filter = OutboxFilter {
                address: to.as_deref().map(address).transpose()?,
                state,
                local_date: date,
                after: after.map(DeliveryId),
                limit,
            };
            list(&db.run_here(|store| store.deliveries(&filter))?, place.json)
        }
        Command::Show { address: to, date } => {
            let filter = OutboxFilter { address: Some(address(&to)?), local_date: date, ..OutboxFilter::default() };
            show(&db, &filter, place.json)
        }
        Command::Stats => stats(&db, place.json),
    }
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
            value["tries"] = attempts.into();
            value["subject"] = row.subject.clone().into();
            value["next_at"] = json!(row.next_at);
            shown.push(value);
            continue;
        }
        out::line(format!("{} · issue of {} · {}", row.address, row.local_date, row.state.word()))?;
        out::line(format!("  {}", row.subject))?;
        out::line(format!("  {}", row.message_id))?;
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
        if let Some(next) = row.next_at {
            out::line(format!("  to be sent from {} on", next.format("%Y-%m-%d %H:%M:%S")))?;
        }
    }
    if json {
        out::json(&shown)?;
    }
    Ok(())
}

fn stats(db: &Db, json: bool) -> Done {
    let counts = db.run_here(|store| store.count_deliveries())?;
    let count = |state| counts.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count);
    if json {
        let mut all: Map<String, Value> =
            DeliveryState::WORDS.iter().map(|(word, state)| ((*word).to_owned(), count(*state).into())).collect();
        all.insert("total".to_owned(), counts.iter().map(|(_, count)| count).sum::<u64>().into());
        return Ok(out::json(&all)?);
    }
    for (word, state) in DeliveryState::WORDS {
        out::line(format!("{word:<13} {}", count(state)))?;
    }
    Ok(())
}

//! `outbox`: deliveries with recipient, state, and the server's replies.

use super::context::{CliContext, address, composer, date, now};
use super::{Done, Failure, out};
use crate::shapes::{self, ALARM_DAYS, DeliveryShape, TryShape};
use crate::store::{
    Db, DeliveryId, DeliveryRow, DeliveryState, OperatorOutcome, OutboxFilter, ReportRow,
};
use anyhow::anyhow;
use chrono::NaiveDate;

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
        /// Most deliveries to print
        #[arg(long)]
        limit: Option<u32>,
    },
    /// Show the deliveries to one address, with every attempt
    Show {
        address: String,
        /// Only the issue of this date
        #[arg(long, value_parser = date)]
        date: Option<NaiveDate>,
    },
    /// Send waiting or held mail again, at once
    Retry(Which),
    /// Hold waiting mail
    Hold(Which),
    /// Drop waiting or held mail, for good
    Drop(Which),
    /// Count deliveries by state
    Stats,
}

/// A selection of deliveries.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Numbers of deliveries, Message-IDs, or addresses for all that is queued for them
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

pub(super) fn run(command: Command, context: &CliContext) -> Done {
    let (config, db) = context.open()?;
    match command {
        Command::List {
            to,
            state,
            date,
            after,
            limit,
        } => {
            let filter = OutboxFilter {
                address: to.as_deref().map(address).transpose()?,
                state,
                local_date: date,
                after: after.map(DeliveryId),
                limit,
                ..OutboxFilter::default()
            };
            list(
                &db.run_here(|store| store.deliveries(&filter))?,
                context.json,
            )
        }
        Command::Show { address: to, date } => {
            let filter = OutboxFilter {
                address: Some(address(&to)?),
                local_date: date,
                ..OutboxFilter::default()
            };
            show(&db, &filter, context.json)
        }
        Command::Retry(which) => {
            let ids = which.find(&db)?;
            let until = now() + composer(&config)?.shelf_life;
            tell(
                &ids,
                &db.run_here(|store| store.retry_deliveries(&ids, until, now()))?,
                "to be sent at once",
            )
        }
        Command::Hold(which) => {
            let ids = which.find(&db)?;
            tell(
                &ids,
                &db.run_here(|store| store.hold_deliveries(&ids, now()))?,
                "held",
            )
        }
        Command::Drop(which) => {
            let ids = which.find(&db)?;
            tell(
                &ids,
                &db.run_here(|store| store.drop_deliveries(&ids, now()))?,
                "given up",
            )
        }
        Command::Stats => stats(&db, context.json),
    }
}

impl Which {
    /// Returns the selected deliveries; of an address, those that are not settled.
    fn find(&self, db: &Db) -> Result<Vec<DeliveryId>, Failure> {
        let mut ids = Vec::new();
        for text in &self.which {
            if let Ok(number) = text.parse() {
                ids.push(DeliveryId(number));
                continue;
            }
            let mut filter = OutboxFilter {
                local_date: self.date,
                ..OutboxFilter::default()
            };
            let bare = text.trim_start_matches('<').trim_end_matches('>');
            let by_message_id = OutboxFilter {
                message_id: Some(bare.to_owned()),
                ..filter.clone()
            };
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
                return Err(Failure::Failed(anyhow!(
                    "no waiting or held delivery matches {text:?}"
                )));
            }
            ids.extend(found.into_iter().map(|row| row.id));
        }
        Ok(ids)
    }
}

fn tell(ids: &[DeliveryId], answers: &[OperatorOutcome], done: &str) -> Done {
    let mut is_all_done = true;
    for (id, answer) in ids.iter().zip(answers) {
        let said = shapes::by_hand(*answer, done);
        is_all_done &= matches!(
            answer,
            OperatorOutcome::Done | OperatorOutcome::MayDuplicate
        );
        out::line(format!("{}: {said}", id.0))?;
    }
    if is_all_done {
        Ok(())
    } else {
        Err(Failure::Said)
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
    Ok(out::table(
        [
            "NUMBER",
            "ISSUE",
            "ADDRESS",
            "STATE",
            "TRIES",
            "SINCE (UTC)",
            "LAST WORD",
        ],
        &rows,
    )?)
}

/// Returns the server's last reply with the stage, on one line.
fn said(stage: Option<&str>, code: Option<u16>, text: Option<&str>) -> String {
    let code = code.map(|code| code.to_string());
    let parts = [
        stage.map(|stage| format!("{stage}:")),
        code,
        text.map(str::to_owned),
    ];
    crate::text::cut(
        &parts.into_iter().flatten().collect::<Vec<_>>().join(" "),
        100,
    )
}

fn show(db: &Db, filter: &OutboxFilter, json: bool) -> Done {
    let rows = db.run_here(|store| store.deliveries(filter))?;
    if rows.is_empty() {
        return Err(Failure::Failed(anyhow!(
            "nothing was ever queued for that address and date"
        )));
    }
    let mut shown = Vec::new();
    for row in rows {
        let shape = DeliveryShape::read(db, row)?;
        if json {
            shown.push(shape);
            continue;
        }
        let DeliveryShape {
            row,
            tries,
            reports,
            ..
        } = shape;
        out::line(format!(
            "{} · issue of {} · {}",
            row.address,
            row.local_date,
            row.state.word()
        ))?;
        out::line(format!("  {}", row.subject))?;
        out::line(format!("  {}", row.message_id))?;
        out::line(format!(
            "  issue {} (`issue={}` in the log)",
            row.id.0, row.id.0
        ))?;
        for TryShape { at, attempt } in &tries {
            out::line(format!(
                "  {}  {} ms  {}",
                at.format("%Y-%m-%d %H:%M:%S"),
                attempt.duration_ms,
                said(Some(&attempt.stage), attempt.code, Some(&attempt.text))
            ))?;
        }
        if tries.is_empty() && row.text.is_some() {
            out::line(format!(
                "  {}",
                said(row.stage.as_deref(), row.code, row.text.as_deref())
            ))?;
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
            out::line(format!(
                "  to be sent from {} on",
                next.format("%Y-%m-%d %H:%M:%S")
            ))?;
        }
    }
    if json {
        out::json(&shown)?;
    }
    Ok(())
}

/// Returns a report on one line.
pub(super) fn in_words(report: &ReportRow) -> String {
    let words = [
        Some(report.class.as_str()),
        report.reason.as_deref(),
        report.status.as_deref(),
    ];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    crate::text::cut(
        &format!(
            "{} → {}: {}",
            words.join(" "),
            report.action,
            report.diagnostic
        ),
        160,
    )
}

fn stats(db: &Db, json: bool) -> Done {
    let all = shapes::outbox_counts(db, now())?;
    if json {
        return Ok(out::json(&all)?);
    }
    for (word, _) in DeliveryState::WORDS {
        out::line(format!(
            "{word:<13} {}",
            all.get(word).copied().unwrap_or(0)
        ))?;
    }
    for (class, count) in all
        .iter()
        .filter_map(|(name, count)| Some((name.strip_prefix("report_")?, count)))
    {
        out::line(format!("reports: {class:<4} {count}"))?;
    }
    let alarms = shapes::policy_reports(db, now(), ALARM_DAYS)?;
    if let Some(last) = &alarms.last {
        out::line(format!(
            "! {} reports in {ALARM_DAYS} days say that mail from us is not wanted, the last one: {}",
            alarms.count,
            in_words(last)
        ))?;
    }
    Ok(())
}

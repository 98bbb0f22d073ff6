//! `suppressions`: addresses that must not be written to.

use super::context::{CliContext, address, now};
use super::{Done, Failure, out};
use crate::shapes::SuppressionShape;
use crate::store::Suppression;
use anyhow::anyhow;
use chrono::NaiveDate;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List suppressed addresses with the reasons
    List,
    /// Suppress an address
    Add {
        address: String,
        /// Reason, for people who read the list
        #[arg(long, default_value = "added by hand")]
        reason: String,
    },
    /// Allow mail to an address again; its subscriber becomes active
    Remove {
        #[arg(required_unless_present_any = ["since", "reason"])]
        #[arg(conflicts_with_all = ["since", "reason"])]
        address: Option<String>,
        /// All that were suppressed on this day or later (UTC)
        #[arg(long, value_name = "DATE")]
        since: Option<NaiveDate>,
        /// All whose reason holds this text
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

pub(super) fn run(command: Command, context: &CliContext) -> Done {
    let (_, db) = context.open()?;
    match command {
        Command::List => {
            let suppressions = db.run_here(|store| store.suppressions())?;
            let shapes = suppressions
                .into_iter()
                .map(|one| SuppressionShape::read(&db, one));
            let shapes = shapes.collect::<Result<Vec<_>, _>>()?;
            if context.json {
                return Ok(out::json(&shapes)?);
            }
            let rows: Vec<[String; 4]> = shapes
                .iter()
                .map(|one| {
                    let came = one
                        .evidence
                        .as_ref()
                        .map(|report| format!("report by {}", report.source));
                    let since = one.at.format("%Y-%m-%d %H:%M:%S").to_string();
                    [
                        one.address.to_string(),
                        since,
                        came.unwrap_or_default(),
                        crate::text::cut(&one.reason, 100),
                    ]
                })
                .collect();
            Ok(out::table(
                ["ADDRESS", "SINCE (UTC)", "EVIDENCE", "REASON"],
                &rows,
            )?)
        }
        Command::Add {
            address: text,
            reason,
        } => {
            let address = address(&text)?;
            let is_new = db.run_here(|store| store.suppress(&address, &reason, now()))?;
            let what = if is_new {
                "nothing is sent any more to"
            } else {
                "nothing was sent already to"
            };
            Ok(out::line(format!("{what} {address}"))?)
        }
        Command::Remove {
            address: Some(text),
            ..
        } => {
            let address = address(&text)?;
            if !db.run_here(|store| store.lift_suppression(&address, now()))? {
                return Err(Failure::Failed(anyhow!("{address} is not suppressed")));
            }
            Ok(out::line(format!("{address} may be written to again"))?)
        }
        Command::Remove { since, reason, .. } => {
            let reason = reason.map(|text| text.to_lowercase());
            let is_meant = |one: &Suppression| {
                since.is_none_or(|since| one.at.date_naive() >= since)
                    && reason
                        .as_ref()
                        .is_none_or(|text| one.reason.to_lowercase().contains(text))
            };
            let mut lifted = 0_u32;
            db.run_here(|store| {
                for one in store.suppressions()?.iter().filter(|one| is_meant(one)) {
                    lifted += u32::from(store.lift_suppression(&one.address, now())?);
                }
                Ok(())
            })?;
            let what = if lifted == 1 { "address" } else { "addresses" };
            Ok(out::line(format!(
                "{lifted} {what} may be written to again"
            ))?)
        }
    }
}

//! `preview`: the issue that would be sent.

use super::open::{Place, date, desk, now, subscriber};
use super::{Done, Failure, explain, out};
use crate::digest::IssuePick;
use crate::edition::{Composed, explain_picks, preview};
use anyhow::anyhow;
use chrono::NaiveDate;
use serde_json::{Value, json};

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    address: String,
    /// The issue of this date; the next one if left out
    #[arg(long, value_parser = date)]
    date: Option<NaiveDate>,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Print the whole sum behind the score of every pick as well
    #[arg(long)]
    explain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Html,
    Text,
    Eml,
    Json,
}

pub(super) fn run(options: &Options, place: &Place) -> Done {
    let (config, db) = place.open()?;
    let subscriber = subscriber(&db, &options.address)?;
    let composed = preview(&db, &desk(&config)?, &subscriber, options.date, now())?;
    let Some(composed) = composed else {
        return Err(Failure::Failed(anyhow!("no issue is coming up for {} within a week", subscriber.address)));
    };
    if !composed.wanted() {
        out::note("nothing is above the line, so nothing would be sent (when_empty = skip)");
    }
    let explained = if options.explain {
        explain_picks(&db, &desk(&config)?, &subscriber, options.date, now())?
    } else {
        Vec::new()
    };
    let is_json = place.json || options.format == Format::Json;
    match options.format {
        _ if is_json => {
            let mut value = as_json(&composed);
            if options.explain {
                value["explained"] = json!(explained);
            }
            out::json(&value)?;
        }
        Format::Json => {}
        Format::Eml => out::bytes(&composed.message)?,
        Format::Text => out::bytes(composed.rendered.text.replace("\r\n", "\n").as_bytes())?,
        Format::Html => match &composed.rendered.html {
            Some(html) => out::bytes(html.as_bytes())?,
            None => return Err(Failure::Failed(anyhow!("{} chose text alone: --format text", subscriber.address))),
        },
    }
    if !is_json {
        for explained in &explained {
            explain::print(explained, true)?;
        }
    }
    Ok(())
}

/// Every pick that is in the mail, with its section and its reason as they are stored.
fn picks(composed: &Composed) -> impl Iterator<Item = (&IssuePick, &str, &str)> {
    let all = composed.issue.sections.iter().flat_map(|section| &section.picks);
    all.filter_map(|pick| {
        let stored = composed.picks().iter().find(|stored| Some(stored.paper.0) == pick.row)?;
        Some((pick, stored.section.as_str(), stored.reason.as_str()))
    })
}

fn as_json(composed: &Composed) -> Value {
    let picks = picks(composed).map(|(pick, section, reason)| {
        json!({
            "id": pick.paper.id,
            "title": pick.paper.title,
            "announced": pick.paper.announced,
            "section": section,
            "score": pick.score,
            "reason": reason,
        })
    });
    json!({
        "email": composed.subscriber.address,
        "local_date": composed.issue.local_date,
        "subject": composed.rendered.subject,
        "message_id": format!("<{}>", composed.message_id),
        "covers": composed.issue.covers.iter().map(|day| day.date).collect::<Vec<_>>(),
        "considered": composed.issue.considered,
        "no_room": composed.issue.no_room,
        "below_the_line": composed.issue.below_the_line,
        "would_be_sent": composed.wanted(),
        "picks": picks.collect::<Vec<_>>(),
    })
}

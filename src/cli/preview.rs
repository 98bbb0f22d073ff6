//! `preview`: a subscriber's next issue.

use super::context::{CliContext, composer, date, now, subscriber};
use super::{Done, Failure, explain, out};
use crate::edition::{explain_picks, preview};
use crate::shapes::PreviewShape;
use anyhow::anyhow;
use chrono::NaiveDate;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    address: String,
    /// Issue of this date [default: the next one]
    #[arg(long, value_parser = date)]
    date: Option<NaiveDate>,
    /// Parts to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Also print all terms of every pick's score
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

pub(super) fn run(options: &Options, context: &CliContext) -> Done {
    let (config, db) = context.open()?;
    let subscriber = subscriber(&db, &options.address)?;
    let composed = preview(&db, &composer(&config)?, &subscriber, options.date, now())?;
    let Some(composed) = composed else {
        return Err(Failure::Failed(anyhow!(
            "no issue is coming up for {} within a week",
            subscriber.address
        )));
    };
    if !composed.wanted() {
        out::note("nothing is above the line, so nothing would be sent (when_empty = skip)");
    }
    let explained = if options.explain {
        explain_picks(&db, &composer(&config)?, &subscriber, options.date, now())?
    } else {
        Vec::new()
    };
    let is_json = context.json || options.format == Format::Json;
    match options.format {
        _ if is_json => {
            out::json(&PreviewShape::new(
                &composed,
                options.explain.then(|| explained.clone()),
            ))?;
        }
        Format::Json => {}
        Format::Eml => out::bytes(&composed.message)?,
        Format::Text => out::bytes(composed.rendered.text.replace("\r\n", "\n").as_bytes())?,
        Format::Html => match &composed.rendered.html {
            Some(html) => out::bytes(html.as_bytes())?,
            None => {
                return Err(Failure::Failed(anyhow!(
                    "{} chose text alone: --format text",
                    subscriber.address
                )));
            }
        },
    }
    if !is_json {
        if let Some(given) = explained
            .first()
            .and_then(|first| explain::given(&first.shares))
        {
            out::line(format!("{given}; the best of all interests share the rest"))?;
        }
        for explained in &explained {
            explain::print(explained, true)?;
        }
    }
    Ok(())
}

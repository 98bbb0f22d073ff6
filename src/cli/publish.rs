//! `publish`: compose the issues that are due.

use super::context::{CliContext, composer, instant, now};
use super::{Done, out};
use crate::edition::{AsOf, Publisher};
use chrono::{DateTime, Utc};

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Judge due-ness at this instant, whenever people joined
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    now: Option<DateTime<Utc>>,
    /// Compose everything and queue nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(options: &Options, context: &CliContext) -> Done {
    let (config, db) = context.open()?;
    let composer = composer(&config)?;
    let as_of = options.now.map_or(AsOf::Now, AsOf::Instant);
    let progress = out::Progress::new("subscribers", 0);
    let mut publisher = Publisher::new(&db, &composer, as_of, now(), options.dry_run)?;
    while publisher.publish_batch()? {
        progress.at(publisher.published().subscribers);
    }
    drop(progress);
    let published = publisher.published();
    if context.json {
        return Ok(out::json(&published)?);
    }
    let verb = if options.dry_run {
        "would be queued"
    } else {
        "queued"
    };
    out::line(format!(
        "{} issues {verb} for {} active subscribers: {} were due, {} of them without anything above the line",
        published.queued, published.subscribers, published.due, published.empty
    ))?;
    if published.waiting > 0 {
        out::note(format!(
            "{} more wait for papers that are still missing, {} minutes from their hour at most \
             (schedule.latest_send_minutes)",
            published.waiting,
            composer.latest_send.num_minutes()
        ));
    }
    if published.late > 0 {
        out::note(format!(
            "{} issues were due more than {} hours ago and are skipped (schedule.max_lateness_hours)",
            published.late,
            composer.max_lateness.num_hours()
        ));
    }
    Ok(())
}

//! `fetch`: poll the sources now.

use super::context::{CliContext, date, now};
use super::papers::print_coverage;
use super::{Done, Failure, out};
use crate::archive::refresh_stats;
use crate::coverage::Coverage;
use crate::http::{Http, HttpEnv, HttpSettings};
use crate::intake::{PollScope, PollSummary, poll};
use crate::source::SourceSettings;
use crate::store::Db;
use anyhow::{Context, anyhow};
use chrono::NaiveDate;
use serde_json::json;
use std::pin::pin;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Only this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Fill gaps from this announcement day on, where the source allows it
    #[arg(long, value_name = "DATE", value_parser = date)]
    since: Option<NaiveDate>,
}

/// Most unreadable records that are shown; the rest is counted.
const SHOWN_MAX: usize = 20;

pub(super) fn run(options: &Options, context: &CliContext) -> Done {
    let (config, db) = context.open()?;
    let sources = chosen(&config.sources, options.source.as_deref())?;
    let http = Http::new(HttpSettings::of_site(&config.site), HttpEnv::system())?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let mut all: Vec<PollSummary> = Vec::new();
    let mut gone: Vec<(String, NaiveDate, Vec<String>)> = Vec::new();
    let mut failed = false;
    let ask = options
        .since
        .map_or(PollScope::Everything, PollScope::Since);
    for source in sources {
        out::note(format!("{}: asking", source.name));
        let progress = out::Progress::new("requests", source.categories.len() as u64);
        let polled = runtime.block_on(async {
            let before = http.responses();
            let mut ticks = tokio::time::interval(Duration::from_millis(250));
            let mut polling = pin!(poll(&db, &http, source, ask));
            loop {
                tokio::select! {
                    polled = &mut polling => return polled,
                    _ = ticks.tick() => progress.at(http.responses() - before),
                }
            }
        });
        drop(progress);
        match polled {
            Ok(polled) => {
                failed |= polled.paused_until.is_some();
                failed |= !polled.failures.is_empty();
                for (category, why) in &polled.failures {
                    let space = if category.is_empty() { "" } else { " " };
                    out::note(format!("{}:{space}{category} failed: {why}", source.name));
                }
                for note in &polled.notes {
                    out::note(format!("{}: {note}", source.name));
                }
                for record in polled.set_aside.iter().take(SHOWN_MAX) {
                    out::note(format!("set aside {}: {}", record.place, record.reason));
                }
                if polled.set_aside.len() > SHOWN_MAX {
                    out::note(format!(
                        "set aside {} more",
                        polled.set_aside.len() - SHOWN_MAX
                    ));
                }
                all.push(polled);
            }
            Err(error) => {
                failed = true;
                out::note(format!("{}: {:#}", source.name, anyhow::Error::from(error)));
            }
        }
        if let Some(since) = options.since {
            gone.extend(out_of_reach(&db, source, since)?);
        }
    }
    let model = super::model::refresh(&config, &db)?;
    let progress = out::Progress::new("statistics", 0);
    refresh_stats(&db, model, |papers| progress.at(papers))?;
    drop(progress);
    if context.json {
        let gone: Vec<_> = gone
            .iter()
            .map(|(source, date, categories)| json!({"source": source, "date": date, "categories": categories}))
            .collect();
        out::json(&json!({"sources": all, "out_of_reach": gone}))?;
    } else {
        print(&all)?;
        for (source, date, categories) in &gone {
            out::note(format!(
                "{source}: {date} is still missing for {}: the source did not give it",
                categories.join(", ")
            ));
        }
        if !gone.is_empty() {
            out::note("papers of those days can be taken in with `paperboy papers import`");
        }
    }
    if failed { Err(Failure::Said) } else { Ok(()) }
}

fn chosen<'a>(
    sources: &'a [SourceSettings],
    name: Option<&str>,
) -> Result<Vec<&'a SourceSettings>, Failure> {
    let Some(name) = name else {
        if sources.is_empty() {
            return Err(Failure::Usage(anyhow!(
                "the settings name no [[source]], so there is nothing to fetch"
            )));
        }
        return Ok(sources.iter().collect());
    };
    let found = sources
        .iter()
        .find(|source| source.name.eq_ignore_ascii_case(name));
    found.map(|source| vec![source]).ok_or_else(|| {
        let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        Failure::Usage(anyhow!(
            "there is no source {name:?}; the settings name {}",
            names.join(", ")
        ))
    })
}

/// Returns the announcement days from `since` on that are not settled in some category.
fn out_of_reach(
    db: &Db,
    source: &SourceSettings,
    since: NaiveDate,
) -> Result<Vec<(String, NaiveDate, Vec<String>)>, Failure> {
    let days = source.open().announcement_days(since, now());
    let rows = db.run_here(|store| store.coverage(since, NaiveDate::MAX))?;
    let is_here = |date: NaiveDate, category: &str| {
        let mut rows = rows
            .iter()
            .filter(|row| row.date == date && row.state.is_settled());
        // Imported papers count for all categories.
        rows.any(|row| {
            row.category.is_empty() || (row.source == source.name && row.category == category)
        })
    };
    let mut gone = Vec::new();
    for date in days {
        let missing: Vec<String> = source
            .categories
            .iter()
            .filter(|category| !is_here(date, category))
            .cloned()
            .collect();
        if !missing.is_empty() {
            gone.push((source.name.clone(), date, missing));
        }
    }
    Ok(gone)
}

fn print(all: &[PollSummary]) -> Done {
    for polled in all {
        out::line(format!(
            "{}: read {}: {} new, {} changed, {} merged, {} passed over, {} rejected",
            polled.source,
            polled.read,
            polled.new,
            polled.changed,
            polled.merged,
            polled.passed_over,
            polled.rejected
        ))?;
        if let Some(until) = polled.paused_until {
            out::note(format!(
                "{}: asked to wait until {}",
                polled.source,
                until.format("%Y-%m-%d %H:%M:%S UTC")
            ));
        }
    }
    let rows: Vec<&Coverage> = all.iter().flat_map(|polled| &polled.coverage).collect();
    if rows.is_empty() {
        return Ok(());
    }
    out::line("")?;
    print_coverage(&rows)
}

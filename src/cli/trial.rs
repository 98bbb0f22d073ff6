//! `try`: everything at work, without settings.

use super::{Done, Failure, out};
use crate::http::HttpEnv;
use crate::trial::{self, FETCH_LIMIT, PaperInput, Trial, TrialOutcome};
use anyhow::{Context, anyhow};
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Use the embedded sample papers, and no network
    #[arg(long)]
    offline: bool,
    /// Use the papers of this file: JSON lines, plain or gzipped, or a saved feed (may be repeated)
    #[arg(long, value_name = "FILE")]
    papers: Vec<PathBuf>,
    /// Address of the inbox and the pages [default: 127.0.0.1:8080, or any free port]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Print the summary and exit
    #[arg(long)]
    once: bool,
}

pub(super) fn run(options: Options, json: bool) -> Done {
    let input = if !options.papers.is_empty() {
        PaperInput::Files(options.papers)
    } else if options.offline {
        PaperInput::Samples
    } else {
        out::note(format!(
            "fetching today's papers from arXiv (up to {} seconds)",
            FETCH_LIMIT.as_secs()
        ));
        let http = trial::client(HttpEnv::system())?;
        PaperInput::Arxiv {
            http,
            endpoint: None,
            time_limit: FETCH_LIMIT,
        }
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        let trial = Trial::run(input, options.listen).await?;
        if let Some(why) = &trial.outcome.fallen_back {
            out::note(format!("using the sample papers instead: {why}"));
        }
        print(&trial.outcome, json)?;
        let failed = trial.outcome.delivered.accepted != trial.outcome.published.queued;
        if failed {
            return Err(Failure::Failed(anyhow!("not every mail was delivered")));
        }
        if options.once {
            return Ok(());
        }
        out::line("")?;
        out::line(format!("The inbox:    {}/inbox", trial.base_url))?;
        out::line(format!("The site:     {}/", trial.base_url))?;
        out::line(format!(
            "The operator: {}/admin (password {})",
            trial.base_url, trial.operator_password
        ))?;
        out::line("Ctrl-C ends the trial and deletes its data.")?;
        let stop = CancellationToken::new();
        let asked = stop.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                asked.cancel();
            }
        });
        Ok(trial.serve(stop).await.context("cannot serve the pages")?)
    })
}

fn print(outcome: &TrialOutcome, json: bool) -> Done {
    if json {
        return Ok(out::json(&json!({
            "papers": outcome.imported,
            "samples": outcome.is_sample,
            "fallen_back": outcome.fallen_back,
            "day": outcome.day,
            "published": outcome.published,
            "delivered": outcome.delivered,
            "deliveries": outcome.deliveries,
            "caught": outcome.caught.len(),
        }))?);
    }
    let imported = &outcome.imported;
    out::line(format!(
        "Took in       {} papers ({} records could not be read)",
        imported.new, imported.rejected
    ))?;
    out::line(format!(
        "Ranked        the papers announced on {} for {} readers",
        outcome.day, outcome.published.subscribers
    ))?;
    out::line(format!(
        "Composed      {} issues, as text and HTML",
        outcome.published.queued
    ))?;
    out::line(format!(
        "Delivered     {} mails over SMTP to the built-in mail server, {} arrived",
        outcome.delivered.accepted,
        outcome.caught.len()
    ))?;
    out::line("")?;
    for row in &outcome.deliveries {
        out::line(format!("{:<25} {}", row.address, row.subject))?;
    }
    Ok(())
}

//! `deliver`: send what is due.

use super::context::{CliContext, now};
use super::{Done, Failure, out};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::outbox::{DeliveryService, LockError, SendingLock, Summary};
use crate::random::SystemChance;
use crate::store::Db;
use anyhow::{Context, anyhow};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Continue until no mail is due or in flight
    #[arg(long)]
    until_empty: bool,
    /// Also wait for deferred mail
    #[arg(long)]
    wait: bool,
}

pub(super) fn run(options: &Options, context: &CliContext) -> Done {
    let (config, db) = context.open()?;
    let lock_file = config
        .sending_lock()
        .map_err(|error| Failure::Usage(error.into()))?;
    let holder = format!("`paperboy deliver`, process {}", std::process::id());
    let lock = SendingLock::take(&lock_file, &holder).map_err(|error| match error {
        LockError::Taken { .. } => anyhow!("{error}; only one process delivers at a time"),
        LockError::Io { .. } => anyhow::Error::from(error),
    })?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let summary = runtime.block_on(deliver(&config, db, lock, holder, options))?;
    if context.json {
        out::json(&summary)?;
    } else {
        out::line(format!(
            "{} queued: {} accepted, {} deferred, {} rejected, {} uncertain, {} held, {} expired in {:.1} s; \
             {} commits of {:.1} ms",
            summary.queued,
            summary.accepted,
            summary.deferred,
            summary.rejected,
            summary.uncertain,
            summary.held,
            summary.expired,
            summary.seconds,
            summary.commits,
            summary.commit_ms
        ))?;
    }
    match &summary.relay_trouble {
        Some(trouble) => Err(Failure::Failed(anyhow!(
            "the relay is in trouble, mail waits for it: {trouble}; `paperboy check` says what to do"
        ))),
        None => Ok(()),
    }
}

async fn deliver(
    config: &Config,
    db: Db,
    lock: SendingLock,
    holder: String,
    options: &Options,
) -> Result<Summary, Failure> {
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone());
    let (queued, _) = db.run(|store| store.waiting(now())).await?;
    let progress = std::sync::Mutex::new(out::Progress::new("mails", queued));
    let service = DeliveryService::new(
        db,
        Arc::new(SystemClock),
        Arc::new(SystemChance::new()),
        &config.transport,
        config.envelope_sender(),
        stop,
    )?
    .with_holder(holder)
    .with_lock(lock)
    .with_listener(Arc::new(move |news: &crate::outbox::Progress| {
        if let Ok(progress) = progress.lock() {
            let so_far = &news.so_far;
            progress.at(so_far.accepted
                + so_far.deferred
                + so_far.rejected
                + so_far.uncertain
                + so_far.held
                + so_far.expired);
        }
    }));
    // Without `--until-empty`, one round over the due mail; the same, unless more becomes due.
    let _ = options.until_empty;
    Ok(service.run_until_empty(options.wait).await?)
}

/// Stops the run at the first interrupt: hand-overs are finished. The second one ends the
/// process.
fn stop_on_signal(stop: CancellationToken) {
    tokio::spawn(async move {
        let asked = async {
            let mut terminate =
                tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
            tokio::select! {
                interrupted = tokio::signal::ctrl_c() => interrupted,
                _ = terminate.recv() => Ok(()),
            }
        };
        if asked.await.is_ok() {
            out::note("stopping: finishing what is under way");
            stop.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(1);
        }
    });
}

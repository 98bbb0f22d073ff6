//! `run`: the daemon.

use super::context::{CliContext, database_path};
use super::{Done, Failure};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::daemon::{Daemon, Role};
use crate::digest::Templates;
use crate::findings::{Severity, folder_of};
use crate::random::SystemChance;
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoreError, free_bytes};
use crate::telemetry::LogFormat;
use anyhow::{Context, anyhow};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Roles, separated by commas: fetch, publish, deliver, inbound, web [default: all]
    #[arg(long = "role", value_name = "ROLES", value_delimiter = ',', value_parser = role)]
    roles: Vec<Role>,
    /// Format of log lines [default: `PAPERBOY_LOG_FORMAT`, else `[log] format`]
    #[arg(long, value_name = "FORMAT", value_enum)]
    log_format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Human,
    Json,
}

impl Options {
    /// Returns the chosen log format; `None` for the default.
    pub(super) fn log_format(&self) -> Option<LogFormat> {
        self.log_format.map(|format| match format {
            Format::Human => LogFormat::Human,
            Format::Json => LogFormat::Json,
        })
    }
}

fn role(text: &str) -> Result<Role, String> {
    let found = Role::WORDS.iter().find(|(word, _)| *word == text.trim());
    found.map(|(_, role)| *role).ok_or_else(|| {
        let words = Role::WORDS.map(|(word, _)| word);
        format!("must be some of {}", words.join(", "))
    })
}

/// Most pages rendered at the same time; more would only wait for the cores.
const READERS: usize = 4;

fn open_readers(config: &Config) -> Result<Vec<Box<dyn Store>>, Failure> {
    let path = database_path(config)?;
    let open = |_| -> Result<Box<dyn Store>, StoreError> {
        Ok(Box::new(SqliteStore::open_to_read(path)?))
    };
    let readers: Result<_, _> = (0..READERS).map(open).collect();
    Ok(readers.with_context(|| format!("cannot open {}", path.display()))?)
}

/// Free disk space below which the database would be full within minutes, in bytes.
const DISK_FULL_BYTES: u64 = 16 << 20;

/// Refuses to start on problems that would lose or leak mail, and reports all of them.
/// Temporary ones are no reason: a relay or a name server that is down.
fn refuse(config: &Config, templates: &Templates) -> Result<(), Failure> {
    let settings = config.findings().into_iter();
    let mut obstacles: Vec<String> = settings
        .filter(|finding| finding.severity == Severity::Fail)
        .map(|finding| finding.line())
        .collect();
    // The embedded templates were tested before the release.
    if !templates.replaced().is_empty() || !templates.own_languages().is_empty() {
        obstacles.extend(templates.check().err().map(|error| {
            format!(
                "{:#}; mend it, or take it out of digest.templates: the built-in one serves then",
                anyhow::Error::from(error)
            )
        }));
    }
    if !obstacles.is_empty() {
        let list = obstacles.join("\n  ");
        return Err(Failure::Usage(anyhow!(
            "the service does not start, mail would be lost or leak:\n  {list}"
        )));
    }
    let folder = folder_of(database_path(config)?);
    match free_bytes(folder) {
        Ok(free) if free < DISK_FULL_BYTES => Err(Failure::Failed(anyhow!(
            "the service does not start: {} MiB are free in {}, and what cannot be recorded must not be sent; make room",
            free >> 20,
            folder.display()
        ))),
        _ => Ok(()),
    }
}

pub(super) fn run(options: Options, context: &CliContext) -> Done {
    let config: Config = context.config()?;
    // Errors that `Daemon::run` would return later are reported as settings errors.
    let composer = super::context::composer(&config)?;
    database_path(&config)?;
    refuse(&config, &composer.templates)?;
    let readers = open_readers(&config)?;
    let db = CliContext::db(&config)?.with_readers(readers);
    // Mail that cannot be recorded must not be sent.
    db.run_here(|store| store.check_writable())
        .context("the service cannot start; `paperboy check` says more")?;
    let roles = if options.roles.is_empty() {
        Role::WORDS.map(|(_, role)| role).to_vec()
    } else {
        options.roles
    };
    let daemon = Daemon {
        settings: context.config.clone(),
        config,
        roles: roles.into_iter().collect(),
        db,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemChance::new()),
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let ended = runtime.block_on(daemon.run());
    // On an early exit, threads that are still busy are not awaited.
    runtime.shutdown_timeout(Duration::ZERO);
    ended.map_err(Failure::Failed)
}

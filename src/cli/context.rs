//! Settings and database, which most commands need first.

use super::Failure;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::digest::DkimSigner;
use crate::edition::Composer;
use crate::fields::{Fields, in_one_line};
use crate::store::Db;
use crate::store::sqlite::SqliteStore;
use crate::subscriber::{Address, Subscriber};
use anyhow::{Context, anyhow};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use std::path::{Path, PathBuf};

/// The settings file and the output format of a command.
#[derive(Debug)]
pub(super) struct CliContext {
    pub(super) config: PathBuf,
    pub(super) json: bool,
}

/// Settings file of the packages.
const SETTINGS_OF_THE_MACHINE: &str = "/etc/paperboy/paperboy.toml";

/// Returns the settings file given by `asked`, else the one in this folder, else the machine's,
/// if it exists.
pub(super) fn settings_file(asked: Option<PathBuf>) -> PathBuf {
    asked.unwrap_or_else(|| {
        let (here, machine) = (
            PathBuf::from("paperboy.toml"),
            PathBuf::from(SETTINGS_OF_THE_MACHINE),
        );
        // An unreadable file exists, and its error is to be reported; in an unreadable folder
        // there is nothing to look for.
        let machine_has_one = machine.try_exists().unwrap_or(true);
        if machine_has_one && !here.try_exists().unwrap_or(false) {
            machine
        } else {
            here
        }
    })
}

impl CliContext {
    /// Loads the settings; invalid ones are a usage error.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        // Variables that are not text are not settings.
        let env = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Config::load(&self.config, env).map_err(|invalid| Failure::Usage(invalid.into()))
    }

    /// Opens the database of `config`.
    pub(super) fn db(config: &Config) -> Result<Db, Failure> {
        let path = database_path(config)?;
        Ok(Db::new(SqliteStore::open(path).with_context(|| {
            format!("cannot open {}", path.display())
        })?))
    }

    /// Loads the settings and opens the database.
    pub(super) fn open(&self) -> Result<(Config, Db), Failure> {
        let config = self.config()?;
        let db = Self::db(&config)?;
        Ok((config, db))
    }
}

/// Returns the file of an SQLite database.
pub(super) fn database_path(config: &Config) -> Result<&Path, Failure> {
    config
        .database_path()
        .map_err(|error| Failure::Usage(error.into()))
}

/// Returns the composer of issues.
pub(super) fn composer(config: &Config) -> Result<Composer, Failure> {
    config
        .composer()
        .map_err(|error| Failure::Usage(error.into()))
}

/// Returns the DKIM signer, if mails are signed here.
pub(super) fn dkim(config: &Config) -> Result<Option<DkimSigner>, Failure> {
    config
        .dkim_signer()
        .map_err(|error| Failure::Usage(error.into()))
}

/// Returns the current time.
pub(super) fn now() -> DateTime<Utc> {
    SystemClock.now()
}

/// Parses an address of the command line.
pub(super) fn address(text: &str) -> Result<Address, Failure> {
    text.parse()
        .map_err(|error| Failure::Usage(anyhow!("{text:?} {error}")))
}

/// Returns the subscriber with this address, who must exist.
pub(super) fn subscriber(db: &Db, text: &str) -> Result<Subscriber, Failure> {
    let address = address(text)?;
    let found = db.run_here(|store| store.subscriber(&address))?;
    found.ok_or_else(|| {
        Failure::Failed(anyhow!(
            "there is no subscriber {address}; `paperboy subscribers list` shows all"
        ))
    })
}

/// Parses an instant of the command line: RFC 3339; without a zone in UTC; a date is its
/// midnight.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let zoned = DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .ok();
    let plain = [
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
    ]
    .iter()
    .find_map(|form| chrono::NaiveDateTime::parse_from_str(text, form).ok())
    .or_else(|| {
        text.parse::<NaiveDate>()
            .ok()
            .map(|date| date.and_time(NaiveTime::MIN))
    });
    zoned
        .or(plain.map(|at| at.and_utc()))
        .ok_or_else(|| "must be an instant like 2026-08-04T07:00:00Z".to_owned())
}

/// Parses a date of the command line.
pub(super) fn date(text: &str) -> Result<NaiveDate, String> {
    text.parse()
        .map_err(|_| "must be a date like 2026-08-04".to_owned())
}

/// Returns a value, unless the fields that it was read from have problems.
pub(super) fn checked<T>(fields: Fields, value: Option<T>) -> Result<T, Failure> {
    let problems = fields.into_all_problems();
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(Failure::Usage(anyhow!("{}", in_one_line(&problems)))),
    }
}

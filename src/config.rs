//! The settings: reads `paperboy.toml` and the environment into the struct of
//! each module.
//!
//! Every key can also be given as an environment variable, `PAPERBOY_SMTP__PORT`
//! for `port` in `[smtp]`, which wins over the file; an empty variable counts as
//! not set. `PAPERBOY_SOURCE__ARXIV__API_KEY` sets a key of the `[[source]]` named
//! `arxiv` and adds that source if the file has none. Every secret can also be
//! given as a file, `password_file` for `password`. A file that does not exist
//! is not needed if the environment alone holds everything.

mod components;
mod environment;
mod facts;
mod files;
mod inbound;
mod init;
mod operation;
mod sections;
mod sources;
mod syntax;
#[cfg(test)]
mod tests;

pub use components::{ComposerError, UnsupportedDatabase};
pub use init::{InitError, InitReport, init_dir, template};

use crate::digest::{DigestSettings, DkimSettings};
use crate::fields::{Fields, Problem};
use crate::findings::AlarmSettings;
use crate::inbound::InboundSettings;
use crate::model::ModelSettings;
use crate::outbox::Transport;
use crate::schedule::ScheduleSettings;
use crate::site::Site;
use crate::source::SourceSettings;
use crate::store::DatabaseSettings;
use crate::telemetry::LogSettings;
use crate::upkeep::RetentionSettings;
use crate::web::WebSettings;
use environment::Environment;
use files::Files;
use serde_json::{Map, Value};
use std::fmt;
use std::path::{Path, PathBuf};

/// All settings, validated: a value of this type is usable.
#[derive(Debug, Clone)]
pub struct Config {
    /// The `[site]` settings.
    pub site: Site,
    /// Whether the pages may have a public address without HTTPS.
    pub allow_http: bool,
    /// The `[database]` settings.
    pub database: DatabaseSettings,
    /// The relay or folder that mail goes to.
    pub transport: Transport,
    /// The `[schedule]` settings.
    pub schedule: ScheduleSettings,
    /// The sources of papers; may be empty.
    pub sources: Vec<SourceSettings>,
    /// The `[web]` settings.
    pub web: WebSettings,
    /// The `[inbound]` settings.
    pub inbound: InboundSettings,
    /// The `[digest]` settings.
    pub digest: DigestSettings,
    /// The `[model]` settings.
    pub model: ModelSettings,
    /// The `[alarms]` settings.
    pub alarms: AlarmSettings,
    /// The `[retention]` settings.
    pub retention: RetentionSettings,
    /// The `[log]` settings.
    pub log: LogSettings,
    /// The `[dkim]` settings, if mail is signed here.
    pub dkim: Option<DkimSettings>,
    /// The files that secrets were read from.
    pub secret_files: Vec<PathBuf>,
}

/// All problems of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidConfig {
    /// The settings file, as given on the command line.
    pub file: PathBuf,
    /// The problems, at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot use the settings in {}:", self.file.display())?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for InvalidConfig {}

impl Config {
    /// Reads the settings in the file at `path` and in `env`, which is the
    /// environment of the process; variables that are no settings are ignored.
    pub fn load(
        path: &Path,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Config, InvalidConfig> {
        let invalid = |problems| InvalidConfig {
            file: path.to_owned(),
            problems,
        };
        let mut environment = Environment::collect(env);
        let (mut table, missing) = match syntax::read(path) {
            Ok(Some(table)) => (table, None),
            Ok(None) => (Map::new(), Some(no_file(path))),
            Err(problem) => return Err(invalid(vec![problem])),
        };
        if let Some(missing) = &missing
            && environment.is_empty()
        {
            return Err(invalid(vec![missing.clone()]));
        }
        environment.overlay(&mut table);
        let outcome = read(table, Files::beside(path));
        let problems = environment.complete(outcome.as_ref().err().cloned().unwrap_or_default());
        match outcome {
            Ok(config) if problems.is_empty() => Ok(config),
            _ => Err(invalid(missing.into_iter().chain(problems).collect())),
        }
    }
}

fn no_file(path: &Path) -> Problem {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let command = folder.map_or("paperboy init".to_owned(), |folder| {
        format!("paperboy init {}", folder.display())
    });
    let remedy = format!("there is no such file; `{command}` writes one");
    Problem {
        path: path.display().to_string(),
        value: None,
        remedy,
    }
}

fn read(mut table: Map<String, Value>, mut files: Files) -> Result<Config, Vec<Problem>> {
    // Absent sections are read too, for their defaults and to name the required keys.
    for always in [
        "site",
        "database",
        "schedule",
        "web",
        "inbound",
        "digest",
        "maildir",
        "model",
        "alarms",
        "retention",
        "log",
    ] {
        table
            .entry(always)
            .or_insert_with(|| Value::Object(Map::new()));
    }
    let mut fields = Fields::new(table);
    let mut allow_http = false;
    let site = fields.section("site", |fields| {
        allow_http = fields.flag("allow_http").unwrap_or(false);
        sections::read_site(fields, &mut files)
    });
    let site = site.flatten();
    let database = fields
        .section("database", |fields| {
            sections::read_database(fields, &mut files)
        })
        .flatten();
    let smtp = fields.section("smtp", |fields| sections::read_smtp(fields, &mut files));
    let maildir = fields.section("maildir", |fields| sections::read_maildir(fields, &files));
    let schedule = fields.section("schedule", sections::read_schedule);
    let sources = sources::read(&mut fields, &mut files);
    let web = fields.section("web", |fields| sections::read_web(fields, &mut files));
    let inbound = fields.section("inbound", |fields| {
        inbound::read_inbound(fields, &mut files)
    });
    let digest = fields.section("digest", |fields| sections::read_digest(fields, &files));
    let model = fields.section("model", |fields| {
        sections::read_model(fields, database.as_ref(), &files)
    });
    let alarms = fields.section("alarms", |fields| {
        operation::read_alarms(fields, &mut files)
    });
    let retention = fields.section("retention", operation::read_retention);
    let log = fields.section("log", operation::read_log);
    let dkim = fields
        .section("dkim", |fields| sections::read_dkim(fields, &mut files))
        .flatten();
    let problems = fields.into_all_problems();
    match (
        site,
        database,
        model,
        smtp.map(Transport::Smtp)
            .or(maildir.map(Transport::Maildir)),
    ) {
        (Some(site), Some(database), Some(model), Some(transport)) if problems.is_empty() => {
            Ok(Config {
                site,
                allow_http,
                database,
                transport,
                schedule: schedule.unwrap_or_default(),
                sources,
                web: web.unwrap_or_default(),
                inbound: inbound.unwrap_or_default(),
                digest: digest.unwrap_or_default(),
                model,
                alarms: alarms.unwrap_or_default(),
                retention: retention.unwrap_or_default(),
                log: log.unwrap_or_default(),
                dkim,
                secret_files: files.into_secret_files(),
            })
        }
        _ => Err(problems),
    }
}

//! `check`: what is wrong, and what to do about it.

mod findings;
mod inbound;
mod mail;
mod names;
mod sources;

use super::context::{CliContext, database_path, dkim};
use super::interests::complaints;
use super::subscribers::each;
use super::{Done, Failure, out};
use crate::archive::ActiveEmbedder;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::digest::{DkimSigner, Templates};
use crate::dns::Resolver;
use crate::findings::Severity;
use crate::outbox::SmtpStage;
use crate::outbox::Transport;
use crate::outbox::smtp::{Dialer, SmtpFailure as Failed, Timeouts};
use crate::store::sqlite::SqliteStore;
use crate::store::{PaperStore, StoreError, SubscriberStore, UpkeepStore};
use crate::subscriber::Address;
use anyhow::Context;
use findings::Findings;
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Send a sample issue there, by the settings
    #[arg(long, value_name = "ADDRESS")]
    send_to: Option<String>,
    /// Ask this name server instead of those of the machine: what do others see?
    #[arg(long, value_name = "ADDRESS[:PORT]", value_parser = name_server)]
    dns: Option<SocketAddr>,
}

fn name_server(text: &str) -> Result<SocketAddr, &'static str> {
    let bare = text
        .parse::<IpAddr>()
        .map(|address| SocketAddr::new(address, 53));
    bare.or_else(|_| text.parse())
        .map_err(|_| "must be an address like 9.9.9.9 or 127.0.0.1:5353")
}

/// The verdict of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Ok,
    Warn,
    Fail,
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Fail => Level::Fail,
            Severity::Warn => Level::Warn,
        }
    }
}

/// One line of the output.
#[derive(Debug, Serialize)]
struct CheckLine {
    what: &'static str,
    verdict: Level,
    text: String,
}

/// The line about a path in the site's address, which the proxy and robots must know.
fn path(config: &Config) -> Option<CheckLine> {
    let base_url = &config.site.base_url;
    let uri = config.base_uri()?;
    let path = uri.path().trim_end_matches('/');
    let text = format!(
        "site.base_url = {base_url:?} has a path: the proxy must pass on all that begins with {path}/, and robots read \
         only the robots.txt at the root of the host: name {base_url}/sitemap.xml there"
    );
    (!path.is_empty()).then(|| line("settings", Level::Ok, text))
}

pub(super) fn run(options: &Options, context: &CliContext) -> Done {
    let send_to = options
        .send_to
        .as_deref()
        .map(super::context::address)
        .transpose()?;
    let config = match context.config() {
        Ok(config) => config,
        Err(failure) if context.json => {
            let text = match &failure {
                Failure::Usage(error) | Failure::Failed(error) => format!("{error:#}"),
                Failure::Said => String::new(),
            };
            out::json(&[CheckLine {
                what: "settings",
                verdict: Level::Fail,
                text,
            }])?;
            return Err(failure);
        }
        Err(failure) => return Err(failure),
    };
    let mut lines = vec![line(
        "settings",
        Level::Ok,
        format!("{} is in order", context.config.display()),
    )];
    lines.extend(path(&config));
    let settings = config.findings().into_iter();
    lines.extend(settings.map(|one| line("settings", one.severity.into(), one.line())));
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let (database, damage) = database(&config);
    let mut found = runtime.block_on(Findings::gather(&config, damage));
    lines.extend(database);
    for topic in ["database", "disk"] {
        lines.extend(found.lines(topic));
    }
    lines.extend(config.database_path().ok().and_then(findings::rights));
    for topic in ["backup", "alarm", "service", "upkeep", "outbox"] {
        lines.extend(found.lines(topic));
    }
    lines.extend(operator(&config));
    lines.extend(interests(&config));
    lines.extend(model(&config));
    lines.extend(templates(&config));
    lines.extend(sources::check(&config));
    lines.extend(found.lines("source"));
    let signer = match signer(&config) {
        Ok(signer) => signer,
        Err(failure) => {
            lines.push(failure);
            None
        }
    };
    runtime.block_on(outside(
        &config,
        signer.as_ref(),
        send_to.as_ref(),
        options.dns,
        &mut lines,
    ));
    for topic in ["cert", "clock", "reports"] {
        lines.extend(found.lines(topic));
    }
    print(&lines, context)?;
    if lines.iter().any(|line| line.verdict == Level::Fail) {
        Err(Failure::Said)
    } else {
        Ok(())
    }
}

fn print(lines: &[CheckLine], context: &CliContext) -> Done {
    if context.json {
        return Ok(out::json(&lines)?);
    }
    for CheckLine {
        what,
        verdict,
        text,
    } in lines
    {
        let verdict = match verdict {
            Level::Ok => "ok  ",
            Level::Warn => "warn",
            Level::Fail => "fail",
        };
        out::line(format!("{verdict}  {what:<10} {text}"))?;
    }
    Ok(())
}

fn line(what: &'static str, verdict: Level, text: String) -> CheckLine {
    CheckLine {
        what,
        verdict,
        text,
    }
}

fn judged(what: &'static str, result: Result<String, String>) -> CheckLine {
    match result {
        Ok(text) => line(what, Level::Ok, text),
        Err(text) => line(what, Level::Fail, text),
    }
}

fn with_causes(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}

/// The write-ahead log is checkpointed all the time; one of this size has not been for long.
const WAL_BYTES_MAX: u64 = 1 << 30;

/// The line about the database, and the damage in its file; without a line if there is damage.
fn database(config: &Config) -> (Option<CheckLine>, String) {
    match look_at_database(config) {
        Ok(Ok(text)) => (Some(line("database", Level::Ok, text)), String::new()),
        Ok(Err(damage)) => (None, damage),
        Err(text) => (Some(line("database", Level::Fail, text)), String::new()),
    }
}

/// The contents of the database, or the damage in its file; an error if it cannot be used.
fn look_at_database(config: &Config) -> Result<Result<String, String>, String> {
    let path = match database_path(config) {
        Ok(path) => path,
        Err(Failure::Usage(error) | Failure::Failed(error)) => return Err(format!("{error:#}")),
        Err(Failure::Said) => return Err(String::new()),
    };
    let mut store = SqliteStore::open(path).map_err(with_remedy)?;
    let papers = store.count_papers().map_err(with_remedy)?;
    let subscribers: u64 = store
        .count_subscribers()
        .map_err(with_remedy)?
        .iter()
        .map(|(_, count)| count)
        .sum();
    store.check_writable().map_err(with_remedy)?;
    let damage = store.check_integrity().map_err(with_remedy)?;
    if let Some(first) = damage.first() {
        return Ok(Err(format!("{}: {first}", path.display())));
    }
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log_bytes = std::fs::metadata(&log).map_or(0, |log| log.len());
    if log_bytes > WAL_BYTES_MAX {
        return Err(format!(
            "{} has grown to {} MiB: a program keeps the database open for reading without end; \
             find and end it",
            Path::new(&log).display(),
            log_bytes >> 20
        ));
    }
    Ok(Ok(format!(
        "{} holds {papers} papers and {subscribers} subscribers, and can be written",
        path.display()
    )))
}

/// The line about the password of the operator's pages.
fn operator(config: &Config) -> Option<CheckLine> {
    let db = CliContext::db(config).ok()?;
    let has_password = db.run_here(|store| store.admin_password()).ok()?.is_some();
    let text = if has_password {
        "/admin shows the state of the service; a password is set"
    } else {
        "/admin lets nobody in: there is no password yet; `paperboy admin password` sets one"
    };
    Some(line("operator", Level::Ok, text.to_owned()))
}

/// The error of the database, and what to do about it.
fn with_remedy(error: StoreError) -> String {
    let remedy = match &error {
        StoreError::NotWritable(_) => {
            "; look at the rights of the file and its folder (ls -l), at the disk (df -h), and whether another program \
             holds it (fuser)"
        }
        StoreError::Backend(_) | StoreError::Corrupt { .. } => {
            "; stop the service, keep a copy of the file, and `paperboy restore` the last backup"
        }
        // The other errors name their remedy.
        _ => "",
    };
    with_causes(error) + remedy
}

/// Warns about keywords of subscribers that cannot be parsed.
fn interests(config: &Config) -> Vec<CheckLine> {
    const SHOWN: usize = 5;
    let Ok(db) = CliContext::db(config) else {
        return Vec::new();
    };
    let mut texts = Vec::new();
    let mut more = 0;
    let read = each(&db, |subscriber| {
        for complaint in subscriber.interests.iter().flat_map(complaints) {
            if texts.len() < SHOWN {
                texts.push(format!("subscriber {}: {complaint}", subscriber.id.0));
            } else {
                more += 1;
            }
        }
        Ok(())
    });
    if read.is_err() {
        return Vec::new();
    }
    if more > 0 {
        texts.push(format!(
            "and {more} more keywords that are not understood as they are written"
        ));
    }
    texts
        .into_iter()
        .map(|text| line("interests", Level::Warn, text))
        .collect()
}

/// Checks that the active model can be used, and that all papers have their vectors.
fn model(config: &Config) -> Option<CheckLine> {
    let db = CliContext::db(config).ok()?;
    let active = db.run_here(|store| store.active_model()).ok()?;
    let Some(active) = active else {
        let text = "none: papers are ranked by what is learned from the archive (`paperboy model list` shows models)";
        return Some(line("model", Level::Ok, text.to_owned()));
    };
    Some(match ActiveEmbedder::new(&config.model.path).get(&db) {
        Err(error) => line("model", Level::Fail, with_causes(error)),
        Ok(_) => match db.run_here(|store| store.count_vectors_missing(&active.maker)) {
            Ok(missing) if missing > 0 => {
                let text = format!(
                    "{} lacks the vectors of {missing} papers: `paperboy model use {}` computes them",
                    active.folder, active.folder
                );
                line("model", Level::Warn, text)
            }
            _ => line(
                "model",
                Level::Ok,
                format!("papers are ranked with {}", active.folder),
            ),
        },
    })
}

/// Checks that every template renders sample values in every language, and that every language
/// that a subscriber chose exists.
fn templates(config: &Config) -> Vec<CheckLine> {
    let checked =
        Templates::load(&config.digest).and_then(|templates| templates.check().map(|()| templates));
    let templates = match checked {
        Ok(templates) => templates,
        Err(error) => {
            let text = format!(
                "{}; mend it, or take it out of digest.templates: the built-in one serves then",
                with_causes(error)
            );
            return vec![line("templates", Level::Fail, text)];
        }
    };
    let names: Vec<String> = templates
        .language_names()
        .map(|(code, name)| format!("{name} ({code})"))
        .collect();
    let own = match templates.replaced() {
        [] => "the embedded ones render".to_owned(),
        own => format!("all render; your own: {}", own.join(", ")),
    };
    let mut lines = vec![line(
        "templates",
        Level::Ok,
        format!("{own}, in {}", names.join(", ")),
    )];
    for (file, left_out) in templates.own_languages() {
        let some = left_out
            .iter()
            .take(5)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        if let Some(more) = left_out.len().checked_sub(1) {
            let more = if more >= 5 {
                format!(" and {} more", more - 4)
            } else {
                String::new()
            };
            let text = format!(
                "{} says nothing for {some}{more}: that is English",
                file.display()
            );
            lines.push(line("templates", Level::Warn, text));
        }
    }
    // A missing database has a line of its own.
    let chosen = database_path(config)
        .ok()
        .and_then(|path| SqliteStore::open(path).ok());
    for (code, readers) in chosen
        .and_then(|mut store| store.languages().ok())
        .unwrap_or_default()
    {
        if !templates.has_language(&code) {
            let who = if readers == 1 {
                "1 subscriber".to_owned()
            } else {
                format!("{readers} subscribers")
            };
            let text = format!(
                "{who} chose the language {code:?}, which there is not: they get English; add languages/{code}.toml to \
                 the folder of your templates"
            );
            lines.push(line("templates", Level::Warn, text));
        }
    }
    lines
}

/// The DKIM signer, if mail is signed here.
fn signer(config: &Config) -> Result<Option<DkimSigner>, CheckLine> {
    dkim(config).map_err(|failure| match failure {
        Failure::Usage(error) | Failure::Failed(error) => {
            line("dkim", Level::Fail, format!("{error:#}"))
        }
        Failure::Said => line("dkim", Level::Fail, String::new()),
    })
}

/// Asks others: the relay, mailboxes, DNS, and the pages from outside.
async fn outside(
    config: &Config,
    signer: Option<&DkimSigner>,
    send_to: Option<&Address>,
    dns: Option<SocketAddr>,
    lines: &mut Vec<CheckLine>,
) {
    lines.push(judged("relay", relay(config).await));
    lines.extend(inbound::check(config).await);
    let resolver = dns.map_or_else(Resolver::of_the_system, |server| Resolver::of(vec![server]));
    lines.extend(names::check(config, signer, &resolver).await);
    // Templates that cannot be loaded have a line already.
    if let Ok(templates) = Templates::load(&config.digest) {
        let operator: Option<Address> = config.site.contact.to_string().parse().ok();
        if let Some(to) = send_to.or(operator.as_ref()) {
            match mail::sample(config, &templates, signer, to, &SystemClock) {
                Err(text) => lines.push(line("sample", Level::Fail, text)),
                Ok(message) => {
                    lines.push(mail::headers(&message, signer.is_some()));
                    if let Some(to) = send_to {
                        lines.push(mail::send(config, &message, to).await);
                    }
                }
            }
        }
    }
    lines.push(mail::one_click(config).await);
}

async fn relay(config: &Config) -> Result<String, String> {
    let smtp = match &config.transport {
        Transport::Maildir(path) => {
            return Ok(format!(
                "none: mail goes to the folder {} (fill in [smtp] to send)",
                path.display()
            ));
        }
        Transport::Smtp(smtp) => smtp,
    };
    let at = format!("{}:{}", smtp.host, smtp.port);
    let advice = |failure: &Failed| format!("{at}: {failure}; {}", remedy(failure));
    let dialer = Dialer::new(smtp, Timeouts::default()).map_err(|failure| advice(&failure))?;
    let connection = dialer.open().await.map_err(|failure| advice(&failure))?;
    connection.quit().await;
    Ok(format!(
        "{at} answers{}",
        if smtp.login.is_some() {
            " and takes the login"
        } else {
            ""
        }
    ))
}

/// The remedy for a relay that fails before it takes mail.
fn remedy(failure: &Failed) -> &'static str {
    match failure.stage {
        SmtpStage::Connect | SmtpStage::Greeting | SmtpStage::Ehlo => {
            "is it up, are [smtp] host and port right, and does no firewall stand between? Mail waits meanwhile"
        }
        SmtpStage::StartTls if failure.text.contains("expired") => {
            "whoever runs the relay must renew its certificate; if it is not expired, look at this machine's clock"
        }
        SmtpStage::StartTls => {
            "look at [smtp] security, at host (the certificate must name it) and, if its authority is your own, ca_file"
        }
        SmtpStage::Auth => {
            "look at [smtp] username and password_file, and whether the relay lets this account send"
        }
        _ => "look at [smtp] host, port, security and login",
    }
}

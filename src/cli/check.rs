//! `check`: what is wrong, and what to do about it.

mod inbound;
mod machine;
mod mail;
mod names;
mod queue;
mod service;
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
use crate::outbox::SmtpStage;
use crate::outbox::Transport;
use crate::outbox::smtp::{Dialer, SmtpFailure as Failed, Timeouts};
use crate::store::sqlite::SqliteStore;
use crate::store::{PaperStore, StoreError, SubscriberStore, UpkeepStore};
use crate::subscriber::Address;
use anyhow::Context;
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

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    verdict: Verdict,
    text: String,
}

/// That the pages stand below a path, and what that asks of others.
fn path(config: &Config) -> Option<Finding> {
    let base_url = &config.site.base_url;
    let path = base_url
        .parse::<axum::http::Uri>()
        .ok()?
        .path()
        .trim_end_matches('/')
        .to_owned();
    let text = format!(
        "site.base_url = {base_url:?} has a path: the proxy must pass on all that begins with {path}/, and robots read \
         only the robots.txt at the root of the host: name {base_url}/sitemap.xml there"
    );
    (!path.is_empty()).then(|| finding("settings", Verdict::Ok, text))
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
            out::json(&[Finding {
                what: "settings",
                verdict: Verdict::Fail,
                text,
            }])?;
            return Err(failure);
        }
        Err(failure) => return Err(failure),
    };
    let mut findings = vec![finding(
        "settings",
        Verdict::Ok,
        format!("{} is in order", context.config.display()),
    )];
    findings.extend(path(&config));
    findings.extend(
        config
            .warnings()
            .into_iter()
            .map(|text| finding("settings", Verdict::Warn, text)),
    );
    findings.extend(
        config
            .obstacles()
            .into_iter()
            .map(|text| finding("settings", Verdict::Fail, text)),
    );
    findings.push(judged("database", database(&config)));
    if let Ok(path) = config.database_path() {
        findings.push(machine::disk(path));
        findings.extend(machine::rights(path));
    }
    let now = super::context::now();
    findings.extend(machine::backup(&config, now));
    if let Ok(db) = CliContext::db(&config) {
        findings.extend(service::check(&db, now));
    }
    findings.extend(queue::check(&config));
    findings.extend(operator(&config));
    findings.extend(interests(&config));
    findings.extend(model(&config));
    findings.extend(templates(&config));
    findings.extend(sources::check(&config));
    let signer = match signer(&config) {
        Ok(signer) => signer,
        Err(finding) => {
            findings.push(finding);
            None
        }
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(outside(
        &config,
        signer.as_ref(),
        send_to.as_ref(),
        options.dns,
        &mut findings,
    ));
    findings.extend(reports(&config));

    if context.json {
        out::json(&findings)?;
    } else {
        for Finding {
            what,
            verdict,
            text,
        } in &findings
        {
            let verdict = match verdict {
                Verdict::Ok => "ok  ",
                Verdict::Warn => "warn",
                Verdict::Fail => "fail",
            };
            out::line(format!("{verdict}  {what:<10} {text}"))?;
        }
    }
    if findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Fail)
    {
        Err(Failure::Said)
    } else {
        Ok(())
    }
}

fn finding(what: &'static str, verdict: Verdict, text: String) -> Finding {
    Finding {
        what,
        verdict,
        text,
    }
}

fn judged(what: &'static str, result: Result<String, String>) -> Finding {
    match result {
        Ok(text) => finding(what, Verdict::Ok, text),
        Err(text) => finding(what, Verdict::Fail, text),
    }
}

fn with_causes(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}

/// The log is emptied into the database all the time; one of this size has not been for long.
const WAL_BYTES_MAX: u64 = 1 << 30;

fn database(config: &Config) -> Result<String, String> {
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
        return Err(format!(
            "{} is damaged ({first}): stop the service, keep a copy, and `paperboy restore` the last backup",
            path.display()
        ));
    }
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log_bytes = std::fs::metadata(&log).map_or(0, |log| log.len());
    if log_bytes > WAL_BYTES_MAX {
        return Err(format!(
            "{} has grown to {} MiB: some program keeps the database open for reading without end; find and end it",
            Path::new(&log).display(),
            log_bytes >> 20
        ));
    }
    Ok(format!(
        "{} holds {papers} papers and {subscribers} subscribers, and can be written",
        path.display()
    ))
}

/// Whether the operator's pages are open to the operator.
fn operator(config: &Config) -> Option<Finding> {
    let db = CliContext::db(config).ok()?;
    let has_password = db.run_here(|store| store.admin_password()).ok()?.is_some();
    let text = if has_password {
        "/admin shows how things stand; a password guards it"
    } else {
        "/admin lets nobody in: there is no password yet, `paperboy admin password` sets one"
    };
    Some(finding("operator", Verdict::Ok, text.to_owned()))
}

/// What the database says, and what to do about it.
fn with_remedy(error: StoreError) -> String {
    let remedy = match &error {
        StoreError::NotWritable(_) => {
            "; look at the rights of the file and its folder (ls -l), at the disk (df -h), and whether another program \
             holds it (fuser)"
        }
        StoreError::Backend(_) | StoreError::Corrupt { .. } => {
            "; stop the service, keep a copy of the file, and `paperboy restore` the last backup"
        }
        // The others say it themselves.
        _ => "",
    };
    with_causes(error) + remedy
}

/// Keywords of subscribers that are not understood as they are written.
fn interests(config: &Config) -> Vec<Finding> {
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
        .map(|text| finding("interests", Verdict::Warn, text))
        .collect()
}

/// That the model whose vectors rank can be used, and is abreast of the archive.
fn model(config: &Config) -> Option<Finding> {
    let db = CliContext::db(config).ok()?;
    let active = db.run_here(|store| store.active_model()).ok()?;
    let Some(active) = active else {
        let text = "none: papers are ranked by what is learned from the archive (`paperboy model list` shows models)";
        return Some(finding("model", Verdict::Ok, text.to_owned()));
    };
    Some(match ActiveEmbedder::new(&config.model.path).get(&db) {
        Err(error) => finding("model", Verdict::Fail, with_causes(error)),
        Ok(_) => match db.run_here(|store| store.count_vectors_missing(&active.maker)) {
            Ok(missing) if missing > 0 => {
                let text = format!(
                    "{} lacks the vectors of {missing} papers: `paperboy model use {}` computes them",
                    active.folder, active.folder
                );
                finding("model", Verdict::Warn, text)
            }
            _ => finding(
                "model",
                Verdict::Ok,
                format!("papers are ranked with {}", active.folder),
            ),
        },
    })
}

/// What came back lately and is the operator's business.
fn reports(config: &Config) -> Option<Finding> {
    let db = CliContext::db(config).ok()?;
    let now = super::context::now();
    let week = crate::shapes::policy_reports(&db, now, crate::shapes::ALARM_DAYS).ok()?;
    let day = crate::shapes::policy_reports(&db, now, 1).ok()?;
    let last = week.last?;
    let (which, shown) = day.first.as_ref().map_or(("the last one", &last), |first| {
        ("the first of the day", first)
    });
    let text = format!(
        "policy bounces: {} in the last day, {} in {} days: servers do not want mail from us. Nobody is suppressed for \
         it, but the sending needs a look (SPF, DKIM, DMARC, PTR, block lists); {which}: {}",
        day.count,
        week.count,
        crate::shapes::ALARM_DAYS,
        super::outbox::in_words(shown)
    );
    Some(finding("reports", Verdict::Warn, text))
}

/// That every template takes sample values in every language, and that there
/// is a language for everybody.
fn templates(config: &Config) -> Vec<Finding> {
    let checked =
        Templates::load(&config.digest).and_then(|templates| templates.check().map(|()| templates));
    let templates = match checked {
        Ok(templates) => templates,
        Err(error) => {
            let text = format!(
                "{}; mend it, or take it out of digest.templates: the built-in one serves then",
                with_causes(error)
            );
            return vec![finding("templates", Verdict::Fail, text)];
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
    let mut findings = vec![finding(
        "templates",
        Verdict::Ok,
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
            findings.push(finding("templates", Verdict::Warn, text));
        }
    }
    // Without a database there is nobody to warn about, and that is said elsewhere.
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
            findings.push(finding("templates", Verdict::Warn, text));
        }
    }
    findings
}

/// The keys, if mail is signed here.
fn signer(config: &Config) -> Result<Option<DkimSigner>, Finding> {
    dkim(config).map_err(|failure| match failure {
        Failure::Usage(error) | Failure::Failed(error) => {
            finding("dkim", Verdict::Fail, format!("{error:#}"))
        }
        Failure::Said => finding("dkim", Verdict::Fail, String::new()),
    })
}

/// What others see and say.
async fn outside(
    config: &Config,
    signer: Option<&DkimSigner>,
    send_to: Option<&Address>,
    dns: Option<SocketAddr>,
    findings: &mut Vec<Finding>,
) {
    findings.push(judged("relay", relay(config).await));
    findings.extend(inbound::check(config).await);
    let resolver = dns.map_or_else(Resolver::of_the_system, |server| Resolver::of(vec![server]));
    findings.extend(names::check(config, signer, &resolver).await);
    // Templates that cannot be filled have been mentioned.
    if let Ok(templates) = Templates::load(&config.digest) {
        let operator: Option<Address> = config.site.contact.to_string().parse().ok();
        if let Some(to) = send_to.or(operator.as_ref()) {
            match mail::sample(config, &templates, signer, to, &SystemClock) {
                Err(text) => findings.push(finding("sample", Verdict::Fail, text)),
                Ok(message) => {
                    findings.push(mail::headers(&message, signer.is_some()));
                    if let Some(to) = send_to {
                        findings.push(mail::send(config, &message, to).await);
                    }
                }
            }
        }
    }
    findings.push(mail::one_click(config).await);
    findings.extend(machine::certificates(config, super::context::now()).await);
    findings.push(machine::clock(config, &SystemClock).await);
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

/// What to do about a relay that did not get as far as taking mail.
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

//! `check`: what is wrong, and what to do about it.

use super::interests::complaints;
use super::open::{Place, database_path, dkim};
use super::subscribers::each;
use super::{Done, Failure, out};
use crate::config::Config;
use crate::digest::Templates;
use crate::edition::ActiveEmbedder;
use crate::outbox::Transport;
use crate::outbox::smtp::{Dialer, Timeouts};
use crate::store::sqlite::SqliteStore;
use crate::store::{PaperStore, SubscriberStore};
use serde::Serialize;
use std::fmt::Display;

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

pub(super) fn run(place: &Place) -> Done {
    let config = match place.config() {
        Ok(config) => config,
        Err(failure) if place.json => {
            let text = match &failure {
                Failure::Usage(error) | Failure::Failed(error) => format!("{error:#}"),
                Failure::Said => String::new(),
            };
            out::json(&[Finding { what: "settings", verdict: Verdict::Fail, text }])?;
            return Err(failure);
        }
        Err(failure) => return Err(failure),
    };
    let mut findings = vec![finding("settings", Verdict::Ok, format!("{} is in order", place.config.display()))];
    findings.extend(config.warnings().into_iter().map(|text| finding("settings", Verdict::Warn, text)));
    findings.push(judged("database", database(&config)));
    findings.extend(interests(&config));
    findings.extend(model(&config));
    findings.extend(templates(&config));
    findings.push(judged("relay", relay(&config)));
    findings.extend(signatures(&config));
    findings.extend(reports(&config));

    if place.json {
        out::json(&findings)?;
    } else {
        for Finding { what, verdict, text } in &findings {
            let verdict = match verdict {
                Verdict::Ok => "ok  ",
                Verdict::Warn => "warn",
                Verdict::Fail => "fail",
            };
            out::line(format!("{verdict}  {what:<10} {text}"))?;
        }
    }
    if findings.iter().any(|finding| finding.verdict == Verdict::Fail) { Err(Failure::Said) } else { Ok(()) }
}

fn finding(what: &'static str, verdict: Verdict, text: String) -> Finding {
    Finding { what, verdict, text }
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

fn database(config: &Config) -> Result<String, String> {
    let path = match database_path(config) {
        Ok(path) => path,
        Err(Failure::Usage(error) | Failure::Failed(error)) => return Err(format!("{error:#}")),
        Err(Failure::Said) => return Err(String::new()),
    };
    let mut store = SqliteStore::open(path).map_err(with_causes)?;
    let papers = store.count_papers().map_err(with_causes)?;
    let subscribers: u64 = store.count_subscribers().map_err(with_causes)?.iter().map(|(_, count)| count).sum();
    store.check_writable().map_err(with_causes)?;
    Ok(format!("{} holds {papers} papers and {subscribers} subscribers, and can be written", path.display()))
}

/// Keywords of subscribers that are not understood as they are written.
fn interests(config: &Config) -> Vec<Finding> {
    const SHOWN: usize = 5;
    let Ok(db) = Place::db(config) else { return Vec::new() };
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
        texts.push(format!("and {more} more keywords that are not understood as they are written"));
    }
    texts.into_iter().map(|text| finding("interests", Verdict::Warn, text)).collect()
}

/// That the model whose vectors rank can be used, and is abreast of the archive.
fn model(config: &Config) -> Option<Finding> {
    let db = Place::db(config).ok()?;
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
            _ => finding("model", Verdict::Ok, format!("papers are ranked with {}", active.folder)),
        },
    })
}

/// What came back lately and is the operator's business.
fn reports(config: &Config) -> Option<Finding> {
    let db = Place::db(config).ok()?;
    let alarms = super::outbox::alarms(&db).ok()?;
    let last = alarms.first()?;
    let text = format!(
        "{} servers said in {} days that they do not want mail from us; nobody is suppressed for it, but the sending \
         needs a look (SPF, DKIM, DMARC, PTR, block lists). The last one: {}",
        alarms.len(),
        super::outbox::ALARM_DAYS,
        super::outbox::in_words(last)
    );
    Some(finding("reports", Verdict::Warn, text))
}

/// That every template takes sample values in every language, and that there
/// is a language for everybody.
fn templates(config: &Config) -> Vec<Finding> {
    let checked = Templates::load(&config.digest).and_then(|templates| templates.check().map(|()| templates));
    let templates = match checked {
        Ok(templates) => templates,
        Err(error) => return vec![finding("templates", Verdict::Fail, with_causes(error))],
    };
    let names: Vec<String> = templates.language_names().map(|(code, name)| format!("{name} ({code})")).collect();
    let own = match templates.replaced() {
        [] => "the embedded ones render".to_owned(),
        own => format!("all render; your own: {}", own.join(", ")),
    };
    let mut findings = vec![finding("templates", Verdict::Ok, format!("{own}, in {}", names.join(", ")))];
    for (file, left_out) in templates.own_languages() {
        let some = left_out.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
        if let Some(more) = left_out.len().checked_sub(1) {
            let more = if more >= 5 { format!(" and {} more", more - 4) } else { String::new() };
            let text = format!("{} says nothing for {some}{more}: that is English", file.display());
            findings.push(finding("templates", Verdict::Warn, text));
        }
    }
    // Without a database there is nobody to warn about, and that is said elsewhere.
    let chosen = database_path(config).ok().and_then(|path| SqliteStore::open(path).ok());
    for (code, readers) in chosen.and_then(|mut store| store.languages().ok()).unwrap_or_default() {
        if !templates.has_language(&code) {
            let who = if readers == 1 { "1 subscriber".to_owned() } else { format!("{readers} subscribers") };
            let text = format!(
                "{who} chose the language {code:?}, which there is not: they get English; add languages/{code}.toml to \
                 the folder of your templates"
            );
            findings.push(finding("templates", Verdict::Warn, text));
        }
    }
    findings
}

/// That the keys can be read, and what is to be published for them.
fn signatures(config: &Config) -> Vec<Finding> {
    let signer = match dkim(config) {
        Ok(signer) => signer,
        Err(Failure::Usage(error) | Failure::Failed(error)) => {
            return vec![finding("dkim", Verdict::Fail, format!("{error:#}"))];
        }
        Err(Failure::Said) => None,
    };
    let records = signer.map(|signer| signer.records()).unwrap_or_default();
    records.iter().map(|record| finding("dkim", Verdict::Ok, format!("signs; publish in DNS: {record}"))).collect()
}

fn relay(config: &Config) -> Result<String, String> {
    let smtp = match &config.transport {
        Transport::Maildir(path) => {
            return Ok(format!("none: mail goes to the folder {} (fill in [smtp] to send)", path.display()));
        }
        Transport::Smtp(smtp) => smtp,
    };
    let at = format!("{}:{}", smtp.host, smtp.port);
    let advice = |error: &dyn Display| format!("{at}: {error}; look at [smtp] host, port, security and login");
    let dialer = Dialer::new(smtp, Timeouts::default()).map_err(|failure| advice(&failure))?;
    let runtime = tokio::runtime::Runtime::new().map_err(with_causes)?;
    runtime.block_on(async {
        let connection = dialer.open().await.map_err(|failure| advice(&failure))?;
        connection.quit().await;
        Ok(format!("{at} answers{}", if smtp.login.is_some() { " and takes the login" } else { "" }))
    })
}

//! A look at a source that takes nothing in: whether it answers, and what.

use super::turns::Shared;
use crate::source::arxiv::{self, Arxiv};
use crate::source::http::{Http, Pause};
use crate::source::remote::{self, Window};
use crate::source::{SourceKind, SourceSettings, brief};
use crate::store::Db;
use std::sync::Arc;
use std::time::Duration;

/// How a source stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// It answers; with what.
    Answers(String),
    /// It does not, or not now, and that may pass; why.
    Away(String),
    /// It does not talk to us as the settings are; why.
    Refuses(String),
}

/// Asks `source` once, for what it has today. With a database the turn is taken
/// there, as for any other question; nothing else is stored. What takes longer
/// than `limit` is broken off.
pub async fn probe(
    db: Option<&Db>,
    http: &Http,
    source: &SourceSettings,
    limit: Duration,
) -> Probe {
    if source.kind == SourceKind::Jsonl {
        return file(source);
    }
    let http = match db {
        Some(db) => &http.taking(Arc::new(Shared(db.clone()))),
        None => http,
    };
    let before = http.answers();
    let looking = async {
        match source.kind {
            SourceKind::Arxiv => category(http, source).await,
            _ => today(http, source).await,
        }
    };
    match tokio::time::timeout(limit, looking).await {
        Ok(probe) => probe,
        // It goes on from page to page: that is an answer.
        Err(_) if http.answers() > before => Probe::Answers(format!(
            "answers, with more than {} seconds can take",
            limit.as_secs()
        )),
        Err(_) => Probe::Away(format!("no answer within {} seconds", limit.as_secs())),
    }
}

async fn category(http: &Http, source: &SourceSettings) -> Probe {
    let some = &source.categories[..source.categories.len().min(1)];
    let looks = Arxiv::new(source.endpoint.as_deref())
        .look(http, some)
        .await;
    match (looks.looks.into_iter().next(), looks.pause) {
        (_, Some(pause)) => waits(&pause),
        (Some((category, arxiv::Look::Seen(feed))), None) => Probe::Answers(format!(
            "answers: {category} lists {}",
            papers(feed.entries.len())
        )),
        (Some((_, arxiv::Look::Failed(why) | arxiv::Look::NotAsked(why))), None) => {
            Probe::Away(brief(&why))
        }
        (None, None) => Probe::Refuses("no categories are named".to_owned()),
    }
}

async fn today(http: &Http, source: &SourceSettings) -> Probe {
    let now = http.now();
    let window = Window {
        known: Vec::new(),
        since: Some(now.date_naive()),
        everything: true,
        now,
    };
    let Some(look) = remote::look(source, http, &window).await else {
        return Probe::Refuses(format!(
            "sources of kind {} are not asked over HTTP",
            source.kind.word()
        ));
    };
    match (look.failures.first(), look.pause) {
        (Some((_, why)), _) if look.is_refused => Probe::Refuses(brief(why)),
        (_, Some(pause)) if look.is_refused => Probe::Refuses(brief(&pause.reason)),
        (_, Some(pause)) => waits(&pause),
        (Some((_, why)), None) => Probe::Away(brief(why)),
        (None, None) => Probe::Answers(format!(
            "answers: {} so far today",
            papers(look.arrivals.len())
        )),
    }
}

fn waits(pause: &Pause) -> Probe {
    let until = pause.until.format("%Y-%m-%d %H:%M UTC");
    Probe::Away(format!(
        "asks to be left alone until {until} ({})",
        pause.reason
    ))
}

fn papers(count: usize) -> String {
    if count == 1 {
        "1 paper".to_owned()
    } else {
        format!("{count} papers")
    }
}

fn file(source: &SourceSettings) -> Probe {
    let Some(path) = &source.path else {
        return Probe::Refuses("no path is named".to_owned());
    };
    match std::fs::File::open(path) {
        Ok(_) => Probe::Answers(format!("{} can be read", path.display())),
        Err(error) => Probe::Refuses(format!("{} cannot be read: {error}", path.display())),
    }
}

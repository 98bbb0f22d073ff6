//! A result at a source that takes nothing in: whether it answers, and what.

use super::shared_limit::DbRateLimit;
use crate::http::{Http, Pause};
use crate::source::arxiv::{self, Arxiv};
use crate::source::fetch::{self, FetchWindow};
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

/// Asks `source` once, for what it has today. With a database the slot is taken
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
        Some(db) => &http.with_shared_limit(Arc::new(DbRateLimit(db.clone()))),
        None => http,
    };
    let before = http.responses();
    let looking = async {
        match source.kind {
            SourceKind::Arxiv => category(http, source).await,
            _ => today(http, source).await,
        }
    };
    match tokio::time::timeout(limit, looking).await {
        Ok(probe) => probe,
        // It goes on from page to page: that is an answer.
        Err(_) if http.responses() > before => Probe::Answers(format!(
            "answers, with more than {} seconds can take",
            limit.as_secs()
        )),
        Err(_) => Probe::Away(format!("no answer within {} seconds", limit.as_secs())),
    }
}

async fn category(http: &Http, source: &SourceSettings) -> Probe {
    let some = &source.categories[..source.categories.len().min(1)];
    let results = Arxiv::new(source.endpoint.as_deref())
        .fetch_feeds(http, some)
        .await;
    match (results.results.into_iter().next(), results.pause) {
        (_, Some(pause)) => waits(&pause),
        (Some((category, arxiv::FeedResult::Seen(feed))), None) => Probe::Answers(format!(
            "answers: {category} lists {}",
            papers(feed.entries.len())
        )),
        (Some((_, arxiv::FeedResult::Failed(why) | arxiv::FeedResult::NotAsked(why))), None) => {
            Probe::Away(brief(&why))
        }
        (None, None) => Probe::Refuses("no categories are named".to_owned()),
    }
}

async fn today(http: &Http, source: &SourceSettings) -> Probe {
    let now = http.now();
    let window = FetchWindow {
        known: Vec::new(),
        since: Some(now.date_naive()),
        everything: true,
        now,
    };
    let Some(result) = fetch::fetch(source, http, &window).await else {
        return Probe::Refuses(format!(
            "sources of kind {} are not asked over HTTP",
            source.kind.word()
        ));
    };
    match (result.failures.first(), result.pause) {
        (Some((_, why)), _) if result.is_refused => Probe::Refuses(brief(why)),
        (_, Some(pause)) if result.is_refused => Probe::Refuses(brief(&pause.reason)),
        (_, Some(pause)) => waits(&pause),
        (Some((_, why)), None) => Probe::Away(brief(why)),
        (None, None) => Probe::Answers(format!(
            "answers: {} so far today",
            papers(result.arrivals.len())
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

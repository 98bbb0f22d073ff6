//! A result at arXiv: its feeds, category by category; then its lists of changes,
//! for the days that the feeds do not settle; then papers that readers have named.

use super::{PollScope, PollSummary, known, take_in};
use crate::http::{Http, HttpError, Pause};
use crate::paper::{Paper, PaperId};
use crate::source::arxiv::{self, ApiError, Arxiv, FeedResult, LookupResult};
use crate::source::{Batch, SourceSettings};
use crate::store::{Db, StoreError};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use std::collections::{BTreeMap, VecDeque};

/// A pause that is sat out in place; after a longer one the next poll goes on.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// How often pauses are sat out in one poll.
const PAUSES_MAX: u32 = 3;

/// Lists in a row that cannot be had, after which no more are asked for.
const FAILED_LISTS_MAX: u32 = 2;

/// Papers without a new announcement day that are taken in at once.
const CHANGED_PAPERS: usize = 1_000;

/// Named papers that are asked for in one poll.
const EXAMPLES_MAX: u32 = 500;

/// Under which name it is written down when named papers were looked for.
const EXAMPLES: &str = "examples";

/// Asks the feeds of the categories that are due, and for what they cannot say.
pub(super) async fn poll(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    ask: PollScope,
) -> Result<PollSummary, StoreError> {
    let arxiv = Arxiv::new(source.endpoint.as_deref());
    let mut polled = feeds(db, http, source, &arxiv, ask).await?;
    if source.catchup && polled.paused_until.is_none() {
        polled.add(pages(db, http, source, &arxiv, ask).await?);
    }
    if source.verify && polled.paused_until.is_none() {
        polled.add(lists(db, http, source, &arxiv, ask).await?);
    }
    if polled.paused_until.is_none() {
        polled.add(examples(db, http, source, &arxiv).await?);
    }
    Ok(polled)
}

async fn feeds(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    arxiv: &Arxiv,
    ask: PollScope,
) -> Result<PollSummary, StoreError> {
    let before = known(db, &source.name, None, http.now()).await?;
    let mut categories = source.categories.clone();
    categories
        .retain(|category| ask.is_everything() || arxiv::is_due(category, &before, http.now()));
    let asked = categories.len();
    let (results, pause) = fetch(http, arxiv, categories).await;
    if results.is_empty() {
        return Ok(PollSummary {
            source: source.name.clone(),
            ..PollSummary::default()
        });
    }
    let announced = announced(db, arxiv::ids(&results)).await?;
    let now = http.now();
    let batch = arxiv::batch(&results, &announced, &before, now);
    let not_asked = results
        .iter()
        .filter(|(_, result)| matches!(result, FeedResult::NotAsked(_)))
        .count();
    let failed = results
        .iter()
        .filter_map(|(category, result)| match result {
            FeedResult::Failed(why) => Some((category.clone(), why.clone())),
            FeedResult::Seen(_) | FeedResult::NotAsked(_) => None,
        });
    let failures = failed.collect();
    let mut polled = take_in(db, &source.name, &before, batch, now).await?;
    polled.failures = failures;
    polled.asked = (asked - not_asked) as u64;
    polled.paused_until = pause.map(|pause| pause.until);
    Ok(polled)
}

/// Asks for feeds, sitting out short pauses; what is not asked for in the end says so.
async fn fetch(
    http: &Http,
    arxiv: &Arxiv,
    mut categories: Vec<String>,
) -> (Vec<(String, FeedResult)>, Option<Pause>) {
    let mut results = Vec::new();
    for pauses in 0.. {
        let came = arxiv.fetch_feeds(http, &categories).await;
        categories.drain(..came.results.len());
        results.extend(came.results);
        let Some(pause) = came.pause else { break };
        let wait = pause.until - http.now();
        if wait > PATIENCE || pauses == PAUSES_MAX {
            let why = format!(
                "asked to wait until {}",
                pause.until.format("%Y-%m-%d %H:%M UTC")
            );
            results.extend(
                categories
                    .into_iter()
                    .map(|category| (category, FeedResult::NotAsked(why.clone()))),
            );
            return (results, Some(pause));
        }
        http.sleep(wait).await;
    }
    (results, None)
}

/// Asks for the catch-up pages of the days that are missing.
async fn pages(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    arxiv: &Arxiv,
    ask: PollScope,
) -> Result<PollSummary, StoreError> {
    let mut polled = PollSummary {
        source: source.name.clone(),
        ..PollSummary::default()
    };
    let before = known(db, &source.name, ask.since(), http.now()).await?;
    for category in &source.categories {
        let days = arxiv::wanted_days(category, &before, ask.since(), http.now());
        for date in arxiv::offered_days(category, &days, &before, http.now()) {
            let what = format!("catch-up of {category} {date}");
            let asked = asked_at(db, &source.name, what.clone()).await?;
            if !ask.is_everything() && !arxiv::is_harvest_due(asked, http.now()) {
                continue;
            }
            let caught = match arxiv.catch_up(http, category, date).await {
                Ok(caught) => caught,
                Err(HttpError::AskedToWait(pause)) => {
                    polled.paused_until = Some(pause.until);
                    return Ok(polled);
                }
                Err(error) => {
                    polled
                        .notes
                        .push(format!("{category} of {date}: no catch-up page: {error}"));
                    return Ok(polled);
                }
            };
            note_asked(db, &source.name, what, http.now()).await?;
            if let Some(problem) = &caught.problem {
                polled
                    .notes
                    .push(format!("{category} of {date}: catch-up page: {problem}"));
            }
            let ids = caught
                .entries
                .iter()
                .flatten()
                .map(|listed| listed.paper.id.clone())
                .collect();
            let announced = announced(db, ids).await?;
            let now = http.now();
            let batch = arxiv::judge_caught(&[caught], &announced, now);
            polled.add(take_in(db, &source.name, &before, batch, now).await?);
        }
    }
    Ok(polled)
}

/// Asks for the changes in the categories of which days are missing or unchecked.
async fn lists(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    arxiv: &Arxiv,
    ask: PollScope,
) -> Result<PollSummary, StoreError> {
    let mut polled = PollSummary {
        source: source.name.clone(),
        ..PollSummary::default()
    };
    let before = known(db, &source.name, ask.since(), http.now()).await?;
    let mut wanted: BTreeMap<String, Vec<NaiveDate>> = BTreeMap::new();
    let mut harvests = Vec::new();
    let mut failed = 0;
    for category in &source.categories {
        let days = arxiv::wanted_days(category, &before, ask.since(), http.now());
        let Some(first) = days.first().copied() else {
            continue;
        };
        let asked = asked_at(db, &source.name, format!("list of {category}")).await?;
        if !ask.is_everything() && !arxiv::is_harvest_due(asked, http.now()) {
            continue;
        }
        // The evening of an announcement may still be the day before in UTC.
        let harvest = match arxiv.harvest(http, category, first - Days::new(1)).await {
            Ok(harvest) => harvest,
            Err(HttpError::AskedToWait(pause)) => {
                polled.paused_until = Some(pause.until);
                break;
            }
            Err(error) => {
                polled.failures.push((category.clone(), error.to_string()));
                break;
            }
        };
        note_asked(db, &source.name, format!("list of {category}"), http.now()).await?;
        if let Some(problem) = &harvest.problem {
            let is_settled = |day: &NaiveDate| {
                before.iter().any(|row| {
                    row.category == *category && row.date == *day && row.state.is_settled()
                })
            };
            let problem = format!("list of changes: {problem}");
            if days.iter().all(is_settled) {
                // Nothing is missing that we know of.
                polled
                    .notes
                    .push(format!("{category} could not be checked: {problem}"));
            } else {
                polled.failures.push((category.clone(), problem));
            }
        }
        failed = if harvest.problem.is_some() && harvest.records.is_empty() {
            failed + 1
        } else {
            0
        };
        wanted.insert(category.clone(), days);
        harvests.push(harvest);
        if failed == FAILED_LISTS_MAX {
            break;
        }
    }
    let announced = announced(db, arxiv::harvested_ids(&harvests)).await?;
    let now = http.now();
    let batch = arxiv::judge_harvests(&harvests, &wanted, &announced, &before, now);
    drop(harvests);
    for part in by_day(batch) {
        polled.add(take_in(db, &source.name, &before, part, now).await?);
    }
    Ok(polled)
}

/// Takes a batch apart, so that no transaction is long: papers without a new day,
/// then each day with its papers and its coverage.
fn by_day(batch: Batch) -> Vec<Batch> {
    let Batch {
        papers,
        unreadable,
        news,
        read,
        merged,
        passed_over,
    } = batch;
    let mut parts = VecDeque::from([Batch {
        unreadable,
        read,
        merged,
        passed_over,
        ..Batch::default()
    }]);
    let mut days: BTreeMap<NaiveDate, Batch> = BTreeMap::new();
    for news in news {
        days.entry(news.date).or_default().news.push(news);
    }
    let mut changed: Vec<Paper> = Vec::new();
    for paper in papers {
        match paper.announced {
            Some(day) => days.entry(day).or_default().papers.push(paper),
            None => changed.push(paper),
        }
    }
    let chunks = changed.chunks(CHANGED_PAPERS).map(|papers| Batch {
        papers: papers.to_vec(),
        ..Batch::default()
    });
    parts.extend(chunks);
    parts.extend(days.into_values());
    parts.into()
}

/// Asks for the papers that readers like or dislike and that are not known here:
/// once for each of them, whether or not arXiv has it.
async fn examples(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    arxiv: &Arxiv,
) -> Result<PollSummary, StoreError> {
    let now = http.now();
    let since = asked_at(db, &source.name, EXAMPLES.to_owned())
        .await?
        .filter(|asked| *asked <= now);
    let name = source.name.clone();
    let since = since.unwrap_or(DateTime::UNIX_EPOCH);
    let named = db
        .run(move |store| store.unknown_examples(&name, since, EXAMPLES_MAX))
        .await?;
    let is_all = named.len() < EXAMPLES_MAX as usize;
    let (ids, foreign): (Vec<PaperId>, Vec<PaperId>) =
        named.into_iter().partition(PaperId::is_arxiv);
    let mut polled = PollSummary {
        source: source.name.clone(),
        ..PollSummary::default()
    };
    note_papers(db, &source.name, foreign, now).await?;
    if !ids.is_empty() {
        polled = by_name(db, http, source, arxiv, &ids).await?;
    }
    if is_all && polled.notes.is_empty() && polled.paused_until.is_none() {
        note_asked(db, &source.name, EXAMPLES.to_owned(), now).await?;
    }
    Ok(polled)
}

/// Papers by their names, for whoever wants them now.
pub(super) async fn fetch_papers(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    ids: &[PaperId],
) -> Result<PollSummary, StoreError> {
    by_name(
        db,
        http,
        source,
        &Arxiv::new(source.endpoint.as_deref()),
        ids,
    )
    .await
}

async fn by_name(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    arxiv: &Arxiv,
    ids: &[PaperId],
) -> Result<PollSummary, StoreError> {
    let mut polled = PollSummary {
        source: source.name.clone(),
        ..PollSummary::default()
    };
    let mut found = LookupResult::default();
    let mut asked: Vec<PaperId> = Vec::new();
    // A name that arXiv refuses fails the whole question: what is refused is halved.
    let mut rest: Vec<Vec<PaperId>> = ids
        .chunks(arxiv::IDS_MAX)
        .rev()
        .map(<[PaperId]>::to_vec)
        .collect();
    while let Some(part) = rest.pop() {
        match arxiv.papers(http, &part).await {
            Ok(more) => {
                asked.extend(part);
                found.papers.extend(more.papers);
                found.unreadable.extend(more.unreadable);
            }
            Err(ApiError::Refused(_)) if part.len() > 1 => {
                let (first, second) = part.split_at(part.len() / 2);
                rest.push(second.to_vec());
                rest.push(first.to_vec());
            }
            Err(ApiError::Refused(_)) => asked.extend(part),
            Err(ApiError::Http(HttpError::AskedToWait(pause))) => {
                polled.paused_until = Some(pause.until);
                break;
            }
            Err(error) => {
                polled
                    .notes
                    .push(format!("named papers could not be asked for: {error}"));
                break;
            }
        }
    }
    let now = http.now();
    let read = (found.papers.len() + found.unreadable.len()) as u64;
    let batch = Batch {
        papers: found.papers,
        unreadable: found.unreadable,
        read,
        ..Batch::default()
    };
    polled.add(take_in(db, &source.name, &[], batch, now).await?);
    note_papers(db, &source.name, asked, now).await?;
    Ok(polled)
}

async fn announced(
    db: &Db,
    ids: Vec<PaperId>,
) -> Result<BTreeMap<PaperId, Option<NaiveDate>>, StoreError> {
    Ok(db
        .run(move |store| store.announcement_days(&ids))
        .await?
        .into_iter()
        .collect())
}

async fn asked_at(
    db: &Db,
    source: &str,
    what: String,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let source = source.to_owned();
    db.run(move |store| store.source_asked(&source, &what))
        .await
}

async fn note_asked(
    db: &Db,
    source: &str,
    what: String,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let source = source.to_owned();
    db.run(move |store| store.note_source_asked(&source, &what, at))
        .await
}

async fn note_papers(
    db: &Db,
    source: &str,
    ids: Vec<PaperId>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let source = source.to_owned();
    db.run(move |store| store.note_papers_asked(&source, &ids, at))
        .await
}

//! A look at arXiv: its feeds, category by category.

use super::{Ask, Polled, known, take_in};
use crate::paper::PaperId;
use crate::source::SourceSettings;
use crate::source::arxiv::{self, Arxiv, Look};
use crate::source::http::{Http, Pause, Provider};
use crate::store::{Db, SourcePause, StoreError};
use chrono::{NaiveDate, SubsecRound, TimeDelta};
use std::collections::BTreeMap;

/// A pause that is sat out in place; after a longer one the next poll goes on.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// How often pauses are sat out in one poll.
const PAUSES_MAX: u32 = 3;

/// Asks the feeds of the categories that are due.
pub(super) async fn poll(db: &Db, http: &Http, source: &SourceSettings, ask: Ask) -> Result<Polled, StoreError> {
    let arxiv = Arxiv::new(source.endpoint.as_deref());
    let provider = arxiv.provider();
    let (name, turn) = (provider.name.clone(), turn_of(provider));
    let (pause, turn) = db.run(move |store| Ok((store.source_pause(&name)?, store.source_pause(&turn)?))).await?;
    if let Some(SourcePause { provider, until, reason }) = pause {
        http.stay_away(Pause { provider, until, reason });
    }
    if let Some(turn) = turn {
        http.take_turn(provider, turn.until).await;
    }
    let before = known(db, &source.name, http.now()).await?;
    let mut categories = source.categories.clone();
    categories.retain(|category| ask != Ask::WhatIsDue || arxiv::is_due(category, &before, http.now()));
    let asked = categories.len();
    let (looks, pause) = look(db, http, &arxiv, categories).await?;
    // The process after this one keeps the distance too.
    if let Some(until) = http.next_turn(provider).await {
        let reason = "requests keep their distance".to_owned();
        note_pause(db, &Pause { provider: turn_of(provider), until, reason }).await?;
    }
    if looks.is_empty() {
        return Ok(Polled { source: source.name.clone(), ..Polled::default() });
    }
    let ids = arxiv::ids(&looks);
    let announced: BTreeMap<PaperId, Option<NaiveDate>> =
        db.run(move |store| store.announcement_days(&ids)).await?.into_iter().collect();
    let now = http.now();
    let batch = arxiv::batch(&looks, &announced, &before, now);
    let not_asked = looks.iter().filter(|(_, look)| matches!(look, Look::NotAsked(_))).count();
    let failed = looks.iter().filter_map(|(category, look)| match look {
        Look::Failed(why) => Some((category.clone(), why.clone())),
        Look::Seen(_) | Look::NotAsked(_) => None,
    });
    let failures = failed.collect();
    let mut polled = take_in(db, &source.name, &before, batch, now).await?;
    polled.failures = failures;
    polled.asked = (asked - not_asked) as u64;
    polled.paused_until = pause.map(|pause| pause.until);
    Ok(polled)
}

/// Asks for feeds, sitting out short pauses; what is not asked for in the end says so.
async fn look(
    db: &Db,
    http: &Http,
    arxiv: &Arxiv,
    mut categories: Vec<String>,
) -> Result<(Vec<(String, Look)>, Option<Pause>), StoreError> {
    let mut looks = Vec::new();
    for pauses in 0.. {
        let came = arxiv.look(http, &categories).await;
        categories.drain(..came.looks.len());
        looks.extend(came.looks);
        let Some(pause) = came.pause else { break };
        // Written down before anything else: it holds after a crash, too.
        note_pause(db, &pause).await?;
        let wait = pause.until - http.now();
        if wait > PATIENCE || pauses == PAUSES_MAX {
            let why = format!("asked to wait until {}", pause.until.format("%Y-%m-%d %H:%M UTC"));
            looks.extend(categories.into_iter().map(|category| (category, Look::NotAsked(why.clone()))));
            return Ok((looks, Some(pause)));
        }
        http.sleep(wait).await;
    }
    Ok((looks, None))
}

/// Under which name the provider's next turn is written down, beside its pauses.
fn turn_of(provider: &Provider) -> String {
    format!("{} (next turn)", provider.name)
}

/// Writes a pause down, to the next whole second.
async fn note_pause(db: &Db, pause: &Pause) -> Result<(), StoreError> {
    let whole = pause.until.trunc_subsecs(0);
    let until = if whole < pause.until { whole + TimeDelta::seconds(1) } else { whole };
    let noted = SourcePause { provider: pause.provider.clone(), until, reason: pause.reason.clone() };
    db.run(move |store| store.pause_source(&noted)).await
}

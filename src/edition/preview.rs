//! The issue that somebody would get, without sending it.

use super::compose::Plan;
use super::examples::Examples;
use super::{
    Composed, Desk, EditionError, Prepared, awaited, prepare, recent_coverage, refresh_background, told, window,
};
use crate::digest::Fragments;
use crate::schedule::{due_at, latest_due, next_due};
use crate::store::{Db, LibraryWork, PaperRow, StoreError};
use crate::subscriber::{NewSubscriber, Subscriber, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashSet;
use std::sync::Arc;

/// The issue that one subscriber would get: the one that is due and not yet
/// made, else the next one; or the one of `date`. Changes nothing.
pub fn preview(
    db: &Db,
    desk: &Desk,
    subscriber: &Subscriber,
    date: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<Option<Composed>, EditionError> {
    let (id, preferences) = (subscriber.id, &subscriber.preferences);
    let date = if date.is_some() { date } else { coming_date(db, subscriber, now)? };
    let Some(local_date) = date else { return Ok(None) };
    let due = due_at(local_date, preferences.send_at, preferences.timezone);
    let Some(publishable) = db.run_here(|store| store.publishable_one(id, local_date))? else { return Ok(None) };
    let coverage = recent_coverage(db, window::last_day(due))?;
    let background = refresh_background(db, |_| {})?;
    let days = window::days(&coverage, publishable.history.as_ref(), publishable.first_day, due);
    let prepared = Arc::new(prepare(db, &days.keys().copied().collect(), &background, now)?);
    let from = prepared.rows.first().copied().unwrap_or(PaperRow(0));
    let sent = db.run_here(|store| store.papers_sent(&[id], from))?;
    let sent = sent
        .into_iter()
        .filter(|sent| sent.local_date < local_date)
        .filter_map(|sent| prepared.position(sent.paper))
        .collect();
    let mut examples = Examples::default();
    examples.fetch(db, std::iter::once(subscriber), &background)?;
    let mut plan = Plan {
        told_since: publishable.history.map_or(publishable.due_from, |history| history.composed_at),
        told: Vec::new(),
        covers: awaited::covered(&coverage, &days, subscriber, due),
        subscriber: subscriber.clone(),
        local_date,
        days,
        prepared,
        sent,
        is_first: publishable.history.is_none(),
    };
    told::plan(db, &mut plan)?;
    desk.compose(&plan, &background, &examples, &Fragments::default(), now).map(Some)
}

/// The date of the issue that is due and not yet made, else of the next one.
fn coming_date(db: &Db, subscriber: &Subscriber, now: DateTime<Utc>) -> Result<Option<NaiveDate>, StoreError> {
    let (id, preferences) = (subscriber.id, &subscriber.preferences);
    if let Some(date) = latest_due(preferences, now)
        && !db.run_here(|store| store.has_issue(id, date))?
    {
        return Ok(Some(date));
    }
    Ok(next_due(preferences, now).map(|(date, _)| date))
}

/// The issue of the newest complete day for somebody who is not stored, by the
/// same ranking as everybody's. `library` are works that their first interest is
/// to learn from. Changes nothing.
pub fn preview_for(
    db: &Db,
    desk: &Desk,
    new: &NewSubscriber,
    library: Vec<LibraryWork>,
    now: DateTime<Utc>,
) -> Result<Composed, EditionError> {
    let subscriber = Subscriber { id: NOBODY, details: new.clone() };
    let coverage = recent_coverage(db, window::last_day(now))?;
    let background = refresh_background(db, |_| {})?;
    let days = window::days(&coverage, None, None, now);
    let prepared: Arc<Prepared> = Arc::new(prepare(db, &days.keys().copied().collect(), &background, now)?);
    let mut examples = Examples::default();
    examples.fetch(db, std::iter::once(&subscriber), &background)?;
    if let Some(interest) = new.interests.first() {
        examples.add_library(NOBODY, &interest.name, library, &background);
    }
    let plan = Plan {
        told_since: now,
        told: Vec::new(),
        covers: awaited::covered(&coverage, &days, &subscriber, now),
        local_date: now.with_timezone(&new.preferences.timezone).date_naive(),
        subscriber,
        days,
        prepared,
        sent: HashSet::new(),
        is_first: true,
    };
    desk.compose(&plan, &background, &examples, &Fragments::default(), now)
}

/// Rows are counted from 1.
const NOBODY: SubscriberId = SubscriberId(0);

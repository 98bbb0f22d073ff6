//! What an issue would be, and why.

use super::compose::{Composed, Desk, Plan, Ready, choose, get_ready, heading};
use super::examples::Examples;
use super::{
    Archive, EditionError, awaited, prepare, recent_coverage, refresh_archive, told, window,
};
use crate::digest::FragmentCache;
use crate::paper::PaperId;
#[cfg(doc)]
use crate::ranking::trending::HALF_AT_VOTES;
use crate::ranking::{self, Days, Explanation, Fate, Picks, Share};
use crate::schedule::{due_at, latest_due, next_due};
use crate::store::{Db, LibraryWork, PaperRow, SentPaper, StoreError};
use crate::subscriber::{NewSubscriber, Subscriber, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// What became of a paper in one issue, with the whole sum for each interest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// Which paper.
    pub id: PaperId,
    /// Its title.
    pub title: String,
    /// The date of the issue.
    pub local_date: NaiveDate,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
    /// The date of the issue in which it was sent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_on: Option<NaiveDate>,
    /// As what it is in the issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pick: Option<Told>,
    /// The line of the subscriber.
    pub line: f32,
    /// The places that each interest was given.
    pub shares: Vec<Share>,
    /// One for each interest.
    pub interests: Vec<Explanation>,
}

/// As what a paper is in an issue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// The heading that it stands under.
    pub section: String,
    /// The interest whose sum its score is; without one, it is that of its votes.
    pub interest: Option<String>,
    /// 0 to 1.
    pub score: f32,
    /// As the issue prints it.
    pub reason: String,
    /// Its votes, where they made the score: votes / (votes + [`HALF_AT_VOTES`]),
    /// one half where nobody has voted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub votes: Option<u32>,
}

/// All that one issue is made from.
struct Material {
    plan: Plan,
    archive: Arc<Archive>,
    examples: Examples,
    /// Papers of its days that were sent in earlier issues.
    sent: Vec<SentPaper>,
}

impl Material {
    fn ready(&self) -> Ready {
        let plans = std::slice::from_ref(&self.plan);
        get_ready(plans, &self.archive, &self.examples).remove(0)
    }
}

/// The issue that one subscriber would get: the one that is due and not yet
/// made, else the next one; or the one of `date`. Changes nothing.
pub fn preview(
    db: &Db,
    desk: &Desk,
    subscriber: &Subscriber,
    date: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<Option<Composed>, EditionError> {
    let Some(material) = material(db, desk, subscriber, date, now)? else {
        return Ok(None);
    };
    let ready = material.ready();
    desk.compose(
        &material.plan,
        &ready,
        &material.examples,
        &FragmentCache::default(),
        now,
    )
    .map(Some)
}

/// Why each pick of that issue is in it, in order.
pub fn explain_picks(
    db: &Db,
    desk: &Desk,
    subscriber: &Subscriber,
    date: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<Vec<Explained>, EditionError> {
    let Some(material) = material(db, desk, subscriber, date, now)? else {
        return Ok(Vec::new());
    };
    let ready = material.ready();
    let picks = choose(&material.plan, &ready, &material.examples);
    Ok(picks
        .picks
        .iter()
        .map(|pick| explained(&material, &ready, &picks, pick.candidate))
        .collect())
}

/// Why the paper `id` is or is not in the issue of `date`, or the coming one.
/// `None` if there is no such paper, it has no announcement day, or no issue comes.
pub fn explain_paper(
    db: &Db,
    desk: &Desk,
    subscriber: &Subscriber,
    id: &PaperId,
    date: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<Option<Explained>, EditionError> {
    let Some(stored) = db.run_here(|store| store.paper(id))? else {
        return Ok(None);
    };
    let Some(announced) = stored.paper.announced else {
        return Ok(None);
    };
    let Some(mut material) = material(db, desk, subscriber, date, now)? else {
        return Ok(None);
    };
    if let Some(at) = material.plan.prepared.position(stored.row) {
        let ready = material.ready();
        let picks = choose(&material.plan, &ready, &material.examples);
        return Ok(Some(explained(&material, &ready, &picks, at)));
    }
    // It is ranked among the papers of its own day, as it was or will be.
    material.plan.days = Days::from([(announced, None)]);
    material.plan.prepared = Arc::new(prepare(
        db,
        &BTreeSet::from([announced]),
        &material.archive,
        material.plan.due,
    )?);
    material.sent = sent_before(db, &material.plan)?;
    material.plan.sent = positions(&material.plan, &material.sent);
    let Some(at) = material.plan.prepared.position(stored.row) else {
        return Ok(None);
    };
    let ready = material.ready();
    let picks = choose(&material.plan, &ready, &material.examples);
    let mut explained = explained(&material, &ready, &picks, at);
    let is_final = matches!(explained.fate, Fate::SentBefore | Fate::RuledOut { .. });
    if !is_final {
        explained.fate = Fate::OtherDays;
    }
    explained.pick = None;
    Ok(Some(explained))
}

fn explained(material: &Material, ready: &Ready, picks: &Picks, at: usize) -> Explained {
    let (plan, candidates) = (&material.plan, &material.plan.prepared.candidates);
    let interests: Vec<Explanation> = ready
        .profiles
        .iter()
        .map(|profile| ranking::explain(candidates, profile, at))
        .collect();
    let row = plan.prepared.rows[at];
    let fate = match unwanted(material, at).filter(|_| !plan.sent.contains(&at)) {
        Some(by) => Fate::RuledOut { by },
        None => ranking::fate(candidates, &interests, picks, &plan.request(&plan.sent), at),
    };
    Explained {
        id: candidates.paper(at).id.clone(),
        title: candidates.paper(at).title.clone(),
        local_date: plan.local_date,
        fate,
        pick: picks
            .picks
            .iter()
            .find(|pick| pick.candidate == at)
            .map(|pick| Told {
                section: heading(&pick.section),
                interest: pick.interest.clone(),
                score: pick.score,
                reason: pick.reason.clone(),
                votes: pick
                    .interest
                    .is_none()
                    .then_some(pick.paper.upvotes.unwrap_or(0)),
            }),
        sent_on: material
            .sent
            .iter()
            .find(|sent| sent.paper == row)
            .map(|sent| sent.local_date),
        line: plan.subscriber.preferences.min_score,
        shares: picks.shares.clone(),
        interests,
    }
}

/// What the reader said that keeps this candidate out of their issues.
fn unwanted(material: &Material, at: usize) -> Option<String> {
    let (plan, reader) = (&material.plan, material.plan.subscriber.id);
    let row = plan.prepared.rows[at];
    if material
        .examples
        .unwanted(reader)
        .any(|unwanted| unwanted == row)
    {
        return Some("they asked for less like it".to_owned());
    }
    if material
        .examples
        .named_by(&plan.subscriber)
        .any(|named| named == row)
    {
        return Some("an interest names it as an example, so they know it".to_owned());
    }
    let by = |name: &&String| {
        plan.prepared
            .candidates
            .by_author(name)
            .iter()
            .any(|(by, _)| *by == at)
    };
    let muted = material.examples.muted(reader).iter().find(by)?;
    Some(format!("muted author {muted}"))
}

fn material(
    db: &Db,
    desk: &Desk,
    subscriber: &Subscriber,
    date: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<Option<Material>, EditionError> {
    let (id, preferences) = (subscriber.id, &subscriber.preferences);
    let date = if date.is_some() {
        date
    } else {
        coming_date(db, subscriber, now)?
    };
    let Some(local_date) = date else {
        return Ok(None);
    };
    let due = due_at(local_date, preferences.send_at, preferences.timezone);
    let Some(publishable) = db.run_here(|store| store.publishable_one(id, local_date))? else {
        return Ok(None);
    };
    let coverage = recent_coverage(db, window::last_day(due))?;
    let archive = refresh_archive(db, desk.model.get_or_without(db)?, |_| {})?;
    let days = window::days(
        &coverage,
        publishable.history.as_ref(),
        publishable.first_day,
        due,
    );
    let prepared = Arc::new(prepare(db, &days.keys().copied().collect(), &archive, due)?);
    let mut examples = Examples::default();
    examples.fetch(db, std::iter::once(subscriber), &archive)?;
    let mut plan = Plan {
        is_first: publishable.history.is_none(),
        told_since: publishable
            .history
            .map_or(publishable.due_from, |history| history.composed_at),
        told: Vec::new(),
        covers: awaited::covered(&coverage, &days, subscriber, due),
        subscriber: subscriber.clone(),
        local_date,
        due,
        days,
        prepared,
        sent: HashSet::new(),
    };
    let sent = sent_before(db, &plan)?;
    plan.sent = positions(&plan, &sent);
    told::plan(db, &mut plan)?;
    Ok(Some(Material {
        plan,
        archive,
        examples,
        sent,
    }))
}

/// What earlier issues held of the papers that `plan` is about.
fn sent_before(db: &Db, plan: &Plan) -> Result<Vec<SentPaper>, StoreError> {
    let from = plan.prepared.rows.first().copied().unwrap_or(PaperRow(0));
    let mut sent = db.run_here(|store| store.papers_sent(&[plan.subscriber.id], from))?;
    sent.retain(|sent| sent.local_date < plan.local_date);
    Ok(sent)
}

fn positions(plan: &Plan, sent: &[SentPaper]) -> HashSet<usize> {
    sent.iter()
        .filter_map(|sent| plan.prepared.position(sent.paper))
        .collect()
}

/// The date of the issue that is due and not yet made, else of the next one. What
/// was due before they joined or came back is never made.
pub fn coming_date(
    db: &Db,
    subscriber: &Subscriber,
    now: DateTime<Utc>,
) -> Result<Option<NaiveDate>, StoreError> {
    let (id, preferences) = (subscriber.id, &subscriber.preferences);
    if let Some(date) = latest_due(preferences, now) {
        let due = due_at(date, preferences.send_at, preferences.timezone);
        let is_open = db.run_here(|store| {
            let is_theirs = store
                .publishable_one(id, date)?
                .is_some_and(|publishable| publishable.due_from <= due);
            Ok(is_theirs && !store.has_issue(id, date)?)
        })?;
        if is_open {
            return Ok(Some(date));
        }
    }
    let mut from = now;
    while let Some((date, due)) = next_due(preferences, from) {
        // A date has one issue, whatever hour they chose since.
        if !db.run_here(|store| store.has_issue(id, date))? {
            return Ok(Some(date));
        }
        from = due;
    }
    Ok(None)
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
    newest(
        db,
        desk,
        Subscriber {
            id: NOBODY,
            generation: 0,
            details: new.clone(),
        },
        library,
        now,
    )
}

/// The issue of the newest complete day for somebody who has had its papers: what
/// they would be sent of it, were they to get it now.
pub fn preview_again(
    db: &Db,
    desk: &Desk,
    subscriber: &Subscriber,
    now: DateTime<Utc>,
) -> Result<Composed, EditionError> {
    newest(db, desk, subscriber.clone(), Vec::new(), now)
}

fn newest(
    db: &Db,
    desk: &Desk,
    subscriber: Subscriber,
    library: Vec<LibraryWork>,
    now: DateTime<Utc>,
) -> Result<Composed, EditionError> {
    let coverage = recent_coverage(db, window::last_day(now))?;
    let archive = refresh_archive(db, desk.model.get_or_without(db)?, |_| {})?;
    let days = window::days(&coverage, None, None, now);
    let prepared = Arc::new(prepare(db, &days.keys().copied().collect(), &archive, now)?);
    let mut examples = Examples::default();
    examples.fetch(db, std::iter::once(&subscriber), &archive)?;
    if let Some(interest) = subscriber.interests.first()
        && !library.is_empty()
    {
        examples.add_library(subscriber.id, &interest.name, library, &archive);
    }
    let plan = Plan {
        told_since: now,
        told: Vec::new(),
        covers: awaited::covered(&coverage, &days, &subscriber, now),
        due: now,
        local_date: now
            .with_timezone(&subscriber.preferences.timezone)
            .date_naive(),
        subscriber,
        days,
        prepared,
        sent: HashSet::new(),
        is_first: true,
    };
    let ready = get_ready(std::slice::from_ref(&plan), &archive, &examples).remove(0);
    desk.compose(&plan, &ready, &examples, &FragmentCache::default(), now)
}

/// Rows are counted from 1.
const NOBODY: SubscriberId = SubscriberId(0);

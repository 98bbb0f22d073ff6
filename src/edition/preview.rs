//! Previews of issues, and explanations of their picks.

use super::composer::{Composed, Composer, LearnedProfiles, Plan, choose, learn_profiles};
use super::examples::Examples;
use super::publisher::{prepare, recent_coverage};
use super::{EditionError, coverage_window, missing_papers, paper_news};
use crate::archive::{ArchiveStats, refresh_stats};
use crate::digest::FragmentCache;
use crate::language::Locale;
use crate::paper::PaperId;
#[cfg(doc)]
use crate::ranking::trending::HALF_AT_VOTES;
use crate::ranking::{self, Days, Explanation, Fate, Picks, Quota};
use crate::schedule::{due_at, latest_due, next_due};
use crate::store::{Db, LibraryWork, PaperRow, SentPaper, StoreError};
use crate::subscriber::{NewSubscriber, Subscriber, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// The fate of a paper in one issue, with the sum behind its score for each interest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedPaper {
    /// Id of the paper.
    pub id: PaperId,
    /// Its title.
    pub title: String,
    /// The date of the issue.
    pub local_date: NaiveDate,
    /// The fate of the paper.
    #[serde(flatten)]
    pub fate: Fate,
    /// The date of the issue in which it was sent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_on: Option<NaiveDate>,
    /// The pick, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pick: Option<PickSummary>,
    /// The line of the subscriber.
    pub line: f32,
    /// The places reserved for each interest.
    pub shares: Vec<Quota>,
    /// The explanation for each interest.
    pub interests: Vec<Explanation>,
}

/// A paper as a pick of an issue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PickSummary {
    /// The heading of its section.
    pub section: String,
    /// The interest that gave the score; `None` where votes did.
    pub interest: Option<String>,
    /// Score, 0 to 1.
    pub score: f32,
    /// The reasons as the issue prints them.
    pub reason: String,
    /// Its votes, where they made the score: votes / (votes + [`HALF_AT_VOTES`]), one half
    /// without votes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub votes: Option<u32>,
}

/// The input of one previewed issue.
struct PreviewInput {
    plan: Plan,
    archive: Arc<ArchiveStats>,
    examples: Examples,
    /// Papers of its days that were sent in earlier issues.
    sent: Vec<SentPaper>,
}

impl PreviewInput {
    fn learned(&self) -> LearnedProfiles {
        let plans = std::slice::from_ref(&self.plan);
        learn_profiles(plans, &self.archive, &self.examples).remove(0)
    }
}

/// The issue that one subscriber would get: the due one that is not composed yet, else
/// the next one; or the one of `date`. Changes nothing.
pub fn preview(
    db: &Db,
    composer: &Composer,
    subscriber: &Subscriber,
    date: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<Option<Composed>, EditionError> {
    let Some(input) = input(db, composer, subscriber, date, now)? else {
        return Ok(None);
    };
    let learned = input.learned();
    composer
        .compose(
            &input.plan,
            &learned,
            &input.examples,
            &FragmentCache::default(),
            now,
        )
        .map(Some)
}

/// Explains each pick of that issue, in order.
pub fn explain_picks(
    db: &Db,
    composer: &Composer,
    subscriber: &Subscriber,
    date: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<Vec<ExplainedPaper>, EditionError> {
    let Some(input) = input(db, composer, subscriber, date, now)? else {
        return Ok(Vec::new());
    };
    let learned = input.learned();
    let picks = choose(&input.plan, &learned, &input.examples);
    Ok(picks
        .picks
        .iter()
        .map(|pick| explained(&input, &learned, &picks, pick.candidate))
        .collect())
}

/// Explains why the paper `id` is or is not in the issue of `date`, or the next one.
/// `None` if there is no such paper, it has no announcement day, or no issue comes.
pub fn explain_paper(
    db: &Db,
    composer: &Composer,
    subscriber: &Subscriber,
    id: &PaperId,
    date: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<Option<ExplainedPaper>, EditionError> {
    let Some(stored) = db.run_here(|store| store.paper(id))? else {
        return Ok(None);
    };
    let Some(announced) = stored.paper.announced else {
        return Ok(None);
    };
    let Some(mut input) = input(db, composer, subscriber, date, now)? else {
        return Ok(None);
    };
    if let Some(at) = input.plan.prepared.position(stored.row) {
        let learned = input.learned();
        let picks = choose(&input.plan, &learned, &input.examples);
        return Ok(Some(explained(&input, &learned, &picks, at)));
    }
    // Rank it among the papers of its own day.
    input.plan.days = Days::from([(announced, None)]);
    input.plan.prepared = Arc::new(prepare(
        db,
        &BTreeSet::from([announced]),
        &input.archive,
        input.plan.due,
    )?);
    input.sent = sent_before(db, &input.plan)?;
    input.plan.sent = positions(&input.plan, &input.sent);
    let Some(at) = input.plan.prepared.position(stored.row) else {
        return Ok(None);
    };
    let learned = input.learned();
    let picks = choose(&input.plan, &learned, &input.examples);
    let mut explained = explained(&input, &learned, &picks, at);
    let is_final = matches!(explained.fate, Fate::SentBefore | Fate::RuledOut { .. });
    if !is_final {
        explained.fate = Fate::OtherDays;
    }
    explained.pick = None;
    Ok(Some(explained))
}

fn explained(
    input: &PreviewInput,
    learned: &LearnedProfiles,
    picks: &Picks,
    at: usize,
) -> ExplainedPaper {
    let (plan, candidates) = (&input.plan, &input.plan.prepared.candidates);
    let interests: Vec<Explanation> = learned
        .profiles
        .iter()
        .map(|profile| ranking::explain(candidates, profile, at))
        .collect();
    let row = plan.prepared.rows[at];
    let english = Locale::english();
    let fate = match unwanted(input, at).filter(|_| !plan.sent.contains(&at)) {
        Some(by) => Fate::RuledOut { by },
        None => ranking::fate(candidates, &interests, picks, &plan.request(&plan.sent), at),
    };
    ExplainedPaper {
        id: candidates.paper(at).id.clone(),
        title: candidates.paper(at).title.clone(),
        local_date: plan.local_date,
        fate,
        pick: picks
            .picks
            .iter()
            .find(|pick| pick.candidate == at)
            .map(|pick| PickSummary {
                section: english.section(&pick.section),
                interest: pick.interest.clone(),
                score: pick.score,
                reason: english.reason(&pick.reasons),
                votes: pick
                    .interest
                    .is_none()
                    .then_some(pick.paper.upvotes.unwrap_or(0)),
            }),
        sent_on: input
            .sent
            .iter()
            .find(|sent| sent.paper == row)
            .map(|sent| sent.local_date),
        line: plan.subscriber.preferences.min_score,
        shares: picks.shares.clone(),
        interests,
    }
}

/// The feedback of the reader that keeps this candidate out of their issues.
fn unwanted(input: &PreviewInput, at: usize) -> Option<String> {
    let (plan, reader) = (&input.plan, input.plan.subscriber.id);
    let row = plan.prepared.rows[at];
    if input
        .examples
        .unwanted(reader)
        .any(|unwanted| unwanted == row)
    {
        return Some("they asked for less like it".to_owned());
    }
    if input
        .examples
        .named_in_interests(&plan.subscriber)
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
    let muted = input.examples.muted(reader).iter().find(by)?;
    Some(format!("muted author {muted}"))
}

fn input(
    db: &Db,
    composer: &Composer,
    subscriber: &Subscriber,
    date: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<Option<PreviewInput>, EditionError> {
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
    let coverage = recent_coverage(db, coverage_window::last_day(due))?;
    let archive = refresh_stats(db, composer.model.get_or_without(db)?, |_| {})?;
    let days = coverage_window::days(
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
        news_since: publishable
            .history
            .map_or(publishable.due_from, |history| history.composed_at),
        news: Vec::new(),
        covers: missing_papers::covered(&coverage, &days, subscriber, due),
        subscriber: subscriber.clone(),
        local_date,
        due,
        days,
        prepared,
        sent: HashSet::new(),
    };
    let sent = sent_before(db, &plan)?;
    plan.sent = positions(&plan, &sent);
    paper_news::plan(db, &mut plan)?;
    Ok(Some(PreviewInput {
        plan,
        archive,
        examples,
        sent,
    }))
}

/// Papers of `plan` that earlier issues held.
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

/// The date of the due issue that is not composed yet, else of the next one. Issues due
/// before the subscriber joined or came back are never composed.
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
        // A date has one issue, even if the hour was changed since.
        if !db.run_here(|store| store.has_issue(id, date))? {
            return Ok(Some(date));
        }
        from = due;
    }
    Ok(None)
}

/// The issue of the newest complete day for a subscriber who is not stored, by the same
/// ranking as everybody's. The first interest learns from the works of `library`.
/// Changes nothing.
pub fn preview_for(
    db: &Db,
    composer: &Composer,
    new: &NewSubscriber,
    library: Vec<LibraryWork>,
    now: DateTime<Utc>,
) -> Result<Composed, EditionError> {
    newest(
        db,
        composer,
        Subscriber {
            id: NOBODY,
            generation: 0,
            details: new.clone(),
        },
        library,
        now,
    )
}

/// The issue of the newest complete day for a subscriber who has had its papers, as if
/// they had not.
pub fn preview_again(
    db: &Db,
    composer: &Composer,
    subscriber: &Subscriber,
    now: DateTime<Utc>,
) -> Result<Composed, EditionError> {
    newest(db, composer, subscriber.clone(), Vec::new(), now)
}

fn newest(
    db: &Db,
    composer: &Composer,
    subscriber: Subscriber,
    library: Vec<LibraryWork>,
    now: DateTime<Utc>,
) -> Result<Composed, EditionError> {
    let coverage = recent_coverage(db, coverage_window::last_day(now))?;
    let archive = refresh_stats(db, composer.model.get_or_without(db)?, |_| {})?;
    let days = coverage_window::days(&coverage, None, None, now);
    let prepared = Arc::new(prepare(db, &days.keys().copied().collect(), &archive, now)?);
    let mut examples = Examples::default();
    examples.fetch(db, std::iter::once(&subscriber), &archive)?;
    if let Some(interest) = subscriber.interests.first()
        && !library.is_empty()
    {
        examples.add_library(subscriber.id, &interest.name, library, &archive);
    }
    let plan = Plan {
        news_since: now,
        news: Vec::new(),
        covers: missing_papers::covered(&coverage, &days, &subscriber, now),
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
    let learned = learn_profiles(std::slice::from_ref(&plan), &archive, &examples).remove(0);
    composer.compose(&plan, &learned, &examples, &FragmentCache::default(), now)
}

/// Stored subscribers are numbered from 1.
const NOBODY: SubscriberId = SubscriberId(0);

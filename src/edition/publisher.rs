//! Goes through the subscribers in batches and queues every issue that is due.

use super::composer::{Composed, Plan, learn_profiles};
use super::due_decision::{DueBounds, DueDecision};
use super::examples::Examples;
use super::{Composer, EditionError, coverage_window, missing_papers, paper_news, trending};
use crate::archive::{ArchiveStats, refresh_stats};
use crate::digest::FragmentCache;
use crate::ranking::Candidates;
use crate::schedule::{due_at, latest_due, next_due};
use crate::store::{Coverage, Db, NewIssue, NextLook, PaperRow, Publishable, Skipped, StoreError};
use crate::subscriber::SubscriberId;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Subscribers in one batch: some 10 MB of mail.
const BATCH: u32 = 256;

/// Sets of announcement days whose candidates are cached at a time.
const PREPARED_MAX: usize = 4;

/// The instant at which due-ness is judged.
#[derive(Debug, Clone, Copy)]
pub enum AsOf {
    /// Now: issues due before the subscriber joined, or too long ago, are not sent.
    Now,
    /// That instant, whenever people joined.
    Instant(DateTime<Utc>),
}

/// Counts of the subscribers looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Active subscribers.
    pub subscribers: u64,
    /// Subscribers whose issue was due and not yet composed.
    pub due: u64,
    /// Issues queued.
    pub queued: u64,
    /// Issues not sent because nothing was above the line and no note is wanted.
    pub empty: u64,
    /// Issues skipped because they were due too long ago; each counts once.
    pub late: u64,
    /// Due issues that wait for missing papers.
    pub waiting: u64,
    /// Papers looked at, over all issues.
    pub papers: u64,
}

/// Composes and queues every issue that is due.
pub struct Publisher<'a> {
    db: Db,
    composer: &'a Composer,
    /// Read when the first issue is planned: most looks at subscribers need none.
    archive: Option<Arc<ArchiveStats>>,
    as_of: AsOf,
    now: DateTime<Utc>,
    is_dry: bool,
    /// Whether only subscribers whose next look is due are read.
    for_due: bool,
    coverage: Vec<Coverage>,
    prepared: Vec<(BTreeSet<NaiveDate>, Arc<Prepared>)>,
    examples: Examples,
    /// Papers rendered once for all readers.
    fragments: FragmentCache,
    after: SubscriberId,
    /// The results of the last batch, not stored yet.
    finished: Finished,
    published: Published,
}

/// The results of a batch of subscribers.
#[derive(Default)]
struct Finished {
    issues: Vec<NewIssue>,
    skipped: Vec<(SubscriberId, NaiveDate, Skipped)>,
    first_days: Vec<(SubscriberId, NaiveDate)>,
    looks: Vec<NextLook>,
}

impl Finished {
    /// Stores the results and returns the number of queued issues.
    fn store(&self, db: &Db, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let Finished {
            issues,
            skipped,
            first_days,
            looks,
        } = self;
        if issues.is_empty() && skipped.is_empty() && first_days.is_empty() && looks.is_empty() {
            // Skip the write lock when there is nothing to store.
            return Ok(0);
        }
        let queued = db.run_here(|store| {
            let queued = store.enqueue_issues(issues, now)?;
            store.skip_issues(skipped, now)?;
            store.begin_readings(first_days)?;
            store.enter_looks(looks)?;
            Ok(queued)
        })?;
        for (issue, id) in issues.iter().zip(&queued) {
            let Some(id) = id else { continue };
            tracing::info!(
                target: "paperboy::journey",
                issue = id.0,
                subscriber.id = issue.subscriber.0,
                date = %issue.local_date,
                picks = issue.picks.len(),
                "issue composed and queued"
            );
        }
        Ok(queued.iter().flatten().count() as u64)
    }
}

/// The decision about a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// Compose the issue of this date, due at this instant.
    Compose(NaiveDate, DateTime<Utc>),
    /// Wait for missing papers, until then at the latest.
    Wait(DateTime<Utc>),
    /// Skip the issue of this date: it is too late.
    Skip(NaiveDate),
    /// No issue is due, or it is composed or skipped already.
    Nothing,
}

/// The candidates of some days, with their rows.
pub(crate) struct Prepared {
    pub(crate) candidates: Candidates,
    pub(crate) rows: Vec<PaperRow>,
}

impl Prepared {
    pub(crate) fn position(&self, row: PaperRow) -> Option<usize> {
        self.rows.binary_search(&row).ok()
    }
}

impl<'a> Publisher<'a> {
    /// A publisher at the time `now`. With `is_dry` it composes and queues nothing.
    pub fn new(
        db: &Db,
        composer: &'a Composer,
        as_of: AsOf,
        now: DateTime<Utc>,
        is_dry: bool,
    ) -> Result<Self, EditionError> {
        let at = match as_of {
            AsOf::Now => now,
            AsOf::Instant(instant) => instant,
        };
        let coverage = recent_coverage(db, coverage_window::last_day(at))?;
        Ok(Publisher {
            db: db.clone(),
            composer,
            archive: None,
            as_of,
            now,
            is_dry,
            for_due: false,
            coverage,
            prepared: Vec::new(),
            examples: Examples::default(),
            fragments: FragmentCache::default(),
            after: SubscriberId(0),
            finished: Finished::default(),
            published: Published::default(),
        })
    }

    /// A publisher for the subscribers whose next look is due at `now`.
    pub fn for_due(
        db: &Db,
        composer: &'a Composer,
        now: DateTime<Utc>,
    ) -> Result<Self, EditionError> {
        Ok(Publisher {
            for_due: true,
            ..Publisher::new(db, composer, AsOf::Now, now, false)?
        })
    }

    /// The counts so far.
    pub fn published(&self) -> Published {
        self.published
    }

    /// Publishes one batch of subscribers; `false` when there are no more. Its issues may be
    /// queued while the next batch is composed; those of the last batch are queued on return.
    pub fn publish_batch(&mut self) -> Result<bool, EditionError> {
        let printed = self.next_page();
        if printed.is_err() {
            // Store what was composed before; of two errors the first one is returned.
            let finished = std::mem::take(&mut self.finished);
            self.published.queued += finished.store(&self.db, self.now).unwrap_or_default();
        }
        printed
    }

    fn next_page(&mut self) -> Result<bool, EditionError> {
        let (after, now) = (self.after, self.now);
        let page = if self.for_due {
            self.db
                .run_here(|store| store.due_subscribers(now, BATCH))?
        } else {
            self.db.run_here(|store| store.publishable(after, BATCH))?
        };
        let Some(last) = page.last() else {
            self.published.queued += std::mem::take(&mut self.finished).store(&self.db, now)?;
            return Ok(false);
        };
        self.after = last.subscriber.id;
        self.published.subscribers += page.len() as u64;

        let (mut plans, mut looks, mut skipped) =
            (Vec::new(), Vec::with_capacity(page.len()), Vec::new());
        let mut first_days = Vec::new();
        for publishable in page {
            let decision = self.decide(&publishable)?;
            looks.push(self.next_look(&publishable, &decision));
            match decision {
                Decision::Compose(local_date, due) => {
                    self.published.due += 1;
                    let is_beginning = publishable.first_day.is_none();
                    let plan = self.plan(publishable, local_date, due)?;
                    if let Some((day, _)) = plan.days.last_key_value().filter(|_| is_beginning) {
                        first_days.push((plan.subscriber.id, *day));
                    }
                    plans.push(plan);
                }
                Decision::Wait(_) => self.published.waiting += 1,
                Decision::Skip(local_date) => {
                    self.published.late += 1;
                    skipped.push((publishable.subscriber.id, local_date, Skipped::Late));
                }
                Decision::Nothing => {}
            }
        }
        let issues = self.compose(plans, &mut skipped)?;
        if self.is_dry {
            self.published.queued += issues.len() as u64;
            return Ok(true);
        }
        // At a chosen instant nothing is stored but queued issues.
        if let AsOf::Instant(_) = self.as_of {
            skipped.clear();
            looks.clear();
        }
        self.finished = Finished {
            issues,
            skipped,
            first_days,
            looks,
        };
        if self.for_due {
            // The next query reads due subscribers again and must not return the same ones.
            self.published.queued += std::mem::take(&mut self.finished).store(&self.db, now)?;
        }
        Ok(true)
    }

    /// Ranks and composes; subscribers who want no empty issue are added to `skipped`.
    fn compose(
        &mut self,
        mut plans: Vec<Plan>,
        skipped: &mut Vec<(SubscriberId, NaiveDate, Skipped)>,
    ) -> Result<Vec<NewIssue>, EditionError> {
        let finished = std::mem::take(&mut self.finished);
        if plans.is_empty() {
            self.published.queued += finished.store(&self.db, self.now)?;
            return Ok(Vec::new());
        }
        self.mark_sent(&mut plans)?;
        for plan in &mut plans {
            paper_news::plan(&self.db, plan)?;
        }
        let archive = self.archive()?;
        self.examples.fetch(
            &self.db,
            plans.iter().map(|plan| &plan.subscriber),
            &archive,
        )?;
        let (composer, examples, fragments, now) =
            (self.composer, &self.examples, &self.fragments, self.now);
        let compose = || {
            let learned = learn_profiles(&plans, &archive, examples);
            let composed = plans
                .par_iter()
                .zip(&learned)
                .map(|(plan, learned)| composer.compose(plan, learned, examples, fragments, now));
            composed.collect::<Result<Vec<Composed>, _>>()
        };
        // Composing needs no database, so the batch before this one is stored meanwhile, on a
        // thread outside the pool: a pool thread would pick up other work while it holds it.
        let (queued, composed) = std::thread::scope(|scope| {
            let storing = scope.spawn(|| finished.store(&self.db, now));
            let composed = compose();
            (
                storing
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                composed,
            )
        });
        self.published.queued += queued?;
        let composed = composed?;
        let mut issues: Vec<NewIssue> = Vec::new();
        for composed in composed {
            self.published.papers += composed.considered as u64;
            if composed.wanted() {
                issues.push(composed.into_new_issue(self.now + composer.shelf_life));
            } else {
                self.published.empty += 1;
                skipped.push((
                    composed.subscriber.id,
                    composed.issue.local_date,
                    Skipped::Empty,
                ));
            }
        }
        Ok(issues)
    }

    fn archive(&mut self) -> Result<Arc<ArchiveStats>, StoreError> {
        if let Some(archive) = &self.archive {
            return Ok(Arc::clone(archive));
        }
        let archive = refresh_stats(
            &self.db,
            self.composer.model.get_or_without(&self.db)?,
            |_| {},
        )?;
        self.archive = Some(Arc::clone(&archive));
        Ok(archive)
    }

    /// The instant at which due-ness is judged.
    fn at(&self) -> DateTime<Utc> {
        match self.as_of {
            AsOf::Now => self.now,
            AsOf::Instant(instant) => instant,
        }
    }

    /// Decides about the newest issue that is due.
    fn decide(&self, publishable: &Publishable) -> Result<Decision, EditionError> {
        let subscriber = &publishable.subscriber;
        let preferences = &subscriber.preferences;
        let Some(date) = latest_due(preferences, self.at()) else {
            return Ok(Decision::Nothing);
        };
        let due = due_at(date, preferences.send_at, preferences.timezone);
        let (id, as_of) = (subscriber.id, self.as_of);
        let is_decided = self.db.run_here(|store| {
            // At a chosen instant a skipped issue may be composed all the same.
            Ok(store.has_issue(id, date)?
                || (matches!(as_of, AsOf::Now) && store.was_skipped(id, date)?))
        })?;
        if is_decided {
            return Ok(Decision::Nothing);
        }
        let latest_send = self.composer.latest_send;
        let bounds = match self.as_of {
            AsOf::Now => DueBounds {
                due_from: publishable.due_from,
                latest_send,
                max_lateness: self.composer.max_lateness,
            },
            AsOf::Instant(_) => DueBounds::none(latest_send),
        };
        let is_missing_papers = missing_papers::is_missing_papers(&self.coverage, subscriber, due);
        Ok(match bounds.decide(due, self.at(), is_missing_papers) {
            DueDecision::Now => Decision::Compose(date, due),
            DueDecision::Wait(until) => Decision::Wait(until),
            DueDecision::TooLate => Decision::Skip(date),
            DueDecision::TooEarly => Decision::Nothing,
        })
    }

    fn next_look(&self, publishable: &Publishable, decision: &Decision) -> NextLook {
        let (at, awaits) = match decision {
            Decision::Wait(until) => (Some(*until), true),
            _ => (
                next_due(&publishable.subscriber.preferences, self.now).map(|(_, due)| due),
                false,
            ),
        };
        // The database stores whole seconds: round up, so that no look comes too early.
        let at = at.map(|at| {
            if at.timestamp_subsec_nanos() == 0 {
                at
            } else {
                at + TimeDelta::seconds(1)
            }
        });
        NextLook {
            subscriber: publishable.subscriber.id,
            revision: publishable.revision,
            at,
            awaits,
        }
    }

    fn plan(
        &mut self,
        publishable: Publishable,
        local_date: NaiveDate,
        due: DateTime<Utc>,
    ) -> Result<Plan, EditionError> {
        let days = coverage_window::days(
            &self.coverage,
            publishable.history.as_ref(),
            publishable.first_day,
            due,
        );
        let prepared = self.prepared(days.keys().copied().collect())?;
        Ok(Plan {
            news_since: publishable
                .history
                .map_or(publishable.due_from, |history| history.composed_at),
            news: Vec::new(),
            covers: missing_papers::covered(&self.coverage, &days, &publishable.subscriber, due),
            is_first: publishable.history.is_none(),
            subscriber: publishable.subscriber,
            local_date,
            due,
            days,
            prepared,
            sent: std::collections::HashSet::new(),
        })
    }

    fn prepared(&mut self, days: BTreeSet<NaiveDate>) -> Result<Arc<Prepared>, EditionError> {
        if let Some((_, prepared)) = self.prepared.iter().find(|(known, _)| *known == days) {
            return Ok(Arc::clone(prepared));
        }
        let archive = self.archive()?;
        let prepared = Arc::new(prepare(&self.db, &days, &archive, self.at())?);
        if self.prepared.len() == PREPARED_MAX {
            self.prepared.remove(0);
        }
        self.prepared.push((days, Arc::clone(&prepared)));
        Ok(prepared)
    }

    /// Marks in each plan the candidates that the subscriber had before.
    fn mark_sent(&self, plans: &mut [Plan]) -> Result<(), EditionError> {
        let Some(from) = plans
            .iter()
            .filter_map(|plan| plan.prepared.rows.first())
            .min()
            .copied()
        else {
            return Ok(());
        };
        let ids: Vec<SubscriberId> = plans.iter().map(|plan| plan.subscriber.id).collect();
        let mut sent: HashMap<SubscriberId, Vec<PaperRow>> = HashMap::new();
        for paper in self.db.run_here(|store| store.papers_sent(&ids, from))? {
            sent.entry(paper.subscriber).or_default().push(paper.paper);
        }
        for plan in plans {
            let rows = sent.remove(&plan.subscriber.id).unwrap_or_default();
            plan.sent = rows
                .into_iter()
                .filter_map(|row| plan.prepared.position(row))
                .collect();
        }
        Ok(())
    }
}

/// Coverage of the days that an issue may be about, until `last`: two months behind the
/// newest complete day, so that older rows cost nothing.
pub(super) fn recent_coverage(db: &Db, last: NaiveDate) -> Result<Vec<Coverage>, StoreError> {
    db.run_here(|store| {
        let newest = store.newest_day(last)?.unwrap_or(last);
        store.coverage(
            newest
                .checked_sub_days(Days::new(62))
                .unwrap_or(NaiveDate::MIN),
            last,
        )
    })
}

pub(super) fn prepare(
    db: &Db,
    days: &BTreeSet<NaiveDate>,
    archive: &ArchiveStats,
    now: DateTime<Utc>,
) -> Result<Prepared, EditionError> {
    let mut papers = Vec::new();
    for day in days {
        papers.extend(db.run_here(|store| store.papers_announced(*day, *day))?);
    }
    papers.sort_by_key(|paper| paper.row);
    trending::add_own_votes(db, &mut papers, now)?;
    let rows = papers.iter().map(|paper| paper.row).collect();
    let vectors = match &archive.vectors {
        Some(vectors) => Some((vectors.background.maker.clone(), vectors.of(db, &papers)?)),
        None => None,
    };
    let papers = papers
        .into_iter()
        .map(|stored| (Arc::new(stored.paper), stored.seen_at))
        .collect();
    let mut candidates = Candidates::prepare(papers, &archive.background);
    if let Some((maker, vectors)) = vectors {
        candidates = candidates.with_dense(&maker, &vectors);
    }
    Ok(Prepared { candidates, rows })
}

/// Default lateness after which an issue is skipped.
pub const MAX_LATENESS: TimeDelta = TimeDelta::hours(12);

//! Publishes: who is due, their papers ranked, their issues composed and queued.
//!
//! [`Press`] goes through the subscribers page by page. For each page it asks
//! the store for facts, ranks and composes without it (on all cores), and hands
//! the finished issues back to be queued: the database is never kept waiting
//! for the ranking, and memory does not grow with the number of subscribers.
//!
//! A service does not go through all of them: each has an instant at which to
//! look at them next, so [`Press::for_due`] asks for those alone. Whatever a
//! subscriber changes about it sets that instant to "at once"; a look sets it
//! to when their next issue is due, or to the end of the wait if papers that
//! they follow are still missing (`turn`, `awaited`).

mod again;
mod alike;
mod awaited;
mod background;
pub mod clicks;
mod compose;
mod examples;
pub mod find;
mod follow;
mod held;
mod leaving;
mod library;
mod named;
mod notice;
mod outcomes;
mod preview;
mod publisher;
mod signing;
mod told;
mod trending;
mod turn;
mod vectors;
mod votes;
mod window;

pub use again::shown_again;
pub use alike::{Kin, nearest, sign_papers, similar};
pub use background::{Archive, Vectors, refresh_archive, refresh_background};
pub use compose::{Composed, Desk, kind_of, reasons};
pub use examples::YOUR_PICKS;
pub use follow::follow_author;
pub use held::HeldVectors;
pub use library::{Taken, YOUR_LIBRARY, take_library};
pub use named::{Named, named_papers};
pub use notice::Addressee;
pub use outcomes::{Outcome, Outcomes, RankOutcome, pick_stats};
pub use preview::{
    Explained, Told, coming_date, explain_paper, explain_picks, preview, preview_again, preview_for,
};
pub use publisher::Publisher;
pub use trending::{DayInOrder, day_in_order, trending};
pub use vectors::{ActiveEmbedder, StoredVectors, VectorError, refresh_vectors};

use crate::digest::FragmentCache;
use crate::ranking::Candidates;
use crate::schedule::{due_at, latest_due, next_due};
use crate::store::{Coverage, Db, NewIssue, NextLook, PaperRow, Publishable, Skipped, StoreError};
use crate::subscriber::SubscriberId;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use compose::{Plan, get_ready};
use examples::Examples;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use turn::{Bounds, Turn};

/// Subscribers in one page: some 10 MB of mail.
const PAGE: u32 = 256;

/// Sets of announcement days that are kept prepared at a time.
const PREPARED_MAX: usize = 4;

/// Why nothing more was published. What was queued before stays.
#[derive(Debug, thiserror::Error)]
pub enum EditionError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A template fails on an issue.
    #[error("cannot render the issue of subscriber {subscriber}")]
    Template {
        /// Whose.
        subscriber: i64,
        /// File, line and what is wrong.
        #[source]
        cause: crate::digest::TemplateError,
    },
    /// A value cannot stand in a header.
    #[error("cannot build the message for subscriber {subscriber}")]
    Message {
        /// Whose.
        subscriber: i64,
        /// Which header.
        #[source]
        cause: crate::digest::MessageError,
    },
    /// A notice cannot be written.
    #[error("cannot write the notice {kind}")]
    Notice {
        /// Its word.
        kind: &'static str,
        /// What is wrong.
        #[source]
        cause: crate::digest::notices::NoticeError,
    },
}

/// At which time due-ness is judged.
#[derive(Debug, Clone, Copy)]
pub enum Judged {
    /// Now: nobody gets what was due before they joined, or too long ago.
    Now,
    /// As if it were that instant, whenever people joined.
    At(DateTime<Utc>),
}

/// What became of the subscribers that were looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Active subscribers.
    pub subscribers: u64,
    /// Of them, those whose issue was due and not yet made.
    pub due: u64,
    /// Issues queued.
    pub queued: u64,
    /// Nothing above the line, and they want no mail then.
    pub empty: u64,
    /// Due too long ago: skipped, and counted once.
    pub late: u64,
    /// Due, and waiting for papers that are still missing.
    pub waiting: u64,
    /// Papers looked at for the issues together.
    pub papers: u64,
}

/// Composes and queues every issue that is due.
pub struct Press<'a> {
    db: Db,
    desk: &'a Desk,
    /// Read when the first issue is planned: most looks at subscribers need none.
    archive: Option<Arc<Archive>>,
    judged: Judged,
    now: DateTime<Utc>,
    is_dry: bool,
    /// Only those who are to be looked at, not everybody.
    for_due: bool,
    coverage: Vec<Coverage>,
    prepared: Vec<(BTreeSet<NaiveDate>, Arc<Prepared>)>,
    examples: Examples,
    /// Papers as they stand in mails, rendered once for all readers.
    fragments: FragmentCache,
    after: SubscriberId,
    /// What the last page came to and is not stored yet.
    finished: Finished,
    published: Published,
}

/// What a page of subscribers came to.
#[derive(Default)]
struct Finished {
    issues: Vec<NewIssue>,
    skipped: Vec<(SubscriberId, NaiveDate, Skipped)>,
    first_days: Vec<(SubscriberId, NaiveDate)>,
    looks: Vec<NextLook>,
}

impl Finished {
    /// Stores it, if there is anything; answers how many issues are queued.
    fn store(&self, db: &Db, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let Finished {
            issues,
            skipped,
            first_days,
            looks,
        } = self;
        if issues.is_empty() && skipped.is_empty() && first_days.is_empty() && looks.is_empty() {
            // Whoever only looks, now and then or in a dry run, does not ask to write.
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
                target: "paperboy::journey", issue = id.0, subscriber.id = issue.subscriber.0, date = %issue.local_date,
                picks = issue.picks.len(), "issue composed and queued"
            );
        }
        Ok(queued.iter().flatten().count() as u64)
    }
}

/// What is to be done about a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judgement {
    /// The issue of this date, which was due then, is composed.
    Compose(NaiveDate, DateTime<Utc>),
    /// It waits for papers, until then at the latest.
    Wait(DateTime<Utc>),
    /// The issue of this date is too late.
    Skip(NaiveDate),
    /// No issue, or it is made or skipped already.
    Nothing,
}

/// The papers of some days, with their rows.
pub(crate) struct Prepared {
    pub(crate) candidates: Candidates,
    pub(crate) rows: Vec<PaperRow>,
}

impl Prepared {
    pub(crate) fn position(&self, row: PaperRow) -> Option<usize> {
        self.rows.binary_search(&row).ok()
    }
}

impl<'a> Press<'a> {
    /// A press at the time `now`. `is_dry`: composes, and queues nothing.
    pub fn new(
        db: &Db,
        desk: &'a Desk,
        judged: Judged,
        now: DateTime<Utc>,
        is_dry: bool,
    ) -> Result<Self, EditionError> {
        let at = match judged {
            Judged::Now => now,
            Judged::At(instant) => instant,
        };
        let coverage = recent_coverage(db, window::last_day(at))?;
        Ok(Press {
            db: db.clone(),
            desk,
            archive: None,
            judged,
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

    /// A press for those who are to be looked at by `now`, and nobody else.
    pub fn for_due(db: &Db, desk: &'a Desk, now: DateTime<Utc>) -> Result<Self, EditionError> {
        Ok(Press {
            for_due: true,
            ..Press::new(db, desk, Judged::Now, now, false)?
        })
    }

    /// What was done so far.
    pub fn published(&self) -> Published {
        self.published
    }

    /// Goes through one page of subscribers; `false` when there are no more. Its issues
    /// may be queued while the next page is composed, those of the last one are when it says so.
    pub fn print_page(&mut self) -> Result<bool, EditionError> {
        let printed = self.next_page();
        if printed.is_err() {
            // What was composed before is as good as ever; of two failures the first one is told.
            let finished = std::mem::take(&mut self.finished);
            self.published.queued += finished.store(&self.db, self.now).unwrap_or_default();
        }
        printed
    }

    fn next_page(&mut self) -> Result<bool, EditionError> {
        let (after, now) = (self.after, self.now);
        let page = if self.for_due {
            self.db.run_here(|store| store.due_subscribers(now, PAGE))?
        } else {
            self.db.run_here(|store| store.publishable(after, PAGE))?
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
            let judgement = self.judge(&publishable)?;
            looks.push(self.next_look(&publishable, &judgement));
            match judgement {
                Judgement::Compose(local_date, due) => {
                    self.published.due += 1;
                    let is_beginning = publishable.first_day.is_none();
                    let plan = self.plan(publishable, local_date, due)?;
                    if let Some((day, _)) = plan.days.last_key_value().filter(|_| is_beginning) {
                        first_days.push((plan.subscriber.id, *day));
                    }
                    plans.push(plan);
                }
                Judgement::Wait(_) => self.published.waiting += 1,
                Judgement::Skip(local_date) => {
                    self.published.late += 1;
                    skipped.push((publishable.subscriber.id, local_date, Skipped::Late));
                }
                Judgement::Nothing => {}
            }
        }
        let issues = self.compose(plans, &mut skipped)?;
        if self.is_dry {
            self.published.queued += issues.len() as u64;
            return Ok(true);
        }
        // At a chosen instant nothing is decided for good but what is queued.
        if let Judged::At(_) = self.judged {
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
            // Who is due is asked again, and must not be the same people.
            self.published.queued += std::mem::take(&mut self.finished).store(&self.db, now)?;
        }
        Ok(true)
    }

    /// Ranks and composes; those who want no mail today are added to `skipped`.
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
            told::plan(&self.db, plan)?;
        }
        let archive = self.archive()?;
        self.examples.fetch(
            &self.db,
            plans.iter().map(|plan| &plan.subscriber),
            &archive,
        )?;
        let (desk, examples, fragments, now) =
            (self.desk, &self.examples, &self.fragments, self.now);
        let compose = || {
            let ready = get_ready(&plans, &archive, examples);
            let composed = plans
                .par_iter()
                .zip(&ready)
                .map(|(plan, ready)| desk.compose(plan, ready, examples, fragments, now));
            composed.collect::<Result<Vec<Composed>, _>>()
        };
        // Composing asks nothing of the database: meanwhile the page before this one is stored. Not by a
        // thread that composes: it would take up other work while it has the database.
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
                issues.push(composed.into_new_issue(self.now + desk.shelf_life));
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

    fn archive(&mut self) -> Result<Arc<Archive>, StoreError> {
        if let Some(archive) = &self.archive {
            return Ok(Arc::clone(archive));
        }
        let archive = refresh_archive(&self.db, self.desk.model.get_or_without(&self.db)?, |_| {})?;
        self.archive = Some(Arc::clone(&archive));
        Ok(archive)
    }

    /// The instant at which due-ness is judged.
    fn at(&self) -> DateTime<Utc> {
        match self.judged {
            Judged::Now => self.now,
            Judged::At(instant) => instant,
        }
    }

    /// What is to be done about the newest issue that is due.
    fn judge(&self, publishable: &Publishable) -> Result<Judgement, EditionError> {
        let subscriber = &publishable.subscriber;
        let preferences = &subscriber.preferences;
        let Some(date) = latest_due(preferences, self.at()) else {
            return Ok(Judgement::Nothing);
        };
        let due = due_at(date, preferences.send_at, preferences.timezone);
        let (id, judged) = (subscriber.id, self.judged);
        let is_decided = self.db.run_here(|store| {
            // What is judged at a chosen instant may be composed although it was skipped.
            Ok(store.has_issue(id, date)?
                || (matches!(judged, Judged::Now) && store.was_skipped(id, date)?))
        })?;
        if is_decided {
            return Ok(Judgement::Nothing);
        }
        let latest_send = self.desk.latest_send;
        let bounds = match self.judged {
            Judged::Now => Bounds {
                due_from: publishable.due_from,
                latest_send,
                max_lateness: self.desk.max_lateness,
            },
            Judged::At(_) => Bounds::none(latest_send),
        };
        let is_missing_papers = awaited::is_awaited(&self.coverage, subscriber, due);
        Ok(match bounds.turn(due, self.at(), is_missing_papers) {
            Turn::Now => Judgement::Compose(date, due),
            Turn::Wait(until) => Judgement::Wait(until),
            Turn::TooLate => Judgement::Skip(date),
            Turn::TooEarly => Judgement::Nothing,
        })
    }

    fn next_look(&self, publishable: &Publishable, judgement: &Judgement) -> NextLook {
        let (at, awaits) = match judgement {
            Judgement::Wait(until) => (Some(*until), true),
            _ => (
                next_due(&publishable.subscriber.preferences, self.now).map(|(_, due)| due),
                false,
            ),
        };
        // The database keeps whole seconds: a look must not come before its time.
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
        let days = window::days(
            &self.coverage,
            publishable.history.as_ref(),
            publishable.first_day,
            due,
        );
        let prepared = self.prepared(days.keys().copied().collect())?;
        Ok(Plan {
            told_since: publishable
                .history
                .map_or(publishable.due_from, |history| history.composed_at),
            told: Vec::new(),
            covers: awaited::covered(&self.coverage, &days, &publishable.subscriber, due),
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

    /// Notes in each plan which of its candidates the subscriber had before.
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

/// What is known of the days that any issue may be about, until `last`: two
/// months behind the newest complete day, so that years of it cost nothing.
fn recent_coverage(db: &Db, last: NaiveDate) -> Result<Vec<Coverage>, StoreError> {
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

fn prepare(
    db: &Db,
    days: &BTreeSet<NaiveDate>,
    archive: &Archive,
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

/// How long an issue may be late before it is skipped, unless the settings say otherwise.
pub const MAX_LATENESS: TimeDelta = TimeDelta::hours(12);

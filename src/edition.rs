//! Publishes: who is due, their papers ranked, their issues composed and queued.
//!
//! [`Press`] goes through the subscribers page by page. For each page it asks
//! the store for facts, ranks and composes without it (on all cores), and hands
//! the finished issues back to be queued: the database is never kept waiting
//! for the ranking, and memory does not grow with the number of subscribers.

mod background;
mod compose;
mod examples;
mod window;

pub use background::refresh_background;
pub use compose::{Composed, Desk};

use crate::profile::Background;
use crate::ranking::Candidates;
use crate::schedule::{due_at, latest_due, next_due};
use crate::store::{Coverage, Db, NewIssue, PaperRow, Publishable, StoreError};
use crate::subscriber::{Subscriber, SubscriberId};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use compose::Plan;
use examples::Examples;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

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
    /// Due too long ago: skipped.
    pub late: u64,
    /// Papers looked at for the issues together.
    pub papers: u64,
}

/// Composes and queues every issue that is due.
pub struct Press<'a> {
    db: Db,
    desk: &'a Desk,
    background: Arc<Background>,
    judged: Judged,
    now: DateTime<Utc>,
    is_dry: bool,
    coverage: Vec<Coverage>,
    prepared: Vec<(BTreeSet<NaiveDate>, Arc<Prepared>)>,
    examples: Examples,
    after: SubscriberId,
    published: Published,
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
        let coverage = db.run_here(|store| store.coverage(NaiveDate::MIN, window::last_day(at)))?;
        Ok(Press {
            db: db.clone(),
            desk,
            background: refresh_background(db, |_| {})?,
            judged,
            now,
            is_dry,
            coverage,
            prepared: Vec::new(),
            examples: Examples::default(),
            after: SubscriberId(0),
            published: Published::default(),
        })
    }

    /// What was done so far.
    pub fn published(&self) -> Published {
        self.published
    }

    /// Goes through one page of subscribers; `false` when there are no more.
    pub fn print_page(&mut self) -> Result<bool, EditionError> {
        let after = self.after;
        let page = self.db.run_here(|store| store.publishable(after, PAGE))?;
        let Some(last) = page.last() else { return Ok(false) };
        self.after = last.subscriber.id;
        self.published.subscribers += page.len() as u64;

        let mut plans = Vec::new();
        for publishable in page {
            if let Some((local_date, due)) = self.issue_due(&publishable)? {
                self.published.due += 1;
                plans.push(self.plan(publishable, local_date, due)?);
            }
        }
        self.mark_sent(&mut plans)?;
        self.examples.fetch(&self.db, plans.iter().map(|plan| &plan.subscriber), &self.background)?;

        let (desk, background, examples, now) = (self.desk, &*self.background, &self.examples, self.now);
        let composed: Vec<Composed> =
            plans.par_iter().map(|plan| desk.compose(plan, background, examples, now)).collect::<Result<_, _>>()?;
        let mut issues: Vec<NewIssue> = Vec::new();
        for composed in composed {
            self.published.papers += composed.considered as u64;
            if composed.wanted() {
                issues.push(composed.into_new_issue(self.now + desk.shelf_life));
            } else {
                self.published.empty += 1;
            }
        }
        if self.is_dry {
            self.published.queued += issues.len() as u64;
        } else {
            let queued = self.db.run_here(|store| store.enqueue_issues(&issues, now))?;
            self.published.queued += queued.iter().filter(|queued| **queued).count() as u64;
        }
        Ok(true)
    }

    /// The date of the issue that is due, and since when. `None` if there is none.
    fn issue_due(&mut self, publishable: &Publishable) -> Result<Option<(NaiveDate, DateTime<Utc>)>, EditionError> {
        let subscriber = &publishable.subscriber;
        let preferences = &subscriber.preferences;
        let at = match self.judged {
            Judged::Now => self.now,
            Judged::At(instant) => instant,
        };
        let Some(date) = latest_due(preferences, at) else { return Ok(None) };
        let due = due_at(date, preferences.send_at, preferences.timezone);
        let id = subscriber.id;
        if self.db.run_here(|store| store.has_issue(id, date))? {
            return Ok(None);
        }
        if let Judged::Now = self.judged {
            if due < publishable.joined_at {
                return Ok(None);
            }
            if at - due > self.desk.max_lateness {
                self.published.late += 1;
                return Ok(None);
            }
        }
        Ok(Some((date, due)))
    }

    fn plan(
        &mut self,
        publishable: Publishable,
        local_date: NaiveDate,
        due: DateTime<Utc>,
    ) -> Result<Plan, EditionError> {
        let days = window::days(&self.coverage, publishable.history.as_ref(), due);
        let prepared = self.prepared(days.keys().copied().collect())?;
        Ok(Plan {
            covers: window::covered(&self.coverage, &days),
            subscriber: publishable.subscriber,
            local_date,
            days,
            prepared,
            sent: std::collections::HashSet::new(),
        })
    }

    fn prepared(&mut self, days: BTreeSet<NaiveDate>) -> Result<Arc<Prepared>, EditionError> {
        if let Some((_, prepared)) = self.prepared.iter().find(|(known, _)| *known == days) {
            return Ok(Arc::clone(prepared));
        }
        let prepared = Arc::new(prepare(&self.db, &days, &self.background)?);
        if self.prepared.len() == PREPARED_MAX {
            self.prepared.remove(0);
        }
        self.prepared.push((days, Arc::clone(&prepared)));
        Ok(prepared)
    }

    /// Notes in each plan which of its candidates the subscriber had before.
    fn mark_sent(&self, plans: &mut [Plan]) -> Result<(), EditionError> {
        let Some(from) = plans.iter().filter_map(|plan| plan.prepared.rows.first()).min().copied() else {
            return Ok(());
        };
        let ids: Vec<SubscriberId> = plans.iter().map(|plan| plan.subscriber.id).collect();
        let mut sent: HashMap<SubscriberId, Vec<PaperRow>> = HashMap::new();
        for paper in self.db.run_here(|store| store.papers_sent(&ids, from))? {
            sent.entry(paper.subscriber).or_default().push(paper.paper);
        }
        for plan in plans {
            let rows = sent.remove(&plan.subscriber.id).unwrap_or_default();
            plan.sent = rows.into_iter().filter_map(|row| plan.prepared.position(row)).collect();
        }
        Ok(())
    }
}

fn prepare(db: &Db, days: &BTreeSet<NaiveDate>, background: &Background) -> Result<Prepared, EditionError> {
    let mut papers = Vec::new();
    for day in days {
        papers.extend(db.run_here(|store| store.papers_announced(*day, *day))?);
    }
    papers.sort_by_key(|paper| paper.row);
    let rows = papers.iter().map(|paper| paper.row).collect();
    let papers = papers.into_iter().map(|stored| (Arc::new(stored.paper), stored.seen_at)).collect();
    Ok(Prepared { candidates: Candidates::prepare(papers, background), rows })
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
    let (id, preferences) = (subscriber.id, &subscriber.preferences);
    let date = if date.is_some() { date } else { coming_date(db, subscriber, now)? };
    let Some(local_date) = date else { return Ok(None) };
    let due = due_at(local_date, preferences.send_at, preferences.timezone);
    let Some(publishable) = db.run_here(|store| store.publishable_one(id, local_date))? else { return Ok(None) };
    let coverage = db.run_here(|store| store.coverage(NaiveDate::MIN, window::last_day(due)))?;
    let background = refresh_background(db, |_| {})?;
    let days = window::days(&coverage, publishable.history.as_ref(), due);
    let prepared = Arc::new(prepare(db, &days.keys().copied().collect(), &background)?);
    let from = prepared.rows.first().copied().unwrap_or(PaperRow(0));
    let sent = db.run_here(|store| store.papers_sent(&[id], from))?;
    let sent = sent
        .into_iter()
        .filter(|sent| sent.local_date < local_date)
        .filter_map(|sent| prepared.position(sent.paper))
        .collect();
    let mut examples = Examples::default();
    examples.fetch(db, std::iter::once(subscriber), &background)?;
    let plan = Plan {
        covers: window::covered(&coverage, &days),
        subscriber: subscriber.clone(),
        local_date,
        days,
        prepared,
        sent,
    };
    desk.compose(&plan, &background, &examples, now).map(Some)
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

/// How long an issue may be late before it is skipped, unless the settings say otherwise.
pub const MAX_LATENESS: TimeDelta = TimeDelta::hours(12);

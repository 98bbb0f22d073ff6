//! Issues: who can get one, and queueing those that were composed.

use super::{DeliveryId, PaperRow, StoreError};
use crate::pick::{Reason, Section};
use crate::subscriber::{Address, Subscriber, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};

/// What a subscriber had so far: their issues, but for those whose mail was
/// refused or given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Date of the newest issue.
    pub local_date: NaiveDate,
    /// When it was composed.
    pub composed_at: DateTime<Utc>,
    /// The oldest and the newest announcement day of any issue; `None` if all of them were notes.
    pub covers: Option<(NaiveDate, NaiveDate)>,
}

/// A subscriber who may get an issue, with what is needed to decide it.
#[derive(Debug, Clone)]
pub struct Publishable {
    /// Who.
    pub subscriber: Subscriber,
    /// Nothing that was due before this is for them: they joined, came back or were restored then.
    pub due_from: DateTime<Utc>,
    /// Counts what they changed about when issues are due.
    pub revision: i64,
    /// The announcement day that was looked at for them first, even if nothing of it was sent.
    pub first_day: Option<NaiveDate>,
    /// What they had so far; `None` if nothing yet.
    pub history: Option<History>,
}

/// When a subscriber is to be looked at next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextLook {
    /// Who.
    pub subscriber: SubscriberId,
    /// What they had chosen when this was worked out.
    pub revision: i64,
    /// When; `None` for not until they change something.
    pub at: Option<DateTime<Utc>>,
    /// Whether an issue of theirs waits for papers: then also when coverage changes.
    pub awaits: bool,
}

/// Why a date has no issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skipped {
    /// Nothing was above the line, and they want no mail then.
    Empty,
    /// It was due too long ago.
    Late,
}

impl Skipped {
    /// Its word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Skipped::Empty => "empty",
            Skipped::Late => "late",
        }
    }
}

/// A paper that was in an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentPaper {
    /// Whose.
    pub subscriber: SubscriberId,
    /// Which.
    pub paper: PaperRow,
    /// The date of the issue.
    pub local_date: NaiveDate,
}

/// One pick of an issue.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPick {
    /// Which paper.
    pub paper: PaperRow,
    /// 0 to 1.
    pub score: f32,
    /// Its section.
    pub section: Section,
    /// The reasons for it, strongest first.
    pub reasons: Vec<Reason>,
}

/// How a paper came into an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickKind {
    /// It was above the line.
    Chosen,
    /// It was below the line, and among the nearest to it on a short day.
    NearMiss,
    /// It was near the line, and tried to learn what comes of it.
    Exploring,
}

impl NewPick {
    /// How it came into its issue.
    pub fn kind(&self) -> PickKind {
        if self.section == Section::Exploring {
            PickKind::Exploring
        } else if self.reasons.contains(&Reason::NearMiss) {
            PickKind::NearMiss
        } else {
            PickKind::Chosen
        }
    }
}

impl PickKind {
    /// Every kind with its word.
    pub const WORDS: [(&'static str, PickKind); 3] = [
        ("chosen", PickKind::Chosen),
        ("near_miss", PickKind::NearMiss),
        ("exploring", PickKind::Exploring),
    ];

    /// Its word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            PickKind::Chosen => "chosen",
            PickKind::NearMiss => "near_miss",
            PickKind::Exploring => "exploring",
        }
    }
}

/// A composed issue, ready to be queued.
#[derive(Debug, Clone)]
pub struct NewIssue {
    /// For whom.
    pub subscriber: SubscriberId,
    /// Its date where they live.
    pub local_date: NaiveDate,
    /// Announcement days in it, oldest and newest; `None` for a note on a day without any.
    pub covers: Option<(NaiveDate, NaiveDate)>,
    /// The address at this time.
    pub address: Address,
    /// The subject line.
    pub subject: String,
    /// Without angle brackets; the same on every try.
    pub message_id: String,
    /// The complete message, sent byte for byte.
    pub message: Vec<u8>,
    /// What it holds, in order.
    pub picks: Vec<NewPick>,
    /// When there is no point in sending it any more.
    pub expires_at: DateTime<Utc>,
}

/// Verbs about issues.
pub trait IssueStore {
    /// Up to `limit` active subscribers after `after`, by row.
    fn publishable(
        &mut self,
        after: SubscriberId,
        limit: u32,
    ) -> Result<Vec<Publishable>, StoreError>;

    /// One subscriber, whatever their status, with the history before the date `before`.
    fn publishable_one(
        &mut self,
        id: SubscriberId,
        before: NaiveDate,
    ) -> Result<Option<Publishable>, StoreError>;

    /// Up to `limit` active subscribers who are to be looked at by `now`, the longest waiting first.
    fn due_subscribers(
        &mut self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Publishable>, StoreError>;

    /// When the next subscriber is to be looked at.
    fn next_look(&mut self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Enters when to look next, except at those who have changed something meanwhile.
    fn enter_looks(&mut self, looks: &[NextLook]) -> Result<(), StoreError>;

    /// Has everybody looked at whose issue waits for papers; how many.
    fn look_at_waiting(&mut self) -> Result<u64, StoreError>;

    /// Records that the subscriber gets no issue of each date, unless they have it.
    fn skip_issues(
        &mut self,
        skipped: &[(SubscriberId, NaiveDate, Skipped)],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Whether it was decided that the subscriber gets no issue of that date.
    fn was_skipped(
        &mut self,
        subscriber: SubscriberId,
        local_date: NaiveDate,
    ) -> Result<bool, StoreError>;

    /// Notes the announcement day that each reading begins with; one that has begun stays.
    fn begin_readings(
        &mut self,
        first_days: &[(SubscriberId, NaiveDate)],
    ) -> Result<(), StoreError>;

    /// The papers from row `from` on that each of `subscribers` was sent, or
    /// that are queued for them, with the date of the issue, in no order. A
    /// paper whose mail was refused or given up was not sent, unless it may have
    /// arrived.
    fn papers_sent(
        &mut self,
        subscribers: &[SubscriberId],
        from: PaperRow,
    ) -> Result<Vec<SentPaper>, StoreError>;

    /// Whether the subscriber has an issue of that date.
    fn has_issue(
        &mut self,
        subscriber: SubscriberId,
        local_date: NaiveDate,
    ) -> Result<bool, StoreError>;

    /// Queues issues, all or none, and gives each its number; `None` where the
    /// subscriber has an issue of that date already, or has left meanwhile.
    fn enqueue_issues(
        &mut self,
        issues: &[NewIssue],
        now: DateTime<Utc>,
    ) -> Result<Vec<Option<DeliveryId>>, StoreError>;
}

//! Issues: subscribers to consider, and queueing of composed issues.

use super::{DeliveryId, PaperRow, StoreError};
use crate::pick::{Reason, Section};
use crate::subscriber::{Address, Subscriber, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};

/// The past issues of a subscriber, without those whose mail was rejected or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Date of the newest issue.
    pub local_date: NaiveDate,
    /// Time at which it was composed.
    pub composed_at: DateTime<Utc>,
    /// Oldest and newest announcement day of any issue; `None` if all of them were notes.
    pub covers: Option<(NaiveDate, NaiveDate)>,
}

/// A subscriber who may get an issue, with the facts needed to decide.
#[derive(Debug, Clone)]
pub struct Publishable {
    /// The subscriber.
    pub subscriber: Subscriber,
    /// Issues due before this time are not sent: the subscriber joined, returned or was restored
    /// then.
    pub due_from: DateTime<Utc>,
    /// Counter of changes that affect the schedule.
    pub revision: i64,
    /// Announcement day considered first, even if none of its papers was sent.
    pub first_day: Option<NaiveDate>,
    /// Past issues; `None` if there are none.
    pub history: Option<History>,
}

/// The time at which a subscriber is considered next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextLook {
    /// The subscriber.
    pub subscriber: SubscriberId,
    /// Value of [`Publishable::revision`] that it was computed from.
    pub revision: i64,
    /// Time; `None` until the subscriber changes something.
    pub at: Option<DateTime<Utc>>,
    /// Whether an issue waits for papers: then the subscriber is also considered when coverage
    /// changes.
    pub awaits: bool,
}

/// The reason for which a date has no issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skipped {
    /// No paper was above the line, and the subscriber wants no mail then.
    Empty,
    /// It was due too long ago.
    Late,
}

impl Skipped {
    /// Returns the reason's word in the database.
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
    /// The subscriber.
    pub subscriber: SubscriberId,
    /// The paper.
    pub paper: PaperRow,
    /// Date of the issue.
    pub local_date: NaiveDate,
}

/// A pick of an issue.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPick {
    /// The paper.
    pub paper: PaperRow,
    /// Score, 0 to 1.
    pub score: f32,
    /// The section.
    pub section: Section,
    /// Reasons, strongest first.
    pub reasons: Vec<Reason>,
}

/// The way in which a paper was picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickKind {
    /// Above the line.
    Chosen,
    /// Below the line, and among the nearest to it on a short day.
    NearMiss,
    /// Near the line, to learn from the feedback.
    Exploring,
}

impl NewPick {
    /// Kind of the pick.
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

    /// Returns the kind's word in the database.
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
    /// The subscriber.
    pub subscriber: SubscriberId,
    /// Local date of the issue.
    pub local_date: NaiveDate,
    /// Oldest and newest announcement day; `None` for a note on a day without papers.
    pub covers: Option<(NaiveDate, NaiveDate)>,
    /// Address at the time of composing.
    pub address: Address,
    /// The subject line.
    pub subject: String,
    /// Message-ID, without angle brackets; the same on every attempt.
    pub message_id: String,
    /// The complete message, sent byte for byte.
    pub message: Vec<u8>,
    /// Picks, in order.
    pub picks: Vec<NewPick>,
    /// End of the shelf life.
    pub expires_at: DateTime<Utc>,
}

/// Issues, and the schedule of subscribers.
pub trait IssueStore {
    /// Returns up to `limit` active subscribers after `after`, by row.
    fn publishable(
        &mut self,
        after: SubscriberId,
        limit: u32,
    ) -> Result<Vec<Publishable>, StoreError>;

    /// Returns a subscriber of any status, with the past issues before the date `before`.
    fn publishable_one(
        &mut self,
        id: SubscriberId,
        before: NaiveDate,
    ) -> Result<Option<Publishable>, StoreError>;

    /// Returns up to `limit` active subscribers to be considered by `now`, longest waiting first.
    fn due_subscribers(
        &mut self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Publishable>, StoreError>;

    /// Returns the time at which the next subscriber is to be considered.
    fn next_look(&mut self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Stores the times at which to consider subscribers next, except those who changed
    /// something meanwhile.
    fn enter_looks(&mut self, looks: &[NextLook]) -> Result<(), StoreError>;

    /// Marks every subscriber whose issue waits for papers to be considered now; returns how many.
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

    /// Records the announcement day that each subscriber's reading begins with, once.
    fn begin_readings(
        &mut self,
        first_days: &[(SubscriberId, NaiveDate)],
    ) -> Result<(), StoreError>;

    /// Returns the papers from row `from` on that were sent to or queued for each of
    /// `subscribers`, with the date of the issue, in no order. A paper whose mail was rejected
    /// or expired does not count, unless the mail may have arrived.
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

    /// Queues issues, all or none, and returns the number of each; `None` where the subscriber
    /// has an issue of that date already, or has left meanwhile.
    fn enqueue_issues(
        &mut self,
        issues: &[NewIssue],
        now: DateTime<Utc>,
    ) -> Result<Vec<Option<DeliveryId>>, StoreError>;
}

//! What the operator is told: alarms, and what each day came to.

use super::{DeliveryId, NewNotice, StoreError};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// One time that something went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlarmRow {
    /// Its row; 0 before it has one.
    #[serde(skip)]
    pub id: i64,
    /// Its kind in one word: `relay_down`.
    pub name: String,
    /// Which relay, source or part; empty where there is one only.
    pub about: String,
    /// What is wrong, in one line.
    pub text: String,
    /// What to do about it, in one line.
    pub remedy: String,
    /// The words of others, which may hold addresses.
    pub detail: String,
    /// When it was first found.
    pub since: DateTime<Utc>,
    /// When it was last found.
    pub seen_at: DateTime<Utc>,
    /// When it had lasted long enough to be said, if it has.
    pub raised_at: Option<DateTime<Utc>>,
    /// When it was over, if it is.
    pub over_at: Option<DateTime<Utc>>,
    /// When a mail last told of it.
    pub mailed_at: Option<DateTime<Utc>>,
    /// Whether a mail told of its end.
    #[serde(skip)]
    pub mail_done: bool,
    /// When the webhook was last told of it.
    #[serde(skip)]
    pub posted_at: Option<DateTime<Utc>>,
    /// Whether the webhook was told of its end.
    #[serde(skip)]
    pub post_done: bool,
}

impl AlarmRow {
    /// Whether it was said and still is so.
    pub fn stands(&self) -> bool {
        self.raised_at.is_some() && self.over_at.is_none()
    }
}

/// What went wrong lately, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentCounts {
    /// Issues queued.
    pub composed: u64,
    /// Of them, those that a server has taken.
    pub accepted: u64,
    /// Issues given up although no mailbox was in the way.
    pub expired: u64,
    /// Mails that wait for a person: not those whose address is suppressed.
    pub held: u64,
    /// Recipients refused because of us (5.7.x).
    pub refused_for_policy: u64,
    /// Reports that mail from us is not wanted.
    pub policy_reports: u64,
    /// Addresses suppressed.
    pub suppressed: u64,
    /// Readers whose issue was skipped for being late.
    pub skipped_late: u64,
    /// Papers announced on days that became complete.
    pub papers_complete: u64,
    /// Records that could not be read, by source.
    pub set_aside: Vec<(String, u64)>,
    /// When a try to deliver what was queued meanwhile last ended.
    pub last_try: Option<DateTime<Utc>>,
}

/// What a day came to, as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFigures {
    /// Papers taken in for the first time.
    pub papers: u64,
    /// Sources and categories whose day is not complete.
    pub sources_late: Vec<String>,
    /// Issues composed.
    pub composed: u64,
    /// Of them: taken by a server.
    pub accepted: u64,
    /// Of them: waiting for the first or another try.
    pub deferred: u64,
    /// Of them: refused by a server.
    pub rejected: u64,
    /// Of them: given up.
    pub expired: u64,
    /// Of them: uncertain or held.
    pub uncertain: u64,
    /// Readers for whom nothing was above the line.
    pub empty: u64,
    /// Reports of undeliverable mail that came back.
    pub bounces: u64,
    /// Complaints that came back.
    pub complaints: u64,
    /// Readers who joined.
    pub joined: u64,
    /// Readers who left.
    pub left: u64,
    /// Readers who get issues.
    pub readers: u64,
    /// When somebody's issue is looked at next.
    pub next: Option<DateTime<Utc>>,
}

/// A day that was summed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// Which.
    pub date: NaiveDate,
    /// It counts from then.
    pub since: DateTime<Utc>,
    /// To then.
    pub at: DateTime<Utc>,
    /// What it came to.
    pub figures: RunFigures,
}

/// A source that could not be read when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingSource {
    /// Its name.
    pub source: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why not, the last time.
    pub why: String,
}

/// Verbs about what the operator is told.
pub trait AlarmStore {
    /// Every alarm that stands, said or not, and those that ended at or after
    /// `since`; the last ones that began come first.
    fn alarms(&mut self, since: DateTime<Utc>) -> Result<Vec<AlarmRow>, StoreError>;

    /// Stores alarms as they have become, but for what the webhook was told of
    /// those that have a row, and queues the mail that tells of them. One without a row gets one, unless
    /// another of its name and about stands meanwhile; one that ended before it
    /// was said is forgotten.
    fn save_alarms(
        &mut self,
        alarms: &[AlarmRow],
        mail: Option<&NewNotice>,
        now: DateTime<Utc>,
    ) -> Result<Option<DeliveryId>, StoreError>;

    /// Notes that the webhook was told of an alarm at `now`, and of its end if it `is_over`.
    fn note_posted(&mut self, id: i64, is_over: bool, now: DateTime<Utc>)
    -> Result<(), StoreError>;

    /// What went wrong since `since`.
    fn incident_counts(&mut self, since: DateTime<Utc>) -> Result<IncidentCounts, StoreError>;

    /// Notes that `source` was looked at, and why it could not be read, if it could not.
    fn note_look(
        &mut self,
        source: &str,
        why: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Every source that could not be read when it was last looked at, by name.
    fn failing_sources(&mut self) -> Result<Vec<FailingSource>, StoreError>;

    /// How many issues were queued since `since`.
    fn count_issues(&mut self, since: DateTime<Utc>) -> Result<u64, StoreError>;

    /// How many active readers should have been looked at by `before` and were not.
    fn overdue_readers(&mut self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Since when the oldest mail that is due at `now` could have been sent; mails to the operator do not count.
    fn oldest_due_to_readers(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// What the time from `since` to `until` came to.
    fn run_figures(
        &mut self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<RunFigures, StoreError>;

    /// Stores what a day came to, and queues the mail that tells it. `false`, and
    /// no mail, if that day is stored already.
    fn save_run(
        &mut self,
        run: &RunRow,
        mail: Option<&NewNotice>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// The last `limit` days that were summed up, newest first.
    fn runs(&mut self, limit: u32) -> Result<Vec<RunRow>, StoreError>;

    /// How many seconds the last `limit` issues that were taken since `since` had
    /// waited from being queued, in ascending order.
    fn waits(&mut self, since: DateTime<Utc>, limit: u32) -> Result<Vec<u64>, StoreError>;
}

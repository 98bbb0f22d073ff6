//! Alarms, and the summary of each day.

use super::{DeliveryId, NewNotice, StoreError};
use crate::run_figures::RunFigures;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlarmRow {
    /// Row; 0 before it is stored.
    #[serde(skip)]
    pub id: i64,
    /// Kind in one word: `relay_down`.
    pub name: String,
    /// Relay, source or job concerned; empty where there is only one.
    pub about: String,
    /// Problem, in one line.
    pub text: String,
    /// Remedy, in one line.
    pub remedy: String,
    /// Text of others, which may contain addresses.
    pub detail: String,
    /// Time at which the condition was first found.
    pub since: DateTime<Utc>,
    /// Time at which the condition was last found.
    pub seen_at: DateTime<Utc>,
    /// Time at which the condition had lasted long enough to be reported.
    pub raised_at: Option<DateTime<Utc>>,
    /// Time at which the condition ended.
    pub over_at: Option<DateTime<Utc>>,
    /// Time of the last mail about it.
    pub mailed_at: Option<DateTime<Utc>>,
    /// Whether a mail reported its end.
    #[serde(skip)]
    pub mail_done: bool,
    /// Time of the last webhook call about it.
    #[serde(skip)]
    pub posted_at: Option<DateTime<Utc>>,
    /// Whether the webhook was called about its end.
    #[serde(skip)]
    pub post_done: bool,
}

impl AlarmRow {
    /// Whether the alarm was reported and has not ended.
    pub fn stands(&self) -> bool {
        self.raised_at.is_some() && self.over_at.is_none()
    }
}

/// Counts of recent problems.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentCounts {
    /// Issues queued.
    pub composed: u64,
    /// Issues that a server accepted.
    pub accepted: u64,
    /// Issues that expired for a reason other than their mailbox.
    pub expired: u64,
    /// Mails held for a person now, since whenever, without those whose address is suppressed.
    pub held: u64,
    /// Recipients refused by policy (5.7.x).
    pub refused_for_policy: u64,
    /// Addresses suppressed.
    pub suppressed: u64,
    /// Subscribers whose issue was skipped for being late.
    pub skipped_late: u64,
    /// Papers announced on days that became complete.
    pub papers_complete: u64,
    /// Unreadable records, by source.
    pub set_aside: Vec<(String, u64)>,
    /// End of the last attempt at a mail queued in this time.
    pub last_try: Option<DateTime<Utc>>,
}

/// The summary of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// The day.
    pub date: NaiveDate,
    /// Start of the time that it covers.
    pub since: DateTime<Utc>,
    /// End of the time that it covers.
    pub at: DateTime<Utc>,
    /// The counts.
    pub figures: RunFigures,
}

/// A source whose last poll failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingSource {
    /// Name of the source.
    pub source: String,
    /// Time of the first failure in a row.
    pub since: DateTime<Utc>,
    /// Message of the last failure.
    pub why: String,
}

/// Alarms, source failures and daily summaries.
pub trait AlarmStore {
    /// Returns every alarm that has not ended, reported or not, and those that ended at or after
    /// `since`, newest first.
    fn alarms(&mut self, since: DateTime<Utc>) -> Result<Vec<AlarmRow>, StoreError>;

    /// Stores alarms, except their webhook times if they have a row, and queues the mail that
    /// reports them. An alarm without a row gets one, unless another of its kind and subject has
    /// not ended; one that ended before it was reported is deleted.
    fn save_alarms(
        &mut self,
        alarms: &[AlarmRow],
        mail: Option<&NewNotice>,
        now: DateTime<Utc>,
    ) -> Result<Option<DeliveryId>, StoreError>;

    /// Records a webhook call about an alarm at `now`, about its end if `is_over`.
    fn note_posted(&mut self, id: i64, is_over: bool, now: DateTime<Utc>)
    -> Result<(), StoreError>;

    /// Counts the problems since `since`.
    fn incident_counts(&mut self, since: DateTime<Utc>) -> Result<IncidentCounts, StoreError>;

    /// Records a poll of `source`, with its failure if it failed.
    fn note_look(
        &mut self,
        source: &str,
        why: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Returns every source whose last poll failed, by name.
    fn failing_sources(&mut self) -> Result<Vec<FailingSource>, StoreError>;

    /// Counts the issues queued since `since`.
    fn count_issues(&mut self, since: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Counts the active subscribers whose issue was to be considered by `before` and was not.
    fn overdue_readers(&mut self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Returns the time since which the oldest mail due at `now` could have been sent, without
    /// mails to the operator.
    fn oldest_due_to_readers(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Counts the events from `since` to `until`.
    fn run_figures(
        &mut self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<RunFigures, StoreError>;

    /// Stores the summary of a day, and queues the mail that reports it. Returns `false`, and
    /// queues nothing, if that day is stored already.
    fn save_run(
        &mut self,
        run: &RunRow,
        mail: Option<&NewNotice>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Returns the last `limit` summaries, newest first.
    fn runs(&mut self, limit: u32) -> Result<Vec<RunRow>, StoreError>;

    /// Returns, in ascending order, the seconds from queueing to acceptance of the last `limit`
    /// issues accepted since `since`.
    fn waits(&mut self, since: DateTime<Utc>, limit: u32) -> Result<Vec<u64>, StoreError>;
}

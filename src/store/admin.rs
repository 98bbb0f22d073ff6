//! The operator's pages: password, sessions, the log of actions, and the status of each job.

use super::StoreError;
use crate::subscriber::Status;
use chrono::{DateTime, NaiveDate, Utc};

/// A session of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminSession {
    /// Network address that the session was begun from.
    pub network: String,
    /// Time of the login.
    pub begun_at: DateTime<Utc>,
    /// Time of the last request, to the minute.
    pub seen_at: DateTime<Utc>,
}

/// An action on the operator's pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminAct {
    /// Number of the action.
    pub id: i64,
    /// Time of the action.
    pub at: DateTime<Utc>,
    /// Description that names no person.
    pub act: String,
    /// User who acted.
    pub who: String,
    /// Network address of the browser.
    pub network: String,
}

/// Status of one job of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkNote {
    /// `fetch`, `publish`, `deliver`, `upkeep`, …
    pub part: String,
    /// Time of the last success.
    pub done_at: Option<DateTime<Utc>>,
    /// Time and message of the last failure.
    pub failed: Option<(DateTime<Utc>, String)>,
}

impl WorkNote {
    /// Message of the last failure, unless the job has succeeded since.
    pub fn failing(&self) -> Option<&(DateTime<Utc>, String)> {
        self.failed
            .as_ref()
            .filter(|(at, _)| self.done_at.is_none_or(|done| done < *at))
    }
}

/// Operator sessions, actions and job status.
pub trait AdminStore {
    /// Returns the hash of the operator's password, if one was set.
    fn admin_password(&mut self) -> Result<Option<String>, StoreError>;

    /// Sets the password, and ends every session.
    fn set_admin_password(&mut self, hash: &str, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Begins a session under `token_hash`, the hash of its token. Returns `false` if the
    /// password hash is no longer `password`.
    fn begin_admin_session(
        &mut self,
        token_hash: &str,
        network: &str,
        password: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Returns a session.
    fn admin_session(&mut self, token_hash: &str) -> Result<Option<AdminSession>, StoreError>;

    /// Records the use of a session.
    fn touch_admin_session(
        &mut self,
        token_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Ends a session.
    fn end_admin_session(&mut self, token_hash: &str) -> Result<(), StoreError>;

    /// Records an action.
    fn note_admin_act(
        &mut self,
        act: &str,
        who: &str,
        network: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Returns up to `limit` actions before the one numbered `before`, newest first.
    fn admin_acts(&mut self, before: Option<i64>, limit: u32) -> Result<Vec<AdminAct>, StoreError>;

    /// Deletes sessions last used before `sessions`, and actions before `acts`.
    fn forget_admin(
        &mut self,
        sessions: DateTime<Utc>,
        acts: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Records that a job succeeded, or its failure.
    fn note_work(
        &mut self,
        part: &str,
        failure: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Returns the status of every job, by name.
    fn work_notes(&mut self) -> Result<Vec<WorkNote>, StoreError>;

    /// Stores the number of subscribers of each status as the count of `day`.
    fn keep_subscriber_counts(&mut self, day: NaiveDate) -> Result<(), StoreError>;

    /// Returns the counts stored since `since`, by day.
    fn subscriber_counts(
        &mut self,
        since: NaiveDate,
    ) -> Result<Vec<(NaiveDate, Status, u64)>, StoreError>;
}

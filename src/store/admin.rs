//! The operator's pages: who may look at them, what was done there, and how the work goes.

use super::StoreError;
use crate::subscriber::Status;
use chrono::{DateTime, NaiveDate, Utc};

/// A session of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminSession {
    /// The network address that it was begun from.
    pub network: String,
    /// When.
    pub begun_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub seen_at: DateTime<Utc>,
}

/// Something that was done on the operator's pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminAct {
    /// Counts acts.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What, in words that name nobody.
    pub act: String,
    /// By whom.
    pub who: String,
    /// From which network address.
    pub network: String,
}

/// How one part of the work goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkNote {
    /// `fetch`, `publish`, `deliver`, `upkeep`, …
    pub part: String,
    /// When it was last done.
    pub done_at: Option<DateTime<Utc>>,
    /// When it last failed, and of what.
    pub failed: Option<(DateTime<Utc>, String)>,
}

impl WorkNote {
    /// What it fails of, if it has not been done since.
    pub fn failing(&self) -> Option<&(DateTime<Utc>, String)> {
        self.failed
            .as_ref()
            .filter(|(at, _)| self.done_at.is_none_or(|done| done < *at))
    }
}

/// Verbs about the operator and the work.
pub trait AdminStore {
    /// The hash of the operator's password, if one was ever set.
    fn admin_password(&mut self) -> Result<Option<String>, StoreError>;

    /// Sets the password, and ends every session.
    fn set_admin_password(&mut self, hash: &str, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Begins a session for whoever holds what `token_hash` is the hash of,
    /// unless the password is another one than `password` meanwhile: whether it did.
    fn begin_admin_session(
        &mut self,
        token_hash: &str,
        network: &str,
        password: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// One session.
    fn admin_session(&mut self, token_hash: &str) -> Result<Option<AdminSession>, StoreError>;

    /// Notes that a session is used.
    fn touch_admin_session(
        &mut self,
        token_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Ends a session.
    fn end_admin_session(&mut self, token_hash: &str) -> Result<(), StoreError>;

    /// Notes something that was done.
    fn note_admin_act(
        &mut self,
        act: &str,
        who: &str,
        network: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// What was done, the last first: up to `limit` acts before the one numbered `before`.
    fn admin_acts(&mut self, before: Option<i64>, limit: u32) -> Result<Vec<AdminAct>, StoreError>;

    /// Forgets sessions that were not used since `sessions`, and acts before `acts`.
    fn forget_admin(
        &mut self,
        sessions: DateTime<Utc>,
        acts: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Notes that a part of the work was done, or what it failed of.
    fn note_work(
        &mut self,
        part: &str,
        failure: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// How every part of the work goes, by name.
    fn work_notes(&mut self) -> Result<Vec<WorkNote>, StoreError>;

    /// Keeps how many subscribers of each status there are, as the count of `day`.
    fn keep_subscriber_counts(&mut self, day: NaiveDate) -> Result<(), StoreError>;

    /// The counts that were kept since `since`, by day.
    fn subscriber_counts(
        &mut self,
        since: NaiveDate,
    ) -> Result<Vec<(NaiveDate, Status, u64)>, StoreError>;
}

//! The status of a subscription, and its changes by a command or through the API.

use super::{Interest, NewSubscriber};
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// The status of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Requested, not yet confirmed from the address itself.
    Pending,
    /// Receives issues.
    Active,
    /// Receives no issues until resumed.
    Paused,
    /// Has unsubscribed.
    Unsubscribed,
    /// The address refused mail or complained.
    Suppressed,
}

impl Status {
    /// Every status with its word.
    pub const WORDS: [(&'static str, Status); 5] = [
        ("pending", Status::Pending),
        ("active", Status::Active),
        ("paused", Status::Paused),
        ("unsubscribed", Status::Unsubscribed),
        ("suppressed", Status::Suppressed),
    ];

    /// Returns the status's word.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, status)| *status == self)
            .map_or("", |(word, _)| word)
    }
}

/// The status of a subscription that can neither be paused nor resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.why_no_issues())]
pub struct StatusConflict(pub Status);

impl Status {
    /// Returns the reason for which a subscriber with this status receives no issues.
    pub fn why_no_issues(self) -> &'static str {
        match self {
            Status::Pending => "they have not confirmed their address yet",
            Status::Active => "nothing keeps issues from them",
            Status::Paused => "they are paused",
            Status::Unsubscribed => "they have unsubscribed: only they themselves can come back",
            Status::Suppressed => "the address has refused mail: it is suppressed",
        }
    }
}

impl NewSubscriber {
    /// Pauses until `until`; without a date, until resumed.
    pub fn pause(&mut self, until: Option<NaiveDate>) -> Result<(), StatusConflict> {
        self.must_run()?;
        if until.is_some() {
            self.status = Status::Active;
            self.preferences.pause_until = until;
        } else {
            self.status = Status::Paused;
        }
        Ok(())
    }

    /// Resumes; issues that were due meanwhile are not made up for.
    pub fn resume(&mut self) -> Result<(), StatusConflict> {
        self.must_run()?;
        self.status = Status::Active;
        self.preferences.pause_until = None;
        Ok(())
    }

    fn must_run(&self) -> Result<(), StatusConflict> {
        match self.status {
            Status::Active | Status::Paused => Ok(()),
            status => Err(StatusConflict(status)),
        }
    }

    /// Returns the index of the interest called `name`, in any case.
    pub fn interest_called(&self, name: &str) -> Option<usize> {
        self.interests
            .iter()
            .position(|interest| interest.name.eq_ignore_ascii_case(name))
    }

    /// Returns the names in `before` that no interest has any more.
    pub fn interests_gone(&self, before: &[Interest]) -> Vec<String> {
        let is_gone = |known: &&Interest| self.interest_called(&known.name).is_none();
        before
            .iter()
            .filter(is_gone)
            .map(|interest| interest.name.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscriber::Preferences;

    fn reader(status: Status) -> NewSubscriber {
        NewSubscriber {
            address: "ada@example.org".parse().unwrap(),
            name: String::new(),
            status,
            preferences: Preferences::default(),
            interests: Vec::new(),
        }
    }

    #[test]
    fn active_subscribers_can_be_paused_and_resumed() {
        let mut ada = reader(Status::Active);
        ada.pause(None).unwrap();
        assert_eq!(ada.status, Status::Paused);
        ada.pause(Some("2026-09-01".parse().unwrap())).unwrap();
        assert_eq!(
            (ada.status, ada.preferences.pause_until.is_some()),
            (Status::Active, true)
        );
        ada.resume().unwrap();
        assert_eq!(
            (ada.status, ada.preferences.pause_until),
            (Status::Active, None)
        );
    }

    #[test]
    fn pending_or_departed_subscribers_cannot_be_paused() {
        for status in [Status::Pending, Status::Unsubscribed, Status::Suppressed] {
            assert_eq!(reader(status).pause(None), Err(StatusConflict(status)));
            assert_eq!(reader(status).resume(), Err(StatusConflict(status)));
        }
    }
}

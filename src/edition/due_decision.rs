//! Deciding whether a due issue goes out. Pure.

use chrono::{DateTime, TimeDelta, Utc};

/// Bounds on the time at which an issue may go out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DueBounds {
    /// Issues due before this are not sent.
    pub(crate) due_from: DateTime<Utc>,
    /// Longest wait of an issue for missing papers.
    pub(crate) latest_send: TimeDelta,
    /// Lateness after which an issue is skipped.
    pub(crate) max_lateness: TimeDelta,
}

/// The decision about an issue whose hour has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DueDecision {
    /// It goes out with the papers there are.
    Now,
    /// Papers are missing: it goes out when they arrive, at the latest then.
    Wait(DateTime<Utc>),
    /// It was due before the subscriber joined or came back.
    TooEarly,
    /// It was due too long ago.
    TooLate,
}

impl DueBounds {
    /// Bounds of an issue that goes out whenever it was due.
    pub(crate) fn none(latest_send: TimeDelta) -> Self {
        DueBounds {
            due_from: DateTime::<Utc>::MIN_UTC,
            latest_send,
            max_lateness: TimeDelta::MAX,
        }
    }

    /// Decides at `at` about an issue that was `due` then.
    pub(crate) fn decide(
        &self,
        due: DateTime<Utc>,
        at: DateTime<Utc>,
        is_missing_papers: bool,
    ) -> DueDecision {
        if due < self.due_from {
            return DueDecision::TooEarly;
        }
        if at - due > self.max_lateness {
            return DueDecision::TooLate;
        }
        // An issue that waited must not be skipped for it.
        let until = due + self.latest_send.min(self.max_lateness / 2);
        if is_missing_papers && at < until {
            DueDecision::Wait(until)
        } else {
            DueDecision::Now
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DueDecision::{Now, TooEarly, TooLate, Wait};

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-08-{text}:00Z").parse().unwrap()
    }

    /// Joined on the 1st, due on the 4th at 07:00, 3 hours of waiting, 12 of lateness.
    #[track_caller]
    fn check(now: &str, is_missing_papers: bool, expected: DueDecision) {
        let bounds = DueBounds {
            due_from: at("01T12:00"),
            latest_send: TimeDelta::hours(3),
            max_lateness: TimeDelta::hours(12),
        };
        assert_eq!(
            bounds.decide(at("04T07:00"), at(now), is_missing_papers),
            expected,
            "{now}"
        );
    }

    #[test]
    fn an_issue_goes_out_at_its_hour_and_waits_for_missing_papers_no_longer_than_allowed() {
        check("04T07:00", false, Now);
        check("04T07:00", true, Wait(at("04T10:00")));
        check("04T09:59", true, Wait(at("04T10:00")));
        check("04T10:00", true, Now);
        check("04T19:00", true, Now);
        check("04T19:01", false, TooLate);
    }

    #[test]
    fn nobody_gets_what_was_due_before_they_joined() {
        let bounds = DueBounds {
            due_from: at("04T07:00"),
            ..DueBounds::none(TimeDelta::hours(3))
        };
        assert_eq!(
            bounds.decide(at("04T06:59"), at("04T08:00"), false),
            TooEarly
        );
        assert_eq!(bounds.decide(at("04T07:00"), at("04T08:00"), false), Now);
    }

    #[test]
    fn waiting_ends_before_an_issue_is_too_late() {
        let bounds = DueBounds {
            due_from: at("01T12:00"),
            latest_send: TimeDelta::hours(24),
            max_lateness: TimeDelta::hours(12),
        };
        assert_eq!(
            bounds.decide(at("04T07:00"), at("04T12:59"), true),
            Wait(at("04T13:00"))
        );
        assert_eq!(bounds.decide(at("04T07:00"), at("04T13:00"), true), Now);
    }

    #[test]
    fn at_a_chosen_instant_nothing_is_too_late() {
        let bounds = DueBounds::none(TimeDelta::hours(3));
        assert_eq!(bounds.decide(at("01T07:00"), at("31T07:00"), false), Now);
    }
}

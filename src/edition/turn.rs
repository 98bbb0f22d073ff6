//! Whether the turn of an issue has come. Pure.

use chrono::{DateTime, TimeDelta, Utc};

/// What bounds the time at which an issue may go out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Nothing that was due before this is sent.
    pub(crate) due_from: DateTime<Utc>,
    /// How long an issue waits for missing papers.
    pub(crate) latest_send: TimeDelta,
    /// How late an issue may go out.
    pub(crate) max_lateness: TimeDelta,
}

/// What is to be done about an issue whose hour has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It goes out, with what is there.
    Now,
    /// Papers are missing: it goes out when they are there, at the latest then.
    Wait(DateTime<Utc>),
    /// It was due before the subscriber wanted any.
    TooEarly,
    /// It was due too long ago.
    TooLate,
}

impl Bounds {
    /// Bounds of an issue that goes out whenever it was due.
    pub(crate) fn none(latest_send: TimeDelta) -> Self {
        Bounds {
            due_from: DateTime::<Utc>::MIN_UTC,
            latest_send,
            max_lateness: TimeDelta::MAX,
        }
    }

    /// What is to be done at `at` about an issue that was `due` then.
    pub(crate) fn turn(
        &self,
        due: DateTime<Utc>,
        at: DateTime<Utc>,
        is_missing_papers: bool,
    ) -> Turn {
        if due < self.due_from {
            return Turn::TooEarly;
        }
        if at - due > self.max_lateness {
            return Turn::TooLate;
        }
        // What has waited is not to be skipped for it.
        let until = due + self.latest_send.min(self.max_lateness / 2);
        if is_missing_papers && at < until {
            Turn::Wait(until)
        } else {
            Turn::Now
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Turn::{Now, TooEarly, TooLate, Wait};

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-08-{text}:00Z").parse().unwrap()
    }

    /// For somebody who joined on the 1st, due on the 4th at 07:00, 3 hours of waiting, 12 of lateness.
    #[track_caller]
    fn check(now: &str, is_missing_papers: bool, expected: Turn) {
        let bounds = Bounds {
            due_from: at("01T12:00"),
            latest_send: TimeDelta::hours(3),
            max_lateness: TimeDelta::hours(12),
        };
        assert_eq!(
            bounds.turn(at("04T07:00"), at(now), is_missing_papers),
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
        let bounds = Bounds {
            due_from: at("04T07:00"),
            ..Bounds::none(TimeDelta::hours(3))
        };
        assert_eq!(bounds.turn(at("04T06:59"), at("04T08:00"), false), TooEarly);
        assert_eq!(bounds.turn(at("04T07:00"), at("04T08:00"), false), Now);
    }

    #[test]
    fn waiting_ends_before_an_issue_is_too_late() {
        let bounds = Bounds {
            due_from: at("01T12:00"),
            latest_send: TimeDelta::hours(24),
            max_lateness: TimeDelta::hours(12),
        };
        assert_eq!(
            bounds.turn(at("04T07:00"), at("04T12:59"), true),
            Wait(at("04T13:00"))
        );
        assert_eq!(bounds.turn(at("04T07:00"), at("04T13:00"), true), Now);
    }

    #[test]
    fn at_a_chosen_instant_nothing_is_too_late() {
        let bounds = Bounds::none(TimeDelta::hours(3));
        assert_eq!(bounds.turn(at("01T07:00"), at("31T07:00"), false), Now);
    }
}

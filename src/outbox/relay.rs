//! What we know about the relay's health, and when it is given rest. Pure.

use super::settings::BREAKER_MAX;
use crate::store::RelayPause;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;

/// So many policy refusals …
const DISLIKES_MAX: usize = 5;
/// … among so many judged recipients are about us, not about them.
const JUDGED_KEPT: usize = 20;
/// So many connections that break one after the other, with no message taken in between, are the relay's trouble.
const BROKEN_MAX: u32 = 10;
/// The shortest rest: with 0 a relay that is down would be tried without pause.
const PAUSE_MIN: TimeDelta = TimeDelta::seconds(1);

/// The relay, as far as its answers show.
#[derive(Debug, Clone, Default)]
pub(super) struct RelayHealth {
    pause: Option<RelayPause>,
    alarmed: bool,
    /// Of the last judged recipients, newest first: was it a policy refusal?
    judged: VecDeque<bool>,
    broken: u32,
}

impl RelayHealth {
    /// A relay with the pause that was noted before, if any.
    pub(super) fn new(pause: Option<RelayPause>) -> Self {
        RelayHealth {
            pause,
            ..RelayHealth::default()
        }
    }

    /// Until when it is given rest, if it is at `now`.
    pub(super) fn paused_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.pause
            .as_ref()
            .map(|pause| pause.until)
            .filter(|until| *until > now)
    }

    /// Whether it was in trouble and has taken nothing since. One connection tries it then.
    pub(super) fn on_probation(&self) -> bool {
        self.pause.is_some()
    }

    /// Whether it refused us altogether and has taken nothing since.
    pub(super) fn refuses_us(&self) -> bool {
        self.pause.as_ref().is_some_and(|pause| pause.refuses_us)
    }

    /// It has judged a recipient, so whatever trouble of its own it was in is
    /// over. Answers whether it was. Who refuses us must take a message first.
    pub(super) fn answered(&mut self) -> bool {
        self.pause.take_if(|pause| !pause.refuses_us).is_some()
    }

    /// The last trouble, in words.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.pause.as_ref().map(|pause| pause.reason.as_str())
    }

    /// It has taken a message. Answers whether it was in trouble before.
    pub(super) fn accepted_message(&mut self) -> bool {
        self.judged(false);
        self.broken = 0;
        self.alarmed = false;
        self.pause.take().is_some()
    }

    /// It has judged a recipient; `dislikes_us` if it refused because of us.
    /// Answers whether that has become trouble.
    pub(super) fn judged(&mut self, dislikes_us: bool) -> bool {
        self.judged.push_front(dislikes_us);
        self.judged.truncate(JUDGED_KEPT);
        dislikes_us && self.judged.iter().filter(|dislike| **dislike).count() >= DISLIKES_MAX
    }

    /// A connection broke. Answers whether that has become trouble.
    pub(super) fn connection_broke(&mut self) -> bool {
        self.broken += 1;
        self.broken >= BROKEN_MAX
    }

    /// Gives it rest: `breaker` at first, twice as long each time, at most [`BREAKER_MAX`].
    ///
    /// `None` if it rests already: several connections that fail together are one failure.
    pub(super) fn pause(
        &mut self,
        reason: &str,
        refuses_us: bool,
        breaker: TimeDelta,
        now: DateTime<Utc>,
    ) -> Option<RelayPause> {
        if self.paused_until(now).is_some() {
            return None;
        }
        let failures = self
            .pause
            .as_ref()
            .map_or(0, |pause| pause.failures)
            .saturating_add(1);
        let doublings = (failures - 1).min(16);
        let wait = (breaker.max(PAUSE_MIN) * (1 << doublings)).min(BREAKER_MAX.max(breaker));
        let pause = RelayPause {
            until: now + wait,
            failures,
            refuses_us,
            reason: reason.to_owned(),
        };
        self.pause = Some(pause.clone());
        self.judged.clear();
        self.broken = 0;
        Some(pause)
    }

    /// Whether a person must be told now: once for each time of trouble.
    pub(super) fn take_alarm(&mut self) -> bool {
        !std::mem::replace(&mut self.alarmed, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    #[test]
    fn rest_doubles_up_to_half_an_hour_and_ends_with_a_message() {
        let mut relay = RelayHealth::default();
        let mut now = at(0);
        for seconds in [60, 120, 240, 480, 960, 1800, 1800] {
            let pause = relay
                .pause("down", false, TimeDelta::seconds(60), now)
                .unwrap();
            assert_eq!(pause.until, now + TimeDelta::seconds(seconds));
            assert_eq!(
                relay.pause("down", false, TimeDelta::seconds(60), now),
                None,
                "one failure"
            );
            assert_eq!(relay.paused_until(now), Some(pause.until));
            now = pause.until;
            assert_eq!(relay.paused_until(now), None);
            assert!(relay.on_probation());
        }
        assert!(relay.accepted_message());
        assert!(!relay.accepted_message());
        assert!(!relay.on_probation());
        let pause = relay.pause("down", false, TimeDelta::zero(), now).unwrap();
        assert_eq!(
            (pause.until, pause.failures),
            (now + TimeDelta::seconds(1), 1)
        );
    }

    #[test]
    fn an_answer_ends_its_own_trouble_and_only_a_message_ends_a_refusal() {
        let mut relay = RelayHealth::default();
        relay.pause("down", false, TimeDelta::seconds(60), at(0));
        assert!(relay.on_probation() && !relay.refuses_us());
        assert!(relay.answered() && !relay.on_probation());
        relay.pause("not from you", true, TimeDelta::seconds(60), at(100));
        assert!(!relay.answered() && relay.refuses_us());
        assert!(relay.accepted_message() && !relay.refuses_us());
    }

    #[test]
    fn five_dislikes_among_twenty_are_trouble() {
        let mut relay = RelayHealth::default();
        for _ in 0..4 {
            assert!(!relay.judged(true));
        }
        for _ in 0..15 {
            assert!(!relay.judged(false));
        }
        assert!(relay.judged(true), "the fifth of the last twenty");
        assert!(!relay.judged(false));
        for _ in 0..14 {
            assert!(!relay.judged(false));
        }
        assert!(!relay.judged(true), "older ones are forgotten");
    }

    #[test]
    fn connections_that_break_in_a_row_are_trouble() {
        let mut relay = RelayHealth::default();
        for _ in 1..BROKEN_MAX {
            assert!(!relay.connection_broke());
        }
        relay.accepted_message();
        for _ in 1..BROKEN_MAX {
            assert!(!relay.connection_broke());
        }
        assert!(relay.connection_broke());
    }

    #[test]
    fn a_person_is_told_once_for_each_time_of_trouble() {
        let mut relay = RelayHealth::default();
        assert_eq!([relay.take_alarm(), relay.take_alarm()], [true, false]);
        relay.accepted_message();
        assert!(relay.take_alarm());
    }
}

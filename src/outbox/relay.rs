//! The health of the relay, and the pauses (circuit breaker). Pure.

use super::settings::BREAKER_MAX;
use crate::store::{DeliveryId, RelayPause};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashSet, VecDeque};

/// The number of policy refusals among [`JUDGED_KEPT`] recipients that are about us, not them.
const POLICY_MAX: usize = 5;
/// The number of recipients whose fate is kept in mind.
const JUDGED_KEPT: usize = 20;
/// The number of refusals from which on they may be the relay's trouble: as many in a row with the
/// same wording, or as many that are most of the recipients.
const REFUSED_MAX: usize = 3;
/// The number of connections that break one after the other, with no message accepted in
/// between, from which on the relay is in trouble.
const BROKEN_MAX: u32 = 10;
/// The shortest pause: with 0 a relay that is down would be tried without end.
const PAUSE_MIN: TimeDelta = TimeDelta::seconds(1);

/// The relay, as far as its answers show.
#[derive(Debug, Clone, Default)]
pub(super) struct RelayHealth {
    pause: Option<RelayPause>,
    alarmed: bool,
    /// The last recipients, newest first: refused so, or accepted (`None`).
    judged: VecDeque<Option<Refused>>,
    broken: u32,
    /// Deliveries whose refusal was taken back.
    taken_back: HashSet<DeliveryId>,
}

/// A recipient's refusal for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// The reply without what differs between recipients.
    pub(super) wording: String,
    /// Whether the refusal is about us by the server's own words.
    pub(super) is_policy: bool,
}

impl RelayHealth {
    /// The health of a relay with the stored pause, if any.
    pub(super) fn new(pause: Option<RelayPause>) -> Self {
        RelayHealth {
            pause,
            ..RelayHealth::default()
        }
    }

    /// The end of the pause, if there is one at `now`.
    pub(super) fn paused_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.pause
            .as_ref()
            .map(|pause| pause.until)
            .filter(|until| *until > now)
    }

    /// Whether the relay was in trouble and has accepted nothing since: one connection probes it.
    pub(super) fn on_probation(&self) -> bool {
        self.pause.is_some()
    }

    /// Whether the relay refused us and has accepted nothing since.
    pub(super) fn refuses_us(&self) -> bool {
        self.pause.as_ref().is_some_and(|pause| pause.refuses_us)
    }

    /// Notes a reply about a recipient, which ends trouble of the relay's own. Returns whether it
    /// was in trouble. A relay that refuses us must accept a message first.
    pub(super) fn answered(&mut self) -> bool {
        self.pause.take_if(|pause| !pause.refuses_us).is_some()
    }

    /// The last trouble, in words.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.pause.as_ref().map(|pause| pause.reason.as_str())
    }

    /// Notes an accepted message. Returns whether the relay was in trouble before.
    pub(super) fn accepted_message(&mut self) -> bool {
        self.note(None);
        self.broken = 0;
        self.alarmed = false;
        self.pause.take().is_some()
    }

    /// Notes a refusal for good. Returns whether the relay rather than the recipients is in
    /// trouble: a relay that refuses nearly everybody refuses us, whatever it says.
    pub(super) fn refused(&mut self, refused: Refused) -> bool {
        self.note(Some(refused));
        let last: Vec<_> = self.judged.iter().take(REFUSED_MAX).collect();
        let is_one_wording = last.len() == REFUSED_MAX
            && last[0].is_some()
            && last.iter().all(|one| *one == last[0]);
        let policy = self.judged.iter().flatten().filter(|one| one.is_policy);
        is_one_wording || self.refuses_most() || policy.count() >= POLICY_MAX
    }

    /// Whether refusals are so many that they may still turn out to be the relay's trouble.
    pub(super) fn may_refuse_us(&self) -> bool {
        let refused = self.judged.iter().flatten().count();
        2 * refused > self.judged.len()
    }

    fn refuses_most(&self) -> bool {
        self.may_refuse_us() && self.judged.iter().flatten().count() >= REFUSED_MAX
    }

    fn note(&mut self, judged: Option<Refused>) {
        self.judged.push_front(judged);
        self.judged.truncate(JUDGED_KEPT);
    }

    /// Notes that the refusal of `id` was taken back.
    pub(super) fn take_back(&mut self, id: DeliveryId) {
        self.taken_back.insert(id);
    }

    /// Whether the refusal of `id` was taken back once: the relay has accepted others since, so a
    /// second refusal is believed.
    pub(super) fn was_taken_back(&self, id: DeliveryId) -> bool {
        self.taken_back.contains(&id)
    }

    /// Notes a broken connection. Returns whether that has become trouble.
    pub(super) fn connection_broke(&mut self) -> bool {
        self.broken += 1;
        self.broken >= BROKEN_MAX
    }

    /// Begins a pause: `breaker` at first, twice as long each time, at most [`BREAKER_MAX`].
    ///
    /// `None` if there is one already: connections that fail together are one failure.
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

    /// Returns whether the alarm is due: once for each time of trouble.
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

    fn refused(wording: &str, is_policy: bool) -> Refused {
        let wording = wording.to_owned();
        Refused { wording, is_policy }
    }

    #[test]
    fn three_refusals_in_a_row_with_one_wording_are_the_relays_trouble() {
        let mut relay = RelayHealth::default();
        for _ in 0..15 {
            relay.accepted_message();
        }
        assert!(!relay.refused(refused("no", false)));
        assert!(!relay.refused(refused("no", false)));
        relay.accepted_message();
        assert!(!relay.refused(refused("no", false)));
        assert!(!relay.refused(refused("never", false)));
        assert!(!relay.refused(refused("no", false)));
        assert!(!relay.refused(refused("no", false)));
        assert!(relay.refused(refused("no", false)));
    }

    #[test]
    fn refusals_of_most_recipients_are_the_relays_trouble_whatever_they_say() {
        let mut relay = RelayHealth::default();
        assert!(!relay.refused(refused("a", false)));
        relay.accepted_message();
        assert!(!relay.may_refuse_us());
        assert!(!relay.refused(refused("b", false)));
        assert!(relay.refused(refused("c", false)), "three of four");
    }

    #[test]
    fn five_policy_refusals_among_twenty_are_trouble() {
        let mut relay = RelayHealth::default();
        for number in 0..5 {
            for _ in 0..3 {
                relay.accepted_message();
            }
            let is_trouble = relay.refused(refused(&number.to_string(), true));
            assert_eq!(is_trouble, number == 4, "{number}");
        }
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

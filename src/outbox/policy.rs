//! Decides the consequence of an attempt for the delivery and for the relay. Pure.

use super::blame::Blame;
use super::settings::{OnUncertain, RetrySettings};
use super::stage::SmtpStage;
use crate::store::{DeliveryState, Disposition, Earlier};
use chrono::{DateTime, TimeDelta, Utc};

/// The jitter of a wait, as a share of it, so that deliveries that failed together are spread.
const JITTER: f64 = 0.2;

/// From this try on a wait is never shorter than [`PATIENT_WAIT`]: with waits
/// of 0 a recipient who is never taken would otherwise keep the sender spinning.
const PATIENT_FROM_ATTEMPT: u32 = 10;
const PATIENT_WAIT: TimeDelta = TimeDelta::minutes(1);

/// Added to a wait that the server asked for: clocks differ, and a second early costs a whole round
/// (so does Postal).
const HINT_MARGIN: TimeDelta = TimeDelta::seconds(10);

/// The number of issues, among the last [`SOFT_AMONG`], after which a mailbox that could not take
/// them is given up.
const SOFT_MAX: u32 = 3;
/// The number of issues that are looked at: Keila's rule, over issues instead of tries, so that one
/// bad day counts once.
pub(super) const SOFT_AMONG: usize = 5;

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server has taken responsibility (RFC 5321 section 6.1).
    Accepted,
    /// The server, or the way to it, refused.
    Refused {
        /// The refused command.
        stage: SmtpStage,
        /// The party at fault.
        blame: Blame,
        /// The wait that the server asks for.
        try_again_in: Option<TimeDelta>,
    },
    /// Connection after connection broke before the text: the server has nothing.
    Broken,
    /// Nothing was offered (the program is stopping, or sending pauses): the server has nothing.
    NotTried,
    /// The text, or part of it, was sent and no reply came: the server may have it.
    Uncertain,
}

/// The input of the decision besides the outcome.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// Attempts made before this one.
    pub attempts: u32,
    /// Other issues that the mailbox could not take, among the last few and since it last took one.
    pub soft_before: u32,
    /// Whether an earlier attempt ended [`Outcome::Uncertain`].
    pub resent: bool,
    /// Whether the relay refused us altogether and has not taken a message since.
    pub refuses_us: bool,
    /// The end of the issue's shelf life.
    pub expires_at: DateTime<Utc>,
    /// The current instant.
    pub now: DateTime<Utc>,
    /// Chance, from 0 to 1.
    pub jitter: f64,
}

/// The signal of an attempt about the relay's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelaySignal {
    /// It has taken a message.
    Works,
    /// It answers, so that trouble of its own is over.
    Answers,
    /// It refused a recipient for good: many of these are trouble.
    Refuses {
        /// Whether the refusal is about us by the server's own words.
        is_policy: bool,
    },
    /// It is in trouble: sending pauses.
    Rests,
    /// It refuses us altogether: sending pauses, and the operator is told.
    RefusesUs,
    /// No news.
    Silent,
}

/// The consequence of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consequence {
    /// For the delivery.
    pub disposition: Disposition,
    /// For the relay.
    pub relay: RelaySignal,
}

/// Decides the consequence of `outcome`.
pub fn decide(
    outcome: Outcome,
    circumstances: &Circumstances,
    retry: &RetrySettings,
) -> Consequence {
    let (disposition, relay) = match outcome {
        Outcome::Accepted => (Disposition::Accepted, RelaySignal::Works),
        Outcome::NotTried => (Disposition::Released, RelaySignal::Silent),
        Outcome::Broken => (later(None, circumstances, retry), RelaySignal::Silent),
        Outcome::Uncertain => (after_uncertain(circumstances, retry), RelaySignal::Silent),
        Outcome::Refused {
            stage,
            blame,
            try_again_in,
        } => match blame {
            // Its text was on the way, and that is recorded: it cannot be as if nothing had
            // happened.
            Blame::Relay if stage.is_marked() => (
                later(try_again_in, circumstances, retry),
                RelaySignal::Rests,
            ),
            Blame::Relay => (Disposition::Released, RelaySignal::Rests),
            Blame::Policy if !stage.concerns_recipient() => {
                (Disposition::Released, RelaySignal::RefusesUs)
            }
            Blame::RecipientSoft if circumstances.soft_before + 1 >= SOFT_MAX => {
                refused(true, false, circumstances, retry)
            }
            Blame::RecipientSoft | Blame::Later => (
                later(try_again_in, circumstances, retry),
                RelaySignal::Answers,
            ),
            Blame::Policy => refused(false, true, circumstances, retry),
            Blame::Recipient => refused(true, false, circumstances, retry),
            Blame::Unclear => refused(false, false, circumstances, retry),
        },
    };
    Consequence { disposition, relay }
}

/// Refused for good. A relay that has shown that it refuses everybody costs nobody anything: the
/// next probe takes another recipient, in case this one is the exception.
fn refused(
    suppress: bool,
    is_policy: bool,
    circumstances: &Circumstances,
    retry: &RetrySettings,
) -> (Disposition, RelaySignal) {
    if circumstances.refuses_us {
        return (later(None, circumstances, retry), RelaySignal::RefusesUs);
    }
    let signal = RelaySignal::Refuses { is_policy };
    (Disposition::Rejected { suppress }, signal)
}

/// Counts how often a mailbox could not take mail before this issue, from the other issues
/// to the address, newest first. One that it took, and that did not come back, ends the count.
pub(super) fn soft_before(earlier: &[Earlier]) -> u32 {
    let since_taken = earlier
        .iter()
        .take(SOFT_AMONG - 1)
        .take_while(|other| other.soft || other.state != DeliveryState::Accepted);
    since_taken.filter(|other| other.soft).count() as u32
}

/// Later, unless it will be too late.
pub(super) fn later(
    hint: Option<TimeDelta>,
    circumstances: &Circumstances,
    retry: &RetrySettings,
) -> Disposition {
    let step = (circumstances.attempts as usize).min(retry.waits.len().saturating_sub(1));
    let set = retry.waits.get(step).copied().unwrap_or_default();
    let wait = hint.map_or_else(
        || jittered(set, circumstances.jitter),
        |hint| hint + HINT_MARGIN,
    );
    let patient = circumstances.attempts + 1 >= PATIENT_FROM_ATTEMPT;
    let at = circumstances.now
        + if patient {
            wait.max(PATIENT_WAIT)
        } else {
            wait
        };
    if at > circumstances.expires_at {
        Disposition::Expired
    } else {
        Disposition::Deferred(at)
    }
}

/// Once more, and never a third time. Too late for that, it is for a person:
/// "expired" would say that it did not arrive, which nobody knows.
fn after_uncertain(circumstances: &Circumstances, retry: &RetrySettings) -> Disposition {
    let at = circumstances.now + retry.resend_after;
    let may_resend = retry.on_uncertain == OnUncertain::Resend && !circumstances.resent;
    if may_resend && at <= circumstances.expires_at {
        Disposition::Uncertain(at)
    } else {
        Disposition::Held
    }
}

fn jittered(wait: TimeDelta, jitter: f64) -> TimeDelta {
    let factor = 1.0 + JITTER * (2.0 * jitter.clamp(0.0, 1.0) - 1.0);
    TimeDelta::milliseconds((wait.num_milliseconds() as f64 * factor) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeliveryState::{Accepted, Expired, Rejected};

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn refused(stage: SmtpStage, blame: Blame) -> Outcome {
        Outcome::Refused {
            stage,
            blame,
            try_again_in: None,
        }
    }

    /// Queued at minute 0, expires at minute 1080, jitter in the middle.
    fn circumstances(now: i64, attempts: u32) -> Circumstances {
        Circumstances {
            attempts,
            soft_before: 0,
            resent: false,
            refuses_us: false,
            expires_at: at(1080),
            now: at(now),
            jitter: 0.5,
        }
    }

    #[track_caller]
    fn check(
        outcome: Outcome,
        circumstances: &Circumstances,
        disposition: Disposition,
        relay: RelaySignal,
    ) {
        let found = decide(outcome, circumstances, &RetrySettings::default());
        assert_eq!(
            found,
            Consequence { disposition, relay },
            "{outcome:?} {circumstances:?}"
        );
    }

    #[test]
    fn each_blame_has_its_consequence() {
        let first = circumstances(0, 0);
        check(
            Outcome::Accepted,
            &first,
            Disposition::Accepted,
            RelaySignal::Works,
        );
        check(
            refused(SmtpStage::Rcpt, Blame::Recipient),
            &first,
            Disposition::Rejected { suppress: true },
            RelaySignal::Refuses { is_policy: false },
        );
        check(
            refused(SmtpStage::Dot, Blame::Unclear),
            &first,
            Disposition::Rejected { suppress: false },
            RelaySignal::Refuses { is_policy: false },
        );
        check(
            refused(SmtpStage::Rcpt, Blame::Later),
            &first,
            Disposition::Deferred(at(5)),
            RelaySignal::Answers,
        );
        check(
            refused(SmtpStage::Rcpt, Blame::RecipientSoft),
            &first,
            Disposition::Deferred(at(5)),
            RelaySignal::Answers,
        );
        check(
            refused(SmtpStage::Rcpt, Blame::Relay),
            &first,
            Disposition::Released,
            RelaySignal::Rests,
        );
        check(
            refused(SmtpStage::Connect, Blame::Relay),
            &first,
            Disposition::Released,
            RelaySignal::Rests,
        );
        check(
            refused(SmtpStage::Dot, Blame::Relay),
            &first,
            Disposition::Deferred(at(5)),
            RelaySignal::Rests,
        );
        check(
            Outcome::Broken,
            &first,
            Disposition::Deferred(at(5)),
            RelaySignal::Silent,
        );
        check(
            Outcome::NotTried,
            &first,
            Disposition::Released,
            RelaySignal::Silent,
        );
    }

    #[test]
    fn policy_suppresses_nobody_and_costs_only_who_was_asked() {
        let first = circumstances(0, 0);
        check(
            refused(SmtpStage::Rcpt, Blame::Policy),
            &first,
            Disposition::Rejected { suppress: false },
            RelaySignal::Refuses { is_policy: true },
        );
        check(
            refused(SmtpStage::Auth, Blame::Policy),
            &first,
            Disposition::Released,
            RelaySignal::RefusesUs,
        );
        check(
            refused(SmtpStage::Mail, Blame::Policy),
            &first,
            Disposition::Released,
            RelaySignal::RefusesUs,
        );
        let probe = Circumstances {
            refuses_us: true,
            ..first
        };
        check(
            refused(SmtpStage::Rcpt, Blame::Policy),
            &probe,
            Disposition::Deferred(at(5)),
            RelaySignal::RefusesUs,
        );
        check(
            refused(SmtpStage::Rcpt, Blame::Recipient),
            &probe,
            Disposition::Deferred(at(5)),
            RelaySignal::RefusesUs,
        );
    }

    #[test]
    fn a_mailbox_that_stays_full_for_three_of_five_issues_is_given_up() {
        let soft = refused(SmtpStage::Rcpt, Blame::RecipientSoft);
        let third = Circumstances {
            soft_before: 2,
            ..circumstances(0, 0)
        };
        check(
            soft,
            &third,
            Disposition::Rejected { suppress: true },
            RelaySignal::Refuses { is_policy: false },
        );
        check(
            soft,
            &Circumstances {
                soft_before: 1,
                ..third
            },
            Disposition::Deferred(at(5)),
            RelaySignal::Answers,
        );
        check(
            refused(SmtpStage::Rcpt, Blame::Later),
            &third,
            Disposition::Deferred(at(5)),
            RelaySignal::Answers,
        );

        let count = |earlier: &[(DeliveryState, bool)]| {
            soft_before(
                &earlier
                    .iter()
                    .map(|&(state, soft)| Earlier { state, soft })
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[(Expired, true), (Expired, true)]), 2);
        assert_eq!(
            count(&[
                (Expired, true),
                (Expired, false),
                (Rejected, false),
                (Expired, true)
            ]),
            2
        );
        assert_eq!(
            count(&[(Expired, true), (Accepted, false), (Expired, true)]),
            1,
            "it took one since"
        );
        assert_eq!(
            count(&[
                (Rejected, false),
                (Rejected, false),
                (Rejected, false),
                (Rejected, false),
                (Expired, true)
            ]),
            0
        );
    }

    #[test]
    fn waits_grow_and_the_last_one_repeats_until_the_shelf_life_ends() {
        let later = refused(SmtpStage::Rcpt, Blame::Later);
        for (now, attempts, next) in [
            (0, 0, 5),
            (5, 1, 15),
            (35, 3, 75),
            (275, 6, 395),
            (275, 60, 395),
        ] {
            check(
                later,
                &circumstances(now, attempts),
                Disposition::Deferred(at(next)),
                RelaySignal::Answers,
            );
        }
        check(
            later,
            &circumstances(1075, 0),
            Disposition::Deferred(at(1080)),
            RelaySignal::Answers,
        );
        check(
            later,
            &circumstances(1076, 0),
            Disposition::Expired,
            RelaySignal::Answers,
        );
    }

    #[test]
    fn a_wait_strays_by_a_fifth() {
        for (jitter, seconds) in [(0.0, 240), (0.5, 300), (1.0, 360), (7.0, 360)] {
            let circumstances = Circumstances {
                jitter,
                ..circumstances(0, 0)
            };
            let expected = Disposition::Deferred(at(0) + TimeDelta::seconds(seconds));
            check(
                refused(SmtpStage::Rcpt, Blame::Later),
                &circumstances,
                expected,
                RelaySignal::Answers,
            );
        }
    }

    #[test]
    fn the_server_may_set_the_wait() {
        let asked = Outcome::Refused {
            stage: SmtpStage::Rcpt,
            blame: Blame::Later,
            try_again_in: Some(TimeDelta::seconds(290)),
        };
        check(
            asked,
            &circumstances(0, 3),
            Disposition::Deferred(at(5)),
            RelaySignal::Answers,
        );
    }

    #[test]
    fn waits_of_zero_do_not_spin_for_ever() {
        let eager = RetrySettings {
            waits: vec![TimeDelta::zero()],
            ..RetrySettings::default()
        };
        for (attempts, minute) in [(0, 0), (8, 0), (9, 1), (100, 1)] {
            let found = decide(
                refused(SmtpStage::Rcpt, Blame::Later),
                &circumstances(0, attempts),
                &eager,
            );
            assert_eq!(
                found.disposition,
                Disposition::Deferred(at(minute)),
                "{attempts}"
            );
        }
    }

    #[test]
    fn an_uncertain_message_is_resent_once() {
        let first = circumstances(0, 0);
        check(
            Outcome::Uncertain,
            &first,
            Disposition::Uncertain(at(10)),
            RelaySignal::Silent,
        );
        let second = Circumstances {
            resent: true,
            ..first
        };
        check(
            Outcome::Uncertain,
            &second,
            Disposition::Held,
            RelaySignal::Silent,
        );
        check(
            Outcome::Uncertain,
            &circumstances(1071, 0),
            Disposition::Held,
            RelaySignal::Silent,
        );
        let cautious = RetrySettings {
            on_uncertain: OnUncertain::Hold,
            ..RetrySettings::default()
        };
        assert_eq!(
            decide(Outcome::Uncertain, &first, &cautious).disposition,
            Disposition::Held
        );
        let at_once = RetrySettings {
            resend_after: TimeDelta::zero(),
            ..RetrySettings::default()
        };
        assert_eq!(
            decide(Outcome::Uncertain, &first, &at_once).disposition,
            Disposition::Uncertain(at(0))
        );
    }
}

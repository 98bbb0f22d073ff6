//! Decides the action for a report. Pure.

use super::verdict::{Class, Verdict};
use crate::store::{DeliveryState, Earlier, Effect, Reported};
use chrono::{DateTime, TimeDelta, Utc};

/// A report on an older mail proves nothing any more. Mail systems give up
/// after 4 to 5 days (RFC 5321 section 4.5.4.1); a signed token may lie longer
/// in somebody's queue.
const TOKEN_AGE_MAX: TimeDelta = TimeDelta::days(60);
const UNSIGNED_AGE_MAX: TimeDelta = TimeDelta::days(14);

/// The number of issues, among the last [`SOFT_AMONG`], after which a mailbox that could not take
/// them is given up; as when a server refuses on the spot.
const SOFT_MAX: u32 = 3;
/// The number of issues that are looked at.
pub const SOFT_AMONG: u32 = 5;

/// The proof that a report is about a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// By a token that we signed.
    Token,
    /// By the Message-ID of a mail of ours.
    MessageId,
    /// By the word of a provider who has signed.
    Provider,
}

/// The action for a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing is sent to the address any more.
    Suppress,
    /// It counts against the mailbox.
    Count,
    /// The operator is told.
    Alarm,
    /// The subscription ends.
    Unsubscribe,
    /// Its owner is to be asked first.
    Confirm,
    /// It is remembered, and nothing is done.
    Note,
    /// No action, and no record.
    None,
}

impl Action {
    /// The word that is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Action::Suppress => "suppress",
            Action::Count => "count",
            Action::Alarm => "alarm",
            Action::Unsubscribe => "unsubscribe",
            Action::Confirm => "confirm",
            Action::Note => "note",
            Action::None => "none",
        }
    }

    /// The effect on the database, given the class of the report.
    pub fn effect(self, class: Class) -> Effect {
        match (self, class) {
            (Action::Suppress, Class::Complaint) => Effect::SuppressAndLeave,
            (Action::Suppress, _) => Effect::Suppress,
            (Action::Count, _) => Effect::MarkSoft,
            (Action::Unsubscribe, _) => Effect::Unsubscribe,
            _ => Effect::Remember,
        }
    }
}

/// An action and why, in words for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The action.
    pub action: Action,
    /// The reason, in words for people.
    pub why: &'static str,
}

const fn decision(action: Action, why: &'static str) -> Decision {
    Decision { action, why }
}

/// Decides the action for a report on `delivery`, known by `proof`; `earlier` are
/// the deliveries to the address before it, newest first.
pub fn decide(
    verdict: &Verdict,
    delivery: &Reported,
    proof: Proof,
    earlier: &[Earlier],
    now: DateTime<Utc>,
) -> Decision {
    if matches!(verdict.class, Class::AutoReply | Class::Unknown) {
        return decision(Action::None, "it is no report of a failure");
    }
    if !delivery.was_offered && delivery.state != DeliveryState::HandingOver {
        return decision(
            Action::None,
            "that mail was never handed over, so nobody can have returned it",
        );
    }
    let age_max = if proof == Proof::Token {
        TOKEN_AGE_MAX
    } else {
        UNSIGNED_AGE_MAX
    };
    if now - delivery.at > age_max {
        return decision(
            Action::None,
            "that mail is too old for reports on it to be true",
        );
    }
    let names = |address: &Option<String>| {
        address
            .as_ref()
            .is_some_and(|one| one.eq_ignore_ascii_case(delivery.address.as_str()))
    };
    let is_named = names(&verdict.recipient) || names(&verdict.given);
    let is_redacted = verdict.recipient.is_none() && verdict.class == Class::Complaint;
    if proof == Proof::MessageId && !is_named && !is_redacted {
        return decision(
            Action::None,
            "it is about another address than that mail was sent to",
        );
    }
    // The address that they forward to is not ours to judge: that mailbox may go, and they get
    // another one. A person who was forwarded a mail with its token may write such a report, too.
    let is_elsewhere = !is_named
        && verdict
            .recipient
            .as_deref()
            .is_some_and(|named| !is_near(named, delivery.address.as_str()))
        && verdict.class == Class::Hard;
    match verdict.class {
        Class::Hard if is_elsewhere && soft_before(earlier) + 1 < SOFT_MAX => decision(
            Action::Count,
            "another address is gone, to which this one may forward",
        ),
        Class::Hard => decision(Action::Suppress, "the address is gone"),
        Class::Soft if soft_before(earlier) + 1 >= SOFT_MAX => {
            decision(Action::Suppress, "the mailbox took none of the last issues")
        }
        Class::Soft => decision(Action::Count, "the mailbox could not take this issue"),
        Class::Policy => decision(
            Action::Alarm,
            "they do not want mail from us; the recipient has no part in it",
        ),
        Class::Complaint if verdict.is_from_person => {
            decision(Action::Suppress, "its reader complained")
        }
        Class::Complaint => decision(Action::Alarm, "a provider reports on how we send"),
        Class::Delayed => decision(Action::Note, "it is still under way"),
        Class::Unsubscribe | Class::AutoReply | Class::Unknown => {
            decision(Action::None, "it is no report of a failure")
        }
    }
}

/// Whether one address may be the other as a server of theirs writes it: the name that it has
/// inside, or a host of the domain.
fn is_near(one: &str, other: &str) -> bool {
    let parts = |address: &str| {
        let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
        let local = local.split_once('+').map_or(local, |(local, _)| local);
        (local.to_lowercase(), format!(".{}", domain.to_lowercase()))
    };
    let ((one_local, one_domain), (other_local, other_domain)) = (parts(one), parts(other));
    let is_one_domain = one_domain.ends_with(&other_domain) || other_domain.ends_with(&one_domain);
    // A name without a domain is the reporter's own.
    if one_domain == "." {
        one_local == other_local
    } else {
        is_one_domain
    }
}

/// Counts how often the mailbox failed, since it last took an issue that did not come back.
fn soft_before(earlier: &[Earlier]) -> u32 {
    let among = earlier.iter().take(SOFT_AMONG as usize - 1);
    let since_taken =
        among.take_while(|other| other.soft || other.state != DeliveryState::Accepted);
    since_taken.filter(|other| other.soft).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DeliveryId;

    fn delivery(days_ago: i64) -> Reported {
        Reported {
            id: DeliveryId(1),
            address: "ada@example.org".parse().unwrap(),
            subscriber: None,
            state: DeliveryState::Accepted,
            was_offered: true,
            at: now() - TimeDelta::days(days_ago),
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
    }

    fn verdict(class: Class, recipient: Option<&str>) -> Verdict {
        let recipient = recipient.map(str::to_owned);
        Verdict {
            class,
            recipient,
            given: None,
            reason: None,
            status: None,
            diagnostic: String::new(),
            is_from_person: true,
        }
    }

    #[track_caller]
    fn check(class: Class, recipient: Option<&str>, days: i64, proof: Proof, expected: Action) {
        let found = decide(
            &verdict(class, recipient),
            &delivery(days),
            proof,
            &[],
            now(),
        );
        assert_eq!(
            found.action, expected,
            "{class:?} {recipient:?} {days} {proof:?}"
        );
    }

    #[test]
    fn only_what_is_proved_suppresses() {
        check(
            Class::Hard,
            Some("ada@example.org"),
            1,
            Proof::Token,
            Action::Suppress,
        );
        // Forwarded, and failed there; or forged by a person who was forwarded a mail of ours.
        check(
            Class::Hard,
            Some("elsewhere@example.net"),
            1,
            Proof::Token,
            Action::Count,
        );
        // The same mailbox by the name that it has inside.
        check(
            Class::Hard,
            Some("ada.l@mail.example.org"),
            1,
            Proof::Token,
            Action::Suppress,
        );
        check(Class::Hard, Some("ada"), 1, Proof::Token, Action::Suppress);
        check(Class::Hard, None, 1, Proof::Token, Action::Suppress);
        check(
            Class::Hard,
            Some("ADA@example.org"),
            1,
            Proof::MessageId,
            Action::Suppress,
        );
        check(
            Class::Hard,
            Some("elsewhere@example.net"),
            1,
            Proof::MessageId,
            Action::None,
        );
        check(Class::Hard, None, 1, Proof::MessageId, Action::None);
        check(
            Class::Complaint,
            None,
            1,
            Proof::MessageId,
            Action::Suppress,
        );
        check(
            Class::Hard,
            Some("ada@example.org"),
            15,
            Proof::MessageId,
            Action::None,
        );
        check(
            Class::Hard,
            Some("ada@example.org"),
            15,
            Proof::Token,
            Action::Suppress,
        );
        check(
            Class::Hard,
            Some("ada@example.org"),
            61,
            Proof::Token,
            Action::None,
        );
        for class in [Class::AutoReply, Class::Unknown, Class::Unsubscribe] {
            check(
                class,
                Some("ada@example.org"),
                1,
                Proof::Token,
                Action::None,
            );
        }
        check(Class::Policy, None, 1, Proof::Token, Action::Alarm);
        check(Class::Delayed, None, 1, Proof::Token, Action::Note);
    }

    #[test]
    fn a_mail_that_was_never_handed_over_cannot_come_back() {
        let queued = Reported {
            was_offered: false,
            state: DeliveryState::Rendered,
            ..delivery(0)
        };
        let found = decide(
            &verdict(Class::Hard, None),
            &queued,
            Proof::Token,
            &[],
            now(),
        );
        assert_eq!(found.action, Action::None);
    }

    #[test]
    fn soft_ones_suppress_at_the_third_in_a_row_and_success_resets() {
        let soft = Earlier {
            state: DeliveryState::Accepted,
            soft: true,
        };
        let taken = Earlier {
            state: DeliveryState::Accepted,
            soft: false,
        };
        let action = |earlier: &[Earlier]| {
            decide(
                &verdict(Class::Soft, None),
                &delivery(1),
                Proof::Token,
                earlier,
                now(),
            )
            .action
        };
        assert_eq!(action(&[]), Action::Count);
        assert_eq!(action(&[soft]), Action::Count);
        assert_eq!(action(&[soft, soft]), Action::Suppress);
        assert_eq!(action(&[soft, taken, soft]), Action::Count);
    }
}

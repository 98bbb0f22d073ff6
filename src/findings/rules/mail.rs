//! Findings about the relay and the mail that waits for it. Pure.

use super::{START_PATIENCE, counted, duration};
use crate::findings::facts::Facts;
use crate::findings::finding::Finding;
use crate::findings::kind::FindingKind;
use crate::store::RelayPause;
use chrono::{DateTime, TimeDelta, Utc};

/// A relay that restarts or greylists us is back within this time.
const RELAY_PATIENCE: TimeDelta = TimeDelta::minutes(15);

/// Mail that is due waits if no attempt has ended for this long. The sender looks for due mail
/// every 2 seconds, and a server may take 13 minutes for one mail (3 for the text and 10 for
/// the reply to its end, RFC 5321 section 4.5.3.2): after 15 minutes nothing is being sent.
const WAITS: TimeDelta = TimeDelta::minutes(15);

/// Mail that is sent at all may be due this long in a large run: limits of the relay are
/// counted by the hour at most.
const SLOW: TimeDelta = TimeDelta::hours(1);

/// Fewer refusals by policy in a day come from single odd servers.
const POLICY_MIN: u64 = 3;

/// Fewer suppressions in a day, or a smaller share of the readers, are people who moved.
const SUPPRESSIONS_MIN: u64 = 10;
const SUPPRESSIONS_SHARE: u64 = 50;

pub(super) fn decide(facts: &Facts, now: DateTime<Utc>) -> Vec<Finding> {
    let relays = facts.relays.iter();
    let mut found: Vec<Finding> = relays
        .filter_map(|(name, pause)| relay(facts, name, pause, now))
        .collect();
    found.extend(waiting(facts, now));
    let incidents = &facts.incidents;
    let (refused, reports) = (incidents.refused_for_policy, facts.policy_reports.count);
    if refused >= POLICY_MIN || reports > 0 {
        let what = format!(
            "{} and {} in 24 hours: servers refuse mail because of us",
            counted(reports, "policy bounce"),
            counted(refused, "policy refusal")
        );
        let remedy = "nobody is suppressed for it; look at SPF, DKIM, DMARC, PTR and block lists \
                      (`paperboy check`)";
        let last = facts.policy_reports.last.as_ref();
        found.push(
            Finding::new(FindingKind::PolicyRefused, what, remedy)
                .detail(last.map_or("", |report| &report.diagnostic)),
        );
    }
    if incidents.held > 0 {
        let what = format!(
            "{} held: the server may have them already, so a person must decide",
            are(incidents.held, "mail")
        );
        let remedy = "`paperboy outbox list --state held` shows them; `outbox retry` or \
                      `outbox drop` decides";
        found.push(Finding::new(FindingKind::MailHeld, what, remedy));
    }
    if incidents.expired > 0 {
        let what = format!(
            "{} expired undelivered in 24 hours",
            counted(incidents.expired, "issue")
        );
        let remedy = "`paperboy outbox list --state expired` shows to whom and why; their papers \
                      come with the next issue";
        found.push(Finding::new(FindingKind::IssuesExpired, what, remedy));
    }
    if incidents.suppressed >= SUPPRESSIONS_MIN.max(facts.readers / SUPPRESSIONS_SHARE) {
        let what = format!(
            "{} addresses suppressed in 24 hours, of {}",
            incidents.suppressed,
            counted(facts.readers, "reader")
        );
        let remedy = "`paperboy suppressions list` shows why; if a server was wrong, \
                      `suppressions remove` lifts them";
        found.push(Finding::new(FindingKind::SuppressionBurst, what, remedy));
    }
    found
}

/// `1 mail is`, `3 mails are`.
fn are(number: u64, noun: &str) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(number, noun))
}

fn relay(facts: &Facts, name: &str, pause: &RelayPause, now: DateTime<Utc>) -> Option<Finding> {
    // A pause ends when a mail was taken. Without due mail nobody can tell how the relay is.
    let is_needed = name == facts.relay && facts.oldest_due.is_some();
    if pause.until <= now && !is_needed {
        return None;
    }
    let finding = if pause.refuses_us {
        let what = format!("the relay {name} refuses mail from us: sending is paused");
        let remedy = "look at the login, SPF, DKIM, DMARC, PTR and block lists (`paperboy check`); \
                      `paperboy outbox list` shows the relay's words; sending resumes by itself \
                      once it takes a mail";
        Finding::new(FindingKind::RelayRefusesUs, what, remedy)
    } else {
        let what = format!(
            "the relay {name} cannot be used: {} in a row, mail waits",
            counted(pause.failures.into(), "failure")
        );
        let remedy = "look at the relay and at [smtp] (`paperboy check`); sending resumes by \
                      itself once it answers";
        Finding::new(FindingKind::RelayDown, what, remedy).patience(RELAY_PATIENCE)
    };
    Some(finding.about(name).detail(&pause.reason))
}

fn waiting(facts: &Facts, now: DateTime<Utc>) -> Option<Finding> {
    let since = facts.oldest_due.filter(|due| now - *due > WAITS)?;
    if facts.is_paused(now) {
        return None;
    }
    let mails = counted(facts.due, "mail");
    let late = duration(now - since);
    let last_try = facts.incidents.last_try;
    if last_try.is_none_or(|last| now - last > WAITS) {
        let what = format!("{mails} due for up to {late}, and nothing is sent");
        let remedy = if facts.is_sending {
            "`paperboy outbox stats` and the log say what the sender does; restart it if it does \
             nothing"
        } else {
            "no process delivers: start the service (`paperboy run`, with the role deliver)"
        };
        let finding = Finding::new(FindingKind::MailWaits, what, remedy);
        return Some(finding.patience(START_PATIENCE));
    }
    (now - since > SLOW).then(|| {
        let what = format!("{mails} due for up to {late}: mail is sent slowly");
        let remedy = "the relay is slow or limited: look at [smtp] connections, per_minute and \
                      per_hour";
        Finding::new(FindingKind::MailSlow, what, remedy)
    })
}

//! What is wrong, and what to do about it: decided from what is known. Pure.

use super::format::{ago, counted, span};
use crate::coverage::{Coverage, CoverageState};
use crate::findings::is_grave;
use crate::store::{
    AlarmRow, DeliveryState, MailFigures, RelayPause, ReportRow, SenderLease, SourceStatus,
    WorkNote,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

/// Mail that could be sent and was not for so long is stuck.
const STUCK: TimeDelta = TimeDelta::minutes(15);

/// Every source is looked at more often, whatever the settings say.
const UNSEEN: TimeDelta = TimeDelta::hours(26);

/// So is the database.
const UNTENDED: TimeDelta = TimeDelta::days(3);

/// How far back days of sources are a concern.
pub(super) const COVERAGE_DAYS: u64 = 3;

/// Shown of alike ones; the rest is counted.
const ALIKE_MAX: usize = 4;

/// How much something matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Weight {
    /// Mail does not go out as it should.
    Fail,
    /// Somebody should look when there is time.
    Warn,
}

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Part {
    text: String,
    /// Whether it is something to type.
    is_code: bool,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Concern {
    pub(super) weight: Weight,
    /// What is wrong.
    pub(super) text: String,
    /// What to do.
    pub(super) remedy: Vec<Part>,
    /// The page that shows more.
    pub(super) url: Option<&'static str>,
}

/// What is known of the house.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) now: DateTime<Utc>,
    /// Mails queued in the last 30 days.
    pub(super) mails: MailFigures,
    pub(super) due: u64,
    pub(super) oldest_due: Option<DateTime<Utc>>,
    pub(super) sender: Option<SenderLease>,
    pub(super) relays: Vec<(String, RelayPause)>,
    /// Names of the sources that are to be looked at.
    pub(super) sources: Vec<String>,
    pub(super) standings: Vec<SourceStatus>,
    /// Of the last [`COVERAGE_DAYS`] days.
    pub(super) coverage: Vec<Coverage>,
    pub(super) works: Vec<WorkNote>,
    /// Parts of this process.
    pub(super) loops: Vec<(&'static str, bool)>,
    /// Reports of the last week that say that mail from us is not wanted, the last one first.
    pub(super) unwanted: Vec<ReportRow>,
    /// Records that could not be read, by day.
    pub(super) set_aside: Vec<(String, NaiveDate, u64)>,
    /// Why the database cannot be written, if it cannot.
    pub(super) unwritable: Option<String>,
    /// Alarms that stand.
    pub(super) alarms: Vec<AlarmRow>,
}

/// All concerns, the worst first.
pub(super) fn concerns(facts: &Facts) -> Vec<Concern> {
    let mut all = Vec::new();
    of_the_database(facts, &mut all);
    of_the_relay(facts, &mut all);
    of_the_queue(facts, &mut all);
    of_the_work(facts, &mut all);
    of_the_sources(facts, &mut all);
    of_reports(facts, &mut all);
    of_alarms(facts, &mut all);
    all.sort_by_key(|concern| concern.weight);
    all
}

fn concern(weight: Weight, text: String, remedy: &str, url: Option<&'static str>) -> Concern {
    // What is to be typed stands between backticks.
    let parts = remedy.split('`').enumerate();
    let remedy = parts
        .map(|(at, text)| Part {
            text: text.to_owned(),
            is_code: at % 2 == 1,
        })
        .collect();
    Concern {
        weight,
        text,
        remedy,
        url,
    }
}

fn of_the_database(facts: &Facts, all: &mut Vec<Concern>) {
    if let Some(why) = &facts.unwritable {
        let text = format!("The database cannot be written: {why}.");
        let remedy = "Nothing is sent until it can: look at the disk (space, rights, errors); `paperboy check` says more.";
        all.push(concern(Weight::Fail, text, remedy, None));
    }
}

fn of_the_relay(facts: &Facts, all: &mut Vec<Concern>) {
    for (relay, pause) in facts
        .relays
        .iter()
        .filter(|(_, pause)| pause.until > facts.now)
    {
        let until = ago(pause.until, facts.now);
        if pause.refuses_us {
            let text = format!(
                "{relay} refuses mail from us: {}. It is tried again {until}.",
                pause.reason
            );
            let remedy = "Look at the login, SPF, DKIM, DMARC, the PTR record and block lists (`paperboy check`); then \
                          send a test mail.";
            all.push(concern(Weight::Fail, text, remedy, Some("/admin/sample")));
        } else {
            let failures = counted(pause.failures.into(), "failure");
            let text = format!(
                "{relay} is in trouble after {failures}: {}. It is tried again {until}.",
                pause.reason
            );
            let remedy =
                "Mail waits and goes out by itself; if this lasts, ask whoever runs the relay.";
            all.push(concern(
                Weight::Fail,
                text,
                remedy,
                Some("/admin/mails?state=deferred"),
            ));
        }
    }
}

fn of_the_queue(facts: &Facts, all: &mut Vec<Concern>) {
    let stuck = facts
        .oldest_due
        .map(|due| facts.now - due)
        .filter(|late| *late > STUCK);
    let has_sender = facts
        .sender
        .as_ref()
        .is_some_and(|lease| lease.until > facts.now);
    let mails = counted(facts.due, "mail");
    if facts.due > 0 && !has_sender {
        let text = format!("Nobody sends: {mails} could go out now.");
        let remedy = "Start `paperboy run` (with the role deliver); if it runs, its log says why it does not send.";
        all.push(concern(Weight::Fail, text, remedy, Some("/admin/mails")));
    } else if let Some(late) = stuck
        && !facts
            .relays
            .iter()
            .any(|(_, pause)| pause.until > facts.now)
    {
        let text = format!("{mails} could go out now, the oldest for {}.", span(late));
        let remedy = "The relay is slow or limited: look at [smtp] per_minute and connections, and at the last words.";
        all.push(concern(Weight::Warn, text, remedy, Some("/admin/mails")));
    }
    let held = count(&facts.mails, DeliveryState::Held);
    if held > 0 {
        let text = format!(
            "{} held in the last 30 days, waiting for you.",
            counted(held, "mail")
        );
        let remedy =
            "The server may have each of them already, or its reader has left: send again or drop.";
        all.push(concern(
            Weight::Warn,
            text,
            remedy,
            Some("/admin/mails?state=held"),
        ));
    }
    if facts.mails.late > 0 {
        let text = format!(
            "{} of the last 30 days came too late to be made.",
            counted(facts.mails.late, "issue")
        );
        let remedy =
            "The service was down when they were due; their papers come with the next issue.";
        all.push(concern(Weight::Warn, text, remedy, None));
    }
}

fn of_the_work(facts: &Facts, all: &mut Vec<Concern>) {
    for note in &facts.works {
        if let Some((at, error)) = note.failing() {
            let text = format!("{} fails since {}: {error}", note.part, ago(*at, facts.now));
            let remedy = "It is tried again by itself; `paperboy check` looks over what it needs.";
            all.push(concern(Weight::Fail, text, remedy, None));
        }
        if note.part == "upkeep" && note.done_at.is_some_and(|done| facts.now - done > UNTENDED) {
            let done = note
                .done_at
                .map_or_else(String::new, |done| ago(done, facts.now));
            let text = format!("The database was last tended {done}.");
            all.push(concern(
                Weight::Warn,
                text,
                "Look whether `paperboy run` is running, and at its log.",
                None,
            ));
        }
    }
    for (name, _) in facts.loops.iter().filter(|(_, is_alive)| !is_alive) {
        let text = format!("The part “{name}” of this process gives no sign of life.");
        all.push(concern(
            Weight::Fail,
            text,
            "Restart the service, and keep its log: this is a defect.",
            None,
        ));
    }
}

fn of_the_sources(facts: &Facts, all: &mut Vec<Concern>) {
    for name in &facts.sources {
        let standing = facts
            .standings
            .iter()
            .find(|standing| standing.source == *name);
        let remedy = "Look whether `paperboy run` has the role fetch, and at its log; `paperboy fetch` looks now.";
        match standing {
            None => {
                let text = format!("The source {name} was never looked at.");
                all.push(concern(Weight::Warn, text, remedy, Some("/admin/coverage")));
            }
            Some(standing) if facts.now - standing.checked_at > UNSEEN => {
                let text = format!(
                    "The source {name} last answered {}.",
                    ago(standing.checked_at, facts.now)
                );
                all.push(concern(Weight::Fail, text, remedy, Some("/admin/coverage")));
            }
            Some(_) => {}
        }
    }
    let is_bad =
        |row: &&Coverage| matches!(row.state, CoverageState::Failed | CoverageState::Stalled);
    let bad: Vec<&Coverage> = facts.coverage.iter().filter(is_bad).collect();
    for row in bad.iter().take(ALIKE_MAX) {
        let what = if row.state == CoverageState::Failed {
            "could not be read"
        } else {
            "did not come"
        };
        let of = if row.category.is_empty() {
            row.source.clone()
        } else {
            format!("{} {}", row.source, row.category)
        };
        let note = if row.note.is_empty() {
            String::new()
        } else {
            format!(": {}", row.note)
        };
        let text = format!("{of} of {} {what}{note}.", row.date);
        let remedy =
            "It is asked again by itself, and what is missing is filled in; nobody loses a paper.";
        all.push(concern(Weight::Warn, text, remedy, Some("/admin/coverage")));
    }
    if bad.len() > ALIKE_MAX {
        let text = format!(
            "And {} more of the last days.",
            counted((bad.len() - ALIKE_MAX) as u64, "announcement")
        );
        all.push(concern(
            Weight::Warn,
            text,
            "The coverage shows them all.",
            Some("/admin/coverage"),
        ));
    }
    let since = facts.now.date_naive() - chrono::Days::new(COVERAGE_DAYS);
    let aside: u64 = facts
        .set_aside
        .iter()
        .filter(|(_, day, _)| *day >= since)
        .map(|(_, _, count)| count)
        .sum();
    if aside > 0 {
        let text = format!(
            "{} of the last days could not be read.",
            counted(aside, "record")
        );
        all.push(concern(
            Weight::Warn,
            text,
            "They are kept, with the reason.",
            Some("/admin/set-aside"),
        ));
    }
}

fn of_reports(facts: &Facts, all: &mut Vec<Concern>) {
    if let Some(last) = facts.unwanted.first() {
        let reports = counted(facts.unwanted.len() as u64, "server");
        let text = format!(
            "{reports} said in 7 days that mail from us is not wanted, the last one: {}",
            last.diagnostic
        );
        let remedy = "Nobody is suppressed for it; look at SPF, DKIM, DMARC, the PTR record and block lists.";
        all.push(concern(Weight::Warn, text, remedy, Some("/admin/charts")));
    }
}

/// What the service was told of in time and again, but for what is said above as it is now.
fn of_alarms(facts: &Facts, all: &mut Vec<Concern>) {
    let is_said = |name: &str| match name {
        "relay_down" | "relay_refuses_us" => facts
            .relays
            .iter()
            .any(|(_, pause)| pause.until > facts.now),
        "mail_held" => count(&facts.mails, DeliveryState::Held) > 0,
        "database_not_writable" => facts.unwritable.is_some(),
        "part_failing" => facts.works.iter().any(|note| note.failing().is_some()),
        _ => false,
    };
    for alarm in facts.alarms.iter().filter(|alarm| !is_said(&alarm.name)) {
        let weight = if is_grave(&alarm.name) {
            Weight::Fail
        } else {
            Weight::Warn
        };
        let text = format!("{} (since {})", alarm.text, ago(alarm.since, facts.now));
        all.push(concern(weight, text, &alarm.remedy, None));
    }
}

/// Mails in one state.
pub(super) fn count(figures: &MailFigures, state: DeliveryState) -> u64 {
    figures
        .states
        .iter()
        .find(|(known, _)| *known == state)
        .map_or(0, |(_, count)| *count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let now = "2026-08-04T12:00:00Z".parse().unwrap();
        Facts {
            now,
            mails: MailFigures::default(),
            due: 0,
            oldest_due: None,
            sender: Some(SenderLease {
                holder: "me".to_owned(),
                until: now + TimeDelta::minutes(1),
            }),
            relays: Vec::new(),
            sources: vec!["arxiv".to_owned()],
            standings: vec![SourceStatus {
                source: "arxiv".to_owned(),
                checked_at: now,
                settled_at: None,
            }],
            coverage: Vec::new(),
            works: Vec::new(),
            loops: vec![("fetch", true)],
            unwanted: Vec::new(),
            set_aside: Vec::new(),
            unwritable: None,
            alarms: Vec::new(),
        }
    }

    fn alarm(name: &str, since: DateTime<Utc>) -> AlarmRow {
        AlarmRow {
            id: 1,
            name: name.to_owned(),
            about: String::new(),
            text: "something is wrong".to_owned(),
            remedy: "mend it with `paperboy check`".to_owned(),
            detail: String::new(),
            since,
            seen_at: since,
            raised_at: Some(since),
            over_at: None,
            mailed_at: None,
            mail_done: false,
            posted_at: None,
            post_done: false,
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Facts), weight: Weight, said: &str) {
        let mut facts = facts();
        change(&mut facts);
        let found = concerns(&facts);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].weight == weight && found[0].text.contains(said),
            "{found:?}"
        );
        assert!(!found[0].remedy.is_empty());
    }

    #[test]
    fn a_house_in_order_has_no_concerns() {
        assert_eq!(concerns(&facts()), []);
        // What failed and was done since is over.
        let mut over = facts();
        let failed = Some((over.now - TimeDelta::hours(2), "no".to_owned()));
        over.works = vec![WorkNote {
            part: "fetch".to_owned(),
            done_at: Some(over.now),
            failed,
        }];
        // So is a pause that has ended.
        let ended = RelayPause {
            until: over.now,
            failures: 3,
            refuses_us: false,
            reason: "connect: refused".to_owned(),
        };
        over.relays = vec![("relay".to_owned(), ended)];
        assert_eq!(concerns(&over), []);
    }

    #[test]
    fn everything_that_can_go_wrong_is_said_with_what_to_do() {
        use Weight::{Fail, Warn};
        let pause = |facts: &mut Facts, refuses_us| {
            let until = facts.now + TimeDelta::minutes(5);
            let reason = "auth: 535 5.7.8 no".to_owned();
            facts.relays = vec![(
                "mx:25".to_owned(),
                RelayPause {
                    until,
                    failures: 3,
                    refuses_us,
                    reason,
                },
            )];
        };
        check(
            |facts| pause(facts, false),
            Fail,
            "mx:25 is in trouble after 3 failures: auth: 535",
        );
        check(|facts| pause(facts, true), Fail, "refuses mail from us");
        let stands_still = |facts: &mut Facts| {
            facts.due = 3;
            facts.sender = None;
        };
        check(stands_still, Fail, "Nobody sends: 3 mails");
        let is_slow = |facts: &mut Facts| {
            facts.due = 1;
            facts.oldest_due = Some(facts.now - TimeDelta::hours(1));
        };
        check(is_slow, Warn, "the oldest for 60 minutes");
        check(
            |facts| facts.mails.states = vec![(DeliveryState::Held, 2)],
            Warn,
            "2 mails held",
        );
        check(
            |facts| facts.alarms = vec![alarm("backup_old", facts.now)],
            Warn,
            "something is wrong",
        );
        check(
            |facts| facts.alarms = vec![alarm("no_issues", facts.now)],
            Fail,
            "something is wrong",
        );
        let said_already = |facts: &mut Facts| {
            facts.mails.states = vec![(DeliveryState::Held, 2)];
            facts.alarms = vec![alarm("mail_held", facts.now)];
        };
        check(said_already, Warn, "2 mails held");
        check(
            |facts| facts.loops = vec![("publish", false)],
            Fail,
            "“publish”",
        );
        check(|facts| facts.standings.clear(), Warn, "never looked at");
        check(
            |facts| facts.standings[0].checked_at -= TimeDelta::hours(30),
            Fail,
            "30 hours ago",
        );
        check(
            |facts| facts.unwritable = Some("disk full".to_owned()),
            Fail,
            "disk full",
        );
        check(
            |facts| facts.set_aside = vec![("x".to_owned(), facts.now.date_naive(), 7)],
            Warn,
            "7 records",
        );
        let failed = |facts: &mut Facts| {
            let failed = Some((
                facts.now - TimeDelta::minutes(5),
                "the template is broken".to_owned(),
            ));
            facts.works = vec![WorkNote {
                part: "publish".to_owned(),
                done_at: None,
                failed,
            }];
        };
        check(
            failed,
            Fail,
            "publish fails since 5 minutes ago: the template is broken",
        );
    }
}

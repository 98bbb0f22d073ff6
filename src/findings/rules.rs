//! What is wrong, and whom to tell when: from facts, without a clock. Pure.

use super::LOOK_BACK;
use super::facts::{DISK_LOW_BYTES, Facts};
use crate::coverage::{Coverage, CoverageState};
use crate::store::AlarmRow;
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

/// Something that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// One of [`super::KINDS`].
    pub name: &'static str,
    /// Which relay, source or part; empty where there is one only.
    pub about: String,
    /// What is wrong. It goes to the log, so it holds no words of others.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
    /// The words of others.
    pub detail: String,
    /// How long it must have been so before it is said.
    pub patience: TimeDelta,
}

impl Found {
    fn new(name: &'static str, text: String, remedy: &str) -> Self {
        Found {
            name,
            about: String::new(),
            text,
            remedy: remedy.to_owned(),
            detail: String::new(),
            patience: TimeDelta::zero(),
        }
    }

    fn about(self, about: &str) -> Self {
        Found {
            about: about.to_owned(),
            ..self
        }
    }

    fn saying(self, detail: &str) -> Self {
        Found {
            detail: detail.to_owned(),
            ..self
        }
    }

    fn after(self, patience: TimeDelta) -> Self {
        Found { patience, ..self }
    }
}

/// A service that has just been started finds much that is late, and sets about it.
const START_PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// A relay may restart, or greylist us, for so long without a word about it.
const RELAY_PATIENCE: TimeDelta = TimeDelta::minutes(15);
/// Three looks at a source, as sources are looked at by default.
const SOURCE_PATIENCE: TimeDelta = TimeDelta::hours(1);
/// The publisher looks every few seconds; composing for very many takes a while.
const PUBLISHER_PATIENCE: TimeDelta = TimeDelta::minutes(30);
/// What is due and not tried for so long will not be tried by itself.
const MAIL_WAITS: TimeDelta = TimeDelta::hours(1);
/// So many refusals by policy in a day are about us; single servers are odd.
const POLICY_MIN: u64 = 3;
/// So many records in a day that cannot be read are a change of the source's form.
const SET_ASIDE_MIN: u64 = 20;
/// So many suppressions in a day …
const SUPPRESSIONS_MIN: u64 = 10;
/// … or one of so many readers are not people who moved.
const SUPPRESSIONS_SHARE: u64 = 50;
/// Signatures and certificates bear so much, in seconds.
pub const CLOCK_OFF_SECONDS: i64 = 300;
/// A certificate that is renewed by itself is renewed long before.
pub const CERTIFICATE_DAYS: i64 = 14;

/// All that is wrong.
pub fn judge(facts: &Facts, now: DateTime<Utc>) -> Vec<Found> {
    let mut found = Vec::new();
    found.extend(relay(facts, now));
    found.extend(mail(facts, now));
    found.extend(publishing(facts, now));
    found.extend(sources(facts, now));
    found.extend(machine(facts, now));
    for part in &facts.parts {
        let minutes = part.lasts.as_secs() / 60;
        let text = format!(
            "the part {:?} has failed for {minutes} minutes: {}",
            part.name, part.text
        );
        let remedy = "the log says more (journalctl -u paperboy); `paperboy check` looks at all that it depends on";
        found.push(Found::new("part_failing", text, remedy).about(part.name));
    }
    found
}

fn relay(facts: &Facts, now: DateTime<Utc>) -> Option<Found> {
    let pause = facts.pause.as_ref()?;
    // Of a relay that nobody needs now it is not known how it is.
    if pause.until <= now && facts.oldest_due.is_none() {
        return None;
    }
    let relay = &facts.relay;
    Some(if pause.refuses_us {
        let text = format!(
            "the relay {relay} refuses mail because of its sender or content: sending is paused"
        );
        let remedy = "look at login, SPF, DKIM, DMARC, PTR and block lists (`paperboy check`); `paperboy outbox list` \
                      shows the relay's words; sending goes on by itself once it takes a mail";
        Found::new("relay_refuses_us", text, remedy)
            .about(relay)
            .saying(&pause.reason)
    } else {
        let text = format!(
            "the relay {relay} cannot be used: {} tries in a row have failed, mail waits",
            pause.failures
        );
        let remedy = "look at the relay and at [smtp] (`paperboy check`); sending goes on by itself once it answers";
        Found::new("relay_down", text, remedy)
            .about(relay)
            .saying(&pause.reason)
            .after(RELAY_PATIENCE)
    })
}

fn mail(facts: &Facts, now: DateTime<Utc>) -> Vec<Found> {
    let incidents = &facts.incidents;
    let mut found = Vec::new();
    let refused = incidents.refused_for_policy;
    if refused >= POLICY_MIN || incidents.policy_reports > 0 {
        let text = format!(
            "{refused} recipients were refused because of us, and {} reports say so, in 24 hours",
            incidents.policy_reports
        );
        let remedy = "nobody is suppressed for it; look at SPF, DKIM, DMARC, PTR and block lists (`paperboy check`)";
        found.push(Found::new("policy_refused", text, remedy));
    }
    let is_idle = incidents
        .last_try
        .is_none_or(|last| now - last > MAIL_WAITS / 2);
    if let Some(due) = facts.oldest_due.filter(|due| now - *due > MAIL_WAITS)
        && is_idle
        && facts.pause.as_ref().is_none_or(|pause| pause.until <= now)
    {
        let text = format!(
            "mail has been due for {} and nothing is sent",
            duration(now - due)
        );
        let remedy = if facts.is_sending {
            "`paperboy outbox stats` and the log say what the sender does; restart it if it does nothing"
        } else {
            "no process delivers: start the service, or `paperboy run --role deliver`"
        };
        found.push(Found::new("mail_waits", text, remedy).after(START_PATIENCE));
    }
    if incidents.held > 0 {
        let text = format!(
            "{} mails came to be held in 24 hours: it is not known whether they arrived",
            incidents.held
        );
        let remedy = "`paperboy outbox list --state held` shows them, `outbox retry` or `outbox drop` decides";
        found.push(Found::new("mail_held", text, remedy));
    }
    if incidents.expired > 0 {
        let text = format!(
            "{} issues were given up undelivered in 24 hours",
            incidents.expired
        );
        let remedy = "`paperboy outbox list --state expired` shows whose and why; their papers come with the next issue";
        found.push(Found::new("issues_expired", text, remedy));
    }
    let bearable = SUPPRESSIONS_MIN.max(facts.readers / SUPPRESSIONS_SHARE);
    if incidents.suppressed >= bearable {
        let text = format!(
            "{} addresses were suppressed in 24 hours, of {} readers",
            incidents.suppressed, facts.readers
        );
        let remedy = "`paperboy suppressions list` shows why; if a server was wrong, `suppressions remove` lifts them";
        found.push(Found::new("suppression_burst", text, remedy));
    }
    found
}

fn publishing(facts: &Facts, now: DateTime<Utc>) -> Vec<Found> {
    let incidents = &facts.incidents;
    let mut found = Vec::new();
    if facts.overdue_readers > 0 {
        let text = format!(
            "{} readers' issues are due and not composed",
            facts.overdue_readers
        );
        let remedy =
            "the log says why (a template?); `paperboy publish --dry-run` shows what is in the way";
        found.push(Found::new("publishing_late", text, remedy).after(PUBLISHER_PATIENCE));
    } else if incidents.skipped_late > 0 {
        let text = format!(
            "{} readers got no issue: it was due too long ago when it could be sent",
            incidents.skipped_late
        );
        let remedy = "nothing is lost, their papers come with the next issue; see why the service was down so long";
        found.push(Found::new("issues_skipped", text, remedy));
    } else if facts.due_readers > 0 && incidents.papers_complete > 0 && incidents.composed == 0 {
        let text = format!(
            "{} papers came and readers were due in 24 hours, and not one issue was composed",
            incidents.papers_complete
        );
        let remedy = "`paperboy publish --dry-run` and `paperboy preview ADDRESS --explain` show why nothing is above \
                      the line";
        found.push(Found::new("no_issues", text, remedy).after(SOURCE_PATIENCE));
    }
    for row in &facts.coverage {
        let issues = facts.issues_since(missing_from(row, facts.latest_send));
        if !row.state.is_settled() && missing_from(row, facts.latest_send) < now && issues > 0 {
            let text = format!(
                "{} has not come, and {issues} issues went out since it should have",
                of_day(row)
            );
            let remedy = "`paperboy papers coverage` shows what is known; `paperboy fetch` asks again; what comes late \
                          is in the next issue";
            let one = Found::new("coverage_missing", text, remedy)
                .about(&of_day(row))
                .saying(&row.note);
            found.push(one.after(START_PATIENCE));
        }
    }
    found
}

/// From when on issues were not held up for the papers of `row` any more: a
/// reader's issue waits for those announced in the 24 hours before it.
pub(super) fn missing_from(row: &Coverage, latest_send: TimeDelta) -> DateTime<Utc> {
    row.announced_at
        .unwrap_or_else(|| row.date.and_time(NaiveTime::MIN).and_utc())
        + latest_send
}

fn of_day(row: &Coverage) -> String {
    let of = if row.category.is_empty() {
        String::new()
    } else {
        format!(" {}", row.category)
    };
    format!("{}{of} of {}", row.source, row.date)
}

const SOURCE_REMEDY: &str = "`paperboy papers coverage` shows its words, `paperboy check` asks it; it is asked again by itself";

fn sources(facts: &Facts, now: DateTime<Utc>) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for row in facts
        .coverage
        .iter()
        .filter(|row| matches!(row.state, CoverageState::Failed | CoverageState::Stalled))
    {
        if found.iter().any(|known| known.about == row.source) {
            continue;
        }
        let like = |other: &&Coverage| other.source == row.source && other.state == row.state;
        let more = facts.coverage.iter().filter(like).count() - 1;
        let what = if row.state == CoverageState::Failed {
            "cannot be read"
        } else {
            "should have come long ago"
        };
        let more = if more > 0 {
            format!(", and {more} more of it")
        } else {
            String::new()
        };
        let mut one = Found::new(
            "source_failing",
            format!("{} {what}{more}", of_day(row)),
            SOURCE_REMEDY,
        );
        one.patience = if row.state == CoverageState::Failed {
            SOURCE_PATIENCE
        } else {
            START_PATIENCE
        };
        found.push(one.about(&row.source).saying(&row.note));
    }
    for failing in &facts.failing_sources {
        if now - failing.since >= SOURCE_PATIENCE
            && !found.iter().any(|known| known.about == failing.source)
        {
            let text = format!(
                "the source {} cannot be read, for {}",
                failing.source,
                duration(now - failing.since)
            );
            let one = Found::new("source_failing", text, SOURCE_REMEDY);
            found.push(
                one.about(&failing.source)
                    .saying(&failing.why)
                    .after(START_PATIENCE),
            );
        }
    }
    for (source, count) in facts
        .incidents
        .set_aside
        .iter()
        .filter(|(_, count)| *count >= SET_ASIDE_MIN)
    {
        let text = format!("{count} records of {source} could not be read in 24 hours");
        let remedy = "its form may have changed: `paperboy papers coverage` shows what was set aside, a newer version \
                      may read it";
        found.push(Found::new("set_aside_burst", text, remedy).about(source));
    }
    found
}

fn machine(facts: &Facts, now: DateTime<Utc>) -> Vec<Found> {
    let mut found = Vec::new();
    if let Some(free) = facts.free_bytes.filter(|free| *free < DISK_LOW_BYTES) {
        let text = format!(
            "{} MiB are free on the disk of the database: sending stops when it is full",
            free >> 20
        );
        let remedy = "make room; `paperboy backup` to another disk, the journal (journalctl --vacuum-size) and old \
                      backups are where to look";
        found.push(Found::new("disk_low", text, remedy));
    }
    if !facts.damage.is_empty() {
        let remedy =
            "stop the service, keep a copy of the file, and `paperboy restore` the last backup";
        found.push(
            Found::new(
                "database_damaged",
                "the database file is damaged".to_owned(),
                remedy,
            )
            .saying(&facts.damage),
        );
    }
    if let Some(newest) = &facts.newest_backup {
        let old = newest.is_none_or(|made| now - made > facts.backup_age);
        if old {
            let text = match newest {
                None => "there is no backup in alarms.backup_folder".to_owned(),
                Some(made) => format!("the last backup is {} old", duration(now - *made)),
            };
            let remedy = "`paperboy backup FILE` makes one while the service runs; see why the timer did not";
            found.push(Found::new("backup_old", text, remedy));
        }
    }
    if let Some(off) = facts
        .clock_off_seconds
        .filter(|off| off.abs() >= CLOCK_OFF_SECONDS)
    {
        let side = if off < 0 { "behind" } else { "ahead" };
        let text = format!(
            "the clock is {} seconds {side}: issues go out at the wrong hour",
            off.abs()
        );
        found.push(Found::new(
            "clock_off",
            text,
            "set it, and let NTP keep it (timedatectl)",
        ));
    }
    for (what, ends) in &facts.certificates {
        let left = *ends - now;
        if left < TimeDelta::days(CERTIFICATE_DAYS) {
            let text = if left < TimeDelta::zero() {
                format!("the certificate of {what} expired {} ago", duration(-left))
            } else {
                format!("the certificate of {what} expires in {}", duration(left))
            };
            let remedy = "renew it (certbot renew, or see why your proxy does not), then restart what serves it";
            found.push(Found::new("certificate_expiring", text, remedy).about(what));
        }
    }
    found
}

/// A time in words: `3 hours`.
fn duration(time: TimeDelta) -> String {
    let (days, hours, minutes) = (time.num_days(), time.num_hours(), time.num_minutes());
    match (days, hours, minutes) {
        (2.., _, _) => format!("{days} days"),
        (_, 2.., _) => format!("{hours} hours"),
        _ => format!("{} minutes", minutes.max(1)),
    }
}

/// What was found no more for so long is over: things that come and go are one alarm.
const CALM: TimeDelta = TimeDelta::minutes(5);
/// How often it is noted that an alarm still stands.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);

/// What becomes of the `known` alarms that have not ended, and those that begin:
/// the rows to be stored.
pub fn follow(known: &[AlarmRow], found: &[Found], now: DateTime<Utc>) -> Vec<AlarmRow> {
    let mut changed = Vec::new();
    for one in found {
        let before = known
            .iter()
            .find(|row| row.over_at.is_none() && row.name == one.name && row.about == one.about);
        let mut row = before.cloned().unwrap_or_else(|| AlarmRow {
            id: 0,
            name: one.name.to_owned(),
            about: one.about.clone(),
            text: one.text.clone(),
            remedy: one.remedy.clone(),
            detail: one.detail.clone(),
            since: now,
            seen_at: now,
            raised_at: None,
            over_at: None,
            mailed_at: None,
            mail_done: false,
            posted_at: None,
            post_done: false,
        });
        // A clock that was set back is no reason to wait for it to catch up.
        row.since = row.since.min(now);
        if now - row.seen_at >= SEEN_EVERY || row.seen_at > now {
            row.seen_at = now;
        }
        if row.raised_at.is_none() && now - row.since >= one.patience {
            row.raised_at = Some(now);
            row.seen_at = now;
        }
        if row.raised_at.is_none() || row.seen_at == now {
            (row.text, row.remedy, row.detail) =
                (one.text.clone(), one.remedy.clone(), one.detail.clone());
        }
        if before != Some(&row) {
            changed.push(row);
        }
    }
    for row in known.iter().filter(|row| row.over_at.is_none()) {
        let is_found = found
            .iter()
            .any(|one| one.name == row.name && one.about == row.about);
        // A relay's pause has its own patience: it ends when a mail was taken.
        let calm = if row.name.starts_with("relay_") {
            TimeDelta::zero()
        } else {
            CALM
        };
        if !is_found && (now - row.seen_at >= calm || row.raised_at.is_none()) {
            changed.push(AlarmRow {
                over_at: Some(now),
                ..row.clone()
            });
        }
    }
    changed
}

/// What there is to say about an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It has been raised.
    Raised,
    /// It still stands, a while after it was last said.
    Lasts,
    /// What was said is over.
    Over,
    /// It was raised and is over, and nobody was told meanwhile.
    Passed,
}

/// Between two mails there is at least so much time.
const MAIL_GAP: TimeDelta = TimeDelta::minutes(10);

/// What is to be mailed about which of the `alarms`. Empty if the last mail was just now.
pub fn to_mail(alarms: &[AlarmRow], now: DateTime<Utc>, repeat: TimeDelta) -> Vec<(usize, News)> {
    let last = alarms
        .iter()
        .filter_map(|row| row.mailed_at)
        .filter(|last| *last <= now)
        .max();
    if last.is_some_and(|last| now - last < MAIL_GAP) {
        return Vec::new();
    }
    let news = |row: &AlarmRow| {
        row.raised_at?;
        match (row.over_at, row.mailed_at) {
            (None, None) => Some(News::Raised),
            (None, Some(mailed)) => (now - mailed >= repeat).then_some(News::Lasts),
            (Some(_), _) if row.mail_done => None,
            (Some(_), Some(_)) => Some(News::Over),
            (Some(over), None) => (now - over < LOOK_BACK * 7).then_some(News::Passed),
        }
    };
    alarms
        .iter()
        .enumerate()
        .filter_map(|(at, row)| Some((at, news(row)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::LoopFailure;
    use crate::store::{FailingSource, IncidentCounts, RelayPause};
    use std::time::Duration;

    fn at(minute: i64) -> DateTime<Utc> {
        "2026-03-26T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
    }

    fn pause(refuses_us: bool) -> RelayPause {
        RelayPause {
            until: at(30),
            failures: 4,
            refuses_us,
            reason: "rcpt: 550 no".to_owned(),
        }
    }

    fn coverage(state: CoverageState, date: &str) -> Coverage {
        Coverage {
            source: "arxiv".to_owned(),
            category: "cs.LG".to_owned(),
            date: date.parse().unwrap(),
            state,
            declared: None,
            papers: 0,
            announced_at: None,
            checked_at: at(0),
            completed_at: None,
            note: "503".to_owned(),
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Facts), expected: &[&str]) {
        let mut facts = Facts {
            relay: "mail:25".to_owned(),
            readers: 100,
            backup_age: TimeDelta::days(2),
            ..Facts::default()
        };
        change(&mut facts);
        let found = judge(&facts, at(0));
        let names: Vec<&str> = found.iter().map(|one| one.name).collect();
        assert_eq!(names, expected);
        for one in found {
            assert!(
                super::super::KINDS
                    .iter()
                    .any(|(name, _)| *name == one.name),
                "{} is not in the list",
                one.name
            );
            assert!(!one.text.is_empty() && !one.remedy.is_empty());
            for text in [&one.text, &one.remedy] {
                assert!(
                    !text.contains('@') && !text.contains('\n') && !text.contains("  "),
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn each_trouble_has_its_alarm() {
        let none = IncidentCounts::default;
        check(|_| {}, &[]);
        check(|facts| facts.pause = Some(pause(false)), &["relay_down"]);
        check(
            |facts| facts.pause = Some(pause(true)),
            &["relay_refuses_us"],
        );
        check(
            |facts| {
                facts.pause = Some(RelayPause {
                    until: at(-1),
                    ..pause(false)
                })
            },
            &[],
        );
        check(
            |facts| {
                facts.incidents = IncidentCounts {
                    refused_for_policy: 3,
                    ..none()
                }
            },
            &["policy_refused"],
        );
        check(
            |facts| {
                facts.incidents = IncidentCounts {
                    refused_for_policy: 2,
                    ..none()
                }
            },
            &[],
        );
        check(
            |facts| {
                facts.incidents = IncidentCounts {
                    policy_reports: 1,
                    ..none()
                }
            },
            &["policy_refused"],
        );
        check(|facts| facts.oldest_due = Some(at(-61)), &["mail_waits"]);
        check(|facts| facts.oldest_due = Some(at(-59)), &[]);
        check(
            |facts| {
                facts.oldest_due = Some(at(-300));
                facts.incidents = IncidentCounts {
                    last_try: Some(at(-1)),
                    ..none()
                };
            },
            &[],
        );
        check(
            |facts| {
                facts.incidents = IncidentCounts {
                    held: 1,
                    expired: 2,
                    ..none()
                }
            },
            &["mail_held", "issues_expired"],
        );
        check(
            |facts| {
                facts.incidents = IncidentCounts {
                    suppressed: 10,
                    ..none()
                }
            },
            &["suppression_burst"],
        );
        check(
            |facts| {
                facts.readers = 1_000;
                facts.incidents = IncidentCounts {
                    suppressed: 19,
                    ..none()
                };
            },
            &[],
        );
        check(|facts| facts.overdue_readers = 1, &["publishing_late"]);
        check(
            |facts| {
                facts.incidents = IncidentCounts {
                    skipped_late: 1,
                    ..none()
                }
            },
            &["issues_skipped"],
        );
        let complete = IncidentCounts {
            papers_complete: 600,
            ..none()
        };
        check(
            |facts| (facts.due_readers, facts.incidents) = (3, complete.clone()),
            &["no_issues"],
        );
        check(
            |facts| (facts.due_readers, facts.incidents) = (0, complete.clone()),
            &[],
        );
        check(
            |facts| {
                (facts.due_readers, facts.incidents) = (
                    3,
                    IncidentCounts {
                        composed: 1,
                        ..complete.clone()
                    },
                )
            },
            &[],
        );
        check(
            |facts| facts.coverage = vec![coverage(CoverageState::Stalled, "2026-03-26")],
            &["source_failing"],
        );
        check(
            |facts| facts.coverage = vec![coverage(CoverageState::Waiting, "2026-03-26")],
            &[],
        );
        check(
            |facts| {
                facts.coverage = vec![coverage(CoverageState::Waiting, "2026-03-26")];
                facts.issues_after = vec![(at(-12 * 60), 7)];
            },
            &["coverage_missing"],
        );
        check(
            |facts| {
                facts.latest_send = TimeDelta::hours(13);
                facts.coverage = vec![coverage(CoverageState::Waiting, "2026-03-26")];
                facts.issues_after = vec![(at(60), 7)];
            },
            &[],
        );
        let failing = |minute| FailingSource {
            source: "feed".to_owned(),
            since: at(minute),
            why: "404".to_owned(),
        };
        check(
            |facts| facts.failing_sources = vec![failing(-60)],
            &["source_failing"],
        );
        check(|facts| facts.failing_sources = vec![failing(-59)], &[]);
        let records = vec![("arxiv".to_owned(), 20), ("feed".to_owned(), 19)];
        check(
            |facts| {
                facts.incidents = IncidentCounts {
                    set_aside: records.clone(),
                    ..none()
                }
            },
            &["set_aside_burst"],
        );
        check(
            |facts| facts.free_bytes = Some(DISK_LOW_BYTES - 1),
            &["disk_low"],
        );
        check(
            |facts| facts.damage = "page 3".to_owned(),
            &["database_damaged"],
        );
        check(|facts| facts.newest_backup = Some(None), &["backup_old"]);
        check(
            |facts| facts.newest_backup = Some(Some(at(-3 * 24 * 60))),
            &["backup_old"],
        );
        check(|facts| facts.newest_backup = Some(Some(at(-60))), &[]);
        check(|facts| facts.clock_off_seconds = Some(-300), &["clock_off"]);
        check(|facts| facts.clock_off_seconds = Some(299), &[]);
        check(
            |facts| facts.certificates = vec![("a".to_owned(), at(13 * 24 * 60))],
            &["certificate_expiring"],
        );
        check(
            |facts| facts.certificates = vec![("a".to_owned(), at(15 * 24 * 60))],
            &[],
        );
        let failing = LoopFailure {
            name: "publish",
            text: "a template".to_owned(),
            lasts: Duration::from_mins(11),
        };
        check(|facts| facts.parts = vec![failing], &["part_failing"]);
    }

    /// The stored alarms after a step in which `found` was found; what was told is noted.
    fn step(known: &mut Vec<AlarmRow>, found: &[Found], now: DateTime<Utc>) -> Vec<News> {
        for row in follow(known, found, now) {
            match known
                .iter_mut()
                .find(|other| other.id == row.id && row.id != 0)
            {
                Some(other) => *other = row,
                None => known.push(AlarmRow {
                    id: known.len() as i64 + 1,
                    ..row
                }),
            }
        }
        known.retain(|row| row.raised_at.is_some() || row.over_at.is_none());
        let news = to_mail(known, now, TimeDelta::hours(24));
        for (at, _) in &news {
            known[*at].mailed_at = Some(now);
            known[*at].mail_done = known[*at].over_at.is_some();
        }
        news.into_iter().map(|(_, news)| news).collect()
    }

    #[test]
    fn an_alarm_is_said_once_again_after_a_day_and_when_it_is_over() {
        let down = Found::new("relay_down", "down".to_owned(), "up").after(RELAY_PATIENCE);
        let (mut known, mut told) = (Vec::new(), Vec::new());
        for minute in 0..3 * 24 * 60 {
            let is_down = minute < 2 * 24 * 60;
            let found = if is_down {
                vec![down.clone()]
            } else {
                Vec::new()
            };
            told.extend(
                step(&mut known, &found, at(minute))
                    .into_iter()
                    .map(|news| (minute, news)),
            );
        }
        assert_eq!(
            told,
            [
                (15, News::Raised),
                (15 + 24 * 60, News::Lasts),
                (2 * 24 * 60, News::Over)
            ],
            "after its patience, after a day, and at its end"
        );
    }

    #[test]
    fn what_comes_and_goes_is_one_alarm_and_what_passes_soon_is_none() {
        let low = Found::new("disk_low", "low".to_owned(), "room");
        let down = Found::new("relay_down", "down".to_owned(), "up").after(RELAY_PATIENCE);
        let (mut known, mut told) = (Vec::new(), Vec::new());
        for minute in 0..60 {
            let mut found = if minute % 2 == 0 {
                vec![low.clone()]
            } else {
                Vec::new()
            };
            found.extend((minute % 10 < 5).then(|| down.clone()));
            told.extend(
                step(&mut known, &found, at(minute))
                    .into_iter()
                    .map(|news| (minute, news)),
            );
        }
        assert_eq!(told, [(0, News::Raised)]);
    }

    #[test]
    fn many_alarms_are_few_mails() {
        let (mut known, mut mails) = (Vec::new(), 0);
        for minute in 0..60 {
            let found: Vec<Found> = (0..=minute)
                .map(|part| {
                    Found::new("part_failing", "fails".to_owned(), "see").about(&part.to_string())
                })
                .collect();
            mails += u32::from(!step(&mut known, &found, at(minute)).is_empty());
        }
        assert_eq!(mails, 6, "one in ten minutes");
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nobody() {
        let low = Found::new("disk_low", "low".to_owned(), "room");
        let mut known = Vec::new();
        assert_eq!(
            step(&mut known, std::slice::from_ref(&low), at(0)),
            [News::Raised]
        );
        let earlier = at(-3 * 24 * 60);
        let other = Found::new("clock_off", "off".to_owned(), "set it");
        assert_eq!(step(&mut known, &[low, other], earlier), [News::Raised]);
    }
}

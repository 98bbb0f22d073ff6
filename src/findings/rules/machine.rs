//! Findings about the machine, the database and the service itself. Pure.

use super::duration;
use crate::findings::facts::Facts;
use crate::findings::finding::Finding;
use crate::findings::kind::{FindingKind, Severity};
use chrono::{DateTime, TimeDelta, Utc};

/// Below this much room mail is about to stop.
const DISK_LOW_BYTES: u64 = 1 << 30;

/// Below this much room it may stop within the next run.
const DISK_OUT_BYTES: u64 = 100 << 20;

/// DKIM verifiers and certificates tolerate a clock that is this far off.
const CLOCK_OFF_SECONDS: i64 = 300;

/// Certificates that are renewed automatically are renewed well before.
const CERTIFICATE_DAYS: i64 = 14;

/// The database has its upkeep once a day.
const UPKEEP_OVERDUE: TimeDelta = TimeDelta::days(3);

/// A loop that fails for less is being retried.
const LOOP_PATIENCE: TimeDelta = TimeDelta::minutes(10);

pub(super) fn decide(facts: &Facts, now: DateTime<Utc>) -> Vec<Finding> {
    let mut found: Vec<Finding> = database(facts);
    found.extend(facts.free_bytes.and_then(disk));
    found.extend(
        facts
            .newest_backup
            .and_then(|newest| backup(facts, newest, now)),
    );
    found.extend(facts.clock_off_seconds.and_then(clock));
    let certificates = facts.certificates.iter();
    found.extend(certificates.filter_map(|(what, ends)| certificate(what, *ends - now)));
    found.extend(service(facts, now));
    found
}

/// The database cannot be written, for the reason `why`.
pub(in crate::findings) fn not_writable(why: &str) -> Finding {
    let what = "the database cannot be written: nothing is sent until it can";
    let remedy = "look at the disk's room and rights (df -h, ls -l), and whether another program \
                  holds the file; `paperboy check` says more";
    Finding::new(FindingKind::DatabaseNotWritable, what, remedy).detail(why)
}

fn database(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> = facts
        .unwritable
        .as_deref()
        .map(not_writable)
        .into_iter()
        .collect();
    if !facts.damage.is_empty() {
        let remedy = "stop the service, keep a copy of the file, and `paperboy restore` the last \
                      backup";
        let what = "the database file is damaged";
        found.push(Finding::new(FindingKind::DatabaseDamaged, what, remedy).detail(&facts.damage));
    }
    found
}

fn disk(free: u64) -> Option<Finding> {
    if free >= DISK_LOW_BYTES {
        return None;
    }
    let severity = if free < DISK_OUT_BYTES {
        Severity::Fail
    } else {
        Severity::Warn
    };
    let what = format!(
        "{} MiB are free on the disk of the database: sending stops when it is full",
        free >> 20
    );
    let remedy = "make room; the journal (journalctl --vacuum-size) and old backups are where to \
                  look";
    Some(Finding::new(FindingKind::DiskLow, what, remedy).severity(severity))
}

fn backup(facts: &Facts, newest: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Finding> {
    let what = match newest {
        None => "there is no backup in alarms.backup_folder".to_owned(),
        Some(made) if now - made > facts.backup_age => {
            format!("the last backup is {} old", duration(now - made))
        }
        Some(_) => return None,
    };
    let remedy = "`paperboy backup FILE` makes one while the service runs; find out why the timer \
                  did not";
    Some(Finding::new(FindingKind::BackupOld, what, remedy))
}

fn clock(off: i64) -> Option<Finding> {
    let side = if off < 0 { "behind" } else { "ahead" };
    (off.abs() >= CLOCK_OFF_SECONDS).then(|| {
        let what = format!(
            "the clock is {} seconds {side}: issues go out at the wrong hour",
            off.abs()
        );
        Finding::new(
            FindingKind::ClockOff,
            what,
            "set it, and let NTP keep it (timedatectl)",
        )
    })
}

fn certificate(what: &str, left: TimeDelta) -> Option<Finding> {
    let (text, severity) = if left < TimeDelta::zero() {
        let ago = duration(-left);
        (
            format!("the certificate of {what} expired {ago} ago"),
            Severity::Fail,
        )
    } else if left < TimeDelta::days(CERTIFICATE_DAYS) {
        let left = duration(left);
        (
            format!("the certificate of {what} expires in {left}"),
            Severity::Warn,
        )
    } else {
        return None;
    };
    let remedy = "renew it (certbot renew, or find out why your proxy does not), then restart \
                  the program that serves it";
    let finding = Finding::new(FindingKind::CertificateExpiring, text, remedy);
    Some(finding.about(what).severity(severity))
}

fn service(facts: &Facts, now: DateTime<Utc>) -> Vec<Finding> {
    let mut found = Vec::new();
    for failing in &facts.failing_loops {
        let what = format!(
            "the loop {} has failed for {}",
            failing.name,
            duration(now - failing.since)
        );
        let remedy = "it is retried by itself; the log says more (journalctl -u paperboy), and \
                      `paperboy check` looks at all that it depends on";
        found.push(
            Finding::new(FindingKind::PartFailing, what, remedy)
                .about(&failing.name)
                .detail(&failing.error)
                .patience(LOOP_PATIENCE),
        );
    }
    for name in &facts.silent_loops {
        let what = format!("the loop {name} of this process gives no heartbeat");
        let remedy = "restart the service, and keep its log: this is a defect";
        found.push(Finding::new(FindingKind::LoopSilent, what, remedy).about(name));
    }
    if let Some(tended) = facts
        .tended_at
        .filter(|tended| now - *tended > UPKEEP_OVERDUE)
    {
        let what = format!(
            "the last upkeep of the database was {} ago",
            duration(now - tended)
        );
        let remedy = "see whether the service runs, and its log (`[schedule] upkeep` says when)";
        found.push(Finding::new(FindingKind::UpkeepOverdue, what, remedy));
    }
    found
}

//! What the service itself has noticed.

use super::{Finding, Verdict, finding};
use crate::findings::{KINDS, is_grave};
use crate::store::Db;
use chrono::{DateTime, TimeDelta, Utc};

/// The database is tended once a day.
const TENDED_LATE: TimeDelta = TimeDelta::days(3);

/// What stands, and when the database was tended.
pub(super) fn check(db: &Db, now: DateTime<Utc>) -> Vec<Finding> {
    let mut found = Vec::new();
    let asked = db.run_here(|store| Ok((store.alarms(now)?, store.last_upkeep()?)));
    // That the database does not answer has been said.
    let Ok((alarms, tended)) = asked else {
        return found;
    };
    for alarm in alarms.iter().filter(|alarm| alarm.stands()) {
        let verdict = if is_grave(&alarm.name) {
            Verdict::Fail
        } else {
            Verdict::Warn
        };
        let since = alarm.since.format("%Y-%m-%d %H:%M UTC");
        let detail = if alarm.detail.is_empty() {
            String::new()
        } else {
            format!(" ({})", alarm.detail)
        };
        let text = format!(
            "{}, since {since}: {}{detail}; {}",
            alarm.name, alarm.text, alarm.remedy
        );
        found.push(finding("alarm", verdict, text));
    }
    if found.is_empty() {
        found.push(finding(
            "alarm",
            Verdict::Ok,
            format!("none of {} stands", KINDS.len()),
        ));
    }
    if let Some(tended) = tended.filter(|tended| now - tended.at > TENDED_LATE) {
        let text = format!(
            "the database was last tended on {}: see whether the service runs (`[schedule] upkeep` says when)",
            tended.at.date_naive()
        );
        found.push(finding("upkeep", Verdict::Warn, text));
    }
    found
}

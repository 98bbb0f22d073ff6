//! Decides from facts what is wrong, with one threshold for each kind. Pure.

mod machine;
mod mail;
mod publishing;
pub(super) mod settings;
mod sources;
#[cfg(test)]
mod tests;

pub(super) use machine::not_writable;

use super::facts::Facts;
use super::finding::Finding;
use chrono::{DateTime, TimeDelta, Utc};

/// A service that has just started finds much that is late, and catches up.
const START_PATIENCE: TimeDelta = TimeDelta::minutes(10);

/// Everything that is wrong at `now`, the worst first.
pub fn decide(facts: &Facts, now: DateTime<Utc>) -> Vec<Finding> {
    let mut found = machine::decide(facts, now);
    found.extend(mail::decide(facts, now));
    found.extend(publishing::decide(facts, now));
    found.extend(sources::decide(facts, now));
    found.sort_by_key(|finding| finding.severity);
    found
}

/// A number of things: `1 mail`, `3 mails`.
fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A length of time in words: `3 hours`.
fn duration(time: TimeDelta) -> String {
    let (days, hours, minutes) = (time.num_days(), time.num_hours(), time.num_minutes());
    match (days, hours, minutes) {
        (2.., _, _) => format!("{days} days"),
        (_, 2.., _) => format!("{hours} hours"),
        _ => counted(minutes.max(1) as u64, "minute"),
    }
}

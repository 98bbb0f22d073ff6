//! Findings about the sources of papers. Pure.

use super::publishing::announcement;
use super::{START_PATIENCE, counted, duration};
use crate::coverage::{Coverage, CoverageState};
use crate::findings::facts::Facts;
use crate::findings::finding::Finding;
use crate::findings::kind::FindingKind;
use chrono::{DateTime, TimeDelta, Utc};

/// Three polls of a source, at the default interval of 20 minutes.
const SOURCE_PATIENCE: TimeDelta = TimeDelta::hours(1);

/// Every source is polled once a day at least, with two hours for a slow one.
const UNPOLLED: TimeDelta = TimeDelta::hours(26);

/// Fewer unreadable records in a day are single mistakes of the source; more mean that its
/// format has changed.
const SET_ASIDE_MIN: u64 = 20;

const REMEDY: &str = "`paperboy papers coverage` shows its answer, `paperboy check` asks it; it is polled again by \
                      itself, and no paper is lost";

pub(super) fn decide(facts: &Facts, now: DateTime<Utc>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for row in facts.coverage.iter().filter(|row| is_bad(row)) {
        if !found.iter().any(|known| known.about == row.source) {
            found.push(uncovered(facts, row));
        }
    }
    for failing in &facts.failing_sources {
        let lasts = now - failing.since;
        if lasts >= SOURCE_PATIENCE && !found.iter().any(|known| known.about == failing.source) {
            let what = format!(
                "the source {} has not been readable for {}",
                failing.source,
                duration(lasts)
            );
            found.push(
                Finding::new(FindingKind::SourceFailing, what, REMEDY)
                    .about(&failing.source)
                    .detail(&failing.why)
                    .patience(START_PATIENCE),
            );
        }
    }
    let sources = facts.sources.iter();
    found.extend(sources.filter_map(|source| unpolled(facts, source, now)));
    let aside = facts.incidents.set_aside.iter();
    for (source, count) in aside.filter(|(_, count)| *count >= SET_ASIDE_MIN) {
        let what = format!("{count} records of {source} could not be read in 24 hours");
        let remedy = "its format may have changed: `paperboy papers coverage` shows the records \
                      that were set aside; a newer version may read them";
        found.push(Finding::new(FindingKind::SetAsideBurst, what, remedy).about(source));
    }
    found
}

fn is_bad(row: &Coverage) -> bool {
    matches!(row.state, CoverageState::Failed | CoverageState::Stalled)
}

fn uncovered(facts: &Facts, row: &Coverage) -> Finding {
    let alike = facts.coverage.iter();
    let alike = alike.filter(|other| other.source == row.source && other.state == row.state);
    let more = match alike.count() - 1 {
        0 => String::new(),
        more => format!(", and {} more of it", counted(more as u64, "announcement")),
    };
    let (state, patience) = if row.state == CoverageState::Failed {
        ("could not be read", SOURCE_PATIENCE)
    } else {
        ("is overdue", START_PATIENCE)
    };
    let what = format!("{} {state}{more}", announcement(row));
    Finding::new(FindingKind::SourceFailing, what, REMEDY)
        .about(&row.source)
        .detail(&row.note)
        .patience(patience)
}

fn unpolled(facts: &Facts, source: &str, now: DateTime<Utc>) -> Option<Finding> {
    let polled = facts
        .standings
        .iter()
        .find(|standing| standing.source == source);
    let what = match polled.map(|standing| now - standing.checked_at) {
        None => format!("the source {source} was never polled"),
        Some(ago) if ago > UNPOLLED => {
            format!("the source {source} was last polled {} ago", duration(ago))
        }
        Some(_) => return None,
    };
    let remedy = "see whether `paperboy run` has the role fetch, and its log; `paperboy fetch` \
                  polls now";
    Some(Finding::new(FindingKind::SourceUnpolled, what, remedy).about(source))
}

//! Findings about the issues that should have been composed. Pure.

use super::{START_PATIENCE, counted};
use crate::coverage::Coverage;
use crate::findings::facts::{Facts, missing_from};
use crate::findings::finding::Finding;
use crate::findings::kind::FindingKind;
use chrono::{DateTime, TimeDelta, Utc};

/// The publisher looks every few seconds, but composing for very many readers takes a while.
const LATE_PATIENCE: TimeDelta = TimeDelta::minutes(30);

/// Papers that have just come are ranked with the next poll at the latest.
const NO_ISSUES_PATIENCE: TimeDelta = TimeDelta::hours(1);

pub(super) fn decide(facts: &Facts, now: DateTime<Utc>) -> Vec<Finding> {
    let mut found: Vec<Finding> = composing(facts).into_iter().collect();
    let rows = facts.coverage.iter();
    found.extend(rows.filter_map(|row| missing(facts, row, now)));
    found
}

fn composing(facts: &Facts) -> Option<Finding> {
    let incidents = &facts.incidents;
    if facts.overdue_readers > 0 {
        let what = format!(
            "the issues of {} are due and not composed",
            counted(facts.overdue_readers, "reader")
        );
        let remedy = "the log says why (a template?); `paperboy publish --dry-run` shows what is \
                      in the way";
        let finding = Finding::new(FindingKind::PublishingLate, what, remedy);
        return Some(finding.patience(LATE_PATIENCE));
    }
    if incidents.skipped_late > 0 {
        let what = format!(
            "{} skipped in 24 hours: too late to be sent",
            counted(incidents.skipped_late, "issue")
        );
        let remedy = "their papers come with the next issue; find out why the service was down";
        return Some(Finding::new(FindingKind::IssuesSkipped, what, remedy));
    }
    let has_papers = facts.due_readers > 0 && incidents.papers_complete > 0;
    (has_papers && incidents.composed == 0).then(|| {
        let what = format!(
            "{} came and readers were due in 24 hours, but no issue was composed",
            counted(incidents.papers_complete, "paper")
        );
        let remedy = "`paperboy publish --dry-run` and `paperboy preview ADDRESS --explain` show \
                      why nothing is above the line";
        Finding::new(FindingKind::NoIssues, what, remedy).patience(NO_ISSUES_PATIENCE)
    })
}

fn missing(facts: &Facts, row: &Coverage, now: DateTime<Utc>) -> Option<Finding> {
    let from = missing_from(row, facts.latest_send);
    let issues = facts.issues_since(from);
    (!row.state.is_settled() && from < now && issues > 0).then(|| {
        let what = format!(
            "{} has not come, and {} went out since it was due",
            announcement(row),
            counted(issues, "issue")
        );
        let remedy = "`paperboy papers coverage` shows what is known; `paperboy fetch` asks again; \
                      papers that come late are in the next issue";
        Finding::new(FindingKind::CoverageMissing, what, remedy)
            .about(&announcement(row))
            .detail(&row.note)
            .patience(START_PATIENCE)
    })
}

/// The announcement that `row` is about: `arxiv cs.LG of 2026-03-26`.
pub(super) fn announcement(row: &Coverage) -> String {
    let space = if row.category.is_empty() { "" } else { " " };
    format!("{}{space}{} of {}", row.source, row.category, row.date)
}

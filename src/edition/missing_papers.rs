//! Missing papers: which ones an issue waits for, and what it reports of them. Pure.

use super::coverage_window::announced_at;
use crate::digest::DayCovered;
use crate::paper::{category_matches, is_in_category};
use crate::ranking::Days;
use crate::store::{Coverage, CoverageState};
use crate::subscriber::Subscriber;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// Age of announcements that an issue waits for: one day. Papers missing from earlier
/// days come with a later issue and delay none.
const AWAITED: TimeDelta = TimeDelta::hours(24);

/// Whether papers are missing that an issue due at `due` should have: an announcement
/// that the subscriber follows, of the day before it, is neither complete nor known to
/// be empty. Sources that never report what is still to come are not waited for.
pub(crate) fn is_missing_papers(
    coverage: &[Coverage],
    subscriber: &Subscriber,
    due: DateTime<Utc>,
) -> bool {
    // The rows are sorted by date.
    let rows = coverage
        .iter()
        .rev()
        .take_while(|covered| covered.date >= (due - AWAITED).date_naive());
    rows.filter(|covered| is_fresh(covered, due))
        .any(|covered| is_missing(covered) && follows(subscriber, covered))
}

/// The days that an issue due at `due` reports: its own, and the day that it waited for
/// in vain.
pub(crate) fn covered(
    coverage: &[Coverage],
    days: &Days,
    subscriber: &Subscriber,
    due: DateTime<Utc>,
) -> Vec<DayCovered> {
    let empty = |date| DayCovered {
        date,
        ..DayCovered::default()
    };
    let mut said: BTreeMap<_, _> = days.keys().map(|day| (*day, empty(*day))).collect();
    for covered in coverage {
        let awaited = is_missing(covered) && announced_at(covered) <= due;
        if awaited && is_fresh(covered, due) && follows(subscriber, covered) {
            said.entry(covered.date)
                .or_insert_with(|| empty(covered.date));
        }
        let Some(day) = said.get_mut(&covered.date) else {
            continue;
        };
        if !follows(subscriber, covered) {
            continue;
        }
        day.papers += covered.papers;
        let name = if covered.category.is_empty() {
            &covered.source
        } else {
            &covered.category
        };
        if awaited {
            day.awaited.push(name.clone());
        } else if covered.state == CoverageState::Complete && !covered.category.is_empty() {
            day.arrived.push(name.clone());
        }
    }
    said.into_values().collect()
}

fn is_missing(covered: &Coverage) -> bool {
    !covered.state.is_settled()
}

fn is_fresh(covered: &Coverage, due: DateTime<Utc>) -> bool {
    let announced_at = announced_at(covered);
    announced_at <= due && due - announced_at < AWAITED
}

/// Whether papers of that row may be for the subscriber. A subscriber without interests,
/// or with one that has no categories, follows everything.
fn follows(subscriber: &Subscriber, covered: &Coverage) -> bool {
    let listing = covered.category.as_str();
    listing.is_empty()
        || subscriber.interests.is_empty()
        || subscriber.interests.iter().any(|interest| {
            interest.categories.is_empty()
                || interest.categories.iter().any(|followed| {
                    category_matches(followed, listing) || is_in_category(followed, listing)
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscriber::{Interest, NewSubscriber, Preferences, Status, SubscriberId};
    use chrono::NaiveDate;

    fn reader(categories: &[&[&str]]) -> Subscriber {
        let interests = categories.iter().map(|categories| Interest {
            name: "An interest".to_owned(),
            categories: categories
                .iter()
                .map(|&category| category.to_owned())
                .collect(),
            ..Interest::default()
        });
        Subscriber {
            id: SubscriberId(1),
            generation: 0,
            details: NewSubscriber {
                address: "reader@example.org".parse().unwrap(),
                name: String::new(),
                status: Status::Active,
                preferences: Preferences::default(),
                interests: interests.collect(),
            },
        }
    }

    /// Rows like `05 cs.LG waiting`.
    fn coverage(rows: &[&str]) -> Vec<Coverage> {
        let rows = rows.iter().map(|row| {
            let words: Vec<&str> = row.split(' ').collect();
            let date: NaiveDate = format!("2026-08-{}", words[0]).parse().unwrap();
            let state = CoverageState::WORDS
                .iter()
                .find(|(word, _)| *word == words[2])
                .unwrap()
                .1;
            let at: DateTime<Utc> = "2026-08-05T03:00:00Z".parse().unwrap();
            Coverage {
                source: if words[1] == "*" { "journal" } else { "arxiv" }.to_owned(),
                category: if words[1] == "*" { "" } else { words[1] }.to_owned(),
                date,
                state,
                declared: None,
                papers: 7,
                announced_at: None,
                checked_at: at,
                completed_at: state.is_settled().then_some(at),
                note: String::new(),
            }
        });
        rows.collect()
    }

    /// Due on Wednesday the 5th at 07:00 UTC.
    #[track_caller]
    fn check(follows: &[&[&str]], rows: &[&str], expected: bool) {
        let due = "2026-08-05T07:00:00Z".parse().unwrap();
        assert_eq!(
            is_missing_papers(&coverage(rows), &reader(follows), due),
            expected,
            "{follows:?} {rows:?}"
        );
    }

    #[test]
    fn an_issue_waits_for_what_its_reader_follows() {
        let half = ["05 cs.CL waiting", "05 cs.LG complete"];
        check(&[&["cs.CL"]], &half, true);
        check(&[&["cs.LG"]], &half, false);
        check(&[&["cs.LG"], &["cs.CL"]], &half, true);
        check(&[&["cs.*"]], &half, true);
        check(&[&["math.*"]], &half, false);
        check(&[&["cs.LG"], &[]], &half, true);
        check(&[], &half, true);
        check(&[&["cs.LG"]], &["05 cs waiting"], true);
        check(&[&["cs.*"]], &["05 cs failed"], true);
        check(&[&["cs.LG"]], &["05 * stalled"], true);
    }

    #[test]
    fn quiet_days_and_imports_delay_no_issue() {
        check(&[], &["05 cs.LG quiet"], false);
        check(&[], &[], false);
        check(&[], &["05 * complete"], false);
    }

    #[test]
    fn only_the_newest_announcement_is_waited_for() {
        check(&[], &["04 cs.LG failed", "05 cs.LG complete"], false);
        check(&[], &["05 cs.LG complete", "06 cs.LG waiting"], false);
    }

    #[track_caller]
    fn check_said(follows: &[&[&str]], rows: &[&str], days: &[&str], expected: &str) {
        let due = "2026-08-05T07:00:00Z".parse().unwrap();
        let days = days
            .iter()
            .map(|day| (format!("2026-08-{day}").parse().unwrap(), None))
            .collect();
        let said: Vec<String> = covered(&coverage(rows), &days, &reader(follows), due)
            .iter()
            .map(|day| {
                let (arrived, awaited) = (day.arrived.join(" "), day.awaited.join(" "));
                format!(
                    "{}: {}, arrived [{arrived}], awaited [{awaited}]",
                    day.date.format("%d"),
                    day.papers
                )
            })
            .collect();
        assert_eq!(said.join("; "), expected);
    }

    #[test]
    fn an_issue_reports_complete_and_missing_categories() {
        let rows = [
            "04 cs.LG complete",
            "05 cs.CL waiting",
            "05 cs.LG complete",
            "05 math.PR complete",
        ];
        check_said(
            &[&["cs.*"]],
            &rows,
            &["05"],
            "05: 14, arrived [cs.LG], awaited [cs.CL]",
        );
        check_said(
            &[&["cs.LG"]],
            &rows,
            &["04", "05"],
            "04: 7, arrived [cs.LG], awaited []; 05: 7, arrived [cs.LG], awaited []",
        );
        // Nothing of the day has arrived.
        check_said(
            &[&["cs.LG"]],
            &["05 cs.LG failed"],
            &[],
            "05: 7, arrived [], awaited [cs.LG]",
        );
        // An old gap is reported only if its day is in the issue.
        check_said(
            &[&["cs.LG"]],
            &["03 cs.LG stalled", "05 cs.LG complete"],
            &["05"],
            "05: 7, arrived [cs.LG], awaited []",
        );
        check_said(
            &[&["cs.LG"]],
            &["05 * complete"],
            &["05"],
            "05: 7, arrived [], awaited []",
        );
    }
}

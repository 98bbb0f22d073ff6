//! The coverage window: announcement days that an issue is about. Pure.

use crate::ranking::Days;
use crate::store::{Coverage, CoverageState, History};
use chrono::{DateTime, Days as DayCount, NaiveDate, NaiveTime, Utc};

/// Days for which late papers are still picked up.
const DAYS_BACK: u64 = 31;

/// The instant at which a source announced its papers of a day: midnight UTC where it
/// does not say.
pub(crate) fn announced_at(covered: &Coverage) -> DateTime<Utc> {
    covered
        .announced_at
        .unwrap_or_else(|| covered.date.and_time(NaiveTime::MIN).and_utc())
}

/// Complete rows that were announced before `due`.
fn complete(
    coverage: &[Coverage],
    due: DateTime<Utc>,
) -> impl Iterator<Item = (NaiveDate, DateTime<Utc>)> {
    let announced = coverage
        .iter()
        .filter(move |covered| announced_at(covered) <= due);
    announced.filter_map(|covered| Some((covered.date, covered.completed_at?)))
}

/// The last day whose announcement precedes `due`.
pub(crate) fn last_day(due: DateTime<Utc>) -> NaiveDate {
    due.date_naive()
}

/// The days for an issue due at `due`: every complete day since the last issue, and of
/// earlier days the papers taken in since.
///
/// Without an earlier issue, every day since `first_day` counts, the first one that was
/// looked at for them: papers of later days are not lost because that day had nothing
/// above the line. Without `first_day`, reading begins with the newest complete day.
pub(crate) fn days(
    coverage: &[Coverage],
    history: Option<&History>,
    first_day: Option<NaiveDate>,
    due: DateTime<Utc>,
) -> Days {
    let covers = history.and_then(|history| history.covers);
    let earliest = due.date_naive() - DayCount::new(DAYS_BACK);
    let recent = || complete(coverage, due).filter(|(date, _)| *date >= earliest);
    let (Some(history), Some((first, last))) = (history, covers) else {
        let Some(first_day) = first_day else {
            let read = coverage
                .iter()
                .filter(|covered| covered.state == CoverageState::Complete);
            let announced = read.filter(|covered| announced_at(covered) <= due);
            return announced
                .map(|covered| (covered.date, None))
                .max_by_key(|(date, _)| *date)
                .into_iter()
                .collect();
        };
        return recent()
            .filter(|(date, _)| *date >= first_day)
            .map(|(date, _)| (date, None))
            .collect();
    };
    let first = first_day.map_or(first, |begun| begun.min(first));
    let mut days = Days::new();
    for (date, completed_at) in recent() {
        if date > last {
            days.insert(date, None);
        } else if date >= first && completed_at > history.composed_at {
            // A day of which nothing was complete at the last issue was not looked at.
            let was_looked_at = |(other, at): (NaiveDate, DateTime<Utc>)| {
                other == date && at <= history.composed_at
            };
            let since = complete(coverage, due)
                .any(was_looked_at)
                .then_some(history.composed_at);
            days.insert(date, since);
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(
        complete: &[(&str, &str)],
        history: Option<(&str, &str, &str)>,
        due: &str,
        expected: &str,
    ) {
        let coverage: Vec<Coverage> = complete
            .iter()
            .map(|(day, completed)| Coverage {
                source: "import".to_owned(),
                category: String::new(),
                date: date(day),
                state: if completed.is_empty() {
                    CoverageState::Waiting
                } else {
                    CoverageState::Complete
                },
                declared: None,
                papers: 1,
                announced_at: None,
                checked_at: at("2026-08-05T03:00:00Z"),
                completed_at: (!completed.is_empty()).then(|| at(completed)),
                note: String::new(),
            })
            .collect();
        let history = history.map(|(first, last, composed)| History {
            local_date: date(last),
            composed_at: at(composed),
            covers: Some((date(first), date(last))),
        });
        let days: Vec<String> = days(&coverage, history.as_ref(), None, at(due))
            .into_iter()
            .map(|(day, since)| {
                format!(
                    "{}{}",
                    day.format("%d"),
                    if since.is_some() { " late" } else { "" }
                )
            })
            .collect();
        assert_eq!(days.join(", "), expected);
    }

    #[test]
    fn an_issue_takes_every_complete_day_since_the_last_one() {
        let week: Vec<(&str, &str)> = [
            ("2026-08-03", "2026-08-03T01:00:00Z"),
            ("2026-08-04", "2026-08-04T01:00:00Z"),
            ("2026-08-05", "2026-08-05T01:00:00Z"),
        ]
        .to_vec();
        check(&week, None, "2026-08-05T07:00:00Z", "05");
        // In Auckland it is the 5th, 07:00, but the day's papers come later.
        check(&week, None, "2026-08-04T19:00:00Z", "04");
        let monday = Some(("2026-08-03", "2026-08-03", "2026-08-03T07:00:00Z"));
        check(&week, monday, "2026-08-05T07:00:00Z", "04, 05");
        check(&week[..1], monday, "2026-08-05T07:00:00Z", "");
        check(&[], None, "2026-08-05T07:00:00Z", "");
    }

    #[test]
    fn a_day_that_is_not_complete_does_not_count() {
        let days = [("2026-08-04", "2026-08-04T01:00:00Z"), ("2026-08-05", "")];
        check(&days, None, "2026-08-05T07:00:00Z", "04");
        check(
            &days,
            Some(("2026-08-03", "2026-08-03", "2026-08-03T07:00:00Z")),
            "2026-08-05T07:00:00Z",
            "04",
        );
        check(
            &days,
            Some(("2026-08-03", "2026-08-04", "2026-08-04T07:00:00Z")),
            "2026-08-05T07:00:00Z",
            "",
        );
    }

    #[test]
    fn a_missed_day_is_filled_in_later_and_no_day_before_the_first() {
        let filled = [
            ("2026-08-02", "2026-08-05T01:00:00Z"),
            ("2026-08-04", "2026-08-05T01:00:00Z"),
            ("2026-08-05", "2026-08-05T02:00:00Z"),
        ];
        let history = Some(("2026-08-03", "2026-08-04", "2026-08-04T07:00:00Z"));
        check(&filled, history, "2026-08-05T07:00:00Z", "04, 05");
        // Of a day already looked at, only papers taken in since count.
        let again = [
            ("2026-08-04", "2026-08-04T01:00:00Z"),
            ("2026-08-04", "2026-08-05T01:00:00Z"),
        ];
        check(&again, history, "2026-08-05T07:00:00Z", "04 late");
        // Papers of a year ago are not new, whenever they are taken in.
        check(
            &[("2025-08-04", "2026-08-05T01:00:00Z")],
            Some(("2025-08-01", "2026-08-04", "2026-08-04T07:00:00Z")),
            "2026-08-05T07:00:00Z",
            "",
        );
    }

    #[test]
    fn a_first_issue_covers_every_day_since_the_first_look() {
        let day = |text: &str| Coverage {
            source: "import".to_owned(),
            category: String::new(),
            date: date(text),
            state: CoverageState::Complete,
            declared: None,
            papers: 1,
            announced_at: None,
            checked_at: at("2026-08-05T03:00:00Z"),
            completed_at: Some(at("2026-08-05T03:00:00Z")),
            note: String::new(),
        };
        let coverage = [
            day("2026-06-01"),
            day("2026-08-02"),
            day("2026-08-03"),
            day("2026-08-04"),
        ];
        let found = |first_day: Option<&str>| -> Vec<NaiveDate> {
            days(
                &coverage,
                None,
                first_day.map(date),
                at("2026-08-05T07:00:00Z"),
            )
            .into_keys()
            .collect()
        };
        assert_eq!(found(None), [date("2026-08-04")]);
        assert_eq!(
            found(Some("2026-08-03")),
            [date("2026-08-03"), date("2026-08-04")]
        );
        // Bounded: no months of days.
        assert_eq!(found(Some("2026-06-01")).len(), 3);
    }
}

//! arXiv's announcement times, in Eastern time. Pure.
//!
//! Submissions close at 14:00 Eastern time, Monday to Friday; what was received
//! before is announced at 20:00, Sunday to Thursday, Friday's on Sunday
//! (info.arxiv.org/help/availability.html). Listings and feeds carry the date of
//! the day that follows the announcement: it is *the day* everywhere here. Papers
//! received up to Friday 14:00 thus belong to Monday, up to Monday 14:00 to Tuesday.
//!
//! All times are computed on New York's clock, so that the instants move by an
//! hour in UTC when its clocks change. Both hours exist once on those days, which
//! are Sundays and change at two in the morning.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::America::New_York;

/// The hour at which submissions close.
const DEADLINE_HOUR: u32 = 14;

/// The hour of the announcement.
const EVENING_HOUR: u32 = 20;

/// Days on or after which arXiv has said that it announces nothing
/// (info.arxiv.org/help/availability.html, read in 2026; a new year is a few more
/// lines). The page does not say whether the evening of the day or the listing
/// dated so is left out, so both are counted.
///
/// A hint and no more: an empty feed is believed at once on such a day and on the
/// one after it. What a feed or a record proves is never overridden, and a year
/// that is not in the table costs hours of waiting, not papers.
const WITHOUT_ANNOUNCEMENT: [(i32, u32, u32); 9] = [
    (2026, 1, 1),
    (2026, 1, 19),
    (2026, 6, 19),
    (2026, 7, 3),
    (2026, 9, 7),
    (2026, 11, 26),
    (2026, 12, 25),
    (2026, 12, 29),
    (2026, 12, 31),
];

/// The date in New York.
pub fn eastern_date(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&New_York).date_naive()
}

/// Whether feeds of `date` usually hold something.
pub fn is_working_day(date: NaiveDate) -> bool {
    let named =
        |date: NaiveDate| WITHOUT_ANNOUNCEMENT.contains(&(date.year(), date.month(), date.day()));
    is_weekday(date) && !named(date) && !date.pred_opt().is_some_and(named)
}

pub(super) fn is_weekday(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The first weekday after `date`.
pub(super) fn weekday_after(date: NaiveDate) -> NaiveDate {
    let after = |days| date + Days::new(days);
    match date.weekday() {
        Weekday::Fri => after(3),
        Weekday::Sat => after(2),
        _ => after(1),
    }
}

/// The last weekday at or before `date`.
pub(super) fn weekday_until(date: NaiveDate) -> NaiveDate {
    match date.weekday() {
        Weekday::Sat => date - Days::new(1),
        Weekday::Sun => date - Days::new(2),
        _ => date,
    }
}

/// The first day that can have a paper which was submitted at `at`: moderators may
/// hold it for longer, and holidays do.
pub fn first_day(at: DateTime<Utc>) -> NaiveDate {
    let eastern = at.with_timezone(&New_York);
    let date = eastern.date_naive();
    let closes_today = is_weekday(date) && eastern.hour() < DEADLINE_HOUR;
    weekday_after(if closes_today {
        date
    } else {
        weekday_after(date)
    })
}

fn eastern(date: NaiveDate, hour: u32) -> Option<DateTime<Utc>> {
    let time = NaiveTime::from_hms_opt(hour, 0, 0)?;
    New_York
        .from_local_datetime(&date.and_time(time))
        .earliest()
        .map(|at| at.to_utc())
}

/// The time of the announcement dated `date`, seen at `now`: that of its feed, which is
/// midnight, Eastern time, and never before the previous evening.
pub(super) fn announced_at(date: NaiveDate, now: DateTime<Utc>) -> DateTime<Utc> {
    let midnight = eastern(date, 0).unwrap_or_else(|| date.and_time(NaiveTime::MIN).and_utc());
    let evening = date
        .pred_opt()
        .and_then(|eve| eastern(eve, EVENING_HOUR))
        .unwrap_or(midnight);
    now.clamp(evening.min(midnight), midnight)
}

/// Whether the evening of `date` has come in New York.
pub(super) fn is_evening(date: NaiveDate, now: DateTime<Utc>) -> bool {
    let eastern = now.with_timezone(&New_York);
    date < eastern.date_naive() || (date == eastern.date_naive() && eastern.hour() >= EVENING_HOUR)
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

    #[test]
    fn an_announcement_is_made_at_midnight_in_new_york_unless_it_was_seen_before() {
        let check = |day: &str, now: &str, expected: &str| {
            assert_eq!(announced_at(date(day), at(now)), at(expected));
        };
        check("2026-08-04", "2026-08-04T09:00:00Z", "2026-08-04T04:00:00Z");
        check("2026-12-04", "2026-12-04T09:00:00Z", "2026-12-04T05:00:00Z");
        check("2026-08-04", "2026-08-04T02:00:00Z", "2026-08-04T02:00:00Z");
        check("2026-08-04", "2026-08-03T02:00:00Z", "2026-08-04T00:00:00Z");
    }

    #[test]
    fn submissions_close_at_two_in_the_afternoon_in_new_york() {
        let check = |submitted: &str, day: &str| {
            assert_eq!(first_day(at(submitted)), date(day), "{submitted}");
        };
        // Summer: 14:00 in New York is 18:00 UTC. The 3rd of August 2026 is a Monday.
        check("2026-08-03T17:59:59Z", "2026-08-04");
        check("2026-08-03T18:00:00Z", "2026-08-05");
        check("2026-08-06T17:59:59Z", "2026-08-07");
        check("2026-08-06T18:00:00Z", "2026-08-10");
        check("2026-08-07T17:59:59Z", "2026-08-10");
        check("2026-08-07T18:00:00Z", "2026-08-11");
        check("2026-08-09T12:00:00Z", "2026-08-11");
        check("2026-08-10T17:59:59Z", "2026-08-11");
        // Winter: 19:00 UTC.
        check("2026-12-08T18:59:59Z", "2026-12-09");
        check("2026-12-08T19:00:00Z", "2026-12-10");
        // Late in the evening of New York it is the next day in UTC.
        check("2026-08-05T03:00:00Z", "2026-08-06");
    }

    #[test]
    fn the_deadline_moves_in_utc_when_new_york_changes_its_clocks() {
        let check = |submitted: &str, day: &str| {
            assert_eq!(first_day(at(submitted)), date(day), "{submitted}");
        };
        // Clocks go forward on Sunday, 8 March 2026: Friday's deadline is at 19:00 UTC, Monday's at
        // 18:00.
        check("2026-03-06T18:30:00Z", "2026-03-09");
        check("2026-03-09T18:30:00Z", "2026-03-11");
        // They go back on Sunday, 1 November 2026.
        check("2026-10-30T18:30:00Z", "2026-11-03");
        check("2026-11-02T18:30:00Z", "2026-11-03");
        for (day, announced) in [
            ("2026-03-06", "2026-03-06T05:00:00Z"),
            ("2026-03-09", "2026-03-09T04:00:00Z"),
            ("2026-10-30", "2026-10-30T04:00:00Z"),
            ("2026-11-02", "2026-11-02T05:00:00Z"),
        ] {
            assert_eq!(
                announced_at(date(day), at("2026-12-31T00:00:00Z")),
                at(announced),
                "{day}"
            );
        }
    }

    #[test]
    fn weekends_and_named_days_are_no_working_days() {
        for day in [
            "2026-08-08",
            "2026-08-09",
            "2026-09-07",
            "2026-09-08",
            "2026-11-26",
            "2026-11-27",
        ] {
            assert!(!is_working_day(date(day)), "{day}");
        }
        for day in [
            "2026-08-07",
            "2026-08-10",
            "2026-11-25",
            "2026-11-30",
            "2031-12-25",
        ] {
            assert!(is_working_day(date(day)), "{day}");
        }
    }
}

//! Due times: issues by their reader's wall clock, polling and upkeep by cron lines in
//! UTC. Pure.

mod cron_line;

pub use cron_line::{BadCronLine, CronLine};

use crate::subscriber::{Frequency, Preferences};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

/// The `[schedule]` settings.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleSettings {
    /// The times at which sources are polled.
    pub poll: CronLine,
    /// The times of upkeep.
    pub upkeep: CronLine,
    /// How long an issue waits for an incomplete batch before it goes out marked partial.
    pub latest_send: TimeDelta,
    /// Lateness after which an issue is skipped and logged instead of sent.
    pub max_lateness: TimeDelta,
}

impl Default for ScheduleSettings {
    /// Polls every 20 minutes, upkeep at 03:30 UTC, waits 3 hours, gives up after 12.
    fn default() -> Self {
        let line = |text: &str| text.parse().expect("a test reads the default lines");
        ScheduleSettings {
            poll: line("*/20 * * * *"), // every 20 minutes
            upkeep: line("30 3 * * *"), // at 03:30 every day
            latest_send: TimeDelta::minutes(180),
            max_lateness: TimeDelta::hours(12),
        }
    }
}

/// The instant at which the issue dated `date` becomes due.
///
/// `send_at` is wall-clock time in `zone`. If that time does not exist on
/// `date` (clocks went forward) the first later time that does exist is used;
/// if it exists twice (clocks went back) the earlier one is. Every date thus
/// has exactly one due instant.
pub fn due_at(date: NaiveDate, send_at: NaiveTime, zone: Tz) -> DateTime<Utc> {
    let wall = date.and_time(send_at);
    if let Some(instant) = zone.from_local_datetime(&wall).earliest() {
        return instant.to_utc();
    }
    // The time fell into a gap. All known gaps are whole seconds and at most 24 hours long
    // (Samoa left out 2011-12-30), so the end is found by bisection.
    let start = wall.with_nanosecond(0).expect("every second has a start");
    let after = |seconds| {
        zone.from_local_datetime(&(start + TimeDelta::seconds(seconds)))
            .earliest()
    };
    let (mut missing, mut there) = (0, 25 * 60 * 60);
    while there - missing > 1 {
        let middle = i64::midpoint(missing, there);
        if after(middle).is_some() {
            there = middle;
        } else {
            missing = middle;
        }
    }
    after(there).map_or_else(|| wall.and_utc(), |instant| instant.to_utc())
}

/// Whether `preferences` ask for an issue dated `date`.
pub fn is_send_day(preferences: &Preferences, date: NaiveDate) -> bool {
    let awake = preferences.pause_until.is_none_or(|until| date >= until);
    awake
        && match preferences.frequency {
            Frequency::Daily => preferences.days.contains(&date.weekday()),
            Frequency::Weekly => preferences.weekday == date.weekday(),
        }
}

/// Days that a search covers: a week, and one more because a day may be in a gap.
const SEARCH_DAYS: i64 = 8;

/// The date of the newest issue that is due at `now`, at most 8 days back.
pub fn latest_due(preferences: &Preferences, now: DateTime<Utc>) -> Option<NaiveDate> {
    let today = now.with_timezone(&preferences.timezone).date_naive();
    // From tomorrow: where clocks go back just after midnight, a date begins twice, and its
    // issue may have been due in its first minute.
    (-1..=SEARCH_DAYS)
        .filter_map(|back| today.checked_sub_signed(TimeDelta::days(back)))
        .find(|&date| is_send_day(preferences, date) && due(preferences, date) <= now)
}

/// The next issue that is not yet due at `now`: its date and due instant.
pub fn next_due(
    preferences: &Preferences,
    now: DateTime<Utc>,
) -> Option<(NaiveDate, DateTime<Utc>)> {
    let today = now.with_timezone(&preferences.timezone).date_naive();
    let start = preferences
        .pause_until
        .map_or(today, |until| until.max(today));
    (0..=SEARCH_DAYS)
        .filter_map(|ahead| start.checked_add_signed(TimeDelta::days(ahead)))
        .filter(|&date| is_send_day(preferences, date))
        .map(|date| (date, due(preferences, date)))
        .find(|&(_, due)| due > now)
}

fn due(preferences: &Preferences, date: NaiveDate) -> DateTime<Utc> {
    due_at(date, preferences.send_at, preferences.timezone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Weekday;
    use chrono_tz::America::{Los_Angeles, Santiago, St_Johns};
    use chrono_tz::Australia::Lord_Howe;
    use chrono_tz::Europe::Berlin;
    use chrono_tz::Pacific::{Apia, Kiritimati};

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check_due(zone: Tz, on: &str, send_at: &str, due_utc: &str) {
        let due = due_at(date(on), send_at.parse().unwrap(), zone);
        assert_eq!(due, instant(due_utc), "{on} {send_at} {zone}");
    }

    #[test]
    fn every_date_has_one_due_instant() {
        check_due(Tz::UTC, "2026-03-28", "07:00:00", "2026-03-28T07:00:00Z");
        check_due(
            Los_Angeles,
            "2026-01-15",
            "20:00:00",
            "2026-01-16T04:00:00Z",
        );
        check_due(Kiritimati, "2026-01-15", "07:00:00", "2026-01-14T17:00:00Z");

        check_due(Berlin, "2026-03-28", "02:30:00", "2026-03-28T01:30:00Z");
        // 02:00 to 03:00 does not exist on this day.
        check_due(Berlin, "2026-03-29", "01:59:59", "2026-03-29T00:59:59Z");
        check_due(Berlin, "2026-03-29", "02:00:00", "2026-03-29T01:00:00Z");
        check_due(Berlin, "2026-03-29", "02:37:00", "2026-03-29T01:00:00Z");
        check_due(Berlin, "2026-03-29", "02:59:59.5", "2026-03-29T01:00:00Z");
        check_due(Berlin, "2026-03-29", "03:00:00", "2026-03-29T01:00:00Z");
        // 02:00 to 03:00 happens twice on this day.
        check_due(Berlin, "2026-10-25", "02:30:00", "2026-10-25T00:30:00Z");
        check_due(Berlin, "2026-10-25", "03:00:00", "2026-10-25T02:00:00Z");

        // Midnight itself is missing, then the hour before it comes twice.
        check_due(Santiago, "2026-09-06", "00:00:00", "2026-09-06T04:00:00Z");
        check_due(Santiago, "2026-09-06", "00:59:00", "2026-09-06T04:00:00Z");
        check_due(Santiago, "2026-04-04", "23:30:00", "2026-04-05T02:30:00Z");
        check_due(Santiago, "2026-04-05", "00:00:00", "2026-04-05T04:00:00Z");

        // Half an hour is missing, later half an hour comes twice.
        check_due(Lord_Howe, "2026-10-04", "02:10:00", "2026-10-03T15:30:00Z");
        check_due(Lord_Howe, "2026-10-04", "02:30:00", "2026-10-03T15:30:00Z");
        check_due(Lord_Howe, "2026-04-05", "01:45:00", "2026-04-04T14:45:00Z");

        // Samoa crossed the date line and had no 30 December.
        check_due(Apia, "2011-12-29", "07:00:00", "2011-12-29T17:00:00Z");
        check_due(Apia, "2011-12-30", "00:00:00", "2011-12-30T10:00:00Z");
        check_due(Apia, "2011-12-30", "07:00:00", "2011-12-30T10:00:00Z");
        check_due(Apia, "2011-12-30", "23:59:59", "2011-12-30T10:00:00Z");
        check_due(Apia, "2011-12-31", "07:00:00", "2011-12-30T17:00:00Z");
    }

    #[test]
    fn due_instants_follow_the_order_of_their_dates_in_every_zone() {
        for zone in chrono_tz::TZ_VARIANTS {
            for send_at in ["00:00:00", "02:30:00", "23:45:00"] {
                let dates = date("2026-01-01").iter_days().take(366);
                let due: Vec<_> = dates
                    .map(|date| due_at(date, send_at.parse().unwrap(), zone))
                    .collect();
                assert!(due.is_sorted_by(|a, b| a < b), "{zone} {send_at}");
            }
        }
    }

    fn daily(zone: Tz, send_at: &str) -> Preferences {
        Preferences {
            timezone: zone,
            send_at: send_at.parse().unwrap(),
            ..Preferences::default()
        }
    }

    fn weekly(zone: Tz, send_at: &str, weekday: Weekday) -> Preferences {
        Preferences {
            frequency: Frequency::Weekly,
            weekday,
            ..daily(zone, send_at)
        }
    }

    #[track_caller]
    fn check_around(
        preferences: &Preferences,
        now: &str,
        latest: Option<&str>,
        next: Option<(&str, &str)>,
    ) {
        assert_eq!(
            latest_due(preferences, instant(now)),
            latest.map(date),
            "latest at {now}"
        );
        let next = next.map(|(on, at)| (date(on), instant(at)));
        assert_eq!(next_due(preferences, instant(now)), next, "next at {now}");
    }

    #[test]
    fn daily_issues_become_due_at_their_hour() {
        let utc = daily(Tz::UTC, "07:00:00");
        let (third, fourth) = (
            ("2026-08-03", "2026-08-03T07:00:00Z"),
            ("2026-08-04", "2026-08-04T07:00:00Z"),
        );
        check_around(
            &utc,
            "2026-08-03T06:59:59Z",
            Some("2026-08-02"),
            Some(third),
        );
        check_around(
            &utc,
            "2026-08-03T07:00:00Z",
            Some("2026-08-03"),
            Some(fourth),
        );
        check_around(
            &utc,
            "2026-08-03T23:59:59Z",
            Some("2026-08-03"),
            Some(fourth),
        );
    }

    #[test]
    fn the_date_is_that_of_the_reader() {
        // 16:59 on the 3rd in UTC is already the 4th, 06:59, on Kiritimati.
        let east = daily(Kiritimati, "07:00:00");
        let fourth = ("2026-08-04", "2026-08-03T17:00:00Z");
        check_around(
            &east,
            "2026-08-03T16:59:00Z",
            Some("2026-08-03"),
            Some(fourth),
        );
        check_around(
            &east,
            "2026-08-03T17:00:00Z",
            Some("2026-08-04"),
            Some(("2026-08-05", "2026-08-04T17:00:00Z")),
        );
        // 02:00 on the 4th in UTC is still the 3rd, 19:00, in Los Angeles.
        let west = daily(Los_Angeles, "20:00:00");
        let third = ("2026-08-03", "2026-08-04T03:00:00Z");
        check_around(
            &west,
            "2026-08-04T02:00:00Z",
            Some("2026-08-02"),
            Some(third),
        );
        check_around(
            &west,
            "2026-08-04T03:00:00Z",
            Some("2026-08-03"),
            Some(("2026-08-04", "2026-08-05T03:00:00Z")),
        );
    }

    #[test]
    fn daily_issues_come_on_the_chosen_days_only() {
        use Weekday::{Fri, Mon, Thu, Tue, Wed};
        let working = Preferences {
            days: vec![Mon, Tue, Wed, Thu, Fri],
            ..daily(Tz::UTC, "07:00:00")
        };
        let monday = ("2026-08-03", "2026-08-03T07:00:00Z");
        check_around(
            &working,
            "2026-08-02T12:00:00Z",
            Some("2026-07-31"),
            Some(monday),
        );
        let never = Preferences {
            days: Vec::new(),
            ..working
        };
        check_around(&never, "2026-08-02T12:00:00Z", None, None);
    }

    #[test]
    fn weekly_issues_come_on_their_weekday() {
        let monday = weekly(Berlin, "07:00:00", Weekday::Mon);
        let third = ("2026-08-03", "2026-08-03T05:00:00Z");
        check_around(
            &monday,
            "2026-07-28T12:00:00Z",
            Some("2026-07-27"),
            Some(third),
        );
        // A week ago to the minute, and the hour has not come yet.
        check_around(
            &monday,
            "2026-08-03T04:59:00Z",
            Some("2026-07-27"),
            Some(third),
        );
        let tenth = ("2026-08-10", "2026-08-10T05:00:00Z");
        check_around(
            &monday,
            "2026-08-03T05:00:00Z",
            Some("2026-08-03"),
            Some(tenth),
        );
        // The Friday that Samoa left out.
        let friday = weekly(Apia, "07:00:00", Weekday::Fri);
        let left_out = ("2011-12-30", "2011-12-30T10:00:00Z");
        check_around(
            &friday,
            "2011-12-30T09:59:59Z",
            Some("2011-12-23"),
            Some(left_out),
        );
        check_around(
            &friday,
            "2011-12-30T10:00:00Z",
            Some("2011-12-30"),
            Some(("2012-01-06", "2012-01-05T17:00:00Z")),
        );
    }

    #[test]
    fn a_pause_ends_on_its_date() {
        let mut paused = daily(Tz::UTC, "07:00:00");
        paused.pause_until = Some(date("2026-12-01"));
        let first = ("2026-12-01", "2026-12-01T07:00:00Z");
        check_around(&paused, "2026-08-03T12:00:00Z", None, Some(first));
        check_around(&paused, "2026-12-01T06:59:59Z", None, Some(first));
        let second = ("2026-12-02", "2026-12-02T07:00:00Z");
        check_around(
            &paused,
            "2026-12-01T07:00:00Z",
            Some("2026-12-01"),
            Some(second),
        );
        let wednesdays = Preferences {
            pause_until: paused.pause_until,
            ..weekly(Tz::UTC, "07:00:00", Weekday::Wed)
        };
        check_around(&wednesdays, "2026-12-01T12:00:00Z", None, Some(second));
    }

    #[test]
    fn an_issue_due_before_clocks_go_back_over_midnight_stays_due() {
        // 00:01 on 7 November became 23:01 on the 6th.
        let newfoundland = daily(St_Johns, "00:00:00");
        let eighth = ("2010-11-08", "2010-11-08T03:30:00Z");
        check_around(
            &newfoundland,
            "2010-11-07T02:30:30Z",
            Some("2010-11-07"),
            Some(eighth),
        );
        check_around(
            &newfoundland,
            "2010-11-07T03:00:00Z",
            Some("2010-11-07"),
            Some(eighth),
        );
    }

    #[test]
    fn the_default_settings_can_be_read() {
        assert_eq!(ScheduleSettings::default().upkeep.to_string(), "30 3 * * *");
    }
}

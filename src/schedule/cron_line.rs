//! Five-field cron lines as Unix has them, over the `cron` crate, which has others.
//!
//! The crate wants seconds first, counts days of the week from Sunday = 1, and demands
//! both day fields where Unix needs either. So a line is parsed here into the numbers
//! that each field allows, and passed to the crate in a form that means the same to both.

use chrono::{DateTime, Utc};
use cron::Schedule;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A recurring time in UTC: `minute hour day-of-month month day-of-week`.
///
/// Numbers, names (`mon`, `jan`), ranges, lists and steps (`*/20`, `8-18/2`) are allowed;
/// 0 and 7 are both Sunday. If both day fields are restricted, either may match; one that
/// starts with `*` counts as unrestricted (crontab(5)).
#[derive(Debug, Clone)]
pub struct CronLine {
    line: String,
    /// Two if either day field may match.
    schedules: Vec<Schedule>,
}

/// The problem of a text that is no cron line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line:?} is not a cron line: {reason}")]
pub struct BadCronLine {
    /// The line as written.
    pub line: String,
    /// The wrong field and what would be right.
    pub reason: String,
}

impl CronLine {
    /// The first instant after `instant` that matches the line, to the minute.
    ///
    /// The end of time if there is none: the `cron` crate knows years up to 2100.
    pub fn next_after(&self, instant: DateTime<Utc>) -> DateTime<Utc> {
        let next = self
            .schedules
            .iter()
            .filter_map(|schedule| schedule.after(&instant).next())
            .min();
        next.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl PartialEq for CronLine {
    fn eq(&self, other: &Self) -> bool {
        self.line == other.line
    }
}

impl fmt::Display for CronLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl FromStr for CronLine {
    type Err = BadCronLine;

    fn from_str(text: &str) -> Result<Self, BadCronLine> {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match schedules(&line) {
            Ok(schedules) => Ok(CronLine { line, schedules }),
            Err(reason) => Err(BadCronLine { line, reason }),
        }
    }
}

fn schedules(line: &str) -> Result<Vec<Schedule>, String> {
    let texts: Vec<&str> = line.split(' ').filter(|text| !text.is_empty()).collect();
    let &[minute, hour, day, month, weekday] = texts.as_slice() else {
        let found = texts.len();
        return Err(format!(
            "must have five fields (minute hour day-of-month month day-of-week), not {found}"
        ));
    };
    let (minutes, hours, months) = (MINUTE.read(minute)?, HOUR.read(hour)?, MONTH.read(month)?);
    let (days, weekdays) = (DAY.read(day)?, WEEKDAY.read(weekday)?);
    let schedule = |days: &str, weekdays: &str| {
        let translated = format!("0 {minutes} {hours} {days} {months} {weekdays}");
        Schedule::from_str(&translated)
            .expect("every field was read and rewritten in the crate's own words")
    };
    let schedules = if day.starts_with('*') || weekday.starts_with('*') {
        vec![schedule(&days, &weekdays)]
    } else {
        vec![schedule(&days, "*"), schedule("*", &weekdays)]
    };
    // The crate searches 1970 to 2100, which contains every date that can match.
    let never = |schedule: &Schedule| schedule.after(&DateTime::UNIX_EPOCH).next().is_none();
    if schedules.iter().any(never) {
        return Err(format!(
            "day-of-month `{day}` never comes in month `{month}`"
        ));
    }
    Ok(schedules)
}

/// One of the five fields.
struct Field {
    name: &'static str,
    range: RangeInclusive<u32>,
    /// Names of the numbers, from the start of the range.
    words: &'static [&'static str],
}

const MINUTE: Field = Field {
    name: "minute",
    range: 0..=59,
    words: &[],
};
const HOUR: Field = Field {
    name: "hour",
    range: 0..=23,
    words: &[],
};
const DAY: Field = Field {
    name: "day-of-month",
    range: 1..=31,
    words: &[],
};
const MONTH: Field = Field {
    name: "month",
    range: 1..=12,
    words: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
const WEEKDAY: Field = Field {
    name: "day-of-week",
    range: 0..=6,
    words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

impl Field {
    /// Rewrites `text` for the crate: a star, or a list of numbers or names.
    fn read(&self, text: &str) -> Result<String, String> {
        let mut allowed = BTreeSet::new();
        for item in text.split(',') {
            let values = self
                .item(item)
                .map_err(|remedy| format!("{} `{text}`: {remedy}", self.name))?;
            allowed.extend(values.into_iter().map(|value| self.wrapped(value)));
        }
        if allowed.len() == self.range.clone().count() {
            return Ok("*".to_owned());
        }
        let start = *self.range.start();
        let word = |value: u32| match self.words.get((value - start) as usize) {
            Some(word) => (*word).to_owned(),
            None => value.to_string(),
        };
        Ok(allowed.into_iter().map(word).collect::<Vec<_>>().join(","))
    }

    fn item(&self, item: &str) -> Result<Vec<u32>, String> {
        let (span, step) = match item.split_once('/') {
            Some((span, step)) => (span, Some(step)),
            None => (item, None),
        };
        let (from, to) = if span == "*" {
            (*self.range.start(), *self.range.end())
        } else if let Some((from, to)) = span.split_once('-') {
            (self.value(from)?, self.end(to, self.value(from)?)?)
        } else if step.is_some() {
            return Err(format!(
                "a step needs a range or a star before the slash, like {span}-{}/2",
                self.range.end()
            ));
        } else {
            let value = self.value(span)?;
            (value, value)
        };
        if from > to {
            return Err(format!("the range `{span}` must run upwards"));
        }
        let step = step.map_or(Ok(1), |step| {
            let step = number(step).filter(|&step| step >= 1);
            step.ok_or_else(|| "the step must be a whole number, at least 1".to_owned())
        })?;
        Ok((from..=to).step_by(step as usize).collect())
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let word = self
            .words
            .iter()
            .position(|word| word.eq_ignore_ascii_case(text));
        let value = word
            .map(|at| self.range.start() + at as u32)
            .or_else(|| number(text));
        value
            .filter(|&value| self.range.contains(&self.wrapped(value)))
            .ok_or_else(|| {
                let (least, most) = (self.range.start(), self.range.end());
                match (self.words.first(), self.words.last()) {
                    (Some(first), Some(last)) => {
                        format!("must be a number from {least} to {most} or {first} to {last}")
                    }
                    _ => format!("must be a number from {least} to {most}"),
                }
            })
    }

    /// The end of a range: `fri-sun` runs to the Sunday that follows.
    fn end(&self, text: &str, from: u32) -> Result<u32, String> {
        let to = self.value(text)?;
        Ok(if to == 0 && from > 0 && self.is_weekday() {
            7
        } else {
            to
        })
    }

    fn is_weekday(&self) -> bool {
        *self.range.end() == 6
    }

    /// In Unix, day 7 is Sunday again.
    fn wrapped(&self, value: u32) -> u32 {
        if self.is_weekday() && value == 7 {
            0
        } else {
            value
        }
    }
}

fn number(text: &str) -> Option<u32> {
    // `parse` alone would accept a plus sign.
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next times after Saturday 2026-08-01T12:00:00Z.
    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let cron: CronLine = line.parse().unwrap();
        let mut now: DateTime<Utc> = "2026-08-01T12:00:00Z".parse().unwrap();
        for expected in expected {
            now = cron.next_after(now);
            assert_eq!(
                now.format("%a %Y-%m-%d %H:%M:%S").to_string(),
                format!("{expected}:00"),
                "{line}"
            );
        }
    }

    #[test]
    fn a_line_means_what_it_means_in_unix() {
        check(
            "*/20 * * * *",
            &[
                "Sat 2026-08-01 12:20",
                "Sat 2026-08-01 12:40",
                "Sat 2026-08-01 13:00",
            ],
        );
        check(
            "30 3 * * *",
            &["Sun 2026-08-02 03:30", "Mon 2026-08-03 03:30"],
        );
        check("  0\t0 1 1 * ", &["Fri 2027-01-01 00:00"]);
        check(
            "15,45 8-10 * * *",
            &[
                "Sun 2026-08-02 08:15",
                "Sun 2026-08-02 08:45",
                "Sun 2026-08-02 09:15",
            ],
        );
        check(
            "0 8-12/2,20 * * *",
            &[
                "Sat 2026-08-01 20:00",
                "Sun 2026-08-02 08:00",
                "Sun 2026-08-02 10:00",
            ],
        );
        check(
            "0 0 1 JAN,mar-Apr *",
            &[
                "Fri 2027-01-01 00:00",
                "Mon 2027-03-01 00:00",
                "Thu 2027-04-01 00:00",
            ],
        );
        check("0 0 29 2 *", &["Tue 2028-02-29 00:00"]);
    }

    #[test]
    fn days_of_the_week_count_from_sunday_as_zero_or_seven() {
        check(
            "0 7 * * 1",
            &["Mon 2026-08-03 07:00", "Mon 2026-08-10 07:00"],
        );
        check(
            "0 7 * * 0",
            &["Sun 2026-08-02 07:00", "Sun 2026-08-09 07:00"],
        );
        check(
            "0 7 * * 7",
            &["Sun 2026-08-02 07:00", "Sun 2026-08-09 07:00"],
        );
        check(
            "0 7 * * sun",
            &["Sun 2026-08-02 07:00", "Sun 2026-08-09 07:00"],
        );
        check(
            "0 7 * * 1-5",
            &[
                "Mon 2026-08-03 07:00",
                "Tue 2026-08-04 07:00",
                "Wed 2026-08-05 07:00",
            ],
        );
        check(
            "0 7 * * Fri-Sun",
            &[
                "Sun 2026-08-02 07:00",
                "Fri 2026-08-07 07:00",
                "Sat 2026-08-08 07:00",
            ],
        );
        check(
            "0 7 * * 5-7",
            &["Sun 2026-08-02 07:00", "Fri 2026-08-07 07:00"],
        );
        check(
            "0 7 * * 0-7",
            &["Sun 2026-08-02 07:00", "Mon 2026-08-03 07:00"],
        );
        check(
            "0 7 * * tue,thu",
            &["Tue 2026-08-04 07:00", "Thu 2026-08-06 07:00"],
        );
        check(
            "0 7 * * */3",
            &[
                "Sun 2026-08-02 07:00",
                "Wed 2026-08-05 07:00",
                "Sat 2026-08-08 07:00",
            ],
        );
    }

    #[test]
    fn either_day_field_may_match_if_both_are_restricted() {
        check(
            "0 0 13 * fri",
            &[
                "Fri 2026-08-07 00:00",
                "Thu 2026-08-13 00:00",
                "Fri 2026-08-14 00:00",
            ],
        );
        // A step over a star does not restrict (crontab(5)): odd days that are Mondays.
        check(
            "0 0 */2 * mon",
            &[
                "Mon 2026-08-03 00:00",
                "Mon 2026-08-17 00:00",
                "Mon 2026-08-31 00:00",
            ],
        );
    }

    #[test]
    fn the_next_time_is_later_than_now_by_any_margin() {
        let cron: CronLine = "*/20 * * * *".parse().unwrap();
        for (now, next) in [
            ("2026-08-01T12:19:59.999Z", "2026-08-01T12:20:00Z"),
            ("2026-08-01T12:20:00Z", "2026-08-01T12:40:00Z"),
            ("2026-08-01T12:20:00.001Z", "2026-08-01T12:40:00Z"),
            ("2200-01-01T00:00:00Z", "+262142-12-31T23:59:59.999999999Z"),
        ] {
            let next: DateTime<Utc> = next.parse().unwrap();
            assert_eq!(cron.next_after(now.parse().unwrap()), next, "{now}");
        }
    }

    #[track_caller]
    fn check_refused(line: &str, reason: &str) {
        let error = line.parse::<CronLine>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{line:?} is not a cron line: {reason}")
        );
    }

    #[test]
    fn a_refusal_names_the_line_and_the_field() {
        let five = "must have five fields (minute hour day-of-month month day-of-week), not";
        check_refused("0 * * * * *", &format!("{five} 6"));
        check_refused("@daily", &format!("{five} 1"));
        check_refused("", &format!("{five} 0"));
        check_refused("60 * * * *", "minute `60`: must be a number from 0 to 59");
        check_refused("+5 * * * *", "minute `+5`: must be a number from 0 to 59");
        check_refused(
            "1,,2 * * * *",
            "minute `1,,2`: must be a number from 0 to 59",
        );
        check_refused(
            "*/0 * * * *",
            "minute `*/0`: the step must be a whole number, at least 1",
        );
        check_refused(
            "*/ * * * *",
            "minute `*/`: the step must be a whole number, at least 1",
        );
        check_refused(
            "5/10 * * * *",
            "minute `5/10`: a step needs a range or a star before the slash, like 5-59/2",
        );
        check_refused(
            "* 18-8 * * *",
            "hour `18-8`: the range `18-8` must run upwards",
        );
        check_refused(
            "* * 0 * *",
            "day-of-month `0`: must be a number from 1 to 31",
        );
        check_refused(
            "* * ? * *",
            "day-of-month `?`: must be a number from 1 to 31",
        );
        check_refused(
            "* * * juli *",
            "month `juli`: must be a number from 1 to 12 or jan to dec",
        );
        check_refused(
            "* * * * 8",
            "day-of-week `8`: must be a number from 0 to 6 or sun to sat",
        );
        check_refused("0 0 30 2 *", "day-of-month `30` never comes in month `2`");
        check_refused(
            "0 0 31 4,jun,9,11 *",
            "day-of-month `31` never comes in month `4,jun,9,11`",
        );
    }
}

//! Dates as sources write them. Pure.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike, Utc};

/// The instant that `text` names, to the second; a date alone is its midnight in UTC.
///
/// RFC 3339 and RFC 2822, also with a wrong weekday; dates unpadded, with
/// slashes, without marks, with the month in words, without a day (its first);
/// seconds or milliseconds since 1970.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if text.is_empty() || text.len() > 80 {
        return None;
    }
    let at = with_zone(text)
        .or_else(|| without_zone(text))
        .or_else(|| since_1970(text));
    let at =
        at.or_else(|| day_alone(text).map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc()))?;
    // Beyond, it is something else: the year of a calendar of its own, a number.
    (1800..=2200)
        .contains(&at.year())
        .then(|| at.with_nanosecond(0).unwrap_or(at))
}

/// The day that `text` names, where it is written: not converted from its zone.
pub(super) fn day(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let written =
        DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text));
    let day = written.map_or_else(
        |_| instant(text).map(|at| at.date_naive()),
        |at| Some(at.date_naive()),
    )?;
    (1800..=2200).contains(&day.year()).then_some(day)
}

fn with_zone(text: &str) -> Option<DateTime<Utc>> {
    let without_weekday = text.split_once(',').map_or(text, |(_, rest)| rest.trim());
    let at = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_rfc2822(text))
        .or_else(|_| DateTime::parse_from_rfc2822(without_weekday))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z"))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f %z"));
    at.ok().map(|at| at.to_utc())
}

fn without_zone(text: &str) -> Option<DateTime<Utc>> {
    // "UTC" and "GMT" behind a date in words, or nothing at all.
    let text = ["UTC", "GMT", "Z"]
        .iter()
        .find_map(|zone| text.strip_suffix(zone))
        .unwrap_or(text)
        .trim();
    let text = text
        .split_once(", ")
        .filter(|(head, _)| head.len() <= 9 && !head.contains(' '))
        .map_or(text, |it| it.1);
    let forms = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
        "%Y/%m/%d %H:%M:%S",
        "%Y/%m/%d %H:%M",
        "%d %b %Y %H:%M:%S",
        "%d %b %Y %H:%M",
        "%a %b %d %H:%M:%S %Y",
    ];
    forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|at| at.and_utc())
}

fn since_1970(text: &str) -> Option<DateTime<Utc>> {
    let number: i64 = text.parse().ok()?;
    match text.len() {
        10 => DateTime::from_timestamp(number, 0),
        12 | 13 => DateTime::from_timestamp_millis(number),
        _ => None,
    }
}

fn day_alone(text: &str) -> Option<NaiveDate> {
    let text = text
        .split('T')
        .next()
        .filter(|head| head.len() >= 8)
        .unwrap_or(text);
    let forms = [
        "%Y-%m-%d",
        "%Y/%m/%d",
        "%Y.%m.%d",
        "%d %b %Y",
        "%d %B %Y",
        "%b %d, %Y",
        "%B %d, %Y",
        "%Y %b %d",
        "%d-%b-%Y",
    ];
    if let Some(day) = forms
        .iter()
        .find_map(|form| NaiveDate::parse_from_str(text, form).ok())
    {
        return Some(day);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.len() {
        8 if digits => return NaiveDate::parse_from_str(text, "%Y%m%d").ok(),
        4 if digits => return NaiveDate::from_ymd_opt(text.parse().ok()?, 1, 1),
        _ => {}
    }
    // A month: 2026-06, June 2026, 2026 Jun.
    let first = format!("{text} 1");
    [
        "%Y-%m %d", "%Y/%m %d", "%B %Y %d", "%b %Y %d", "%Y %b %d", "%Y %B %d",
    ]
    .iter()
    .find_map(|form| NaiveDate::parse_from_str(&first, form).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_sources_write_them() {
        for text in [
            "2026-06-03T10:00:00Z",
            "2026-06-03T10:00:00.123Z",
            "2026-06-03T12:00:00+02:00",
            "2026-06-03T12:00+02:00",
            "Wed, 03 Jun 2026 10:00:00 GMT",
            "Wed, 3 Jun 2026 06:00:00 EDT",
            "Mon, 03 Jun 2026 10:00:00 +0000",
            "2026-06-03 10:00:00",
            "2026-6-3 10:00",
            "2026/06/03 10:00",
            "1780480800",
            "1780480800000",
        ] {
            assert_eq!(
                instant(text),
                Some("2026-06-03T10:00:00Z".parse().unwrap()),
                "{text}"
            );
        }
        for text in [
            "2026-06-03",
            "2026-6-3",
            "2026/6/3",
            "20260603",
            "3 June 2026",
            "03 Jun 2026",
            "June 3, 2026",
            "2026 Jun 3",
            "2026-06-03T23:30:00-04:00",
            "Wed, 03 Jun 2026 23:30:00 -0400",
            "2026-6-3T00:00:00",
        ] {
            assert_eq!(day(text), NaiveDate::from_ymd_opt(2026, 6, 3), "{text}");
        }
        for text in ["2026-06", "Jun 2026", "June 2026", "2026 Jun"] {
            assert_eq!(day(text), NaiveDate::from_ymd_opt(2026, 6, 1), "{text}");
        }
        assert_eq!(day("2026"), NaiveDate::from_ymd_opt(2026, 1, 1));
        for text in [
            "",
            "soon",
            "2026-13-01",
            "0001-01-01",
            "99999",
            "NA",
            "-",
            "2026-02-30",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "\\PC{0,30}|[0-9T:+ -]{0,30}") {
            let _ = (day(&text), instant(&text));
        }
    }
}

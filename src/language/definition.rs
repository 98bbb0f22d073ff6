//! A language as its file defines it, and how it writes numbers, dates and lists. Pure.

use super::mails::{DigestWords, FactWords, NoticeWords};
use super::pages::PageWords;
use super::text::{PluralRule, PluralText, Text};
use chrono::{Datelike, NaiveDate, NaiveDateTime, Weekday};
use serde::Deserialize;
use std::sync::OnceLock;
use tera::Value;

/// A language as defined by its file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Language {
    /// Its code, from the name of its file: `de`, `pt-BR`.
    #[serde(skip)]
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) dir: TextDirection,
    pub(super) plural: PluralRule,
    dates: Dates,
    numbers: Numbers,
    lists: Lists,
    pub(crate) digest: DigestWords,
    pub(crate) notices: NoticeWords,
    pub(crate) facts: FactWords,
    pub(crate) pages: PageWords,
    #[serde(skip)]
    shared: OnceLock<SharedWords>,
}

impl Language {
    pub(crate) fn shared(&self) -> &SharedWords {
        self.shared.get_or_init(|| SharedWords::of(&self.pages))
    }
}

/// Texts of public pages as template values, converted once.
#[derive(Debug, Clone)]
pub struct SharedWords {
    /// The layout of every page.
    pub frame: Value,
    /// The subscribe box.
    pub invitation: Value,
    /// The page of a paper.
    pub paper: Value,
}

impl SharedWords {
    fn of(pages: &PageWords) -> Self {
        SharedWords {
            frame: Value::from_serializable(&pages.frame),
            invitation: Value::from_serializable(&pages.invitation),
            paper: Value::from_serializable(&pages.paper),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TextDirection {
    Ltr,
    Rtl,
}

impl TextDirection {
    pub(crate) fn word(self) -> &'static str {
        match self {
            TextDirection::Ltr => "ltr",
            TextDirection::Rtl => "rtl",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dates {
    weekdays: [String; 7],
    weekdays_short: [String; 7],
    months: [String; 12],
    months_short: [String; 12],
    first_of_month: String,
    short: Text,
    short_year: Text,
    long: Text,
    long_year: Text,
    date: Text,
    moment: Text,
    span: Text,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    thousands: String,
    decimal: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    comma: String,
    last: Text,
    more: Text,
}

impl Language {
    /// `text` in the plural form of `count`, which also fills `{count}`.
    pub(crate) fn count(&self, text: &PluralText, count: u64, values: &[(&str, &str)]) -> String {
        let number = self.number(count);
        let mut all = vec![("count", number.as_str())];
        all.extend_from_slice(values);
        text.form(self.plural, count)
            .map_or_else(String::new, |text| text.with(&all))
    }

    /// `12,345`.
    pub(crate) fn number(&self, number: u64) -> String {
        let digits = number.to_string();
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push_str(&self.numbers.thousands);
            }
            grouped.push(digit);
        }
        grouped
    }

    /// `0.20`.
    pub(crate) fn score(&self, score: f32) -> String {
        format!("{score:.2}").replace('.', &self.numbers.decimal)
    }

    /// `2.5`.
    pub(crate) fn decimal(&self, number: f64) -> String {
        number.to_string().replace('.', &self.numbers.decimal)
    }

    /// `Fri 20 Nov`, with the year if it is not that of `today`.
    pub(crate) fn day_short(&self, day: NaiveDate, today: NaiveDate) -> String {
        let dates = &self.dates;
        self.date(
            if day.year() == today.year() {
                &dates.short
            } else {
                &dates.short_year
            },
            day,
        )
    }

    /// `Friday, 20 November`, with the year if it is not that of `today`.
    pub(crate) fn day_long(&self, day: NaiveDate, today: NaiveDate) -> String {
        let dates = &self.dates;
        self.date(
            if day.year() == today.year() {
                &dates.long
            } else {
                &dates.long_year
            },
            day,
        )
    }

    /// `Friday, 20 November 2026`.
    pub(crate) fn day_whole(&self, day: NaiveDate) -> String {
        self.date(&self.dates.long_year, day)
    }

    /// `20 November 2026`.
    pub(crate) fn day_plain(&self, day: NaiveDate) -> String {
        self.date(&self.dates.date, day)
    }

    /// `20 November 2026, 07:00`.
    pub(crate) fn moment(&self, at: NaiveDateTime) -> String {
        let (date, time) = (self.day_plain(at.date()), at.format("%H:%M").to_string());
        self.dates.moment.with(&[("date", &date), ("time", &time)])
    }

    /// A range of days, both formatted by [`Language::day_short`].
    pub(crate) fn span(&self, first: &str, last: &str) -> String {
        self.dates.span.with(&[("first", first), ("last", last)])
    }

    fn date(&self, pattern: &Text, day: NaiveDate) -> String {
        let (weekday, month) = (
            day.weekday().num_days_from_monday() as usize,
            day.month0() as usize,
        );
        let day_of_month = match day.day() {
            1 => self.dates.first_of_month.clone(),
            other => other.to_string(),
        };
        pattern.with(&[
            ("weekday", &self.dates.weekdays[weekday]),
            ("weekday_short", &self.dates.weekdays_short[weekday]),
            ("day", &day_of_month),
            ("month", &self.dates.months[month]),
            ("month_short", &self.dates.months_short[month]),
            ("month_number", &day.month().to_string()),
            ("year", &day.year().to_string()),
        ])
    }

    pub(crate) fn weekday(&self, day: Weekday) -> &str {
        &self.dates.weekdays[day.num_days_from_monday() as usize]
    }

    /// `a, b and c`.
    pub(crate) fn list(&self, names: &[String]) -> String {
        match names {
            [] => String::new(),
            [only] => only.clone(),
            [init @ .., last] => self
                .lists
                .last
                .with(&[("list", &init.join(&self.lists.comma)), ("last", last)]),
        }
    }

    /// At most `shown` of `names`, and the number of the others.
    pub(crate) fn some(&self, names: &[String], shown: usize) -> String {
        if names.len() <= shown {
            return self.list(names);
        }
        let more = self.number((names.len() - shown) as u64);
        self.lists.more.with(&[
            ("list", &names[..shown].join(&self.lists.comma)),
            ("count", &more),
        ])
    }

    /// `a, b, c`.
    pub(crate) fn joined(&self, names: &[String]) -> String {
        names.join(&self.lists.comma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(code: &str) -> std::sync::Arc<Language> {
        crate::language::load(None)
            .unwrap()
            .get(code)
            .cloned()
            .unwrap()
    }

    #[test]
    fn dates_and_numbers_follow_the_language() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
        let later = NaiveDate::from_ymd_opt(2027, 1, 2).unwrap();
        for (code, short, other_year, whole, number, score) in [
            (
                "en",
                "Fri 20 Nov",
                "Fri 20 Nov 2026",
                "Friday, 20 November 2026",
                "12,345",
                "0.20",
            ),
            (
                "de",
                "Fr. 20. Nov.",
                "Fr. 20. Nov. 2026",
                "Freitag, 20. November 2026",
                "12.345",
                "0,20",
            ),
            (
                "fr",
                "ven. 20 nov.",
                "ven. 20 nov. 2026",
                "vendredi 20 novembre 2026",
                "12\u{202f}345",
                "0,20",
            ),
            (
                "es",
                "vie 20 nov",
                "vie 20 nov 2026",
                "viernes, 20 de noviembre de 2026",
                "12.345",
                "0,20",
            ),
            (
                "zh",
                "11月20日周五",
                "2026年11月20日周五",
                "2026年11月20日 星期五",
                "12,345",
                "0.20",
            ),
            (
                "ja",
                "11月20日（金）",
                "2026年11月20日（金）",
                "2026年11月20日 金曜日",
                "12,345",
                "0.20",
            ),
        ] {
            let language = language(code);
            assert_eq!(language.day_short(day, day), short);
            assert_eq!(language.day_short(day, later), other_year);
            assert_eq!(language.day_whole(day), whole);
            assert_eq!(language.number(12_345), number, "{code}");
            assert_eq!(language.score(0.2), score);
        }
        let first = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
        assert_eq!(language("fr").day_plain(first), "1er novembre 2026");
        assert_eq!(language("de").day_plain(first), "1. November 2026");
        assert_eq!(language("en").number(999), "999");
        assert_eq!(language("en").number(1_234_567), "1,234,567");
    }

    #[test]
    fn plurals_follow_the_language() {
        let french = language("fr");
        assert_eq!(
            french.count(&french.digest.picked, 1, &[("from", "9")]),
            "1 article choisi parmi 9"
        );
        assert_eq!(
            french.count(&french.digest.picked, 2, &[("from", "9")]),
            "2 articles choisis parmi 9"
        );
    }

    #[test]
    fn lists_follow_the_language() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(language("en").list(&names), "a, b and c");
        assert_eq!(language("ja").list(&names), "a、b、c");
        assert_eq!(language("en").some(&names, 2), "a, b and 1 more");
        assert_eq!(language("en").list(&[]), "");
    }
}

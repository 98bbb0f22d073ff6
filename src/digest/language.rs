//! The words of mails in one language: one file each, in `templates/languages`.
//!
//! Every sentence is one text with places for values, so that a translation
//! can put them in its own order; where a number decides the word there is one
//! text for each of the language's plural forms.

mod files;
mod pages;
mod preferences;
mod public;

pub(super) use files::{Languages, english, load};
pub use pages::*;
pub use preferences::*;
pub use public::*;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Weekday};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use tera::Value;

/// A language as its file has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Language {
    /// The name of its file: `de`, `pt-BR`.
    #[serde(skip)]
    pub(super) code: String,
    pub(super) name: String,
    pub(super) dir: TextDirection,
    plural: PluralRule,
    dates: Dates,
    numbers: Numbers,
    lists: Lists,
    pub(super) digest: DigestWords,
    pub(super) notices: NoticeWords,
    pub(super) facts: FactWords,
    pub(super) pages: PageWords,
    #[serde(skip)]
    shared: OnceLock<SharedWords>,
}

impl Language {
    pub(super) fn shared(&self) -> &SharedWords {
        self.shared.get_or_init(|| SharedWords::of(&self.pages))
    }
}

/// The texts of pages that are made for many, as templates take them: made once.
#[derive(Debug, Clone)]
pub struct SharedWords {
    /// Of head and foot.
    pub frame: Value,
    /// Of the subscribe box.
    pub invitation: Value,
    /// Of a paper's own page.
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
pub(super) enum TextDirection {
    Ltr,
    Rtl,
}

impl TextDirection {
    pub(super) fn word(self) -> &'static str {
        match self {
            TextDirection::Ltr => "ltr",
            TextDirection::Rtl => "rtl",
        }
    }
}

/// Which plural forms a language has, and when (Unicode CLDR, cardinal rules
/// for whole numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PluralRule {
    None,
    One,
    ZeroOne,
    Czech,
    Polish,
    Russian,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum PluralForm {
    One,
    Few,
    Many,
    Other,
}

impl PluralRule {
    fn form(self, number: u64) -> PluralForm {
        let (ten, hundred) = (number % 10, number % 100);
        let is_few = (2..=4).contains(&ten) && !(12..=14).contains(&hundred);
        match self {
            PluralRule::One | PluralRule::Czech | PluralRule::Polish if number == 1 => {
                PluralForm::One
            }
            PluralRule::ZeroOne if number <= 1 => PluralForm::One,
            PluralRule::Russian if ten == 1 && hundred != 11 => PluralForm::One,
            PluralRule::Czech if (2..=4).contains(&number) => PluralForm::Few,
            PluralRule::Polish | PluralRule::Russian if is_few => PluralForm::Few,
            PluralRule::Polish | PluralRule::Russian => PluralForm::Many,
            PluralRule::None | PluralRule::One | PluralRule::ZeroOne | PluralRule::Czech => {
                PluralForm::Other
            }
        }
    }

    fn forms(self) -> &'static [PluralForm] {
        match self {
            PluralRule::None => &[PluralForm::Other],
            PluralRule::One | PluralRule::ZeroOne => &[PluralForm::One, PluralForm::Other],
            PluralRule::Czech => &[PluralForm::One, PluralForm::Few, PluralForm::Other],
            PluralRule::Polish | PluralRule::Russian => {
                &[PluralForm::One, PluralForm::Few, PluralForm::Many]
            }
        }
    }
}

/// A text with places for values: `{count} more`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// The text with every `{name}` replaced by its value; others stay as they are.
    pub fn with(&self, values: &[(&str, &str)]) -> String {
        let mut filled = String::with_capacity(self.0.len() + 32);
        let mut rest = self.0.as_str();
        while let Some(start) = rest.find('{') {
            filled.push_str(&rest[..start]);
            rest = &rest[start..];
            let value = rest.find('}').and_then(|end| {
                let (_, value) = values.iter().find(|(name, _)| *name == &rest[1..end])?;
                Some((end, value))
            });
            if let Some((end, value)) = value {
                filled.push_str(value);
                rest = &rest[end + 1..];
            } else {
                filled.push('{');
                rest = &rest[1..];
            }
        }
        filled.push_str(rest);
        filled
    }

    /// The text as it stands in the file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One text for each plural form.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub struct PluralText(BTreeMap<PluralForm, Text>);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dates {
    weekdays: [String; 7],
    weekdays_short: [String; 7],
    months: [String; 12],
    months_short: [String; 12],
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

/// The words of an issue; `en.toml` has a comment where a name does not say it
/// all. Templates see them as `words`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DigestWords {
    pub(super) subject: PluralText,
    pub(super) subject_empty: Text,
    pub(super) picked: PluralText,
    pub(super) picked_none: Text,
    pub(super) no_papers: Text,
    pub(super) opening: Text,
    pub(super) opening_covers: Text,
    pub(super) opening_covers_names: Text,
    pub(super) complete: Text,
    pub(super) incomplete: Text,
    pub(super) late: Text,
    pub(super) welcome_heading: Text,
    pub(super) welcome: Vec<Text>,
    pub(super) for_you: Text,
    pub(super) followed: Text,
    pub(super) trending: Text,
    pub(super) new: Text,
    pub(super) told: Text,
    pub(super) exploring: Text,
    pub(super) exploring_hint: Text,
    pub(super) without_date: Text,
    pub(super) authors_more: PluralText,
    pub(super) announced: Text,
    pub(super) published: Text,
    pub(super) news_version: Text,
    pub(super) news_published: Text,
    pub(super) news_published_in: Text,
    pub(super) news_withdrawn: Text,
    pub(super) why: Text,
    pub(super) why_author: Text,
    pub(super) why_phrase: Text,
    pub(super) why_liked: Text,
    pub(super) why_liked_author: Text,
    pub(super) why_beyond: Text,
    pub(super) why_near_miss: Text,
    pub(super) why_about: Text,
    pub(super) why_meaning: Text,
    pub(super) why_field: Text,
    pub(super) why_new_in: Text,
    pub(super) why_new: Text,
    pub(super) why_trending: PluralText,
    pub(super) link_abstract: Text,
    pub(super) link_pdf: Text,
    pub(super) link_html: Text,
    pub(super) link_code: Text,
    pub(super) link_project: Text,
    pub(super) link_published: Text,
    pub(super) more: Text,
    pub(super) less: Text,
    pub(super) save: Text,
    pub(super) left_out: PluralText,
    pub(super) no_room: PluralText,
    pub(super) below_the_line: PluralText,
    pub(super) nothing_below: PluralText,
    pub(super) nothing_before: Text,
    pub(super) nothing_matches: PluralText,
    pub(super) nothing_announced: Text,
    pub(super) nothing_picked: PluralText,
    pub(super) you_get_this: Text,
    pub(super) every_day: Text,
    pub(super) weekdays: Text,
    pub(super) every: Text,
    pub(super) clock: Text,
    pub(super) view: Text,
    pub(super) preferences: Text,
    pub(super) unsubscribe: Text,
    pub(super) write_to: Text,
    pub(super) questions: Text,
    pub(super) colon: Text,
    pub(super) on_the_web: Text,
}

/// The words of one kind of notice.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoticeText<S = Text> {
    pub(super) subject: S,
    pub(super) heading: Text,
    pub(super) text: Vec<Text>,
    pub(super) action: Text,
    pub(super) after: Vec<Text>,
}

/// The words of every notice; see `notices::Notice` for when each is sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoticeWords {
    pub(super) confirm: NoticeText,
    pub(super) welcome: NoticeText,
    pub(super) preferences: NoticeText,
    pub(super) goodbye: NoticeText,
    pub(super) leave: NoticeText,
    pub(super) export: NoticeText,
    pub(super) erase: NoticeText,
    pub(super) new_address: NoticeText,
    pub(super) old_address: NoticeText,
    pub(super) alarm: NoticeText,
    pub(super) run: NoticeText<PluralText>,
}

/// The names of figures in notices to the operator.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactWords {
    pub(super) since: Text,
    pub(super) what: Text,
    pub(super) remedy: Text,
    pub(super) papers: Text,
    pub(super) sources_late: Text,
    pub(super) due: Text,
    pub(super) sent: Text,
    pub(super) deferred: Text,
    pub(super) rejected: Text,
    pub(super) expired: Text,
    pub(super) uncertain: Text,
    pub(super) empty: Text,
    pub(super) bounces: Text,
    pub(super) complaints: Text,
    pub(super) joined: Text,
    pub(super) left: Text,
    pub(super) readers: Text,
    pub(super) next: Text,
}

impl Language {
    /// `text` for `count`, which is also its `{count}`.
    pub(super) fn count(&self, text: &PluralText, count: u64, values: &[(&str, &str)]) -> String {
        let number = self.number(count);
        let mut all = vec![("count", number.as_str())];
        all.extend_from_slice(values);
        // What an own language leaves out is English, with the forms of English.
        let form = text
            .0
            .get(&self.plural.form(count))
            .or_else(|| text.0.get(&PluralForm::Other));
        form.map_or_else(String::new, |text| text.with(&all))
    }

    /// `12,345`.
    pub(super) fn number(&self, number: u64) -> String {
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
    pub(super) fn score(&self, score: f32) -> String {
        format!("{score:.2}").replace('.', &self.numbers.decimal)
    }

    /// `2.5`.
    pub(super) fn decimal(&self, number: f64) -> String {
        number.to_string().replace('.', &self.numbers.decimal)
    }

    /// `Fri 20 Nov`, with the year if it is not that of `today`.
    pub(super) fn day_short(&self, day: NaiveDate, today: NaiveDate) -> String {
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
    pub(super) fn day_long(&self, day: NaiveDate, today: NaiveDate) -> String {
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
    pub(super) fn day_whole(&self, day: NaiveDate) -> String {
        self.date(&self.dates.long_year, day)
    }

    /// `20 November 2026`.
    pub(super) fn day_plain(&self, day: NaiveDate) -> String {
        self.date(&self.dates.date, day)
    }

    /// `20 November 2026, 07:00`.
    pub(super) fn moment(&self, at: NaiveDateTime) -> String {
        let (date, time) = (self.day_plain(at.date()), at.format("%H:%M").to_string());
        self.dates.moment.with(&[("date", &date), ("time", &time)])
    }

    /// The days from `first` to `last`, which are as [`Language::day_short`] makes them.
    pub(super) fn span(&self, first: &str, last: &str) -> String {
        self.dates.span.with(&[("first", first), ("last", last)])
    }

    fn date(&self, pattern: &Text, day: NaiveDate) -> String {
        let (weekday, month) = (
            day.weekday().num_days_from_monday() as usize,
            day.month0() as usize,
        );
        pattern.with(&[
            ("weekday", &self.dates.weekdays[weekday]),
            ("weekday_short", &self.dates.weekdays_short[weekday]),
            ("day", &day.day().to_string()),
            ("month", &self.dates.months[month]),
            ("month_short", &self.dates.months_short[month]),
            ("month_number", &day.month().to_string()),
            ("year", &day.year().to_string()),
        ])
    }

    pub(super) fn weekday(&self, day: Weekday) -> &str {
        &self.dates.weekdays[day.num_days_from_monday() as usize]
    }

    /// `a, b and c`.
    pub(super) fn list(&self, names: &[String]) -> String {
        match names {
            [] => String::new(),
            [only] => only.clone(),
            [init @ .., last] => self
                .lists
                .last
                .with(&[("list", &init.join(&self.lists.comma)), ("last", last)]),
        }
    }

    /// At most `shown` of `names`, and how many more there are.
    pub(super) fn some(&self, names: &[String], shown: usize) -> String {
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
    pub(super) fn joined(&self, names: &[String]) -> String {
        names.join(&self.lists.comma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(code: &str) -> std::sync::Arc<Language> {
        load(None).unwrap().get(code).cloned().unwrap()
    }

    #[test]
    fn dates_and_numbers_are_those_of_the_language() {
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
        assert_eq!(language("en").number(999), "999");
        assert_eq!(language("en").number(1_234_567), "1,234,567");
    }

    #[test]
    fn plurals_follow_the_language() {
        use PluralForm::{Few, Many, One, Other};
        let forms = |plural: PluralRule| {
            [0, 1, 2, 5, 11, 12, 21, 22, 111].map(|number| plural.form(number))
        };
        assert_eq!(forms(PluralRule::None), [Other; 9]);
        assert_eq!(
            forms(PluralRule::One),
            [Other, One, Other, Other, Other, Other, Other, Other, Other]
        );
        assert_eq!(
            forms(PluralRule::ZeroOne),
            [One, One, Other, Other, Other, Other, Other, Other, Other]
        );
        assert_eq!(
            forms(PluralRule::Czech),
            [Other, One, Few, Other, Other, Other, Other, Other, Other]
        );
        assert_eq!(
            forms(PluralRule::Polish),
            [Many, One, Few, Many, Many, Many, Many, Few, Many]
        );
        assert_eq!(
            forms(PluralRule::Russian),
            [Many, One, Few, Many, Many, Many, One, Few, Many]
        );
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
    fn values_are_put_in_once_and_never_read_again() {
        let text = Text("{a} and {b}, {c} {".to_owned());
        assert_eq!(text.with(&[("a", "{b}"), ("b", "2")]), "{b} and 2, {c} {");
    }

    #[test]
    fn lists_are_those_of_the_language() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(language("en").list(&names), "a, b and c");
        assert_eq!(language("ja").list(&names), "a、b、c");
        assert_eq!(language("en").some(&names, 2), "a, b and 1 more");
        assert_eq!(language("en").list(&[]), "");
    }
}

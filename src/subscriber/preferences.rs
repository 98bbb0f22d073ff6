//! Subscribers' preferences, each described once.
//!
//! To add a preference, add a row to the table below and its label to
//! `templates/languages/*.toml`. Files, forms, commands, the API and the database
//! take it from there.

use crate::fields::Fields;
use chrono::{NaiveDate, NaiveTime, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};
use serde_json::{Map, Value};

/// The type of a preference's value: how it is written and shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PreferenceKind {
    /// An IANA time zone.
    Zone,
    /// A time of day.
    Time,
    /// A date, or none.
    Date,
    /// Days of the week.
    Days,
    /// A day of the week.
    Day,
    /// A language code.
    Language,
    /// A whole number in a range.
    Number(u32, u32),
    /// A number from 0 to 1.
    Fraction,
    /// Yes or no.
    Flag,
    /// One of a few words.
    Choice {
        /// Name of the type in the API's document.
        name: &'static str,
        /// Placeholder of the value in the commands' help.
        value_name: &'static str,
        /// The words.
        words: &'static [&'static str],
    },
}

impl PreferenceKind {
    /// Whether its values are typed in and never empty.
    pub fn is_typed(self) -> bool {
        matches!(self, Zone | Time | Number(..) | Fraction)
    }
}

/// The part of the preferences page that shows a preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreferenceGroup {
    /// The schedule of the issues.
    Schedule,
    /// The content of the issues.
    Content,
}

/// The description of one preference.
#[derive(Debug)]
pub struct Preference {
    /// Its key in files, forms, the API and the database; the command's option has hyphens.
    pub key: &'static str,
    /// Description in the commands' help and the API's document.
    pub summary: &'static str,
    /// Type of its value.
    pub kind: PreferenceKind,
    /// Part of the preferences page that shows it.
    pub group: PreferenceGroup,
    read: fn(&mut Fields, &mut Preferences),
    show: fn(&Preferences) -> Value,
}

/// A type of value that a preference can have.
trait PreferenceValue: Sized {
    /// Reads the value of `key`, if it is there and right.
    fn read(fields: &mut Fields, key: &'static str, kind: PreferenceKind) -> Option<Self>;

    /// The value in JSON, as [`PreferenceValue::read`] reads it.
    fn show(&self) -> Value;
}

/// Declares the preferences: type, default, kind and group of each.
macro_rules! preferences {
    ($($(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:expr, $kind:expr, $group:ident;)+) => {
        /// A subscriber's preferences.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Preferences {
            $($(#[doc = $doc])+ pub $key: $type,)+
        }

        impl Default for Preferences {
            fn default() -> Self {
                Preferences { $($key: $default,)+ }
            }
        }

        /// Every preference, in the order in which files list them.
        pub static PREFERENCES: &[Preference] = &[$(Preference {
            key: stringify!($key),
            summary: concat!($($doc),+).trim_ascii_start(),
            kind: $kind,
            group: PreferenceGroup::$group,
            read: |fields, into| {
                if let Some(value) = PreferenceValue::read(fields, stringify!($key), $kind) {
                    into.$key = value;
                }
            },
            show: |from| from.$key.show(),
        },)+];
    };
}

use PreferenceKind::{Date, Day, Days, Flag, Fraction, Language, Number, Time, Zone};

preferences! {
    /// IANA time zone of the time of day.
    timezone: Tz = Tz::UTC, Zone, Schedule;
    /// Time of day at which issues are due.
    send_at: NaiveTime = SEVEN, Time, Schedule;
    /// Days on which daily issues come.
    days: Vec<Weekday> = EVERY_DAY.to_vec(), Days, Schedule;
    /// Frequency of the issues.
    frequency: Frequency = Frequency::Daily, Frequency::KIND, Schedule;
    /// Day on which weekly issues come.
    weekday: Weekday = Weekday::Mon, Day, Schedule;
    /// Most papers in an issue.
    max_papers: u32 = 10, Number(1, 100), Content;
    /// Fewest papers in an issue, if need be the nearest below the line.
    min_papers: u32 = 3, Number(0, 100), Content;
    /// Length of the abstracts.
    abstracts: AbstractLength = AbstractLength::Short, AbstractLength::KIND, Content;
    /// The line: papers with a lower score are not sent.
    min_score: f32 = 0.2, Fraction, Content;
    /// Mail on days without a paper above the line.
    when_empty: WhenEmpty = WhenEmpty::Skip, WhenEmpty::KIND, Schedule;
    /// HTML with a text part, or text alone.
    format: MailFormat = MailFormat::Html, MailFormat::KIND, Content;
    /// Language of the mails and pages.
    language: String = "en".to_owned(), Language, Content;
    /// No issue is sent before this date.
    pause_until: Option<NaiveDate> = None, Date, Schedule;
    /// Report new versions and withdrawals of papers that were sent or liked.
    replacements: bool = false, Flag, Content;
    /// Report where papers that were sent or liked were published.
    publications: bool = false, Flag, Content;
}

/// Declares the values of a preference: a variant and its word each.
macro_rules! choice {
    (
        $(#[$doc:meta])+ $type:ident, $name:literal, $value_name:literal {
            $($(#[$of_variant:meta])+ $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$of_variant])+ $variant,)+
        }

        impl $type {
            const WORDS: &[(&str, $type)] = &[$(($word, $type::$variant),)+];

            const KIND: PreferenceKind = PreferenceKind::Choice {
                name: $name,
                value_name: $value_name,
                words: &[$($word,)+],
            };
        }

        impl PreferenceValue for $type {
            fn read(fields: &mut Fields, key: &'static str, _: PreferenceKind) -> Option<Self> {
                fields.choice(key, Self::WORDS)
            }

            fn show(&self) -> Value {
                word(Self::WORDS, self).into()
            }
        }
    };
}

choice! {
    /// The frequency of issues.
    Frequency, "Frequency", "FREQUENCY" {
        /// On every one of the chosen days.
        Daily = "daily",
        /// Once a week, on one day.
        Weekly = "weekly",
    }
}

choice! {
    /// The length of the abstracts.
    AbstractLength, "AbstractLength", "LENGTH" {
        /// All of it.
        Full = "full",
        /// Its two or three most telling sentences.
        Short = "short",
        /// No abstracts.
        None = "none",
    }
}

choice! {
    /// The mail on days without a paper above the line.
    WhenEmpty, "WhenEmpty", "WHAT" {
        /// No mail.
        Skip = "skip",
        /// A short note with the reason.
        Note = "note",
    }
}

choice! {
    /// The parts of a message.
    MailFormat, "Format", "FORMAT" {
        /// HTML with a text alternative.
        Html = "html",
        /// Text alone.
        Text = "text",
    }
}

const SEVEN: NaiveTime = NaiveTime::from_hms_opt(7, 0, 0).expect("07:00 is a time of day");

/// Every day of the week, Monday first.
pub const EVERY_DAY: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

/// The words of [`EVERY_DAY`].
pub const DAY_WORDS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The preference called `key`.
pub fn preference(key: &str) -> Option<&'static Preference> {
    PREFERENCES.iter().find(|preference| preference.key == key)
}

impl Preferences {
    /// Takes over the preferences that are in `fields`. A value that is wrong is noted
    /// there, and the earlier one stays.
    pub fn read(&mut self, fields: &mut Fields) {
        for preference in PREFERENCES {
            (preference.read)(fields, self);
        }
    }

    /// The preferences by key, as [`Preferences::read`] reads them.
    pub fn to_json(&self) -> Map<String, Value> {
        PREFERENCES
            .iter()
            .map(|preference| (preference.key.to_owned(), (preference.show)(self)))
            .collect()
    }

    /// Reads stored preferences. `None` if one of them is wrong; a missing one has its default.
    pub fn from_json(text: &str) -> Option<Self> {
        let mut fields = Fields::new(serde_json::from_str(text).ok()?);
        let mut preferences = Preferences::default();
        preferences.read(&mut fields);
        fields.into_problems().is_empty().then_some(preferences)
    }
}

/// The word for `value` in `words`.
fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words
        .iter()
        .find(|(_, known)| known == value)
        .map_or("", |(word, _)| word)
}

fn day_word(day: Weekday) -> &'static str {
    DAY_WORDS[day.num_days_from_monday() as usize]
}

/// The day that `text` begins with: `mon`, `Monday`.
fn day(text: &str) -> Option<Weekday> {
    let text = text.to_lowercase();
    let at = DAY_WORDS.iter().position(|word| text.starts_with(word))?;
    Some(EVERY_DAY[at])
}

impl PreferenceValue for Tz {
    fn read(fields: &mut Fields, key: &'static str, _: PreferenceKind) -> Option<Self> {
        fields.parsed(key, |text| {
            // People write the names in any case, and towns with blanks.
            let wanted = text.replace(' ', "_");
            let exact = text.parse().ok();
            let is_it = |zone: &&Tz| zone.name().eq_ignore_ascii_case(&wanted);
            exact
                .or_else(|| TZ_VARIANTS.iter().find(is_it).copied())
                .ok_or("must be a time zone like Europe/Berlin")
        })
    }

    fn show(&self) -> Value {
        self.name().into()
    }
}

impl PreferenceValue for NaiveTime {
    fn read(fields: &mut Fields, key: &'static str, _: PreferenceKind) -> Option<Self> {
        fields.parsed(key, |text| {
            NaiveTime::parse_from_str(text, "%H:%M")
                .or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S"))
                .map_err(|_| "must be a time of day like 07:00")
        })
    }

    fn show(&self) -> Value {
        let text = self.format("%H:%M:%S").to_string();
        text.strip_suffix(":00").unwrap_or(&text).into()
    }
}

impl PreferenceValue for Option<NaiveDate> {
    fn read(fields: &mut Fields, key: &'static str, _: PreferenceKind) -> Option<Self> {
        fields.parsed(key, |text| match text {
            "none" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| "must be a date like 2026-08-04"),
        })
    }

    fn show(&self) -> Value {
        self.map(|date| date.to_string()).into()
    }
}

impl PreferenceValue for Vec<Weekday> {
    fn read(fields: &mut Fields, key: &'static str, _: PreferenceKind) -> Option<Self> {
        let texts = fields.texts(key)?;
        let mut days = Vec::new();
        for text in &texts {
            match day(text) {
                Some(day) => days.push(day),
                None => fields.refuse(
                    key,
                    Some(format!("{text:?}")),
                    "must be days like mon, tue, wed",
                ),
            }
        }
        if texts.is_empty() {
            fields.refuse(
                key,
                Some("[]".to_owned()),
                "must name at least one day; for a pause there is a date",
            );
        }
        days.sort_by_key(Weekday::num_days_from_monday);
        days.dedup();
        (!days.is_empty()).then_some(days)
    }

    fn show(&self) -> Value {
        self.iter().map(|day| day_word(*day)).collect()
    }
}

impl PreferenceValue for Weekday {
    fn read(fields: &mut Fields, key: &'static str, _: PreferenceKind) -> Option<Self> {
        let words: Vec<(&str, Weekday)> = DAY_WORDS.into_iter().zip(EVERY_DAY).collect();
        fields.choice(key, &words)
    }

    fn show(&self) -> Value {
        day_word(*self).into()
    }
}

impl PreferenceValue for u32 {
    fn read(fields: &mut Fields, key: &'static str, kind: PreferenceKind) -> Option<Self> {
        let Number(least, most) = kind else {
            return None;
        };
        let number = fields.number(key, least.into()..=most.into())?;
        u32::try_from(number).ok()
    }

    fn show(&self) -> Value {
        (*self).into()
    }
}

impl PreferenceValue for f32 {
    fn read(fields: &mut Fields, key: &'static str, _: PreferenceKind) -> Option<Self> {
        fields
            .fraction(key, 0.0..=1.0)
            .map(|fraction| fraction as f32)
    }

    fn show(&self) -> Value {
        // By way of its shortest text: as an f64, 0.2 would be 0.20000000298.
        self.to_string().parse::<f64>().unwrap_or_default().into()
    }
}

impl PreferenceValue for String {
    fn read(fields: &mut Fields, key: &'static str, _: PreferenceKind) -> Option<Self> {
        fields.parsed(key, |text| {
            let is_code = (2..=16).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            is_code
                .then(|| text.to_lowercase())
                .ok_or("must be a language code like en or de")
        })
    }

    fn show(&self) -> Value {
        self.as_str().into()
    }
}

impl PreferenceValue for bool {
    fn read(fields: &mut Fields, key: &'static str, _: PreferenceKind) -> Option<Self> {
        fields.flag(key)
    }

    fn show(&self) -> Value {
        (*self).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_read_back_as_they_are_shown() {
        let odd = Preferences {
            timezone: Tz::America__Argentina__Buenos_Aires,
            send_at: NaiveTime::from_hms_opt(6, 30, 15).unwrap(),
            days: vec![Weekday::Tue, Weekday::Sun],
            min_score: 0.123_456,
            pause_until: NaiveDate::from_ymd_opt(2026, 8, 4),
            ..Preferences::default()
        };
        for preferences in [odd, Preferences::default()] {
            let text = Value::from(preferences.to_json()).to_string();
            assert_eq!(Preferences::from_json(&text), Some(preferences), "{text}");
        }
        assert_eq!(Preferences::from_json("{}"), Some(Preferences::default()));
        assert_eq!(Preferences::from_json(r#"{"max_papers": 0}"#), None);
    }
}

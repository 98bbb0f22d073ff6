//! Dates as sources write them. Pure.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};

/// Longer texts are not dates.
const TEXT_BYTES_MAX: usize = 120;

/// Months with their names and abbreviations in English, German, French, Spanish, Italian,
/// Portuguese and Dutch, in lower case and without accents.
const MONTHS: [&[&str]; 12] = [
    &[
        "jan", "january", "januar", "janner", "jaenner", "janvier", "janv", "enero", "ene",
        "gennaio", "gen", "janeiro", "januari",
    ],
    &[
        "feb",
        "february",
        "februar",
        "fevrier",
        "fevr",
        "fev",
        "febrero",
        "febbraio",
        "fevereiro",
        "februari",
    ],
    &[
        "mar", "march", "marz", "maerz", "mrz", "mars", "marzo", "marco", "maart", "mrt",
    ],
    &["apr", "april", "avril", "avr", "abril", "abr", "aprile"],
    &["may", "mai", "mayo", "maggio", "mag", "maio", "mei"],
    &[
        "jun", "june", "juni", "juin", "junio", "giugno", "giu", "junho",
    ],
    &[
        "jul", "july", "juli", "juillet", "juil", "julio", "luglio", "lug", "julho",
    ],
    &["aug", "august", "aout", "agosto", "ago", "augustus"],
    &[
        "sep",
        "sept",
        "september",
        "septembre",
        "septiembre",
        "setiembre",
        "settembre",
        "set",
        "setembro",
    ],
    &[
        "oct", "october", "okt", "oktober", "octobre", "octubre", "ottobre", "ott", "outubro",
        "out",
    ],
    &["nov", "november", "novembre", "noviembre", "novembro"],
    &[
        "dec",
        "december",
        "dez",
        "dezember",
        "decembre",
        "diciembre",
        "dicembre",
        "dic",
        "dezembro",
    ],
];

/// Time zones by name, in minutes east of UTC. RFC 2822 section 4.3: others count as UTC.
const ZONES: [(&str, i64); 27] = [
    ("est", -300),
    ("edt", -240),
    ("cst", -360),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("akst", -540),
    ("hst", -600),
    ("brt", -180),
    ("bst", 60),
    ("wet", 0),
    ("west", 60),
    ("cet", 60),
    ("cest", 120),
    ("mez", 60),
    ("mesz", 120),
    ("eet", 120),
    ("eest", 180),
    ("msk", 180),
    ("ist", 330),
    ("sgt", 480),
    ("jst", 540),
    ("kst", 540),
    ("aest", 600),
    ("aedt", 660),
];

/// The instant that `text` names, to the second; a date alone is its midnight in UTC.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let written = Written::read(text)?;
    let at = written.day?.and_time(written.time).and_utc();
    at.checked_sub_signed(TimeDelta::minutes(written.zone_minutes))
}

/// The day that `text` names, in the zone in which it is written.
pub(super) fn day(text: &str) -> Option<NaiveDate> {
    Written::read(text)?.day
}

/// The latest day that `text` can mean if [`day`] cannot read it: of `03/04/2019` the third
/// of April, of other texts the end of the year that they name.
pub(super) fn latest_day(text: &str) -> Option<NaiveDate> {
    Written::read(text)?.latest
}

/// The parts of a written date.
#[derive(Default)]
struct Written {
    day: Option<NaiveDate>,
    /// Upper bound if the day is not certain.
    latest: Option<NaiveDate>,
    time: NaiveTime,
    zone_minutes: i64,
}

/// A number or a word of a text.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// Value and number of digits.
    Number(u32, usize),
    /// Without accents and in lower case.
    Word(String),
    Mark(char),
}

impl Written {
    fn read(text: &str) -> Option<Written> {
        let text = text.trim();
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            return None;
        }
        if let Some(at) = since_1970(text) {
            return Some(Written {
                day: Some(at.date_naive()),
                time: at.time().with_nanosecond(0)?,
                ..Written::default()
            });
        }
        let mut tokens = tokens(text);
        let (time, zone_minutes) = take_time(&mut tokens);
        let (day, latest) = read_day(&tokens);
        let is_plausible = |day: &NaiveDate| (1800..=2200).contains(&day.year());
        Some(Written {
            day: day.filter(is_plausible),
            latest: latest.filter(is_plausible),
            time,
            zone_minutes,
        })
    }
}

/// Seconds or milliseconds since 1970.
fn since_1970(text: &str) -> Option<DateTime<Utc>> {
    let number: i64 = text.parse().ok()?;
    match text.len() {
        10 => DateTime::from_timestamp(number, 0),
        12 | 13 => DateTime::from_timestamp_millis(number),
        _ => None,
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    let mut depth = 0;
    while let Some(c) = chars.next() {
        match c {
            // JavaScript names the zone once more in parentheses.
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth > 0 => {}
            '年' | '月' => tokens.push(Token::Mark('-')),
            '日' => {}
            '0'..='9' => {
                let mut digits = String::from(c);
                while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                    digits.push(digit);
                }
                tokens.push(Token::Number(
                    digits.parse().unwrap_or(u32::MAX),
                    digits.len(),
                ));
            }
            _ if c.is_alphabetic() => {
                let mut word = String::from(c);
                while let Some(letter) = chars.next_if(|c| c.is_alphabetic()) {
                    word.push(letter);
                }
                tokens.push(Token::Word(folded(&word)));
            }
            _ if c.is_whitespace() => {}
            _ => tokens.push(Token::Mark(if matches!(c, '–' | '−') {
                '-'
            } else {
                c
            })),
        }
    }
    tokens
}

/// Lower case, without the accents of the languages of [`MONTHS`].
fn folded(word: &str) -> String {
    let letter = |c: char| match c {
        'à' | 'á' | 'â' | 'ä' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' => 'e',
        'í' => 'i',
        'ó' | 'ô' => 'o',
        'ü' | 'û' | 'ú' => 'u',
        c => c,
    };
    word.to_lowercase().chars().map(letter).collect()
}

/// Removes the time of the day and its zone. Without one it is midnight in UTC.
fn take_time(tokens: &mut Vec<Token>) -> (NaiveTime, i64) {
    use Token::{Mark, Number, Word};
    let is_time = |at: usize| {
        matches!(
            tokens[at..],
            [Number(0..=24, 1 | 2), Mark(':'), Number(0..=59, 2), ..]
        )
    };
    let Some(start) = (0..tokens.len()).find(|at| is_time(*at)) else {
        return (NaiveTime::MIN, 0);
    };
    let number = |tokens: &[Token], at: usize| match tokens.get(at) {
        Some(Number(value, _)) => *value,
        _ => 0,
    };
    let (mut hour, minute) = (number(tokens, start), number(tokens, start + 2));
    let mut end = start + 3;
    let mut second = 0;
    if let [Mark(':'), Number(0..=60, 2), ..] = tokens[end..] {
        second = number(tokens, end + 1).min(59);
        end += 2;
        if let [Mark('.' | ','), Number(..), ..] = tokens[end..] {
            end += 2;
        }
    }
    // "p.m." is two words.
    let half: String = match &tokens[end..] {
        [Word(a), Mark('.'), Word(m), ..] if m == "m" => {
            end += 3;
            format!("{a}m")
        }
        [Word(word), ..] if word == "am" || word == "pm" => {
            end += 1;
            word.clone()
        }
        _ => String::new(),
    };
    match half.as_str() {
        "pm" if hour < 12 => hour += 12,
        "am" if hour == 12 => hour = 0,
        _ => {}
    }
    let mut zone = 0;
    if let Some(Word(word)) = tokens.get(end)
        && !is_month(word)
    {
        end += 1;
        zone = ZONES
            .iter()
            .find(|(name, _)| name == word)
            .map_or(0, |(_, minutes)| *minutes);
    }
    if let [Mark(sign @ ('+' | '-')), Number(offset, digits), ..] = tokens[end..]
        && digits <= 4
    {
        let (mut hours, mut minutes) = (offset, 0);
        if digits > 2 {
            (hours, minutes) = (offset / 100, offset % 100);
        }
        // "Fri, 27 Nov 2026 06:00 -2026" is not an offset, and neither is a date behind a dash.
        if hours <= 14 && !matches!(tokens.get(end + 2), Some(Mark('-' | '/'))) {
            end += 2;
            if let [Mark(':'), Number(value, 2), ..] = tokens[end..] {
                minutes = value;
                end += 2;
            }
            let east = i64::from(hours * 60 + minutes);
            zone = if sign == '-' { -east } else { east };
        }
    }
    tokens.drain(start..end);
    let time = NaiveTime::from_hms_opt(hour % 24, minute, second);
    (time.unwrap_or(NaiveTime::MIN), zone)
}

fn is_month(word: &str) -> bool {
    month_of(word).is_some()
}

fn month_of(word: &str) -> Option<u32> {
    let at = MONTHS.iter().position(|names| names.contains(&word))?;
    Some(at as u32 + 1)
}

/// The day, or the latest one that the text can mean.
fn read_day(tokens: &[Token]) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let numbers: Vec<(u32, usize)> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Number(value, digits) => Some((*value, *digits)),
            _ => None,
        })
        .collect();
    let mut months: Vec<u32> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Word(word) => month_of(word),
            _ => None,
        })
        .collect();
    // "mar." is also Tuesday in Spanish and Italian.
    if months.len() > 1 && months[0] == 3 {
        months.remove(0);
    }
    let latest = numbers
        .iter()
        .filter(|(value, digits)| *digits == 4 && (1800..=2200).contains(value))
        .filter_map(|(year, _)| date(*year, 12, 31))
        .max();
    let day = match (months.first(), numbers.as_slice()) {
        (Some(month), [(day, 1 | 2), (year, 4), ..] | [(year, 4), (day, 1 | 2), ..]) => {
            date(*year, *month, *day)
        }
        (Some(month), [(day, 1 | 2), (year, 2)]) => date(full_year(*year), *month, *day),
        (Some(month), [(year, 4)])
        | (None, [(year, 4), (month, 1 | 2)] | [(month, 1 | 2), (year, 4)]) => {
            date(*year, *month, 1)
        }
        (None, [(year, 4)]) if tokens.len() == 1 => date(*year, 1, 1),
        (None, [(digits, 8)]) => date(digits / 10_000, digits / 100 % 100, digits % 100),
        (None, [(year, 4), (month, 1 | 2), (day, 1 | 2), ..]) => {
            date(*year, *month, *day).or_else(|| date(*year, *day, *month))
        }
        (None, [(a, 1 | 2), (b, 1 | 2), (year, 4), ..]) => {
            return of_digits(*a, *b, *year, has_dots(tokens));
        }
        (None, [(day, 1 | 2), (month, 1 | 2), (year, 2)]) if has_dots(tokens) => {
            date(full_year(*year), *month, *day)
        }
        _ => None,
    };
    (day, latest.filter(|_| day.is_none()))
}

/// A day of which month and day are numbers in either order, with the latest reading.
fn of_digits(a: u32, b: u32, year: u32, has_dots: bool) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let (day_first, month_first) = (date(year, b, a), date(year, a, b));
    match (day_first, month_first) {
        // With full stops the day comes first in every language.
        (Some(day), _) if has_dots => (Some(day), None),
        (Some(one), Some(other)) if one != other => (None, Some(one.max(other))),
        (one, other) => (one.or(other), None),
    }
}

/// Whether three numbers are separated by full stops.
fn has_dots(tokens: &[Token]) -> bool {
    use Token::{Mark, Number};
    tokens.windows(5).any(|five| {
        matches!(
            five,
            [Number(..), Mark('.'), Number(..), Mark('.'), Number(..)]
        )
    })
}

fn date(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// RFC 2822 section 4.3: two digits below 50 are of this century.
fn full_year(two_digits: u32) -> u32 {
    two_digits + if two_digits < 50 { 2000 } else { 1900 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_with_their_zones() {
        for text in [
            "2026-06-03T10:00:00Z",
            "2026-06-03T10:00:00.123Z",
            "2026-06-03T12:00:00+02:00",
            "2026-06-03T12:00+02:00",
            "2026-06-03 12:00:00 +0200",
            "2026-06-03 12:00:00+02",
            "Wed, 03 Jun 2026 10:00:00 GMT",
            "Wed, 3 Jun 2026 06:00:00 EDT",
            "Wed, 3 Jun 2026 12:00:00 CEST",
            "Wed, 3 Jun 2026 10:00:00 XYZ",
            "Mon, 03 Jun 2026 10:00:00 +0000",
            "Wednesday, 03-Jun-26 10:00:00 GMT",
            "Wed Jun 3 10:00:00 2026",
            "Wed Jun  3 10:00:00 UTC 2026",
            "Wed Jun 03 2026 12:00:00 GMT+0200 (Central European Summer Time)",
            "2026-06-03 10:00:00",
            "2026-6-3 10:00",
            "2026/06/03 10:00",
            "June 3, 2026, 10:00 a.m.",
            "June 3, 2026 10:00 AM",
            "1780480800",
            "1780480800000",
        ] {
            assert_eq!(
                instant(text),
                Some("2026-06-03T10:00:00Z".parse().unwrap()),
                "{text}"
            );
        }
        assert_eq!(
            instant("3 Jun 2026 10:00 pm"),
            Some("2026-06-03T22:00:00Z".parse().unwrap())
        );
        assert_eq!(
            instant("3 Jun 2026"),
            Some("2026-06-03T00:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn days_are_read_as_sources_write_them() {
        for text in [
            "2026-11-27",
            "2026/11/27",
            "2026.11.27",
            "2026 11 27",
            "20261127",
            "2026-11-27T23:30:00-04:00",
            "Fri, 27 Nov 2026 23:30:00 -0400",
            "Fri, 27 November 2026 06:00:00 GMT",
            "Friday, 27 November 2026",
            "Fri, 27 Nov 2026 06:00:00 CET",
            "Fri., Nov. 27, 2026",
            "Friday, November 27, 2026",
            "Friday, November 27, 2026 - 06:00",
            "Fri, 11/27/2026 - 06:00",
            "11/27/2026",
            "27/11/2026",
            "27-11-2026",
            "27.11.2026",
            "27.11.2026 06:00",
            "27.11.26",
            "27. November 2026",
            "Freitag, 27. November 2026, 06:00 Uhr",
            "Fr, 27. Nov. 2026",
            "vendredi 27 novembre 2026",
            "ven. 27 nov. 2026",
            "viernes, 27 de noviembre de 2026",
            "venerdì 27 novembre 2026",
            "sexta-feira, 27 de novembro de 2026",
            "vrijdag 27 november 2026",
            "27 Nov 2026",
            "27-Nov-2026",
            "27-Nov-26",
            "Nov 27, 2026",
            "Nov 27th, 2026",
            "November 27 2026",
            "2026 Nov 27",
            "2026-Nov-27",
            "Fri Nov 27 2026 06:00:00 GMT+0100 (CET)",
            "Fri Nov 27 06:00:00 CET 2026",
            "2026年11月27日",
            "2026年11月27日 06:00",
            "2026/11/27(金)",
            "Posted on 27 November 2026",
        ] {
            assert_eq!(day(text), NaiveDate::from_ymd_opt(2026, 11, 27), "{text}");
        }
        for (text, month) in [
            ("15 Sept 2026", 9),
            ("15 März 2026", 3),
            ("15 Mrz 2026", 3),
            ("15 août 2026", 8),
            ("15 févr. 2026", 2),
            ("15 ene 2026", 1),
            ("15 Dez. 2026", 12),
            ("15 maggio 2026", 5),
            ("15 out 2026", 10),
            ("15 mei 2026", 5),
            ("mar. 15 dic. 2026", 12),
            ("mar 15 2026", 3),
            ("15.03.2026", 3),
        ] {
            assert_eq!(
                day(text),
                NaiveDate::from_ymd_opt(2026, month, 15),
                "{text}"
            );
        }
        for text in [
            "2026-11",
            "Nov 2026",
            "November 2026",
            "2026 Nov",
            "11/2026",
            "2026 Nov-Dec",
        ] {
            assert_eq!(day(text), NaiveDate::from_ymd_opt(2026, 11, 1), "{text}");
        }
        assert_eq!(day("2026"), NaiveDate::from_ymd_opt(2026, 1, 1));
        assert_eq!(day("04/04/2026"), NaiveDate::from_ymd_opt(2026, 4, 4));
        for text in [
            "",
            "soon",
            "2026-13-41",
            "0001-01-01",
            "99999",
            "NA",
            "-",
            "2026-02-30",
            "03/04/2026",
            "03-04-2026",
            "Spring 2026",
            "yesterday",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_that_is_not_certain_has_a_latest_day() {
        for (text, latest) in [
            ("03/04/2019", Some("2019-04-03")),
            ("Spring 2019", Some("2019-12-31")),
            ("between 2018 and 2019", Some("2019-12-31")),
            ("2019-02-30", Some("2019-12-31")),
            ("last week", None),
            ("27 Nov 2019", None),
        ] {
            assert_eq!(
                latest_day(text),
                latest.map(|day| day.parse().unwrap()),
                "{text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,30}|[0-9T:+ -]{0,30}|[0-9A-Za-z:/,. +-]{0,40}") {
            let _ = (day(&text), instant(&text), latest_day(&text));
        }
    }
}

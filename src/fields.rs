//! Reads loosely typed tables (a settings file, a JSON line, a CSV row) and reports every
//! problem of one, not only the first.
//!
//! serde stops at the first error, so that a person has to fix a file one run at a time.
//! [`Fields`] takes keys out of a table one by one, notes the problems of each, and finally
//! reports the remaining keys as unknown.

use secrecy::SecretString;
use serde_json::{Map, Value};
use std::fmt;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// A problem: place, value and remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path: `smtp.port`, `interests[2].name`.
    pub path: String,
    /// Value as written; `None` if it is missing.
    pub value: Option<String>,
    /// Remedy, as the end of a sentence: `must be …`.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} = {value}: {}", self.path, self.remedy),
            None => write!(f, "{}: {}", self.path, self.remedy),
        }
    }
}

/// Joins problems for one line of text.
pub fn in_one_line(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// A table that is being read.
///
/// Numbers and flags may also be written as text, and lists as text with commas: environment
/// variables and CSV have no other types.
#[derive(Debug)]
pub struct Fields {
    path: String,
    table: Map<String, Value>,
    known: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl Fields {
    /// Starts to read `table`, whose keys have no prefix in messages.
    pub fn new(table: Map<String, Value>) -> Self {
        Fields {
            path: String::new(),
            table,
            known: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Returns the problems; unknown keys are not among them.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Returns the problems, including unknown keys.
    pub fn into_all_problems(mut self) -> Vec<Problem> {
        self.refuse_unknown();
        self.problems
    }

    /// Returns the keys that were not read, each with the known key that it resembles.
    pub fn unknown(&self) -> Vec<(String, Option<&'static str>)> {
        let resembles = |key: &str| {
            let near = self
                .known
                .iter()
                .map(|known| (edits(key, known), *known))
                .min()?;
            (near.0 <= 1 + key.len() / 4).then_some(near.1)
        };
        self.table
            .keys()
            .map(|key| (key.clone(), resembles(key)))
            .collect()
    }

    /// Returns the keys that were read.
    pub fn known_keys(&self) -> &[&'static str] {
        &self.known
    }

    fn refuse_unknown(&mut self) {
        for (key, resembles) in self.unknown() {
            let mut remedy = "no such setting".to_owned();
            if let Some(known) = resembles {
                let _ = write!(remedy, ", did you mean `{known}`?");
            } else if !self.known.is_empty() {
                let _ = write!(remedy, "; known here: {}", self.known.join(", "));
            }
            self.problems.push(Problem {
                path: self.at(&key),
                value: None,
                remedy,
            });
        }
    }

    /// Notes that the value of `key` is invalid.
    pub fn refuse(&mut self, key: &str, value: Option<String>, remedy: impl Into<String>) {
        self.problems.push(Problem {
            path: self.at(key),
            value,
            remedy: remedy.into(),
        });
    }

    fn at(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Takes out the value of `key`. `null` counts as absent.
    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key).filter(|value| !value.is_null())
    }

    /// Whether `key` is present and was not read yet.
    pub fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| !value.is_null())
    }

    /// Whether `key` is present, not a blank text, and was not read yet.
    pub fn has_filled(&self, key: &str) -> bool {
        self.has(key) && !self.table.get(key).is_some_and(is_blank)
    }

    /// Notes that the value of `key` is invalid, unless it has a problem already.
    pub fn refuse_once(&mut self, key: &str, remedy: impl Into<String>) {
        if !self
            .problems
            .iter()
            .any(|problem| problem.path == self.at(key))
        {
            self.refuse(key, None, remedy);
        }
    }

    /// Returns the text of `key`, if it is one, without taking it out.
    pub fn peek(&self, key: &str) -> Option<&str> {
        self.table.get(key).and_then(Value::as_str)
    }

    /// Reads a text.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            // A number is accepted as text: `password = 12345`, or a CSV cell.
            Value::Number(number) => Some(number.to_string()),
            other => {
                self.refuse(key, Some(shown(&other)), "must be text");
                None
            }
        }
    }

    /// Reads a secret: text as written, never shown in a problem. An empty one counts as absent.
    pub fn secret(&mut self, key: &'static str) -> Option<SecretString> {
        if let Value::String(text) = self.take(key)? {
            return Some(text)
                .filter(|text| !text.is_empty())
                .map(SecretString::from);
        }
        // A number has already lost leading or trailing zeros.
        self.refuse(key, None, "must be text in quotes");
        None
    }

    /// Reads a text, trimmed. A blank one counts as absent.
    pub fn filled(&mut self, key: &'static str) -> Option<String> {
        self.text(key)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    }

    /// Reads a required text that is not blank.
    pub fn needed(&mut self, key: &'static str) -> Option<String> {
        let found = self.has(key);
        let text = self.filled(key);
        if text.is_none()
            && !(found
                && self
                    .problems
                    .iter()
                    .any(|problem| problem.path == self.at(key)))
        {
            self.refuse(key, found.then(|| "\"\"".to_owned()), "must be filled in");
        }
        text
    }

    /// Reads a text with `parse`, whose error is the remedy.
    pub fn parsed<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.filled(key)?;
        parse(&text)
            .map_err(|error| self.refuse(key, Some(shown_text(&text)), error.to_string()))
            .ok()
    }

    /// Reads a whole number within `range`.
    pub fn number(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.take(key).filter(|value| !is_blank(value))?;
        let number = match &value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let remedy = match (range.start(), range.end()) {
                (least, &i64::MAX) => format!("must be a whole number, at least {least}"),
                (least, most) => format!("must be a whole number from {least} to {most}"),
            };
            self.refuse(key, Some(shown(&value)), remedy);
        }
        number
    }

    /// Reads a number within `range`.
    pub fn fraction(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.take(key).filter(|value| !is_blank(value))?;
        let number = match &value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let remedy = format!("must be a number from {} to {}", range.start(), range.end());
            self.refuse(key, Some(shown(&value)), remedy);
        }
        number
    }

    /// Reads `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        match self.take(key).filter(|value| !is_blank(value))? {
            Value::Bool(flag) => Some(flag),
            Value::String(text) if text.trim() == "true" => Some(true),
            Value::String(text) if text.trim() == "false" => Some(false),
            other => {
                self.refuse(key, Some(shown(&other)), "must be true or false");
                None
            }
        }
    }

    /// Reads one of a few words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.filled(key)?;
        let found = words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(&text));
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refuse(
                key,
                Some(shown_text(&text)),
                format!("must be one of {}", words.join(", ")),
            );
        }
        found.map(|(_, value)| *value)
    }

    /// Reads a list of texts without the blank ones.
    pub fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let value = self.take(key)?;
        let items = match &value {
            Value::String(text) => Some(text.split(',').map(str::to_owned).collect::<Vec<_>>()),
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => None,
        };
        let Some(items) = items else {
            self.refuse(key, Some(shown(&value)), "must be a list of texts");
            return None;
        };
        Some(
            items
                .iter()
                .map(|item| item.trim().to_owned())
                .filter(|item| !item.is_empty())
                .collect(),
        )
    }

    /// Reads a list of texts in which commas are not separators, such as names.
    pub fn texts_as_written(&mut self, key: &'static str) -> Option<Vec<String>> {
        if let Some(Value::String(one)) = self.table.get(key) {
            let one = Value::Array(vec![Value::String(one.clone())]);
            self.table.insert(key.to_owned(), one);
        }
        self.texts(key)
    }

    /// Reads a list of texts, each with `parse`.
    pub fn all_parsed<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let texts = self.texts(key)?;
        let parsed = texts.iter().filter_map(|text| {
            parse(text)
                .map_err(|error| self.refuse(key, Some(shown_text(text)), error.to_string()))
                .ok()
        });
        Some(parsed.collect())
    }

    /// Reads a list of whole numbers within `range`.
    pub fn numbers(&mut self, key: &'static str, range: &RangeInclusive<i64>) -> Option<Vec<i64>> {
        let value = self.take(key)?;
        let numbers: Option<Vec<i64>> = match &value {
            Value::Array(items) => items.iter().map(Value::as_i64).collect(),
            Value::String(text) => text
                .trim()
                .trim_start_matches('[')
                .trim_end_matches(']')
                .split(',')
                .map(|item| item.trim().parse().ok())
                .collect(),
            _ => None,
        };
        let fits = |numbers: &Vec<i64>| {
            !numbers.is_empty() && numbers.iter().all(|number| range.contains(number))
        };
        if let Some(numbers) = numbers.filter(fits) {
            return Some(numbers);
        }
        let remedy = format!(
            "must be a list of whole numbers from {} to {}",
            range.start(),
            range.end()
        );
        self.refuse(key, Some(shown(&value)), remedy);
        None
    }

    /// Reads a table within the table. Returns `None` if it is absent; unknown keys in it are
    /// problems.
    pub fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Fields) -> T,
    ) -> Option<T> {
        match self.take(key)? {
            Value::Object(table) => Some(self.inside(self.at(key), table, read, true)),
            other => {
                self.refuse(
                    key,
                    Some(shown(&other)),
                    format!("must be a table: [{}]", self.at(key)),
                );
                None
            }
        }
    }

    /// Reads a list of tables within the table. Unknown keys are problems if `strict`.
    pub fn sections<T>(
        &mut self,
        key: &'static str,
        strict: bool,
        mut read: impl FnMut(&mut Fields) -> T,
    ) -> Option<Vec<T>> {
        let items = match self.take(key)? {
            Value::Array(items) => items,
            other => {
                self.refuse(key, Some(shown(&other)), "must be a list of tables");
                return None;
            }
        };
        let mut sections = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            let path = format!("{}[{at}]", self.at(key));
            if let Value::Object(table) = item {
                sections.push(self.inside(path, table, &mut read, strict));
            } else {
                self.problems.push(Problem {
                    path,
                    value: Some(shown(&item)),
                    remedy: "must be a table".to_owned(),
                });
            }
        }
        Some(sections)
    }

    fn inside<T>(
        &mut self,
        path: String,
        table: Map<String, Value>,
        read: impl FnOnce(&mut Fields) -> T,
        strict: bool,
    ) -> T {
        let mut inner = Fields {
            path,
            table,
            known: Vec::new(),
            problems: Vec::new(),
        };
        let value = read(&mut inner);
        if strict {
            inner.refuse_unknown();
        }
        self.problems.append(&mut inner.problems);
        value
    }
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

const SHOWN_CHARS_MAX: usize = 60;

/// Returns a value for a message: as written, on one line, truncated.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text;
    }
    text.chars()
        .take(SHOWN_CHARS_MAX)
        .chain("…".chars())
        .collect()
}

/// Returns a text for a message: quoted, on one line, truncated.
pub fn shown_text(text: &str) -> String {
    shown(&Value::String(text.to_owned()))
}

/// Returns the Levenshtein distance: letters to change, insert or delete.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        let Value::Object(table) = value else {
            panic!("not a table")
        };
        Fields::new(table)
    }

    #[test]
    fn every_problem_is_reported_with_its_place_and_remedy() {
        let mut fields = fields(json!({
            "smtp": { "port": 0, "hots": "x", "security": "ssl", "retry": [5, -1] },
            "flag": "maybe", "list": 3, "share": "2",
        }));
        fields.section("smtp", |smtp| {
            smtp.number("port", 1..=65_535);
            smtp.needed("host");
            smtp.choice("security", &[("starttls", 1), ("tls", 2)]);
            smtp.numbers("retry", &(0..=100));
        });
        fields.flag("flag");
        fields.texts("list");
        fields.fraction("share", 0.0..=1.0);
        let lines: Vec<String> = fields
            .into_all_problems()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines,
            [
                "smtp.port = 0: must be a whole number from 1 to 65535",
                "smtp.host: must be filled in",
                "smtp.security = \"ssl\": must be one of starttls, tls",
                "smtp.retry = [5,-1]: must be a list of whole numbers from 0 to 100",
                "smtp.hots: no such setting, did you mean `host`?",
                "flag = \"maybe\": must be true or false",
                "list = 3: must be a list of texts",
                "share = \"2\": must be a number from 0 to 1",
            ]
        );
    }

    #[test]
    fn text_stands_for_numbers_flags_and_lists() {
        let mut fields = fields(
            json!({ "n": " 7 ", "f": "true", "l": "a, b,,", "m": "[1, 2]", "x": "0.5", "none": null }),
        );
        assert_eq!(fields.number("n", 0..=9), Some(7));
        assert_eq!(fields.flag("f"), Some(true));
        assert_eq!(
            fields.texts("l"),
            Some(vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(fields.numbers("m", &(0..=9)), Some(vec![1, 2]));
        assert_eq!(fields.fraction("x", 0.0..=1.0), Some(0.5));
        assert_eq!(fields.text("none"), None);
        assert_eq!(fields.into_all_problems(), []);
    }
}

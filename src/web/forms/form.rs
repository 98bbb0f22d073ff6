//! Reads a form that a browser sends as the record that files of subscribers hold.
//!
//! Fields have the names of the keys of the record, so that one parser serves both and
//! reports the same problems. Fields of an interest are called `interests[0].name`; lists
//! have one entry a line.

use crate::fields::Problem;
use crate::paper::category_name;
use crate::subscriber::{INTERESTS_MAX, PREFERENCES, Preference, PreferenceKind};
use crate::text::{clean_line, cut};
use crate::web::error_page::ErrorPage;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Longest form, in bytes: pasted text with some hundred entries.
const FORM_BYTES_MAX: usize = 512 << 10;

/// The fields that were sent, in order.
#[derive(Debug, Clone, Default)]
pub(in crate::web) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the body of a request; an error if it is too long or incomplete.
    pub(in crate::web) async fn read(request: Request<Body>) -> Result<Self, ErrorPage> {
        let bytes = to_bytes(request.into_body(), FORM_BYTES_MAX)
            .await
            .map_err(|_| ErrorPage::BadForm)?;
        Ok(Form(form_urlencoded::parse(&bytes).into_owned().collect()))
    }

    /// A form with the fields `pairs`.
    pub(in crate::web) fn of_pairs(pairs: &[(&str, &str)]) -> Self {
        Form(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    /// Replaces the value of a field.
    #[must_use]
    pub(in crate::web) fn with(mut self, name: &str, value: String) -> Self {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value));
        self
    }

    /// The trimmed value of a field; empty if the field is missing.
    pub(in crate::web) fn text(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value.trim())
    }

    /// The value of a field as it was sent; empty if the field is missing.
    pub(in crate::web) fn untrimmed(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    /// Whether a field was sent, even if empty.
    pub(in crate::web) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// All values of a field.
    pub(in crate::web) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.trim())
    }

    /// The lines of all values of a field, without empty ones.
    pub(in crate::web) fn lines(&self, name: &str) -> Vec<String> {
        let lines = self
            .all(name)
            .flat_map(str::lines)
            .map(str::trim)
            .filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    }

    /// The record that the form describes. Empty fields are left out, so that defaults apply.
    pub(in crate::web) fn record(&self) -> Map<String, Value> {
        let mut record = Map::new();
        for key in ["email", "status"] {
            let text = self.text(key);
            if !text.is_empty() {
                record.insert(key.to_owned(), text.into());
            }
        }
        for preference in PREFERENCES {
            if let Some(value) = self.preference(preference) {
                record.insert(preference.key.to_owned(), value);
            }
        }
        if self.has("name") {
            record.insert("name".to_owned(), self.text("name").into());
        }
        let interests = self
            .interests()
            .into_iter()
            .map(|(_, interest)| Value::Object(interest));
        let interests: Vec<Value> = interests.collect();
        if !interests.is_empty() || self.has("interests") {
            record.insert("interests".to_owned(), interests.into());
        }
        record
    }

    /// The value of a preference; `None` if the form has no such field.
    fn preference(&self, preference: &Preference) -> Option<Value> {
        let key = preference.key;
        if !self.has(key) {
            return None;
        }
        Some(match (preference.kind, self.text(key)) {
            (PreferenceKind::Days, _) => self.all(key).filter(|day| !day.is_empty()).collect(),
            (PreferenceKind::Flag, _) => self.all(key).any(|value| value == "true").into(),
            (PreferenceKind::Date, "") => "none".into(),
            (_, "") => return None,
            (_, text) => text.into(),
        })
    }

    /// The interests that are filled in and not removed, each with its number in the form.
    pub(in crate::web) fn interests(&self) -> Vec<(usize, Map<String, Value>)> {
        let number = |name: &str| {
            name.strip_prefix("interests[")?
                .split_once(']')?
                .0
                .parse::<usize>()
                .ok()
        };
        let numbers: BTreeSet<usize> = self.0.iter().filter_map(|(name, _)| number(name)).collect();
        // One more than allowed, so that the parser reports the limit.
        let interests = numbers
            .into_iter()
            .filter_map(|at| Some((at, self.interest(at)?)));
        interests.take(INTERESTS_MAX + 1).collect()
    }

    /// The problem of too many interests.
    pub(in crate::web) fn crowd(&self) -> Option<Problem> {
        let remedy = format!("must be {INTERESTS_MAX} at most");
        let problem = Problem {
            path: "interests".to_owned(),
            value: None,
            remedy,
        };
        (self.interests().len() > INTERESTS_MAX).then_some(problem)
    }

    /// The interest numbered `at`; `None` if nothing of it was filled in.
    fn interest(&self, at: usize) -> Option<Map<String, Value>> {
        let field = |key: &str| format!("interests[{at}].{key}");
        let mut interest = Map::new();
        for key in ["name", "description"] {
            let text = self.text(&field(key));
            if !text.is_empty() {
                interest.insert(key.to_owned(), text.into());
            }
        }
        for key in [
            "keywords",
            "must_not",
            "authors",
            "categories",
            "liked",
            "disliked",
        ] {
            let lines = self.lines(&field(key));
            if !lines.is_empty() {
                interest.insert(key.to_owned(), lines.into());
            }
        }
        // A stored interest stays, even if all of its fields were emptied.
        let was = self.text(&field("was"));
        if !was.is_empty() {
            interest.entry("name").or_insert_with(|| was.into());
        }
        let names_papers = ["more", "less"]
            .iter()
            .any(|key| !self.text(&field(key)).is_empty());
        if interest.is_empty() && !names_papers || self.has(&field("remove")) {
            return None;
        }
        if let Some(name) = named_by(&interest) {
            interest.entry("name").or_insert_with(|| name.into());
        }
        // A preset weight alone does not make an interest.
        let weight = self.text(&field("weight"));
        if !weight.is_empty() {
            interest.insert("weight".to_owned(), weight.into());
        }
        Some(interest)
    }
}

/// Longest generated name of an interest, in characters: it is a heading in every mail.
const MADE_NAME_CHARS_MAX: usize = 60;

/// Generates the name of an interest from its description, else from its entries.
fn named_by(interest: &Map<String, Value>) -> Option<String> {
    let description = interest
        .get("description")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let listed = |key: &str| {
        let all = interest
            .get(key)?
            .as_array()?
            .iter()
            .filter_map(Value::as_str);
        Some(
            all.take(3)
                .map(|entry| {
                    if key == "categories" {
                        category_name(entry)
                    } else {
                        entry
                    }
                })
                .collect::<Vec<_>>()
                .join(", "),
        )
    };
    let text = description
        .or_else(|| listed("keywords"))
        .or_else(|| listed("authors"))
        .or_else(|| listed("categories"))?;
    let name = cut(clean_line(&text).trim_end_matches('.'), MADE_NAME_CHARS_MAX);
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Fields;
    use crate::subscriber::read_subscriber;

    /// The fields of the record of a form.
    fn fields(form: &Form) -> Fields {
        Fields::new(form.record())
    }

    #[test]
    fn a_form_reads_as_a_record() {
        let form = Form::of_pairs(&[
            ("email", " ada@example.org "),
            ("days", "mon"),
            ("days", "fri"),
            ("max_papers", "5"),
            ("min_score", ""),
            ("interests[0].description", "adapters"),
            ("interests[0].keywords", "low-rank adaptation\r\n\r\nLoRA"),
            ("interests[1].name", ""),
            ("interests[2].name", "gone"),
            ("interests[2].remove", "on"),
        ]);
        let mut fields = fields(&form);
        let read = read_subscriber(&mut fields, None).unwrap();
        assert!(fields.into_problems().is_empty());
        assert_eq!(
            (read.preferences.max_papers, read.preferences.days.len()),
            (5, 2)
        );
        assert_eq!(read.interests.len(), 1);
        assert_eq!(read.interests[0].name, "adapters");
        assert_eq!(read.interests[0].keywords, ["low-rank adaptation", "LoRA"]);
    }

    #[test]
    fn what_is_wrong_is_said_of_its_field() {
        let form = Form::of_pairs(&[
            ("email", "ada"),
            ("max_papers", "many"),
            ("interests[0].liked", "two words"),
        ]);
        let mut fields = fields(&form);
        assert!(read_subscriber(&mut fields, None).is_none());
        let problems = fields.into_problems();
        let said = |path| problems.iter().any(|problem| problem.path == path);
        assert!(
            said("email") && said("max_papers") && said("interests[0].liked"),
            "{problems:?}"
        );
    }
}

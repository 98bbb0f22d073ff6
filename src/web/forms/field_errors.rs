//! Error texts for the fields of a form, in the visitor's language.
//!
//! The parser of records words its problems in English, for files and programs. Here the
//! text follows from the name of the field.

use crate::fields::Problem;
use crate::language::{Text, WrongWords};
use crate::subscriber::{
    Address, BadAddress, INTERESTS_MAX, InterestWeight, MailboxKind, NAME_CHARS_MAX,
    PreferenceKind, preference,
};
use std::collections::HashMap;

/// The first error text of each field. `typed` is the mail address as it was typed.
pub(in crate::web) fn by_field(
    problems: &[Problem],
    typed: &str,
    words: &WrongWords,
) -> HashMap<String, String> {
    problems
        .iter()
        .rev()
        .map(|problem| (problem.path.clone(), said(problem, typed, words)))
        .collect()
}

/// The error text of a mail address; `None` if it is valid.
pub(in crate::web) fn of_address<'a>(typed: &str, words: &'a WrongWords) -> Option<&'a Text> {
    Some(match typed.parse::<Address>() {
        Ok(_) => return None,
        Err(_) if typed.trim().is_empty() => &words.empty,
        Err(BadAddress::Shape) => &words.address,
        Err(BadAddress::Length) => &words.address_long,
        Err(BadAddress::Local) => &words.address_letters,
    })
}

/// The error text for a kind of mailbox that the operator refuses.
pub(in crate::web) fn of_mailbox_kind(kind: MailboxKind, words: &WrongWords) -> &Text {
    match kind {
        MailboxKind::Role => &words.address_role,
        _ => &words.address_brief,
    }
}

fn said(problem: &Problem, typed: &str, words: &WrongWords) -> String {
    let most = |text: &Text, most: usize| text.with(&[("most", &most.to_string())]);
    let between =
        |text: &Text, least: String, most: String| text.with(&[("least", &least), ("most", &most)]);
    let field = problem.path.rsplit('.').next().unwrap_or_default();
    let text = match field {
        "email" => of_address(typed, words).unwrap_or(&words.unclear),
        "weight" => {
            return between(
                &words.number,
                InterestWeight::RANGE.start().to_string(),
                InterestWeight::RANGE.end().to_string(),
            );
        }
        "name" => return most(&words.long, NAME_CHARS_MAX),
        "interests" if problem.value.is_some() => &words.same_name,
        "interests" => return most(&words.many_interests, INTERESTS_MAX),
        "categories" if problem.value.is_some() => {
            return words
                .category
                .with(&[("categories", problem.value.as_deref().unwrap_or_default())]);
        }
        "examples" | "more" | "less" => {
            return words
                .unknown
                .with(&[("papers", problem.value.as_deref().unwrap_or_default())]);
        }
        field => match preference(field).map(|preference| preference.kind) {
            Some(PreferenceKind::Zone) => &words.timezone,
            Some(PreferenceKind::Time) => &words.time,
            Some(PreferenceKind::Date) => &words.date,
            Some(PreferenceKind::Days) => &words.days,
            Some(PreferenceKind::Language) => &words.language,
            Some(PreferenceKind::Number(least, most)) => {
                return between(&words.whole_number, least.to_string(), most.to_string());
            }
            Some(PreferenceKind::Fraction) => {
                return between(&words.number, "0".to_owned(), "1".to_owned());
            }
            Some(PreferenceKind::Day | PreferenceKind::Choice { .. }) => &words.choice,
            Some(PreferenceKind::Flag) | None => &words.unclear,
        },
    };
    text.as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Locale;

    #[test]
    fn what_a_field_needs_is_said_in_a_sentence() {
        let locale = Locale::english();
        let problem = |path: &str, value: Option<&str>| Problem {
            path: path.to_owned(),
            value: value.map(str::to_owned),
            remedy: "must be right".to_owned(),
        };
        let problems = [
            problem("email", Some("\"ada\"")),
            problem("max_papers", Some("0")),
            problem("interests[1].more", Some("Lamps")),
            problem("interests[1].name", None),
            problem("interests", None),
            problem("interests[0].keywords", None),
            problem("max_papers", None),
        ];
        let said = by_field(&problems, "ada", &locale.pages().wrong);
        assert_eq!(
            said["email"],
            "It must be a mail address like name@example.org."
        );
        assert_eq!(
            said["max_papers"],
            "It must be a whole number from 1 to 100."
        );
        assert!(said["interests[1].more"].starts_with("These are not known here: Lamps."));
        assert_eq!(
            said["interests[1].name"],
            "It must have at most 200 characters."
        );
        assert_eq!(said["interests"], "There can be 100 interests at most.");
        assert_eq!(said["interests[0].keywords"], "It could not be understood.");
        assert_eq!(
            of_address("", &locale.pages().wrong).unwrap().as_str(),
            "Please fill this in."
        );
    }
}

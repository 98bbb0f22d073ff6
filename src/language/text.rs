//! Texts with placeholders, and their plural forms. Pure.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A group of texts: one field for each key of its table in the language files.
macro_rules! words {
    ($(#[$doc:meta])* pub struct $name:ident { $(pub $word:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, serde::Deserialize, serde::Serialize)]
        #[serde(deny_unknown_fields)]
        #[expect(missing_docs, reason = "en.toml holds the texts and explains them")]
        pub struct $name {
            $(pub $word: $kind,)*
        }
    };
}
pub(super) use words;

/// The plural forms of a language and when each is used (Unicode CLDR, cardinal
/// rules for whole numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PluralRule {
    None,
    One,
    ZeroOne,
    Czech,
    Polish,
    Russian,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PluralForm {
    One,
    Few,
    Many,
    Other,
}

impl PluralRule {
    pub(super) fn form(self, number: u64) -> PluralForm {
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

    pub(super) fn forms(self) -> &'static [PluralForm] {
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

/// A text with placeholders for values: `{count} more`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// Replaces every `{name}` by its value; unknown placeholders stay as they are.
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

    /// The text as written in the file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text in each plural form of its language.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub struct PluralText(BTreeMap<PluralForm, Text>);

impl PluralText {
    /// The text for `number`, or the form `other` where the rule's form is missing: texts
    /// missing from an operator's language are English, with the plural forms of English.
    pub(super) fn form(&self, rule: PluralRule, number: u64) -> Option<&Text> {
        self.0
            .get(&rule.form(number))
            .or_else(|| self.0.get(&PluralForm::Other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plural_forms_follow_the_rules_of_cldr() {
        use PluralForm::{Few, Many, One, Other};
        let forms = |rule: PluralRule| [0, 1, 2, 5, 11, 12, 21, 22, 111].map(|n| rule.form(n));
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
    }

    #[test]
    fn values_are_inserted_once_and_not_expanded_again() {
        let text = Text("{a} and {b}, {c} {".to_owned());
        assert_eq!(text.with(&[("a", "{b}"), ("b", "2")]), "{b} and 2, {c} {");
    }
}

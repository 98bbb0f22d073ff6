//! What stands behind the question mark of an address.

use axum::http::Uri;
use std::str::FromStr;

/// The pairs of a query, decoded; of one name the first counts.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of `uri`. What cannot be read is passed over.
    pub(super) fn of(uri: &Uri) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Query(
            pairs
                .map(|(name, value)| (name.into_owned(), printable(&value)))
                .collect(),
        )
    }

    /// A value with something in it.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let value = self
            .0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }

    /// A value that reads as a `T`.
    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }
}

/// `text` with U+FFFD for each character that no page, and above all no feed, can
/// show (XML 1.0, section 2.2), and plain blanks.
fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        c if c.is_whitespace() => ' ',
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(shown).collect()
}

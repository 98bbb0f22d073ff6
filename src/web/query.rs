//! The query string of an address.

use axum::http::Uri;
use std::str::FromStr;

/// The decoded pairs of a query string. If a name is repeated, the first value counts.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Parses the query string of `uri`.
    pub(super) fn of(uri: &Uri) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Query(
            pairs
                .map(|(name, value)| (name.into_owned(), printable(&value)))
                .collect(),
        )
    }

    /// The trimmed value of `name`, unless it is empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let value = self
            .0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }

    /// The value of `name`, if it parses as a `T`.
    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }
}

/// Replaces characters that XML feeds must not contain (XML 1.0, section 2.2) by U+FFFD,
/// and all white space by blanks.
fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        c if c.is_whitespace() => ' ',
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(shown).collect()
}

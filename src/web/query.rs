//! What stands behind the question mark of an address.

use axum::http::Uri;
use std::str::FromStr;

/// The pairs of a query, decoded; of one name the first counts.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of `uri`. What cannot be read is passed over.
    pub(super) fn of(uri: &Uri) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Query(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// A value with something in it.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }

    /// A value that reads as a `T`.
    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }
}

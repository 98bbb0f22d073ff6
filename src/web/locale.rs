//! Chooses the language of a page: the subscriber's own on pages for one person, the
//! browser's on all others. The operator's pages and public feeds are in English.

use crate::fields::Problem;
use crate::language::Locale;
use crate::subscriber::Subscriber;
use crate::web::WebState;
use crate::web::forms::Form;
use axum::http::{HeaderMap, header};

impl WebState {
    /// The locale that a subscriber chose.
    pub(super) fn locale_of(&self, subscriber: &Subscriber) -> Locale {
        self.composer()
            .templates
            .locale(&subscriber.preferences.language)
    }

    /// The problem of a form that chooses an unknown language.
    pub(super) fn unknown_language(&self, form: &Form) -> Option<Problem> {
        let chosen = form.text("language");
        let is_known = self
            .composer()
            .templates
            .language_names()
            .any(|(code, _)| code == chosen);
        (!chosen.is_empty() && !is_known).then(|| Problem {
            path: "language".to_owned(),
            value: Some(chosen.to_owned()),
            remedy: "must be a language that there is".to_owned(),
        })
    }

    /// The locale that a visitor's browser asks for.
    pub(super) fn locale_for(&self, headers: &HeaderMap) -> Locale {
        self.composer()
            .templates
            .locale(&language(self, headers).unwrap_or_default())
    }
}

/// Language ranges that are considered; no browser sends more.
const WANTED_MAX: usize = 20;

/// The code of the language that the visitor prefers among ours.
pub(super) fn language(state: &WebState, headers: &HeaderMap) -> Option<String> {
    let wanted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let composer = state.composer();
    let known: Vec<&str> = composer
        .templates
        .language_names()
        .map(|(code, _)| code)
        .collect();
    best(wanted, &known).map(str::to_owned)
}

/// Negotiates one of the `known` languages (RFC 9110 section 12.5.4) by the lookup of
/// RFC 4647 section 3.4: each range as it is written, then without its region (pt-BR, pt).
fn best<'a>(wanted: &str, known: &[&'a str]) -> Option<&'a str> {
    let mut ranges: Vec<(&str, f32)> = wanted
        .split(',')
        .take(WANTED_MAX)
        .map(|part| {
            let (code, parameters) = part.split_once(';').unwrap_or((part, ""));
            let quality = parameters
                .trim()
                .strip_prefix("q=")
                .map_or(Ok(1.0), |quality| quality.trim().parse());
            (code.trim(), quality.unwrap_or(0.0))
        })
        .filter(|(_, quality)| *quality > 0.0)
        .collect();
    // The sort is stable: among equals the first one wins.
    ranges.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let spelt = |code: &str| {
        known
            .iter()
            .find(|known| known.eq_ignore_ascii_case(code))
            .copied()
    };
    ranges
        .into_iter()
        .find_map(|(code, _)| spelt(code).or_else(|| spelt(code.split('-').next()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: &str, expected: Option<&str>) {
        assert_eq!(
            best(wanted, &["de", "en", "fr", "pt-BR", "zh"]),
            expected,
            "{wanted:?}"
        );
    }

    #[test]
    fn the_language_that_is_wanted_most_is_taken() {
        check("de-AT, en;q=0.5", Some("de"));
        check("en;q=0.4, fr;q=0.9, de;q=0.9", Some("fr"));
        check("fr;q=0, en;q=0.1", Some("en"));
        check("pt-br", Some("pt-BR"));
        check("pt", None);
        check("ZH-Hant-TW", Some("zh"));
        check("xx, *;q=0.5", None);
        check("de;q=nonsense, en", Some("en"));
        check("en ; q=0.2 , de", Some("de"));
        check("", None);
    }
}

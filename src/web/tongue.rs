//! Which language a page is in: the reader's own on pages for one person, the
//! visitor's where nobody is known. Pages for everybody are in English.

use super::Site;
use crate::digest::Tongue;
use crate::subscriber::Subscriber;
use axum::http::{HeaderMap, header};

impl Site {
    /// The language that a subscriber chose.
    pub(super) fn tongue_of(&self, subscriber: &Subscriber) -> Tongue {
        self.desk().templates.tongue(&subscriber.preferences.language)
    }

    /// The language that a visitor's browser asks for.
    pub(super) fn tongue_for(&self, headers: &HeaderMap) -> Tongue {
        self.desk().templates.tongue(&language(self, headers).unwrap_or_default())
    }
}

/// The first of the visitor's languages that there is.
pub(super) fn language(site: &Site, headers: &HeaderMap) -> Option<String> {
    let wanted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let desk = site.desk();
    let known: Vec<&str> = desk.templates.language_names().map(|(code, _)| code).collect();
    // Browsers write the most wanted one first, so the weights tell nothing more.
    // A language is looked for as it is written, then without its country: pt-BR, pt.
    wanted.split(',').filter_map(|part| part.split(';').next()).map(str::trim).find_map(|code| {
        let spelt = |wanted: &str| known.iter().find(|known| known.eq_ignore_ascii_case(wanted)).copied();
        spelt(code).or_else(|| spelt(code.split('-').next()?)).map(str::to_owned)
    })
}

//! A language, as the web pages speak it.

use super::language::{Counted, Language, PageWords};
use chrono::NaiveDate;
use std::sync::Arc;

/// A language, as the web pages speak it.
#[derive(Debug, Clone)]
pub struct Tongue(Arc<Language>);

impl Tongue {
    pub(super) fn of(language: &Arc<Language>) -> Self {
        Tongue(Arc::clone(language))
    }

    /// The embedded English.
    pub fn english() -> Self {
        Tongue(super::language::english())
    }

    /// The code of its file: `de`, `pt-BR`.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// Which way it is written: `ltr` or `rtl`.
    pub fn dir(&self) -> &'static str {
        self.0.dir.word()
    }

    /// The texts.
    pub fn pages(&self) -> &PageWords {
        &self.0.pages
    }

    /// `Friday, 20 November 2026`, as it is written there.
    pub fn day(&self, day: NaiveDate) -> String {
        self.0.day_whole(day)
    }

    /// `text` for `count`, which is also its `{count}`.
    pub fn count(&self, text: &Counted, count: u64) -> String {
        self.0.count(text, count, &[])
    }
}

//! A language for one reader: its texts, and dates and numbers as it writes them. Pure.

use super::definition::{Language, SharedWords};
use super::pages::PageWords;
use super::text::{PluralText, Text};
use chrono::{NaiveDate, NaiveDateTime, Weekday};
use std::sync::Arc;

/// A language for one reader.
#[derive(Debug, Clone)]
pub struct Locale(Arc<Language>);

impl Locale {
    pub(crate) fn language(&self) -> &Language {
        &self.0
    }

    pub(crate) fn of(language: &Arc<Language>) -> Self {
        Locale(Arc::clone(language))
    }

    /// The embedded English.
    pub fn english() -> Self {
        Locale(super::files::english())
    }

    /// The code of its file: `de`, `pt-BR`.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The direction of its script: `ltr` or `rtl`.
    pub fn dir(&self) -> &'static str {
        self.0.dir.word()
    }

    /// The texts of web pages.
    pub fn pages(&self) -> &PageWords {
        &self.0.pages
    }

    /// The texts of public pages as template values.
    pub fn shared(&self) -> &SharedWords {
        self.0.shared()
    }

    /// `Friday, 20 November 2026`, in the language's own format.
    pub fn day(&self, day: NaiveDate) -> String {
        self.0.day_whole(day)
    }

    /// `20 November 2026`, in the language's own format.
    pub fn date(&self, day: NaiveDate) -> String {
        self.0.day_plain(day)
    }

    /// `20 November 2026, 07:00`, in the language's own format.
    pub fn moment(&self, at: NaiveDateTime) -> String {
        self.0.moment(at)
    }

    /// `Friday`.
    pub fn weekday(&self, day: Weekday) -> &str {
        self.0.weekday(day)
    }

    /// `0.20`, in the language's own format.
    pub fn score(&self, score: f32) -> String {
        self.0.score(score)
    }

    /// `2.5`, in the language's own format.
    pub fn number(&self, number: f64) -> String {
        self.0.decimal(number)
    }

    /// `text` in the plural form of `count`, which also fills `{count}`.
    pub fn count(&self, text: &PluralText, count: u64) -> String {
        self.0.count(text, count, &[])
    }

    /// Like [`Locale::count`], with more values.
    pub fn count_with(&self, text: &PluralText, count: u64, values: &[(&str, &str)]) -> String {
        self.0.count(text, count, values)
    }

    /// At most `shown` of `names`, separated by commas, and the number of the others.
    pub fn some(&self, names: &[String], shown: usize) -> String {
        if names.len() <= shown {
            names.join(", ")
        } else {
            self.0.some(names, shown)
        }
    }

    /// `announced 20 November 2026`.
    pub fn announced(&self, day: NaiveDate) -> String {
        self.0.digest.announced.with(&[("day", &self.date(day))])
    }

    /// The labels of links to the PDF and the code.
    pub fn link_words(&self) -> [&Text; 2] {
        [&self.0.digest.link_pdf, &self.0.digest.link_code]
    }

    /// The labels "more like this" and "less like this".
    pub fn thumbs(&self) -> [&Text; 2] {
        [&self.0.digest.more, &self.0.digest.less]
    }

    /// The language of a paper's text if it is known and differs from this one.
    pub fn lang_of(&self, text: &str) -> Option<&'static str> {
        (self.code() != "en" && is_latin(text)).then_some("en")
    }
}

/// Whether most letters of `text` are Latin. Such a paper is taken to be in English, as
/// nearly all papers are.
pub(crate) fn is_latin(text: &str) -> bool {
    let (mut latin, mut other) = (0, 0);
    for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
        if letter.is_ascii() || ('\u{c0}'..'\u{250}').contains(&letter) {
            latin += 1;
        } else {
            other += 1;
        }
    }
    latin > other
}

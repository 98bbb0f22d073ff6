//! A language, as the web pages speak it.

use super::issue_view::heading;
use super::language::{Language, PageWords, PluralText, SharedWords, Text};
use super::paper_view::{is_latin, news_text, reason};
use crate::pick::{PaperNews, Reason, Section};
use chrono::{NaiveDate, NaiveDateTime, Weekday};
use std::sync::Arc;

/// A language, as the web pages speak it.
#[derive(Debug, Clone)]
pub struct Locale(Arc<Language>);

impl Locale {
    pub(super) fn of(language: &Arc<Language>) -> Self {
        Locale(Arc::clone(language))
    }

    /// The embedded English.
    pub fn english() -> Self {
        Locale(super::language::english())
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

    /// Those of them that stand on pages for many.
    pub fn shared(&self) -> &SharedWords {
        self.0.shared()
    }

    /// `Friday, 20 November 2026`, as it is written there.
    pub fn day(&self, day: NaiveDate) -> String {
        self.0.day_whole(day)
    }

    /// `20 November 2026`, as it is written there.
    pub fn date(&self, day: NaiveDate) -> String {
        self.0.day_plain(day)
    }

    /// `20 November 2026, 07:00`, as it is written there.
    pub fn moment(&self, at: NaiveDateTime) -> String {
        self.0.moment(at)
    }

    /// `Friday`.
    pub fn weekday(&self, day: Weekday) -> &str {
        self.0.weekday(day)
    }

    /// `0.20`, as it is written there.
    pub fn score(&self, score: f32) -> String {
        self.0.score(score)
    }

    /// `2.5`, as it is written there.
    pub fn number(&self, number: f64) -> String {
        self.0.decimal(number)
    }

    /// `text` for `count`, which is also its `{count}`.
    pub fn count(&self, text: &PluralText, count: u64) -> String {
        self.0.count(text, count, &[])
    }

    /// The same with other values.
    pub fn count_with(&self, text: &PluralText, count: u64, values: &[(&str, &str)]) -> String {
        self.0.count(text, count, values)
    }

    /// At most `shown` of `names`, separated by commas, and how many more there are.
    pub fn some(&self, names: &[String], shown: usize) -> String {
        if names.len() <= shown {
            names.join(", ")
        } else {
            self.0.some(names, shown)
        }
    }

    /// The heading of a section of an issue.
    pub fn section(&self, section: &Section) -> String {
        heading(section, &self.0)
    }

    /// The reasons for a pick.
    pub fn reason(&self, reasons: &[Reason]) -> String {
        reason(reasons, &self.0)
    }

    /// One piece of news of a paper.
    pub fn news(&self, news: &PaperNews) -> String {
        news_text(news, &self.0)
    }

    /// When a paper was announced.
    pub fn announced(&self, day: NaiveDate) -> String {
        self.0.digest.announced.with(&[("day", &self.date(day))])
    }

    /// What links to the PDF and the code are called in mails.
    pub fn link_words(&self) -> [&Text; 2] {
        [&self.0.digest.link_pdf, &self.0.digest.link_code]
    }

    /// "More like this", "less like this", as mails say it.
    pub fn thumbs(&self) -> [&Text; 2] {
        [&self.0.digest.more, &self.0.digest.less]
    }

    /// The language of a paper's own text where it is known and not this one.
    pub fn lang_of(&self, text: &str) -> Option<&'static str> {
        (self.code() != "en" && is_latin(text)).then_some("en")
    }
}

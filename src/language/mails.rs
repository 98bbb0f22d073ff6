//! The texts of mails.

use super::text::{PluralText, Text, words};
use serde::Deserialize;

words! {
    /// The texts of an issue. Templates see them as `words`.
    pub struct DigestWords {
        pub subject: PluralText,
        pub subject_empty: Text,
        pub picked: PluralText,
        pub picked_none: Text,
        pub no_papers: Text,
        pub opening: Text,
        pub opening_covers: Text,
        pub opening_covers_names: Text,
        pub complete: Text,
        pub incomplete: Text,
        pub late: Text,
        pub welcome_heading: Text,
        pub welcome: Vec<Text>,
        pub for_you: Text,
        pub followed: Text,
        pub trending: Text,
        pub new: Text,
        pub told: Text,
        pub exploring: Text,
        pub exploring_hint: Text,
        pub without_date: Text,
        pub authors_more: PluralText,
        pub announced: Text,
        pub published: Text,
        pub news_version: Text,
        pub news_published: Text,
        pub news_published_in: Text,
        pub news_withdrawn: Text,
        pub why: Text,
        pub why_author: Text,
        pub why_phrase: Text,
        pub why_liked: Text,
        pub why_liked_author: Text,
        pub why_beyond: Text,
        pub why_near_miss: Text,
        pub why_about: Text,
        pub why_meaning: Text,
        pub why_field: Text,
        pub why_new_in: Text,
        pub why_new: Text,
        pub why_trending: PluralText,
        pub link_abstract: Text,
        pub link_pdf: Text,
        pub link_html: Text,
        pub link_code: Text,
        pub link_project: Text,
        pub link_published: Text,
        pub more: Text,
        pub less: Text,
        pub save: Text,
        pub left_out: PluralText,
        pub no_room: PluralText,
        pub below_the_line: PluralText,
        pub nothing_below: PluralText,
        pub nothing_before: Text,
        pub nothing_matches: PluralText,
        pub nothing_announced: Text,
        pub nothing_picked: PluralText,
        pub you_get_this: Text,
        pub every_day: Text,
        pub weekdays: Text,
        pub every: Text,
        pub clock: Text,
        pub view: Text,
        pub preferences: Text,
        pub unsubscribe: Text,
        pub write_to: Text,
        pub questions: Text,
        pub colon: Text,
        pub on_the_web: Text,
    }
}

/// The texts of one kind of notice.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "en.toml holds the texts and explains them")]
pub struct NoticeText<S = Text> {
    pub subject: S,
    pub heading: Text,
    pub text: Vec<Text>,
    pub action: Text,
    pub after: Vec<Text>,
}

/// The texts of every notice; `digest::notices::Notice` says when each is sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "en.toml holds the texts and explains them")]
pub struct NoticeWords {
    pub confirm: NoticeText,
    pub welcome: NoticeText,
    pub preferences: NoticeText,
    pub goodbye: NoticeText,
    pub leave: NoticeText,
    pub export: NoticeText,
    pub erase: NoticeText,
    pub new_address: NoticeText,
    pub old_address: NoticeText,
    pub alarm: NoticeText,
    pub run: NoticeText<PluralText>,
}

words! {
    /// The names of the figures in notices to the operator.
    pub struct FactWords {
        pub since: Text,
        pub what: Text,
        pub remedy: Text,
        pub papers: Text,
        pub sources_late: Text,
        pub due: Text,
        pub sent: Text,
        pub deferred: Text,
        pub rejected: Text,
        pub expired: Text,
        pub uncertain: Text,
        pub empty: Text,
        pub bounces: Text,
        pub complaints: Text,
        pub joined: Text,
        pub left: Text,
        pub readers: Text,
        pub next: Text,
    }
}

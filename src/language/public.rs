//! The texts of the public pages.

use super::text::{PluralText, Text, words};

words! {
    /// The subscribe box of every public page.
    pub struct InvitationWords {
        pub heading: Text,
        pub address: Text,
        pub button: Text,
        pub choose: Text,
        pub terms: Text,
        pub subscribed: Text,
    }
}

words! {
    /// The page of a day, and the list of all days.
    pub struct DayWords {
        pub trending: Text,
        pub papers_of: Text,
        pub announced: PluralText,
        pub announced_in: PluralText,
        pub page_of: Text,
        pub page: Text,
        pub days: Text,
        pub all_days: Text,
        pub categories: Text,
        pub all_categories: Text,
        pub all: Text,
        pub pages: Text,
        pub nothing: Text,
        pub no_day: Text,
        pub no_day_text: Text,
        pub papers: PluralText,
    }
}

words! {
    /// The page of a paper, and papers in lists.
    pub struct PaperWords {
        pub votes: PluralText,
        pub version: Text,
        pub withdrawn: Text,
        pub withdrawn_text: Text,
        pub published_in: Text,
        pub facts: Text,
        pub name: Text,
        pub index: Text,
        pub from: Text,
        pub taken_in: Text,
        pub read: Text,
        pub journal: Text,
        pub similar: Text,
        pub none: Text,
        pub none_text: Text,
    }
}

words! {
    /// The search.
    pub struct SearchWords {
        pub title: Text,
        pub label: Text,
        pub narrow: Text,
        pub category: Text,
        pub category_hint: Text,
        pub source: Text,
        pub source_hint: Text,
        pub from: Text,
        pub to: Text,
        pub bad_day: Text,
        pub backwards: Text,
        pub relaxed: Text,
        pub best_first: Text,
        pub feed: Text,
        pub this: Text,
        pub pages: Text,
        pub no_more: Text,
        pub nothing: Text,
        pub hint: Text,
    }
}

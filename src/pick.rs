//! Words about picks: the section of a pick, the reasons for it, news of papers,
//! and what a reader says of it.
//!
//! Ranking decides these values, the store keeps them as JSON, and
//! [`digest`](crate::digest) words them in the reader's language.

mod news;

pub use news::PaperNews;

use serde::{Deserialize, Serialize};

/// The section of an issue in which a pick stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Papers by followed authors.
    FollowedAuthors,
    /// Papers for the interest of this name.
    Interest(String),
    /// Papers with the most votes.
    Trending,
    /// New papers, for a subscriber without interests.
    New,
    /// News of papers that the subscriber knows.
    News,
    /// Exploring picks: below the line, near it, and unlike the other picks.
    Exploring,
}

impl Section {
    /// Name of the interest to which the section belongs.
    pub fn interest(&self) -> Option<&str> {
        match self {
            Section::Interest(name) => Some(name),
            _ => None,
        }
    }
}

/// One reason for a pick.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Written by these followed authors, as the paper spells them.
    FollowedAuthors(Vec<String>),
    /// Contains this keyword of the interest.
    Keyword(String),
    /// Similar to the liked paper with this title.
    LikedPaper(String),
    /// Written by this author of liked papers.
    LikedAuthor(String),
    /// An exploring pick, beyond this interest.
    Exploring(String),
    /// Below the line, and among the nearest to it on a short day.
    NearMiss,
    /// About these terms, the most telling first.
    Terms(Vec<String>),
    /// Close in meaning to the liked paper with this title, or to the words of
    /// the interest with this name.
    Meaning(String),
    /// In the category with this code, as liked papers are.
    LikedCategory(String),
    /// New in the category with this code.
    NewIn(String),
    /// Newly announced.
    New,
    /// This many votes.
    Votes(u32),
    /// News of a paper that the subscriber knows.
    News(PaperNews),
    /// A text that an older version stored and that has no other form.
    Text(String),
}

/// A reader's answer to a pick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Thumb {
    /// More like this.
    More,
    /// Less like this.
    Less,
    /// Keep it for later; counts as liked, too.
    Save,
}

impl Thumb {
    /// Every thumb with its word in links, commands and the database.
    pub const WORDS: [(&'static str, Thumb); 3] = [
        (Thumb::More.word(), Thumb::More),
        (Thumb::Less.word(), Thumb::Less),
        (Thumb::Save.word(), Thumb::Save),
    ];

    /// Its word in links, commands and the database.
    pub const fn word(self) -> &'static str {
        match self {
            Thumb::More => "more",
            Thumb::Less => "less",
            Thumb::Save => "save",
        }
    }
}

//! What readers say of papers: thumbs, muted authors, and clicks.

use super::{PaperRow, StoreError, StoredPaper};
use crate::paper::PaperId;
use crate::pick::Thumb;
use crate::subscriber::SubscriberId;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

/// How a reader said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By a link in a mail.
    Mail,
    /// On a page.
    Web,
    /// Through the operator, on the command line.
    Command,
}

impl Channel {
    /// Every channel with its word.
    pub const WORDS: [(&'static str, Channel); 3] = [
        ("mail", Channel::Mail),
        ("web", Channel::Web),
        ("command", Channel::Command),
    ];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Channel::Mail => "mail",
            Channel::Web => "web",
            Channel::Command => "command",
        }
    }
}

/// A thumb as it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFeedback {
    /// Whose.
    pub subscriber: SubscriberId,
    /// On which paper.
    pub paper: PaperRow,
    /// What they say.
    pub thumb: Thumb,
    /// The interest that it is about; `None` for the one whose section the paper stood in.
    pub interest: Option<String>,
    /// How they said it.
    pub channel: Channel,
}

/// What became of a thumb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedbackChange {
    /// They had said nothing of this paper, or something else: that.
    Changed(Option<Thumb>),
    /// They had said just this.
    Already,
    /// There is no such subscriber or paper; nothing was kept.
    Unknown,
}

/// What a reader says of a paper now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// Whose.
    pub subscriber: SubscriberId,
    /// On which paper.
    pub paper: PaperRow,
    /// Its id.
    pub id: PaperId,
    /// Its title.
    pub title: String,
    /// What they say.
    pub thumb: Thumb,
    /// The name of the interest that the paper came through, if any.
    pub interest: Option<String>,
    /// The date of the issue that it came with, if any.
    pub local_date: Option<NaiveDate>,
    /// Its place in that issue, from 1.
    pub rank: Option<u32>,
    /// How they said it.
    pub channel: Channel,
    /// When.
    pub at: DateTime<Utc>,
}

/// One thing that was said, whatever was said later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackEvent {
    /// Of which paper.
    pub paper: PaperRow,
    /// What; `None` when it was taken back.
    pub thumb: Option<Thumb>,
    /// Of the interest of this name.
    pub interest: Option<String>,
    /// How.
    pub channel: Channel,
    /// When.
    pub at: DateTime<Utc>,
}

/// A thumb for what everybody reads: by nobody in particular.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vote {
    /// For which paper.
    pub paper: PaperRow,
    /// What was said of it.
    pub thumb: Thumb,
    /// When.
    pub at: DateTime<Utc>,
}

/// How many thumbs of one kind the papers at one place of the issues got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ThumbsAtRank {
    /// The place, from 1.
    pub rank: u32,
    /// Papers that stood there, in issues composed since then.
    pub shown: u64,
    /// Of them, how many are liked now.
    pub more: u64,
    /// Disliked.
    pub less: u64,
    /// Saved.
    pub save: u64,
}

/// What asks for a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Agent {
    /// It says that it is a browser; so do most scanners.
    Browser,
    /// It says that it is a program.
    Program,
    /// It says nothing that is known.
    Unknown,
}

impl Agent {
    /// Every class with its word.
    pub const WORDS: [(&'static str, Agent); 3] = [
        ("browser", Agent::Browser),
        ("program", Agent::Program),
        ("unknown", Agent::Unknown),
    ];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Agent::Browser => "browser",
            Agent::Program => "program",
            Agent::Unknown => "unknown",
        }
    }
}

/// Somebody, or something, followed a link of a mail to a paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click {
    /// Whose link it is.
    pub subscriber: SubscriberId,
    /// To which paper.
    pub paper: PaperRow,
    /// When, to the millisecond.
    pub at: DateTime<Utc>,
    /// Whether only the head was asked for.
    pub is_head: bool,
    /// What asked.
    pub agent: Agent,
    /// The network of its address, cut.
    pub network: String,
}

/// A click with when its mail was taken by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredClick {
    /// The click.
    pub click: Click,
    /// The issue whose mail it came from, if the paper was in one.
    pub issue: Option<i64>,
    /// When the server took that mail, if it did.
    pub delivered_at: Option<DateTime<Utc>>,
}

/// Verbs about what readers say.
pub trait FeedbackStore {
    /// Enters what a reader says of a paper in place of what they said before;
    /// the history keeps both. If the paper was a pick of theirs, the newest
    /// issue it was in and its place there are noted, and where no interest is
    /// named, the one whose section it stood in.
    fn give_feedback(
        &mut self,
        new: &NewFeedback,
        now: DateTime<Utc>,
    ) -> Result<FeedbackChange, StoreError>;

    /// Takes back what a reader says of a paper, and returns what that was.
    fn take_back(
        &mut self,
        subscriber: SubscriberId,
        paper: PaperRow,
        channel: Channel,
        now: DateTime<Utc>,
    ) -> Result<Option<Thumb>, StoreError>;

    /// What these readers say now, by reader, then newest first.
    fn feedback_of(&mut self, subscribers: &[SubscriberId]) -> Result<Vec<Feedback>, StoreError>;

    /// All that a reader ever said of a paper, oldest first.
    fn feedback_history(
        &mut self,
        subscriber: SubscriberId,
        paper: PaperRow,
    ) -> Result<Vec<FeedbackEvent>, StoreError>;

    /// The papers that a reader saved, newest first, with when they did.
    fn saved_papers(
        &mut self,
        subscriber: SubscriberId,
    ) -> Result<Vec<(StoredPaper, DateTime<Utc>)>, StoreError>;

    /// The likes and saves that stand since `since`, by paper.
    fn likes_by_paper(&mut self, since: DateTime<Utc>) -> Result<Vec<Vote>, StoreError>;

    /// How the places of the issues composed since `since` fared, by place.
    fn thumbs_by_rank(&mut self, since: DateTime<Utc>) -> Result<Vec<ThumbsAtRank>, StoreError>;

    /// Keeps papers by `name` out of a reader's issues; `false` if that was so.
    fn mute_author(
        &mut self,
        subscriber: SubscriberId,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Lets papers by `name` in again; `false` if they were not kept out.
    fn unmute_author(&mut self, subscriber: SubscriberId, name: &str) -> Result<bool, StoreError>;

    /// The authors whom these readers do not want to see, by reader and name.
    fn muted_authors(
        &mut self,
        subscribers: &[SubscriberId],
    ) -> Result<Vec<(SubscriberId, String)>, StoreError>;

    /// Notes a click. One on a paper or for a reader that is not there is not noted.
    fn record_click(&mut self, click: &Click) -> Result<(), StoreError>;

    /// The clicks since `since`, in order.
    fn clicks_since(&mut self, since: DateTime<Utc>) -> Result<Vec<StoredClick>, StoreError>;

    /// The clicks on the links of these readers, in order.
    fn clicks_of(&mut self, subscribers: &[SubscriberId]) -> Result<Vec<StoredClick>, StoreError>;
}

//! Readers' feedback on papers: thumbs, muted authors, and clicks.

use super::{PaperRow, StoreError, StoredPaper};
use crate::paper::PaperId;
use crate::pick::Thumb;
use crate::subscriber::SubscriberId;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

/// The channel of a reader's feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Link in a mail.
    Mail,
    /// Form on a page.
    Web,
    /// Command line, by the operator.
    Command,
}

impl Channel {
    /// Every channel with its word.
    pub const WORDS: [(&'static str, Channel); 3] = [
        ("mail", Channel::Mail),
        ("web", Channel::Web),
        ("command", Channel::Command),
    ];

    /// Returns the channel's word.
    pub const fn word(self) -> &'static str {
        match self {
            Channel::Mail => "mail",
            Channel::Web => "web",
            Channel::Command => "command",
        }
    }
}

/// A thumb to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFeedback {
    /// The reader.
    pub subscriber: SubscriberId,
    /// The paper.
    pub paper: PaperRow,
    /// The thumb.
    pub thumb: Thumb,
    /// Interest that it is about; `None` for the one whose section contained the paper.
    pub interest: Option<String>,
    /// The channel.
    pub channel: Channel,
}

/// The effect of recording a thumb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedbackChange {
    /// The thumb is new, or replaces this one.
    Changed(Option<Thumb>),
    /// The thumb was recorded before.
    Already,
    /// There is no such subscriber or paper; nothing was recorded.
    Unknown,
}

/// A reader's current thumb on a paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// The reader.
    pub subscriber: SubscriberId,
    /// The paper.
    pub paper: PaperRow,
    /// Id of the paper.
    pub id: PaperId,
    /// Title of the paper.
    pub title: String,
    /// The thumb.
    pub thumb: Thumb,
    /// Name of the interest that the paper came through, if any.
    pub interest: Option<String>,
    /// Date of the issue that contained it, if any.
    pub local_date: Option<NaiveDate>,
    /// Place in that issue, from 1.
    pub rank: Option<u32>,
    /// The channel.
    pub channel: Channel,
    /// Time of the thumb.
    pub at: DateTime<Utc>,
}

/// An entry in the history of a reader's thumbs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackEvent {
    /// The paper.
    pub paper: PaperRow,
    /// Thumb; `None` if it was taken back.
    pub thumb: Option<Thumb>,
    /// Name of the interest.
    pub interest: Option<String>,
    /// The channel.
    pub channel: Channel,
    /// Time of the thumb.
    pub at: DateTime<Utc>,
}

/// A thumb that counts among the votes, without its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vote {
    /// The paper.
    pub paper: PaperRow,
    /// The thumb.
    pub thumb: Thumb,
    /// Time of the thumb.
    pub at: DateTime<Utc>,
}

/// The thumbs that papers at one place of the issues received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ThumbsAtRank {
    /// Place in the issue, from 1.
    pub rank: u32,
    /// Papers at that place in the issues composed since then.
    pub shown: u64,
    /// Of these, liked now.
    pub more: u64,
    /// Of these, disliked now.
    pub less: u64,
    /// Of these, saved now.
    pub save: u64,
}

/// The kind of client that requests a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Agent {
    /// Claims to be a browser; so do most scanners.
    Browser,
    /// Claims to be a program.
    Program,
    /// Unknown user agent.
    Unknown,
}

impl Agent {
    /// Every class with its word.
    pub const WORDS: [(&'static str, Agent); 3] = [
        ("browser", Agent::Browser),
        ("program", Agent::Program),
        ("unknown", Agent::Unknown),
    ];

    /// Returns the class's word.
    pub const fn word(self) -> &'static str {
        match self {
            Agent::Browser => "browser",
            Agent::Program => "program",
            Agent::Unknown => "unknown",
        }
    }
}

/// A click on a mail's link to a paper, by a reader or a scanner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click {
    /// Reader whose link was followed.
    pub subscriber: SubscriberId,
    /// The paper.
    pub paper: PaperRow,
    /// Time of the click, to the millisecond.
    pub at: DateTime<Utc>,
    /// Whether it was a HEAD request.
    pub is_head: bool,
    /// Kind of client.
    pub agent: Agent,
    /// Network of the client's address, truncated.
    pub network: String,
}

/// A click with the time at which its mail was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredClick {
    /// The click.
    pub click: Click,
    /// Issue whose mail contained the link, if the paper was in one.
    pub issue: Option<i64>,
    /// Time at which a server accepted that mail, if one did.
    pub delivered_at: Option<DateTime<Utc>>,
}

/// Thumbs, muted authors and clicks.
pub trait FeedbackStore {
    /// Records a thumb in place of the reader's earlier one; the history keeps both. If the
    /// paper was a pick of theirs, the newest issue that contained it and its place there are
    /// recorded, and where no interest is named, the one of its section.
    fn give_feedback(
        &mut self,
        new: &NewFeedback,
        now: DateTime<Utc>,
    ) -> Result<FeedbackChange, StoreError>;

    /// Takes back a reader's thumb, and returns it.
    fn take_back(
        &mut self,
        subscriber: SubscriberId,
        paper: PaperRow,
        channel: Channel,
        now: DateTime<Utc>,
    ) -> Result<Option<Thumb>, StoreError>;

    /// Returns the current thumbs of these readers, by reader, then newest first.
    fn feedback_of(&mut self, subscribers: &[SubscriberId]) -> Result<Vec<Feedback>, StoreError>;

    /// Returns the history of a reader's thumbs on a paper, oldest first.
    fn feedback_history(
        &mut self,
        subscriber: SubscriberId,
        paper: PaperRow,
    ) -> Result<Vec<FeedbackEvent>, StoreError>;

    /// Returns the papers that a reader saved with the times, newest first.
    fn saved_papers(
        &mut self,
        subscriber: SubscriberId,
    ) -> Result<Vec<(StoredPaper, DateTime<Utc>)>, StoreError>;

    /// Returns the likes and saves since `since` that were not taken back, by paper.
    fn likes_by_paper(&mut self, since: DateTime<Utc>) -> Result<Vec<Vote>, StoreError>;

    /// Counts thumbs on the picks of issues composed since `since`, by place.
    fn thumbs_by_rank(&mut self, since: DateTime<Utc>) -> Result<Vec<ThumbsAtRank>, StoreError>;

    /// Mutes the author `name` for a reader; `false` if they were muted already.
    fn mute_author(
        &mut self,
        subscriber: SubscriberId,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Unmutes the author `name`; `false` if they were not muted.
    fn unmute_author(&mut self, subscriber: SubscriberId, name: &str) -> Result<bool, StoreError>;

    /// Returns the muted authors of these readers, by reader and name.
    fn muted_authors(
        &mut self,
        subscribers: &[SubscriberId],
    ) -> Result<Vec<(SubscriberId, String)>, StoreError>;

    /// Records a click, unless its paper or reader does not exist.
    fn record_click(&mut self, click: &Click) -> Result<(), StoreError>;

    /// Returns the clicks since `since`, in order.
    fn clicks_since(&mut self, since: DateTime<Utc>) -> Result<Vec<StoredClick>, StoreError>;

    /// Returns the clicks on the links of these readers, in order.
    fn clicks_of(&mut self, subscribers: &[SubscriberId]) -> Result<Vec<StoredClick>, StoreError>;
}

//! A subscriber: address, preferences and interests.

mod address;
mod mailbox_kind;
mod record;
mod status;
mod weight;

pub use address::{Address, BadAddress};
pub use mailbox_kind::MailboxKind;
pub use record::{
    INTERESTS_MAX, NAME_CHARS_MAX, PAPERS_RANGE, RECORD_KEYS, SubscriberRecord, read_interest,
    read_subscriber,
};
pub use status::StatusConflict;
pub use weight::InterestWeight;

use crate::paper::PaperId;
use chrono::{NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

/// The row of a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriberId(pub i64);

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Asked for, not yet confirmed from the address itself.
    Pending,
    /// Gets issues.
    Active,
    /// Gets none until resumed.
    Paused,
    /// Has left.
    Unsubscribed,
    /// The address refused mail or complained.
    Suppressed,
}

impl Status {
    /// Every status with its word.
    pub const WORDS: [(&'static str, Status); 5] = [
        ("pending", Status::Pending),
        ("active", Status::Active),
        ("paused", Status::Paused),
        ("unsubscribed", Status::Unsubscribed),
        ("suppressed", Status::Suppressed),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, status)| *status == self)
            .map_or("", |(word, _)| word)
    }
}

/// How often an issue comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// On every one of the chosen days.
    Daily,
    /// Once a week, on one day.
    Weekly,
}

/// How much of each abstract is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AbstractLength {
    /// All of it.
    Full,
    /// Its two or three most telling sentences.
    Short,
    /// Nothing.
    None,
}

/// What happens on a day on which nothing is above the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenEmpty {
    /// No mail.
    Skip,
    /// A short note that says why.
    Note,
}

/// Which parts a message has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailFormat {
    /// HTML with a text alternative.
    Html,
    /// Text alone.
    Text,
}

/// What a subscriber chose about their issues.
#[derive(Debug, Clone, PartialEq)]
pub struct Preferences {
    /// Where the wall clock hangs that `send_at` means.
    pub timezone: Tz,
    /// The hour at which an issue is due.
    pub send_at: NaiveTime,
    /// Days on which daily issues come.
    pub days: Vec<Weekday>,
    /// Daily or weekly.
    pub frequency: Frequency,
    /// The day on which weekly issues come.
    pub weekday: Weekday,
    /// Most picks in an issue.
    pub max_papers: u32,
    /// Length of abstracts.
    pub abstracts: AbstractLength,
    /// The line: picks below this score (0 to 1) are not sent.
    pub min_score: f32,
    /// What happens when nothing is above the line.
    pub when_empty: WhenEmpty,
    /// Parts of the message.
    pub format: MailFormat,
    /// Two-letter code of the language of the issue's own words.
    pub language: String,
    /// No issue before this date.
    pub pause_until: Option<NaiveDate>,
    /// Whether new versions of papers that they had or like are told, and that one was withdrawn.
    pub replacements: bool,
    /// Whether it is told where papers that they had or like were published.
    pub publications: bool,
}

/// Every day of the week, Monday first.
pub const EVERY_DAY: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

impl Default for Preferences {
    /// Every day at 07:00 UTC, 10 papers, short abstracts, nothing on empty days.
    fn default() -> Self {
        Preferences {
            timezone: Tz::UTC,
            send_at: NaiveTime::from_hms_opt(7, 0, 0).expect("07:00 is a time of day"),
            days: EVERY_DAY.to_vec(),
            frequency: Frequency::Daily,
            weekday: Weekday::Mon,
            max_papers: 10,
            abstracts: AbstractLength::Short,
            min_score: 0.2,
            when_empty: WhenEmpty::Skip,
            format: MailFormat::Html,
            language: "en".to_owned(),
            pause_until: None,
            replacements: false,
            publications: false,
        }
    }
}

/// One named thing that a subscriber follows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Interest {
    /// Its name, one for each interest of a subscriber; heads a section of the issue.
    pub name: String,
    /// What it is about, in plain words.
    pub description: String,
    /// How much of the issue it is to have, beside the others.
    pub weight: InterestWeight,
    /// Words and phrases, also combined with AND and OR: a paper that holds one is pinned.
    pub keywords: Vec<String>,
    /// The same for papers that are never picked; `author:NAME` and `category:CODE` too.
    pub must_not: Vec<String>,
    /// People whose papers are pinned.
    pub authors: Vec<String>,
    /// `cs.LG`, `cs.*`: where papers must come from; empty for anywhere.
    pub categories: Vec<String>,
    /// Papers to find more of.
    pub liked: Vec<PaperId>,
    /// Papers to find less of.
    pub disliked: Vec<PaperId>,
}

/// A subscriber as entered, before it has a row.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSubscriber {
    /// Where issues go.
    pub address: Address,
    /// What to call them; may be empty.
    pub name: String,
    /// Where the subscription stands.
    pub status: Status,
    /// What they chose.
    pub preferences: Preferences,
    /// What they follow; empty for the trending digest.
    pub interests: Vec<Interest>,
}

/// A subscriber as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscriber {
    /// Its row.
    pub id: SubscriberId,
    /// Grows when the links in older mails are to stop working.
    pub generation: u32,
    /// All the rest.
    pub details: NewSubscriber,
}

impl Subscriber {
    /// Whose links are made.
    pub fn holder(&self) -> LinkHolder {
        LinkHolder {
            id: self.id,
            generation: self.generation,
        }
    }
}

/// Whose links are made: they work while the generation is still the subscriber's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkHolder {
    /// The subscriber's row.
    pub id: SubscriberId,
    /// [`Subscriber::generation`].
    pub generation: u32,
}

impl std::ops::Deref for Subscriber {
    type Target = NewSubscriber;

    fn deref(&self) -> &NewSubscriber {
        &self.details
    }
}

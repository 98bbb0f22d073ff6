//! A subscriber: address, preferences and interests.

mod address;
mod mailbox_kind;
mod preferences;
mod record;
mod status;
mod weight;

pub use address::{Address, BadAddress};
pub use mailbox_kind::MailboxKind;
pub use preferences::{
    AbstractLength, DAY_WORDS, EVERY_DAY, Frequency, MailFormat, PREFERENCES, Preference,
    PreferenceGroup, PreferenceKind, Preferences, WhenEmpty, preference,
};
pub use record::{
    INTERESTS_MAX, NAME_CHARS_MAX, SubscriberRecord, read_interest, read_subscriber, record_keys,
};
pub use status::{Status, StatusConflict};
pub use weight::InterestWeight;

use crate::paper::PaperId;
use serde::Serialize;
use utoipa::ToSchema;

/// The row of a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriberId(pub i64);

/// One named thing that a subscriber follows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Interest {
    /// Name, unique among the interests of a subscriber; heads a section of the issue.
    pub name: String,
    /// Description in plain words.
    pub description: String,
    /// Share of the issue, relative to the other interests.
    pub weight: InterestWeight,
    /// Words and phrases, also combined with AND and OR: a paper that contains one is pinned.
    pub keywords: Vec<String>,
    /// The same for papers that are never picked; also `author:NAME` and `category:CODE`.
    pub must_not: Vec<String>,
    /// Authors whose papers are pinned.
    pub authors: Vec<String>,
    /// Categories that papers must be in: `cs.LG`, `cs.*`; empty for any.
    pub categories: Vec<String>,
    /// Liked papers.
    pub liked: Vec<PaperId>,
    /// Disliked papers.
    pub disliked: Vec<PaperId>,
}

/// A subscriber without a row.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSubscriber {
    /// Address to which issues go.
    pub address: Address,
    /// Name; may be empty.
    pub name: String,
    /// Status of the subscription.
    pub status: Status,
    /// The preferences.
    pub preferences: Preferences,
    /// Interests; empty for the trending digest.
    pub interests: Vec<Interest>,
}

/// A stored subscriber.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscriber {
    /// Row of the subscriber.
    pub id: SubscriberId,
    /// Generation of the links; incremented to invalidate the links in older mails.
    pub generation: u32,
    /// Everything else.
    pub details: NewSubscriber,
}

impl Subscriber {
    /// Returns the holder of this subscriber's links.
    pub fn holder(&self) -> LinkHolder {
        LinkHolder {
            id: self.id,
            generation: self.generation,
        }
    }
}

/// The subscriber that a link is made for, valid while the generation is the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkHolder {
    /// Row of the subscriber.
    pub id: SubscriberId,
    /// Value of [`Subscriber::generation`].
    pub generation: u32,
}

impl std::ops::Deref for Subscriber {
    type Target = NewSubscriber;

    fn deref(&self) -> &NewSubscriber {
        &self.details
    }
}

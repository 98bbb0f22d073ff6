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

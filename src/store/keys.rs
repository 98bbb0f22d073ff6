//! Keys of the API, and what was answered to requests that may come again.

use super::StoreError;
use crate::subscriber::SubscriberId;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The row of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub i64);

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyScope {
    /// To read everything.
    Read,
    /// To change subscribers and what they follow, to ask addresses whether they
    /// want to subscribe, and to erase people.
    Subscribers,
    /// To subscribe people at once, vouching for their consent.
    Vouch,
    /// To take papers in.
    Papers,
    /// To retry, hold and drop deliveries.
    Deliveries,
    /// To add and lift suppressions.
    Suppressions,
}

impl KeyScope {
    /// Every scope with its word.
    pub const WORDS: [(&'static str, KeyScope); 6] = [
        ("read", KeyScope::Read),
        ("subscribers:write", KeyScope::Subscribers),
        ("subscribers:vouch", KeyScope::Vouch),
        ("papers:write", KeyScope::Papers),
        ("deliveries:write", KeyScope::Deliveries),
        ("suppressions:write", KeyScope::Suppressions),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, scope)| *scope == self)
            .map_or("", |(word, _)| word)
    }
}

impl Serialize for KeyScope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// A key as it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What it is called, one for each key in use.
    pub name: String,
    /// Hash of the key ([`crate::token::api_key_hash`]).
    pub hash: String,
    /// What it allows.
    pub scopes: Vec<KeyScope>,
    /// Requests in a minute.
    pub per_minute: u32,
    /// When it ends, if it does.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredKey {
    /// Its row.
    #[serde(skip)]
    pub id: KeyId,
    /// What it is called.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<KeyScope>,
    /// Requests in a minute.
    pub per_minute: u32,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub used_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A request that may come again, as its sender named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// By which key it came.
    pub key: KeyId,
    /// The sender's name for it.
    pub name: String,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The status code.
    pub status: u16,
    /// Headers that belong to the answer.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whom it tells of: it goes when they are erased.
    pub about: Option<SubscriberId>,
}

/// How a request with a name stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotencyState {
    /// It is new, and ours to answer.
    Ours,
    /// It was answered so.
    Answered(StoredAnswer),
    /// It is being answered.
    Underway,
    /// Another request had this name.
    Other,
}

/// Verbs about keys and repeated requests.
pub trait KeyStore {
    /// Keeps a new key; `None` if one in use has its name.
    fn make_key(&mut self, key: &NewKey, now: DateTime<Utc>) -> Result<Option<KeyId>, StoreError>;

    /// Every key there ever was, in the order in which they were made.
    fn keys(&mut self) -> Result<Vec<StoredKey>, StoreError>;

    /// The key with this hash, whether or not it still holds.
    fn key_of_hash(&mut self, hash: &str) -> Result<Option<StoredKey>, StoreError>;

    /// Notes that a key was used.
    fn note_key_used(&mut self, id: KeyId, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Revokes the key in use that is called `name`, for good; `false` if there is none.
    fn revoke_key(&mut self, name: &str, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Begins to answer the request called `name`, whose content has the hash
    /// `request`. Answers of before `forget` are forgotten; what was begun before
    /// `lost` and never finished may be begun again. Of any number that ask at
    /// once, one is told [`IdempotencyState::Ours`].
    fn begin_answer(
        &mut self,
        name: &IdempotencyKey,
        request: &str,
        forget: DateTime<Utc>,
        lost: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<IdempotencyState, StoreError>;

    /// Keeps the answer to a request that was begun.
    fn finish_answer(
        &mut self,
        name: &IdempotencyKey,
        answer: &StoredAnswer,
    ) -> Result<(), StoreError>;

    /// Gives a request up that was begun: it was not answered, and may come again.
    fn drop_answer(&mut self, name: &IdempotencyKey) -> Result<(), StoreError>;
}

//! API keys, and the stored answers of idempotent requests.

use super::StoreError;
use crate::subscriber::SubscriberId;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The row of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub i64);

/// A permission of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyScope {
    /// Read everything.
    Read,
    /// Change subscribers and their interests, ask addresses for confirmation, and erase
    /// subscribers.
    Subscribers,
    /// Subscribe addresses at once, vouching for their consent.
    Vouch,
    /// Import papers.
    Papers,
    /// Retry, hold and drop deliveries.
    Deliveries,
    /// Add and remove suppressions.
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

    /// Returns the scope's word.
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

/// A key to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Name, unique among the keys in use.
    pub name: String,
    /// Hash of the key ([`crate::token::api_key_hash`]).
    pub hash: String,
    /// The permissions.
    pub scopes: Vec<KeyScope>,
    /// Most requests per minute.
    pub per_minute: u32,
    /// Expiry, if it has one.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A stored key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredKey {
    /// Row of the key.
    #[serde(skip)]
    pub id: KeyId,
    /// The name.
    pub name: String,
    /// The permissions.
    pub scopes: Vec<KeyScope>,
    /// Most requests per minute.
    pub per_minute: u32,
    /// Time of creation.
    pub made_at: DateTime<Utc>,
    /// Time of the last use, to the minute.
    pub used_at: Option<DateTime<Utc>>,
    /// The expiry.
    pub expires_at: Option<DateTime<Utc>>,
    /// Time of the revocation.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The client's key of an idempotent request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// API key of the request.
    pub key: KeyId,
    /// Value of the `Idempotency-Key` header.
    pub name: String,
}

/// The stored answer of an idempotent request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// Status code.
    pub status: u16,
    /// Stored headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Subscriber in the answer: erasing them deletes it.
    pub about: Option<SubscriberId>,
}

/// The state of an idempotent request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotencyState {
    /// New, to be answered by the caller.
    Ours,
    /// Answered before.
    Answered(StoredAnswer),
    /// Being answered by another request.
    Underway,
    /// The key was used for another request.
    Other,
}

/// API keys and idempotent requests.
pub trait KeyStore {
    /// Stores a new key; `None` if a key in use has its name.
    fn make_key(&mut self, key: &NewKey, now: DateTime<Utc>) -> Result<Option<KeyId>, StoreError>;

    /// Returns every key, oldest first.
    fn keys(&mut self) -> Result<Vec<StoredKey>, StoreError>;

    /// Returns the key with this hash, even if it has expired or was revoked.
    fn key_of_hash(&mut self, hash: &str) -> Result<Option<StoredKey>, StoreError>;

    /// Records the use of a key.
    fn note_key_used(&mut self, id: KeyId, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Revokes the key in use that is called `name`; `false` if there is none.
    fn revoke_key(&mut self, name: &str, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Claims the idempotent request `name`, whose content has the hash `request`. Answers from
    /// before `forget` are deleted; a request that was claimed before `lost` and never answered
    /// can be claimed again. Among concurrent claims, one gets [`IdempotencyState::Ours`].
    fn begin_answer(
        &mut self,
        name: &IdempotencyKey,
        request: &str,
        forget: DateTime<Utc>,
        lost: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<IdempotencyState, StoreError>;

    /// Stores the answer of a claimed request.
    fn finish_answer(
        &mut self,
        name: &IdempotencyKey,
        answer: &StoredAnswer,
    ) -> Result<(), StoreError>;

    /// Releases a claimed request without an answer, so that it can be claimed again.
    fn drop_answer(&mut self, name: &IdempotencyKey) -> Result<(), StoreError>;
}

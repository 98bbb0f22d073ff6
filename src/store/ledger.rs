//! The ledger of deliveries: recipient, state, and the server's replies.
//!
//! ```text
//! rendered ──▶ claimed ──▶ handing_over ──▶ accepted | rejected | deferred | uncertain
//!    ▲            │crash        │crash
//!    └────────────┘             └──▶ uncertain ──▶ resent once ──▶ held
//! ```

use super::StoreError;
use crate::subscriber::{Address, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// The row of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct DeliveryId(pub i64);

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Queued, never offered to a server.
    Rendered,
    /// Claimed by a sender that has not begun to send the message.
    Claimed,
    /// The message may be in transmission.
    HandingOver,
    /// The server has taken responsibility.
    Accepted,
    /// The server asked to retry later, or could not be reached.
    Deferred,
    /// The server rejected it.
    Rejected,
    /// The connection broke while the server may have had the whole message.
    Uncertain,
    /// Kept for a person to decide.
    Held,
    /// Its shelf life ended before a server accepted it.
    Expired,
}

impl DeliveryState {
    /// Every state with its word.
    pub const WORDS: [(&'static str, DeliveryState); 9] = [
        ("rendered", DeliveryState::Rendered),
        ("claimed", DeliveryState::Claimed),
        ("handing_over", DeliveryState::HandingOver),
        ("accepted", DeliveryState::Accepted),
        ("deferred", DeliveryState::Deferred),
        ("rejected", DeliveryState::Rejected),
        ("uncertain", DeliveryState::Uncertain),
        ("held", DeliveryState::Held),
        ("expired", DeliveryState::Expired),
    ];

    /// Returns the state's word.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, state)| *state == self)
            .map_or("", |(word, _)| word)
    }
}

/// A delivery claimed by a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Row of the delivery.
    pub id: DeliveryId,
    /// The recipient.
    pub address: Address,
    /// The complete message.
    pub message: Vec<u8>,
    /// Earlier attempts.
    pub attempts: u32,
    /// Whether the server may have a first copy already.
    pub resent: bool,
    /// Time of queueing.
    pub queued_at: DateTime<Utc>,
    /// End of the shelf life.
    pub expires_at: DateTime<Utc>,
}

/// An attempt, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AttemptRecord {
    /// Command at which it ended: `connect`, `rcpt`, `dot`, …
    pub stage: String,
    /// Three digits of the reply, if there was one.
    pub code: Option<u16>,
    /// Enhanced code of the reply (RFC 3463).
    pub enhanced: Option<String>,
    /// Text of the server's reply, or ours.
    pub text: String,
    /// The duration.
    pub duration_ms: u64,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// Accepted by the server.
    Accepted,
    /// Rejected for good; with `suppress`, the address is suppressed.
    Rejected {
        /// Whether the address itself was refused.
        suppress: bool,
    },
    /// Due again at this time.
    Deferred(DateTime<Utc>),
    /// The server may have it; the same bytes are sent once more at this time.
    Uncertain(DateTime<Utc>),
    /// Held for a person.
    Held,
    /// The shelf life has ended.
    Expired,
    /// The relay, not this delivery, has a problem: the claim is undone.
    Released,
}

/// An attempt with its outcome, to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The delivery.
    pub id: DeliveryId,
    /// The attempt.
    pub attempt: AttemptRecord,
    /// The outcome.
    pub disposition: Disposition,
    /// Whether the mailbox could not accept it now (full, temporarily disabled).
    pub soft: bool,
}

/// The marks and settlements of one commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LedgerTurn {
    /// Finished attempts.
    pub settlements: Vec<Settlement>,
    /// Deliveries whose message is about to be sent.
    pub marks: Vec<DeliveryId>,
    /// State of the rate limits, if there are any.
    pub pace: Option<RateState>,
}

/// The token buckets of one relay.
#[derive(Debug, Clone, PartialEq)]
pub struct RateState {
    /// Name of the relay.
    pub relay: String,
    /// Buckets, one for each limit.
    pub buckets: Vec<RateBucket>,
}

/// The token bucket of one limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateBucket {
    /// Period of the limit.
    pub period_seconds: u32,
    /// Messages that may be sent at once; negative if tokens were borrowed.
    pub tokens: f64,
    /// Time of this count, to the millisecond.
    pub filled_at: DateTime<Utc>,
}

/// An earlier delivery to the same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// The state.
    pub state: DeliveryState,
    /// Whether the mailbox could not accept it at the last attempt.
    pub soft: bool,
}

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryRow {
    /// Row of the delivery.
    #[serde(skip)]
    pub id: DeliveryId,
    /// Subscriber, unless they were removed.
    #[serde(skip)]
    pub subscriber: Option<SubscriberId>,
    /// The recipient.
    pub address: String,
    /// Local date of the issue.
    pub local_date: NaiveDate,
    /// The state.
    pub state: DeliveryState,
    /// Message-ID, with angle brackets.
    pub message_id: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Command at which the last attempt ended.
    pub stage: Option<String>,
    /// Three digits of the last reply.
    pub code: Option<u16>,
    /// Enhanced code of the last reply.
    pub enhanced: Option<String>,
    /// Text of the last reply, or ours.
    pub text: Option<String>,
    /// Time of the last change of state.
    pub at: DateTime<Utc>,
    /// Time of the next attempt.
    #[serde(skip)]
    pub next_at: Option<DateTime<Utc>>,
    /// Subject of the issue.
    #[serde(skip)]
    pub subject: String,
}

/// A filter of the outbox.
#[derive(Debug, Clone, Default)]
pub struct OutboxFilter {
    /// The address.
    pub address: Option<Address>,
    /// Message-ID, without angle brackets.
    pub message_id: Option<String>,
    /// The state.
    pub state: Option<DeliveryState>,
    /// Local date.
    pub local_date: Option<NaiveDate>,
    /// Only deliveries after this row.
    pub after: Option<DeliveryId>,
    /// Most rows to return; all if absent.
    pub limit: Option<u32>,
}

/// The right to send, held by one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderLease {
    /// Name of the process for people.
    pub holder: String,
    /// End of the lease.
    pub until: DateTime<Utc>,
}

/// The claims recovered from a sender that died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Claimed and never offered: queued again.
    pub released: u64,
    /// Possibly sent: to be sent once more.
    pub uncertain: u64,
    /// Possibly sent twice: held.
    pub held: u64,
}

/// A pause of a relay, to let it recover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayPause {
    /// End of the pause.
    pub until: DateTime<Utc>,
    /// Failures in a row.
    pub failures: u32,
    /// Whether the relay refused us by policy, rather than failing itself.
    pub refuses_us: bool,
    /// Text of the last failure.
    pub reason: String,
}

/// The methods for deliveries.
pub trait LedgerStore {
    /// Grants `holder` the sender lease until `until`, unless another lease is valid at `now`;
    /// returns the holder.
    fn lease_sending(
        &mut self,
        holder: &str,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<SenderLease, StoreError>;

    /// Releases the lease.
    fn end_sending(&mut self, holder: &str) -> Result<(), StoreError>;

    /// Takes over the lease from any holder: for the process that has the OS lock.
    fn take_over_sending(&mut self, holder: &str, until: DateTime<Utc>) -> Result<(), StoreError>;

    /// Recovers the claims of a dead sender: claims go back to the queue, messages that may have
    /// been sent become uncertain and are due again at `resend_at` (held if that is `None`), and
    /// those that may have been sent twice are held.
    fn recover_claims(
        &mut self,
        resend_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Recovered, StoreError>;

    /// Claims up to `limit` due deliveries, oldest first. Those whose shelf life has ended
    /// expire; those whose address is suppressed or whose stored message is damaged are held.
    fn claim_due(&mut self, limit: u32, now: DateTime<Utc>) -> Result<Vec<Claimed>, StoreError>;

    /// Records finished attempts, and marks the deliveries of `turn.marks` as being handed over;
    /// returns which of them were marked. Durable once it returns.
    ///
    /// A delivery that is no longer claimed (held by a person, its subscriber unsubscribed) is
    /// neither marked nor settled.
    fn record_turn(
        &mut self,
        turn: &LedgerTurn,
        now: DateTime<Utc>,
    ) -> Result<Vec<DeliveryId>, StoreError>;

    /// Returns up to `limit` other attempted deliveries to the address of `id`, newest first.
    fn earlier_deliveries(
        &mut self,
        id: DeliveryId,
        limit: u32,
    ) -> Result<Vec<Earlier>, StoreError>;

    /// Returns the recorded token buckets of the relay `name`.
    fn rate_buckets(&mut self, name: &str) -> Result<Vec<RateBucket>, StoreError>;

    /// Returns claimed deliveries to the queue, each due at its time, without counting an
    /// attempt, and records the state of the rate limits.
    fn postpone(
        &mut self,
        deliveries: &[(DeliveryId, DateTime<Utc>)],
        paces: &[RateState],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Counts deliveries by state.
    fn count_deliveries(&mut self) -> Result<Vec<(DeliveryState, u64)>, StoreError>;

    /// Returns the number of deliveries due at `now`, and the time of the next one.
    fn waiting(&mut self, now: DateTime<Utc>) -> Result<(u64, Option<DateTime<Utc>>), StoreError>;

    /// Returns rows of the outbox, by row.
    fn deliveries(&mut self, filter: &OutboxFilter) -> Result<Vec<DeliveryRow>, StoreError>;

    /// Returns the attempts of a delivery with their times, oldest first.
    fn attempts(
        &mut self,
        id: DeliveryId,
    ) -> Result<Vec<(DateTime<Utc>, AttemptRecord)>, StoreError>;

    /// Returns the stored message, until it is settled.
    fn message(&mut self, id: DeliveryId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns the pause of the relay `name`, if there is one.
    fn relay_pause(&mut self, name: &str) -> Result<Option<RelayPause>, StoreError>;

    /// Records the pause of the relay `name`; `None` when it works again.
    fn pause_relay(&mut self, name: &str, pause: Option<&RelayPause>) -> Result<(), StoreError>;
}

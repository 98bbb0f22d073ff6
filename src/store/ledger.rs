//! The ledger of deliveries: who is sent what, how far it got, what the server said.
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

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Queued, never offered to a server.
    Rendered,
    /// A sender has taken it and has not yet begun to send its text.
    Claimed,
    /// Its text may be on the way.
    HandingOver,
    /// The server has taken responsibility.
    Accepted,
    /// The server asked to come back later, or could not be reached.
    Deferred,
    /// The server will not take it.
    Rejected,
    /// The conversation broke while the server may have had it all.
    Uncertain,
    /// Kept for a person to decide.
    Held,
    /// Its shelf life ended before a server took it.
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

    /// The state as it is stored and shown.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, state)| *state == self)
            .map_or("", |(word, _)| word)
    }
}

/// A delivery that a sender has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Which.
    pub id: DeliveryId,
    /// To whom.
    pub address: Address,
    /// The complete message.
    pub message: Vec<u8>,
    /// Tries made before this one.
    pub attempts: u32,
    /// Whether the server may have a first copy already.
    pub resent: bool,
    /// When it was queued.
    pub queued_at: DateTime<Utc>,
    /// When there is no point in sending it any more.
    pub expires_at: DateTime<Utc>,
}

/// One try, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AttemptRecord {
    /// The command at which it ended: `connect`, `rcpt`, `dot`, …
    pub stage: String,
    /// The reply's three digits, if there was a reply.
    pub code: Option<u16>,
    /// The reply's enhanced code (RFC 3463).
    pub enhanced: Option<String>,
    /// The server's words, or ours.
    pub text: String,
    /// How long it took.
    pub duration_ms: u64,
}

/// What a try leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// Done.
    Accepted,
    /// Never for this address; with `suppress`, nothing is sent there any more.
    Rejected {
        /// Whether the address itself is refused.
        suppress: bool,
    },
    /// Again at this time.
    Deferred(DateTime<Utc>),
    /// The server may have it; the same bytes go out once more at this time.
    Uncertain(DateTime<Utc>),
    /// For a person.
    Held,
    /// Too late.
    Expired,
    /// The relay, not this delivery, is in trouble: as before the claim.
    Released,
}

/// The end of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Of which delivery.
    pub id: DeliveryId,
    /// What happened.
    pub attempt: AttemptRecord,
    /// What follows.
    pub disposition: Disposition,
    /// Whether the mailbox could not take it now (full, disabled for a while).
    pub soft: bool,
}

/// What goes to the disk in one commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LedgerTurn {
    /// How tries ended.
    pub settlements: Vec<Settlement>,
    /// Whose texts are to leave now.
    pub marks: Vec<DeliveryId>,
    /// How fast mail has been leaving, if there are limits.
    pub pace: Option<RateState>,
}

/// What is left of the limits of one relay.
#[derive(Debug, Clone, PartialEq)]
pub struct RateState {
    /// Its name.
    pub relay: String,
    /// One for each limit.
    pub buckets: Vec<RateBucket>,
}

/// One limit's messages that may still leave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateBucket {
    /// The limit's period.
    pub period_seconds: u32,
    /// Messages that may leave at once; below 0 some are on loan.
    pub tokens: f64,
    /// When it held so many, to the millisecond.
    pub filled_at: DateTime<Utc>,
}

/// How an earlier delivery to the same address stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// Its state.
    pub state: DeliveryState,
    /// Whether the mailbox could not take it at its last try.
    pub soft: bool,
}

/// One line of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryRow {
    /// Its row.
    #[serde(skip)]
    pub id: DeliveryId,
    /// Of whom, unless they were removed.
    #[serde(skip)]
    pub subscriber: Option<SubscriberId>,
    /// To whom.
    pub address: String,
    /// The issue's date where they live.
    pub local_date: NaiveDate,
    /// Where it stands.
    pub state: DeliveryState,
    /// As in the message, with angle brackets.
    pub message_id: String,
    /// Tries so far.
    pub attempts: u32,
    /// At which command the last try ended.
    pub stage: Option<String>,
    /// The last reply's three digits.
    pub code: Option<u16>,
    /// The last reply's enhanced code.
    pub enhanced: Option<String>,
    /// The last words.
    pub text: Option<String>,
    /// When it came to stand so.
    pub at: DateTime<Utc>,
    /// When it will be tried (again).
    #[serde(skip)]
    pub next_at: Option<DateTime<Utc>>,
    /// The issue's subject.
    #[serde(skip)]
    pub subject: String,
}

/// Which lines of the outbox are wanted.
#[derive(Debug, Clone, Default)]
pub struct OutboxFilter {
    /// Only to this address.
    pub address: Option<Address>,
    /// Only the one with this Message-ID, without angle brackets.
    pub message_id: Option<String>,
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Only of this date.
    pub local_date: Option<NaiveDate>,
    /// Only after this row.
    pub after: Option<DeliveryId>,
    /// At most so many; all if absent.
    pub limit: Option<u32>,
}

/// Who may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderLease {
    /// A name for the process, as a person would look for it.
    pub holder: String,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// What a sender that died left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Claimed and never offered: free to go again.
    pub released: u64,
    /// Perhaps sent: go once more.
    pub uncertain: u64,
    /// Perhaps sent for the second time: held.
    pub held: u64,
}

/// The relay is given time to recover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayPause {
    /// Until when.
    pub until: DateTime<Utc>,
    /// Failures in a row.
    pub failures: u32,
    /// Whether it refused us altogether, rather than being in trouble itself.
    pub refuses_us: bool,
    /// The last one, in words.
    pub reason: String,
}

/// Verbs about deliveries.
pub trait LedgerStore {
    /// Makes `holder` the one sender until `until`, unless another one's lease
    /// still runs at `now`; answers who holds it.
    fn lease_sending(
        &mut self,
        holder: &str,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<SenderLease, StoreError>;

    /// Gives the lease back.
    fn end_sending(&mut self, holder: &str) -> Result<(), StoreError>;

    /// Takes the lease from whoever holds it: for who holds the OS lock.
    fn take_over_sending(&mut self, holder: &str, until: DateTime<Utc>) -> Result<(), StoreError>;

    /// Sorts out what a dead sender left: claims go back to the queue, texts
    /// that may have gone out become uncertain and are due again at
    /// `resend_at` (held if that is `None`), and those that may have gone out
    /// twice are held.
    fn recover_claims(
        &mut self,
        resend_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Recovered, StoreError>;

    /// Takes up to `limit` due deliveries, oldest first. Those whose shelf life
    /// has ended become expired, those whose address is suppressed held, as are
    /// those whose stored message is damaged.
    fn claim_due(&mut self, limit: u32, now: DateTime<Utc>) -> Result<Vec<Claimed>, StoreError>;

    /// Records how tries ended and that the texts of `turn.marks` may now
    /// leave; answers which of them were marked. Durable once it returns.
    ///
    /// What is no longer in a sender's hands (a person has held it, its
    /// subscriber has left) is neither marked nor settled.
    fn record_turn(
        &mut self,
        turn: &LedgerTurn,
        now: DateTime<Utc>,
    ) -> Result<Vec<DeliveryId>, StoreError>;

    /// Up to `limit` other deliveries to the address of `id` that were tried, newest first.
    fn earlier_deliveries(
        &mut self,
        id: DeliveryId,
        limit: u32,
    ) -> Result<Vec<Earlier>, StoreError>;

    /// The buckets of the relay `name`, as they were last recorded.
    fn rate_buckets(&mut self, name: &str) -> Result<Vec<RateBucket>, StoreError>;

    /// Puts claimed deliveries back into the queue, each to be due at its time
    /// (it counts as no try), and records the paces that decided it.
    fn postpone(
        &mut self,
        deliveries: &[(DeliveryId, DateTime<Utc>)],
        paces: &[RateState],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Deliveries by state.
    fn count_deliveries(&mut self) -> Result<Vec<(DeliveryState, u64)>, StoreError>;

    /// Of the deliveries that wait: how many are due at `now`, and when the next one is.
    fn waiting(&mut self, now: DateTime<Utc>) -> Result<(u64, Option<DateTime<Utc>>), StoreError>;

    /// Lines of the outbox, by row.
    fn deliveries(&mut self, filter: &OutboxFilter) -> Result<Vec<DeliveryRow>, StoreError>;

    /// The tries of one delivery, oldest first, with their times.
    fn attempts(
        &mut self,
        id: DeliveryId,
    ) -> Result<Vec<(DateTime<Utc>, AttemptRecord)>, StoreError>;

    /// The stored message, until it is settled.
    fn message(&mut self, id: DeliveryId) -> Result<Option<Vec<u8>>, StoreError>;

    /// The pause that the relay `name` is given, if any.
    fn relay_pause(&mut self, name: &str) -> Result<Option<RelayPause>, StoreError>;

    /// Notes the pause of the relay `name`; `None` when it works again.
    fn pause_relay(&mut self, name: &str, pause: Option<&RelayPause>) -> Result<(), StoreError>;
}

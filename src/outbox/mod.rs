//! Delivers: queued, handed over, settled.
//!
//! The guarantee: after a crash, a power cut or a lost connection at any
//! instant, every issue that was due is accepted by the relay, or visibly
//! rejected, held or expired. At most one mail for each open connection may
//! arrive a second time, byte for byte the same and with the same Message-ID;
//! none a third time. Nothing is sent that cannot be recorded.
//!
//! SMTP cannot do better: the server takes responsibility with its reply to the
//! final dot (RFC 5321 section 6.1), and until that reply is read and on our
//! disk, nobody can know whether it was given (RFC 1047).
//!
//! ```text
//! claim_due ─▶ offer: MAIL RCPT DATA, 354 ─▶ mark on disk ─▶ text, dot ─▶ reply ─▶ record on disk
//!                 │ a break here: nothing left,                │ a break here: uncertain,
//!                 │ another connection tries                   │ resent once, then held
//! ```
//!
//! The parts that hold it:
//!
//! - [`smtp`] is one conversation. It reports the [`SmtpStage`] of each event, and never uses a
//!   connection again that is out of step.
//! - `worker` keeps the order above, one delivery at a time for each connection; so there is at
//!   most one uncertain mail for each.
//! - `ledger` puts marks and records of all connections on the disk in common commits, and refuses
//!   every further mark once one has failed. A mark may be denied: mail that a person has taken out
//!   of the queue meanwhile is not sent.
//! - `blame` judges refusals, `policy` decides the consequence, `relay` when sending pauses, `rate`
//!   and `destination` how fast mail may leave: values in, values out.
//! - `context` records a refusal for good only once the relay has accepted others after it; where
//!   it refuses most recipients, their mail waits and no address is suppressed.
//! - `lock` and the lease in the database let one process send; it first turns the claims of a dead
//!   one into "never offered" or "uncertain".
//! - Replies are repaired below lettre, for a reply after the dot that cannot be read would send an
//!   accepted message twice.
//! - Tests die at every commit and every write, meet every fault at every stage, and fill the disk.
//! - [`DeliveryService`] is set up once; its [`DeliveryRun`] claims a few deliveries at a time and
//!   feeds the connections.

mod blame;
mod context;
mod destination;
mod ledger;
mod lock;
mod maildir;
mod policy;
mod rate;
mod relay;
mod reply;
mod run;
mod service;
mod settings;
pub mod smtp;
mod stage;
mod summary;
mod worker;

pub use blame::{Blame, blame};
pub use context::{EnvelopeSender, ProgressListener};
pub use lock::{LockError, SendingLock};
pub use policy::{Circumstances, Consequence, Outcome, RelaySignal, decide};
pub use reply::Reply;
pub use run::{DeliveryRun, RunStep};
pub use service::{DeliverError, DeliveryService};
pub use settings::*;
pub use stage::SmtpStage;
pub use summary::{Progress, Summary};

//! Takes in what comes back: reports, complaints and requests to leave.
//!
//! ```text
//!  alias · Maildir · IMAP · LMTP ─▶ report ─▶ verdict ┐
//!  webhooks ─▶ hooks ─────────────────────────────────┼─▶ decide ─▶ ( store: reports,
//!                                       evidence ─────┘                suppressions )
//! ```
//!
//! [`report`] parses a mail, [`verdict`] gives each recipient a class, [`evidence`] finds the proof
//! that it is about a mail of ours, [`decide`] chooses the action: all pure. [`Reception`] joins
//! them with the database. The transports ([`maildir`], [`imap`], [`lmtp`], [`hooks`]) know nothing
//! of either. Mail that is not for us is left alone.

pub mod decide;
pub mod evidence;
pub mod hooks;
pub mod imap;
pub mod lmtp;
pub mod maildir;
mod reception;
pub mod report;
mod settings;
pub mod verdict;

pub use evidence::{Envelope, ReportChannel};
pub use reception::{Receipt, Reception};
pub use report::MAIL_BYTES_MAX;
pub use settings::{ImapSecurity, ImapSettings, InboundSettings, LmtpSettings, WebhookSettings};

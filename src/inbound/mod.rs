//! Listens: what comes back.
//!
//! ```text
//!  alias · Maildir · IMAP · LMTP ─▶ reading ─▶ verdict ┐
//!  webhooks ─▶ hooks ──────────────────────────────────┼─▶ decide ─▶ ( store: reports, suppressions )
//!                                       evidence ──────┘
//! ```
//!
//! [`report`] says what a mail is, [`verdict`] what that means, [`evidence`]
//! what it proves, [`decide`] what is done: all pure. [`Reception`] joins them
//! with the database. The ways in ([`maildir`], [`imap`], [`lmtp`], [`hooks`])
//! know nothing of either. Mail that is not for us is left where it is.

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

//! Findings: what is wrong and what to do about it, decided once.
//!
//! ```text
//!  facts (store, disk, certificates, clock, loops) ─▶ decide ─▶ findings ─▶ check, /admin
//!                                                                  │
//!                                                  alarms in the store ─▶ mail, webhook, /readyz,
//!                                                  /metrics
//! ```
//!
//! [`decide`] and [`decide_settings`] are pure and hold every threshold; [`Facts::read`] and
//! [`network`] gather the facts. [`AlarmMonitor`] stores findings of the kinds that are alarms
//! and mails them: a finding becomes an alarm once it has lasted as long as its rule says, is
//! mailed again once a day while it lasts, and once more when it is over. Alarms that are due
//! together share a mail, with a least time between two mails. No mail is written while the
//! relay is in trouble: it would wait like all others, and may be out of date by then; what
//! happened meanwhile is mailed afterwards. [`WebhookSender`] posts alarms at once.
//!
//! To add a finding: a line in `kind.rs`, its facts in `facts.rs` and `gather.rs`, its rule in
//! the file of its subject in `rules/`.

mod alarm_mail;
pub mod certificate;
mod facts;
mod finding;
mod gather;
mod history;
mod kind;
mod monitor;
pub mod network;
mod rules;
mod run_report;
mod settings;
pub mod webhook;

pub use facts::{Facts, LoopFailure};
pub use finding::Finding;
pub use gather::{COVERAGE_DAYS, FactSettings, folder_of, relay_name};
pub use history::{Current, current};
pub use kind::{FindingKind, Severity};
pub use monitor::{AlarmMonitor, MonitorContext, MonitorError};
pub use rules::decide;
pub use rules::settings::{MailTarget, Reach, SettingsFacts, decide as decide_settings};
pub use run_report::RunReporter;
pub use settings::{AlarmSettings, AlarmWebhook, RunMail};
pub use webhook::WebhookSender;

use chrono::TimeDelta;

/// How far back incidents count.
const LOOK_BACK: TimeDelta = TimeDelta::hours(24);

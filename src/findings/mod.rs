//! Tells the operator when something goes wrong: one line what, one line what to do.
//!
//! ```text
//!  facts (store, disk, certificates, clock, loops) ─▶ rules: what is wrong ─▶ ( store: alarms ) ─▶ one mail, one post
//! ```
//!
//! An alarm is said once it has lasted as long as its rule wants, again once a
//! day while it lasts, and once more when it is over. Several that are to be
//! said at one time are one mail, and there is some time between two mails. None
//! is written while the relay is in trouble: it would wait with all others, and
//! may be out of date by then. What happened meanwhile is told afterwards.
//!
//! Whatever judges is in [`rules`], and takes values; [`facts`] and [`outside`]
//! gather them, [`AlarmMonitor`] and [`WebhookSender`] tell.

mod alarm_mail;
pub mod certificate;
pub mod facts;
mod monitor;
pub mod network;
pub mod rules;
mod run_report;
mod settings;
pub mod webhook;

pub use facts::{DISK_LOW_BYTES, LoopFailure};
pub use monitor::{AlarmMonitor, MonitorContext, MonitorError};
pub use run_report::RunReporter;
pub use settings::{AlarmSettings, RunMail, WebhookSettings};
pub use webhook::WebhookSender;

use chrono::TimeDelta;

/// Every kind of alarm, by its word, with what it is about.
pub const KINDS: [(&str, &str); 20] = [
    ("relay_down", "the relay has not taken mail for some time"),
    ("relay_refuses_us", "the relay refuses mail because of us"),
    ("policy_refused", "servers refuse our mail because of us"),
    ("mail_waits", "mail is due and nothing is sent"),
    ("mail_held", "mails wait for a person to decide"),
    ("issues_expired", "issues were given up undelivered"),
    ("issues_skipped", "issues were too late to be sent"),
    ("no_issues", "papers are here and nobody gets an issue"),
    ("publishing_late", "issues are due and not composed"),
    (
        "coverage_missing",
        "issues went out without papers that were awaited",
    ),
    ("source_failing", "a source cannot be read, or is silent"),
    ("set_aside_burst", "many records of a source cannot be read"),
    (
        "suppression_burst",
        "many addresses were suppressed in a day",
    ),
    ("disk_low", "the disk is nearly full"),
    ("database_not_writable", "the database cannot be written"),
    ("database_damaged", "the database is damaged"),
    ("backup_old", "there is no recent backup"),
    ("clock_off", "the clock is wrong"),
    (
        "certificate_expiring",
        "a certificate is about to expire, or has",
    ),
    (
        "part_failing",
        "a part of the program fails again and again",
    ),
];

/// Alarms after which readers get nothing, or lose something.
const GRAVE: [&str; 7] = [
    "relay_refuses_us",
    "mail_waits",
    "no_issues",
    "publishing_late",
    "database_not_writable",
    "database_damaged",
    "part_failing",
];

/// Whether readers get nothing, or lose something, while an alarm of this kind stands.
pub fn is_grave(name: &str) -> bool {
    GRAVE.contains(&name)
}

/// How far back what happened counts for an alarm.
pub(crate) const LOOK_BACK: TimeDelta = TimeDelta::hours(24);

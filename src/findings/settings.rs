//! The `[alarms]` settings.

use chrono::{NaiveTime, TimeDelta};
use secrecy::SecretString;
use std::path::PathBuf;

/// Whether each day is reported by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMail {
    /// Daily, at [`AlarmSettings::summary_at`].
    Daily,
    /// Never: the report is logged only.
    Never,
}

/// The webhook of alarms.
#[derive(Debug, Clone)]
pub struct AlarmWebhook {
    /// The address that alarms are posted to.
    pub url: String,
    /// The key of the signature.
    pub secret: Option<SecretString>,
}

/// The `[alarms]` settings.
#[derive(Debug, Clone)]
pub struct AlarmSettings {
    /// Whether alarms go to the site's contact by mail.
    pub mail: bool,
    /// The webhook, if any.
    pub webhook: Option<AlarmWebhook>,
    /// The interval of mails about an alarm that lasts.
    pub repeat: TimeDelta,
    /// Whether each day is reported by mail.
    pub summary: RunMail,
    /// The time of the daily report, in UTC.
    pub summary_at: NaiveTime,
    /// The folder whose newest file is the last backup; `None` if backups are not checked.
    pub backup_folder: Option<PathBuf>,
    /// How old the last backup may be.
    pub backup_age: TimeDelta,
}

impl Default for AlarmSettings {
    fn default() -> Self {
        AlarmSettings {
            mail: true,
            webhook: None,
            repeat: TimeDelta::hours(24),
            summary: RunMail::Never,
            summary_at: NaiveTime::from_hms_opt(20, 0, 0).expect("20:00 is a time of day"),
            backup_folder: None,
            backup_age: TimeDelta::days(2),
        }
    }
}

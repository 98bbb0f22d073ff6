//! The `[alarms]` settings.

use chrono::{NaiveTime, TimeDelta};
use secrecy::SecretString;
use std::path::PathBuf;

/// Whether a mail sums up each day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMail {
    /// At the hour of [`AlarmSettings::summary_at`].
    Daily,
    /// It stands in the log alone.
    Never,
}

/// Whom to tell over the web.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Where posts go.
    pub url: String,
    /// What signs them.
    pub secret: Option<SecretString>,
}

/// The `[alarms]` settings.
#[derive(Debug, Clone)]
pub struct AlarmSettings {
    /// Whether alarms go to the site's contact by mail.
    pub mail: bool,
    /// Whom to tell besides.
    pub webhook: Option<WebhookSettings>,
    /// How often an alarm that lasts is said again.
    pub repeat: TimeDelta,
    /// Whether each day is summed up by mail.
    pub summary: RunMail,
    /// When the day is summed up, in UTC.
    pub summary_at: NaiveTime,
    /// The folder whose newest file is the last backup; `None` if nobody is to look.
    pub backup_folder: Option<PathBuf>,
    /// How old it may become.
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

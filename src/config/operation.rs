//! Reads `[alarms]`, `[retention]` and `[log]`.

use super::files::Files;
use super::sections::{is_house, web_address};
use crate::fields::Fields;
use crate::findings::{AlarmSettings, AlarmWebhook, RunMail};
use crate::telemetry::{LogFormat, LogSettings};
use crate::upkeep::RetentionSettings;
use chrono::{NaiveTime, TimeDelta};

const YEAR_HOURS: i64 = 366 * 24;
const CENTURY_DAYS: i64 = 36_600;

const SUMMARY: [(&str, RunMail); 2] = [("daily", RunMail::Daily), ("never", RunMail::Never)];

pub(super) fn read_alarms(fields: &mut Fields, files: &mut Files) -> AlarmSettings {
    let default = AlarmSettings::default();
    let time = |text: &str| {
        NaiveTime::parse_from_str(text, "%H:%M")
            .map_err(|_| "must be a time of day in UTC, like 20:00")
    };
    let has_secret = fields.has("webhook_secret") || fields.has("webhook_secret_file");
    let url = fields.parsed("webhook", hook_address);
    let secret = files.secret(fields, "webhook_secret", "webhook_secret_file");
    if has_secret && secret.is_some() && url.is_none() {
        fields.refuse_once(
            "webhook",
            "must be filled in, since there is a webhook_secret",
        );
    }
    AlarmSettings {
        mail: fields.flag("mail").unwrap_or(default.mail),
        webhook: url.map(|url| AlarmWebhook { url, secret }),
        repeat: fields
            .number("repeat_hours", 1..=YEAR_HOURS)
            .map_or(default.repeat, TimeDelta::hours),
        summary: fields
            .choice("summary", &SUMMARY)
            .unwrap_or(default.summary),
        summary_at: fields
            .parsed("summary_at", time)
            .unwrap_or(default.summary_at),
        backup_folder: files.path(fields, "backup_folder"),
        backup_age: fields
            .number("backup_days", 1..=366)
            .map_or(default.backup_age, TimeDelta::days),
    }
}

/// Alarms name machines and may quote addresses, so they are posted by HTTPS except within a
/// private network.
fn hook_address(text: &str) -> Result<String, &'static str> {
    let wrong = "must be an address like https://chat.example.org/hooks/paperboy; http only within a private network";
    let address = web_address(text).map_err(|_| wrong)?;
    let host = address
        .parse::<axum::http::Uri>()
        .ok()
        .and_then(|uri| uri.host().map(str::to_owned));
    let is_fit = address.starts_with("https:") || host.is_some_and(|host| is_house(&host));
    if is_fit { Ok(address) } else { Err(wrong) }
}

pub(super) fn read_retention(fields: &mut Fields) -> RetentionSettings {
    let default = RetentionSettings::default();
    let mut days = |key, default| match fields.number(key, 0..=CENTURY_DAYS) {
        None => default,
        Some(0) => None,
        Some(days) => Some(TimeDelta::days(days)),
    };
    RetentionSettings {
        bodies: days("bodies_days", default.bodies),
        attempts: days("attempts_days", default.attempts),
        clicks: days("clicks_days", default.clicks),
        consent: days("consent_days", default.consent),
        reports: days("reports_days", default.reports),
        requests: days("requests_days", default.requests),
        set_aside: days("set_aside_days", default.set_aside),
        alarms: days("alarms_days", default.alarms),
    }
}

const FORMAT: [(&str, LogFormat); 2] = [("human", LogFormat::Human), ("json", LogFormat::Json)];

pub(super) fn read_log(fields: &mut Fields) -> LogSettings {
    LogSettings {
        format: fields.choice("format", &FORMAT).unwrap_or_default(),
    }
}

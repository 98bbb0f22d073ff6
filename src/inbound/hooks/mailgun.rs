//! Webhooks of Mailgun.

use super::{ProviderReport, WebhookError, check_age, complaint, failure};
use crate::inbound::report::DsnAction;
use chrono::{DateTime, Utc};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

/// documentation.mailgun.com, "Securing webhooks": HMAC-SHA-256 of timestamp and token, in
/// hexadecimal.
pub(super) fn reports(
    body: &[u8],
    key: Option<&SecretString>,
    now: DateTime<Utc>,
) -> Result<Vec<ProviderReport>, WebhookError> {
    let key = key.ok_or(WebhookError::NotSet)?.expose_secret();
    let value: Value = serde_json::from_slice(body).map_err(|_| WebhookError::Shape)?;
    let signed = |name: &str| value["signature"][name].as_str().map(str::to_owned);
    let timestamp = signed("timestamp").or_else(|| {
        value["signature"]["timestamp"]
            .as_i64()
            .map(|at| at.to_string())
    });
    let (timestamp, token) = (
        timestamp.ok_or(WebhookError::Shape)?,
        signed("token").ok_or(WebhookError::Shape)?,
    );
    let signature =
        unhex(&signed("signature").ok_or(WebhookError::Shape)?).ok_or(WebhookError::Forged)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    hmac::verify(&key, format!("{timestamp}{token}").as_bytes(), &signature)
        .map_err(|_| WebhookError::Forged)?;
    check_age(timestamp.parse().map_err(|_| WebhookError::Shape)?, now)?;

    let event = &value["event-data"];
    let recipient = event["recipient"].as_str();
    let id = event["message"]["headers"]["message-id"].as_str();
    let status = &event["delivery-status"];
    let words = ["message", "description"]
        .iter()
        .find_map(|key| status[*key].as_str().filter(|words| !words.is_empty()));
    let words = match (status["code"].as_i64(), words) {
        (Some(code), Some(words)) => format!("{code} {words}"),
        (_, words) => words.unwrap_or_default().to_owned(),
    };
    let enhanced = status["enhanced-code"]
        .as_str()
        .filter(|code| !code.is_empty());
    let report = match (
        event["event"].as_str().ok_or(WebhookError::Shape)?,
        event["severity"].as_str(),
    ) {
        ("complained", _) => complaint(recipient, id),
        // Mailgun retries temporary failures for 8 hours, then reports a permanent one.
        ("failed", Some("temporary")) => {
            failure(recipient, DsnAction::Delayed, &words, enhanced, id)
        }
        ("failed", _) => failure(recipient, DsnAction::Failed, &words, enhanced, id),
        _ => return Ok(Vec::new()),
    };
    // The signature does not cover the event, so one signature is good for one event: the token is
    // its number.
    Ok(vec![ProviderReport {
        key: format!("mailgun:{token}"),
        report,
    }])
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

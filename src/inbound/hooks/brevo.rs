//! Webhooks of Brevo.

use super::{ProviderReport, WebhookError, complaint, failure};
use crate::inbound::report::DsnAction;
use crate::refusal::EnhancedCode;
use serde_json::Value;

/// Events with the code that says what they mean where the words do not.
const EVENTS: &[(&str, DsnAction, &str)] = &[
    ("hard_bounce", DsnAction::Failed, "5.1.1"),
    ("invalid_email", DsnAction::Failed, "5.1.3"),
    ("soft_bounce", DsnAction::Failed, "4.2.0"),
    ("deferred", DsnAction::Delayed, "4.4.1"),
    ("blocked", DsnAction::Failed, "5.7.1"),
    ("error", DsnAction::Failed, "4.3.0"),
];

pub(super) fn reports(body: &[u8]) -> Result<Vec<ProviderReport>, WebhookError> {
    let value: Value = serde_json::from_slice(body).map_err(|_| WebhookError::Shape)?;
    let events = value.as_array().cloned().unwrap_or_else(|| vec![value]);
    events
        .iter()
        .take(1_000)
        .filter_map(|event| one(event).transpose())
        .collect()
}

fn one(event: &Value) -> Result<Option<ProviderReport>, WebhookError> {
    let text = |key: &str| event[key].as_str();
    let kind = text("event").ok_or(WebhookError::Shape)?;
    let (recipient, id) = (text("email"), text("message-id"));
    let report = match kind {
        "spam" | "complaint" => complaint(recipient, id),
        kind => {
            let Some((_, action, status)) = EVENTS.iter().find(|(known, ..)| *known == kind) else {
                return Ok(None);
            };
            let words = text("reason").unwrap_or_default();
            let own = EnhancedCode::find(words).is_some();
            failure(
                recipient,
                *action,
                words,
                Some(*status).filter(|_| !own),
                id,
            )
        }
    };
    let at = event["ts_event"]
        .as_i64()
        .or_else(|| event["ts"].as_i64())
        .unwrap_or_default();
    let key = format!(
        "brevo:{}:{}:{kind}:{at}",
        id.unwrap_or_default(),
        recipient.unwrap_or_default()
    );
    Ok(Some(ProviderReport { key, report }))
}

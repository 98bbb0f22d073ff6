//! `SendGrid`.

use super::{ProviderReport, Request, WebhookError, check_age, complaint, der, failure};
use crate::inbound::report::DsnAction;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

/// An uncompressed point on P-256 (SEC 1 section 2.3.3).
const POINT_BYTES: usize = 65;

/// Whether `der` is a public key that `SendGrid` could have shown.
pub fn is_p256_key(der: &[u8]) -> bool {
    point(der).is_some()
}

fn point(der: &[u8]) -> Option<&[u8]> {
    der::key_of_info(der).filter(|point| point.len() == POINT_BYTES && point[0] == 4)
}

/// twilio.com/docs/sendgrid, "Event webhook security features": ECDSA over timestamp and body.
pub(super) fn reports(
    request: &Request<'_>,
    key: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Vec<ProviderReport>, WebhookError> {
    let key = STANDARD
        .decode(key.ok_or(WebhookError::NotSet)?)
        .map_err(|_| WebhookError::NotSet)?;
    let timestamp = request.timestamp.ok_or(WebhookError::Forged)?;
    let signature = STANDARD
        .decode(request.signature.ok_or(WebhookError::Forged)?)
        .map_err(|_| WebhookError::Forged)?;
    let signed = [timestamp.as_bytes(), request.body].concat();
    let key = UnparsedPublicKey::new(
        &ECDSA_P256_SHA256_ASN1,
        point(&key).ok_or(WebhookError::NotSet)?,
    );
    key.verify(&signed, &signature)
        .map_err(|_| WebhookError::Forged)?;
    check_age(timestamp.parse().map_err(|_| WebhookError::Shape)?, now)?;

    let value: Value = serde_json::from_slice(request.body).map_err(|_| WebhookError::Shape)?;
    let events = value.as_array().ok_or(WebhookError::Shape)?;
    Ok(events.iter().take(5_000).filter_map(one).collect())
}

fn one(event: &Value) -> Option<ProviderReport> {
    let text = |key: &str| event[key].as_str();
    let (recipient, id) = (text("email"), text("smtp-id"));
    let words = ["reason", "response"]
        .iter()
        .find_map(|key| text(key))
        .unwrap_or_default();
    let report = match text("event")? {
        "bounce" => failure(recipient, DsnAction::Failed, words, text("status"), id),
        "deferred" => failure(recipient, DsnAction::Delayed, words, text("status"), id),
        // SendGrid's own lists: the reason names which ("Bounced Address", "Invalid", "Spam
        // Reporting Address").
        "dropped" if words.contains("Spam Reporting") => complaint(recipient, id),
        "dropped" if words.contains("Bounced") || words.contains("Invalid") => {
            failure(recipient, DsnAction::Failed, words, Some("5.1.1"), id)
        }
        "dropped" => failure(recipient, DsnAction::Failed, words, None, id),
        "spamreport" => complaint(recipient, id),
        _ => return None,
    };
    Some(ProviderReport {
        key: format!("sendgrid:{}", text("sg_event_id")?),
        report,
    })
}

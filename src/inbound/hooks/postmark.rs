//! Webhooks of Postmark.

use super::{ProviderReport, WebhookError, complaint, failure};
use crate::inbound::report::{DsnAction, ReportKind};
use serde_json::Value;

/// The codes of bounce types whose details give none
/// (postmarkapp.com/developer/api/bounce-api, "bounce types").
const TYPES: &[(&str, DsnAction, &str)] = &[
    ("HardBounce", DsnAction::Failed, "5.1.1"),
    ("BadEmailAddress", DsnAction::Failed, "5.1.1"),
    ("ManuallyDeactivated", DsnAction::Failed, "5.2.1"),
    ("SoftBounce", DsnAction::Failed, "4.2.0"),
    ("Transient", DsnAction::Delayed, "4.4.1"),
    ("DnsError", DsnAction::Failed, "4.4.3"),
    ("SpamNotification", DsnAction::Failed, "5.7.1"),
    ("Blocked", DsnAction::Failed, "5.7.1"),
    ("DMARCPolicy", DsnAction::Failed, "5.7.26"),
    ("VirusNotification", DsnAction::Failed, "5.7.1"),
];

pub(super) fn reports(body: &[u8]) -> Result<Vec<ProviderReport>, WebhookError> {
    let value: Value = serde_json::from_slice(body).map_err(|_| WebhookError::Shape)?;
    let text = |key: &str| value[key].as_str();
    let number = value["ID"]
        .as_i64()
        .map(|id| id.to_string())
        .or_else(|| text("MessageID").map(str::to_owned));
    let recipient = text("Email").or_else(|| text("Recipient"));
    let kind = text("Type").unwrap_or_default();
    let report = match text("RecordType").ok_or(WebhookError::Shape)? {
        "SpamComplaint" => complaint(recipient, None),
        "Bounce" if kind == "SpamComplaint" => complaint(recipient, None),
        "Bounce"
            if matches!(
                kind,
                "Unsubscribe"
                    | "Subscribe"
                    | "AutoResponder"
                    | "AddressChange"
                    | "ChallengeVerification"
                    | "OpenRelayTest"
            ) =>
        {
            super::about(ReportKind::AutoReply, None)
        }
        "Bounce" => {
            let words = [text("Details"), text("Description")]
                .into_iter()
                .flatten()
                .find(|words| !words.is_empty());
            let usual = TYPES.iter().find(|(known, ..)| *known == kind);
            let action = usual.map_or(DsnAction::Failed, |(_, action, _)| *action);
            let words = words.unwrap_or_default();
            let own = crate::refusal::EnhancedCode::find(words).is_some();
            failure(
                recipient,
                action,
                words,
                usual.map(|(.., status)| *status).filter(|_| !own),
                None,
            )
        }
        _ => return Ok(Vec::new()),
    };
    let key = format!("postmark:{}:{kind}", number.ok_or(WebhookError::Shape)?);
    Ok(vec![ProviderReport { key, report }])
}

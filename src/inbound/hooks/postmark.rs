//! Postmark.

use super::{Hooked, Refused, complaint, failure};
use crate::inbound::reading::{Action, Nature};
use serde_json::Value;

/// What each type of bounce says where its details do not (postmarkapp.com/developer/api/bounce-api, "bounce types").
const TYPES: &[(&str, Action, &str)] = &[
    ("HardBounce", Action::Failed, "5.1.1"),
    ("BadEmailAddress", Action::Failed, "5.1.1"),
    ("ManuallyDeactivated", Action::Failed, "5.2.1"),
    ("SoftBounce", Action::Failed, "4.2.0"),
    ("Transient", Action::Delayed, "4.4.1"),
    ("DnsError", Action::Failed, "4.4.3"),
    ("SpamNotification", Action::Failed, "5.7.1"),
    ("Blocked", Action::Failed, "5.7.1"),
    ("DMARCPolicy", Action::Failed, "5.7.26"),
    ("VirusNotification", Action::Failed, "5.7.1"),
];

pub(super) fn reports(body: &[u8]) -> Result<Vec<Hooked>, Refused> {
    let value: Value = serde_json::from_slice(body).map_err(|_| Refused::Shape)?;
    let text = |key: &str| value[key].as_str();
    let number = value["ID"]
        .as_i64()
        .map(|id| id.to_string())
        .or_else(|| text("MessageID").map(str::to_owned));
    let recipient = text("Email").or_else(|| text("Recipient"));
    let kind = text("Type").unwrap_or_default();
    let report = match text("RecordType").ok_or(Refused::Shape)? {
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
            super::about(Nature::AutoReply, None)
        }
        "Bounce" => {
            let words = [text("Details"), text("Description")]
                .into_iter()
                .flatten()
                .find(|words| !words.is_empty());
            let usual = TYPES.iter().find(|(known, ..)| *known == kind);
            let action = usual.map_or(Action::Failed, |(_, action, _)| *action);
            let words = words.unwrap_or_default();
            let own = crate::inbound::reading::Status::find(words).is_some();
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
    let key = format!("postmark:{}:{kind}", number.ok_or(Refused::Shape)?);
    Ok(vec![Hooked { key, report }])
}

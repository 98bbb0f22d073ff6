//! Amazon SES' notifications: JSON, by webhook or as a mail from SNS.
//!
//! docs.aws.amazon.com/ses/latest/dg/notification-contents.html and
//! event-publishing-retrieving-sns-contents.html.

use super::arf::Complaint;
use super::dsn::{DsnAction, FailedRecipient};
use super::headers::Headers;
use super::{Report, ReportKind};
use crate::refusal::{EnhancedCode, find_command, find_reply};
use serde_json::Value;

/// The report in a notification, also where SNS has wrapped it (`"Message": "{…}"`).
pub fn notification(value: &Value) -> Option<Report> {
    if let Some(inner) = value["Message"].as_str() {
        let inner: Value = serde_json::from_str(inner).ok()?;
        return notification(&inner);
    }
    let kind = value["notificationType"]
        .as_str()
        .or_else(|| value["eventType"].as_str())?;
    let kind = match kind {
        "Bounce" => ReportKind::Delivery(bounce(&value["bounce"])),
        "Complaint" => complaint(&value["complaint"]),
        "Delivery" => ReportKind::Delivery(delivered(&value["delivery"])),
        "DeliveryDelay" => ReportKind::Delivery(delayed(&value["deliveryDelay"])),
        _ => ReportKind::Other,
    };
    let id = ["bounce", "complaint"]
        .iter()
        .find_map(|part| value[*part]["feedbackId"].as_str());
    let mut headers = Headers::default();
    if let Some(id) = id {
        headers.add("message-id", id);
    }
    let mail = &value["mail"];
    let mut returned = Headers::default();
    for header in mail["headers"].as_array().into_iter().flatten().take(200) {
        if let (Some(name), Some(text)) = (header["name"].as_str(), header["value"].as_str()) {
            returned.add(name, text);
        }
    }
    if !returned.has("message-id")
        && let Some(id) = mail["commonHeaders"]["messageId"].as_str()
    {
        returned.add("message-id", id);
    }
    if let Some(source) = mail["source"].as_str() {
        returned.add("return-path", source);
    }
    Some(Report {
        kind,
        headers,
        returned,
    })
}

/// The JSON at the start of a mail's text.
pub(super) fn in_text(text: &str) -> Option<Report> {
    let start = text.find('{').filter(|at| text[..*at].trim().len() < 40)?;
    let known = ["notificationType", "eventType"]
        .iter()
        .any(|key| text.contains(key));
    if !known {
        return None;
    }
    let mut stream = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
    let read = stream.next().and_then(Result::ok);
    // A mail breaks long lines, which JSON cannot bear within strings.
    let read = read.or_else(|| {
        let joined: String = text[start..]
            .lines()
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        serde_json::Deserializer::from_str(&joined)
            .into_iter::<Value>()
            .next()
            .and_then(Result::ok)
    });
    notification(&read?)
}

fn bounce(bounce: &Value) -> Vec<FailedRecipient> {
    let is_permanent = bounce["bounceType"].as_str() == Some("Permanent");
    let usual = EnhancedCode::new(if is_permanent { 5 } else { 4 }, 0, 0);
    let recipients = bounce["bouncedRecipients"]
        .as_array()
        .into_iter()
        .flatten()
        .take(1_000);
    recipients
        .map(|one| {
            let diagnostic = one["diagnosticCode"].as_str().unwrap_or_default();
            let words = diagnostic
                .split_once(';')
                .map_or(diagnostic, |(_, words)| words)
                .trim();
            // Where there are no words, the sub-type tells (MailboxFull, MessageTooLarge,
            // Suppressed, …).
            let words = if words.is_empty() {
                subtype(bounce["bounceSubType"].as_str().unwrap_or_default())
            } else {
                words
            };
            FailedRecipient {
                recipient: one["emailAddress"].as_str().map(str::to_owned),
                original: None,
                action: DsnAction::Failed,
                status: one["status"]
                    .as_str()
                    .and_then(EnhancedCode::read)
                    .or_else(|| EnhancedCode::find(words))
                    .or(Some(usual)),
                reply: find_reply(words),
                command: find_command(words),
                diagnostic: words.to_owned(),
            }
        })
        .collect()
}

/// The sub-type in servers' words.
fn subtype(word: &str) -> &'static str {
    match word {
        "NoEmail" | "Suppressed" | "OnAccountSuppressionList" => {
            "user unknown (on the suppression list of SES)"
        }
        "MailboxFull" => "mailbox full",
        "MessageTooLarge" => "message too large",
        "ContentRejected" => "content rejected",
        "AttachmentRejected" => "attachment rejected",
        _ => "",
    }
}

fn complaint(complaint: &Value) -> ReportKind {
    let recipients = complaint["complainedRecipients"]
        .as_array()
        .into_iter()
        .flatten();
    let recipients = recipients
        .filter_map(|one| one["emailAddress"].as_str().map(str::to_owned))
        .take(1_000)
        .collect();
    let kind = complaint["complaintFeedbackType"]
        .as_str()
        .unwrap_or("abuse")
        .to_ascii_lowercase();
    ReportKind::Complaint(vec![Complaint {
        kind,
        recipients,
        mail_from: None,
    }])
}

fn delivered(delivery: &Value) -> Vec<FailedRecipient> {
    let words = delivery["smtpResponse"].as_str().unwrap_or_default();
    let recipients = delivery["recipients"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .take(1_000);
    let status = words.split_whitespace().find_map(EnhancedCode::read);
    recipients
        .map(|one| FailedRecipient {
            recipient: Some(one.to_owned()),
            action: DsnAction::Delivered,
            status,
            diagnostic: words.to_owned(),
            ..FailedRecipient::default()
        })
        .collect()
}

fn delayed(delay: &Value) -> Vec<FailedRecipient> {
    let recipients = delay["delayedRecipients"]
        .as_array()
        .into_iter()
        .flatten()
        .take(1_000);
    recipients
        .map(|one| {
            let words = one["diagnosticCode"].as_str().unwrap_or_default();
            FailedRecipient {
                recipient: one["emailAddress"].as_str().map(str::to_owned),
                action: DsnAction::Delayed,
                status: one["status"].as_str().and_then(EnhancedCode::read),
                reply: find_reply(words),
                diagnostic: words.to_owned(),
                ..FailedRecipient::default()
            }
        })
        .collect()
}

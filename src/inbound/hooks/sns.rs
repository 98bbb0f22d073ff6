//! Amazon SNS, which carries SES' notifications.
//!
//! docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. The
//! certificate is fetched from an address in the message, so that address is
//! checked first; only messages of the topic in the settings are heard.

use super::{ProviderReport, WebhookError, check_age, der};
use crate::inbound::report::ses;
use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

/// A message whose signature is yet to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnsMessage {
    fields: Vec<(&'static str, String)>,
    /// The address of the certificate.
    pub certificate_url: String,
    signature: Vec<u8>,
    is_sha256: bool,
}

/// The content of a genuine message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnsEvent {
    /// A report.
    Report(Box<ProviderReport>),
    /// To confirm that we want to hear of this topic, by fetching this address.
    Confirm(String),
    /// A message of another kind.
    Nothing,
}

const FIELDS: [&str; 8] = [
    "Message",
    "MessageId",
    "Subject",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
];

impl SnsMessage {
    /// Reads a message about `topic`.
    pub fn read(body: &[u8], topic: Option<&str>) -> Result<Self, WebhookError> {
        let topic = topic.ok_or(WebhookError::NotSet)?;
        let value: Value = serde_json::from_slice(body).map_err(|_| WebhookError::Shape)?;
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let fields: Vec<(&'static str, String)> = FIELDS
            .iter()
            .filter_map(|key| Some((*key, text(key)?)))
            .collect();
        let url = text("SigningCertURL")
            .or_else(|| text("SigningCertUrl"))
            .ok_or(WebhookError::Shape)?;
        if !is_amazons(&url) || url.rsplit_once('.').is_none_or(|(_, end)| end != "pem") {
            return Err(WebhookError::Forged);
        }
        let message = SnsMessage {
            fields,
            certificate_url: url,
            signature: STANDARD
                .decode(text("Signature").ok_or(WebhookError::Shape)?)
                .map_err(|_| WebhookError::Forged)?,
            is_sha256: match text("SignatureVersion").as_deref() {
                Some("1") => false,
                Some("2") => true,
                _ => return Err(WebhookError::Shape),
            },
        };
        if message.field("TopicArn") != Some(topic) {
            return Err(WebhookError::Forged);
        }
        Ok(message)
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The text that was signed.
    fn signed(&self) -> Option<String> {
        let names: &[&str] = match self.field("Type")? {
            "Notification" => &[
                "Message",
                "MessageId",
                "Subject",
                "Timestamp",
                "TopicArn",
                "Type",
            ],
            "SubscriptionConfirmation" | "UnsubscribeConfirmation" => &[
                "Message",
                "MessageId",
                "SubscribeURL",
                "Timestamp",
                "Token",
                "TopicArn",
                "Type",
            ],
            _ => return None,
        };
        Some(
            names
                .iter()
                .filter_map(|name| Some(format!("{name}\n{}\n", self.field(name)?)))
                .collect(),
        )
    }

    /// The content of the message, if the key in `certificate` (PEM) has signed it.
    pub fn told(&self, certificate: &[u8], now: DateTime<Utc>) -> Result<SnsEvent, WebhookError> {
        let der = CertificateDer::from_pem_slice(certificate).map_err(|_| WebhookError::Forged)?;
        let key = der::key_of_certificate(&der).ok_or(WebhookError::Forged)?;
        // Version 1 is SHA-1, still Amazon's default; nobody can choose what they sign, so
        // collisions do not help.
        let algorithm = if self.is_sha256 {
            &RSA_PKCS1_2048_8192_SHA256
        } else {
            &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY
        };
        let signed = self.signed().ok_or(WebhookError::Shape)?;
        UnparsedPublicKey::new(algorithm, key)
            .verify(signed.as_bytes(), &self.signature)
            .map_err(|_| WebhookError::Forged)?;
        let at = self
            .field("Timestamp")
            .and_then(|at| DateTime::parse_from_rfc3339(at).ok())
            .ok_or(WebhookError::Shape)?;
        check_age(at.timestamp(), now)?;
        match self.field("Type") {
            Some("Notification") => {
                let inner: Value =
                    serde_json::from_str(self.field("Message").ok_or(WebhookError::Shape)?)
                        .unwrap_or_default();
                let key = format!(
                    "ses:{}",
                    self.field("MessageId").ok_or(WebhookError::Shape)?
                );
                Ok(
                    ses::notification(&inner).map_or(SnsEvent::Nothing, |report| {
                        SnsEvent::Report(Box::new(ProviderReport { key, report }))
                    }),
                )
            }
            Some("SubscriptionConfirmation") => {
                let url = self
                    .field("SubscribeURL")
                    .filter(|url| is_amazons(url))
                    .ok_or(WebhookError::Forged)?;
                Ok(SnsEvent::Confirm(url.to_owned()))
            }
            _ => Ok(SnsEvent::Nothing),
        }
    }
}

/// Whether an address is SNS' own: `https://sns.REGION.amazonaws.com/…`, also in China.
fn is_amazons(url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else {
        return false;
    };
    let Some(authority) = url.authority() else {
        return false;
    };
    let host = authority.as_str();
    let region = host.strip_prefix("sns.").and_then(|rest| {
        rest.strip_suffix(".amazonaws.com")
            .or_else(|| rest.strip_suffix(".amazonaws.com.cn"))
    });
    let is_region = |region: &str| {
        !region.is_empty()
            && region
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    url.scheme_str() == Some("https") && region.is_some_and(is_region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_amazons_addresses_are_fetched() {
        for good in [
            "https://sns.eu-west-1.amazonaws.com/x.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/x.pem",
        ] {
            assert!(is_amazons(good), "{good}");
        }
        for bad in [
            "http://sns.eu-west-1.amazonaws.com/x.pem",
            "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem",
            "https://evil.example/sns.eu-west-1.amazonaws.com",
            "https://sns.a.b.amazonaws.com/x.pem",
            "https://u@sns.eu-west-1.amazonaws.com/x.pem",
            "https://sns.eu-west-1.amazonaws.com:8443/x.pem",
            "https://s3.amazonaws.com/x.pem",
            "file:///etc/passwd",
        ] {
            assert!(!is_amazons(bad), "{bad}");
        }
    }
}

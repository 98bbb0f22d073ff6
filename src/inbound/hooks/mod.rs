//! Reads providers' webhooks: checks signatures, and turns JSON into reports. Pure.
//!
//! Each provider signs in its own way; a request whose signature does not hold
//! is not read. Reports carry the provider's own number of the event, so that
//! one that comes again (they all repeat until they hear 200) counts once.

mod brevo;
mod der;
mod mailgun;
mod postmark;
mod sendgrid;
pub mod sns;

pub use sendgrid::is_p256_key;

use super::report::{Complaint, DsnAction, FailedRecipient, Headers, Report, ReportKind};
use super::settings::WebhookSettings;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};

/// The oldest signature that is accepted: clocks differ, and providers repeat requests that were
/// not answered with 200: Mailgun does for 8 hours, `SendGrid` for 24.
const AGE_MAX: TimeDelta = TimeDelta::hours(25);

/// A provider whose requests carry all that their check needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// postmarkapp.com/developer/webhooks/webhooks-overview
    Postmark,
    /// documentation.mailgun.com/docs/mailgun/user-manual/webhooks
    Mailgun,
    /// twilio.com/docs/sendgrid/for-developers/tracking-events/event
    SendGrid,
    /// developers.brevo.com/docs/transactional-webhooks
    Brevo,
}

impl Provider {
    /// Every one with its word in addresses.
    pub const WORDS: [(&'static str, Provider); 4] = [
        ("postmark", Provider::Postmark),
        ("mailgun", Provider::Mailgun),
        ("sendgrid", Provider::SendGrid),
        ("brevo", Provider::Brevo),
    ];
}

/// A request, as far as checks need it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// `token` in the address.
    pub token: Option<&'a str>,
    /// `SendGrid`'s signature header.
    pub signature: Option<&'a str>,
    /// `SendGrid`'s timestamp header.
    pub timestamp: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// An error that refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The settings name no key for this provider.
    #[error("this provider is not set up")]
    NotSet,
    /// Its signature or password is wrong.
    #[error("the signature does not hold")]
    Forged,
    /// It is too old, and may be an old one sent again.
    #[error("the signature is too old")]
    Stale,
    /// It is not what the provider sends.
    #[error("it is not what the provider sends")]
    Shape,
}

/// A report with the provider's identifier of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderReport {
    /// The same for the same report.
    pub key: String,
    /// The report.
    pub report: Report,
}

/// The reports in a request that is what it claims to be.
pub fn reports(
    provider: Provider,
    request: &Request<'_>,
    settings: &WebhookSettings,
    now: DateTime<Utc>,
) -> Result<Vec<ProviderReport>, WebhookError> {
    match provider {
        Provider::Postmark => {
            check_password(request, settings.postmark_secret.as_ref())?;
            postmark::reports(request.body)
        }
        Provider::Brevo => {
            check_password(request, settings.brevo_secret.as_ref())?;
            brevo::reports(request.body)
        }
        Provider::Mailgun => {
            mailgun::reports(request.body, settings.mailgun_signing_key.as_ref(), now)
        }
        Provider::SendGrid => {
            sendgrid::reports(request, settings.sendgrid_public_key.as_deref(), now)
        }
    }
}

/// Whether the request carries our password: as basic authentication (any user), as a bearer or in
/// the address.
fn check_password(
    request: &Request<'_>,
    secret: Option<&SecretString>,
) -> Result<(), WebhookError> {
    use base64::Engine as _;
    let secret = secret.ok_or(WebhookError::NotSet)?.expose_secret();
    let header = request.authorization.unwrap_or_default();
    let (kind, rest) = header.split_once(' ').unwrap_or(("", ""));
    let basic = || {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(rest.trim())
            .ok()?;
        String::from_utf8(bytes)
            .ok()?
            .split_once(':')
            .map(|(_, password)| password.to_owned())
    };
    let given = match kind.to_ascii_lowercase().as_str() {
        "basic" => basic(),
        "bearer" => Some(rest.trim().to_owned()),
        _ => None,
    };
    let is_right = |given: &str| same(given.as_bytes(), secret.as_bytes());
    let holds = given.as_deref().is_some_and(is_right) || request.token.is_some_and(is_right);
    if holds {
        Ok(())
    } else {
        Err(WebhookError::Forged)
    }
}

/// Whether two texts are the same, in a time that tells nothing of where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    use ring::digest::{SHA256, digest};
    let (one, other) = (digest(&SHA256, one), digest(&SHA256, other));
    one.as_ref()
        .iter()
        .zip(other.as_ref())
        .fold(0, |differ, (a, b)| differ | (a ^ b))
        == 0
}

/// Whether a signature of `at` is neither too old nor from the future.
fn check_age(at: i64, now: DateTime<Utc>) -> Result<(), WebhookError> {
    let age = now.timestamp().saturating_sub(at);
    let fits = age <= AGE_MAX.num_seconds() && age >= -TimeDelta::minutes(15).num_seconds();
    if fits {
        Ok(())
    } else {
        Err(WebhookError::Stale)
    }
}

/// A report of one failure, in the words of a server.
fn failure(
    recipient: Option<&str>,
    action: DsnAction,
    words: &str,
    status: Option<&str>,
    message_id: Option<&str>,
) -> Report {
    let mut failure = FailedRecipient::in_words(recipient.map(str::to_owned), words);
    failure.action = action;
    if let Some(status) = status.and_then(crate::refusal::EnhancedCode::read) {
        failure.status = Some(status);
    }
    about(ReportKind::Delivery(vec![failure]), message_id)
}

fn complaint(recipient: Option<&str>, message_id: Option<&str>) -> Report {
    let recipients = recipient.map(str::to_owned).into_iter().collect();
    about(
        ReportKind::Complaint(vec![Complaint {
            kind: "abuse".to_owned(),
            recipients,
            mail_from: None,
        }]),
        message_id,
    )
}

fn about(kind: ReportKind, message_id: Option<&str>) -> Report {
    let mut returned = Headers::default();
    if let Some(id) = message_id {
        returned.add("message-id", id);
    }
    Report {
        kind,
        headers: Headers::default(),
        returned,
    }
}

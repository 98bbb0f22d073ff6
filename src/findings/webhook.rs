//! Posts alarms to a webhook, signed.
//!
//! The payload is `{"alarm", "state", "text", "remedy", "at"}`. With a secret, the header
//! `X-Paperboy-Signature: sha256=…` holds the HMAC-SHA256 of the body in hexadecimal. A post is
//! retried until the answer is 2xx.

use super::finding::Finding;
use super::history::new_row;
use super::settings::AlarmWebhook;
use crate::clock::Clock;
use crate::store::{AlarmRow, Db, StoreError};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use ring::hmac;
use secrecy::ExposeSecret;
use serde::Serialize;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Time limit of an answer.
const WAIT: Duration = Duration::from_secs(10);

/// An alarm that was over before this is not posted any more.
const STALE: TimeDelta = TimeDelta::hours(24);

/// The name of the signature's header.
pub const SIGNATURE_HEADER: &str = "x-paperboy-signature";

/// The body of a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebhookPayload {
    /// The word of the alarm's kind.
    pub alarm: String,
    /// `raised` or `over`.
    pub state: &'static str,
    /// The problem.
    pub text: String,
    /// The remedy.
    pub remedy: String,
    /// The time at which the alarm was raised or over (RFC 3339).
    pub at: String,
}

impl WebhookPayload {
    /// The payload of an alarm that was raised at `at`.
    pub(super) fn raised(finding: &Finding, at: DateTime<Utc>) -> Self {
        Self::new(&new_row(finding, at), "raised", at)
    }

    /// The payload of an alarm that was over at `at`.
    pub(super) fn over(finding: &Finding, at: DateTime<Utc>) -> Self {
        Self::new(&new_row(finding, at), "over", at)
    }

    fn new(row: &AlarmRow, state: &'static str, at: DateTime<Utc>) -> Self {
        WebhookPayload {
            alarm: row.name.clone(),
            state,
            text: row.text.clone(),
            remedy: row.remedy.clone(),
            at: at.to_rfc3339_opts(SecondsFormat::Secs, true),
        }
    }
}

/// The alarm to post next, oldest first, and whether the news is that it is over.
pub fn next_event(alarms: &[AlarmRow], now: DateTime<Utc>) -> Option<(&AlarmRow, bool)> {
    let news = |row: &AlarmRow| {
        row.raised_at?;
        match (row.posted_at, row.over_at) {
            (None, Some(over)) if now - over > STALE => None,
            (None, _) => Some(false),
            (Some(_), Some(_)) if !row.post_done => Some(true),
            _ => None,
        }
    };
    alarms.iter().rev().find_map(|row| Some((row, news(row)?)))
}

/// The value of the signature's header.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body);
    tag.as_ref()
        .iter()
        .fold("sha256=".to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Why a post failed. The address is not shown: it often contains a password.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The webhook cannot be reached.
    #[error("alarms.webhook cannot be reached: {0}")]
    Away(String),
    /// The webhook answered with another status than 2xx.
    #[error("alarms.webhook answers with {0}")]
    Refused(u16),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Posts alarms.
pub struct WebhookSender {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Payloads that could not be stored.
    pub unstored: Arc<Mutex<VecDeque<WebhookPayload>>>,
}

impl WebhookSender {
    /// Posts the next alarm; `false` if there is none.
    pub async fn step(&self, settings: &AlarmWebhook) -> Result<bool, WebhookError> {
        let first = self
            .unstored
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .front()
            .cloned();
        if let Some(first) = first {
            post(settings, &first).await?;
            self.unstored
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            return Ok(true);
        }
        let now = self.clock.now();
        let alarms = self.db.read(move |store| store.alarms(now - STALE)).await?;
        let Some((row, is_over)) = next_event(&alarms, now) else {
            return Ok(false);
        };
        let (state, at) = if is_over {
            ("over", row.over_at)
        } else {
            ("raised", row.raised_at)
        };
        let payload = WebhookPayload::new(row, state, at.unwrap_or(now));
        post(settings, &payload).await?;
        let id = row.id;
        self.db
            .run(move |store| store.note_posted(id, is_over, now))
            .await?;
        Ok(true)
    }
}

async fn post(settings: &AlarmWebhook, post: &WebhookPayload) -> Result<(), WebhookError> {
    let body = serde_json::to_vec(post).expect("texts have a JSON form");
    let client =
        crate::http::one_time_client().map_err(|error| WebhookError::Away(error.to_string()))?;
    let mut request = client
        .post(&settings.url)
        .timeout(WAIT)
        .header("content-type", "application/json");
    if let Some(secret) = &settings.secret {
        request = request.header(SIGNATURE_HEADER, signature(secret.expose_secret(), &body));
    }
    let answer = request.body(body).send().await;
    let answer = answer
        .map_err(|error| WebhookError::Away(crate::http::error_line(&error.without_url())))?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(WebhookError::Refused(answer.status().as_u16()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // RFC 4231 section 4.3, test case 2.
        assert_eq!(
            signature("Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}

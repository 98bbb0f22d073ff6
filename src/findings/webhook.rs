//! Tells an address on the web of alarms, and signs what it tells.
//!
//! A post is `{"alarm", "state", "text", "remedy", "at"}` with the header
//! `X-Paperboy-Signature: sha256=…`, the HMAC-SHA256 of the body in hexadecimal,
//! if there is a secret. Whoever does not answer with 2xx is told again.

use super::finding::Finding;
use super::history::new_row;
use super::settings::WebhookSettings;
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

/// How long an answer may take.
const WAIT: Duration = Duration::from_secs(10);

/// What ended so long ago is no news any more.
const STALE: TimeDelta = TimeDelta::hours(24);

/// The header of the signature.
pub const SIGNATURE_HEADER: &str = "x-paperboy-signature";

/// What is posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebhookPayload {
    /// The kind of alarm.
    pub alarm: String,
    /// `raised` or `over`.
    pub state: &'static str,
    /// What is, or was, wrong.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
    /// Since when it stands so (RFC 3339).
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

/// What is to be told about which row next, oldest first: the row, and whether it is its end.
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

/// Why a post was not taken. The address is not shown: many hold a password.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Nobody was there.
    #[error("alarms.webhook cannot be reached: {0}")]
    Away(String),
    /// They did not want it.
    #[error("alarms.webhook answers with {0}")]
    Refused(u16),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Posts what there is to tell.
pub struct WebhookSender {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is to be told and could not be stored.
    pub unstored: Arc<Mutex<VecDeque<WebhookPayload>>>,
}

impl WebhookSender {
    /// Tells the next thing; `false` if there is none.
    pub async fn step(&self, settings: &WebhookSettings) -> Result<bool, WebhookError> {
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

async fn post(settings: &WebhookSettings, post: &WebhookPayload) -> Result<(), WebhookError> {
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

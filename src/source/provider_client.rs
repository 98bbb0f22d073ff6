//! Requests to a provider, and the errors they end with.

use crate::http::{Http, HttpError, HttpRequest, HttpResponse, Pause, Provider};
use crate::text::{clean_line, cut};
use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::Value;
use std::collections::HashSet;

/// Pages per day; no day has more.
const PAGES_MAX: usize = 500;

/// Number of requests for a page that came without its records.
pub(super) const PAGE_TRIES: u32 = 3;

/// Length of a reason in a table.
const BRIEF_CHARS: usize = 160;

/// Pause of a source that refuses the settings.
const REST: TimeDelta = TimeDelta::hours(1);

/// Reasons why a fetch failed or ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchError {
    /// The provider asked for a pause.
    Paused(Pause),
    /// There is no response.
    Unreachable(String),
    /// The response is invalid.
    Invalid(String),
    /// The provider refuses our settings.
    Refused(String),
}

/// Address, key and rate limit of a provider.
#[derive(Debug, Clone)]
pub(super) struct ProviderClient {
    pub(super) provider: Provider,
    base: String,
    /// API key with the name of its header or query parameter.
    key: Option<(KeyLocation, &'static str, SecretString)>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum KeyLocation {
    Header,
    Query,
}

impl ProviderClient {
    /// The provider `name` at `host`, or at `endpoint` instead.
    pub(super) fn new(name: &str, host: &str, endpoint: Option<&str>, spacing: TimeDelta) -> Self {
        let name = endpoint.map_or_else(
            || name.to_owned(),
            |endpoint| format!("{name} at {endpoint}"),
        );
        let base = endpoint.unwrap_or(host).trim_end_matches('/').to_owned();
        ProviderClient {
            provider: Provider { name, spacing },
            base,
            key: None,
        }
    }

    /// Adds the API key, if there is one. Without a key the provider has another name, so
    /// that a pause ends when a key is added.
    pub(super) fn with_key(
        mut self,
        place: KeyLocation,
        name: &'static str,
        key: Option<SecretString>,
    ) -> Self {
        match key {
            Some(key) => self.key = Some((place, name, key)),
            None => self.provider.name.push_str(" without a key"),
        }
        self
    }

    pub(super) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The address of `path` with query parameters.
    pub(super) fn url(&self, path: &str, asked: &[(&str, &str)]) -> String {
        let whole = format!("{}{path}", self.base);
        let Ok(mut url) = reqwest::Url::parse(&whole) else {
            return whole;
        };
        if !asked.is_empty() {
            url.query_pairs_mut().extend_pairs(asked);
        }
        url.into()
    }

    /// Fetches `url`.
    pub(super) async fn get(
        &self,
        http: &Http,
        url: &str,
        accept: &'static str,
    ) -> Result<HttpResponse, FetchError> {
        let secret = |wanted: fn(KeyLocation) -> bool| {
            let key = self.key.as_ref().filter(|(place, ..)| wanted(*place));
            key.map(|(_, name, secret)| (*name, secret.clone()))
        };
        let question = HttpRequest {
            url: url.to_owned(),
            accept,
            secret_header: secret(|place| matches!(place, KeyLocation::Header)),
            secret_query: secret(|place| matches!(place, KeyLocation::Query)),
        };
        let answer = http
            .send(&self.provider, &question)
            .await
            .map_err(FetchError::from)?;
        match answer.status {
            401 | 403 => Err(FetchError::Refused(format!(
                "{url} answers with status {}{}{}",
                answer.status,
                error_message(&answer.body),
                if self.has_key() {
                    ": is api_key right?"
                } else {
                    ": does it want an api_key?"
                }
            ))),
            _ => Ok(answer),
        }
    }

    /// Fetches JSON from `url`.
    pub(super) async fn json(&self, http: &Http, url: &str) -> Result<Value, FetchError> {
        let answer = self.get(http, url, "application/json").await?;
        if answer.status >= 400 {
            let why = format!(
                "{url} answers with status {}{}",
                answer.status,
                error_message(&answer.body)
            );
            return Err(FetchError::Invalid(why));
        }
        serde_json::from_slice(&answer.body).map_err(|error| {
            FetchError::Invalid(format!(
                "{url} answers with something that is not JSON ({error}){}",
                error_message(&answer.body)
            ))
        })
    }
}

impl From<HttpError> for FetchError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::AskedToWait(pause) => FetchError::Paused(pause),
            error => FetchError::Unreachable(error.to_string()),
        }
    }
}

/// Pauses a provider that refuses the settings. The pause is kept in memory only, so that a
/// restart with corrected settings ends it.
pub(super) fn pause_refused(provider: &Provider, why: &str, http: &Http) -> Pause {
    let pause = Pause {
        provider: provider.name.clone(),
        until: http.now() + REST,
        reason: why.to_owned(),
    };
    http.pause(pause.clone());
    pause
}

/// The error message in a response as `: "…"`, or nothing.
pub(super) fn error_message(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4_000)]);
    let text = serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|value| error_in(&value))
        .unwrap_or(text.into_owned());
    let line = cut(&clean_line(&text), 200);
    if line.is_empty() {
        line
    } else {
        format!(": {line:?}")
    }
}

/// The error message in a JSON response, in the forms that providers use.
pub(super) fn error_in(value: &Value) -> Option<String> {
    let words = |value: &Value| match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Object(table) => table
            .get("message")
            .and_then(Value::as_str)
            .map(str::to_owned),
        Value::Array(items) => {
            let words: Vec<&str> = items
                .iter()
                .filter_map(|item| {
                    item.get("message")
                        .or(item.get("description"))
                        .unwrap_or(item)
                        .as_str()
                })
                .collect();
            (!words.is_empty()).then(|| words.join("; "))
        }
        _ => None,
    };
    ["error", "ERROR", "errors", "message"]
        .iter()
        .find_map(|key| words(value.get(key)?))
}

/// A reason shortened for a table: addresses without their query, at most two lines.
pub fn brief(why: &str) -> String {
    let words = why.split(' ').map(|word| match word.split_once('?') {
        Some((place, _)) if place.contains("://") => {
            let end = if word.ends_with(':') { ":" } else { "" };
            format!("{place}?…{end}")
        }
        _ => word.to_owned(),
    });
    cut(&words.collect::<Vec<_>>().join(" "), BRIEF_CHARS)
}

/// Ends a series of pages that a provider leads in circles.
#[derive(Debug, Default)]
pub(super) struct PageGuard {
    cursors: HashSet<String>,
    empty: u32,
}

impl PageGuard {
    /// Registers the page at `cursor`. Fails if it was read before, or for too many pages.
    pub(super) fn go_on(&mut self, cursor: &str) -> Result<(), FetchError> {
        if self.cursors.len() == PAGES_MAX {
            return Err(FetchError::Invalid(format!(
                "the answer has more than {PAGES_MAX} pages"
            )));
        }
        if !self.cursors.insert(cursor.to_owned()) {
            return Err(FetchError::Invalid(format!(
                "page {} leads back to one that was read",
                self.cursors.len()
            )));
        }
        Ok(())
    }

    /// Registers a page without its records. Returns whether to request it again.
    pub(super) fn ask_again(&mut self) -> bool {
        self.empty += 1;
        self.empty < PAGE_TRIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_messages_are_found_in_the_forms_of_all_providers() {
        for text in [
            r#"{"error":"too fast"}"#,
            r#"{"error":{"code":429,"message":"too fast"}}"#,
            r#"{"message":"too fast"}"#,
            r#"{"status":"failed","message":[{"type":"x","value":"y","message":"too fast"}]}"#,
            r#"{"errors":["too fast"]}"#,
        ] {
            assert_eq!(error_message(text.as_bytes()), ": \"too fast\"", "{text}");
        }
        assert_eq!(
            error_in(&serde_json::json!({"message": {"items": []}})),
            None
        );
        assert_eq!(error_message(b"<h1>too fast</h1>"), ": \"too fast\"");
        assert_eq!(error_message(b""), "");
    }

    #[test]
    fn reasons_are_brief() {
        let long = "x".repeat(300);
        let why = format!(
            "https://api.example.org/works?filter={long}: answers with status 400: \"what?\""
        );
        assert_eq!(
            brief(&why),
            "https://api.example.org/works?…: answers with status 400: \"what?\""
        );
        assert_eq!(
            brief(&format!("http://h/x?{long} answers nothing")),
            "http://h/x?… answers nothing"
        );
        assert!(brief(&long).chars().count() <= BRIEF_CHARS);
        assert_eq!(brief("2 of 3 records came"), "2 of 3 records came");
    }

    #[test]
    fn a_series_of_pages_ends() {
        let mut pages = PageGuard::default();
        assert_eq!(pages.go_on("a"), Ok(()));
        assert!(matches!(pages.go_on("a"), Err(FetchError::Invalid(_))));
        let ended = (0..10_000).find(|page| pages.go_on(&page.to_string()).is_err());
        assert_eq!(ended, Some(PAGES_MAX - 1));
    }
}

//! Checks of every request: key and scope, rate limit, and parameters and body against the
//! document.

use super::idempotency;
use super::operations::{Operation, operation};
use super::problem::{Problem, as_problem};
use crate::store::{KeyId, KeyScope, StoredKey};
use crate::token::api_key_hash;
use crate::web::WebState;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::Value;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A checked request.
#[derive(Clone)]
pub(super) struct ApiRequest {
    /// Key; `None` where none is needed.
    pub(super) key: Option<Arc<StoredKey>>,
    /// Parameters that match the document.
    pub(super) query: HashMap<String, String>,
    /// JSON body that matches the document.
    pub(super) body: Value,
    /// Body as it was sent.
    pub(super) bytes: Bytes,
    /// Value of `If-Match`.
    pub(super) if_match: Option<String>,
}

impl FromRequestParts<WebState> for ApiRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &WebState) -> Result<Self, Problem> {
        let request = parts.extensions.get::<ApiRequest>().cloned();
        request.ok_or_else(|| {
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "this operation is missing from /api/v1/openapi.json",
            )
        })
    }
}

impl ApiRequest {
    /// Whether the key has `scope` besides the one that the operation needs.
    pub(super) fn may(&self, scope: KeyScope) -> bool {
        self.key
            .as_ref()
            .is_some_and(|key| key.scopes.contains(&scope))
    }

    /// Returns the name of the key, for the log and for records of consent.
    pub(super) fn key_name(&self) -> &str {
        self.key.as_ref().map_or("", |key| &key.name)
    }
}

/// Checks a request and passes it on.
pub(super) async fn check(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let known = path.and_then(|path| operation(&path, request.method()));
    as_problem(match known {
        Some(known) => run_checked(&state, known, request, next)
            .await
            .unwrap_or_else(IntoResponse::into_response),
        // No such path, or no such method there.
        None => next.run(request).await,
    })
}

async fn run_checked(
    state: &WebState,
    operation: &Operation,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let key = match operation.scope {
        Some(scope) => Some(Arc::new(bearer(state, &parts.headers, scope).await?)),
        None => None,
    };
    let query = operation.query(parts.uri.query().unwrap_or_default())?;
    let bytes = read(body, &parts.headers, operation.body_bytes_max()).await?;
    let text = |name: header::HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let json = operation.body(text(header::CONTENT_TYPE), &bytes)?;
    let if_match = text(header::IF_MATCH).map(str::to_owned);
    let repeated = match &key {
        Some(key) if !matches!(parts.method, Method::GET | Method::HEAD) => {
            idempotency::IdempotentRequest::of(key.id, &parts, &bytes)?
        }
        _ => None,
    };
    parts.extensions.insert(ApiRequest {
        key,
        query,
        body: json,
        bytes,
        if_match,
    });
    let request = Request::from_parts(parts, Body::empty());
    match repeated {
        Some(named) => named.once(state, request, next).await,
        None => Ok(next.run(request).await),
    }
}

/// Reads the body, unless it is longer than `most` bytes.
async fn read(body: Body, headers: &HeaderMap, most: usize) -> Result<Bytes, Problem> {
    let too_long = || {
        let detail = format!(
            "the body is longer than {} KB; send it in parts",
            most >> 10
        );
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|declared| declared > most) {
        return Err(too_long());
    }
    to_bytes(body, most).await.map_err(|error| {
        let chain = anyhow::Error::from(error);
        if chain
            .chain()
            .any(|cause| cause.to_string().contains("length limit"))
        {
            too_long()
        } else {
            Problem::new(StatusCode::BAD_REQUEST, "the body did not arrive whole")
        }
    })
}

/// Interval at which the use of a key is recorded.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Returns the key of the request, which must have `scope` (RFC 6750).
async fn bearer(
    state: &WebState,
    headers: &HeaderMap,
    scope: KeyScope,
) -> Result<StoredKey, Problem> {
    let unauthorized = |detail: &str, error: &str| {
        let challenge = format!("Bearer realm=\"paperboy\"{error}");
        Problem::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, &challenge)
    };
    let text = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = text
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else {
        let detail =
            "the header Authorization must be: Bearer KEY (`paperboy admin keys make` makes one)";
        return Err(unauthorized(detail, ""));
    };
    let hash = api_key_hash(token.trim());
    let found = state.db.read(move |store| store.key_of_hash(&hash)).await?;
    let now = state.clock.now();
    let invalid = ", error=\"invalid_token\"";
    let key = match found {
        None => return Err(unauthorized("there is no such key", invalid)),
        Some(key) if key.revoked_at.is_some() => {
            return Err(unauthorized("the key was revoked", invalid));
        }
        Some(key) if key.expires_at.is_some_and(|at| at <= now) => {
            return Err(unauthorized("the key has expired", invalid));
        }
        Some(key) => key,
    };
    if let Some(wait) = state.shared.api.key_limits.wait(key.id, key.per_minute) {
        let detail = format!(
            "the key makes more than {} requests a minute",
            key.per_minute
        );
        let seconds = wait.as_secs() + 1;
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail)
            .with(header::RETRY_AFTER, &seconds.to_string()));
    }
    note_used(state, &key, now).await;
    if !key.scopes.contains(&scope) {
        let word = scope.word();
        let challenge =
            format!("Bearer realm=\"paperboy\", error=\"insufficient_scope\", scope=\"{word}\"");
        return Err(forbidden(scope).with(header::WWW_AUTHENTICATE, &challenge));
    }
    Ok(key)
}

/// 403: the key does not have `scope`.
pub(super) fn forbidden(scope: KeyScope) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        format!("the key has no scope {}", scope.word()),
    )
}

/// Records the use of a key; a failure does not matter to the request.
async fn note_used(state: &WebState, key: &StoredKey, now: DateTime<Utc>) {
    if key
        .used_at
        .is_some_and(|at| at <= now && now - at < NOTED_EVERY)
    {
        return;
    }
    let id = key.id;
    if let Err(error) = state
        .db
        .run(move |store| store.note_key_used(id, now))
        .await
    {
        tracing::warn!(
            key.id = id.0,
            "the use of an API key was not recorded: {:#}",
            anyhow::Error::from(error)
        );
    }
}

/// The rate limiters of the keys.
#[derive(Default)]
pub(in crate::web) struct KeyLimits(Mutex<HashMap<KeyId, KeyLimit>>);

struct KeyLimit {
    per_minute: u32,
    limiter: Arc<DefaultDirectRateLimiter>,
}

impl KeyLimits {
    /// Counts a request; returns the time that the key has to wait if it exceeds its rate.
    fn wait(&self, key: KeyId, per_minute: u32) -> Option<Duration> {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute)?);
        let limiter = {
            let mut key_limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let limit = key_limits
                .entry(key)
                .or_insert_with(|| KeyLimit::new(per_minute, quota));
            if limit.per_minute != per_minute {
                *limit = KeyLimit::new(per_minute, quota);
            }
            Arc::clone(&limit.limiter)
        };
        limiter
            .check()
            .err()
            .map(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

impl KeyLimit {
    fn new(per_minute: u32, quota: Quota) -> Self {
        KeyLimit {
            per_minute,
            limiter: Arc::new(RateLimiter::direct(quota)),
        }
    }
}

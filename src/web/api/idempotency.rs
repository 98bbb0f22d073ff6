//! Idempotent requests: with an `Idempotency-Key`, a change is made once, and a repeated
//! request within a day gets the stored answer.

use super::problem::Problem;
use crate::store::{IdempotencyKey, IdempotencyState, KeyId, StoreError, StoredAnswer};
use crate::subscriber::SubscriberId;
use crate::web::{PageError, WebState};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::TimeDelta;
use ring::digest;

const NAME: &str = "idempotency-key";

/// Longest key, in characters.
const NAME_CHARS_MAX: usize = 200;

/// Time for which an answer is stored.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// Age after which an unanswered request counts as lost: the program was stopped.
const LOST: TimeDelta = TimeDelta::minutes(2);

/// Headers stored with an answer.
const HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// Longest stored answer, in bytes: a subscriber with all interests.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// The subscriber in an answer, as an extension of the response.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerAbout(pub(super) SubscriberId);

/// A request with an idempotency key.
pub(super) struct IdempotentRequest {
    name: IdempotencyKey,
    /// Hash of the request.
    request: String,
}

impl IdempotentRequest {
    /// Returns the request with its idempotency key, if it has one.
    pub(super) fn of(key: KeyId, parts: &Parts, body: &Bytes) -> Result<Option<Self>, Problem> {
        let Some(value) = parts.headers.get(NAME) else {
            return Ok(None);
        };
        let name = value.to_str().unwrap_or_default().trim();
        if name.is_empty() || name.len() > NAME_CHARS_MAX {
            let message = format!("must have 1 to {NAME_CHARS_MAX} plain characters");
            return Err(Problem::parameter("Idempotency-Key", &message));
        }
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in [
            parts.method.as_str(),
            parts.uri.path(),
            parts.uri.query().unwrap_or_default(),
        ] {
            hash.update(part.as_bytes());
            hash.update(b"\n");
        }
        hash.update(body);
        let request = STANDARD_NO_PAD.encode(hash.finish());
        Ok(Some(IdempotentRequest {
            name: IdempotencyKey {
                key,
                name: name.to_owned(),
            },
            request,
        }))
    }

    /// Runs the request, unless it was answered before.
    pub(super) async fn once(
        self,
        state: &WebState,
        request: Request,
        next: Next,
    ) -> Result<Response, Problem> {
        let now = state.clock.now();
        let (name, hash) = (self.name.clone(), self.request);
        let begun = state
            .db
            .run(move |store| store.begin_answer(&name, &hash, now - KEPT, now - LOST, now))
            .await?;
        match begun {
            IdempotencyState::Answered(answer) => Ok(again(answer)),
            IdempotencyState::Other => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "another request had this Idempotency-Key; use a new one for a new request",
            )),
            IdempotencyState::Underway => Err(Problem::conflict(
                "the request with this Idempotency-Key is being answered",
            )
            .with(header::RETRY_AFTER, "1")),
            IdempotencyState::Ours => {
                let (state, name) = (state.clone(), self.name);
                // The request is finished even if the client has disconnected.
                let answered = tokio::spawn(async move {
                    let response = next.run(request).await;
                    keep(&state, &name, response).await
                });
                match answered.await {
                    Ok(answered) => Ok(answered?),
                    Err(_) => Err(PageError::Aborted.into()),
                }
            }
        }
    }
}

/// Stores the answer, unless it is an internal error.
async fn keep(
    state: &WebState,
    name: &IdempotencyKey,
    response: Response,
) -> Result<Response, PageError> {
    let name = name.clone();
    if response.status().is_server_error() {
        state.db.run(move |store| store.drop_answer(&name)).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, ANSWER_BYTES_MAX)
        .await
        .map_err(|_| PageError::Aborted)?;
    let text = |header: &HeaderName| {
        let value = parts.headers.get(header)?.to_str().ok()?;
        Some((header.as_str().to_owned(), value.to_owned()))
    };
    let answer = StoredAnswer {
        status: parts.status.as_u16(),
        headers: HEADERS.iter().filter_map(text).collect(),
        body: bytes.to_vec(),
        about: parts.extensions.get::<AnswerAbout>().map(|about| about.0),
    };
    let kept: Result<(), StoreError> = state
        .db
        .run(move |store| store.finish_answer(&name, &answer))
        .await;
    if let Err(error) = kept {
        // The change was made, which the answer must say; a repeated request is run again.
        tracing::warn!(
            "the answer of an idempotent request was not stored: {:#}",
            anyhow::Error::from(error)
        );
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

/// Returns the stored answer.
fn again(answer: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    // The body's own media type, where it has one.
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
        .headers_mut()
        .insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

//! `/api/v1`: the operations of the commands, for programs.
//!
//! Every request passes [`middleware`], which checks it against the document: the key's
//! scope, parameters, body. To add an operation, add a handler with `#[utoipa::path]` to the
//! file of its subject, its route to [`router`], and its name to [`document`].
//!
//! The log names only changes, with the key and the number of the subscriber.

mod bodies;
mod deliveries;
mod document;
mod idempotency;
mod interests;
mod issues;
mod listing;
mod middleware;
mod operations;
mod papers;
mod problem;
mod stats;
mod subscribers;
mod suppressions;
mod validation;

pub(super) use operations::BASE;

use super::WebState;
use axum::Router;
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde::Serialize;
use tokio::sync::Semaphore;

/// State that the API keeps between requests.
pub(super) struct ApiState {
    key_limits: middleware::KeyLimits,
    /// Permits for operations that take a core for a while: previews, and similar papers.
    heavy: Semaphore,
    /// Permit for importing papers.
    imports: Semaphore,
}

impl Default for ApiState {
    fn default() -> Self {
        // One core is left for the pages on a machine with two.
        ApiState {
            key_limits: middleware::KeyLimits::default(),
            heavy: Semaphore::new(1),
            imports: Semaphore::new(1),
        }
    }
}

/// Returns the routes, to be mounted below [`BASE`].
pub(super) fn router(state: &WebState) -> Router<WebState> {
    Router::new()
        .route("/openapi.json", get(document::show))
        .route(
            "/subscribers",
            get(subscribers::list).post(subscribers::create),
        )
        .route(
            "/subscribers/{subscriber}",
            get(subscribers::get)
                .patch(subscribers::change)
                .delete(subscribers::erase),
        )
        .route("/subscribers/{subscriber}/pause", post(subscribers::pause))
        .route(
            "/subscribers/{subscriber}/resume",
            post(subscribers::resume),
        )
        .route(
            "/subscribers/{subscriber}/unsubscribe",
            post(subscribers::unsubscribe),
        )
        .route(
            "/subscribers/{subscriber}/interests",
            get(interests::list).post(interests::add),
        )
        .route(
            "/subscribers/{subscriber}/interests/{name}",
            put(interests::replace).delete(interests::remove),
        )
        .route("/subscribers/{subscriber}/preview", get(issues::preview))
        .route("/subscribers/{subscriber}/issues", get(issues::list))
        .route("/subscribers/{subscriber}/issues/{date}", get(issues::get))
        .route(
            "/subscribers/{subscriber}/deliveries",
            get(deliveries::of_subscriber),
        )
        .route("/papers", get(papers::search).post(papers::import))
        .route("/papers/{paper}", get(papers::get))
        .route("/papers/{paper}/similar", get(papers::similar))
        .route("/trending", get(papers::trending))
        .route("/coverage", get(papers::coverage))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/{delivery}", get(deliveries::get))
        .route("/deliveries/{delivery}/retry", post(deliveries::retry))
        .route("/deliveries/{delivery}/hold", post(deliveries::hold))
        .route("/deliveries/{delivery}/drop", post(deliveries::give_up))
        .route(
            "/suppressions",
            get(suppressions::list).post(suppressions::add),
        )
        .route(
            "/suppressions/{address}",
            axum::routing::delete(suppressions::lift),
        )
        .route("/stats", get(stats::stats))
        .fallback(nothing_here)
        .layer(from_fn_with_state(state.clone(), middleware::check))
}

async fn nothing_here() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// Returns an answer in JSON.
fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("what is answered has a JSON form");
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Returns an answer in JSON with the status 200.
fn ok(value: &impl Serialize) -> Response {
    json(StatusCode::OK, value)
}

/// Adds a header to an answer; an invalid value is left out.
fn with_header(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = value.parse() {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Encodes a path segment.
fn encoded(part: &str) -> String {
    form_urlencoded::byte_serialize(part.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

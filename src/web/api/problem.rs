//! Answers to requests that cannot be served: problem details (RFC 9457), for errors of
//! handlers and of the framework alike.

use crate::edition::EditionError;
use crate::fields;
use crate::store::StoreError;
use crate::web::PageError;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of problem details.
pub(super) const PROBLEM_TYPE: &str = "application/problem+json";

/// Type of problems that name fields; the type of all others is their status.
const FIELDS_KIND: &str = "/api/v1/openapi.json#/components/schemas/FieldError";

/// The reason for which a request was not served.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A problem of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct FieldError {
    /// Path: `interests[0].liked`, or the name of a parameter.
    #[schema(example = "max_papers")]
    pub(super) path: String,
    /// The remedy.
    #[schema(example = "must be a whole number from 1 to 100")]
    pub(super) message: String,
}

/// Problem details (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemShape<'a> {
    /// `about:blank`, or the type of problems that name fields.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// Meaning of the status code.
    #[schema(example = "Not Found")]
    title: &'static str,
    /// Status code.
    #[schema(example = 404)]
    status: u16,
    /// Problem and remedy.
    #[schema(example = "there is no such subscriber")]
    detail: &'a str,
    /// Problems of single fields.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    /// A problem with this status and `detail`.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Problem {
            status,
            detail: detail.into(),
            errors: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Status 404, not found.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 409: not possible in the current state.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// A problem of fields.
    pub(super) fn fields(status: StatusCode, errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] if one.path.is_empty() => format!("the body {}", one.message),
            [one] => format!("{} {}", one.path, one.message),
            several => format!("{} things are wrong; `errors` lists them", several.len()),
        };
        Problem {
            status,
            detail,
            errors,
            headers: Vec::new(),
        }
    }

    /// 422: problems found by the reader of records.
    pub(super) fn unreadable(problems: Vec<fields::Problem>) -> Self {
        let errors = problems
            .into_iter()
            .map(|found| FieldError {
                path: found.path,
                message: found.remedy,
            })
            .collect();
        Self::fields(StatusCode::UNPROCESSABLE_ENTITY, errors)
    }

    /// 400 about one parameter.
    pub(super) fn parameter(name: &str, message: &str) -> Self {
        let error = FieldError {
            path: name.to_owned(),
            message: message.to_owned(),
        };
        Self::fields(StatusCode::BAD_REQUEST, vec![error])
    }

    /// Adds a header.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.headers
            .extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    /// 500: logged, without details in the answer.
    fn internal(error: impl Into<anyhow::Error>) -> Self {
        tracing::error!("API request failed: {:#}", error.into());
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal error; the server's log says more",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let shape = ProblemShape {
            kind: if self.errors.is_empty() {
                "about:blank"
            } else {
                FIELDS_KIND
            },
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        let body = serde_json::to_vec(&shape).expect("texts and numbers have a JSON form");
        let mut response =
            (self.status, [(header::CONTENT_TYPE, PROBLEM_TYPE)], body).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::NotWritable(_) | StoreError::Closed) {
            tracing::error!("API request failed: {:#}", anyhow::Error::from(error));
            let detail = "the database cannot be written now; nothing was changed";
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
                .with(header::RETRY_AFTER, "30");
        }
        Self::internal(error)
    }
}

impl From<EditionError> for Problem {
    fn from(error: EditionError) -> Self {
        match error {
            EditionError::Store(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<PageError> for Problem {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Store(error) => error.into(),
            PageError::Mail(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

/// Makes problems of the framework's errors, too: no such route, no such method, a path that
/// is not valid text.
pub(super) fn as_problem(response: Response) -> Response {
    let status = response.status();
    let kind = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !(status.is_client_error() || status.is_server_error())
        || kind.is_some_and(|kind| kind == PROBLEM_TYPE)
    {
        return response;
    }
    let detail = match status {
        StatusCode::NOT_FOUND => {
            "there is nothing at this address; /api/v1/openapi.json lists what there is"
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            "this address does not know that method; the header Allow lists those it does"
        }
        StatusCode::BAD_REQUEST => {
            "the address is not readable: its parts must be percent-encoded UTF-8"
        }
        _ => "the request was refused",
    };
    let (parts, _) = response.into_parts();
    let mut problem = Problem::new(status, detail).into_response();
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    problem.map(Body::new)
}

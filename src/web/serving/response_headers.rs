//! Headers that all responses have, and error pages in the visitor's language.

use crate::web::error_page::ErrorPage;
use crate::web::{WebState, admin};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Path prefixes of pages for one person: caches must not store them, and search
/// engines must not index them.
pub(in crate::web) const PRIVATE: [&str; 10] = [
    "/u/",
    "/admin",
    "/confirm",
    "/preferences",
    "/owner",
    "/unsubscribe",
    "/feedback",
    "/issues/",
    "/feeds/",
    "/saved",
];

/// Renders error pages, and sets the headers that all responses have.
pub(in crate::web) async fn finish_response(
    State(state): State<WebState>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let is_private = PRIVATE.iter().any(|start| path.starts_with(start)) && path != admin::STYLE;
    let languages = request.headers().get(header::ACCEPT_LANGUAGE).cloned();
    let mut response = next.run(request).await;
    let error_page = response.extensions().get::<ErrorPage>().copied();
    let is_wrong_method = response.status() == StatusCode::METHOD_NOT_ALLOWED
        && !response.headers().contains_key(header::CONTENT_TYPE);
    if let Some(error_page) = error_page.or(is_wrong_method.then_some(ErrorPage::MethodNotAllowed))
    {
        let asked =
            HeaderMap::from_iter(languages.map(|languages| (header::ACCEPT_LANGUAGE, languages)));
        let allowed = response.headers_mut().remove(header::ALLOW);
        response = error_page
            .page(&state.pages, &state.locale_for(&asked))
            .into_response();
        if let Some(allowed) = allowed {
            response.headers_mut().insert(header::ALLOW, allowed);
        }
    }
    let headers = response.headers_mut();
    if is_private {
        headers.insert(
            "x-robots-tag",
            HeaderValue::from_static("noindex, nofollow"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    if state.composer().site.base_url.starts_with("https://") {
        // One year (RFC 6797 section 6.1.1).
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        // Responses that are no HTML page of ours must not act like one.
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        );
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if headers.contains_key(header::CONTENT_LANGUAGE) && !is_private {
        // Shared caches keep one page per language (RFC 9110 section 12.5.5).
        headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    }
    response
}

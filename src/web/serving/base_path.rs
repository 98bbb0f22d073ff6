//! Serves pages below a path: `base_url = "https://uni.example.org/paperboy"`.
//!
//! Handlers and templates do not know the path. It is removed from requests, if the proxy
//! has not done so already, and put before every address of ours in responses. Text of
//! visitors cannot look like such an address, because its quotation marks are escaped.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;
use std::convert::Infallible;
use std::sync::Arc;

/// Beginnings of attributes with an address of ours.
const ADDRESSES: [&str; 4] = [" href=\"/", " action=\"/", " formaction=\"/", " src=\"/"];

/// The path of `base_url` without a trailing slash; empty if there is none.
pub(in crate::web) fn path_of(base_url: &str) -> String {
    let path = base_url
        .parse::<Uri>()
        .map(|uri| uri.path().trim_end_matches('/').to_owned());
    path.unwrap_or_default()
}

/// Serves `pages` below `path`.
pub(in crate::web) fn below(path: String, pages: Router) -> Router {
    let path: Arc<str> = path.into();
    Router::new().fallback(move |mut request: Request| {
        let (path, mut pages) = (Arc::clone(&path), pages.clone());
        async move {
            if let Some(inner) = without(&path, request.uri()) {
                *request.uri_mut() = inner;
            }
            // A router is always ready.
            let response = tower_service::Service::call(&mut pages, request).await?;
            Ok::<_, Infallible>(with(&path, response).await)
        }
    })
}

/// Removes `path` from the beginning of `uri`; `None` if it does not begin so.
fn without(path: &str, uri: &Uri) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(path)?;
    match rest.chars().next() {
        Some('/') => rest.parse().ok(),
        None | Some('?') => format!("/{rest}").parse().ok(),
        Some(_) => None,
    }
}

/// Puts `path` before every address of ours in a response.
async fn with(path: &str, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let location = parts
        .headers
        .get(header::LOCATION)
        .and_then(|location| location.to_str().ok());
    if let Some(Ok(moved)) = location
        .filter(|at| at.starts_with('/'))
        .map(|at| HeaderValue::from_str(&format!("{path}{at}")))
    {
        parts.headers.insert(header::LOCATION, moved);
    }
    let kind = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if !kind.starts_with("text/html") {
        return Response::from_parts(parts, body);
    }
    // Pages are rendered in memory, so that their size is known to be small.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut page = String::from_utf8_lossy(&bytes).into_owned();
    for start in ADDRESSES {
        page = page.replace(start, &format!("{}{path}/", &start[..start.len() - 1]));
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(uri: &str, inner: Option<&str>) {
        let found = without("/papers-at/uni", &uri.parse().unwrap());
        assert_eq!(found.map(|uri| uri.to_string()).as_deref(), inner, "{uri}");
    }

    #[test]
    fn the_path_is_taken_off_where_it_stands() {
        check("/papers-at/uni/archive?page=2", Some("/archive?page=2"));
        check("/papers-at/uni", Some("/"));
        check("/papers-at/uni?page=2", Some("/?page=2"));
        check("/papers-at/university", None);
        check("/archive", None);
    }

    #[test]
    fn a_base_address_has_a_path_or_none() {
        for (base_url, path) in [
            ("https://a.example", ""),
            ("https://a.example/", ""),
            ("https://a.example/b/c", "/b/c"),
            ("", ""),
        ] {
            assert_eq!(path_of(base_url), path);
        }
    }
}

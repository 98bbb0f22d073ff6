//! Public pages that were made a moment ago.
//!
//! A page that many people look at is made once in [`FRESH`]; what was taken in
//! since then shows that much later. Pages for one person are never kept.

use super::{PageError, Site};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// How long a page is as good as new.
const FRESH: TimeDelta = TimeDelta::seconds(30);

/// All pages together, in bytes.
const BYTES_MAX: u64 = 32 << 20;

/// A longer address is not kept: nobody links to it.
const ADDRESS_BYTES_MAX: usize = 300;

#[derive(Clone)]
struct Made {
    at: DateTime<Utc>,
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Clone)]
struct Weight;

impl Weighter<String, Made> for Weight {
    fn weight(&self, address: &String, made: &Made) -> u64 {
        // The headers are alike on every page: some 500 bytes.
        (address.len() + made.body.len() + 500) as u64
    }
}

/// Keeps public pages for a moment.
pub(super) struct PageCache(Cache<String, Made, Weight>);

impl Default for PageCache {
    fn default() -> Self {
        // A page has some 30 KB.
        PageCache(Cache::with_weighter(1_000, BYTES_MAX, Weight))
    }
}

/// The page at `uri`, made by `make` unless it was a moment ago. Only pages
/// that are there are kept.
pub(super) async fn cached<F>(site: &Site, uri: &Uri, asked: &HeaderMap, make: F) -> Result<Response, PageError>
where
    F: Future<Output = Result<Response, PageError>>,
{
    let address = uri.path_and_query().map_or("/", |address| address.as_str());
    let now = site.clock.now();
    let known = site.state.pages.0.get(address).filter(|made| now - made.at < FRESH && made.at <= now);
    let made = if let Some(made) = known {
        made
    } else {
        let response = make.await?;
        if response.status() != StatusCode::OK {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| PageError::Torn)?;
        let mut headers = parts.headers;
        let tag = format!("\"{:016x}\"", fingerprint(&body));
        headers.insert(header::ETAG, HeaderValue::from_str(&tag).expect("a tag is hexadecimal"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
        let made = Made { at: now, headers, body };
        if address.len() <= ADDRESS_BYTES_MAX {
            site.state.pages.0.insert(address.to_owned(), made.clone());
        }
        made
    };
    let seen = asked.get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let tag = made.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    if seen.is_some_and(|seen| seen.split(',').any(|seen| Some(seen.trim().trim_start_matches("W/")) == tag)) {
        return Ok((StatusCode::NOT_MODIFIED, made.headers).into_response());
    }
    Ok((made.headers, made.body).into_response())
}

/// FNV-1a, 64 bits: tells versions of one page apart, no more.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

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

impl PageCache {
    /// The page at `address`, made by `make` unless it was a moment ago. Whoever
    /// asks for the same page while it is made waits for it; should whoever it is
    /// made for go away, the next of them makes it. What is no page is not kept.
    async fn kept_or_made<F>(
        &self,
        address: &str,
        now: DateTime<Utc>,
        make: F,
    ) -> Result<Result<Made, Response>, PageError>
    where
        F: Future<Output = Result<Response, PageError>>,
    {
        if address.len() > ADDRESS_BYTES_MAX {
            return made(make, now).await;
        }
        let is_fresh = |made: &Made| now - made.at < FRESH && made.at <= now;
        if let Some(known) = self.0.get(address).filter(is_fresh) {
            return Ok(Ok(known));
        }
        self.0.remove_if(address, |made| !is_fresh(made));
        match self.0.get_value_or_guard_async(address).await {
            Ok(known) => Ok(Ok(known)),
            Err(place) => {
                let made = made(make, now).await?;
                if let Ok(made) = &made {
                    // It may have been too large to be kept.
                    let _ = place.insert(made.clone());
                }
                Ok(made)
            }
        }
    }
}

/// The page at `uri`, made by `make` unless it was a moment ago. Only pages
/// that are there are kept.
pub(super) async fn cached<F>(site: &Site, uri: &Uri, asked: &HeaderMap, make: F) -> Result<Response, PageError>
where
    F: Future<Output = Result<Response, PageError>>,
{
    let address = uri.path_and_query().map_or("/", |address| address.as_str());
    let made = site.state.pages.kept_or_made(address, site.clock.now(), make).await?;
    let made = match made {
        Ok(made) => made,
        Err(response) => return Ok(response),
    };
    let seen = asked.get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let tag = made.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    if seen.is_some_and(|seen| seen.split(',').any(|seen| Some(seen.trim().trim_start_matches("W/")) == tag)) {
        return Ok((StatusCode::NOT_MODIFIED, made.headers).into_response());
    }
    Ok((made.headers, made.body).into_response())
}

/// Makes a page; what is no page stays the answer it is.
async fn made<F>(make: F, now: DateTime<Utc>) -> Result<Result<Made, Response>, PageError>
where
    F: Future<Output = Result<Response, PageError>>,
{
    let response = make.await?;
    if response.status() != StatusCode::OK {
        return Ok(Err(response));
    }
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| PageError::Torn)?;
    let mut headers = parts.headers;
    let tag = format!("\"{:016x}\"", fingerprint(&body));
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).expect("a tag is hexadecimal"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    Ok(Ok(Made { at: now, headers, body }))
}

/// FNV-1a, 64 bits: tells versions of one page apart, no more.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::task::JoinSet;

    /// Asks `pages` many times at once; how often the page was made.
    async fn asked_at_once(pages: &Arc<PageCache>, now: DateTime<Utc>, status: StatusCode) -> usize {
        let (times, mut all) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for _ in 0..20 {
            let (pages, times) = (Arc::clone(pages), Arc::clone(&times));
            all.spawn(async move {
                let make = async {
                    tokio::task::yield_now().await;
                    times.fetch_add(1, Ordering::Relaxed);
                    Ok((status, "a page").into_response())
                };
                pages.kept_or_made("/archive", now, make).await.unwrap().is_ok()
            });
        }
        assert_eq!(all.join_all().await, [status == StatusCode::OK; 20]);
        times.load(Ordering::Relaxed)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_page_is_made_once_for_all_who_wait_and_again_when_it_is_old() {
        let pages = Arc::new(PageCache::default());
        let now: DateTime<Utc> = "2026-08-04T12:00:00Z".parse().unwrap();
        assert_eq!(asked_at_once(&pages, now, StatusCode::OK).await, 1);
        assert_eq!(asked_at_once(&pages, now + TimeDelta::seconds(29), StatusCode::OK).await, 0);
        assert_eq!(asked_at_once(&pages, now + TimeDelta::seconds(30), StatusCode::OK).await, 1);
        assert_eq!(asked_at_once(&pages, now - TimeDelta::hours(1), StatusCode::OK).await, 1, "the clock was set back");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_no_page_is_made_for_each() {
        let pages = Arc::new(PageCache::default());
        let now: DateTime<Utc> = "2026-08-04T12:00:00Z".parse().unwrap();
        assert_eq!(asked_at_once(&pages, now, StatusCode::NOT_FOUND).await, 20);
    }

    #[tokio::test]
    async fn a_page_whose_asker_left_is_made_by_the_next() {
        let pages = PageCache::default();
        let now: DateTime<Utc> = "2026-08-04T12:00:00Z".parse().unwrap();
        let mut left = Box::pin(pages.kept_or_made("/", now, std::future::pending()));
        tokio::select! {
            biased;
            _ = &mut left => unreachable!("it is never made"),
            () = tokio::task::yield_now() => {}
        }
        drop(left);
        let made = pages.kept_or_made("/", now, async { Ok("a page".into_response()) }).await;
        assert!(made.unwrap().is_ok());
    }
}

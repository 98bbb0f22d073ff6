//! The cache of public pages.
//!
//! A page that many people look at is rendered once for all of them, and again when what
//! it shows has changed: that is checked when the entry is older than [`FRESH`]. Pages for
//! one person are never cached.

use crate::language::Locale;
use crate::store::{Changes, StoreError};
use crate::web::{PageError, WebState};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::hash::{DefaultHasher, Hasher as _};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

/// Age up to which an entry is served whatever has changed.
const FRESH: TimeDelta = TimeDelta::seconds(30);

/// Age up to which an unchanged entry is served: votes fade, and a new day begins.
const MAX_AGE: TimeDelta = TimeDelta::hours(1);

/// Time between two looks at the change counters.
const CHECK_INTERVAL: TimeDelta = TimeDelta::seconds(1);

/// Size of all entries, in bytes: some 4,800 pages. With 60,000 papers that are visited
/// as web pages usually are (Zipf), about half of the visits find theirs cached.
const BYTES_MAX: u64 = 96 << 20;

/// Longest address that is cached, in bytes: nobody links to longer ones.
const ADDRESS_BYTES_MAX: usize = 300;

/// Data that a page shows, whose changes invalidate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum DependsOn {
    /// Papers and their days.
    Papers,
    /// Papers, and the votes of readers.
    Votes,
}

/// Marks a response that must not be cached.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) struct NoStore;

/// Renders a page when no entry serves.
pub(in crate::web) type Render<'a> =
    Pin<Box<dyn Future<Output = Result<Response, PageError>> + Send + 'a>>;

/// The change counters at one time.
#[derive(Clone, Copy)]
struct Snapshot {
    at: DateTime<Utc>,
    changes: Changes,
}

#[derive(Clone)]
struct Entry {
    /// Taken before the page was rendered.
    snapshot: Snapshot,
    headers: HeaderMap,
    body: Bytes,
}

impl Entry {
    fn is_younger_than(&self, age: TimeDelta, now: DateTime<Utc>) -> bool {
        self.snapshot.at <= now && now - self.snapshot.at < age
    }

    /// Whether it is as good as a page rendered now.
    fn serves(&self, now: Snapshot, depends_on: DependsOn) -> bool {
        let (then, changes) = (self.snapshot.changes, now.changes);
        let is_unchanged = then.papers == changes.papers
            && (depends_on == DependsOn::Papers || then.votes == changes.votes);
        self.is_younger_than(if is_unchanged { MAX_AGE } else { FRESH }, now.at)
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<String, Entry> for Weight {
    fn weight(&self, address: &String, entry: &Entry) -> u64 {
        // The headers are alike on every page: some 500 bytes.
        (address.len() + entry.body.len() + 500) as u64
    }
}

/// The cache of public pages.
pub(in crate::web) struct PageCache {
    entries: Cache<String, Entry, Weight>,
    last_check: Mutex<Option<Snapshot>>,
}

impl Default for PageCache {
    fn default() -> Self {
        // A page has some 20 KB.
        PageCache {
            entries: Cache::with_weighter(4_800, BYTES_MAX, Weight),
            last_check: Mutex::default(),
        }
    }
}

impl PageCache {
    /// The change counters, read at most once a second.
    async fn snapshot(&self, state: &WebState, now: DateTime<Utc>) -> Result<Snapshot, StoreError> {
        let last_check = || {
            self.last_check
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let is_recent = |last: &Snapshot| last.at <= now && now - last.at < CHECK_INTERVAL;
        if let Some(last) = last_check().filter(is_recent) {
            return Ok(Snapshot { at: now, ..last });
        }
        let snapshot = Snapshot {
            at: now,
            changes: state.db.read(|store| store.changes()).await?,
        };
        *last_check() = Some(snapshot);
        Ok(snapshot)
    }

    /// Evicts all entries, if no page was asked for since `since`.
    pub(in crate::web) fn evict_unused(&self, since: DateTime<Utc>) {
        let last_check = *self
            .last_check
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last_check.is_some_and(|last| last.at < since) {
            self.entries.clear();
        }
    }

    /// Returns the cached page at `address` or renders it. Concurrent requests share one
    /// render; if the request that renders is cancelled, the next waiter takes over. A
    /// response that cannot be cached is returned as it is.
    async fn get_or_render(
        &self,
        address: &str,
        now: Snapshot,
        depends_on: DependsOn,
        render: Render<'_>,
    ) -> Result<Result<Entry, Response>, PageError> {
        if address.len() > ADDRESS_BYTES_MAX {
            return rendered(render, now).await;
        }
        self.entries
            .remove_if(address, |entry| !entry.serves(now, depends_on));
        match self.entries.get_value_or_guard_async(address).await {
            Ok(entry) => Ok(Ok(entry)),
            Err(guard) => {
                let rendered = rendered(render, now).await?;
                if let Ok(entry) = &rendered {
                    // Fails if the entry is larger than the cache.
                    let _ = guard.insert(entry.clone());
                }
                Ok(rendered)
            }
        }
    }
}

/// The page at `uri` from the cache, else as `render` makes it.
pub(in crate::web) async fn cached(
    state: &WebState,
    uri: &Uri,
    headers: &HeaderMap,
    depends_on: DependsOn,
    render: Render<'_>,
) -> Result<Response, PageError> {
    cached_as(state, address(uri), headers, depends_on, render).await
}

/// The same for a page in the visitor's language: one entry per language.
pub(in crate::web) async fn cached_in(
    state: &WebState,
    locale: &Locale,
    uri: &Uri,
    headers: &HeaderMap,
    depends_on: DependsOn,
    render: Render<'_>,
) -> Result<Response, PageError> {
    // No address contains a blank.
    let key = format!("{} {}", locale.code(), address(uri));
    cached_as(state, &key, headers, depends_on, render).await
}

fn address(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |address| address.as_str())
}

async fn cached_as(
    state: &WebState,
    key: &str,
    headers: &HeaderMap,
    depends_on: DependsOn,
    render: Render<'_>,
) -> Result<Response, PageError> {
    let (cache, now) = (&state.shared.pages, state.clock.now());
    let is_fresh = |entry: &Entry| entry.is_younger_than(FRESH, now);
    let entry = if let Some(fresh) = cache.entries.get(key).filter(is_fresh) {
        fresh
    } else {
        // Taken before the page is rendered: later changes make the entry stale.
        let snapshot = cache.snapshot(state, now).await?;
        match cache
            .get_or_render(key, snapshot, depends_on, render)
            .await?
        {
            Ok(entry) => entry,
            Err(response) => return Ok(response),
        }
    };
    let sent = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|tag| tag.to_str().ok())
        .unwrap_or_default();
    let tag = entry
        .headers
        .get(header::ETAG)
        .and_then(|tag| tag.to_str().ok());
    if sent
        .split(',')
        .any(|sent| Some(sent.trim().trim_start_matches("W/")) == tag)
    {
        return Ok((StatusCode::NOT_MODIFIED, entry.headers).into_response());
    }
    Ok((entry.headers, entry.body).into_response())
}

/// Renders a page; a response that cannot be cached stays as it is.
async fn rendered(
    render: Render<'_>,
    snapshot: Snapshot,
) -> Result<Result<Entry, Response>, PageError> {
    let response = render.await?;
    if response.status() != StatusCode::OK || response.extensions().get::<NoStore>().is_some() {
        return Ok(Err(response));
    }
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .map_err(|_| PageError::Aborted)?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&body);
    let tag = HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish()))
        .expect("a tag is hexadecimal");
    let mut headers = parts.headers;
    headers.insert(header::ETAG, tag);
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=60"),
    );
    Ok(Ok(Entry {
        snapshot,
        headers,
        body,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::task::JoinSet;

    fn noon() -> DateTime<Utc> {
        "2026-08-04T12:00:00Z".parse().unwrap()
    }

    /// The counters `seconds` past noon.
    fn snapshot(seconds: i64, papers: i64, votes: i64) -> Snapshot {
        Snapshot {
            at: noon() + TimeDelta::seconds(seconds),
            changes: Changes {
                papers,
                votes: (votes, 0),
            },
        }
    }

    /// Asks the cache 20 times at once; returns how often the page was rendered.
    async fn renders(
        pages: &Arc<PageCache>,
        now: Snapshot,
        depends_on: DependsOn,
        status: StatusCode,
    ) -> usize {
        let (times, mut all) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for _ in 0..20 {
            let (pages, times) = (Arc::clone(pages), Arc::clone(&times));
            all.spawn(async move {
                let render = Box::pin(async {
                    tokio::task::yield_now().await;
                    times.fetch_add(1, Ordering::Relaxed);
                    Ok((status, "a page").into_response())
                });
                pages
                    .get_or_render("/archive", now, depends_on, render)
                    .await
                    .unwrap()
                    .is_ok()
            });
        }
        assert_eq!(all.join_all().await, [status == StatusCode::OK; 20]);
        times.load(Ordering::Relaxed)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_page_is_rendered_once_for_all_waiters_and_again_when_its_data_has_changed() {
        let pages = Arc::new(PageCache::default());
        let renders = |now, depends_on| renders(&pages, now, depends_on, StatusCode::OK);
        assert_eq!(renders(snapshot(0, 7, 1), DependsOn::Papers).await, 1);
        assert_eq!(
            renders(snapshot(29, 8, 1), DependsOn::Papers).await,
            0,
            "it is fresh"
        );
        assert_eq!(
            renders(snapshot(3_599, 7, 2), DependsOn::Papers).await,
            0,
            "papers are unchanged"
        );
        assert_eq!(
            renders(snapshot(30, 7, 2), DependsOn::Votes).await,
            1,
            "votes are not"
        );
        assert_eq!(renders(snapshot(60, 8, 2), DependsOn::Papers).await, 1);
        assert_eq!(renders(snapshot(3_659, 8, 2), DependsOn::Votes).await, 0);
        assert_eq!(
            renders(snapshot(3_660, 8, 2), DependsOn::Votes).await,
            1,
            "it is an hour old"
        );
        assert_eq!(
            renders(snapshot(-60, 8, 2), DependsOn::Votes).await,
            1,
            "the clock was set back"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_error_page_is_rendered_for_each_request() {
        let pages = Arc::new(PageCache::default());
        let now = snapshot(0, 0, 0);
        assert_eq!(
            renders(&pages, now, DependsOn::Papers, StatusCode::NOT_FOUND).await,
            20
        );
    }

    #[tokio::test]
    async fn a_page_marked_no_store_is_not_cached() {
        let pages = PageCache::default();
        for _ in 0..2 {
            let render =
                Box::pin(async { Ok((axum::Extension(NoStore), "half a page").into_response()) });
            let rendered = pages
                .get_or_render("/", snapshot(0, 0, 0), DependsOn::Papers, render)
                .await
                .unwrap();
            assert!(rendered.is_err_and(|response| response.status() == StatusCode::OK));
        }
    }

    #[tokio::test]
    async fn the_next_waiter_renders_when_a_request_is_cancelled() {
        let pages = PageCache::default();
        let now = snapshot(0, 0, 0);
        let mut cancelled = Box::pin(pages.get_or_render(
            "/",
            now,
            DependsOn::Papers,
            Box::pin(std::future::pending()),
        ));
        tokio::select! {
            biased;
            _ = &mut cancelled => unreachable!("it is never rendered"),
            () = tokio::task::yield_now() => {}
        }
        drop(cancelled);
        let render = Box::pin(async { Ok("a page".into_response()) });
        let rendered = pages
            .get_or_render("/", now, DependsOn::Papers, render)
            .await;
        assert!(rendered.unwrap().is_ok());
    }
}

//! Public pages that were made before.
//!
//! A page that many people look at is made once for all of them, and again when
//! something has changed that it shows: that is looked at when it is [`YOUNG`] no
//! more. Pages for one person are never kept.

use crate::digest::Locale;
use crate::store::{Changes, StoreError};
use crate::web::{PageError, WebState};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::{Mutex, PoisonError};

/// How long a page is as good as new, whatever came in since.
const YOUNG: TimeDelta = TimeDelta::seconds(30);

/// How long it is if nothing has changed: votes fade, and there is a new day.
const HOLDS: TimeDelta = TimeDelta::hours(1);

/// How long it is taken as known whether something has changed.
const LOOKS: TimeDelta = TimeDelta::seconds(1);

/// All pages together, in bytes: some 4,800. Of 60,000 papers that are visited as pages
/// of the web are, half of the visits find theirs.
const BYTES_MAX: u64 = 96 << 20;

/// A longer address is not kept: nobody links to it.
const ADDRESS_BYTES_MAX: usize = 300;

/// What a page is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum DependsOn {
    /// Papers and their days.
    Papers,
    /// And what our readers say of them.
    Votes,
}

/// Marks a page that is not to be kept.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) struct NoStore;

/// When a page was asked for, and what had changed until then.
#[derive(Clone, Copy)]
struct Asked {
    at: DateTime<Utc>,
    changes: Changes,
}

#[derive(Clone)]
struct Made {
    /// For whom it was made first.
    asked: Asked,
    headers: HeaderMap,
    body: Bytes,
}

impl Made {
    fn is_within(&self, age: TimeDelta, now: DateTime<Utc>) -> bool {
        self.asked.at <= now && now - self.asked.at < age
    }

    /// Whether it is as good as one that would be made now.
    fn serves(&self, asked: Asked, shows: DependsOn) -> bool {
        let (then, now) = (self.asked.changes, asked.changes);
        let is_same =
            then.papers == now.papers && (shows == DependsOn::Papers || then.votes == now.votes);
        self.is_within(if is_same { HOLDS } else { YOUNG }, asked.at)
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<String, Made> for Weight {
    fn weight(&self, address: &String, made: &Made) -> u64 {
        // The headers are alike on every page: some 500 bytes.
        (address.len() + made.body.len() + 500) as u64
    }
}

/// Keeps public pages.
pub(in crate::web) struct PageCache {
    pages: Cache<String, Made, Weight>,
    last_look: Mutex<Option<Asked>>,
}

impl Default for PageCache {
    fn default() -> Self {
        // A page has some 20 KB.
        PageCache {
            pages: Cache::with_weighter(4_800, BYTES_MAX, Weight),
            last_look: Mutex::default(),
        }
    }
}

impl PageCache {
    /// What has changed until now, or until a moment ago.
    async fn look(&self, state: &WebState, now: DateTime<Utc>) -> Result<Asked, StoreError> {
        let last_look = || {
            self.last_look
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(last) = last_look().filter(|last| last.at <= now && now - last.at < LOOKS) {
            return Ok(Asked { at: now, ..last });
        }
        let asked = Asked {
            at: now,
            changes: state.db.read(|store| store.changes()).await?,
        };
        *last_look() = Some(asked);
        Ok(asked)
    }

    /// Lets go of all pages, if none was asked for since `since`.
    pub(in crate::web) fn evict_unused(&self, since: DateTime<Utc>) {
        let last_look = *self
            .last_look
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last_look.is_some_and(|last| last.at < since) {
            self.pages.clear();
        }
    }

    /// [`Changes::papers`], as it is now or was a moment ago.
    pub(in crate::web) async fn paper_changes(&self, state: &WebState) -> Result<i64, StoreError> {
        Ok(self.look(state, state.clock.now()).await?.changes.papers)
    }

    /// The page at `address`, made by `make` unless there is one that serves. Whoever
    /// asks for the same page while it is made waits for it; should whoever it is
    /// made for go away, the next of them makes it. What is no page is not kept.
    async fn kept_or_made<F>(
        &self,
        address: &str,
        asked: Asked,
        shows: DependsOn,
        make: F,
    ) -> Result<Result<Made, Response>, PageError>
    where
        F: Future<Output = Result<Response, PageError>>,
    {
        if address.len() > ADDRESS_BYTES_MAX {
            return made(make, asked).await;
        }
        if let Some(known) = self
            .pages
            .get(address)
            .filter(|made| made.serves(asked, shows))
        {
            return Ok(Ok(known));
        }
        self.pages
            .remove_if(address, |made| !made.serves(asked, shows));
        match self.pages.get_value_or_guard_async(address).await {
            Ok(known) => Ok(Ok(known)),
            Err(place) => {
                let made = made(make, asked).await?;
                if let Ok(made) = &made {
                    // It may have been too large to be kept.
                    let _ = place.insert(made.clone());
                }
                Ok(made)
            }
        }
    }
}

/// The page at `uri`, which `shows` this, made by `make` unless one is kept that
/// serves. Only pages that are there are kept.
pub(in crate::web) async fn cached<F>(
    state: &WebState,
    uri: &Uri,
    sent: &HeaderMap,
    shows: DependsOn,
    make: F,
) -> Result<Response, PageError>
where
    F: Future<Output = Result<Response, PageError>>,
{
    let address = uri.path_and_query().map_or("/", |address| address.as_str());
    kept(state, address, sent, shows, make).await
}

/// The same of a page that speaks the visitor's language: one is kept in each.
pub(in crate::web) async fn cached_in<F>(
    state: &WebState,
    locale: &Locale,
    uri: &Uri,
    sent: &HeaderMap,
    shows: DependsOn,
    make: F,
) -> Result<Response, PageError>
where
    F: Future<Output = Result<Response, PageError>>,
{
    let address = uri.path_and_query().map_or("/", |address| address.as_str());
    match locale.code() {
        "en" => kept(state, address, sent, shows, make).await,
        // An address has no blank.
        code => kept(state, &format!("{code} {address}"), sent, shows, make).await,
    }
}

async fn kept<F>(
    state: &WebState,
    address: &str,
    sent: &HeaderMap,
    shows: DependsOn,
    make: F,
) -> Result<Response, PageError>
where
    F: Future<Output = Result<Response, PageError>>,
{
    let (pages, now) = (&state.shared.pages, state.clock.now());
    let made = match pages
        .pages
        .get(address)
        .filter(|made| made.is_within(YOUNG, now))
    {
        Some(young) => Ok(young),
        // Looked at before it is made: what changes meanwhile is a reason to make it again.
        None => {
            pages
                .kept_or_made(address, pages.look(state, now).await?, shows, make)
                .await?
        }
    };
    let made = match made {
        Ok(made) => made,
        Err(response) => return Ok(response),
    };
    let seen = sent
        .get(header::IF_NONE_MATCH)
        .and_then(|tag| tag.to_str().ok());
    let tag = made
        .headers
        .get(header::ETAG)
        .and_then(|tag| tag.to_str().ok());
    if seen.is_some_and(|seen| {
        seen.split(',')
            .any(|seen| Some(seen.trim().trim_start_matches("W/")) == tag)
    }) {
        return Ok((StatusCode::NOT_MODIFIED, made.headers).into_response());
    }
    Ok((made.headers, made.body).into_response())
}

/// Makes a page; what is none that can be kept stays the answer it is.
async fn made<F>(make: F, asked: Asked) -> Result<Result<Made, Response>, PageError>
where
    F: Future<Output = Result<Response, PageError>>,
{
    let response = make.await?;
    if response.status() != StatusCode::OK || response.extensions().get::<NoStore>().is_some() {
        return Ok(Err(response));
    }
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .map_err(|_| PageError::Aborted)?;
    let mut headers = parts.headers;
    let tag = format!("\"{:016x}\"", fingerprint(&body));
    headers.insert(
        header::ETAG,
        HeaderValue::from_str(&tag).expect("a tag is hexadecimal"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=60"),
    );
    Ok(Ok(Made {
        asked,
        headers,
        body,
    }))
}

/// FNV-1a over eight bytes at a time, 64 bits: tells versions of one page apart, no more.
fn fingerprint(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let rest = rest.iter().map(|byte| u64::from(*byte));
    words.chain(rest).fold(0xcbf2_9ce4_8422_2325, |hash, word| {
        // What the product carries upwards comes down again.
        let hash = (hash ^ word).wrapping_mul(0x0100_0000_01b3);
        hash ^ (hash >> 32)
    })
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

    /// Somebody asks so many seconds past noon, after so many changes.
    fn asks(seconds: i64, papers: i64, votes: i64) -> Asked {
        Asked {
            at: noon() + TimeDelta::seconds(seconds),
            changes: Changes {
                papers,
                votes: (votes, 0),
            },
        }
    }

    /// Asks `pages` many times at once; how often the page was made.
    async fn asked_at_once(
        pages: &Arc<PageCache>,
        asked: Asked,
        shows: DependsOn,
        status: StatusCode,
    ) -> usize {
        let (times, mut all) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for _ in 0..20 {
            let (pages, times) = (Arc::clone(pages), Arc::clone(&times));
            all.spawn(async move {
                let make = async {
                    tokio::task::yield_now().await;
                    times.fetch_add(1, Ordering::Relaxed);
                    Ok((status, "a page").into_response())
                };
                pages
                    .kept_or_made("/archive", asked, shows, make)
                    .await
                    .unwrap()
                    .is_ok()
            });
        }
        assert_eq!(all.join_all().await, [status == StatusCode::OK; 20]);
        times.load(Ordering::Relaxed)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_page_is_made_once_for_all_who_wait_and_again_when_what_it_shows_has_changed() {
        let pages = Arc::new(PageCache::default());
        let made = |asked, shows| asked_at_once(&pages, asked, shows, StatusCode::OK);
        assert_eq!(made(asks(0, 7, 1), DependsOn::Papers).await, 1);
        assert_eq!(
            made(asks(29, 8, 1), DependsOn::Papers).await,
            0,
            "it is young"
        );
        assert_eq!(
            made(asks(3_599, 7, 2), DependsOn::Papers).await,
            0,
            "papers are as they were"
        );
        assert_eq!(
            made(asks(30, 7, 2), DependsOn::Votes).await,
            1,
            "votes are not"
        );
        assert_eq!(made(asks(60, 8, 2), DependsOn::Papers).await, 1);
        assert_eq!(made(asks(3_659, 8, 2), DependsOn::Votes).await, 0);
        assert_eq!(
            made(asks(3_660, 8, 2), DependsOn::Votes).await,
            1,
            "an hour is enough"
        );
        assert_eq!(
            made(asks(-60, 8, 2), DependsOn::Votes).await,
            1,
            "the clock was set back"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_no_page_is_made_for_each() {
        let pages = Arc::new(PageCache::default());
        assert_eq!(
            asked_at_once(
                &pages,
                asks(0, 0, 0),
                DependsOn::Papers,
                StatusCode::NOT_FOUND
            )
            .await,
            20
        );
    }

    #[tokio::test]
    async fn a_page_that_is_unfinished_is_not_kept() {
        let pages = PageCache::default();
        let make = || async {
            Ok((
                [(header::ALLOW, "GET")],
                axum::Extension(NoStore),
                "half a page",
            )
                .into_response())
        };
        for _ in 0..2 {
            let made = pages
                .kept_or_made("/", asks(0, 0, 0), DependsOn::Papers, make())
                .await
                .unwrap();
            assert!(made.is_err_and(|response| response.status() == StatusCode::OK));
        }
    }

    #[tokio::test]
    async fn a_page_whose_asker_left_is_made_by_the_next() {
        let pages = PageCache::default();
        let asked = asks(0, 0, 0);
        let mut left =
            Box::pin(pages.kept_or_made("/", asked, DependsOn::Papers, std::future::pending()));
        tokio::select! {
            biased;
            _ = &mut left => unreachable!("it is never made"),
            () = tokio::task::yield_now() => {}
        }
        drop(left);
        let made = pages
            .kept_or_made("/", asked, DependsOn::Papers, async {
                Ok("a page".into_response())
            })
            .await;
        assert!(made.unwrap().is_ok());
    }
}

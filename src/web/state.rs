//! The state that all handlers share.

use super::api::ApiState;
use super::error_page::ErrorPage;
use super::pages::{Page, Pages};
use super::public::indexes::Indexes;
use super::serving::cache::PageCache;
use super::serving::rate_limits::{LimitedAction, RateLimits};
use super::serving::visitor::Visitor;
use super::settings::WebSettings;
use crate::clock::Clock;
use crate::edition::Composer;
use crate::language::Locale;
use crate::store::Db;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use tokio::sync::{Mutex, Notify};

/// Returns the current composer: its templates can be replaced while pages are served.
pub type CurrentComposer = Arc<dyn Fn() -> Arc<Composer> + Send + Sync>;

/// Everything that handlers need. Clones share it.
#[derive(Clone)]
pub struct WebState {
    /// The database.
    pub db: Db,
    /// The templates, and the values that all pages have in common.
    pub pages: Arc<Pages>,
    /// Composes mails, and knows the name and the addresses of the site.
    pub composer: CurrentComposer,
    /// The `[web]` settings.
    pub settings: Arc<WebSettings>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Notified when a mail was queued.
    pub queued: Arc<Notify>,
    /// State that is kept between requests.
    pub shared: Arc<SharedState>,
}

/// Caches, rate limits and locks that are kept between requests, in memory only.
#[derive(Default)]
pub struct SharedState {
    pub(super) pages: PageCache,
    pub(super) rate_limits: RateLimits,
    pub(super) indexes: Indexes,
    pub(super) api: ApiState,
    pub(super) mailing: Mutex<()>,
}

/// Entries unused for this long are evicted; they are cheap to rebuild.
const UNUSED: TimeDelta = TimeDelta::minutes(15);

impl SharedState {
    /// Evicts cache entries that nobody has used lately. To be called about once a minute.
    pub fn evict_unused(&self, now: DateTime<Utc>) {
        let since = now - UNUSED;
        self.pages.evict_unused(since);
        self.indexes.evict_unused(since);
    }
}

impl WebState {
    /// The current composer.
    pub(super) fn composer(&self) -> Arc<Composer> {
        (self.composer)()
    }

    /// The absolute address of the page at `path`.
    pub(super) fn url(&self, path: &str) -> String {
        self.composer().site.url(path)
    }

    /// Counts `action` for the visitor's network; an error if it exceeds the rate limit.
    pub(super) fn limit(&self, action: LimitedAction, visitor: Visitor) -> Result<(), ErrorPage> {
        if self.shared.rate_limits.allow(action, visitor) {
            Ok(())
        } else {
            Err(ErrorPage::RateLimited)
        }
    }

    /// Starts a public page that stands at `path`.
    pub(super) fn page(&self, locale: &Locale, path: &str) -> Page {
        // Link previews in chats and social networks show the card.
        self.page_in(locale, path)
            .with("card", &self.url("/card.png"))
            .with_shared("invitation", &locale.shared().invitation)
    }

    /// Starts a page for one person, without card and invitation.
    pub(super) fn page_in(&self, locale: &Locale, path: &str) -> Page {
        let page = self.pages.page_in(locale);
        page.with("path", &path)
            .with("address", &self.url(path))
            .with("signup", &self.settings.signup.word())
    }
}

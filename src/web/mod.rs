//! Serves: the public pages, and what people do with their subscriptions.
//!
//! Pages are made on the server and work without scripts. GET never changes
//! anything, since mail scanners follow links. To add a page: a template in
//! `templates/web/`, a handler in the file of its subject, a route in [`router`].

pub mod admin;
mod api;
mod asking;
mod cache;
mod categories;
mod confirm;
mod days;
mod examples;
mod feedback;
mod feeds;
mod form;
pub mod hooks;
mod issues;
mod limits;
mod meaning;
mod mishap;
mod mount;
mod owner;
mod pages;
mod papers;
mod pieces;
mod preferences;
mod query;
mod reader;
mod robots;
mod saved;
mod search;
mod serve;
mod settings;
mod signup;
mod similar;
mod standalone;
mod tongue;
mod unsubscribe;
mod view;
mod visitor;
mod wrong;

pub use pages::{MenuLink, Page, Pages, html};
pub use serve::{Tls, TlsError, serve};
pub use settings::{Signup, TlsFiles, WebSettings};

use crate::clock::Clock;
use crate::digest::Tongue;
use crate::edition::{Desk, EditionError};
use crate::store::{Db, StoreError};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cache::PageCache;
use chrono::{DateTime, TimeDelta, Utc};
use limits::Limits;
use meaning::Meaning;
use mishap::Mishap;
use similar::Similar;
use std::sync::Arc;
use tokio::sync::Notify;

/// The desk as it is now: its templates can be replaced while pages are served.
pub type CurrentDesk = Arc<dyn Fn() -> Arc<Desk> + Send + Sync>;

/// What the pages are made from.
#[derive(Clone)]
pub struct Site {
    /// The database.
    pub db: Db,
    /// The templates and what is alike on every page.
    pub pages: Arc<Pages>,
    /// What composes mails, and what is known of the site.
    pub desk: CurrentDesk,
    /// The settings of the pages.
    pub settings: Arc<WebSettings>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Rung when a mail was queued.
    pub queued: Arc<Notify>,
    /// What is remembered between requests.
    pub state: Arc<Memory>,
}

/// What the pages remember between requests; lost when the program ends.
#[derive(Default)]
pub struct Memory {
    pages: PageCache,
    limits: Limits,
    meaning: Meaning,
    similar: Similar,
    api: api::ApiMemory,
    mailing: tokio::sync::Mutex<()>,
}

/// What nobody asked for in as long is let go: it is made again in a moment.
const UNUSED: TimeDelta = TimeDelta::minutes(15);

impl Memory {
    /// Lets go of what costs memory and is of no use: to be called now and then.
    pub fn let_go_of_unused(&self, now: DateTime<Utc>) {
        let since = now - UNUSED;
        self.pages.let_go(since);
        self.meaning.let_go(since);
        self.similar.let_go(since);
    }
}

impl Site {
    /// The desk as it is now.
    fn desk(&self) -> Arc<Desk> {
        (self.desk)()
    }

    /// Starts to fill a page for everybody that is found at `path`.
    fn page(&self, tongue: &Tongue, path: &str) -> Page {
        // Whoever links to a page for everybody may show a picture beside it.
        self.page_in(tongue, path)
            .with("card", &self.desk().site.url("/card.png"))
            .with_shared("invitation", &tongue.shared().invitation)
    }

    /// Starts to fill a page for one person.
    fn page_in(&self, tongue: &Tongue, path: &str) -> Page {
        let page = self.pages.page_in(tongue);
        page.with("path", &path)
            .with("address", &self.desk().site.url(path))
            .with("signup", &self.settings.signup.word())
    }
}

/// Why a page cannot be shown. The visitor is told no more than that.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The template.
    #[error("cannot render a page")]
    Template(#[from] tera::Error),
    /// A mail that a page is to send.
    #[error("cannot write a mail")]
    Mail(#[from] EditionError),
    /// A page broke off while it was made.
    #[error("a page broke off while it was made")]
    Torn,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let error = anyhow::Error::from(self);
        tracing::error!("a page cannot be shown: {error:#}");
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong here; please try again later.\n",
        )
            .into_response()
    }
}

/// Longest request body, in bytes: forms are short.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The pages, below the path of `base_url` if it has one.
pub fn router(site: Site) -> Router {
    match mount::path_of(&site.desk().site.base_url) {
        path if path.is_empty() => at_root(site),
        path => mount::below(path, at_root(site)),
    }
}

fn at_root(site: Site) -> Router {
    Router::new()
        .route("/", get(days::trending))
        .route("/archive", get(days::days))
        .route("/archive/{date}", get(days::archive))
        .route("/papers/{*id}", get(papers::paper))
        .route("/feed.atom", get(feeds::atom))
        .route("/feed.json", get(feeds::json_feed))
        .route("/search", get(search::page))
        .route("/search.atom", get(search::atom))
        .route("/search.json", get(search::json_feed))
        .route("/feedback", get(feedback::ask).post(feedback::act))
        .route("/issues/{token}", get(issues::issues))
        .route("/feeds/{token}", get(feeds::private))
        .route("/saved", get(saved::list))
        .route("/saved/{file}", get(saved::export))
        .route("/robots.txt", get(robots::robots))
        .route("/sitemap.xml", get(robots::sitemap))
        .route("/subscribe", get(signup::form).post(signup::subscribe))
        .route(
            "/subscribe/preview",
            get(signup::form).post(signup::preview),
        )
        .route("/confirm", get(confirm::ask).post(confirm::act))
        .route(
            "/unsubscribe",
            get(unsubscribe::ask).post(unsubscribe::leave),
        )
        .route("/u/{token}", get(unsubscribe::ask).post(unsubscribe::leave))
        .route(
            "/unsubscribe/pause",
            get(unsubscribe::ask).post(unsubscribe::pause),
        )
        .route(
            "/preferences",
            get(preferences::form).post(preferences::save),
        )
        .route("/preferences/preview", get(preferences::preview::show))
        .route(
            "/preferences/picks",
            get(preferences::picks::list).post(preferences::picks::say),
        )
        .route("/preferences/sent", get(preferences::sent::list))
        .route("/preferences/library", preferences::library::route())
        .route(
            "/preferences/account",
            get(preferences::account::form).post(preferences::account::act),
        )
        .route(
            "/preferences/link",
            get(preferences::link::form).post(preferences::link::send),
        )
        .route("/owner", get(owner::ask).post(owner::act))
        .route("/style.css", get(stylesheet))
        .route("/script.js", get(script))
        .route("/icon.svg", get(icon))
        .route("/card.png", get(card))
        .nest(api::BASE, api::router(&site))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(site.clone(), every_answer))
        .with_state(site)
}

/// How the addresses of pages begin that are for one person: what stands there
/// is kept by nobody, and found by no search.
const PRIVATE: [&str; 10] = [
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

/// What every answer carries.
async fn every_answer(State(site): State<Site>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_private = PRIVATE.iter().any(|start| path.starts_with(start)) && path != admin::STYLE;
    let languages = request.headers().get(header::ACCEPT_LANGUAGE).cloned();
    let mut response = next.run(request).await;
    let mishap = response.extensions().get::<Mishap>().copied();
    let is_wrong_method = response.status() == StatusCode::METHOD_NOT_ALLOWED
        && !response.headers().contains_key(header::CONTENT_TYPE);
    if let Some(mishap) = mishap.or(is_wrong_method.then_some(Mishap::WrongMethod)) {
        let asked =
            HeaderMap::from_iter(languages.map(|languages| (header::ACCEPT_LANGUAGE, languages)));
        let allowed = response.headers_mut().remove(header::ALLOW);
        response = mishap
            .page(&site.pages, &site.tongue_for(&asked))
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
    if site.desk().site.base_url.starts_with("https://") {
        // One year (RFC 6797 section 6.1.1).
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        // What is no page of ours is not to act like one.
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        );
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if headers.contains_key(header::CONTENT_LANGUAGE) && !is_private {
        // What keeps pages for others keeps one in each language (RFC 9110 section 12.5.5).
        headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    }
    response
}

async fn stylesheet() -> impl IntoResponse {
    let css = include_str!("../../templates/web/style.css");
    (
        [
            (header::CONTENT_TYPE, "text/css; charset=utf-8"),
            (header::CACHE_CONTROL, "public, max-age=3600"),
        ],
        css,
    )
}

async fn script() -> impl IntoResponse {
    let script = include_str!("../../templates/web/script.js");
    let kind = "text/javascript; charset=utf-8";
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "public, max-age=3600"),
        ],
        script,
    )
}

async fn icon() -> impl IntoResponse {
    let icon = include_str!("../../templates/web/icon.svg");
    (
        [
            (header::CONTENT_TYPE, "image/svg+xml"),
            (header::CACHE_CONTROL, "public, max-age=86400"),
        ],
        icon,
    )
}

async fn card() -> impl IntoResponse {
    let card: &[u8] = include_bytes!("../../templates/web/card.png");
    (
        [
            (header::CONTENT_TYPE, "image/png"),
            (header::CACHE_CONTROL, "public, max-age=86400"),
        ],
        card,
    )
}

async fn not_found() -> Result<Response, PageError> {
    Mishap::Nowhere.answer()
}

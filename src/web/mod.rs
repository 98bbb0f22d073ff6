//! Serves: the public pages, and leaving by one click.
//!
//! Pages are made on the server and work without scripts. GET never changes
//! anything, since mail scanners follow links. To add a page: a template in
//! `templates/web/`, a handler in the file of its subject, a route in [`router`].

pub mod hooks;
mod pages;
mod papers;
mod settings;
mod unsubscribe;

pub use pages::{MenuLink, Page, Pages, html};
pub use settings::{Signup, TlsFiles, WebSettings};

use crate::clock::Clock;
use crate::store::{Db, StoreError};
use crate::token::Signer;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

/// What the pages are made from.
#[derive(Clone)]
pub struct Site {
    /// The database.
    pub db: Db,
    /// The templates and what is alike on every page.
    pub pages: Arc<Pages>,
    /// Checks the tokens of links.
    pub signer: Signer,
    /// The time.
    pub clock: Arc<dyn Clock>,
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
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let error = anyhow::Error::from(self);
        tracing::error!("a page cannot be shown: {error:#}");
        (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here; please try again later.\n").into_response()
    }
}

/// Longest request body, in bytes: forms are short.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The public pages.
pub fn router(site: Site) -> Router {
    Router::new()
        .route("/", get(papers::trending))
        .route("/papers/{*id}", get(papers::paper))
        .route("/unsubscribe", get(unsubscribe::ask).post(unsubscribe::leave))
        .route("/style.css", get(stylesheet))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(site)
}

async fn stylesheet() -> impl IntoResponse {
    let css = include_str!("../../templates/web/style.css");
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")], css)
}

async fn not_found(axum::extract::State(site): axum::extract::State<Site>) -> Result<Response, PageError> {
    let text = "The address may have been mistyped, or the page has moved.";
    site.pages.message(StatusCode::NOT_FOUND, "There is no such page", text, None)
}

//! The web: public pages, pages that readers reach by a signed link, the operator's
//! pages, the JSON API and the webhooks of mail providers.
//!
//! Pages are rendered on the server and work without JavaScript. GET never changes
//! anything, because mail scanners follow links. To add a page: a template in
//! `templates/web/`, a handler in the file of its subject in `public/` or `reader/`,
//! and a route in that folder's `router`.
//!
//! | folder | holds |
//! |---|---|
//! | `serving` | connections, TLS, timeouts, rate limits, the page cache, the base path |
//! | `forms` | reading of forms, and the texts of field errors |
//! | `public` | pages for everybody: days, papers, search, feeds, signup |
//! | `reader` | pages by signed link: preferences, feedback, own issues, leaving |
//! | `admin` | the operator's pages |
//! | `api` | the JSON API |

pub mod admin;
mod api;
mod error_page;
mod forms;
mod issue_view;
mod locale;
mod pages;
mod paper_view;
mod public;
mod query;
mod reader;
mod serving;
mod settings;
mod state;
pub mod webhooks;

pub use error_page::ErrorPage;
pub use pages::{MenuLink, Page, Pages, html};
pub use serving::server::serve;
pub use serving::tls::{Tls, TlsError};
pub use settings::{Signup, TlsFiles, WebSettings};
pub use state::{CurrentComposer, SharedState, WebState};

use crate::edition::EditionError;
use crate::store::StoreError;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use serving::base_path;
use serving::response_headers::finish_response;

/// Why a page cannot be shown. The visitor is told no more than that.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A template could not be rendered.
    #[error("cannot render a page")]
    Template(#[from] tera::Error),
    /// A mail that the page sends could not be written.
    #[error("cannot write a mail")]
    Mail(#[from] EditionError),
    /// The body of a page could not be read whole.
    #[error("a page was aborted while it was rendered")]
    Aborted,
    /// The visitor is told what is wrong, by a page; nothing is logged.
    #[error("{0:?}")]
    Shown(ErrorPage),
}

impl From<ErrorPage> for PageError {
    fn from(page: ErrorPage) -> Self {
        PageError::Shown(page)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        if let PageError::Shown(page) = self {
            return page.into_response();
        }
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

/// The public pages, the pages by link and the API, below the path of `base_url` if it
/// has one.
pub fn router(state: WebState) -> Router {
    match base_path::path_of(&state.composer().site.base_url) {
        path if path.is_empty() => at_root(state),
        path => base_path::below(path, at_root(state)),
    }
}

fn at_root(state: WebState) -> Router {
    public::router()
        .merge(reader::router())
        .nest(api::BASE, api::router(&state))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            finish_response,
        ))
        .with_state(state)
}

async fn not_found() -> Result<Response, PageError> {
    Err(ErrorPage::NotFound.into())
}

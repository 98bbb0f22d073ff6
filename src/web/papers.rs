//! One paper, and below it the papers that are like it.

use super::cache::cached;
use super::view::PaperView;
use super::{PageError, Site};
use crate::paper::PaperId;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// `GET /papers/{id}`
pub(super) async fn paper(
    State(site): State<Site>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    cached(&site, &uri, &headers, show(&site, &id)).await
}

async fn show(site: &Site, id: &str) -> Result<Response, PageError> {
    let found = match id.parse::<PaperId>() {
        Ok(id) => site.db.read(move |store| store.paper(&id)).await?,
        Err(_) => None,
    };
    let Some(stored) = found else {
        let text = "It may not have been taken in here.";
        return site.pages.message(StatusCode::NOT_FOUND, "There is no such paper", text, None);
    };
    let view = PaperView::whole(&stored.paper);
    // A work has one page, whatever else it is called.
    if stored.paper.id.as_str() != id {
        return Ok((StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, view.path)]).into_response());
    }
    let page = site.page(&view.path).with("paper", &view);
    site.pages.respond(StatusCode::OK, "paper.html", &page)
}

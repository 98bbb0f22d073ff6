//! One paper, and below it the papers that are like it.

use super::cache::{Fleeting, Shows, cached};
use super::similar::{Shown, with_similar};
use super::view::{NameView, PaperView, SimilarView, citation};
use super::{PageError, Site};
use crate::paper::PaperId;
use crate::store::PaperPage;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

/// What one source says of it.
#[derive(Serialize)]
struct RecordView {
    id: String,
    source: String,
    day: String,
}

/// What became of it.
#[derive(Serialize)]
struct EventView {
    day: String,
    text: String,
}

/// `GET /papers/{id}`
pub(super) async fn paper(
    State(site): State<Site>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    cached(&site, &uri, &headers, Shows::Papers, show(&site, &id)).await
}

async fn show(site: &Site, id: &str) -> Result<Response, PageError> {
    let found = match id.parse::<PaperId>() {
        Ok(id) => with_similar(site, id).await?,
        Err(_) => None,
    };
    let Some(Shown { page: PaperPage { stored, records, events, .. }, similar, is_unfinished }) = found else {
        let text = "It may not have been taken in here.";
        return site.pages.message(StatusCode::NOT_FOUND, "There is no such paper", text);
    };
    let view = PaperView::whole(&stored.paper);
    // A work has one page, whatever else it is called.
    if stored.paper.id.as_str() != id {
        return Ok((StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, view.path)]).into_response());
    }
    let records: Vec<RecordView> = records
        .into_iter()
        .map(|record| RecordView { id: record.id.to_string(), source: record.source, day: day_of(record.seen_at) })
        .collect();
    let events: Vec<EventView> =
        events.into_iter().map(|(day, news)| EventView { day: short_date(day), text: news.to_string() }).collect();
    let similar: Vec<SimilarView<'_>> = similar.iter().map(|stored| SimilarView::new(&stored.paper)).collect();
    let page = site
        .page(&view.path)
        .with("names", &NameView::all_of(&stored.paper))
        .with("citation", &citation(&stored.paper, &site.desk().site.url(&view.path)))
        .with("records", &records)
        .with("events", &events)
        .with("similar", &similar)
        .with("paper", &view);
    let mut response = site.pages.respond(StatusCode::OK, "paper.html", &page)?;
    if is_unfinished {
        response.extensions_mut().insert(Fleeting);
    }
    Ok(response)
}

fn day_of(at: DateTime<Utc>) -> String {
    short_date(at.date_naive())
}

/// `4 August 2026`
fn short_date(day: NaiveDate) -> String {
    day.format("%-d %B %Y").to_string()
}

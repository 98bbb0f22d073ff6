//! One paper, and below it the papers that are like it.

use super::cache::cached;
use super::similar::{SHOWN, similar};
use super::view::{NameView, PaperView, citation};
use super::{PageError, Site, meaning};
use crate::edition::works_of_their_own;
use crate::paper::{PaperId, PaperNews};
use crate::store::{PaperRecord, Store, StoreError, StoredPaper};
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

/// What is stored of it.
struct Known {
    stored: StoredPaper,
    records: Vec<PaperRecord>,
    events: Vec<(NaiveDate, PaperNews)>,
    similar: Option<Vec<StoredPaper>>,
}

fn known(store: &mut dyn Store, id: &PaperId) -> Result<Option<Known>, StoreError> {
    let Some(stored) = store.paper(id)? else { return Ok(None) };
    let row = stored.row;
    let (records, events) = (store.paper_records(row)?, store.paper_events(row)?);
    Ok(Some(Known { stored, records, events, similar: store.similar_papers(row)? }))
}

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
        Ok(id) => site.db.read(move |store| known(store, &id)).await?,
        Err(_) => None,
    };
    let Some(Known { stored, records, events, similar: kept }) = found else {
        let text = "It may not have been taken in here.";
        return site.pages.message(StatusCode::NOT_FOUND, "There is no such paper", text);
    };
    let view = PaperView::whole(&stored.paper);
    // A work has one page, whatever else it is called.
    if stored.paper.id.as_str() != id {
        return Ok((StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, view.path)]).into_response());
    }
    let has_model = meaning::vectors(site).await?.is_some();
    let similar = match kept.filter(|_| !has_model) {
        Some(kept) => works_of_their_own(&stored.paper, kept, SHOWN),
        None => similar(site, &stored).await?,
    };
    let records: Vec<RecordView> = records
        .into_iter()
        .map(|record| RecordView { id: record.id.to_string(), source: record.source, day: day_of(record.seen_at) })
        .collect();
    let events: Vec<EventView> =
        events.into_iter().map(|(day, news)| EventView { day: short_date(day), text: news.to_string() }).collect();
    let similar: Vec<PaperView> = similar.iter().map(|stored| PaperView::unsummed(&stored.paper)).collect();
    let page = site
        .page(&view.path)
        .with("names", &NameView::all_of(&stored.paper))
        .with("citation", &citation(&stored.paper, &site.desk().site.url(&view.path)))
        .with("records", &records)
        .with("events", &events)
        .with("similar", &similar)
        .with("paper", &view);
    site.pages.respond(StatusCode::OK, "paper.html", &page)
}

fn day_of(at: DateTime<Utc>) -> String {
    short_date(at.date_naive())
}

/// `4 August 2026`
fn short_date(day: NaiveDate) -> String {
    day.format("%-d %B %Y").to_string()
}

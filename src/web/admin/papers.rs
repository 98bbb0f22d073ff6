//! Papers, the coverage of sources, and records that were set aside.

use super::AdminState;
use super::format::{clock, grouped};
use super::session::Session;
use super::today::coverage as coverage_rows;
use crate::archive::{self, SearchResults};
use crate::paper::query::SearchQuery;
use crate::text::cut;
use crate::web::PageError;
use crate::web::paper_view::path_of;
use crate::web::query::Query;
use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::Days;
use serde::Serialize;

/// Search results on a page.
const FOUND_MAX: u32 = 50;

/// Set-aside records on the page.
const ASIDE_MAX: u32 = 100;

/// Characters of such a record that are shown.
const RECORD_CHARS_MAX: usize = 600;

/// Days of coverage on one page.
const DAYS: [u64; 3] = [7, 30, 90];

#[derive(Serialize)]
struct PaperRow {
    id: String,
    path: String,
    title: String,
    announced: Option<String>,
    categories: String,
    version: Option<u32>,
    votes: Option<u32>,
    is_withdrawn: bool,
    other_names: String,
}

/// `GET /admin/papers?q=`
pub(super) async fn search(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    uri: Uri,
) -> Result<Response, PageError> {
    let typed = cut(Query::of(&uri).text("q").unwrap_or_default(), 500);
    let wanted = SearchQuery::parse(&typed);
    let found = if typed.is_empty() {
        SearchResults::default()
    } else {
        admin
            .site
            .db
            .run_blocking(move |db| archive::search(db, &wanted, 0, FOUND_MAX, None))
            .await?
    };
    let count = admin.site.db.read(|store| store.count_papers()).await?;
    let rows: Vec<PaperRow> = found
        .papers
        .iter()
        .map(|stored| {
            let paper = &stored.paper;
            PaperRow {
                id: paper.id.to_string(),
                path: path_of(paper.id.as_str()),
                title: paper.title.clone(),
                announced: paper.announced.map(|day| day.to_string()),
                categories: paper.categories.join(", "),
                version: paper.version,
                votes: paper.upvotes,
                is_withdrawn: paper.withdrawn,
                other_names: paper
                    .same_as
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
            }
        })
        .collect();
    let page = admin
        .page(&session, "/admin/papers")
        .with("typed", &typed)
        .with("count", &grouped(count))
        .with("has_more", &found.has_more)
        .with("papers", &rows);
    admin.respond("admin/papers.html", &page)
}

/// A choice of days.
#[derive(Serialize)]
pub(super) struct Span {
    pub(super) days: u64,
    pub(super) is_chosen: bool,
}

/// The choices, and the one in `uri`.
pub(super) fn spans(uri: &Uri, offered: [u64; 3]) -> (u64, Vec<Span>) {
    let asked = Query::of(uri)
        .parsed::<u64>("days")
        .filter(|days| offered.contains(days))
        .unwrap_or(offered[0]);
    (
        asked,
        offered
            .map(|days| Span {
                days,
                is_chosen: days == asked,
            })
            .into(),
    )
}

/// `GET /admin/coverage?days=`
pub(super) async fn coverage(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    uri: Uri,
) -> Result<Response, PageError> {
    let (days, spans) = spans(&uri, DAYS);
    let now = admin.site.clock.now();
    let today = now.date_naive();
    let rows = admin
        .site
        .db
        .read(move |store| store.coverage(today - Days::new(days), today + Days::new(1)))
        .await?;
    let page = admin
        .page(&session, "/admin/coverage")
        .with("spans", &spans)
        .with("days", &days)
        .with("coverage", &coverage_rows(&rows, now));
    admin.respond("admin/coverage.html", &page)
}

#[derive(Serialize)]
struct AsideView {
    at: String,
    source: String,
    place: String,
    reason: String,
    record: String,
}

/// `GET /admin/set-aside`
pub(super) async fn set_aside(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
) -> Result<Response, PageError> {
    let now = admin.site.clock.now();
    let records = admin
        .site
        .db
        .read(|store| store.records_set_aside(ASIDE_MAX))
        .await?;
    let views: Vec<AsideView> = records
        .iter()
        .map(|row| AsideView {
            at: clock(row.at, now),
            source: row.source.clone(),
            place: row.record.place.clone(),
            reason: row.record.reason.clone(),
            record: cut(&row.record.record, RECORD_CHARS_MAX),
        })
        .collect();
    let page = admin
        .page(&session, "/admin/coverage")
        .with("records", &views)
        .with("most", &ASIDE_MAX);
    admin.respond("admin/set_aside.html", &page)
}

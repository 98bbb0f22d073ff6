//! `robots.txt` and the sitemap.

use crate::store::DayQuery;
use crate::web::paper_view::path_of;
use crate::web::serving::cache::{DependsOn, cached};
use crate::web::serving::response_headers::PRIVATE;
use crate::web::{PageError, WebState};
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use serde::Serialize;

/// Newest days and papers in the sitemap (sitemaps.org allows 50,000 addresses).
const DAYS_MAX: u32 = 365;
const PAPERS_MAX: usize = 20_000;

/// Paths with unlimited numbers of pages, besides the private ones.
const UNBOUNDED: [&str; 2] = ["/api/", "/search"];

/// `GET /robots.txt`
pub(super) async fn robots(State(state): State<WebState>) -> Response {
    let rules: Vec<String> = PRIVATE
        .iter()
        .chain(&UNBOUNDED)
        .map(|path| format!("Disallow: {path}"))
        .collect();
    let sitemap = state.url("/sitemap.xml");
    let body = format!("User-agent: *\n{}\nSitemap: {sitemap}\n", rules.join("\n"));
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

#[derive(Serialize)]
struct SitemapEntry {
    address: String,
    date: NaiveDate,
}

/// `GET /sitemap.xml`
pub(super) async fn sitemap(
    State(state): State<WebState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let render = Box::pin(async {
        let (days, papers) = state
            .db
            .read(|store| {
                let days = store.days_with_papers(NaiveDate::MAX, DAYS_MAX)?;
                let mut papers = Vec::new();
                for day in days.iter().take_while(|day| day.papers > 0) {
                    let room = PAPERS_MAX - papers.len();
                    let query = DayQuery {
                        date: day.date,
                        category: None,
                        offset: 0,
                        limit: room as u32,
                    };
                    let found = store.papers_of_day(&query)?.papers;
                    papers.extend(found.into_iter().map(|stored| (stored.paper.id, day.date)));
                }
                Ok((days, papers))
            })
            .await?;
        let composer = state.composer();
        let entry = |path: &str, date| SitemapEntry {
            address: composer.site.url(path),
            date,
        };
        let mut entries: Vec<SitemapEntry> = days
            .first()
            .map(|newest| entry("/", newest.date))
            .into_iter()
            .collect();
        entries.extend(
            days.iter()
                .map(|day| entry(&format!("/archive/{}", day.date), day.date)),
        );
        entries.extend(
            papers
                .iter()
                .map(|(id, date)| entry(&path_of(id.as_str()), *date)),
        );
        let body = state
            .pages
            .render("sitemap.xml", &state.pages.page().with("entries", &entries))?;
        Ok((
            [(header::CONTENT_TYPE, "application/xml; charset=utf-8")],
            body,
        )
            .into_response())
    });
    cached(&state, &uri, &headers, DependsOn::Papers, render).await
}

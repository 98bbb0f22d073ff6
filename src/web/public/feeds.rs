//! Feeds of the trending papers of the newest days, all or of one category, as Atom
//! (RFC 4287) and as JSON Feed 1.1.

use crate::language::Locale;
use crate::paper::category_name;
use crate::store::{DayQuery, PastPick, StoredPaper};
use crate::web::paper_view::{CategoryView, path_of};
use crate::web::public::days::encoded;
use crate::web::query::Query;
use crate::web::serving::cache::{DependsOn, cached};
use crate::web::{PageError, WebState};
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::json;

/// Days in a feed.
const FEED_DAYS: u32 = 3;

/// Papers per day.
const FEED_PAPERS: u32 = 30;

/// A feed.
#[derive(Serialize)]
pub(in crate::web) struct Feed {
    title: String,
    address: String,
    home: String,
    updated: String,
    entries: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    address: String,
    link: Option<String>,
    title: String,
    at: String,
    authors: Vec<String>,
    categories: Vec<CategoryView>,
    summary: String,
}

/// `GET /feed.atom`, `/feed.atom?category=cs.LG`
pub(super) async fn atom(
    State(state): State<WebState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let render = Box::pin(async { newest(&state, &uri, "/feed.atom").await?.to_atom(&state) });
    cached(&state, &uri, &headers, DependsOn::Papers, render).await
}

/// `GET /feed.json`, `/feed.json?category=cs.LG`
pub(super) async fn json_feed(
    State(state): State<WebState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let render = Box::pin(async { Ok(newest(&state, &uri, "/feed.json").await?.to_json()) });
    cached(&state, &uri, &headers, DependsOn::Papers, render).await
}

async fn newest(state: &WebState, uri: &Uri, path: &str) -> Result<Feed, PageError> {
    let category = Query::of(uri).text("category").map(str::to_owned);
    let wanted = category.clone();
    let today = state.clock.now().date_naive();
    let papers = state.db.read(move |store| {
        let mut papers = Vec::new();
        for day in store.days_with_papers(today, FEED_DAYS)? {
            let query = DayQuery {
                date: day.date,
                category: wanted.clone(),
                offset: 0,
                limit: FEED_PAPERS,
            };
            papers.extend(store.papers_of_day(&query)?.papers);
        }
        Ok(papers)
    });
    let name = &state.composer().site.name;
    let title = match &category {
        Some(code) => format!("{name}: {}", category_name(code)),
        None => format!("{name}: trending papers"),
    };
    // The address of the feed without unknown parameters of the request.
    let address = match &category {
        Some(code) => format!("{path}?{}", encoded("category", code)),
        None => path.to_owned(),
    };
    Ok(Feed::new(state, title, &address, &papers.await?))
}

impl Feed {
    /// The feed of `papers` that stands at `path`.
    pub(in crate::web) fn new(
        state: &WebState,
        title: String,
        path: &str,
        papers: &[StoredPaper],
    ) -> Self {
        let composer = state.composer();
        let entries = papers.iter().map(|stored| {
            let paper = &stored.paper;
            Entry {
                address: composer.site.url(&path_of(paper.id.as_str())),
                link: paper.link(),
                title: paper.title.clone(),
                at: instant(came_at(stored)),
                authors: paper.authors.clone(),
                categories: paper
                    .categories
                    .iter()
                    .map(|code| CategoryView::new(code))
                    .collect(),
                summary: paper.abstract_text.clone(),
            }
        });
        Feed {
            title,
            address: composer.site.url(path),
            home: composer.site.url("/"),
            updated: instant(papers.iter().map(came_at).max().unwrap_or_default()),
            entries: entries.collect(),
        }
    }

    /// A reader's own feed at `address`: the picks of their issues, newest issue first,
    /// with reasons in the language of `locale`.
    pub(in crate::web) fn of_picks(
        state: &WebState,
        title: String,
        address: String,
        locale: &Locale,
        picks: &[PastPick],
    ) -> Self {
        let papers: Vec<StoredPaper> = picks.iter().map(|pick| pick.paper.clone()).collect();
        let mut feed = Feed::new(state, title, "", &papers);
        feed.address = address;
        for (entry, pick) in feed.entries.iter_mut().zip(picks) {
            entry.at = instant(pick.composed_at);
            entry.summary = format!(
                "{} ({})\n\n{}",
                locale.reason(&pick.reasons),
                locale.section(&pick.section),
                entry.summary
            );
        }
        let newest = picks.first().map(|pick| pick.composed_at);
        feed.updated = instant(newest.unwrap_or(DateTime::UNIX_EPOCH));
        feed
    }

    /// Renders the feed as Atom.
    pub(in crate::web) fn to_atom(&self, state: &WebState) -> Result<Response, PageError> {
        let mut body = state
            .pages
            .render("atom.xml", &state.pages.page().with("feed", self))?;
        // One character that XML 1.0 section 2.2 forbids would make the whole feed unreadable.
        body.retain(|c| c == '\n' || !(c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}')));
        Ok((
            [(header::CONTENT_TYPE, "application/atom+xml; charset=utf-8")],
            body,
        )
            .into_response())
    }

    /// Renders the feed as JSON Feed.
    pub(in crate::web) fn to_json(&self) -> Response {
        let items: Vec<serde_json::Value> = self
            .entries
            .iter()
            .map(|entry| {
                let authors = entry.authors.iter().map(|name| json!({ "name": name }));
                let tags = entry.categories.iter().map(|category| &category.code);
                json!({
                    "id": entry.address,
                    "url": entry.address,
                    "external_url": entry.link,
                    "title": entry.title,
                    "content_text": entry.summary,
                    "date_published": entry.at,
                    "authors": authors.collect::<Vec<_>>(),
                    "tags": tags.collect::<Vec<_>>(),
                })
            })
            .collect();
        let feed = json!({
            "version": "https://jsonfeed.org/version/1.1", "title": self.title,
            "home_page_url": self.home, "feed_url": self.address, "items": items,
        });
        (
            [(header::CONTENT_TYPE, "application/feed+json; charset=utf-8")],
            feed.to_string(),
        )
            .into_response()
    }
}

/// The start of a paper's announcement day, else the time at which it was taken in.
fn came_at(stored: &StoredPaper) -> DateTime<Utc> {
    stored
        .paper
        .announced
        .map_or(stored.seen_at, |day| day.and_time(NaiveTime::MIN).and_utc())
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

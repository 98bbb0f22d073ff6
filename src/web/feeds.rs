//! Feeds: the trending papers of the newest days, all or of one category, as
//! Atom (RFC 4287) and as JSON Feed 1.1.

use super::cache::{Shows, cached};
use super::days::encoded;
use super::mishap::Mishap;
use super::query::Query;
use super::reader::reader;
use super::view::{CategoryView, path_of};
use super::{PageError, Site};
use crate::links::Links;
use crate::paper::category_name;
use crate::store::{DayQuery, StoredPaper};
use crate::token::Scope;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::json;

/// Days that a feed reaches back.
const FEED_DAYS: u32 = 3;

/// Papers of each of them.
const FEED_PAPERS: u32 = 30;

/// Papers of a private feed: a week or two of issues.
const PICKS_MAX: usize = 100;

/// Issues that they are looked for in.
const ISSUES_MAX: u32 = 60;

/// A feed.
#[derive(Serialize)]
pub(super) struct Feed {
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
    State(site): State<Site>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    cached(&site, &uri, &headers, Shows::Papers, async {
        newest(&site, &uri, "/feed.atom").await?.to_atom(&site)
    })
    .await
}

/// `GET /feed.json`, `/feed.json?category=cs.LG`
pub(super) async fn json_feed(
    State(site): State<Site>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    cached(&site, &uri, &headers, Shows::Papers, async {
        Ok(newest(&site, &uri, "/feed.json").await?.to_json())
    })
    .await
}

async fn newest(site: &Site, uri: &Uri, path: &str) -> Result<Feed, PageError> {
    let category = Query::of(uri).text("category").map(str::to_owned);
    let wanted = category.clone();
    let today = site.clock.now().date_naive();
    let papers = site.db.read(move |store| {
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
    let name = &site.desk().site.name;
    let title = match &category {
        Some(code) => format!("{name}: {}", category_name(code)),
        None => format!("{name}: trending papers"),
    };
    // A feed has one name, whatever else stood in the address that it was asked for by.
    let address = match &category {
        Some(code) => format!("{path}?{}", encoded("category", code)),
        None => path.to_owned(),
    };
    Ok(Feed::new(site, title, &address, &papers.await?))
}

/// `GET /feeds/{token}`: the papers of one reader's own issues, as Atom.
pub(super) async fn private(
    State(site): State<Site>,
    Path(token): Path<String>,
) -> Result<Response, PageError> {
    let desk = site.desk();
    let Some(subscriber) = reader(&site, &[Scope::Feed], &token).await? else {
        return Mishap::BadLink.answer();
    };
    let id = subscriber.id;
    let mut picks = site
        .db
        .read(move |store| store.picks_of(id, ISSUES_MAX))
        .await?;
    picks.truncate(PICKS_MAX);
    let title = format!("{}: your papers", desk.site.name);
    let address = Links {
        site: &desk.site,
        signer: &desk.signer,
    }
    .feed(subscriber.holder());
    let papers: Vec<StoredPaper> = picks.iter().map(|pick| pick.paper.clone()).collect();
    let mut feed = Feed::new(&site, title, "", &papers);
    feed.address = address;
    for (entry, pick) in feed.entries.iter_mut().zip(&picks) {
        // In the order of the issues, with why each is there.
        entry.at = instant(pick.composed_at);
        entry.summary = format!("{} ({})\n\n{}", pick.reason, pick.section, entry.summary);
    }
    feed.updated = instant(
        picks
            .first()
            .map_or(DateTime::UNIX_EPOCH, |pick| pick.composed_at),
    );
    feed.to_atom(&site)
}

impl Feed {
    /// The feed of `papers` that is found at `path`.
    pub(super) fn new(site: &Site, title: String, path: &str, papers: &[StoredPaper]) -> Self {
        let desk = site.desk();
        let entries = papers.iter().map(|stored| {
            let paper = &stored.paper;
            Entry {
                address: desk.site.url(&path_of(paper.id.as_str())),
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
            address: desk.site.url(path),
            home: desk.site.url("/"),
            updated: instant(papers.iter().map(came_at).max().unwrap_or_default()),
            entries: entries.collect(),
        }
    }

    /// As Atom.
    pub(super) fn to_atom(&self, site: &Site) -> Result<Response, PageError> {
        let mut body = site
            .pages
            .render("atom.xml", &site.pages.page().with("feed", self))?;
        // XML 1.0, section 2.2: one such character in one paper would cost readers the whole feed.
        body.retain(|c| c == '\n' || !(c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}')));
        Ok((
            [(header::CONTENT_TYPE, "application/atom+xml; charset=utf-8")],
            body,
        )
            .into_response())
    }

    /// As a JSON Feed.
    pub(super) fn to_json(&self) -> Response {
        let items: Vec<serde_json::Value> = self
            .entries
            .iter()
            .map(|entry| {
                let authors: Vec<_> = entry.authors.iter().map(|name| json!({ "name": name })).collect();
                let tags: Vec<_> = entry.categories.iter().map(|category| &category.code).collect();
                json!({
                    "id": entry.address, "url": entry.address, "external_url": entry.link, "title": entry.title,
                    "content_text": entry.summary, "date_published": entry.at, "authors": authors, "tags": tags,
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

/// When a paper came: its announcement day, else when it was taken in.
fn came_at(stored: &StoredPaper) -> DateTime<Utc> {
    stored
        .paper
        .announced
        .map_or(stored.seen_at, |day| day.and_time(NaiveTime::MIN).and_utc())
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

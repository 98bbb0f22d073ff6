//! Papers: the trending ones, and one by itself.

use super::{PageError, Site};
use crate::paper::{Paper, PaperId, category_name};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

/// Papers on the first page.
const SHOWN_MAX: u32 = 50;

/// Authors named in a list.
const AUTHORS_MAX: usize = 12;

/// A paper as pages show it.
#[derive(Serialize)]
struct PaperView<'a> {
    id_in_url: &'a str,
    title: &'a str,
    people: String,
    facts: String,
    #[serde(rename = "abstract")]
    abstract_text: &'a str,
    comment: &'a Option<String>,
    link: Option<String>,
}

impl<'a> PaperView<'a> {
    fn new(paper: &'a Paper, authors_max: usize) -> Self {
        let named = paper.authors.len().min(authors_max);
        let mut people = paper.authors[..named].join(", ");
        if named < paper.authors.len() {
            people = format!("{people} and {} more", paper.authors.len() - named);
        }
        let mut facts: Vec<String> = paper
            .categories
            .iter()
            .map(|code| match category_name(code) {
                name if name == code => name.to_owned(),
                name => format!("{name} ({code})"),
            })
            .collect();
        facts.extend(paper.announced.map(|day| format!("announced {day}")));
        facts
            .extend(paper.upvotes.map(|votes| if votes == 1 { "1 vote".to_owned() } else { format!("{votes} votes") }));
        PaperView {
            id_in_url: paper.id.as_str(),
            title: &paper.title,
            people,
            facts: facts.join(" · "),
            abstract_text: &paper.abstract_text,
            comment: &paper.comment,
            link: paper.link(),
        }
    }
}

/// `GET /`
pub(super) async fn trending(State(site): State<Site>) -> Result<Response, PageError> {
    let today = site.clock.now().date_naive();
    let (date, papers, total) = site
        .db
        .read(move |store| {
            let Some(date) = store.newest_day(today)? else { return Ok((None, Vec::new(), 0)) };
            let total = store.count_announced(date)?;
            Ok((Some(date), store.trending_papers(date, SHOWN_MAX)?, total))
        })
        .await?;
    let views: Vec<PaperView<'_>> = papers.iter().map(|stored| PaperView::new(&stored.paper, AUTHORS_MAX)).collect();
    let page = site
        .pages
        .page()
        .with("date", &date.map(|date| date.format("%A, %-d %B %Y").to_string()))
        .with("total", &total)
        .with("papers", &views);
    site.pages.respond(StatusCode::OK, "trending.html", &page)
}

/// `GET /papers/{id}`
pub(super) async fn paper(State(site): State<Site>, Path(id): Path<String>) -> Result<Response, PageError> {
    let found = match id.parse::<PaperId>() {
        Ok(id) => site.db.read(move |store| store.paper(&id)).await?,
        Err(_) => None,
    };
    let Some(stored) = found else {
        let text = "It may not have been taken in here.";
        return site.pages.message(StatusCode::NOT_FOUND, "There is no such paper", text, None);
    };
    let page = site.pages.page().with("paper", &PaperView::new(&stored.paper, usize::MAX));
    site.pages.respond(StatusCode::OK, "paper.html", &page)
}

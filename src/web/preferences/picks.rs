//! What was picked lately, and what the reader says of it.

use super::{Bearer, bearer, page, posted};
use crate::links::Thumb;
use crate::store::{Channel, Given, NewFeedback, PaperRow};
use crate::web::days::long_date;
use crate::web::mishap::Mishap;
use crate::web::view::path_of;
use crate::web::visitor::Visitor;
use crate::web::{PageError, Site};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use std::collections::HashMap;

/// Issues whose picks are listed.
const ISSUES: u32 = 5;

#[derive(Serialize)]
struct IssueView {
    date: String,
    picks: Vec<PickView>,
}

#[derive(Serialize)]
struct PickView {
    row: i64,
    title: String,
    path: String,
    section: String,
    score: String,
    reason: String,
    /// `more`, `less`, `save`, or nothing.
    thumb: &'static str,
    first_author: Option<String>,
}

/// `GET /preferences/picks?t=TOKEN`
pub(in crate::web) async fn list(State(site): State<Site>, uri: Uri) -> Result<Response, PageError> {
    let Some(bearer) = bearer(&site, &uri).await? else { return Mishap::NoPreferences.answer() };
    show(&site, &bearer, None).await
}

/// `POST /preferences/picks?t=TOKEN` with `paper` and `thumb`, or `mute` or `unmute`.
pub(in crate::web) async fn say(
    State(site): State<Site>,
    visitor: Visitor,
    uri: Uri,
    request: Request<Body>,
) -> Result<Response, PageError> {
    let (bearer, form) = match posted(&site, visitor, &uri, request).await? {
        Ok(posted) => posted,
        Err(mishap) => return mishap.answer(),
    };
    let (id, now) = (bearer.subscriber.id, site.clock.now());
    let name = |key: &str| crate::text::cut(&crate::text::clean_line(form.text(key)), NAME_CHARS_MAX);
    let (mute, unmute) = (name("mute"), name("unmute"));
    if !mute.is_empty() {
        let said = format!("Papers by {mute} will not come any more.");
        site.db.run(move |store| store.mute_author(id, &mute, now)).await?;
        return show(&site, &bearer, Some(&said)).await;
    }
    if !unmute.is_empty() {
        let said = format!("Papers by {unmute} may come again.");
        site.db.run(move |store| store.unmute_author(id, &unmute)).await?;
        return show(&site, &bearer, Some(&said)).await;
    }
    let thumb = form.text("thumb");
    let known = Thumb::WORDS.iter().find(|(word, _)| *word == thumb).map(|(_, thumb)| *thumb);
    let (Ok(paper), true) = (form.text("paper").parse().map(PaperRow), known.is_some() || thumb == "none") else {
        return Mishap::Torn.answer();
    };
    let said = if let Some(thumb) = known {
        let new = NewFeedback { subscriber: id, paper, thumb, interest: None, channel: Channel::Web };
        match site.db.run(move |store| store.give_feedback(&new, now)).await? {
            Given::Unknown => "There is no such paper.",
            _ => "Noted. The next issue will show it.",
        }
    } else {
        site.db.run(move |store| store.take_back(id, paper, Channel::Web, now)).await?;
        "Taken back."
    };
    show(&site, &bearer, Some(said)).await
}

/// Longest name of an author.
const NAME_CHARS_MAX: usize = 200;

async fn show(site: &Site, bearer: &Bearer, said: Option<&str>) -> Result<Response, PageError> {
    let id = bearer.subscriber.id;
    let (picks, feedback, muted) = site
        .db
        .run(move |store| Ok((store.picks_of(id, ISSUES)?, store.feedback_of(&[id])?, store.muted_authors(&[id])?)))
        .await?;
    let thumbs: HashMap<PaperRow, Thumb> = feedback.iter().map(|said| (said.paper, said.thumb)).collect();
    let issues: Vec<IssueView> = picks
        .chunk_by(|a, b| a.local_date == b.local_date)
        .map(|issue| IssueView {
            date: long_date(issue[0].local_date),
            picks: issue
                .iter()
                .map(|pick| PickView {
                    row: pick.paper.row.0,
                    title: pick.paper.paper.title.clone(),
                    path: path_of(pick.paper.paper.id.as_str()),
                    section: pick.section.clone(),
                    score: format!("{:.2}", pick.score),
                    reason: pick.reason.clone(),
                    thumb: thumbs.get(&pick.paper.row).map_or("", |thumb| thumb.word()),
                    first_author: pick.paper.paper.authors.first().cloned(),
                })
                .collect(),
        })
        .collect();
    let muted: Vec<String> = muted.into_iter().map(|(_, name)| name).collect();
    let page =
        page(site, bearer, "/preferences/picks").with("issues", &issues).with("muted", &muted).with("said", &said);
    site.pages.respond(StatusCode::OK, "preferences.picks.html", &page)
}

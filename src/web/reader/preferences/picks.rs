//! The latest picks, with the reader's feedback.

use super::{Bearer, bearer, page, posted};
use crate::pick::Thumb;
use crate::store::{Channel, FeedbackChange, NewFeedback, PaperRow};
use crate::web::error_page::ErrorPage;
use crate::web::paper_view::path_of;
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, WebState};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use std::collections::HashMap;

/// Number of issues whose picks are listed.
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
    /// `more`, `less`, `save`, or empty.
    thumb: &'static str,
    /// A label of the buttons for screen readers.
    label: String,
    lang: Option<&'static str>,
    /// The first author, and the text of the button that mutes them.
    first_author: Option<(String, String)>,
}

#[derive(Serialize)]
struct MutedView {
    name: String,
    /// The text of the button that unmutes them.
    text: String,
}

/// `GET /preferences/picks?t=TOKEN`
pub(super) async fn list(State(state): State<WebState>, uri: Uri) -> Result<Response, PageError> {
    let bearer = bearer(&state, &uri).await?;
    show(&state, &bearer, None).await
}

/// `POST /preferences/picks?t=TOKEN` with `paper` and `thumb`, or `mute` or `unmute`.
pub(super) async fn act(
    State(state): State<WebState>,
    visitor: Visitor,
    uri: Uri,
    request: Request<Body>,
) -> Result<Response, PageError> {
    let (bearer, form) = posted(&state, visitor, &uri, request).await?;
    let (id, now) = (bearer.subscriber.id, state.clock.now());
    let locale = state.locale_of(&bearer.subscriber);
    let words = &locale.pages().picks;
    let name =
        |key: &str| crate::text::cut(&crate::text::clean_line(form.text(key)), NAME_CHARS_MAX);
    let (mute, unmute) = (name("mute"), name("unmute"));
    if !mute.is_empty() {
        let said = words.now_muted.with(&[("name", &mute)]);
        state
            .db
            .run(move |store| store.mute_author(id, &mute, now))
            .await?;
        return show(&state, &bearer, Some(&said)).await;
    }
    if !unmute.is_empty() {
        let said = words.now_unmuted.with(&[("name", &unmute)]);
        state
            .db
            .run(move |store| store.unmute_author(id, &unmute))
            .await?;
        return show(&state, &bearer, Some(&said)).await;
    }
    let thumb = form.text("thumb");
    let known = Thumb::WORDS
        .iter()
        .find(|(word, _)| *word == thumb)
        .map(|(_, thumb)| *thumb);
    let (Ok(paper), true) = (
        form.text("paper").parse().map(PaperRow),
        known.is_some() || thumb == "none",
    ) else {
        return Err(ErrorPage::BadForm.into());
    };
    let said = if let Some(thumb) = known {
        let new = NewFeedback {
            subscriber: id,
            paper,
            thumb,
            interest: None,
            channel: Channel::Web,
        };
        match state
            .db
            .run(move |store| store.give_feedback(&new, now))
            .await?
        {
            FeedbackChange::Unknown => &words.no_paper,
            _ => &words.noted,
        }
    } else {
        state
            .db
            .run(move |store| store.take_back(id, paper, Channel::Web, now))
            .await?;
        &words.taken_back
    };
    show(&state, &bearer, Some(said.as_str())).await
}

/// Longest name of an author, in characters.
const NAME_CHARS_MAX: usize = 200;

async fn show(
    state: &WebState,
    bearer: &Bearer,
    said: Option<&str>,
) -> Result<Response, PageError> {
    let id = bearer.subscriber.id;
    let locale = state.locale_of(&bearer.subscriber);
    let words = &locale.pages().picks;
    let (picks, feedback, muted) = state
        .db
        .run(move |store| {
            Ok((
                store.picks_of(id, ISSUES)?,
                store.feedback_of(&[id])?,
                store.muted_authors(&[id])?,
            ))
        })
        .await?;
    let thumbs: HashMap<PaperRow, Thumb> = feedback
        .iter()
        .map(|said| (said.paper, said.thumb))
        .collect();
    let issues: Vec<IssueView> = picks
        .chunk_by(|a, b| a.local_date == b.local_date)
        .map(|issue| IssueView {
            date: locale.day(issue[0].local_date),
            picks: issue
                .iter()
                .map(|pick| PickView {
                    row: pick.paper.row.0,
                    title: pick.paper.paper.title.clone(),
                    path: path_of(pick.paper.paper.id.as_str()),
                    section: locale.section(&pick.section),
                    score: locale.score(pick.score),
                    reason: locale.reason(&pick.reasons),
                    thumb: thumbs.get(&pick.paper.row).map_or("", |thumb| thumb.word()),
                    label: words.of.with(&[("title", &pick.paper.paper.title)]),
                    lang: locale.lang_of(&pick.paper.paper.title),
                    first_author: pick
                        .paper
                        .paper
                        .authors
                        .first()
                        .map(|name| (name.clone(), words.mute.with(&[("name", name)]))),
                })
                .collect(),
        })
        .collect();
    let muted: Vec<MutedView> = muted
        .into_iter()
        .map(|(_, name)| MutedView {
            text: words.unmute.with(&[("name", &name)]),
            name,
        })
        .collect();
    let [more, less] = locale.thumbs();
    let page = page(state, bearer, "/preferences/picks")
        .with("own", words)
        .with("more_text", more)
        .with("less_text", less)
        .with("saved_text", &locale.pages().feedback.saved)
        .with("mute_text", &locale.pages().feedback.mute)
        .with("issues", &issues)
        .with("muted", &muted)
        .with("said", &said);
    state
        .pages
        .respond(StatusCode::OK, "preferences.picks.html", &page)
}

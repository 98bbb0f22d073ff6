//! Feedback on a paper by a link in a mail.
//!
//! GET shows the possible actions and only records a click, because mail scanners follow
//! links. POST acts, and the page says what has changed and offers to undo it.

use crate::edition::clicks::{agent, network};
use crate::edition::{YOUR_PICKS, coming_date, follow_author};
use crate::language::{FeedbackWords, Locale, Text};
use crate::pick::Thumb;
use crate::store::{
    Channel, Click, FeedbackChange, NewFeedback, PaperRow, Store, StoreError, StoredPaper,
};
use crate::subscriber::{Interest, Status, Subscriber, SubscriberId};
use crate::text::same_person;
use crate::token::Scope;
use crate::web::error_page::ErrorPage;
use crate::web::forms::Form;
use crate::web::paper_view::PaperView;
use crate::web::query::Query;
use crate::web::reader::token_auth::subscriber_by_token;
use crate::web::serving::rate_limits::LimitedAction;
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, WebState};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Authors that the page offers to follow or mute.
const AUTHORS_MAX: usize = 12;

/// A feedback link: a reader, a paper and a thumb.
struct Link {
    token: String,
    subscriber: Subscriber,
    paper: StoredPaper,
    thumb: Thumb,
    /// The thumb that they have given already.
    said: Option<Thumb>,
    muted: Vec<String>,
    locale: Locale,
}

impl Link {
    async fn read(state: &WebState, uri: &Uri) -> Result<Option<Link>, PageError> {
        let query = Query::of(uri);
        let token = query.text("t").unwrap_or_default().to_owned();
        let Some(subscriber) = subscriber_by_token(state, &[Scope::Feedback], &token).await? else {
            return Ok(None);
        };
        let (id, row) = (subscriber.id, query.parsed::<i64>("p").map(PaperRow));
        let thumb = query.text("v").and_then(thumb).unwrap_or(Thumb::More);
        let Some(row) = row else { return Ok(None) };
        let known = state.db.read(move |store| {
            let muted = store
                .muted_authors(&[id])?
                .into_iter()
                .map(|(_, name)| name)
                .collect::<Vec<_>>();
            Ok((store.standing_paper(row)?, store.feedback_of(&[id])?, muted))
        });
        let (Some(paper), feedback, muted) = known.await? else {
            return Ok(None);
        };
        let said = feedback
            .into_iter()
            .find(|said| said.paper == paper.row)
            .map(|said| said.thumb);
        let locale = state.locale_of(&subscriber);
        Ok(Some(Link {
            token,
            subscriber,
            paper,
            thumb,
            said,
            muted,
            locale,
        }))
    }

    /// The address that the forms of the page post to.
    fn action(&self) -> String {
        format!(
            "/feedback?t={}&p={}&v={}",
            self.token,
            self.paper.row.0,
            self.thumb.word()
        )
    }

    fn author(&self, name: &str) -> Option<String> {
        self.paper
            .paper
            .authors
            .iter()
            .find(|author| *author == name)
            .cloned()
    }
}

fn thumb(word: &str) -> Option<Thumb> {
    Thumb::WORDS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, thumb)| *thumb)
}

/// `GET /feedback?t=TOKEN&p=ROW&v=more`
pub(super) async fn ask(
    State(state): State<WebState>,
    visitor: Visitor,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, PageError> {
    let link = Link::read(&state, &uri).await?.ok_or(ErrorPage::BadLink)?;
    let named = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let click = Click {
        subscriber: link.subscriber.id,
        paper: link.paper.row,
        at: state.clock.now(),
        is_head: method == Method::HEAD,
        agent: agent(named),
        network: network(visitor.address),
    };
    if let Err(error) = state.db.run(move |store| store.record_click(&click)).await {
        // Show the page nevertheless.
        tracing::warn!(%error, "click not recorded");
    }
    let words = &link.locale.pages().feedback;
    if link.said == Some(link.thumb) {
        let undo = [("do", "undo".to_owned())];
        return show(
            &state,
            &link,
            heading(words, link.thumb),
            &[words.already.as_str().to_owned()],
            Some(&undo),
        );
    }
    let heading = match link.thumb {
        Thumb::More => &words.ask_more,
        Thumb::Less => &words.ask_less,
        Thumb::Save => &words.ask_save,
    };
    show(
        &state,
        &link,
        heading.as_str(),
        &[words.nothing_yet.as_str().to_owned()],
        None,
    )
}

/// An action that a form asks for.
enum FeedbackAction {
    Say(Thumb, Option<String>),
    TakeBack,
    Follow(String, Option<String>),
    Unfollow(String),
    Mute(String),
    Unmute(String),
}

impl FeedbackAction {
    fn read(form: &Form, link: &Link) -> Option<FeedbackAction> {
        let interests = link
            .subscriber
            .interests
            .iter()
            .map(|interest| &interest.name);
        let interest = interests
            .into_iter()
            .find(|name| *name == form.text("interest"))
            .cloned();
        let author = || link.author(form.text("author"));
        Some(match form.text("do") {
            "" => FeedbackAction::Say(link.thumb, interest),
            "undo" => FeedbackAction::TakeBack,
            "follow" => FeedbackAction::Follow(author()?, interest),
            "unfollow" => FeedbackAction::Unfollow(author()?),
            "mute" => FeedbackAction::Mute(author()?),
            "unmute" => FeedbackAction::Unmute(author()?),
            word => FeedbackAction::Say(thumb(word)?, interest),
        })
    }
}

/// The result of an action, as the page shows it.
struct ActionResult {
    heading: String,
    said: Vec<String>,
    /// The fields of the form that undoes it.
    undo: Option<Vec<(&'static str, String)>>,
}

/// `POST /feedback?t=TOKEN&p=ROW&v=more`
pub(super) async fn act(
    State(state): State<WebState>,
    visitor: Visitor,
    uri: Uri,
    request: Request<Body>,
) -> Result<Response, PageError> {
    let link = Link::read(&state, &uri).await?.ok_or(ErrorPage::BadLink)?;
    state.limit(LimitedAction::Feedback, visitor)?;
    let form = Form::read(request).await?;
    let Some(action) = FeedbackAction::read(&form, &link) else {
        let words = &link.locale.pages().feedback;
        let said = [words.unclear.as_str().to_owned()];
        return show_with(
            &state,
            &link,
            StatusCode::BAD_REQUEST,
            words.unchanged.as_str(),
            &said,
            None,
        );
    };
    let now = state.clock.now();
    let (id, row, mailed) = (link.subscriber.id, link.paper.row, link.thumb);
    let locale = link.locale.clone();
    let result = state
        .db
        .run(move |store| {
            perform(
                store,
                &locale.pages().feedback,
                id,
                row,
                mailed,
                action,
                now,
            )
        })
        .await?;
    let mut result = result.ok_or(ErrorPage::BadLink)?;
    result.said.push(coming(&state, &link, now).await?);
    let link = Link::read(&state, &uri).await?.ok_or(ErrorPage::BadLink)?;
    show(
        &state,
        &link,
        &result.heading,
        &result.said,
        result.undo.as_deref(),
    )
}

/// Performs an action; `None` if the reader or the paper is gone.
fn perform(
    store: &mut dyn Store,
    words: &FeedbackWords,
    id: SubscriberId,
    paper: PaperRow,
    mailed: Thumb,
    action: FeedbackAction,
    now: DateTime<Utc>,
) -> Result<Option<ActionResult>, StoreError> {
    let Some(mut subscriber) = store.subscriber_by_id(id)? else {
        return Ok(None);
    };
    let named = |text: &Text, name: &str| text.with(&[("name", name)]);
    let again = |thumb: Thumb| vec![("do", thumb.word().to_owned())];
    let of_author =
        |action: &str, name: &str| vec![("do", action.to_owned()), ("author", name.to_owned())];
    Ok(Some(match action {
        FeedbackAction::Say(thumb, interest) => {
            let channel = if thumb == mailed {
                Channel::Mail
            } else {
                Channel::Web
            };
            let given = store.give_feedback(
                &NewFeedback {
                    subscriber: id,
                    paper,
                    thumb,
                    interest,
                    channel,
                },
                now,
            )?;
            let heading = heading(words, thumb).to_owned();
            let before = match given {
                FeedbackChange::Unknown => return Ok(None),
                FeedbackChange::Already => {
                    let said = vec![words.already.as_str().to_owned()];
                    return Ok(Some(ActionResult {
                        heading,
                        said,
                        undo: Some(vec![("do", "undo".to_owned())]),
                    }));
                }
                FeedbackChange::Changed(before) => before,
            };
            let about = store
                .feedback_of(&[id])?
                .into_iter()
                .find(|said| said.paper == paper);
            let about = about.and_then(|said| said.interest);
            let undo = before.map_or_else(|| vec![("do", "undo".to_owned())], again);
            ActionResult {
                heading,
                said: effects(words, &subscriber, thumb, about.as_deref()),
                undo: Some(undo),
            }
        }
        FeedbackAction::TakeBack => {
            let before = store.take_back(id, paper, Channel::Web, now)?;
            let said = if before.is_some() {
                &words.forgotten
            } else {
                &words.nothing_said
            };
            let heading = words.taken_back.as_str().to_owned();
            ActionResult {
                heading,
                said: vec![said.as_str().to_owned()],
                undo: before.map(again),
            }
        }
        FeedbackAction::Follow(name, interest) => {
            let was_muted = store.unmute_author(id, &name)?;
            let interest = follow_author(&mut subscriber, interest.as_deref(), &name);
            let mut said = Vec::new();
            let undo = interest.as_ref().map(|_| of_author("unfollow", &name));
            match interest {
                Some(interest) => {
                    store.save_subscriber(&subscriber, now)?;
                    said.push(
                        words
                            .followed_text
                            .with(&[("name", &name), ("interest", &interest)]),
                    );
                }
                None => said.push(named(&words.followed_already, &name)),
            }
            if was_muted {
                said.push(named(&words.unmuted_too, &name));
            }
            ActionResult {
                heading: named(&words.followed, &name),
                said,
                undo,
            }
        }
        FeedbackAction::Unfollow(name) => {
            for interest in &mut subscriber.details.interests {
                interest.authors.retain(|known| !same_person(known, &name));
            }
            let is_empty = |interest: &Interest| {
                *interest
                    == Interest {
                        name: YOUR_PICKS.to_owned(),
                        ..Interest::default()
                    }
            };
            subscriber
                .details
                .interests
                .retain(|interest| !is_empty(interest));
            store.save_subscriber(&subscriber, now)?;
            let said = vec![words.unfollowed_text.as_str().to_owned()];
            ActionResult {
                heading: named(&words.unfollowed, &name),
                said,
                undo: Some(of_author("follow", &name)),
            }
        }
        FeedbackAction::Mute(name) => {
            let is_new = store.mute_author(id, &name, now)?;
            let said = if is_new {
                &words.muted_text
            } else {
                &words.muted_already
            };
            let undo = is_new.then(|| of_author("unmute", &name));
            ActionResult {
                heading: named(&words.muted, &name),
                said: vec![named(said, &name)],
                undo,
            }
        }
        FeedbackAction::Unmute(name) => {
            let was = store.unmute_author(id, &name)?;
            let said = if was {
                &words.unmuted_text
            } else {
                &words.unmuted_already
            };
            let undo = was.then(|| of_author("mute", &name));
            ActionResult {
                heading: named(&words.unmuted, &name),
                said: vec![named(said, &name)],
                undo,
            }
        }
    }))
}

fn heading(words: &FeedbackWords, thumb: Thumb) -> &str {
    let word = match thumb {
        Thumb::More => &words.more,
        Thumb::Less => &words.less,
        Thumb::Save => &words.saved,
    };
    word.as_str()
}

/// Sentences on the effect of a thumb.
fn effects(
    words: &FeedbackWords,
    subscriber: &Subscriber,
    thumb: Thumb,
    about: Option<&str>,
) -> Vec<String> {
    let text = |text: &Text| text.as_str().to_owned();
    let mut said = Vec::new();
    if thumb == Thumb::Save {
        said.push(text(&words.kept));
    }
    said.push(match (thumb, about) {
        (Thumb::More | Thumb::Save, Some(name)) => words.up.with(&[("interest", name)]),
        (Thumb::Less, Some(name)) => words.down.with(&[("interest", name)]),
        (Thumb::More | Thumb::Save, None) if subscriber.interests.is_empty() => {
            words.own_section.with(&[("section", YOUR_PICKS)])
        }
        (Thumb::More | Thumb::Save, None) => text(&words.nearest_up),
        (Thumb::Less, None) => text(&words.all_down),
    });
    if thumb == Thumb::Less {
        said.push(text(&words.not_again));
    }
    said
}

/// The sentence on the first issue that follows the change.
async fn coming(state: &WebState, link: &Link, now: DateTime<Utc>) -> Result<String, PageError> {
    let (words, preferences) = (&link.locale.pages().feedback, &link.subscriber.preferences);
    let subscriber = link.subscriber.clone();
    let next = state
        .db
        .run_blocking(move |db| coming_date(db, &subscriber, now))
        .await?;
    Ok(
        match next.filter(|_| link.subscriber.status == Status::Active) {
            Some(date) => words.from_then.with(&[
                ("day", &link.locale.day(date)),
                ("time", &preferences.send_at.format("%H:%M").to_string()),
                ("zone", preferences.timezone.name()),
            ]),
            None => words.someday.as_str().to_owned(),
        },
    )
}

#[derive(Serialize)]
struct Choice<'a> {
    word: &'static str,
    text: &'a str,
}

impl<'a> Choice<'a> {
    fn of(words: &'a FeedbackWords, thumb: Thumb) -> Self {
        let text = match thumb {
            Thumb::More => &words.more,
            Thumb::Less => &words.less,
            Thumb::Save => &words.save,
        };
        Choice {
            word: thumb.word(),
            text: text.as_str(),
        }
    }
}

#[derive(Serialize)]
struct AuthorView {
    name: String,
    followed: bool,
    muted: bool,
}

fn show(
    state: &WebState,
    link: &Link,
    heading: &str,
    said: &[String],
    undo: Option<&[(&'static str, String)]>,
) -> Result<Response, PageError> {
    show_with(state, link, StatusCode::OK, heading, said, undo)
}

fn show_with(
    state: &WebState,
    link: &Link,
    status: StatusCode,
    heading: &str,
    said: &[String],
    undo: Option<&[(&'static str, String)]>,
) -> Result<Response, PageError> {
    let followed: Vec<&String> = link
        .subscriber
        .interests
        .iter()
        .flat_map(|interest| &interest.authors)
        .collect();
    let authors = link
        .paper
        .paper
        .authors
        .iter()
        .take(AUTHORS_MAX)
        .map(|name| AuthorView {
            followed: followed.iter().any(|known| same_person(known, name)),
            muted: link.muted.iter().any(|known| same_person(known, name)),
            name: name.clone(),
        });
    let authors: Vec<AuthorView> = authors.collect();
    let interests: Vec<&str> = link
        .subscriber
        .interests
        .iter()
        .map(|interest| interest.name.as_str())
        .collect();
    let words = &link.locale.pages().feedback;
    // The thumb already given is not offered again.
    let big = Some(link.thumb).filter(|thumb| link.said != Some(*thumb));
    let others = Thumb::WORDS.iter().map(|(_, thumb)| *thumb);
    let others = others.filter(|thumb| *thumb != link.thumb && link.said != Some(*thumb));
    let others: Vec<Choice> = others.map(|thumb| Choice::of(words, thumb)).collect();
    let page = state
        .page_in(&link.locale, "/feedback")
        .with("words", words)
        .with("heading", &heading)
        .with("said", &said)
        .with("undo", &undo)
        .with("action", &link.action())
        .with("big", &big.map(|thumb| Choice::of(words, thumb)))
        .with("others", &others)
        .with("interests", &interests)
        .with("authors", &authors)
        .with("saved_url", &format!("/saved?t={}", link.token))
        .with(
            "paper",
            &PaperView::in_list(&link.paper.paper, &link.locale),
        );
    state.pages.respond(status, "feedback.html", &page)
}

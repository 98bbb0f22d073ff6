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
    Give(Thumb, Option<String>),
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
            "" => FeedbackAction::Give(link.thumb, interest),
            "undo" => FeedbackAction::TakeBack,
            "follow" => FeedbackAction::Follow(author()?, interest),
            "unfollow" => FeedbackAction::Unfollow(author()?),
            "mute" => FeedbackAction::Mute(author()?),
            "unmute" => FeedbackAction::Unmute(author()?),
            word => FeedbackAction::Give(thumb(word)?, interest),
        })
    }
}

/// Names and values of form fields.
type Fields = Vec<(&'static str, String)>;

/// The result of an action, as the page shows it.
struct ActionResult {
    heading: String,
    said: Vec<String>,
    /// The fields of the form that undoes it.
    undo: Option<Fields>,
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
    let Some(subscriber) = store.subscriber_by_id(id)? else {
        return Ok(None);
    };
    let result = match action {
        FeedbackAction::Give(thumb, interest) => {
            let channel = if thumb == mailed {
                Channel::Mail
            } else {
                Channel::Web
            };
            let feedback = NewFeedback {
                subscriber: id,
                paper,
                thumb,
                interest,
                channel,
            };
            return give(store, words, &subscriber, &feedback, now);
        }
        FeedbackAction::TakeBack => {
            let before = store.take_back(id, paper, Channel::Web, now)?;
            let text = if before.is_some() {
                &words.forgotten
            } else {
                &words.nothing_said
            };
            ActionResult {
                heading: words.taken_back.as_str().to_owned(),
                said: vec![text.as_str().to_owned()],
                undo: before.map(undo_to),
            }
        }
        FeedbackAction::Follow(name, interest) => {
            follow(store, words, subscriber, &name, interest.as_deref(), now)?
        }
        FeedbackAction::Unfollow(name) => unfollow(store, words, subscriber, &name, now)?,
        FeedbackAction::Mute(name) => {
            let is_new = store.mute_author(id, &name, now)?;
            let text = if is_new {
                &words.muted_text
            } else {
                &words.muted_already
            };
            ActionResult {
                heading: named(&words.muted, &name),
                said: vec![named(text, &name)],
                undo: is_new.then(|| author_action("unmute", &name)),
            }
        }
        FeedbackAction::Unmute(name) => {
            let was_muted = store.unmute_author(id, &name)?;
            let text = if was_muted {
                &words.unmuted_text
            } else {
                &words.unmuted_already
            };
            ActionResult {
                heading: named(&words.unmuted, &name),
                said: vec![named(text, &name)],
                undo: was_muted.then(|| author_action("mute", &name)),
            }
        }
    };
    Ok(Some(result))
}

/// Gives a thumb; `None` if the paper is gone.
fn give(
    store: &mut dyn Store,
    words: &FeedbackWords,
    subscriber: &Subscriber,
    feedback: &NewFeedback,
    now: DateTime<Utc>,
) -> Result<Option<ActionResult>, StoreError> {
    let heading = heading(words, feedback.thumb).to_owned();
    let take_back = || vec![("do", "undo".to_owned())];
    let before = match store.give_feedback(feedback, now)? {
        FeedbackChange::Unknown => return Ok(None),
        FeedbackChange::Already => {
            return Ok(Some(ActionResult {
                heading,
                said: vec![words.already.as_str().to_owned()],
                undo: Some(take_back()),
            }));
        }
        FeedbackChange::Changed(before) => before,
    };
    let about = store
        .feedback_of(&[subscriber.id])?
        .into_iter()
        .find(|given| given.paper == feedback.paper)
        .and_then(|given| given.interest);
    Ok(Some(ActionResult {
        heading,
        said: effects(words, subscriber, feedback.thumb, about.as_deref()),
        undo: Some(before.map_or_else(take_back, undo_to)),
    }))
}

/// Follows an author, in `interest` or in the interest of the reader's own picks.
fn follow(
    store: &mut dyn Store,
    words: &FeedbackWords,
    mut subscriber: Subscriber,
    name: &str,
    interest: Option<&str>,
    now: DateTime<Utc>,
) -> Result<ActionResult, StoreError> {
    let was_muted = store.unmute_author(subscriber.id, name)?;
    let interest = follow_author(&mut subscriber, interest, name);
    let mut said = Vec::new();
    if let Some(interest) = &interest {
        store.save_subscriber(&subscriber, now)?;
        let values = [("name", name), ("interest", interest.as_str())];
        said.push(words.followed_text.with(&values));
    } else {
        said.push(named(&words.followed_already, name));
    }
    if was_muted {
        said.push(named(&words.unmuted_too, name));
    }
    Ok(ActionResult {
        heading: named(&words.followed, name),
        said,
        undo: interest.map(|_| author_action("unfollow", name)),
    })
}

/// Unfollows an author in all interests.
fn unfollow(
    store: &mut dyn Store,
    words: &FeedbackWords,
    mut subscriber: Subscriber,
    name: &str,
    now: DateTime<Utc>,
) -> Result<ActionResult, StoreError> {
    let empty = Interest {
        name: YOUR_PICKS.to_owned(),
        ..Interest::default()
    };
    for interest in &mut subscriber.details.interests {
        interest.authors.retain(|known| !same_person(known, name));
    }
    subscriber
        .details
        .interests
        .retain(|interest| *interest != empty);
    store.save_subscriber(&subscriber, now)?;
    Ok(ActionResult {
        heading: named(&words.unfollowed, name),
        said: vec![words.unfollowed_text.as_str().to_owned()],
        undo: Some(author_action("follow", name)),
    })
}

fn named(text: &Text, name: &str) -> String {
    text.with(&[("name", name)])
}

/// Form fields that give the former thumb again.
fn undo_to(before: Thumb) -> Fields {
    vec![("do", before.word().to_owned())]
}

/// Form fields of an action on an author.
fn author_action(action: &str, name: &str) -> Fields {
    vec![("do", action.to_owned()), ("author", name.to_owned())]
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

//! What a reader says of a paper, by a link in a mail.
//!
//! Mail scanners follow links, so GET shows what can be said and changes
//! nothing; it is noted as a click. POST says it, and the page tells what was
//! changed, what will come of it, and how to take it back.

use super::form::Form;
use super::query::Query;
use super::signup::torn;
use super::view::PaperView;
use super::visitor::Visitor;
use super::{PageError, Site, bad_link};
use crate::edition::clicks::{agent, network};
use crate::edition::{YOUR_PICKS, follow_author};
use crate::links::Thumb;
use crate::schedule::next_due;
use crate::store::{Channel, Click, Given, NewFeedback, PaperRow, Store, StoreError, StoredPaper};
use crate::subscriber::{Status, Subscriber, SubscriberId};
use crate::text::same_person;
use crate::token::Scope;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Authors who can be followed or muted on the page.
const AUTHORS_MAX: usize = 12;

/// What the link names: a reader, a paper and what to say of it.
struct Link {
    token: String,
    subscriber: Subscriber,
    paper: StoredPaper,
    thumb: Thumb,
    muted: Vec<String>,
}

impl Link {
    async fn read(site: &Site, uri: &Uri) -> Result<Option<Link>, PageError> {
        let query = Query::of(uri);
        let token = query.text("t").unwrap_or_default().to_owned();
        let Ok(id) = site.desk().signer.verify(Scope::Feedback, &token) else { return Ok(None) };
        let (id, row) = (SubscriberId(id), query.parsed::<i64>("p").map(PaperRow));
        let thumb = query.text("v").and_then(thumb).unwrap_or(Thumb::More);
        let Some(row) = row else { return Ok(None) };
        let known = site.db.read(move |store| {
            let muted = store.muted_authors(&[id])?.into_iter().map(|(_, name)| name).collect::<Vec<_>>();
            Ok((store.subscriber_by_id(id)?, store.standing_paper(row)?, muted))
        });
        let (Some(subscriber), Some(paper), muted) = known.await? else { return Ok(None) };
        Ok(Some(Link { token, subscriber, paper, thumb, muted }))
    }

    /// Where the forms of the page go.
    fn action(&self) -> String {
        format!("/feedback?t={}&p={}&v={}", self.token, self.paper.row.0, self.thumb.word())
    }

    fn author(&self, name: &str) -> Option<String> {
        self.paper.paper.authors.iter().find(|author| *author == name).cloned()
    }
}

fn thumb(word: &str) -> Option<Thumb> {
    Thumb::WORDS.iter().find(|(known, _)| *known == word).map(|(_, thumb)| *thumb)
}

/// `GET /feedback?t=TOKEN&p=ROW&v=more`
pub(super) async fn ask(
    State(site): State<Site>,
    visitor: Visitor,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, PageError> {
    let Some(link) = Link::read(&site, &uri).await? else { return bad_link(&site) };
    let named = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let click = Click {
        subscriber: link.subscriber.id,
        paper: link.paper.row,
        at: site.clock.now(),
        is_head: method == Method::HEAD,
        agent: agent(named),
        network: network(visitor.address),
    };
    if let Err(error) = site.db.run(move |store| store.record_click(&click)).await {
        // The page is worth more than the count.
        tracing::warn!("a click cannot be noted: {error}");
    }
    let heading = match link.thumb {
        Thumb::More => "More like this?",
        Thumb::Less => "Less like this?",
        Thumb::Save => "Save this paper?",
    };
    show(&site, &link, heading, &["Nothing has been changed yet.".to_owned()], None)
}

/// What a form asks for.
enum Deed {
    Say(Thumb, Option<String>),
    TakeBack,
    Follow(String, Option<String>),
    Unfollow(String),
    Mute(String),
    Unmute(String),
}

impl Deed {
    fn read(form: &Form, link: &Link) -> Option<Deed> {
        let interests = link.subscriber.interests.iter().map(|interest| &interest.name);
        let interest = interests.into_iter().find(|name| *name == form.text("interest")).cloned();
        let author = || link.author(form.text("author"));
        Some(match form.text("do") {
            "" => Deed::Say(link.thumb, interest),
            "undo" => Deed::TakeBack,
            "follow" => Deed::Follow(author()?, interest),
            "unfollow" => Deed::Unfollow(author()?),
            "mute" => Deed::Mute(author()?),
            "unmute" => Deed::Unmute(author()?),
            word => Deed::Say(thumb(word)?, interest),
        })
    }
}

/// What was done.
struct Told {
    heading: String,
    said: Vec<String>,
    /// The fields of the form that takes it back.
    undo: Option<Vec<(&'static str, String)>>,
}

/// `POST /feedback?t=TOKEN&p=ROW&v=more`
pub(super) async fn act(State(site): State<Site>, uri: Uri, request: Request<Body>) -> Result<Response, PageError> {
    let Some(link) = Link::read(&site, &uri).await? else { return bad_link(&site) };
    let Ok(form) = Form::read(request).await else { return torn(&site) };
    let Some(deed) = Deed::read(&form, &link) else {
        let said = ["That was not understood, and nothing was changed. Please choose again.".to_owned()];
        return show_with(&site, &link, StatusCode::BAD_REQUEST, "Nothing was changed", &said, None);
    };
    let now = site.clock.now();
    let (id, row, mailed) = (link.subscriber.id, link.paper.row, link.thumb);
    let told = site.db.run(move |store| perform(store, id, row, mailed, deed, now)).await?;
    let Some(mut told) = told else { return bad_link(&site) };
    told.said.push(coming(&link.subscriber, now));
    let Some(link) = Link::read(&site, &uri).await? else { return bad_link(&site) };
    show(&site, &link, &told.heading, &told.said, told.undo.as_deref())
}

/// Does what is asked for; `None` if reader or paper are gone.
fn perform(
    store: &mut dyn Store,
    id: SubscriberId,
    paper: PaperRow,
    mailed: Thumb,
    deed: Deed,
    now: DateTime<Utc>,
) -> Result<Option<Told>, StoreError> {
    let Some(mut subscriber) = store.subscriber_by_id(id)? else { return Ok(None) };
    Ok(Some(match deed {
        Deed::Say(thumb, interest) => {
            let channel = if thumb == mailed { Channel::Mail } else { Channel::Web };
            let given = store.give_feedback(&NewFeedback { subscriber: id, paper, thumb, interest, channel }, now)?;
            let before = match given {
                Given::Unknown => return Ok(None),
                Given::Already => {
                    let said = vec!["You had said just this before: nothing has changed.".to_owned()];
                    let undo = Some(vec![("do", "undo".to_owned())]);
                    return Ok(Some(Told { heading: heading(thumb).to_owned(), said, undo }));
                }
                Given::Changed(before) => before,
            };
            let about = store.feedback_of(&[id])?.into_iter().find(|said| said.paper == paper);
            let about = about.and_then(|said| said.interest);
            let undo = match before {
                None => vec![("do", "undo".to_owned())],
                Some(before) => vec![("do", before.word().to_owned())],
            };
            Told {
                heading: heading(thumb).to_owned(),
                said: effects(&subscriber, thumb, about.as_deref()),
                undo: Some(undo),
            }
        }
        Deed::TakeBack => {
            let before = store.take_back(id, paper, Channel::Web, now)?;
            let said = match before {
                Some(_) => "What you said of this paper is forgotten.",
                None => "There was nothing to take back.",
            };
            let undo = before.map(|before| vec![("do", before.word().to_owned())]);
            Told { heading: "Taken back".to_owned(), said: vec![said.to_owned()], undo }
        }
        Deed::Follow(name, interest) => {
            let was_muted = store.unmute_author(id, &name)?;
            let interest = follow_author(&mut subscriber, interest.as_deref(), &name);
            let mut said = Vec::new();
            let undo = interest.as_ref().map(|_| vec![("do", "unfollow".to_owned()), ("author", name.clone())]);
            match interest {
                Some(interest) => {
                    store.save_subscriber(&subscriber, now)?;
                    said.push(format!("New papers by {name} come first, whatever they are about. The name stands in the interest “{interest}”."));
                }
                None => said.push(format!("You follow {name} already.")),
            }
            if was_muted {
                said.push(format!("{name} is not muted any more."));
            }
            Told { heading: format!("You follow {name}"), said, undo }
        }
        Deed::Unfollow(name) => {
            for interest in &mut subscriber.details.interests {
                interest.authors.retain(|known| !same_person(known, &name));
            }
            let is_empty = |interest: &crate::subscriber::Interest| {
                *interest == crate::subscriber::Interest { name: YOUR_PICKS.to_owned(), ..Default::default() }
            };
            subscriber.details.interests.retain(|interest| !is_empty(interest));
            store.save_subscriber(&subscriber, now)?;
            let undo = Some(vec![("do", "follow".to_owned()), ("author", name.clone())]);
            let said = vec!["Papers by this author come when they fit your interests.".to_owned()];
            Told { heading: format!("You do not follow {name} any more"), said, undo }
        }
        Deed::Mute(name) => {
            let is_new = store.mute_author(id, &name, now)?;
            let said = if is_new {
                format!("Papers by {name} are kept out of your issues.")
            } else {
                format!("{name} was muted already.")
            };
            let undo = is_new.then(|| vec![("do", "unmute".to_owned()), ("author", name.clone())]);
            Told { heading: format!("{name} is muted"), said: vec![said], undo }
        }
        Deed::Unmute(name) => {
            let was = store.unmute_author(id, &name)?;
            let said = if was { format!("Papers by {name} may come again.") } else { format!("{name} was not muted.") };
            let undo = was.then(|| vec![("do", "mute".to_owned()), ("author", name.clone())]);
            Told { heading: format!("{name} is not muted"), said: vec![said], undo }
        }
    }))
}

fn heading(thumb: Thumb) -> &'static str {
    match thumb {
        Thumb::More => "More like this",
        Thumb::Less => "Less like this",
        Thumb::Save => "Saved",
    }
}

/// What a thumb does, in sentences.
fn effects(subscriber: &Subscriber, thumb: Thumb, about: Option<&str>) -> Vec<String> {
    let mut said = Vec::new();
    if thumb == Thumb::Save {
        said.push("It stands among your saved papers, and counts as one that you like.".to_owned());
    }
    said.push(match (thumb, about) {
        (Thumb::More | Thumb::Save, Some(name)) => {
            format!("Your interest “{name}” learns from it: papers like it move up.")
        }
        (Thumb::Less, Some(name)) => format!("Your interest “{name}” learns from it: papers like it move down."),
        (Thumb::More | Thumb::Save, None) if subscriber.interests.is_empty() => {
            format!("You get a section of your own, “{YOUR_PICKS}”, with papers like it above the trending ones.")
        }
        (Thumb::More | Thumb::Save, None) => {
            "The interest that is nearest to it learns from it: papers like it move up.".to_owned()
        }
        (Thumb::Less, None) => "Papers like it move down.".to_owned(),
    });
    if thumb == Thumb::Less {
        said.push("This one is not sent to you again.".to_owned());
    }
    said
}

/// When it shows.
fn coming(subscriber: &Subscriber, now: DateTime<Utc>) -> String {
    let preferences = &subscriber.preferences;
    let next = next_due(preferences, now).filter(|_| subscriber.status == Status::Active);
    match next {
        Some((date, _)) => format!(
            "It counts from your next issue on, {} at {} ({}).",
            date.format("%A, %-d %B"),
            preferences.send_at.format("%H:%M"),
            preferences.timezone.name()
        ),
        None => "You get no issues at the moment; it counts when they come again.".to_owned(),
    }
}

#[derive(Serialize)]
struct Choice {
    word: &'static str,
    text: &'static str,
}

impl Choice {
    fn of(thumb: Thumb) -> Self {
        let text = match thumb {
            Thumb::More => "More like this",
            Thumb::Less => "Less like this",
            Thumb::Save => "Save it for later",
        };
        Choice { word: thumb.word(), text }
    }
}

#[derive(Serialize)]
struct AuthorView {
    name: String,
    followed: bool,
    muted: bool,
}

fn show(
    site: &Site,
    link: &Link,
    heading: &str,
    said: &[String],
    undo: Option<&[(&'static str, String)]>,
) -> Result<Response, PageError> {
    show_with(site, link, StatusCode::OK, heading, said, undo)
}

fn show_with(
    site: &Site,
    link: &Link,
    status: StatusCode,
    heading: &str,
    said: &[String],
    undo: Option<&[(&'static str, String)]>,
) -> Result<Response, PageError> {
    let followed: Vec<&String> = link.subscriber.interests.iter().flat_map(|interest| &interest.authors).collect();
    let authors = link.paper.paper.authors.iter().take(AUTHORS_MAX).map(|name| AuthorView {
        followed: followed.iter().any(|known| same_person(known, name)),
        muted: link.muted.iter().any(|known| same_person(known, name)),
        name: name.clone(),
    });
    let authors: Vec<AuthorView> = authors.collect();
    let interests: Vec<&str> = link.subscriber.interests.iter().map(|interest| interest.name.as_str()).collect();
    let others: Vec<Choice> =
        Thumb::WORDS.iter().filter(|(_, thumb)| *thumb != link.thumb).map(|(_, thumb)| Choice::of(*thumb)).collect();
    let page = site
        .page("/feedback")
        .with("heading", &heading)
        .with("said", &said)
        .with("undo", &undo)
        .with("action", &link.action())
        .with("big", &Choice::of(link.thumb))
        .with("others", &others)
        .with("interests", &interests)
        .with("authors", &authors)
        .with("saved_url", &format!("/saved?t={}", link.token))
        .with("paper", &PaperView::in_list(&link.paper.paper));
    site.pages.respond(status, "feedback.html", &page)
}

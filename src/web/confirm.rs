//! The link in a mail that proves who asked. GET shows a button, POST acts:
//! mail scanners follow links.

use super::query::Query;
use super::signup::{LIBRARY, LINK_HOURS, WORDING};
use super::visitor::Visitor;
use super::{PageError, Site};
use crate::digest::notices::Notice;
use crate::fields::Fields;
use crate::links::Links;
use crate::store::{Asking, LibraryWork, NewRequest, Proved, Request, RequestId, RequestKind};
use crate::subscriber::{Address, NewSubscriber, Preferences, Status, Subscriber, SubscriberId, read_subscriber};
use crate::token::Scope;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use chrono::TimeDelta;

/// `GET /confirm?t=TOKEN`
pub(super) async fn ask(State(site): State<Site>, uri: Uri) -> Result<Response, PageError> {
    let Some(request) = request(&site, &uri).await? else { return stale(&site) };
    let address = &request.request.address;
    match request.request.kind {
        RequestKind::Subscribe => {
            let text = format!(
                "New papers will come to {address}. You can change everything later, and leave with one click."
            );
            site.pages.question("Confirm your subscription", &text, "Confirm")
        }
        RequestKind::Move => {
            let text = format!("From now on, issues will go to {address}.");
            site.pages.question("Confirm your new address", &text, "Confirm")
        }
        _ => stale(&site),
    }
}

/// `POST /confirm?t=TOKEN`
pub(super) async fn act(State(site): State<Site>, visitor: Visitor, uri: Uri) -> Result<Response, PageError> {
    let Some(request) = request(&site, &uri).await? else { return stale(&site) };
    let now = site.clock.now();
    let confirming = Asking {
        wording: WORDING.to_owned(),
        page: site.desk().site.url(uri.path()),
        network: visitor.address.to_string(),
    };
    let id = request.id;
    match request.request.kind {
        RequestKind::Subscribe => {
            let Some((details, works)) = details(&request) else { return stale(&site) };
            let proved = site
                .db
                .run(move |store| {
                    let details = match store.subscriber(&details.address)? {
                        Some(known) => returning(known.details, details),
                        None => details,
                    };
                    let proved = store.confirm_subscription(id, &details, &confirming, now)?;
                    if let (Proved::Done(subscriber), Some(interest)) = (proved, details.interests.first()) {
                        store.add_library(subscriber, &interest.name, &works, now)?;
                    }
                    Ok(proved)
                })
                .await?;
            match proved {
                Proved::Done(subscriber) => {
                    tracing::info!(subscriber.id = subscriber.0, "subscribed");
                    welcome(&site, subscriber).await?;
                    subscribed(&site, subscriber)
                }
                Proved::Before(subscriber) => subscribed(&site, subscriber),
                Proved::Impossible => stale(&site),
            }
        }
        RequestKind::Move => {
            let address = request.request.address.clone();
            let (whose, asked) = (request.request.subscriber, confirming.clone());
            let (before, proved) = site
                .db
                .run(move |store| {
                    let before = whose.map(|whose| store.subscriber_by_id(whose)).transpose()?.flatten();
                    Ok((before, store.move_subscription(id, &address, &confirming, now)?))
                })
                .await?;
            match proved {
                Proved::Done(subscriber) | Proved::Before(subscriber) => {
                    tracing::info!(subscriber.id = subscriber.0, "issues go to another address");
                    if let (Proved::Done(_), Some(before)) = (proved, before)
                        && request.request.details != UNDO
                    {
                        tell_old_address(&site, &before, &request.request.address, asked).await?;
                    }
                    let link = preferences(&site, subscriber);
                    let text = "Issues will come to your new address from now on.";
                    site.pages.message_with_link(
                        StatusCode::OK,
                        "That is your address now",
                        text,
                        &link,
                        "Your preferences",
                    )
                }
                Proved::Impossible => stale(&site),
            }
        }
        _ => stale(&site),
    }
}

/// The request that the token names, while its link holds.
async fn request(site: &Site, uri: &Uri) -> Result<Option<Request>, PageError> {
    let query = Query::of(uri);
    let Ok(id) = site.desk().signer.verify(Scope::Confirm, query.text("t").unwrap_or_default()) else {
        return Ok(None);
    };
    let found = site.db.run(move |store| store.request(RequestId(id))).await?;
    let age = site.clock.now();
    let is_fresh = |request: &Request| {
        let is_undo = request.request.kind == RequestKind::Move && request.request.details == UNDO;
        let holds = if is_undo { TimeDelta::days(UNDO_DAYS) } else { TimeDelta::hours(LINK_HOURS) };
        request.asked_at >= age - holds
    };
    // What was done stays done: whoever follows the link again is told so.
    Ok(found.filter(|request| is_fresh(request) || request.done_at.is_some()))
}

/// What a move back to the old address has for details.
const UNDO: &str = "undo";

/// How long a move can be undone.
const UNDO_DAYS: i64 = 7;

/// Tells the address of before where issues go now, with a link that undoes it.
async fn tell_old_address(site: &Site, before: &Subscriber, new: &Address, asking: Asking) -> Result<(), PageError> {
    let now = site.clock.now();
    let request = NewRequest {
        kind: RequestKind::Move,
        address: before.address.clone(),
        subscriber: Some(before.id),
        details: UNDO.to_owned(),
        asking,
    };
    let id = site.db.run(move |store| store.ask(&request, None, now)).await?;
    let desk = site.desk();
    let url = desk.site.url(&format!("/confirm?t={}", desk.signer.sign(Scope::Confirm, id.0)));
    let notice = Notice::OldAddress { new: new.clone(), url, until: now + TimeDelta::days(UNDO_DAYS) };
    let notice = desk.notice(&notice, before.into(), now)?;
    site.db.run(move |store| store.enqueue_notices(&[notice], Some(id), now)).await?;
    site.queued.notify_one();
    Ok(())
}

/// What was asked for, and the works that the first interest is to learn from.
fn details(request: &Request) -> Option<(NewSubscriber, Vec<LibraryWork>)> {
    let Ok(serde_json::Value::Object(mut record)) = serde_json::from_str(&request.request.details) else {
        return None;
    };
    let works = record.remove(LIBRARY).and_then(|works| serde_json::from_value(works).ok()).unwrap_or_default();
    Some((read_subscriber(&mut Fields::new(record), None)?, works))
}

/// What somebody who had left gets when they come back: what they ask for now,
/// and where they ask for nothing what they had.
fn returning(before: NewSubscriber, mut now: NewSubscriber) -> NewSubscriber {
    if !matches!(before.status, Status::Unsubscribed | Status::Suppressed) {
        return now;
    }
    if now.interests.is_empty() {
        now.interests = before.interests;
    }
    if now.name.is_empty() {
        now.name = before.name;
    }
    let language = now.preferences.language.clone();
    if now.preferences == (Preferences { language, ..Preferences::default() }) {
        now.preferences = Preferences { pause_until: None, ..before.preferences };
    }
    now
}

fn preferences(site: &Site, id: SubscriberId) -> String {
    let desk = site.desk();
    Links { site: &desk.site, signer: &desk.signer }.preferences(id)
}

async fn welcome(site: &Site, id: SubscriberId) -> Result<(), PageError> {
    let Some(subscriber) = site.db.run(move |store| store.subscriber_by_id(id)).await? else { return Ok(()) };
    let (desk, now) = (site.desk(), site.clock.now());
    let links = Links { site: &desk.site, signer: &desk.signer };
    let notice = Notice::Welcome {
        preferences_url: links.preferences(id),
        unsubscribe_url: links.unsubscribe(id),
        preferences: subscriber.preferences.clone(),
    };
    let notice = desk.notice(&notice, (&subscriber).into(), now)?;
    site.db.run(move |store| store.enqueue_notices(&[notice], None, now)).await?;
    site.queued.notify_one();
    Ok(())
}

fn subscribed(site: &Site, id: SubscriberId) -> Result<Response, PageError> {
    let text =
        "The first issue comes at the hour you chose. Tell us which papers you like, and the next ones get better.";
    site.pages.message_with_link(StatusCode::OK, "You are subscribed", text, &preferences(site, id), "Your preferences")
}

/// The link is damaged, too old, or what it asked for cannot be done any more.
fn stale(site: &Site) -> Result<Response, PageError> {
    let text = "It holds for two days, and only as it stands in the mail. Please ask for a new one.";
    site.pages.message_with_link(
        StatusCode::NOT_FOUND,
        "This link does not work any more",
        text,
        "/subscribe",
        "Subscribe",
    )
}

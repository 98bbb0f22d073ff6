//! The link in a mail that proves who asked. GET shows a button, POST acts:
//! mail scanners follow links.

use super::query::Query;
use super::signup::{LINK_HOURS, WORDING};
use super::visitor::Visitor;
use super::{PageError, Site};
use crate::digest::notices::Notice;
use crate::fields::Fields;
use crate::links::Links;
use crate::store::{Asking, Proved, Request, RequestId, RequestKind};
use crate::subscriber::{NewSubscriber, SubscriberId, read_subscriber};
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
            let Some(details) = details(&request) else { return stale(&site) };
            let proved = site.db.run(move |store| store.confirm_subscription(id, &details, &confirming, now)).await?;
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
            let proved = site.db.run(move |store| store.move_subscription(id, &address, &confirming, now)).await?;
            match proved {
                Proved::Done(subscriber) | Proved::Before(subscriber) => {
                    tracing::info!(subscriber.id = subscriber.0, "issues go to another address");
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
    let oldest = site.clock.now() - TimeDelta::hours(LINK_HOURS);
    // What was done stays done: whoever follows the link again is told so.
    Ok(found.filter(|request| request.asked_at >= oldest || request.done_at.is_some()))
}

fn details(request: &Request) -> Option<NewSubscriber> {
    let Ok(serde_json::Value::Object(record)) = serde_json::from_str(&request.request.details) else { return None };
    read_subscriber(&mut Fields::new(record), None)
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

//! What a subscriber steers by the link that stands in every mail of theirs.
//!
//! The token in the address says who; there is no cookie. GET shows, POST acts
//! and answers with the page itself.

pub(super) mod account;
pub(super) mod library;
pub(super) mod link;
pub(super) mod picks;
pub(super) mod preview;
mod save;
pub(super) mod sent;
mod view;

pub(super) use preview::IssueView;
pub(super) use save::save;
pub(super) use view::zones;

use super::pages::Page;
use super::query::Query;
use super::{PageError, Site};
use crate::subscriber::{Status, Subscriber, SubscriberId};
use crate::token::Scope;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;

/// Whoever has the link.
struct Bearer {
    subscriber: Subscriber,
    /// Of the link.
    token: String,
}

impl Bearer {
    /// The address of a page of theirs.
    fn path(&self, page: &str) -> String {
        format!("{page}?t={}", self.token)
    }
}

/// Whose link `uri` is; `None` if it is damaged, or they are gone.
async fn bearer(site: &Site, uri: &Uri) -> Result<Option<Bearer>, PageError> {
    let query = Query::of(uri);
    let desk = site.desk();
    let Ok(id) = desk.signer.verify(Scope::Preferences, query.text("t").unwrap_or_default()) else { return Ok(None) };
    let found = site.db.run(move |store| store.subscriber_by_id(SubscriberId(id))).await?;
    let token = desk.signer.sign(Scope::Preferences, id);
    Ok(found.map(|subscriber| Bearer { subscriber, token }))
}

/// What stands above all pages of preferences.
#[derive(Serialize)]
struct Tab {
    url: String,
    text: &'static str,
    here: bool,
}

const TABS: [(&str, &str); 5] = [
    ("/preferences", "Preferences"),
    ("/preferences/picks", "Recent picks"),
    ("/preferences/library", "Import a library"),
    ("/preferences/sent", "What was sent"),
    ("/preferences/account", "Address and data"),
];

/// Starts to fill one of the pages.
fn page(site: &Site, bearer: &Bearer, path: &'static str) -> Page {
    let tabs: Vec<Tab> =
        TABS.iter().map(|(url, text)| Tab { url: bearer.path(url), text, here: *url == path }).collect();
    let status = match bearer.subscriber.status {
        Status::Pending => "You have not confirmed your address yet: follow the link in the mail that asks for it.",
        Status::Active => "",
        Status::Paused => "You get no issues for now.",
        Status::Unsubscribed => {
            "You have left and get no mail. What you chose is kept until you come back or erase it."
        }
        Status::Suppressed => "Your address has refused mail, or a mail was reported as spam: nothing is sent to it.",
    };
    site.page(path)
        .with("tabs", &tabs)
        .with("token", &bearer.token)
        .with("who", &bearer.subscriber.address)
        .with("standing", &status)
        .with("can_return", &matches!(bearer.subscriber.status, Status::Unsubscribed | Status::Suppressed))
        .with("can_resume", &(bearer.subscriber.status == Status::Paused))
        .with("said", &None::<&str>)
}

/// `GET /preferences?t=TOKEN`
pub(super) async fn form(State(site): State<Site>, uri: Uri) -> Result<Response, PageError> {
    let Some(bearer) = bearer(&site, &uri).await? else { return stale(&site) };
    view::show(&site, &bearer, None).await
}

/// The link is damaged, or there is nobody any more.
fn stale(site: &Site) -> Result<Response, PageError> {
    let text =
        "It may have been cut off on its way, or belong to a subscription that is gone. We can mail you a new one.";
    site.pages.message_with_link(
        StatusCode::NOT_FOUND,
        "This link does not work",
        text,
        "/preferences/link",
        "Get the link to your preferences",
    )
}

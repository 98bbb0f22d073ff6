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
use super::reader::reader;
use super::{PageError, Site};
use crate::subscriber::{Holder, Status, Subscriber};
use crate::token::Scope;
use crate::web::form::Form;
use crate::web::limits::Costly;
use crate::web::mishap::Mishap;
use crate::web::visitor::Visitor;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;

/// Whoever has the link.
struct Bearer {
    subscriber: Subscriber,
    /// Of the link.
    token: String,
}

impl Bearer {
    fn new(site: &Site, subscriber: Subscriber) -> Self {
        let Holder { id, generation } = subscriber.holder();
        let token = site
            .desk()
            .signer
            .sign_in(Scope::Preferences, id.0, generation);
        Bearer { subscriber, token }
    }

    /// The address of a page of theirs.
    fn path(&self, page: &str) -> String {
        format!("{page}?t={}", self.token)
    }
}

/// Whose link `uri` is; `None` if it is damaged, or they are gone.
async fn bearer(site: &Site, uri: &Uri) -> Result<Option<Bearer>, PageError> {
    let query = Query::of(uri);
    let found = reader(
        site,
        &[Scope::Preferences],
        query.text("t").unwrap_or_default(),
    )
    .await?;
    Ok(found.map(|subscriber| Bearer::new(site, subscriber)))
}

/// Whose link it is that a form was sent by, and the form.
async fn posted(
    site: &Site,
    visitor: Visitor,
    uri: &Uri,
    request: Request<Body>,
) -> Result<Result<(Bearer, Form), Mishap>, PageError> {
    let Some(bearer) = bearer(site, uri).await? else {
        return Ok(Err(Mishap::NoPreferences));
    };
    if !site.state.limits.allow(Costly::Form, visitor) {
        return Ok(Err(Mishap::TooOften));
    }
    Ok(Form::read(request)
        .await
        .map(|form| (bearer, form))
        .map_err(|_| Mishap::Torn))
}

/// What stands above all pages of preferences.
#[derive(Serialize)]
struct Tab<'a> {
    url: String,
    text: &'a str,
    here: bool,
}

/// Starts to fill one of the pages.
fn page(site: &Site, bearer: &Bearer, path: &'static str) -> Page {
    let tongue = site.tongue_of(&bearer.subscriber);
    let words = &tongue.pages().preferences;
    let tabs = [
        ("/preferences", &words.heading),
        ("/preferences/picks", &words.picks),
        ("/preferences/library", &words.library),
        ("/preferences/sent", &words.sent),
        ("/preferences/account", &words.account),
    ];
    let tabs = tabs.map(|(url, text)| Tab {
        url: bearer.path(url),
        text: text.as_str(),
        here: url == path,
    });
    let standing = match bearer.subscriber.status {
        Status::Pending => words.pending.as_str(),
        Status::Active => "",
        Status::Paused => words.paused.as_str(),
        Status::Unsubscribed => words.left.as_str(),
        Status::Suppressed => words.refused.as_str(),
    };
    site.page_in(&tongue, path)
        .with("words", words)
        .with("wrong", &tongue.pages().wrong)
        .with("tabs", &tabs)
        .with("token", &bearer.token)
        .with("who", &bearer.subscriber.address)
        .with("standing", &standing)
        .with(
            "can_return",
            &matches!(
                bearer.subscriber.status,
                Status::Unsubscribed | Status::Suppressed
            ),
        )
        .with("can_resume", &(bearer.subscriber.status == Status::Paused))
        .with("said", &None::<&str>)
}

/// `GET /preferences?t=TOKEN`
pub(super) async fn form(State(site): State<Site>, uri: Uri) -> Result<Response, PageError> {
    let Some(bearer) = bearer(&site, &uri).await? else {
        return Mishap::NoPreferences.answer();
    };
    view::show(&site, &bearer, None).await
}

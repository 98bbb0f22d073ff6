//! The preferences of a subscriber, by the link in each of their mails.
//!
//! The token in the address names the subscriber; there is no cookie. GET shows; POST acts
//! and returns the page itself.

mod account;
mod library;
mod link;
mod picks;
mod preview;
mod save;
mod sent;
mod view;

use crate::subscriber::{LinkHolder, Status, Subscriber};
use crate::token::Scope;
use crate::web::error_page::ErrorPage;
use crate::web::forms::Form;
use crate::web::pages::Page;
use crate::web::query::Query;
use crate::web::reader::token_auth::subscriber_by_token;
use crate::web::serving::rate_limits::LimitedAction;
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, WebState};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

/// Routes of the preferences.
pub(super) fn router() -> Router<WebState> {
    Router::new()
        .route("/preferences", get(form).post(save::save))
        .route("/preferences/preview", get(preview::show))
        .route("/preferences/picks", get(picks::list).post(picks::act))
        .route("/preferences/sent", get(sent::list))
        .route("/preferences/library", library::route())
        .route(
            "/preferences/account",
            get(account::form).post(account::act),
        )
        .route("/preferences/link", get(link::form).post(link::send))
}

/// The bearer of a link.
struct Bearer {
    subscriber: Subscriber,
    /// A current token for their links.
    token: String,
}

impl Bearer {
    fn new(state: &WebState, subscriber: Subscriber) -> Self {
        let LinkHolder { id, generation } = subscriber.holder();
        let token = state
            .composer()
            .signer
            .sign_in(Scope::Preferences, id.0, generation);
        Bearer { subscriber, token }
    }

    /// The path of `page` with their token.
    fn path(&self, page: &str) -> String {
        format!("{page}?t={}", self.token)
    }
}

/// The reader whose link `uri` is; an error if it is damaged, or they are gone.
async fn bearer(state: &WebState, uri: &Uri) -> Result<Bearer, PageError> {
    let query = Query::of(uri);
    let token = query.text("t").unwrap_or_default();
    let subscriber = subscriber_by_token(state, &[Scope::Preferences], token)
        .await?
        .ok_or(ErrorPage::BadPreferencesLink)?;
    Ok(Bearer::new(state, subscriber))
}

/// The reader whose link a form was sent to, and the form.
async fn posted(
    state: &WebState,
    visitor: Visitor,
    uri: &Uri,
    request: Request<Body>,
) -> Result<(Bearer, Form), PageError> {
    let bearer = bearer(state, uri).await?;
    state.limit(LimitedAction::Form, visitor)?;
    Ok((bearer, Form::read(request).await?))
}

/// A tab above the pages of preferences.
#[derive(Serialize)]
struct Tab<'a> {
    url: String,
    text: &'a str,
    here: bool,
}

/// Starts one of the pages.
fn page(state: &WebState, bearer: &Bearer, path: &'static str) -> Page {
    let locale = state.locale_of(&bearer.subscriber);
    let words = &locale.pages().preferences;
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
    let status_text = match bearer.subscriber.status {
        Status::Pending => words.pending.as_str(),
        Status::Active => "",
        Status::Paused => words.paused.as_str(),
        Status::Unsubscribed => words.left.as_str(),
        Status::Suppressed => words.refused.as_str(),
    };
    state
        .page_in(&locale, path)
        .with("words", words)
        .with("wrong", &locale.pages().wrong)
        .with("tabs", &tabs)
        .with("token", &bearer.token)
        .with("who", &bearer.subscriber.address)
        .with("status_text", &status_text)
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
async fn form(State(state): State<WebState>, uri: Uri) -> Result<Response, PageError> {
    let bearer = bearer(&state, &uri).await?;
    view::show(&state, &bearer, None).await
}

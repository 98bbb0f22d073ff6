//! Unsubscribing by one click (RFC 8058).
//!
//! The token in the address is enough: no cookie, no login, no redirect. GET shows a button
//! and changes nothing, because mail scanners follow links. POST acts, and returns 200 also
//! to those who have left already or never subscribed (sections 3.1 and 3.2).

use crate::digest::notices::Notice;
use crate::language::Locale;
use crate::store::StoreError;
use crate::subscriber::{Status, Subscriber, SubscriberId};
use crate::token::Scope;
use crate::web::error_page::ErrorPage;
use crate::web::forms::Form;
use crate::web::pages::Message;
use crate::web::{PageError, WebState};
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use chrono::Days;

/// Pauses that the page offers, in weeks.
const BREAKS_WEEKS: [u64; 2] = [2, 8];

/// The token in the address: the value of `t`, or the last part of the short form that
/// long base addresses need ([`crate::links`]).
fn token(uri: &Uri) -> &str {
    if let Some(token) = uri.path().strip_prefix("/u/") {
        return token;
    }
    let mut pairs = uri.query().unwrap_or_default().split('&');
    pairs
        .find_map(|pair| pair.strip_prefix("t="))
        .unwrap_or_default()
}

/// `GET /unsubscribe?t=TOKEN`, `GET /u/TOKEN`
pub(super) async fn ask(
    State(state): State<WebState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let id = state
        .composer()
        .signer
        .verify(Scope::Unsubscribe, token(&uri))
        .map_err(|_| ErrorPage::BadUnsubscribeLink)?;
    let Some(subscriber) = subscriber(&state, id).await? else {
        return gone(&state, &state.locale_for(&headers));
    };
    let locale = state.locale_of(&subscriber);
    if subscriber.status == Status::Unsubscribed {
        return gone(&state, &locale);
    }
    let words = &locale.pages().leave;
    let breaks = BREAKS_WEEKS.map(|weeks| (weeks, locale.count(&words.weeks, weeks)));
    let page = state
        .page_in(&locale, "/unsubscribe")
        .with("words", words)
        .with(
            "text",
            &words
                .text
                .with(&[("address", &masked(subscriber.address.as_str()))]),
        )
        .with("breaks", &breaks)
        .with("token", &token(&uri));
    state
        .pages
        .respond(StatusCode::OK, "unsubscribe.html", &page)
}

/// `POST /unsubscribe?t=TOKEN` or `POST /u/TOKEN`, with `List-Unsubscribe=One-Click` in
/// either encoding.
pub(super) async fn leave(
    State(state): State<WebState>,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, PageError> {
    let id = state
        .composer()
        .signer
        .verify(Scope::Unsubscribe, token(&uri))
        .map_err(|_| ErrorPage::BadUnsubscribeLink)?;
    if !is_one_click(request).await {
        let locale = match subscriber(&state, id).await? {
            Some(known) => state.locale_of(&known),
            None => state.locale_for(&headers),
        };
        let words = &locale.pages().leave;
        let said = Message::new(
            StatusCode::BAD_REQUEST,
            words.unclear.as_str(),
            words.unclear_text.as_str(),
        );
        return state.pages.show_message(&locale, &said);
    }
    let now = state.clock.now();
    let left = state
        .db
        .run(move |store| store.unsubscribe(SubscriberId(id), "one-click", now))
        .await?;
    if left {
        tracing::info!(subscriber.id = id, "unsubscribed by one click");
        goodbye(&state, SubscriberId(id)).await;
    }
    let known = subscriber(&state, id).await?;
    gone(
        &state,
        &known.map_or_else(
            || state.locale_for(&headers),
            |known| state.locale_of(&known),
        ),
    )
}

/// `POST /unsubscribe/pause?t=TOKEN`: no mail for some weeks.
pub(super) async fn pause(
    State(state): State<WebState>,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, PageError> {
    let id = state
        .composer()
        .signer
        .verify(Scope::Unsubscribe, token(&uri))
        .map_err(|_| ErrorPage::BadUnsubscribeLink)?;
    let weeks = match Form::read(request)
        .await
        .ok()
        .map(|form| form.text("weeks").parse::<u64>())
    {
        Some(Ok(weeks)) if (1..=52).contains(&weeks) => weeks,
        _ => return Err(ErrorPage::BadForm.into()),
    };
    let Some(mut subscriber) = subscriber(&state, id).await? else {
        return gone(&state, &state.locale_for(&headers));
    };
    let locale = state.locale_of(&subscriber);
    if subscriber.status != Status::Active {
        return gone(&state, &locale);
    }
    let now = state.clock.now();
    let today = now
        .with_timezone(&subscriber.preferences.timezone)
        .date_naive();
    let until = today + Days::new(weeks * 7);
    subscriber.details.preferences.pause_until = Some(until);
    state
        .db
        .run(move |store| store.save_subscriber(&subscriber, now))
        .await?;
    let words = &locale.pages().leave;
    let text = words.paused_text.with(&[("day", &locale.day(until))]);
    state.pages.show_message(
        &locale,
        &Message::new(StatusCode::OK, words.paused.as_str(), &text),
    )
}

/// Queues the goodbye mail. If that fails, they are unsubscribed nevertheless.
pub(in crate::web) async fn goodbye(state: &WebState, id: SubscriberId) {
    let written = async {
        let found = state
            .db
            .run(move |store| store.subscriber_by_id(id))
            .await?;
        let Some(subscriber) = found else {
            return Ok::<(), PageError>(());
        };
        let notice = Notice::Goodbye {
            url: state.url("/subscribe"),
        };
        state.send(&notice, (&subscriber).into(), None).await
    };
    if let Err(error) = written.await {
        tracing::error!(
            subscriber.id = id.0,
            "goodbye mail not queued: {:#}",
            anyhow::Error::from(error)
        );
    }
}

/// Whether the body holds the pair that RFC 8058 section 3.1 requires.
async fn is_one_click(request: Request) -> bool {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/form-data")) {
        let Ok(mut form) = Multipart::from_request(request, &()).await else {
            return false;
        };
        while let Ok(Some(field)) = form.next_field().await {
            let is_named = field.name() == Some("List-Unsubscribe");
            if let Ok(value) = field.text().await
                && is_named
                && value.trim() == "One-Click"
            {
                return true;
            }
        }
        return false;
    }
    let Ok(body) = String::from_request(request, &()).await else {
        return false;
    };
    // URL encoding allows %2D for a hyphen, and some programs send it.
    let plain = body.replace("%2D", "-").replace("%2d", "-");
    plain
        .split('&')
        .any(|pair| pair.trim() == "List-Unsubscribe=One-Click")
}

async fn subscriber(state: &WebState, id: i64) -> Result<Option<Subscriber>, StoreError> {
    state
        .db
        .run(move |store| store.subscriber_by_id(SubscriberId(id)))
        .await
}

fn gone(state: &WebState, locale: &Locale) -> Result<Response, PageError> {
    let words = &locale.pages().leave;
    state.pages.show_message(
        locale,
        &Message::new(
            StatusCode::OK,
            words.gone.as_str(),
            words.gone_text.as_str(),
        ),
    )
}

/// Abbreviates an address so that its owner recognizes it: `a…@example.org`.
pub(in crate::web) fn masked(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    format!("{}…@{domain}", local.chars().next().unwrap_or(' '))
}

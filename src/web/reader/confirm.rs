//! Links that confirm a subscription or a new address. GET shows a button and POST acts,
//! because mail scanners follow links.

use crate::digest::notices::Notice;
use crate::fields::Fields;
use crate::language::{ConfirmWords, Locale, Text};
use crate::store::{
    AGREES_TO, ConsentContext, LibraryWork, Request, RequestId, RequestKind, RequestOutcome,
};
use crate::subscriber::{
    Address, LinkHolder, NewSubscriber, Preferences, Status, Subscriber, read_subscriber,
};
use crate::token::Scope;
use crate::web::error_page::ErrorPage;
use crate::web::forms::examples::LIBRARY;
use crate::web::forms::mail_form::LINK_HOURS;
use crate::web::pages::Message;
use crate::web::query::Query;
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, WebState};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};

/// `GET /confirm?t=TOKEN`
pub(super) async fn ask(
    State(state): State<WebState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let request = request(&state, &uri)
        .await?
        .ok_or(ErrorPage::ExpiredConfirmation)?;
    let locale = locale(&state, &request, &headers).await?;
    let words = &locale.pages().confirm;
    let (heading, text) = match request.request.kind {
        RequestKind::Subscribe => (&words.heading, &words.text),
        RequestKind::Move if is_to_old(&request) => (&words.agree, &words.agree_text),
        RequestKind::Move => (&words.moving, &words.moving_text),
        _ => return Err(ErrorPage::ExpiredConfirmation.into()),
    };
    let address = address_of(&state, &request)
        .await?
        .ok_or(ErrorPage::ExpiredConfirmation)?;
    let text = text.with(&[("address", address.as_str())]);
    state.pages.show_message(
        &locale,
        &Message::question(heading.as_str(), &text, words.button.as_str()),
    )
}

/// `POST /confirm?t=TOKEN`
pub(super) async fn act(
    State(state): State<WebState>,
    visitor: Visitor,
    uri: Uri,
) -> Result<Response, PageError> {
    let request = request(&state, &uri)
        .await?
        .ok_or(ErrorPage::ExpiredConfirmation)?;
    let now = state.clock.now();
    let confirming = state.asking(visitor, uri.path());
    match request.request.kind {
        RequestKind::Subscribe => subscribe(&state, &request, confirming, now).await,
        RequestKind::Move => move_to(&state, &request, confirming, now).await,
        _ => Err(ErrorPage::ExpiredConfirmation.into()),
    }
}

async fn subscribe(
    state: &WebState,
    request: &Request,
    confirming: ConsentContext,
    now: DateTime<Utc>,
) -> Result<Response, PageError> {
    let (details, works) = details(request).ok_or(ErrorPage::ExpiredConfirmation)?;
    let id = request.id;
    let proved = state
        .db
        .run(move |store| {
            let details = match store.subscriber(&details.address)? {
                Some(known) => returning(known.details, details),
                None => details,
            };
            let proved = store.confirm_subscription(id, &details, &confirming, now)?;
            if let (RequestOutcome::Done(subscriber), Some(interest)) =
                (proved, details.interests.first())
            {
                store.add_library(subscriber, &interest.name, &works, now)?;
            }
            Ok(proved)
        })
        .await?;
    let subscriber = proved_by(state, proved)
        .await?
        .ok_or(ErrorPage::ExpiredConfirmation)?;
    match proved {
        RequestOutcome::Done(_) => {
            tracing::info!(subscriber.id = subscriber.id.0, "subscribed");
            welcome(state, &subscriber).await?;
        }
        // They have left since; a new subscription needs a new link.
        _ if matches!(subscriber.status, Status::Unsubscribed | Status::Suppressed) => {
            return Err(ErrorPage::ExpiredConfirmation.into());
        }
        _ => {}
    }
    done(state, &subscriber, proved, |words| {
        (&words.done, &words.done_text)
    })
}

async fn move_to(
    state: &WebState,
    request: &Request,
    confirming: ConsentContext,
    now: DateTime<Utc>,
) -> Result<Response, PageError> {
    let address = address_of(state, request)
        .await?
        .ok_or(ErrorPage::ExpiredConfirmation)?;
    let id = request.id;
    let proved = state
        .db
        .run(move |store| store.agree_to_move(id, &confirming, now))
        .await?;
    let subscriber = proved_by(state, proved)
        .await?
        .ok_or(ErrorPage::ExpiredConfirmation)?;
    if let RequestOutcome::Done(_) = proved {
        tracing::info!(
            subscriber.id = subscriber.id.0,
            "issues go to another address"
        );
    }
    if subscriber.address == address {
        return done(state, &subscriber, proved, |words| {
            (&words.moved, &words.moved_text)
        });
    }
    done(state, &subscriber, proved, |words| {
        (&words.waiting, &words.waiting_text)
    })
}

/// The subscriber of a confirmed request; `None` if it could not be confirmed.
async fn proved_by(
    state: &WebState,
    proved: RequestOutcome,
) -> Result<Option<Subscriber>, PageError> {
    let (RequestOutcome::Done(id) | RequestOutcome::Before(id) | RequestOutcome::Waiting(id)) =
        proved
    else {
        return Ok(None);
    };
    Ok(state
        .db
        .run(move |store| store.subscriber_by_id(id))
        .await?)
}

/// The locale of the subscriber, or of the one who asks to be.
async fn locale(
    state: &WebState,
    request: &Request,
    headers: &HeaderMap,
) -> Result<Locale, PageError> {
    if let Some(id) = request.request.subscriber
        && let Some(subscriber) = state
            .db
            .read(move |store| store.subscriber_by_id(id))
            .await?
    {
        return Ok(state.locale_of(&subscriber));
    }
    Ok(match details(request) {
        Some((details, _)) => state
            .composer()
            .templates
            .locale(&details.preferences.language),
        None => state.locale_for(headers),
    })
}

/// The request of the token in `uri`, while its link is valid.
async fn request(state: &WebState, uri: &Uri) -> Result<Option<Request>, PageError> {
    let query = Query::of(uri);
    let Ok(id) = state
        .composer()
        .signer
        .verify(Scope::Confirm, query.text("t").unwrap_or_default())
    else {
        return Ok(None);
    };
    let found = state
        .db
        .run(move |store| store.request(RequestId(id)))
        .await?;
    let age = state.clock.now();
    let is_fresh = |request: &Request| request.asked_at >= age - TimeDelta::hours(LINK_HOURS);
    // A link that has been used already shows the same page again.
    Ok(found.filter(|request| is_fresh(request) || request.done_at.is_some()))
}

/// Whether the request asks the old address of a move.
fn is_to_old(request: &Request) -> bool {
    request.request.kind == RequestKind::Move && request.request.details.starts_with(AGREES_TO)
}

/// The address that a request is about; for a move, the new one.
async fn address_of(state: &WebState, request: &Request) -> Result<Option<Address>, PageError> {
    let Some(number) = request
        .request
        .details
        .strip_prefix(AGREES_TO)
        .filter(|_| is_to_old(request))
    else {
        return Ok(Some(request.request.address.clone()));
    };
    let Ok(number) = number.parse() else {
        return Ok(None);
    };
    let new = state
        .db
        .run(move |store| store.request(RequestId(number)))
        .await?;
    Ok(new.map(|new| new.request.address))
}

/// The stored form, and the works that the first interest learns from.
fn details(request: &Request) -> Option<(NewSubscriber, Vec<LibraryWork>)> {
    let Ok(serde_json::Value::Object(mut record)) = serde_json::from_str(&request.request.details)
    else {
        return None;
    };
    let works = record
        .remove(LIBRARY)
        .and_then(|works| serde_json::from_value(works).ok())
        .unwrap_or_default();
    Some((read_subscriber(&mut Fields::new(record), None)?, works))
}

/// The details of somebody who returns after leaving: those of the new form, and the
/// former ones where it says nothing.
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
    if now.preferences
        == (Preferences {
            language,
            ..Preferences::default()
        })
    {
        now.preferences = Preferences {
            pause_until: None,
            ..before.preferences
        };
    }
    now
}

fn preferences(state: &WebState, of: LinkHolder) -> String {
    let composer = state.composer();
    composer.links().preferences(of)
}

async fn welcome(state: &WebState, subscriber: &Subscriber) -> Result<(), PageError> {
    let composer = state.composer();
    let links = composer.links();
    let notice = Notice::Welcome {
        preferences_url: links.preferences(subscriber.holder()),
        unsubscribe_url: links.unsubscribe(subscriber.id),
        preferences: subscriber.preferences.clone(),
    };
    state.send(&notice, subscriber.into(), None).await
}

/// The page after confirming. It links to the preferences only right after the first use,
/// so that an old mail gives no access to them.
fn done(
    state: &WebState,
    subscriber: &Subscriber,
    proved: RequestOutcome,
    said: impl Fn(&ConfirmWords) -> (&Text, &Text),
) -> Result<Response, PageError> {
    let locale = state.locale_of(subscriber);
    let words = &locale.pages().confirm;
    let (heading, text) = said(words);
    let preferences = &subscriber.preferences;
    let (time, zone) = (
        preferences.send_at.format("%H:%M").to_string(),
        preferences.timezone.name(),
    );
    let text = text.with(&[("time", &time), ("zone", zone)]);
    let link = self::preferences(state, subscriber.holder());
    let link = matches!(proved, RequestOutcome::Done(_))
        .then_some((link.as_str(), words.preferences.as_str()));
    state.pages.show_message(
        &locale,
        &Message {
            link,
            ..Message::new(StatusCode::OK, heading.as_str(), &text)
        },
    )
}

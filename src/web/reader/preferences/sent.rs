//! The mails sent to a subscriber, the server's replies, and the record of consent.

use super::{bearer, page};
use crate::language::{SentWords, Text};
use crate::store::{DeliveryState, SentMail};
use crate::token::Scope;
use crate::web::{PageError, WebState};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Number of mails listed.
const MAILS_MAX: u32 = 100;

#[derive(Serialize)]
struct MailView {
    subject: String,
    /// Its state and the time of the last change.
    state: String,
    server: Option<String>,
}

#[derive(Serialize)]
struct ConsentView {
    act: String,
    /// Time, page, wording version and network.
    text: String,
}

/// `GET /preferences/sent?t=TOKEN`
pub(super) async fn list(State(state): State<WebState>, uri: Uri) -> Result<Response, PageError> {
    let bearer = bearer(&state, &uri).await?;
    let id = bearer.subscriber.id;
    let zone = bearer.subscriber.preferences.timezone;
    let (mails, consents) = state
        .db
        .run(move |store| Ok((store.mails_to(id, MAILS_MAX)?, store.consents(id)?)))
        .await?;
    let locale = state.locale_of(&bearer.subscriber);
    let words = &locale.pages().sent;
    let at = |at: DateTime<Utc>| locale.moment(at.with_timezone(&zone).naive_local());
    let mails: Vec<MailView> = mails
        .iter()
        .map(|mail| MailView {
            subject: mail.subject.clone(),
            state: words.at.with(&[
                ("state", in_words(mail.state, words).as_str()),
                ("at", &at(mail.at)),
            ]),
            server: server_words(mail),
        })
        .collect();
    let consents: Vec<ConsentView> = consents
        .into_iter()
        .map(|consent| ConsentView {
            act: match consent.act.as_str() {
                "asked" => &words.asked,
                "confirmed" => &words.confirmed,
                "moved" => &words.moved,
                _ => &words.did_agree,
            }
            .as_str()
            .to_owned(),
            text: words.consent.with(&[
                ("at", &at(consent.at)),
                ("page", &consent.page),
                ("wording", &consent.wording),
                ("network", &consent.network),
            ]),
        })
        .collect();
    let composer = state.composer();
    let links = composer.links();
    let holder = bearer.subscriber.holder();
    let view = composer
        .signer
        .sign_in(Scope::View, holder.id.0, holder.generation);
    let own = [
        (
            format!("/issues/{view}"),
            locale.pages().mine.issues.as_str(),
        ),
        (
            format!("/saved?t={view}"),
            locale.pages().feedback.list.as_str(),
        ),
        (links.feed(holder), locale.pages().mine.feed.as_str()),
    ];
    let page = page(&state, &bearer, "/preferences/sent")
        .with("links", &own)
        .with("mails", &mails)
        .with("own", words)
        .with(
            "text",
            &words
                .text
                .with(&[("most", &MAILS_MAX.to_string()), ("zone", zone.name())]),
        )
        .with("consents", &consents);
    state
        .pages
        .respond(StatusCode::OK, "preferences.sent.html", &page)
}

fn in_words(state: DeliveryState, words: &SentWords) -> &Text {
    match state {
        DeliveryState::Rendered | DeliveryState::Claimed => &words.waiting,
        DeliveryState::HandingOver => &words.on_its_way,
        DeliveryState::Accepted => &words.accepted,
        DeliveryState::Deferred => &words.deferred,
        DeliveryState::Rejected => &words.rejected,
        DeliveryState::Uncertain => &words.uncertain,
        DeliveryState::Held => &words.held,
        DeliveryState::Expired => &words.expired,
    }
}

fn server_words(mail: &SentMail) -> Option<String> {
    let text = mail.text.as_deref().map(str::trim).unwrap_or_default();
    match mail.code {
        Some(code) => Some(format!("{code} {text}").trim().to_owned()),
        None => (!text.is_empty()).then(|| text.to_owned()),
    }
}

//! What was sent to a subscriber, what the server said, and what they agreed to.

use super::{bearer, page};
use crate::store::{DeliveryState, SentMail};
use crate::web::mishap::Mishap;
use crate::web::{PageError, Site};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;

/// Mails that are listed.
const MAILS_MAX: u32 = 100;

#[derive(Serialize)]
struct MailView {
    date: String,
    subject: String,
    state: &'static str,
    server: Option<String>,
    at: String,
}

#[derive(Serialize)]
struct ConsentView {
    at: String,
    act: &'static str,
    page: String,
    wording: String,
    network: String,
}

/// `GET /preferences/sent?t=TOKEN`
pub(in crate::web) async fn list(State(site): State<Site>, uri: Uri) -> Result<Response, PageError> {
    let Some(bearer) = bearer(&site, &uri).await? else { return Mishap::NoPreferences.answer() };
    let id = bearer.subscriber.id;
    let zone = bearer.subscriber.preferences.timezone;
    let (mails, consents) = site.db.run(move |store| Ok((store.mails_to(id, MAILS_MAX)?, store.consents(id)?))).await?;
    let at = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&zone).format("%-d %b %Y, %H:%M").to_string();
    let mails: Vec<MailView> = mails
        .iter()
        .map(|mail| MailView {
            date: mail.local_date.format("%-d %b %Y").to_string(),
            subject: mail.subject.clone(),
            state: in_words(mail.state),
            server: server_words(mail),
            at: at(mail.at),
        })
        .collect();
    let consents: Vec<ConsentView> = consents
        .into_iter()
        .map(|consent| ConsentView {
            at: at(consent.at),
            act: match consent.act.as_str() {
                "asked" => "You asked for the subscription",
                "confirmed" => "You confirmed it by the link in our mail",
                "moved" => "You confirmed a new address",
                _ => "You agreed",
            },
            page: consent.page,
            wording: consent.wording,
            network: consent.network,
        })
        .collect();
    let page = page(&site, &bearer, "/preferences/sent")
        .with("mails", &mails)
        .with("zone", &zone.name())
        .with("consents", &consents)
        .with("most", &MAILS_MAX);
    site.pages.respond(StatusCode::OK, "preferences.sent.html", &page)
}

fn in_words(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Rendered | DeliveryState::Claimed => "Waiting to be sent",
        DeliveryState::HandingOver => "On its way to your mail server",
        DeliveryState::Accepted => "Your mail server took it",
        DeliveryState::Deferred => "Not taken yet; it will be tried again",
        DeliveryState::Rejected => "Your mail server refused it",
        DeliveryState::Uncertain => "The connection broke; it may come twice",
        DeliveryState::Held => "Held back",
        DeliveryState::Expired => "Given up",
    }
}

fn server_words(mail: &SentMail) -> Option<String> {
    let text = mail.text.as_deref().map(str::trim).unwrap_or_default();
    match mail.code {
        Some(code) => Some(format!("{code} {text}").trim().to_owned()),
        None => (!text.is_empty()).then(|| text.to_owned()),
    }
}

//! Mails the link to the preferences to those who lost it. The response is the same whether
//! or not the address is known.

use crate::digest::notices::Notice;
use crate::language::{Locale, Text};
use crate::store::{ConsentContext, NewRequest, RequestKind};
use crate::subscriber::{Address, Status};
use crate::web::forms::Form;
use crate::web::forms::field_errors;
use crate::web::forms::mail_form::in_constant_time;
use crate::web::pages::Message;
use crate::web::serving::rate_limits::LimitedAction;
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, WebState};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::TimeDelta;

/// `GET /preferences/link`
pub(super) async fn form(
    State(state): State<WebState>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    show(&state, &state.locale_for(&headers), "", None)
}

/// `POST /preferences/link` with `email`.
pub(super) async fn send(
    State(state): State<WebState>,
    visitor: Visitor,
    request: Request<Body>,
) -> Result<Response, PageError> {
    state.limit(LimitedAction::Form, visitor)?;
    let asking = state.asking(visitor, request.uri().path());
    let locale = state.locale_for(request.headers());
    let words = locale.pages();
    let form = Form::read(request).await?;
    let typed = form.text("email");
    let Ok(address) = typed.parse::<Address>() else {
        return show(
            &state,
            &locale,
            typed,
            field_errors::of_address(typed, &words.wrong),
        );
    };
    state.limit(LimitedAction::Mail, visitor)?;
    in_constant_time(mail(&state, address, asking)).await?;
    let said = Message::new(
        StatusCode::OK,
        words.form.mailbox.as_str(),
        words.link.done.as_str(),
    );
    state.pages.show_message(&locale, &said)
}

async fn mail(state: &WebState, address: Address, asking: ConsentContext) -> Result<(), PageError> {
    let _lock = state.lock_mailing().await;
    let now = state.clock.now();
    let of = address.clone();
    let (known, mailed) = state
        .db
        .run(move |store| {
            let mailed =
                store.count_mailed(RequestKind::Preferences, &of, now - TimeDelta::days(1))?;
            Ok((store.subscriber(&of)?, mailed > 0))
        })
        .await?;
    // A pending subscriber has a confirmation mail; a suppressed one must not get any.
    let Some(known) = known
        .filter(|known| !mailed && !matches!(known.status, Status::Pending | Status::Suppressed))
    else {
        return Ok(());
    };
    let request = NewRequest {
        kind: RequestKind::Preferences,
        address: known.address.clone(),
        subscriber: Some(known.id),
        details: String::new(),
        asking,
    };
    let composer = state.composer();
    let url = composer.links().preferences(known.holder());
    let id = state
        .db
        .run(move |store| store.ask(&request, None, now))
        .await?;
    state
        .send(&Notice::Preferences { url }, (&known).into(), Some(id))
        .await
}

fn show(
    state: &WebState,
    locale: &Locale,
    typed: &str,
    problem: Option<&Text>,
) -> Result<Response, PageError> {
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = state
        .page_in(locale, "/preferences/link")
        .with("words", &locale.pages().link)
        .with("address_text", &locale.pages().invitation.address)
        .with("email", &typed)
        .with("problem", &problem);
    state.pages.respond(status, "preferences.link.html", &page)
}

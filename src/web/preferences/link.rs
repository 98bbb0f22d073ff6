//! `I lost my link`: mails the link to the preferences. The answer is the same
//! whether or not the address is known.

use crate::digest::notices::Notice;
use crate::links::Links;
use crate::store::{Asking, NewRequest, RequestKind};
use crate::subscriber::{Address, Status};
use crate::web::form::Form;
use crate::web::limits::Costly;
use crate::web::mishap::Mishap;
use crate::web::visitor::Visitor;
use crate::web::{PageError, Site};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;

/// `GET /preferences/link`
pub(in crate::web) async fn form(State(site): State<Site>) -> Result<Response, PageError> {
    show(&site, StatusCode::OK, "", None)
}

/// `POST /preferences/link` with `email`.
pub(in crate::web) async fn send(
    State(site): State<Site>,
    visitor: Visitor,
    request: Request<Body>,
) -> Result<Response, PageError> {
    if !site.state.limits.allow(Costly::Form, visitor) {
        return Mishap::TooOften.answer();
    }
    let asking = site.asking(visitor, request.uri().path());
    let Ok(form) = Form::read(request).await else { return Mishap::Torn.answer() };
    let typed = form.text("email");
    let address = match typed.parse::<Address>() {
        Ok(address) => address,
        Err(why) => return show(&site, StatusCode::UNPROCESSABLE_ENTITY, typed, Some(&format!("It {why}."))),
    };
    if !site.state.limits.allow(Costly::Mail, visitor) {
        return Mishap::TooOften.answer();
    }
    mail(&site, address, asking).await?;
    let text = "If the address has a subscription here, a mail with the link is on its way to it. Nothing there? Look \
                among the spam, or ask again tomorrow: there is one such mail a day at most.";
    site.pages.message(StatusCode::OK, "Look into your mailbox", text)
}

async fn mail(site: &Site, address: Address, asking: Asking) -> Result<(), PageError> {
    let now = site.clock.now();
    let of = address.clone();
    let (known, mailed) = site
        .db
        .run(move |store| {
            let mailed = store.count_mailed(RequestKind::Preferences, &of, now - TimeDelta::days(1))?;
            Ok((store.subscriber(&of)?, mailed > 0))
        })
        .await?;
    // Who has not confirmed yet has another mail to look for; who has complained gets none.
    let Some(known) = known.filter(|known| !mailed && !matches!(known.status, Status::Pending | Status::Suppressed))
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
    let desk = site.desk();
    let url = Links { site: &desk.site, signer: &desk.signer }.preferences(known.holder());
    let id = site.db.run(move |store| store.ask(&request, None, now)).await?;
    site.send(&Notice::Preferences { url }, (&known).into(), Some(id)).await
}

fn show(site: &Site, status: StatusCode, typed: &str, problem: Option<&str>) -> Result<Response, PageError> {
    let page = site.page("/preferences/link").with("email", &typed).with("problem", &problem);
    site.pages.respond(status, "preferences.link.html", &page)
}

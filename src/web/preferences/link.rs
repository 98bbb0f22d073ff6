//! `I lost my link`: mails the link to the preferences. The answer is the same
//! whether or not the address is known.

use crate::digest::notices::Notice;
use crate::digest::{Text, Tongue};
use crate::links::Links;
use crate::store::{Asking, NewRequest, RequestKind};
use crate::subscriber::{Address, Status};
use crate::web::asking::without_haste;
use crate::web::form::Form;
use crate::web::limits::Costly;
use crate::web::mishap::Mishap;
use crate::web::pages::Said;
use crate::web::visitor::Visitor;
use crate::web::{PageError, Site, wrong};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::TimeDelta;

/// `GET /preferences/link`
pub(in crate::web) async fn form(
    State(site): State<Site>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    show(&site, &site.tongue_for(&headers), "", None)
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
    let tongue = site.tongue_for(request.headers());
    let words = tongue.pages();
    let Ok(form) = Form::read(request).await else {
        return Mishap::Torn.answer();
    };
    let typed = form.text("email");
    let Ok(address) = typed.parse::<Address>() else {
        return show(
            &site,
            &tongue,
            typed,
            wrong::of_address(typed, &words.wrong),
        );
    };
    if !site.state.limits.allow(Costly::Mail, visitor) {
        return Mishap::TooOften.answer();
    }
    without_haste(mail(&site, address, asking)).await?;
    let said = Said::new(
        StatusCode::OK,
        words.form.mailbox.as_str(),
        words.link.done.as_str(),
    );
    site.pages.say(&tongue, &said)
}

async fn mail(site: &Site, address: Address, asking: Asking) -> Result<(), PageError> {
    let _turn = site.turn_to_mail().await;
    let now = site.clock.now();
    let of = address.clone();
    let (known, mailed) = site
        .db
        .run(move |store| {
            let mailed =
                store.count_mailed(RequestKind::Preferences, &of, now - TimeDelta::days(1))?;
            Ok((store.subscriber(&of)?, mailed > 0))
        })
        .await?;
    // Who has not confirmed yet has another mail to look for; who has complained gets none.
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
    let desk = site.desk();
    let url = Links {
        site: &desk.site,
        signer: &desk.signer,
    }
    .preferences(known.holder());
    let id = site
        .db
        .run(move |store| store.ask(&request, None, now))
        .await?;
    site.send(&Notice::Preferences { url }, (&known).into(), Some(id))
        .await
}

fn show(
    site: &Site,
    tongue: &Tongue,
    typed: &str,
    problem: Option<&Text>,
) -> Result<Response, PageError> {
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = site
        .page_in(tongue, "/preferences/link")
        .with("words", &tongue.pages().link)
        .with("address_text", &tongue.pages().invitation.address)
        .with("email", &typed)
        .with("problem", &problem);
    site.pages.respond(status, "preferences.link.html", &page)
}

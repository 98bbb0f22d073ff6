//! Subscribing: the form, and the link that proves the address.
//!
//! Whoever fills in the form proves nothing, so nothing is sent but one mail a
//! day that asks the address itself, and the answer is the same whether or not
//! the address is known here. What was typed waits until the link is followed.

use super::form::{self, Form};
use super::limits::Costly;
use super::query::Query;
use super::view::CategoryView;
use super::visitor::Visitor;
use super::{PageError, Signup, Site, too_often};
use crate::digest::notices::Notice;
use crate::edition::Addressee;
use crate::fields::Problem;
use crate::links::Links;
use crate::store::{Asking, NewRequest, RequestKind};
use crate::subscriber::{MailboxKind, NewSubscriber, Status, read_subscriber};
use crate::token::Scope;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use chrono::TimeDelta;
use serde::Serialize;

/// Version of the words that people agree to; it changes with what the form says.
pub(super) const WORDING: &str = "2026-11";

/// How long the link in a confirmation holds.
pub(super) const LINK_HOURS: i64 = 48;

/// Categories that the form offers: the fields of arXiv that most is announced in.
const CATEGORIES: [&str; 24] = [
    "cs.AI",
    "cs.CL",
    "cs.CV",
    "cs.LG",
    "cs.RO",
    "cs.CR",
    "cs.DS",
    "cs.HC",
    "cs.IR",
    "cs.SE",
    "stat.ML",
    "math.*",
    "physics.*",
    "quant-ph",
    "astro-ph.*",
    "cond-mat.*",
    "hep-th",
    "hep-ph",
    "gr-qc",
    "q-bio.*",
    "q-fin.*",
    "econ.*",
    "eess.*",
    "nlin.*",
];

/// A field that people do not see and robots fill in.
const HONEYPOT: &str = "website";

/// `GET /subscribe`
pub(super) async fn form(State(site): State<Site>, uri: Uri, headers: HeaderMap) -> Result<Response, PageError> {
    if site.settings.signup == Signup::Closed {
        return closed(&site);
    }
    let query = Query::of(&uri);
    let form = Form::of_pairs(&[("email", query.text("email").unwrap_or_default())]);
    show(&site, StatusCode::OK, &form, &[], None, &headers)
}

/// `POST /subscribe`
pub(super) async fn subscribe(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    request: Request<Body>,
) -> Result<Response, PageError> {
    if site.settings.signup == Signup::Closed {
        return closed(&site);
    }
    if !site.state.limits.allow(Costly::Form, visitor) {
        return too_often(&site);
    }
    let page = site.desk().site.url(request.uri().path());
    let Ok(form) = Form::read(request).await else { return torn(&site) };
    let mut fields = form::fields(&form);
    let read = read_subscriber(&mut fields, None);
    let mut problems = fields.into_problems();
    let Some(mut wanted) = read.filter(|_| problems.is_empty()) else {
        return show(&site, StatusCode::UNPROCESSABLE_ENTITY, &form, &problems, None, &headers);
    };
    if site.settings.refuse.contains(&wanted.address.kind(&site.settings.disposable_domains)) {
        let remedy = match wanted.address.kind(&site.settings.disposable_domains) {
            MailboxKind::Role => "must be the address of a person, not of a function",
            _ => "must be an address that lives longer than a few minutes",
        };
        problems.push(Problem { path: "email".to_owned(), value: None, remedy: remedy.to_owned() });
        return show(&site, StatusCode::UNPROCESSABLE_ENTITY, &form, &problems, None, &headers);
    }
    if let Some(meant) = wanted.address.probably_meant().filter(|_| !form.has("sure")) {
        return show(&site, StatusCode::UNPROCESSABLE_ENTITY, &form, &[], Some(meant.as_str()), &headers);
    }
    if !site.state.limits.allow(Costly::Mail, visitor) {
        return too_often(&site);
    }
    if form.text("language").is_empty()
        && let Some(language) = language(&site, &headers)
    {
        wanted.preferences.language = language;
    }
    // A robot is told what a person would be told.
    if form.text(HONEYPOT).is_empty() {
        let asking = Asking { wording: WORDING.to_owned(), page, network: visitor.address.to_string() };
        ask(&site, wanted, asking).await?;
    } else {
        tracing::debug!("a form was filled in by a robot");
    }
    let text = "If the address can be subscribed, a mail with a link is on its way to it. Follow the link within two \
                days, and the first issue comes at the hour you chose. Nothing there? Look among the spam, or ask \
                again tomorrow.";
    site.pages.message(StatusCode::OK, "Look into your mailbox", text, None)
}

/// Notes what is asked for, and writes to the address, once a day at most.
async fn ask(site: &Site, wanted: NewSubscriber, asking: Asking) -> Result<(), PageError> {
    let now = site.clock.now();
    let address = wanted.address.clone();
    let of = address.clone();
    let (known, mailed) = site
        .db
        .run(move |store| {
            let mailed = store.count_mailed(RequestKind::Subscribe, &of, now - TimeDelta::days(1))?;
            Ok((store.subscriber(&of)?, mailed > 0))
        })
        .await?;
    if mailed || (known.is_none() && site.settings.signup == Signup::Invite) {
        return Ok(());
    }
    let request = NewRequest {
        kind: RequestKind::Subscribe,
        address: address.clone(),
        subscriber: None,
        details: wanted.to_record().to_string(),
        asking,
    };
    let pending = wanted.clone();
    let id = site.db.run(move |store| store.ask(&request, Some(&pending), now)).await?;
    let desk = site.desk();
    let notice = match &known {
        // Who has a subscription that runs can change it; a form cannot.
        Some(known) if matches!(known.status, Status::Active | Status::Paused) => {
            let url = Links { site: &desk.site, signer: &desk.signer }.preferences(known.id);
            desk.notice(&Notice::Preferences { url }, known.into(), now)?
        }
        _ => {
            let url = desk.site.url(&format!("/confirm?t={}", desk.signer.sign(Scope::Confirm, id.0)));
            let to = Addressee {
                subscriber: None,
                address: &address,
                language: &wanted.preferences.language,
                zone: wanted.preferences.timezone,
            };
            desk.notice(&Notice::Confirm { url, until: now + TimeDelta::hours(LINK_HOURS) }, to, now)?
        }
    };
    site.db.run(move |store| store.enqueue_notices(&[notice], Some(id), now)).await?;
    site.queued.notify_one();
    Ok(())
}

/// The first of the visitor's languages that issues can be written in.
pub(super) fn language(site: &Site, headers: &HeaderMap) -> Option<String> {
    let wanted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let desk = site.desk();
    let known: Vec<&str> = desk.templates.language_names().map(|(code, _)| code).collect();
    // Browsers write the most wanted one first, so the weights tell nothing more.
    let mut codes = wanted.split(',').filter_map(|part| part.split([';', '-']).next()).map(str::trim);
    codes.find(|code| known.contains(code)).map(str::to_owned)
}

#[derive(Serialize)]
struct Offered {
    #[serde(flatten)]
    category: CategoryView,
    chosen: bool,
}

/// The form with what was typed and what is wrong with it.
fn show(
    site: &Site,
    status: StatusCode,
    form: &Form,
    problems: &[Problem],
    meant: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, PageError> {
    let chosen = form.lines("interests[0].categories");
    let offered: Vec<Offered> = CATEGORIES
        .iter()
        .map(|code| Offered { chosen: chosen.iter().any(|chosen| chosen == code), category: CategoryView::new(code) })
        .collect();
    let desk = site.desk();
    let languages: Vec<(&str, &str)> = desk.templates.language_names().collect();
    let mut values = form.record();
    if !values.contains_key("language")
        && let Some(language) = language(site, headers)
    {
        values.insert("language".to_owned(), language.into());
    }
    let page = site
        .page("/subscribe")
        .with("values", &values)
        .with("examples", &form.text("examples"))
        .with("problems", &form::by_field(problems))
        .with("meant", &meant)
        .with("offered", &offered)
        .with("languages", &languages);
    site.pages.respond(status, "subscribe.html", &page)
}

fn closed(site: &Site) -> Result<Response, PageError> {
    let text = "Nobody can subscribe here by themselves. Whoever runs this site can add you.";
    site.pages.message(StatusCode::FORBIDDEN, "Subscriptions are closed", text, None)
}

/// The form did not arrive whole.
pub(super) fn torn(site: &Site) -> Result<Response, PageError> {
    let text = "The form was too long or did not arrive whole. Please go back and send it again.";
    site.pages.message(StatusCode::BAD_REQUEST, "That was not understood", text, None)
}

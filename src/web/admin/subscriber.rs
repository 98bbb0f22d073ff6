//! One subscriber: history, preferences, and the preview of the next issue.

use super::AdminState;
use super::format::{MailView, ReportView, clock, query, when};
use super::session::Session;
use super::subscribers::SubscriberView;
use crate::digest::notices::Notice;
use crate::edition::{self, Composed};
use crate::store::{
    Consent, ConsentContext, Feedback, MailLine, MailSearch, NewRequest, ReportRow, ReportsOf,
    Request, RequestKind, Store, StoreError, SubscriberLine, SuppressionLine,
};
use crate::subscriber::{Frequency, InterestWeight, MailFormat, Status, Subscriber, SubscriberId};
use crate::web::forms::Form;
use crate::web::forms::mail_form::WORDING;
use crate::web::issue_view::IssueView;
use crate::web::paper_view::path_of;
use crate::web::query::Query;
use crate::web::reader::standalone::standalone;
use crate::web::{PageError, WebState};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Rows of each kind that are shown, newest first.
const MAILS_MAX: u32 = 60;
const REPORTS_MAX: u32 = 60;
const THUMBS_MAX: usize = 60;

/// Everything that is stored about a subscriber.
struct SubscriberData {
    subscriber: Subscriber,
    line: SubscriberLine,
    consents: Vec<Consent>,
    requests: Vec<Request>,
    mails: Vec<MailLine>,
    reports: Vec<ReportRow>,
    feedback: Vec<Feedback>,
    muted: Vec<String>,
    suppression: Option<SuppressionLine>,
}

fn known(store: &mut dyn Store, id: SubscriberId) -> Result<Option<SubscriberData>, StoreError> {
    let (Some(subscriber), Some(line)) = (store.subscriber_by_id(id)?, store.person(id)?) else {
        return Ok(None);
    };
    let mails = MailSearch {
        subscriber: Some(id),
        limit: MAILS_MAX,
        ..MailSearch::default()
    };
    let address = subscriber.address.clone();
    let suppressed = store.find_suppressions(Some(address.as_str()), "", u32::MAX)?;
    let mut feedback = store.feedback_of(&[id])?;
    feedback.truncate(THUMBS_MAX);
    Ok(Some(SubscriberData {
        line,
        consents: store.consents(id)?,
        requests: store.requests_of(id)?,
        mails: store.find_mails(&mails)?,
        reports: store.reports(&ReportsOf::Address(address.clone()), REPORTS_MAX)?,
        feedback,
        muted: store
            .muted_authors(&[id])?
            .into_iter()
            .map(|(_, name)| name)
            .collect(),
        suppression: suppressed
            .into_iter()
            .find(|line| line.address.eq_ignore_ascii_case(address.as_str())),
        subscriber,
    }))
}

/// A value with its name.
#[derive(Serialize)]
struct Fact {
    name: &'static str,
    text: String,
}

#[derive(Serialize)]
struct InterestView {
    name: String,
    parts: Vec<Fact>,
}

#[derive(Serialize)]
struct Event {
    at: String,
    text: String,
    more: String,
}

#[derive(Serialize)]
struct ThumbView {
    at: String,
    thumb: &'static str,
    title: String,
    path: String,
    rank: Option<u32>,
    interest: Option<String>,
}

/// `GET /admin/people/{id}`
pub(super) async fn show(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    page_of(&admin, &session, &id, None).await
}

async fn page_of(
    admin: &AdminState,
    session: &Session,
    id: &str,
    said: Option<&str>,
) -> Result<Response, PageError> {
    let found = match id.parse() {
        Ok(id) => {
            admin
                .site
                .db
                .read(move |store| known(store, SubscriberId(id)))
                .await?
        }
        Err(_) => None,
    };
    let Some(known) = found else {
        return not_there(admin, session);
    };
    let now = admin.site.clock.now();
    let status = known.subscriber.status;
    let interests: Vec<InterestView> = known
        .subscriber
        .interests
        .iter()
        .map(interest_view)
        .collect();
    let mails: Vec<MailView> = known
        .mails
        .iter()
        .map(|mail| MailView::new(mail, now))
        .collect();
    let page = admin
        .page(session, "/admin/people")
        .with("said", &said)
        .with("is_choosing", &false)
        .with("person", &SubscriberView::new(&known.line))
        .with("facts", &facts(&known, now))
        .with("interests", &interests)
        .with("muted", &known.muted)
        .with("events", &events(&known, now))
        .with("mails", &mails)
        .with("most", &MAILS_MAX)
        .with(
            "reports",
            &known
                .reports
                .iter()
                .map(|report| ReportView::new(report, now))
                .collect::<Vec<_>>(),
        )
        .with(
            "thumbs",
            &known
                .feedback
                .iter()
                .map(|said| thumb_view(said, now))
                .collect::<Vec<_>>(),
        )
        .with(
            "suppressed",
            &known
                .suppression
                .as_ref()
                .map(|line| format!("{}: {}", when(line.at, now), line.reason)),
        )
        .with(
            "suppressed_query",
            &query(&[("q", known.subscriber.address.as_str())]),
        )
        .with("can_pause", &(status == Status::Active))
        .with(
            "can_resume",
            &(status == Status::Paused || is_waiting(&known.subscriber, now)),
        )
        .with(
            "can_link",
            &!matches!(status, Status::Pending | Status::Suppressed),
        );
    admin.respond("admin/person.html", &page)
}

/// Whether a pause ends on a later day.
fn is_waiting(subscriber: &Subscriber, now: DateTime<Utc>) -> bool {
    subscriber
        .preferences
        .pause_until
        .is_some_and(|until| until > now.date_naive())
}

fn not_there(admin: &AdminState, session: &Session) -> Result<Response, PageError> {
    admin.not_there(
        session,
        "There is no subscriber with this number; they may have been erased.",
        "/admin/people",
    )
}

fn facts(known: &SubscriberData, now: DateTime<Utc>) -> Vec<Fact> {
    let (line, preferences) = (&known.line, &known.subscriber.preferences);
    let how_often = match preferences.frequency {
        Frequency::Daily => {
            let days: Vec<String> = preferences.days.iter().map(ToString::to_string).collect();
            if days.len() == 7 {
                "every day".to_owned()
            } else {
                days.join(", ")
            }
        }
        Frequency::Weekly => format!("weekly, {}", preferences.weekday),
    };
    let format = if preferences.format == MailFormat::Text {
        "text alone"
    } else {
        "HTML and text"
    };
    let mut facts = vec![
        Fact {
            name: "Issues come",
            text: format!(
                "{how_often}, at {} {}",
                preferences.send_at.format("%H:%M"),
                preferences.timezone
            ),
        },
        Fact {
            name: "Each holds",
            text: format!(
                "{} papers at most, from a score of {:.2} on; {format}, language {}",
                preferences.max_papers, preferences.min_score, preferences.language
            ),
        },
        Fact {
            name: "Joined",
            text: when(line.joined_at, now),
        },
    ];
    let mut add = |name, text: Option<String>| facts.extend(text.map(|text| Fact { name, text }));
    add(
        "Left",
        line.left
            .as_ref()
            .map(|(at, how)| format!("{}, by {how}", when(*at, now))),
    );
    add(
        "No issue before",
        preferences.pause_until.map(|until| until.to_string()),
    );
    add(
        "Next look",
        line.next_due_at.map(|at| {
            if at <= now {
                "now".to_owned()
            } else {
                when(at, now)
            }
        }),
    );
    add("Last issue", line.last_issue.map(|date| date.to_string()));
    facts
}

fn interest_view(interest: &crate::subscriber::Interest) -> InterestView {
    let ids = |ids: &[crate::paper::PaperId]| {
        ids.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let weight = if interest.weight == InterestWeight::USUAL {
        String::new()
    } else {
        interest.weight.to_string()
    };
    let parts = [
        ("About", interest.description.clone()),
        ("Weight", weight),
        ("Keywords", interest.keywords.join(" · ")),
        ("Never", interest.must_not.join(" · ")),
        ("Authors", interest.authors.join(" · ")),
        ("Categories", interest.categories.join(", ")),
        ("Liked", ids(&interest.liked)),
        ("Disliked", ids(&interest.disliked)),
    ];
    let parts = parts.into_iter().filter(|(_, text)| !text.is_empty());
    InterestView {
        name: interest.name.clone(),
        parts: parts.map(|(name, text)| Fact { name, text }).collect(),
    }
}

/// Consents and requests, newest first.
fn events(known: &SubscriberData, now: DateTime<Utc>) -> Vec<Event> {
    let mut all: Vec<(DateTime<Utc>, String, String)> = Vec::new();
    for consent in &known.consents {
        let text = match consent.act.as_str() {
            "asked" => "asked for the subscription",
            "confirmed" => "confirmed it by the link in our mail",
            "moved" => "confirmed a new address",
            _ => "agreed",
        };
        let more = format!(
            "on {} (wording {}), from {}",
            consent.page, consent.wording, consent.network
        );
        all.push((consent.at, text.to_owned(), more));
    }
    for request in &known.requests {
        let text = match request.request.kind {
            RequestKind::Subscribe => "asked to subscribe",
            RequestKind::Preferences => "asked for the link to the preferences",
            RequestKind::Move => "asked for another address",
            RequestKind::Export => "asked for all data",
            RequestKind::Erase => "asked to be erased",
        };
        let mailed = if request.mailed_at.is_some() {
            "a link was mailed"
        } else {
            "no mail was sent for it"
        };
        let done = request
            .done_at
            .map_or_else(String::new, |at| format!(", done {}", clock(at, now)));
        let more = format!("{mailed}{done}, from {}", request.request.asking.network);
        all.push((request.asked_at, text.to_owned(), more));
    }
    all.sort_by_key(|(at, _, _)| std::cmp::Reverse(*at));
    all.into_iter()
        .map(|(at, text, more)| Event {
            at: clock(at, now),
            text,
            more,
        })
        .collect()
}

fn thumb_view(said: &Feedback, now: DateTime<Utc>) -> ThumbView {
    ThumbView {
        at: clock(said.at, now),
        thumb: said.thumb.word(),
        title: said.title.clone(),
        path: path_of(said.id.as_str()),
        rank: said.rank,
        interest: said.interest.clone(),
    }
}

/// `POST /admin/people/{id}` with `act`: pause, resume or link.
pub(super) async fn act(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let found = match id.parse() {
        Ok(id) => {
            admin
                .site
                .db
                .read(move |store| store.subscriber_by_id(SubscriberId(id)))
                .await?
        }
        Err(_) => None,
    };
    let Some(mut subscriber) = found else {
        return not_there(&admin, &session);
    };
    let (number, now) = (subscriber.id.0, admin.site.clock.now());
    let said = match (form.text("act"), subscriber.status) {
        ("pause", Status::Active) => {
            subscriber.details.status = Status::Paused;
            admin
                .site
                .db
                .run(move |store| store.save_subscriber(&subscriber, now))
                .await?;
            admin
                .note(&session, format!("paused subscriber {number}"))
                .await?;
            "They get no issues until you resume them, or they themselves."
        }
        ("resume", Status::Active | Status::Paused) => {
            subscriber.details.status = Status::Active;
            subscriber.details.preferences.pause_until = None;
            admin
                .site
                .db
                .run(move |store| store.save_subscriber(&subscriber, now))
                .await?;
            admin
                .note(&session, format!("resumed subscriber {number}"))
                .await?;
            "Issues come again."
        }
        ("link", Status::Active | Status::Paused | Status::Unsubscribed) => {
            mail_link(&admin.site, &subscriber, &session, now).await?;
            admin
                .note(
                    &session,
                    format!("mailed subscriber {number} the link to the preferences"),
                )
                .await?;
            "A mail with the link to the preferences is on its way to them."
        }
        _ => "Nothing was done: that cannot be done with a subscription of this status.",
    };
    page_of(&admin, &session, &id, Some(said)).await
}

/// Mails the link to the preferences.
async fn mail_link(
    site: &WebState,
    subscriber: &Subscriber,
    session: &Session,
    now: DateTime<Utc>,
) -> Result<(), PageError> {
    let composer = site.composer();
    let asking = ConsentContext {
        wording: WORDING.to_owned(),
        page: composer.site.url("/admin/people"),
        network: session.network.clone(),
    };
    let request = NewRequest {
        kind: RequestKind::Preferences,
        address: subscriber.address.clone(),
        subscriber: Some(subscriber.id),
        details: String::new(),
        asking,
    };
    let url = composer.links().preferences(subscriber.holder());
    let notice = composer.notice(&Notice::Preferences { url }, subscriber.into(), now)?;
    site.db
        .run(move |store| {
            let id = store.ask(&request, None, now)?;
            store.enqueue_notices(&[notice], Some(id), now)
        })
        .await?;
    site.queued.notify_one();
    Ok(())
}

async fn compose(
    admin: &AdminState,
    id: &str,
) -> Result<Option<(Subscriber, Option<Composed>)>, PageError> {
    let Ok(id) = id.parse() else { return Ok(None) };
    let found = admin
        .site
        .db
        .read(move |store| store.subscriber_by_id(SubscriberId(id)))
        .await?;
    let Some(subscriber) = found else {
        return Ok(None);
    };
    let (composer, now, reader) = (
        admin.site.composer(),
        admin.site.clock.now(),
        subscriber.clone(),
    );
    let composed = admin
        .site
        .db
        .run_blocking(move |db| edition::preview(db, &composer, &reader, None, now))
        .await?;
    Ok(Some((subscriber, composed)))
}

/// `GET /admin/people/{id}/preview?as=html|text`
pub(super) async fn preview(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, PageError> {
    let Some((subscriber, composed)) = compose(&admin, &id).await? else {
        return not_there(&admin, &session);
    };
    let wants_text = Query::of(&uri).text("as") == Some("text");
    let html = composed
        .as_ref()
        .is_some_and(|composed| composed.rendered.html.is_some());
    let text = composed
        .as_ref()
        .filter(|_| wants_text || !html)
        .map(|composed| composed.rendered.text.clone());
    let page = admin
        .page(&session, "/admin/people")
        .with("id", &subscriber.id.0)
        .with("address_shown", &subscriber.address)
        .with("is_active", &(subscriber.status == Status::Active))
        .with(
            "issue",
            &composed
                .as_ref()
                .map(|composed| IssueView::new(composed, admin.site.pages.english())),
        )
        .with("text", &text)
        .with("has_html", &html);
    admin.respond("admin/preview.html", &page)
}

/// `GET /admin/people/{id}/preview.html`: the mail itself, to be framed by the page above.
pub(super) async fn preview_html(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let composed = compose(&admin, &id)
        .await?
        .and_then(|(_, composed)| composed);
    let Some(html) = composed.and_then(|composed| composed.rendered.html) else {
        return admin.message(
            &session,
            StatusCode::NOT_FOUND,
            "No issue",
            "There is nothing to show.",
            "/admin/people",
        );
    };
    let page = standalone(&html, admin.site.composer().branding.logo.as_deref());
    // The links belong to the reader, so they do not work here.
    let policy = page
        .policy
        .replace("frame-ancestors 'none'", "frame-ancestors 'self'; sandbox");
    let mut response = Html(page.html).into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

//! Export and erasure of all data, by a fresh link that was mailed to the address. GET
//! shows a button, POST acts.

use crate::language::Locale;
use crate::store::{Db, PastPick, ReportsOf, Request, RequestId, RequestKind, StoreError};
use crate::subscriber::Subscriber;
use crate::token::Scope;
use crate::web::error_page::ErrorPage;
use crate::web::pages::Message;
use crate::web::query::Query;
use crate::web::{PageError, WebState};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// Hours for which such a link is valid.
pub(super) const OWNER_HOURS: i64 = 24;

/// `GET /owner?t=TOKEN`
pub(super) async fn ask(State(state): State<WebState>, uri: Uri) -> Result<Response, PageError> {
    let (request, subscriber) = request(&state, &uri)
        .await?
        .ok_or(ErrorPage::ExpiredOwnerLink)?;
    let locale = state.locale_of(&subscriber);
    let words = &locale.pages().owner;
    let (heading, text, button) = if request.request.kind == RequestKind::Export {
        (&words.export, &words.export_text, &words.export_button)
    } else {
        (&words.erase, &words.erase_text, &words.erase_button)
    };
    let text = text.with(&[("address", subscriber.address.as_str())]);
    state.pages.show_message(
        &locale,
        &Message::question(heading.as_str(), &text, button.as_str()),
    )
}

/// `POST /owner?t=TOKEN`
pub(super) async fn act(State(state): State<WebState>, uri: Uri) -> Result<Response, PageError> {
    let (request, subscriber) = request(&state, &uri)
        .await?
        .ok_or(ErrorPage::ExpiredOwnerLink)?;
    let (id, now) = (subscriber.id, state.clock.now());
    if request.request.kind == RequestKind::Export {
        let file = state
            .db
            .run_blocking(move |db| export(db, &subscriber))
            .await?;
        let file = serde_json::to_string_pretty(&file).expect("JSON has a text");
        let disposition = HeaderValue::from_static("attachment; filename=\"paperboy-export.json\"");
        let kind = HeaderValue::from_static("application/json; charset=utf-8");
        tracing::info!(subscriber.id = id.0, "data exported");
        return Ok((
            [
                (header::CONTENT_TYPE, kind),
                (header::CONTENT_DISPOSITION, disposition),
            ],
            file,
        )
            .into_response());
    }
    let locale = state.locale_of(&subscriber);
    let hash = state
        .composer()
        .signer
        .address_hash(subscriber.address.as_str());
    state
        .db
        .run(move |store| store.erase_subscriber(id, &hash, now))
        .await?;
    tracing::info!(subscriber.id = id.0, "subscriber erased");
    let words = &locale.pages().owner;
    state.pages.show_message(
        &locale,
        &Message::new(
            StatusCode::OK,
            words.erased.as_str(),
            words.erased_text.as_str(),
        ),
    )
}

/// The request of the token in `uri` and its subscriber, while the link is valid and the
/// address that it was mailed to is still theirs.
async fn request(state: &WebState, uri: &Uri) -> Result<Option<(Request, Subscriber)>, PageError> {
    let query = Query::of(uri);
    let Ok(id) = state
        .composer()
        .signer
        .verify(Scope::Owner, query.text("t").unwrap_or_default())
    else {
        return Ok(None);
    };
    let found = state
        .db
        .run(move |store| {
            let Some(request) = store.request(RequestId(id))? else {
                return Ok(None);
            };
            let Some(subscriber) = request.request.subscriber else {
                return Ok(None);
            };
            Ok(store
                .subscriber_by_id(subscriber)?
                .map(|subscriber| (request, subscriber)))
        })
        .await?;
    let oldest = state.clock.now() - TimeDelta::hours(OWNER_HOURS);
    Ok(found.filter(|(request, subscriber)| {
        matches!(
            request.request.kind,
            RequestKind::Export | RequestKind::Erase
        ) && request.asked_at >= oldest
            && request.request.address == subscriber.address
    }))
}

/// All data of a subscriber as one JSON object.
fn export(db: &Db, subscriber: &Subscriber) -> Result<Value, StoreError> {
    let (id, ids) = (subscriber.id, [subscriber.id]);
    db.run_here(|store| {
        let picks = store.picks_of(id, u32::MAX)?;
        let feedback = store.feedback_of(&ids)?.into_iter().map(|given| {
            json!({
                "id": given.id,
                "title": given.title,
                "thumb": given.thumb.word(),
                "interest": given.interest,
                "local_date": given.local_date,
                "channel": given.channel,
                "at": given.at,
            })
        });
        let saved = store.saved_papers(id)?.into_iter().map(
            |(stored, at)| json!({ "id": stored.paper.id, "title": stored.paper.title, "at": at }),
        );
        let library = store.library_of(&ids, u32::MAX)?;
        let library = library
            .into_iter()
            .map(|(_, interest, work)| json!({ "interest": interest, "work": work }));
        let muted = store.muted_authors(&ids)?.into_iter().map(|(_, name)| name);
        let clicks = store.clicks_of(&ids)?.into_iter().map(|stored| {
            json!({
                "paper": stored.click.paper.0,
                "at": stored.click.at,
                "agent": stored.click.agent,
                "network": stored.click.network,
            })
        });
        let reports = store.reports(&ReportsOf::Address(subscriber.address.clone()), u32::MAX)?;
        let reports = reports.into_iter().map(|report| {
            json!({
                "class": report.class,
                "status": report.status,
                "diagnostic": report.diagnostic,
                "action": report.action,
                "at": report.at,
            })
        });
        let requests = store.requests_of(id)?;
        Ok(json!({
            "subscriber": subscriber.to_record(),
            "consents": store.consents(id)?,
            "requests": requests.iter().map(request_record).collect::<Vec<_>>(),
            "issues": issue_records(&picks),
            "feedback": feedback.collect::<Vec<_>>(),
            "saved": saved.collect::<Vec<_>>(),
            "muted_authors": muted.collect::<Vec<_>>(),
            "library": library.collect::<Vec<_>>(),
            "clicks": clicks.collect::<Vec<_>>(),
            "deliveries": store.mails_to(id, u32::MAX)?,
            "reports": reports.collect::<Vec<_>>(),
        }))
    })
}

/// The issues of `picks`, which are sorted by date, with reasons in English.
fn issue_records(picks: &[PastPick]) -> Vec<Value> {
    let english = Locale::english();
    let pick_record = |pick: &PastPick| {
        json!({
            "rank": pick.rank,
            "id": pick.paper.paper.id,
            "title": pick.paper.paper.title,
            "section": english.section(&pick.section),
            "score": pick.score,
            "reason": english.reason(&pick.reasons),
        })
    };
    picks
        .chunk_by(|a, b| a.local_date == b.local_date)
        .map(|issue| {
            let picks: Vec<Value> = issue.iter().map(pick_record).collect();
            json!({ "local_date": issue[0].local_date, "picks": picks })
        })
        .collect()
}

fn request_record(stored: &Request) -> Value {
    let request = &stored.request;
    json!({
        "kind": request.kind.word(),
        "address": request.address,
        "details": request.details,
        "page": request.asking.page,
        "wording": request.asking.wording,
        "network": request.asking.network,
        "asked_at": stored.asked_at,
        "mailed_at": stored.mailed_at,
        "done_at": stored.done_at,
    })
}

//! Subscribers, and the status of their subscriptions.

use super::bodies::{Choices, PauseInput, SubscriberInput};
use super::idempotency::AnswerAbout;
use super::listing::{Page, Paging};
use super::middleware::{ApiRequest, forbidden};
use super::operations::object;
use super::problem::Problem;
use super::{BASE, json, ok, with_header};
use crate::fields::Fields;
use crate::store::{ConsentContext, Entered, KeyScope, RequestKind, Store, StoreError};
use crate::subscriber::{
    Address, NewSubscriber, Status, Subscriber, SubscriberId, SubscriberRecord, read_subscriber,
};
use crate::web::WebState;
use crate::web::forms::mail_form::WORDING;
use crate::web::public::signup;
use crate::web::reader::unsubscribe;
use crate::web::serving::visitor::Visitor;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use ring::digest;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A subscriber.
#[derive(Serialize, ToSchema)]
pub(super) struct SubscriberShape {
    /// Number, which stays when the address changes.
    #[schema(example = 42)]
    pub(super) id: i64,
    #[serde(flatten)]
    record: SubscriberRecord,
}

impl From<&Subscriber> for SubscriberShape {
    fn from(subscriber: &Subscriber) -> Self {
        SubscriberShape {
            id: subscriber.id.0,
            record: subscriber.record(),
        }
    }
}

/// The subscriber that a path names.
#[derive(Debug, Clone)]
pub(super) enum SubscriberRef {
    Number(SubscriberId),
    Address(Address),
}

impl SubscriberRef {
    /// Reads the number or the address in a path.
    pub(super) fn of(text: &str) -> Result<Self, Problem> {
        if let Ok(number) = text.parse() {
            return Ok(SubscriberRef::Number(SubscriberId(number)));
        }
        text.parse()
            .map(SubscriberRef::Address)
            .map_err(|_| nobody())
    }

    fn look_up(&self, store: &mut dyn Store) -> Result<Option<Subscriber>, StoreError> {
        match self {
            SubscriberRef::Number(id) => store.subscriber_by_id(*id),
            SubscriberRef::Address(address) => store.subscriber(address),
        }
    }
}

fn nobody() -> Problem {
    Problem::not_found("there is no such subscriber")
}

/// Returns the subscriber that a path names.
pub(super) async fn named(state: &WebState, text: &str) -> Result<Subscriber, Problem> {
    let who = SubscriberRef::of(text)?;
    state
        .db
        .read(move |store| who.look_up(store))
        .await?
        .ok_or_else(nobody)
}

/// Changes a subscriber, if `If-Match` allows it, in one transaction.
pub(super) async fn edit<T, F>(
    state: &WebState,
    request: &ApiRequest,
    text: &str,
    change: F,
) -> Result<(Subscriber, T), Problem>
where
    T: Send + 'static,
    F: FnOnce(&mut Subscriber, &mut dyn Store) -> Result<T, Problem> + Send + 'static,
{
    let (who, if_match, now) = (
        SubscriberRef::of(text)?,
        request.if_match.clone(),
        state.clock.now(),
    );
    let changed = state.db.run(move |store| {
        let Some(mut subscriber) = who.look_up(store)? else { return Ok(Err(nobody())) };
        if let Some(wanted) = if_match
            && !wanted.split(',').any(|tag| tag.trim() == "*" || tag.trim() == etag(&subscriber))
        {
            let detail = "the subscriber has changed since: fetch it again, and send the new ETag in If-Match";
            return Ok(Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail)));
        }
        let value = match change(&mut subscriber, store) {
            Ok(value) => value,
            Err(problem) => return Ok(Err(problem)),
        };
        store.save_subscriber(&subscriber, now)?;
        Ok(Ok((subscriber, value)))
    });
    let (subscriber, value) = changed.await??;
    tracing::info!(
        subscriber.id = subscriber.id.0,
        key = request.key_name(),
        "a subscriber was changed by the API"
    );
    Ok((subscriber, value))
}

/// Returns the entity tag of a subscriber.
fn etag(subscriber: &Subscriber) -> String {
    let hash = digest::digest(
        &digest::SHA256,
        subscriber.to_record().to_string().as_bytes(),
    );
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12]))
}

/// Returns a subscriber as an answer.
fn shown(status: StatusCode, subscriber: &Subscriber) -> Response {
    let mut response = json(status, &SubscriberShape::from(subscriber));
    response.extensions_mut().insert(AnswerAbout(subscriber.id));
    with_header(response, header::ETAG, &etag(subscriber))
}

/// List subscribers
///
/// By number, oldest first; or the one with an address.
#[utoipa::path(get, path = "/subscribers", operation_id = "list_subscribers", tag = "subscribers",
    params(
        Paging,
        ("status" = Option<Status>, Query, description = "Only those whose subscription stands so"),
        ("address" = Option<String>, Query, description = "Only the one with this address", max_length = 254),
    ),
    responses((status = 200, description = "A page of subscribers", body = Page<SubscriberShape>)),
    security(("key" = ["read"])))]
pub(super) async fn list(
    State(state): State<WebState>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let paging = Paging::of(&request);
    let status = request.query.get("status");
    let status = status
        .and_then(|word| Status::WORDS.iter().find(|(known, _)| known == word))
        .map(|(_, status)| *status);
    let found = if let Some(address) = request.query.get("address") {
        let address: Address = address
            .parse()
            .map_err(|_| Problem::parameter("address", "must be a mail address"))?;
        let one = state
            .db
            .read(move |store| store.subscriber(&address))
            .await?;
        one.into_iter()
            .filter(|one| status.is_none_or(|status| one.status == status))
            .collect()
    } else {
        let (after, limit) = (paging.cursor::<i64>()?.unwrap_or(0), paging.limit + 1);
        state
            .db
            .read(move |store| store.list_subscribers(status, SubscriberId(after), limit))
            .await?
    };
    let found: Vec<SubscriberShape> = found.iter().map(Into::into).collect();
    Ok(ok(&paging.page(&request, found, |one| one.id)))
}

/// Add a subscriber
///
/// Sends a confirmation mail, at most once a day; issues begin after the confirmation. With
/// `status` active the subscription begins at once: that needs the scope
/// `subscribers:vouch`, and `consent`, which describes how the subscriber agreed.
#[utoipa::path(post, path = "/subscribers", operation_id = "create_subscriber", tag = "subscribers",
    request_body = SubscriberInput,
    responses((status = 201, description = "The new subscriber", body = SubscriberShape,
        headers(("ETag" = String, description = "For If-Match"), ("Location" = String)))),
    security(("key" = ["subscribers:write"])))]
pub(super) async fn create(
    State(state): State<WebState>,
    visitor: Visitor,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let mut record = object(request.body.clone());
    let is_active = record
        .remove("status")
        .is_some_and(|status| status == "active");
    let consent = record
        .remove("consent")
        .and_then(|note| Some(note.as_str()?.trim().to_owned()))
        .unwrap_or_default();
    let new = readable(record, None)?;
    if is_active && !request.may(KeyScope::Vouch) {
        return Err(forbidden(KeyScope::Vouch));
    }
    if is_active && consent.is_empty() {
        let remedy = "must say how and when they agreed, where status is active".to_owned();
        let problem = crate::fields::Problem {
            path: "consent".to_owned(),
            value: None,
            remedy,
        };
        return Err(Problem::unreadable(vec![problem]));
    }
    let hashes = state.composer().signer.address_hashes(new.address.as_str());
    let (address, since) = (new.address.clone(), state.clock.now() - TimeDelta::days(1));
    let _lock = state.lock_mailing().await;
    let (known, was_erased, is_suppressed, asked_lately) = state
        .db
        .run(move |store| {
            let mailed = store.count_mailed(RequestKind::Subscribe, &address, since)?;
            let is_suppressed = store.suppression(&address)?.is_some();
            Ok((
                store.subscriber(&address)?,
                store.was_erased(&hashes)?,
                is_suppressed,
                mailed > 0,
            ))
        })
        .await?;
    if let Some(known) = known {
        let detail = match known.status {
            Status::Unsubscribed | Status::Suppressed => known.status.why_no_issues().to_owned(),
            status => format!(
                "they are a subscriber already, number {}, {}",
                known.id.0,
                status.word()
            ),
        };
        return Err(Problem::conflict(detail));
    }
    if was_erased {
        return Err(Problem::conflict(
            "they asked to be erased; `paperboy subscribers add --anyway` takes them all the same",
        ));
    }
    if is_suppressed {
        return Err(Problem::conflict(Status::Suppressed.why_no_issues()));
    }
    let address = new.address.clone();
    let page = state.composer().site.url(&format!("{BASE}/subscribers"));
    let wording = if is_active {
        consent
    } else {
        WORDING.to_owned()
    };
    let page = format!("{page} (key {})", request.key_name());
    let asking = ConsentContext {
        wording,
        page,
        network: visitor.address.to_string(),
    };
    if is_active {
        let now = state.clock.now();
        let new = NewSubscriber {
            status: Status::Active,
            ..new
        };
        match state
            .db
            .run(move |store| store.vouch_for(&new, &asking, now))
            .await?
        {
            Entered::Left(status) => return Err(Problem::conflict(status.why_no_issues())),
            Entered::New | Entered::Known | Entered::Changed => {}
        }
    } else if asked_lately {
        return Err(Problem::conflict(
            "this address was asked within the last day, and has not answered; ask tomorrow",
        ));
    } else {
        signup::write_to(&state, None, new, Vec::new(), asking).await?;
    }
    let subscriber = state
        .db
        .run(move |store| store.subscriber(&address))
        .await?;
    let subscriber = subscriber.ok_or_else(nobody)?;
    tracing::info!(
        subscriber.id = subscriber.id.0,
        key = request.key_name(),
        "a subscriber was added by the API"
    );
    let location = format!("{BASE}/subscribers/{}", subscriber.id.0);
    Ok(with_header(
        shown(StatusCode::CREATED, &subscriber),
        header::LOCATION,
        &location,
    ))
}

/// Reads a record, starting from the known subscriber.
fn readable(
    record: Map<String, Value>,
    before: Option<&NewSubscriber>,
) -> Result<NewSubscriber, Problem> {
    let mut fields = Fields::new(record);
    let read = read_subscriber(&mut fields, before);
    let problems = fields.into_all_problems();
    match read {
        Some(read) if problems.is_empty() => Ok(read),
        _ => Err(Problem::unreadable(problems)),
    }
}

/// Show a subscriber
#[utoipa::path(get, path = "/subscribers/{subscriber}", operation_id = "get_subscriber", tag = "subscribers",
    params(("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42")),
    responses((status = 200, description = "The subscriber", body = SubscriberShape,
        headers(("ETag" = String, description = "For If-Match")))),
    security(("key" = ["read"])))]
pub(super) async fn get(
    State(state): State<WebState>,
    Path(who): Path<String>,
    _: ApiRequest,
) -> Result<Response, Problem> {
    Ok(shown(StatusCode::OK, &named(&state, &who).await?))
}

/// Change a subscriber
///
/// A merge patch (RFC 7396) of name, preferences and interests. It changes neither address
/// nor status: an address moves when both addresses have agreed.
#[utoipa::path(patch, path = "/subscribers/{subscriber}", operation_id = "change_subscriber", tag = "subscribers",
    params(
        ("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is to be changed"),
    ),
    request_body(content((Choices = "application/json"), (Choices = "application/merge-patch+json"))),
    responses((status = 200, description = "The subscriber as they are now", body = SubscriberShape,
        headers(("ETag" = String, description = "For If-Match")))),
    security(("key" = ["subscribers:write"])))]
pub(super) async fn change(
    State(state): State<WebState>,
    Path(who): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let mut record = object(request.body.clone());
    if record.get("pause_until").is_some_and(Value::is_null) {
        record.insert("pause_until".to_owned(), "none".into());
    }
    let (subscriber, ()) = edit(&state, &request, &who, move |subscriber, store| {
        let changed = readable(record, Some(&subscriber.details))?;
        for gone in changed.interests_gone(&subscriber.interests) {
            store.forget_library(subscriber.id, &gone)?;
        }
        subscriber.details = changed;
        Ok(())
    })
    .await?;
    Ok(shown(StatusCode::OK, &subscriber))
}

/// Erase a subscriber
///
/// Deletes all stored data of the subscriber, for good. A keyed hash of the address is kept,
/// so that they are not added again by mistake.
#[utoipa::path(delete, path = "/subscribers/{subscriber}", operation_id = "erase_subscriber", tag = "subscribers",
    params(("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42")),
    responses((status = 204, description = "They are erased")),
    security(("key" = ["subscribers:write"])))]
pub(super) async fn erase(
    State(state): State<WebState>,
    Path(who): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let subscriber = named(&state, &who).await?;
    let hash = state
        .composer()
        .signer
        .address_hash(subscriber.address.as_str());
    let (id, now) = (subscriber.id, state.clock.now());
    if !state
        .db
        .run(move |store| store.erase_subscriber(id, &hash, now))
        .await?
    {
        return Err(nobody());
    }
    tracing::info!(
        subscriber.id = id.0,
        key = request.key_name(),
        "erased by the API"
    );
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Pause a subscription
///
/// No issues until a date, or until resumed.
#[utoipa::path(post, path = "/subscribers/{subscriber}/pause", operation_id = "pause_subscriber", tag = "subscribers",
    params(("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42")),
    request_body = Option<PauseInput>,
    responses((status = 200, description = "The subscriber as they are now", body = SubscriberShape)),
    security(("key" = ["subscribers:write"])))]
pub(super) async fn pause(
    State(state): State<WebState>,
    Path(who): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let until = request.body["until"]
        .as_str()
        .and_then(super::validation::date);
    let paused = edit(&state, &request, &who, move |subscriber, _| {
        subscriber
            .details
            .pause(until)
            .map_err(|why| Problem::conflict(format!("they get no issues: {why}")))
    });
    Ok(shown(StatusCode::OK, &paused.await?.0))
}

/// Resume a subscription
///
/// Issues that were due meanwhile are not made up for.
#[utoipa::path(post, path = "/subscribers/{subscriber}/resume", operation_id = "resume_subscriber", tag = "subscribers",
    params(("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42")),
    responses((status = 200, description = "The subscriber as they are now", body = SubscriberShape)),
    security(("key" = ["subscribers:write"])))]
pub(super) async fn resume(
    State(state): State<WebState>,
    Path(who): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let resumed = edit(&state, &request, &who, |subscriber, _| {
        subscriber
            .details
            .resume()
            .map_err(|why| Problem::conflict(format!("they cannot be resumed: {why}")))
    });
    Ok(shown(StatusCode::OK, &resumed.await?.0))
}

/// Unsubscribe a subscriber
///
/// As if they had unsubscribed themselves: only they can come back, and they are told by
/// mail. For subscribers who asked for it.
#[utoipa::path(post, path = "/subscribers/{subscriber}/unsubscribe", operation_id = "unsubscribe_subscriber",
    tag = "subscribers",
    params(("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42")),
    responses((status = 200, description = "The subscriber as they are now", body = SubscriberShape)),
    security(("key" = ["subscribers:write"])))]
pub(super) async fn unsubscribe(
    State(state): State<WebState>,
    Path(who): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let subscriber = named(&state, &who).await?;
    let (id, now) = (subscriber.id, state.clock.now());
    let wants_goodbye = matches!(subscriber.status, Status::Active | Status::Paused);
    if state
        .db
        .run(move |store| store.unsubscribe(id, "api", now))
        .await?
    {
        tracing::info!(
            subscriber.id = id.0,
            key = request.key_name(),
            "unsubscribed by the API"
        );
        if wants_goodbye {
            unsubscribe::goodbye(&state, id).await;
        }
    }
    let subscriber = state
        .db
        .run(move |store| store.subscriber_by_id(id))
        .await?
        .ok_or_else(nobody)?;
    Ok(shown(StatusCode::OK, &subscriber))
}

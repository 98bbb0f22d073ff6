//! Deliveries: recipient, state, and the server's replies.

use super::listing::{Page, Paging};
use super::middleware::ApiRequest;
use super::ok;
use super::problem::Problem;
use super::subscribers::named;
use crate::shapes::{DeliveryShape, by_hand};
use crate::store::{
    Db, DeliveryId, DeliveryRow, DeliveryState, OperatorOutcome, OutboxFilter, Store, StoreError,
};
use crate::web::WebState;
use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// A row of the outbox.
#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryLine {
    /// Number of the delivery.
    #[schema(example = 1234)]
    id: i64,
    /// Number of the subscriber, unless they were removed.
    subscriber: Option<i64>,
    /// Subject line.
    subject: String,
    /// Time of the next attempt.
    next_at: Option<DateTime<Utc>>,
    #[serde(flatten)]
    row: DeliveryRow,
}

impl From<DeliveryRow> for DeliveryLine {
    fn from(row: DeliveryRow) -> Self {
        DeliveryLine {
            id: row.id.0,
            subscriber: row.subscriber.map(|id| id.0),
            subject: row.subject.clone(),
            next_at: row.next_at,
            row,
        }
    }
}

/// A delivery with its attempts and reports.
#[derive(Serialize, ToSchema)]
pub(super) struct WholeDelivery {
    /// Number of the delivery.
    #[schema(example = 1234)]
    id: i64,
    /// Number of the subscriber, unless they were removed.
    subscriber: Option<i64>,
    #[serde(flatten)]
    shape: DeliveryShape,
}

fn lines(rows: Vec<DeliveryRow>) -> Vec<DeliveryLine> {
    rows.into_iter().map(Into::into).collect()
}

/// List deliveries
///
/// Oldest first; filtered by date, state or address.
#[utoipa::path(get, path = "/deliveries", operation_id = "list_deliveries", tag = "deliveries",
    params(
        Paging,
        ("address" = Option<String>, Query, description = "Only to this address", max_length = 254),
        ("state" = Option<DeliveryState>, Query, description = "Only those that stand so"),
        ("date" = Option<NaiveDate>, Query, description = "Only of this date, where each reader lives"),
    ),
    responses((status = 200, description = "A page of deliveries", body = Page<DeliveryLine>)),
    security(("key" = ["read"])))]
pub(super) async fn list(
    State(state): State<WebState>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let paging = Paging::of(&request);
    let stands = request
        .query
        .get("state")
        .and_then(|word| DeliveryState::WORDS.iter().find(|(known, _)| known == word));
    let address = request
        .query
        .get("address")
        .map(|text| text.parse())
        .transpose();
    let filter = OutboxFilter {
        address: address.map_err(|_| Problem::parameter("address", "must be a mail address"))?,
        state: stands.map(|(_, state)| *state),
        local_date: request
            .query
            .get("date")
            .and_then(|text| super::validation::date(text)),
        after: paging.cursor::<i64>()?.map(DeliveryId),
        limit: Some(paging.limit + 1),
        message_id: None,
    };
    let found = state
        .db
        .read(move |store| store.deliveries(&filter))
        .await?;
    Ok(ok(&paging.page(&request, lines(found), |line| line.id)))
}

/// List a subscriber's mails
///
/// Issues and other mails, newest first.
#[utoipa::path(get, path = "/subscribers/{subscriber}/deliveries", operation_id = "list_subscriber_deliveries",
    tag = "deliveries",
    params(("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42"), Paging),
    responses((status = 200, description = "A page of deliveries", body = Page<DeliveryLine>)),
    security(("key" = ["read"])))]
pub(super) async fn of_subscriber(
    State(state): State<WebState>,
    Path(who): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let (id, paging) = (named(&state, &who).await?.id, Paging::of(&request));
    let (before, limit) = (paging.cursor::<i64>()?.map(DeliveryId), paging.limit + 1);
    let found = state
        .db
        .read(move |store| store.list_mails(id, before, limit))
        .await?;
    Ok(ok(&paging.page(&request, lines(found), |line| line.id)))
}

/// Show a delivery
///
/// With its attempts and reports.
#[utoipa::path(get, path = "/deliveries/{delivery}", operation_id = "get_delivery", tag = "deliveries",
    params(("delivery" = i64, Path, description = "Its number", example = 1234)),
    responses((status = 200, description = "The delivery", body = WholeDelivery)),
    security(("key" = ["read"])))]
pub(super) async fn get(
    State(state): State<WebState>,
    Path(number): Path<String>,
    _: ApiRequest,
) -> Result<Response, Problem> {
    let id = number.parse().map(DeliveryId).map_err(|_| unknown())?;
    shown(&state, id).await
}

fn unknown() -> Problem {
    Problem::not_found("there is no such delivery")
}

async fn shown(state: &WebState, id: DeliveryId) -> Result<Response, Problem> {
    // The page after the preceding number begins with it, if it exists.
    let filter = OutboxFilter {
        after: Some(DeliveryId(id.0.saturating_sub(1))),
        limit: Some(1),
        ..Default::default()
    };
    let read = move |db: &Db| {
        let found = db
            .read_here(|store| store.deliveries(&filter))?
            .into_iter()
            .find(|row| row.id == id);
        let whole = found.map(|row| {
            let subscriber = row.subscriber.map(|id| id.0);
            Ok(WholeDelivery {
                id: id.0,
                subscriber,
                shape: DeliveryShape::read(db, row)?,
            })
        });
        whole.transpose().map_err(|error: StoreError| error)
    };
    Ok(ok(&state
        .db
        .run_blocking(read)
        .await?
        .ok_or_else(unknown)?))
}

/// Applies an operator's action to one delivery.
async fn act<F>(
    state: &WebState,
    request: &ApiRequest,
    number: &str,
    done: &'static str,
    verb: F,
) -> Result<Response, Problem>
where
    F: FnOnce(&mut dyn Store, &[DeliveryId]) -> Result<Vec<OperatorOutcome>, StoreError>
        + Send
        + 'static,
{
    let id = number.parse().map(DeliveryId).map_err(|_| unknown())?;
    match state.db.run(move |store| verb(store, &[id])).await?.pop() {
        Some(OperatorOutcome::Done | OperatorOutcome::MayDuplicate) => {
            tracing::info!(
                delivery.id = id.0,
                key = request.key_name(),
                "{done}, by the API"
            );
            shown(state, id).await
        }
        Some(answer @ (OperatorOutcome::Not(_) | OperatorOutcome::Suppressed)) => Err(
            Problem::conflict(format!("the delivery {}", by_hand(answer, done))),
        ),
        Some(OperatorOutcome::Unknown) | None => Err(unknown()),
    }
}

/// Retry a delivery
///
/// Sends it at once, if it waits or is held. Where the server may have a copy already, a
/// second one is possible.
#[utoipa::path(post, path = "/deliveries/{delivery}/retry", operation_id = "retry_delivery", tag = "deliveries",
    params(("delivery" = i64, Path, description = "Its number", example = 1234)),
    responses((status = 200, description = "The delivery as it stands now", body = WholeDelivery)),
    security(("key" = ["deliveries:write"])))]
pub(super) async fn retry(
    State(state): State<WebState>,
    Path(number): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let now = state.clock.now();
    let until = now + state.composer().shelf_life;
    let retried = act(
        &state,
        &request,
        &number,
        "to be sent at once",
        move |store, ids| store.retry_deliveries(ids, until, now),
    );
    let answer = retried.await?;
    state.queued.notify_one();
    Ok(answer)
}

/// Hold a delivery
///
/// Keeps a waiting delivery from being sent.
#[utoipa::path(post, path = "/deliveries/{delivery}/hold", operation_id = "hold_delivery", tag = "deliveries",
    params(("delivery" = i64, Path, description = "Its number", example = 1234)),
    responses((status = 200, description = "The delivery as it stands now", body = WholeDelivery)),
    security(("key" = ["deliveries:write"])))]
pub(super) async fn hold(
    State(state): State<WebState>,
    Path(number): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let now = state.clock.now();
    act(&state, &request, &number, "held", move |store, ids| {
        store.hold_deliveries(ids, now)
    })
    .await
}

/// Drop a delivery
///
/// Drops a waiting or held delivery for good; its message is deleted.
#[utoipa::path(post, path = "/deliveries/{delivery}/drop", operation_id = "drop_delivery", tag = "deliveries",
    params(("delivery" = i64, Path, description = "Its number", example = 1234)),
    responses((status = 200, description = "The delivery as it stands now", body = WholeDelivery)),
    security(("key" = ["deliveries:write"])))]
pub(super) async fn give_up(
    State(state): State<WebState>,
    Path(number): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let now = state.clock.now();
    act(&state, &request, &number, "given up", move |store, ids| {
        store.drop_deliveries(ids, now)
    })
    .await
}

//! Suppressed addresses.

use super::bodies::SuppressionInput;
use super::idempotency::AnswerAbout;
use super::listing::{Page, Paging};
use super::middleware::ApiRequest;
use super::problem::Problem;
use super::{BASE, encoded, json, ok, with_header};
use crate::fields;
use crate::shapes::SuppressionShape;
use crate::store::{Db, StoreError, Suppression};
use crate::subscriber::Address;
use crate::token::Signer;
use crate::web::WebState;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

/// List suppressions
///
/// Oldest first, with the evidence.
#[utoipa::path(get, path = "/suppressions", operation_id = "list_suppressions", tag = "suppressions",
    params(Paging),
    responses((status = 200, description = "A page of suppressions", body = Page<SuppressionShape>)),
    security(("key" = ["read"])))]
pub(super) async fn list(
    State(state): State<WebState>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let paging = Paging::of(&request);
    // The cursor stands in URLs, and thus in logs of proxies: it contains no address.
    let cursor = paging.cursor::<(i64, String)>()?;
    let (signer, limit) = (state.composer().signer.clone(), paging.limit as usize + 1);
    let hash = |signer: &Signer, one: &SuppressionShape| signer.address_hash(one.address.as_str());
    let signs = signer.clone();
    let read = move |db: &Db| {
        let found = behind(db, cursor, &signer, limit)?;
        found
            .into_iter()
            .map(|one| SuppressionShape::read(db, one))
            .collect::<Result<Vec<_>, StoreError>>()
    };
    let found = state.db.run_blocking(read).await?;
    Ok(ok(&paging.page(&request, found, |one| {
        (one.at.timestamp(), hash(&signs, one))
    })))
}

/// Returns up to `limit` suppressions after the cursor.
fn behind(
    db: &Db,
    cursor: Option<(i64, String)>,
    signer: &Signer,
    limit: usize,
) -> Result<Vec<Suppression>, StoreError> {
    let Some((at, hash)) = cursor else {
        return db.read_here(|store| store.list_suppressions(DateTime::UNIX_EPOCH, limit as u32));
    };
    let from: DateTime<Utc> = DateTime::from_timestamp(at, 0).unwrap_or_default();
    // Many may have been added in the same second.
    let mut wanted = limit;
    loop {
        let found = db.read_here(|store| store.list_suppressions(from, wanted as u32))?;
        let same = found.iter().take_while(|one| one.at == from).count();
        let last = found[..same]
            .iter()
            .position(|one| signer.address_hash(one.address.as_str()) == hash);
        let is_all = found.len() < wanted;
        // Removed meanwhile: those of the same second are repeated.
        let start = last.map_or(0, |last| last + 1);
        if is_all || found.len() - start >= limit && (last.is_some() || same < found.len()) {
            return Ok(found.into_iter().skip(start).take(limit).collect());
        }
        wanted *= 2;
    }
}

/// Suppress an address
///
/// No more mail is sent to it. 200 if it was suppressed already.
#[utoipa::path(post, path = "/suppressions", operation_id = "add_suppression", tag = "suppressions",
    request_body = SuppressionInput,
    responses(
        (status = 201, description = "The suppression", body = SuppressionShape, headers(("Location" = String))),
        (status = 200, description = "The suppression, which was there", body = SuppressionShape),
    ),
    security(("key" = ["suppressions:write"])))]
pub(super) async fn add(
    State(state): State<WebState>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let address: Address = request.body["address"]
        .as_str()
        .unwrap_or_default()
        .parse()
        .map_err(|error| {
            let problem = fields::Problem {
                path: "address".to_owned(),
                value: None,
                remedy: format!("{error}"),
            };
            Problem::unreadable(vec![problem])
        })?;
    let reason = crate::text::clean_line(request.body["reason"].as_str().unwrap_or_default());
    let reason = if reason.is_empty() {
        format!("added by the API ({})", request.key_name())
    } else {
        reason
    };
    let now = state.clock.now();
    let (is_new, subscriber, suppression) = state
        .db
        .run(move |store| {
            let is_new = store.suppress(&address, &reason, now)?;
            Ok((
                is_new,
                store.subscriber(&address)?,
                store.suppression(&address)?,
            ))
        })
        .await?;
    // It may have been removed meanwhile.
    let gone = || Problem::conflict("the suppression was lifted in the same moment");
    let suppression = suppression.ok_or_else(gone)?;
    let shape = state
        .db
        .run_blocking(move |db| SuppressionShape::read(db, suppression))
        .await?;
    tracing::info!(
        key = request.key_name(),
        is_new,
        "an address was suppressed by the API"
    );
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let location = format!("{BASE}/suppressions/{}", encoded(shape.address.as_str()));
    let mut response = json(status, &shape);
    if is_new {
        response = with_header(response, header::LOCATION, &location);
    }
    if let Some(subscriber) = subscriber {
        response.extensions_mut().insert(AnswerAbout(subscriber.id));
    }
    Ok(response)
}

/// Remove a suppression
///
/// Allows mail to the address again, and makes its subscriber active unless they had
/// unsubscribed.
#[utoipa::path(delete, path = "/suppressions/{address}", operation_id = "lift_suppression", tag = "suppressions",
    params(("address" = String, Path, description = "The address", max_length = 254, example = "gone@example.org")),
    responses((status = 204, description = "It is lifted")),
    security(("key" = ["suppressions:write"])))]
pub(super) async fn lift(
    State(state): State<WebState>,
    Path(address): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let none = || Problem::not_found("there is no such suppression");
    let address: Address = address.parse().map_err(|_| none())?;
    let now = state.clock.now();
    if !state
        .db
        .run(move |store| store.lift_suppression(&address, now))
        .await?
    {
        return Err(none());
    }
    tracing::info!(
        key = request.key_name(),
        "a suppression was lifted by the API"
    );
    Ok(StatusCode::NO_CONTENT.into_response())
}

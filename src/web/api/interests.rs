//! Interests of a subscriber.

use super::bodies::InterestInput;
use super::idempotency::AnswerAbout;
use super::listing::Listed;
use super::middleware::ApiRequest;
use super::operations::object;
use super::problem::Problem;
use super::subscribers::{edit, named};
use super::{BASE, encoded, json, ok, with_header};
use crate::fields::Fields;
use crate::subscriber::{INTERESTS_MAX, Interest, Subscriber, read_interest};
use crate::web::WebState;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

/// List interests
#[utoipa::path(get, path = "/subscribers/{subscriber}/interests", operation_id = "list_interests", tag = "interests",
    params(("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42")),
    responses((status = 200, description = "What they follow, in their order", body = Listed<Interest>)),
    security(("key" = ["read"])))]
pub(super) async fn list(
    State(state): State<WebState>,
    Path(who): Path<String>,
    _: ApiRequest,
) -> Result<Response, Problem> {
    Ok(ok(&Listed {
        items: named(&state, &who).await?.details.interests,
    }))
}

/// Add an interest
#[utoipa::path(post, path = "/subscribers/{subscriber}/interests", operation_id = "add_interest", tag = "interests",
    params(("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42")),
    request_body = InterestInput,
    responses((status = 201, description = "The interest", body = Interest, headers(("Location" = String)))),
    security(("key" = ["subscribers:write"])))]
pub(super) async fn add(
    State(state): State<WebState>,
    Path(who): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let record = object(request.body.clone());
    let (subscriber, interest) = edit(&state, &request, &who, move |subscriber, _| {
        let interest = readable(record, None)?;
        if subscriber.interest_called(&interest.name).is_some() {
            return Err(taken(&interest.name));
        }
        if subscriber.interests.len() >= INTERESTS_MAX {
            return Err(Problem::conflict(format!(
                "they have {INTERESTS_MAX} interests, which is the most"
            )));
        }
        subscriber.details.interests.push(interest.clone());
        Ok(interest)
    })
    .await?;
    Ok(created(&subscriber, &interest))
}

/// Replace an interest
///
/// As a whole: fields left out are empty afterwards. A missing interest is created. A `name`
/// in the body renames it.
#[utoipa::path(put, path = "/subscribers/{subscriber}/interests/{name}", operation_id = "replace_interest",
    tag = "interests",
    params(
        ("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42"),
        ("name" = String, Path, description = "The interest's name", max_length = 200, example = "Spin glasses"),
    ),
    request_body = InterestInput,
    responses(
        (status = 200, description = "The interest as it is now", body = Interest),
        (status = 201, description = "The new interest", body = Interest, headers(("Location" = String))),
    ),
    security(("key" = ["subscribers:write"])))]
pub(super) async fn replace(
    State(state): State<WebState>,
    Path((who, name)): Path<(String, String)>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let mut record = object(request.body.clone());
    if record.get("name").is_none_or(Value::is_null) {
        record.insert("name".to_owned(), name.clone().into());
    }
    let (subscriber, (interest, is_new)) =
        edit(&state, &request, &who, move |subscriber, store| {
            let interest = readable(record, None)?;
            let (at, other) = (
                subscriber.interest_called(&name),
                subscriber.interest_called(&interest.name),
            );
            match at {
                Some(at) if other.is_none_or(|other| other == at) => {
                    let old =
                        std::mem::replace(&mut subscriber.details.interests[at], interest.clone());
                    if old.name != interest.name {
                        store.rename_interest(subscriber.id, &old.name, &interest.name)?;
                    }
                }
                None if other.is_none() && subscriber.interests.len() < INTERESTS_MAX => {
                    subscriber.details.interests.push(interest.clone());
                }
                None if other.is_none() => {
                    return Err(Problem::conflict(format!(
                        "they have {INTERESTS_MAX} interests, which is the most"
                    )));
                }
                _ => return Err(taken(&interest.name)),
            }
            Ok((interest, at.is_none()))
        })
        .await?;
    if is_new {
        return Ok(created(&subscriber, &interest));
    }
    Ok(about(json(StatusCode::OK, &interest), &subscriber))
}

/// Remove an interest
#[utoipa::path(delete, path = "/subscribers/{subscriber}/interests/{name}", operation_id = "remove_interest",
    tag = "interests",
    params(
        ("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42"),
        ("name" = String, Path, description = "The interest's name", max_length = 200, example = "Spin glasses"),
    ),
    responses((status = 204, description = "It is removed")),
    security(("key" = ["subscribers:write"])))]
pub(super) async fn remove(
    State(state): State<WebState>,
    Path((who, name)): Path<(String, String)>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    edit(&state, &request, &who, move |subscriber, store| {
        let Some(at) = subscriber.interest_called(&name) else {
            return Err(Problem::not_found("they have no interest of that name"));
        };
        let removed = subscriber.details.interests.remove(at);
        store.forget_library(subscriber.id, &removed.name)?;
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn readable(record: Map<String, Value>, before: Option<&Interest>) -> Result<Interest, Problem> {
    let mut fields = Fields::new(record);
    let interest = read_interest(&mut fields, before);
    let problems = fields.into_all_problems();
    if problems.is_empty() {
        Ok(interest)
    } else {
        Err(Problem::unreadable(problems))
    }
}

fn taken(name: &str) -> Problem {
    Problem::conflict(format!(
        "there is an interest called {name:?} already; PUT replaces it"
    ))
}

fn created(subscriber: &Subscriber, interest: &Interest) -> Response {
    let location = format!(
        "{BASE}/subscribers/{}/interests/{}",
        subscriber.id.0,
        encoded(&interest.name)
    );
    about(
        with_header(
            json(StatusCode::CREATED, interest),
            header::LOCATION,
            &location,
        ),
        subscriber,
    )
}

fn about(mut response: Response, subscriber: &Subscriber) -> Response {
    response.extensions_mut().insert(AnswerAbout(subscriber.id));
    response
}

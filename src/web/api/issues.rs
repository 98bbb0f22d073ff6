//! Issues: the next one, and the past ones.

use super::listing::{Page, Paging};
use super::middleware::{ApiRequest, forbidden};
use super::ok;
use super::problem::Problem;
use super::subscribers::named;
use crate::edition::{self, EditionError, explain_picks};
use crate::language::Locale;
use crate::shapes::{PickShape, PreviewShape};
use crate::store::{KeyScope, PastIssue, PastIssueContent};
use crate::web::WebState;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The format of a preview.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PreviewFormat {
    /// Object with its content.
    Json,
    /// HTML part of the mail.
    Html,
    /// Text part of the mail.
    Text,
}

/// Preview an issue
///
/// The issue that is due and not yet composed, else the next one; or the one of a date.
/// Changes nothing. `html` and `text` contain the reader's personal links, so these formats
/// need the scope `subscribers:write` besides.
#[utoipa::path(get, path = "/subscribers/{subscriber}/preview", operation_id = "preview_issue", tag = "issues",
    params(
        ("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42"),
        ("date" = Option<NaiveDate>, Query, description = "Its date where they live"),
        ("format" = Option<PreviewFormat>, Query, description = "`json` if left out"),
        ("explain" = Option<bool>, Query, description = "With the whole sum behind every score; in `json` alone"),
    ),
    responses((status = 200, description = "The issue",
        content((PreviewShape = "application/json"), (String = "text/html"), (String = "text/plain")))),
    security(("key" = ["read"])))]
pub(super) async fn preview(
    State(state): State<WebState>,
    Path(who): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let subscriber = named(&state, &who).await?;
    let (composer, now) = (state.composer(), state.clock.now());
    let date = request
        .query
        .get("date")
        .and_then(|text| super::validation::date(text));
    let format = request.query.get("format").map_or("json", String::as_str);
    if format != "json" && !request.may(KeyScope::Subscribers) {
        return Err(forbidden(KeyScope::Subscribers));
    }
    let explains = request
        .query
        .get("explain")
        .is_some_and(|text| text == "true")
        && format == "json";
    // The semaphore is never closed.
    let _turn = state.shared.api.heavy.acquire().await;
    let composed = state
        .db
        .run_blocking(move |db| {
            let Some(composed) = edition::preview(db, &composer, &subscriber, date, now)? else {
                return Ok(None);
            };
            let explained = explains
                .then(|| explain_picks(db, &composer, &subscriber, date, now))
                .transpose()?;
            Ok::<_, EditionError>(Some((composed, explained)))
        })
        .await?;
    let Some((composed, explained)) = composed else {
        return Err(Problem::not_found(
            "no issue is coming up for them within a week",
        ));
    };
    let (kind, text) = match format {
        "html" => ("text/html; charset=utf-8", composed.rendered.html),
        "text" => ("text/plain; charset=utf-8", Some(composed.rendered.text)),
        _ => return Ok(ok(&PreviewShape::new(&composed, explained))),
    };
    let text =
        text.ok_or_else(|| Problem::not_found("they chose text alone: there is no HTML part"))?;
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// A composed issue.
#[derive(Serialize, ToSchema)]
pub(super) struct IssueShape {
    /// Local date.
    local_date: NaiveDate,
    /// Time at which it was composed.
    composed_at: DateTime<Utc>,
    /// Oldest and newest announcement day; null for a note on a day without papers.
    covers: Option<[NaiveDate; 2]>,
    /// Papers, in order, with their current titles.
    picks: Vec<PickShape>,
}

impl IssueShape {
    fn new(local_date: NaiveDate, issue: PastIssueContent) -> Self {
        let english = Locale::english();
        let picks = issue.picks.into_iter().map(|pick| PickShape {
            announced: pick.paper.paper.announced,
            id: pick.paper.paper.id,
            title: pick.paper.paper.title,
            section: english.section(&pick.section),
            score: pick.score,
            reason: english.reason(&pick.reasons),
        });
        IssueShape {
            local_date,
            composed_at: issue.composed_at,
            covers: issue.covers.map(|(first, last)| [first, last]),
            picks: picks.collect(),
        }
    }
}

/// List a subscriber's issues
///
/// Newest first.
#[utoipa::path(get, path = "/subscribers/{subscriber}/issues", operation_id = "list_issues", tag = "issues",
    params(("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42"), Paging),
    responses((status = 200, description = "A page of issues", body = Page<PastIssue>)),
    security(("key" = ["read"])))]
pub(super) async fn list(
    State(state): State<WebState>,
    Path(who): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let (id, paging) = (named(&state, &who).await?.id, Paging::of(&request));
    let (before, limit) = (paging.cursor::<NaiveDate>()?, paging.limit + 1);
    let found = state
        .db
        .read(move |store| store.list_issues(id, before, limit))
        .await?;
    Ok(ok(&paging.page(&request, found, |issue| issue.local_date)))
}

/// Show an issue
#[utoipa::path(get, path = "/subscribers/{subscriber}/issues/{date}", operation_id = "get_issue", tag = "issues",
    params(
        ("subscriber" = String, Path, description = "Number or address", max_length = 254, example = "42"),
        ("date" = NaiveDate, Path, description = "Its date where they live", example = "2026-08-04"),
    ),
    responses((status = 200, description = "The issue", body = IssueShape)),
    security(("key" = ["read"])))]
pub(super) async fn get(
    State(state): State<WebState>,
    Path((who, date)): Path<(String, String)>,
    _: ApiRequest,
) -> Result<Response, Problem> {
    let id = named(&state, &who).await?.id;
    let none = || Problem::not_found("they have no issue of that date");
    let date = super::validation::date(&date).ok_or_else(none)?;
    let issue = state
        .db
        .read(move |store| store.past_issue(id, date))
        .await?
        .ok_or_else(none)?;
    Ok(ok(&IssueShape::new(date, issue)))
}

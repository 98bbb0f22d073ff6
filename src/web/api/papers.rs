//! Papers: search, details, import.

use super::listing::{Listed, Page, Paging};
use super::middleware::ApiRequest;
use super::ok;
use super::problem::Problem;
use crate::archive::StoredVectors;
use crate::archive::{self, VectorSearch};
use crate::coverage::Coverage;
use crate::edition::{self};
use crate::intake::{Import, Imported, IntakeError};
use crate::paper::query::SearchQuery;
use crate::paper::{Paper, PaperId};
use crate::shapes::PaperShape;
use crate::store::{Db, StoreError, StoredPaper};
use crate::web::WebState;
use crate::web::public::indexes::similarity_index;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use serde::Serialize;
use utoipa::ToSchema;

/// Most results of a search that can be paged.
const OFFSET_MAX: u32 = 2_000;

/// Description of a paper's id in a path.
fn id(text: &str) -> Result<PaperId, Problem> {
    text.parse().map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::not_found("there is no such paper here")
}

fn bare(found: Vec<StoredPaper>) -> Vec<Paper> {
    found.into_iter().map(|stored| stored.paper).collect()
}

/// Search papers
///
/// Best first. `"…"` finds a phrase, `-word` excludes papers, and `author:`,
/// `title:`, `cat:cs.LG`, `source:arxiv`, `from:2026-01-01` and `until:2026-02-01`
/// narrow the search. The pages of a search are by rank: papers taken in meanwhile may shift
/// it.
#[utoipa::path(get, path = "/papers", operation_id = "search_papers", tag = "papers",
    params(
        ("q" = String, Query, description = "What to look for", min_length = 1, max_length = 500,
            example = "\"low-rank adaptation\" cat:cs.LG"),
        Paging,
    ),
    responses((status = 200, description = "A page of papers", body = Page<Paper>)),
    security(("key" = ["read"])))]
pub(super) async fn search(
    State(state): State<WebState>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let paging = Paging::of(&request);
    let offset = paging.cursor::<u32>()?.unwrap_or(0).min(OFFSET_MAX);
    let query = SearchQuery::parse(request.query.get("q").map_or("", String::as_str));
    let (limit, composer) = (paging.limit, state.composer());
    let _turn = state.shared.api.heavy.acquire().await;
    let found = state
        .db
        .run_blocking(move |db| {
            let vectors = composer
                .model
                .get_or_without(db)?
                .map(|model| StoredVectors::new(db, model));
            let nearest = vectors.as_ref().map(|vectors| vectors as &dyn VectorSearch);
            archive::search(db, &query, offset, limit, nearest)
        })
        .await?;
    let next = offset + limit;
    let cursor = (found.has_more && next <= OFFSET_MAX).then_some(next);
    Ok(ok(&Page::new(&request, bare(found.papers), cursor)))
}

/// Show a paper
///
/// With all its names and the records of its sources.
#[utoipa::path(get, path = "/papers/{paper}", operation_id = "get_paper", tag = "papers",
    params(("paper" = String, Path, description = "Any of its names; slashes as %2F", example = "2510.12793")),
    responses((status = 200, description = "The paper", body = PaperShape)),
    security(("key" = ["read"])))]
pub(super) async fn get(
    State(state): State<WebState>,
    Path(paper): Path<String>,
    _: ApiRequest,
) -> Result<Response, Problem> {
    let id = id(&paper)?;
    let read = move |db: &Db| {
        let stored = db.read_here(|store| store.paper(&id))?;
        stored
            .map(|stored| PaperShape::read(db, stored))
            .transpose()
    };
    Ok(ok(&state
        .db
        .run_blocking(read)
        .await?
        .ok_or_else(unknown)?))
}

/// Similar papers
///
/// Most similar first; no work twice.
#[utoipa::path(get, path = "/papers/{paper}/similar", operation_id = "similar_papers", tag = "papers",
    params(
        ("paper" = String, Path, description = "Any of its names; slashes as %2F", example = "2510.12793"),
        ("limit" = Option<u32>, Query, description = "At most so many; 20 if left out", minimum = 1, maximum = 100),
    ),
    responses((status = 200, description = "Papers", body = Listed<Paper>)),
    security(("key" = ["read"])))]
pub(super) async fn similar(
    State(state): State<WebState>,
    Path(paper): Path<String>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let (id, limit) = (id(&paper)?, limit(&request));
    let stored = state
        .db
        .read(move |store| store.paper(&id))
        .await?
        .ok_or_else(unknown)?;
    let _turn = state.shared.api.heavy.acquire().await;
    let index = similarity_index(&state).await?;
    let composer = state.composer();
    let found = state
        .db
        .run_blocking(move |db| {
            let vectors = composer
                .model
                .get_or_without(db)?
                .map(|model| StoredVectors::new(db, model));
            let nearest = vectors.as_ref().map(|vectors| vectors as &dyn VectorSearch);
            archive::similar_papers(db, &index, &stored, limit as usize, nearest)
        })
        .await?;
    Ok(ok(&Listed { items: bare(found) }))
}

fn limit(request: &ApiRequest) -> u32 {
    request
        .query
        .get("limit")
        .and_then(|text| text.parse().ok())
        .unwrap_or(20)
}

/// The papers of a day.
#[derive(Serialize, ToSchema)]
pub(super) struct Trending {
    /// Announcement day; null if there is none yet.
    date: Option<NaiveDate>,
    /// Papers, most votes first.
    items: Vec<Paper>,
}

/// The papers of a day
///
/// Most votes first.
#[utoipa::path(get, path = "/trending", operation_id = "trending_papers", tag = "papers",
    params(
        ("date" = Option<NaiveDate>, Query, description = "The announcement day; the newest one if left out"),
        ("limit" = Option<u32>, Query, description = "At most so many; 20 if left out", minimum = 1, maximum = 100),
    ),
    responses((status = 200, description = "The day and its papers", body = Trending)),
    security(("key" = ["read"])))]
pub(super) async fn trending(
    State(state): State<WebState>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let (now, limit) = (state.clock.now(), limit(&request));
    let wanted = request
        .query
        .get("date")
        .and_then(|text| super::validation::date(text));
    let read = move |db: &Db| {
        let date = match wanted {
            Some(date) => Some(date),
            None => db.read_here(|store| store.newest_day(now.date_naive()))?,
        };
        let found = date
            .map(|date| edition::trending(db, date, limit, now))
            .transpose()?;
        Ok::<_, StoreError>(Trending {
            date,
            items: bare(found.unwrap_or_default()),
        })
    };
    Ok(ok(&state.db.run_blocking(read).await?))
}

/// Days of coverage shown if none is given.
const DAYS_SHOWN: u64 = 14;

/// Coverage of the sources' announcement days
///
/// By date, source and category.
#[utoipa::path(get, path = "/coverage", operation_id = "list_coverage", tag = "papers",
    params(
        ("since" = Option<NaiveDate>, Query, description = "From this day on; two weeks back if left out"),
        ("until" = Option<NaiveDate>, Query, description = "To this day; today if left out"),
    ),
    responses((status = 200, description = "Days", body = Listed<Coverage>)),
    security(("key" = ["read"])))]
pub(super) async fn coverage(
    State(state): State<WebState>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let today = state.clock.now().date_naive();
    let date = |name: &str| {
        request
            .query
            .get(name)
            .and_then(|text| super::validation::date(text))
    };
    let since = date("since").unwrap_or(today - Days::new(DAYS_SHOWN));
    let until = date("until").unwrap_or(today);
    if since > until {
        return Err(Problem::parameter("since", "must not lie behind until"));
    }
    Ok(ok(&Listed {
        items: state
            .db
            .read(move |store| store.coverage(since, until))
            .await?,
    }))
}

/// The result of an import.
#[derive(Serialize, ToSchema)]
pub(super) struct ImportedShape {
    #[serde(flatten)]
    imported: Imported,
    /// First unreadable lines.
    set_aside: Vec<SetAsideShape>,
}

/// An unreadable line.
#[derive(Serialize, ToSchema)]
pub(super) struct SetAsideShape {
    /// Line number.
    #[schema(example = "body:17")]
    place: String,
    /// The problem.
    reason: String,
}

/// Most unreadable lines that are shown; the rest is counted.
const SHOWN_MAX: usize = 20;

/// Import papers
///
/// JSON lines, plain or gzipped, up to 64 MB: one object a line with `id` and
/// `title`, and optionally `abstract`, `authors`, `categories`, `announced` and more. A paper
/// with `announced` is announced on that day. Sending the same papers again changes nothing.
/// Unreadable lines are set aside.
#[utoipa::path(post, path = "/papers", operation_id = "import_papers", tag = "papers",
    request_body(content(
        (String = "application/jsonl", example = "{\"id\":\"2510.12793\",\"title\":\"Rings\",\"announced\":\"2025-10-15\"}\n"),
        (String = "application/x-ndjson"),
    )),
    responses((status = 200, description = "What became of them", body = ImportedShape)),
    security(("key" = ["papers:write"])))]
pub(super) async fn import(
    State(state): State<WebState>,
    request: ApiRequest,
) -> Result<Response, Problem> {
    let (bytes, now) = (request.bytes.to_vec(), state.clock.now());
    let key = request.key_name().to_owned();
    drop(request);
    let _turn = state.shared.api.imports.acquire().await;
    let taken = state.db.run_blocking(move |db| {
        let (mut import, mut set_aside) = (Import::new(now), Vec::new());
        let result = import.take_in_bytes(db, "body", bytes, |_, aside| {
            for record in aside.iter().take(SHOWN_MAX - set_aside.len()) {
                set_aside.push(SetAsideShape {
                    place: record.place.clone(),
                    reason: record.reason.clone(),
                });
            }
        });
        (result, import.imported(), set_aside)
    });
    let (result, imported, set_aside) = taken.await;
    match result {
        Ok(()) => {}
        Err(IntakeError::Store(error)) => return Err(error.into()),
        Err(IntakeError::Unreadable { .. }) => {
            let detail = format!(
                "the body breaks off; {} records before that were taken in",
                imported.read
            );
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
    }
    if imported.read == imported.rejected {
        let why = set_aside
            .first()
            .map_or("there is none", |aside| &aside.reason);
        let detail =
            format!("no line could be read as a paper, one JSON object with id and title: {why}");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    tracing::info!(
        key,
        read = imported.read,
        new = imported.new,
        "papers were taken in by the API"
    );
    Ok(ok(&ImportedShape {
        imported,
        set_aside,
    }))
}

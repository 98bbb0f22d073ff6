//! A reader's saved papers, as a page and as files for reference managers.
//!
//! The links for feedback and for viewing issues both show them; neither changes them here.

use crate::paper::Paper;
use crate::profile::library::{to_bibtex, to_csl_json, to_ris};
use crate::store::StoredPaper;
use crate::subscriber::Subscriber;
use crate::token::Scope;
use crate::web::error_page::ErrorPage;
use crate::web::paper_view::{LinkView, PaperView};
use crate::web::query::Query;
use crate::web::reader::token_auth::subscriber_by_token;
use crate::web::{PageError, WebState};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// Writes papers in one file format.
type Writer = fn(&[&Paper]) -> String;

/// The export formats: file name, format name, media type, writer.
const FORMS: [(&str, &str, &str, Writer); 3] = [
    (
        "saved.bib",
        "BibTeX",
        "application/x-bibtex; charset=utf-8",
        to_bibtex,
    ),
    (
        "saved.ris",
        "RIS",
        "application/x-research-info-systems; charset=utf-8",
        to_ris,
    ),
    (
        "saved.json",
        "CSL-JSON",
        "application/vnd.citationstyles.csl+json; charset=utf-8",
        to_csl_json,
    ),
];

/// `GET /saved?t=TOKEN`
pub(super) async fn list(State(state): State<WebState>, uri: Uri) -> Result<Response, PageError> {
    let query = Query::of(&uri);
    let token = query.text("t").unwrap_or_default();
    let (reader, papers) = saved(&state, token).await?.ok_or(ErrorPage::BadLink)?;
    let locale = state.locale_of(&reader);
    let views: Vec<PaperView> = papers
        .iter()
        .map(|stored| PaperView::in_list(&stored.paper, &locale))
        .collect();
    let link = |(file, text, _, _): &(&str, &str, &str, Writer)| LinkView {
        url: format!("/saved/{file}?t={token}"),
        text: (*text).to_owned(),
    };
    let exports: Vec<LinkView> = FORMS.iter().map(link).collect();
    let page = state
        .page_in(&locale, "/saved")
        .with("words", &locale.pages().mine)
        .with(
            "count",
            &locale.count(&locale.pages().day.papers, papers.len() as u64),
        )
        .with("papers", &views)
        .with("exports", &exports);
    state.pages.respond(StatusCode::OK, "saved.html", &page)
}

/// `GET /saved/saved.bib?t=TOKEN`
pub(super) async fn export(
    State(state): State<WebState>,
    Path(file): Path<String>,
    uri: Uri,
) -> Result<Response, PageError> {
    let (name, _, kind, write) = FORMS
        .iter()
        .find(|(name, ..)| *name == file)
        .ok_or(ErrorPage::BadLink)?;
    let query = Query::of(&uri);
    let (_, papers) = saved(&state, query.text("t").unwrap_or_default())
        .await?
        .ok_or(ErrorPage::BadLink)?;
    let papers: Vec<&Paper> = papers.iter().map(|stored| &stored.paper).collect();
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, (*kind).to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, write(&papers)).into_response())
}

/// The reader of `token` and their saved papers, newest first.
async fn saved(
    state: &WebState,
    token: &str,
) -> Result<Option<(Subscriber, Vec<StoredPaper>)>, PageError> {
    let Some(subscriber) =
        subscriber_by_token(state, &[Scope::Feedback, Scope::View], token).await?
    else {
        return Ok(None);
    };
    let id = subscriber.id;
    let saved = state.db.read(move |store| store.saved_papers(id)).await?;
    Ok(Some((
        subscriber,
        saved.into_iter().map(|(paper, _)| paper).collect(),
    )))
}

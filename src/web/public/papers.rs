//! The page of a paper, with similar papers below.

use crate::language::Locale;
use crate::paper::PaperId;
use crate::store::PaperPage;
use crate::web::pages::Message;
use crate::web::paper_view::{NameView, PaperView, SimilarView, citation};
use crate::web::public::indexes::{WithSimilar, with_similar};
use crate::web::serving::cache::{DependsOn, NoStore, cached_in};
use crate::web::{PageError, WebState};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// The record of one source.
#[derive(Serialize)]
struct RecordView {
    source: String,
    text: String,
}

/// A replacement, publication or withdrawal.
#[derive(Serialize)]
struct EventView {
    day: String,
    text: String,
}

/// `GET /papers/{id}`
pub(super) async fn paper(
    State(state): State<WebState>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let locale = state.locale_for(&headers);
    let render = Box::pin(show(&state, &locale, &id));
    cached_in(&state, &locale, &uri, &headers, DependsOn::Papers, render).await
}

async fn show(state: &WebState, locale: &Locale, id: &str) -> Result<Response, PageError> {
    let found = match id.parse::<PaperId>() {
        Ok(name) => with_similar(state, name).await?,
        Err(_) => None,
    };
    let Some(found) = found else {
        let words = &locale.pages().paper;
        let none = Message::new(
            StatusCode::NOT_FOUND,
            words.none.as_str(),
            words.none_text.as_str(),
        );
        return state.pages.show_message(locale, &none);
    };
    page(state, locale, id, found)
}

/// Renders the page of a paper that was requested by the identifier `asked`.
fn page(
    state: &WebState,
    locale: &Locale,
    asked: &str,
    found: WithSimilar,
) -> Result<Response, PageError> {
    let words = &locale.pages().paper;
    let WithSimilar { page, similar } = found;
    let PaperPage {
        stored,
        records,
        events,
        signature,
    } = page;
    let view = PaperView::whole(&stored.paper, locale);
    // Other identifiers of a work redirect to its one page.
    if stored.paper.id.as_str() != asked {
        return Ok((
            StatusCode::PERMANENT_REDIRECT,
            [(header::LOCATION, view.path)],
        )
            .into_response());
    }
    let records: Vec<RecordView> = records
        .into_iter()
        .map(|record| RecordView {
            source: words.from.with(&[("source", &record.source)]),
            text: words.taken_in.with(&[
                ("id", record.id.as_str()),
                ("day", &locale.date(record.seen_at.date_naive())),
            ]),
        })
        .collect();
    let events: Vec<EventView> = events
        .into_iter()
        .map(|(day, news)| EventView {
            day: locale.date(day),
            text: locale.news(&news),
        })
        .collect();
    let similar: Vec<SimilarView> = similar
        .iter()
        .map(|stored| SimilarView::new(&stored.paper, locale))
        .collect();
    let journal = stored.paper.journal.as_deref();
    let page = state
        .page(locale, &view.path)
        .with_shared("words", &locale.shared().paper)
        .with(
            "published_in",
            &journal.map(|journal| words.published_in.with(&[("journal", journal)])),
        )
        .with("names", &NameView::all_of(&stored.paper, locale))
        .with("citation", &citation(&stored.paper, &state.url(&view.path)))
        .with("records", &records)
        .with("events", &events)
        .with("similar", &similar)
        .with("paper", &view);
    let mut response = state.pages.respond(StatusCode::OK, "paper.html", &page)?;
    // Similar papers of a paper without a signature are not known yet.
    if signature.is_none() {
        response.extensions_mut().insert(NoStore);
    }
    Ok(response)
}

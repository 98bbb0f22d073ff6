//! Preview of the next issue.

use super::{Bearer, bearer, page};

use crate::edition::{self, Composed, EditionError};
use crate::store::Db;
use crate::web::issue_view::IssueView;
use crate::web::serving::rate_limits::LimitedAction;
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, WebState};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

/// `GET /preferences/preview?t=TOKEN`
pub(super) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    uri: Uri,
) -> Result<Response, PageError> {
    let bearer = bearer(&state, &uri).await?;
    of(&state, visitor, &bearer, None).await
}

/// Shows the preview, with the sentence `said` on a preceding action.
pub(super) async fn of(
    state: &WebState,
    visitor: Visitor,
    bearer: &Bearer,
    said: Option<&str>,
) -> Result<Response, PageError> {
    state.limit(LimitedAction::Search, visitor)?;
    let (composer, subscriber, now) = (
        state.composer(),
        bearer.subscriber.clone(),
        state.clock.now(),
    );
    let compose = move |db: &Db| {
        let composed = edition::preview(db, &composer, &subscriber, None, now)?;
        let is_empty = |composed: &Composed| {
            composed.issue.considered == 0 && composed.issue.sections.is_empty()
        };
        let again = if composed.as_ref().is_some_and(is_empty) {
            Some(edition::preview_again(db, &composer, &subscriber, now)?)
        } else {
            None
        };
        Ok::<_, EditionError>((composed, again.filter(|again| again.issue.considered > 0)))
    };
    let (composed, again) = state.db.run_blocking(compose).await?;
    let locale = state.locale_of(&bearer.subscriber);
    let words = &locale.pages().preview;
    let line = locale.score(bearer.subscriber.preferences.min_score);
    let page = page(state, bearer, "/preferences/preview")
        .with("own", words)
        .with("said", &said)
        .with("line", &words.line.with(&[("line", &line)]))
        .with(
            "issue",
            &composed
                .as_ref()
                .map(|composed| IssueView::new(composed, &locale)),
        )
        .with(
            "again",
            &again.as_ref().map(|again| IssueView::new(again, &locale)),
        );
    state.pages.respond(StatusCode::OK, "preview.html", &page)
}

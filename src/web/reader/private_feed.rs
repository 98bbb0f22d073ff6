//! A reader's private feed: the papers of their own issues, as Atom.

use super::token_auth::subscriber_by_token;
use crate::token::Scope;
use crate::web::error_page::ErrorPage;
use crate::web::public::feeds::Feed;
use crate::web::{PageError, WebState};
use axum::extract::{Path, State};
use axum::response::Response;

/// Papers in the feed: a week or two of issues.
const PICKS_MAX: usize = 100;

/// Issues whose picks are read.
const ISSUES_MAX: u32 = 60;

/// `GET /feeds/{token}`
pub(super) async fn show(
    State(state): State<WebState>,
    Path(token): Path<String>,
) -> Result<Response, PageError> {
    let subscriber = subscriber_by_token(&state, &[Scope::Feed], &token)
        .await?
        .ok_or(ErrorPage::BadLink)?;
    let id = subscriber.id;
    let mut picks = state
        .db
        .read(move |store| store.picks_of(id, ISSUES_MAX))
        .await?;
    picks.truncate(PICKS_MAX);
    let composer = state.composer();
    let title = format!("{}: your papers", composer.site.name);
    let address = composer.links().feed(subscriber.holder());
    let locale = state.locale_of(&subscriber);
    Feed::of_picks(&state, title, address, &locale, &picks).to_atom(&state)
}

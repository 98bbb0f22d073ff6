//! The list of the operator's actions.

use super::AdminState;
use super::format::{PAGE_ROWS, clock};
use super::session::Session;
use crate::web::PageError;
use crate::web::query::Query;
use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;

#[derive(Serialize)]
struct ActView {
    at: String,
    act: String,
    who: String,
    network: String,
}

/// `GET /admin/acts?before=`
pub(super) async fn list(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    uri: Uri,
) -> Result<Response, PageError> {
    let before = Query::of(&uri).parsed::<i64>("before");
    let mut acts = admin
        .site
        .db
        .read(move |store| store.admin_acts(before, PAGE_ROWS + 1))
        .await?;
    let has_more = acts.len() > PAGE_ROWS as usize;
    acts.truncate(PAGE_ROWS as usize);
    let older = acts.last().filter(|_| has_more).map(|act| act.id);
    let now = admin.site.clock.now();
    let views: Vec<ActView> = acts
        .into_iter()
        .map(|act| ActView {
            at: clock(act.at, now),
            act: act.act,
            who: act.who,
            network: act.network,
        })
        .collect();
    let page = admin
        .page(&session, "/admin/acts")
        .with("acts", &views)
        .with("older", &older)
        .with("is_first", &before.is_none());
    admin.respond("admin/acts.html", &page)
}

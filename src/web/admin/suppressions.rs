//! The suppressed addresses, with the evidence.

use super::AdminState;
use super::format::{PAGE_ROWS, ReportView, clock, query};
use super::session::Session;
use crate::subscriber::Address;
use crate::text::cut;
use crate::web::PageError;
use crate::web::forms::Form;
use crate::web::query::Query;
use crate::web::reader::unsubscribe::masked;
use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;

#[derive(Serialize)]
struct SuppressionView {
    address: String,
    since: String,
    reason: String,
    evidence: Option<ReportView>,
    subscriber: Option<i64>,
}

/// `GET /admin/suppressions?q=&after=`
pub(super) async fn list(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    uri: Uri,
) -> Result<Response, PageError> {
    let asked = Query::of(&uri);
    let typed = cut(asked.text("q").unwrap_or_default(), 200);
    let after = cut(asked.text("after").unwrap_or_default(), 400);
    show(&admin, &session, typed, after, None, "", None).await
}

async fn show(
    admin: &AdminState,
    session: &Session,
    typed: String,
    after: String,
    said: Option<&str>,
    entered: &str,
    problem: Option<&str>,
) -> Result<Response, PageError> {
    let (text, start) = ((!typed.is_empty()).then(|| typed.clone()), after.clone());
    let mut lines = admin
        .site
        .db
        .read(move |store| store.find_suppressions(text.as_deref(), &start, PAGE_ROWS + 1))
        .await?;
    let has_more = lines.len() > PAGE_ROWS as usize;
    lines.truncate(PAGE_ROWS as usize);
    let last = lines
        .last()
        .map(|line| line.address.to_lowercase())
        .unwrap_or_default();
    let address = |query: String| format!("/admin/suppressions?{query}");
    let now = admin.site.clock.now();
    let views: Vec<SuppressionView> = lines
        .iter()
        .map(|line| SuppressionView {
            address: line.address.clone(),
            since: clock(line.at, now),
            reason: line.reason.clone(),
            evidence: line
                .evidence
                .as_ref()
                .map(|report| ReportView::new(report, now)),
            subscriber: line.subscriber.map(|id| id.0),
        })
        .collect();
    let page = admin
        .page(session, "/admin/suppressions")
        .with("said", &said)
        .with("typed", &typed)
        .with("entered", &entered)
        .with("problem", &problem)
        .with("suppressions", &views)
        .with(
            "more",
            &has_more.then(|| address(query(&[("q", typed.as_str()), ("after", last.as_str())]))),
        )
        .with(
            "first",
            &(!after.is_empty()).then(|| address(query(&[("q", typed.as_str())]))),
        );
    admin.respond("admin/suppressions.html", &page)
}

/// `POST /admin/suppressions` with `act` (add or lift), `email` and `reason`.
pub(super) async fn act(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Result<Response, PageError> {
    let typed = form.text("email");
    let answer = async |said: Option<&str>, problem: Option<&str>| {
        let entered = if problem.is_some() { typed } else { "" };
        show(
            &admin,
            &session,
            String::new(),
            String::new(),
            said,
            entered,
            problem,
        )
        .await
    };
    let address = match typed.parse::<Address>() {
        Ok(address) => address,
        Err(why) => return answer(None, Some(&format!("It {why}."))).await,
    };
    let (now, shown) = (admin.site.clock.now(), masked(address.as_str()));
    let named = address.clone();
    match form.text("act") {
        "add" => {
            let reason = cut(form.text("reason"), 500);
            let reason = if reason.is_empty() {
                "added by hand".to_owned()
            } else {
                reason
            };
            let is_new = admin
                .site
                .db
                .run(move |store| store.suppress(&address, &reason, now))
                .await?;
            if !is_new {
                return answer(Some(&format!("{named} was suppressed already.")), None).await;
            }
            admin.note(&session, format!("suppressed {shown}")).await?;
            answer(Some(&format!("Nothing is sent any more to {named}.")), None).await
        }
        "lift" => {
            if !admin
                .site
                .db
                .run(move |store| store.lift_suppression(&address, now))
                .await?
            {
                return answer(Some(&format!("{named} is not suppressed.")), None).await;
            }
            admin
                .note(&session, format!("lifted the suppression of {shown}"))
                .await?;
            answer(
                Some(&format!(
                    "{named} may be written to again; its subscriber is active."
                )),
                None,
            )
            .await
        }
        _ => answer(Some("Nothing was done: there is no such act."), None).await,
    }
}

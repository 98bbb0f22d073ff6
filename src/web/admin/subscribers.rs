//! The list of subscribers.

use super::AdminState;
use super::format::{Choice, PAGE_ROWS, grouped, query};
use super::session::Session;
use crate::store::{SubscriberLine, SubscriberSearch};
use crate::subscriber::{Status, SubscriberId};
use crate::text::cut;
use crate::web::PageError;
use crate::web::query::Query;
use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct SubscriberView {
    id: i64,
    address: String,
    name: String,
    status: &'static str,
    interests: u32,
    joined: String,
    last_issue: Option<String>,
}

impl SubscriberView {
    pub(super) fn new(person: &SubscriberLine) -> Self {
        SubscriberView {
            id: person.id.0,
            address: person.address.clone(),
            name: person.name.clone(),
            status: person.status.word(),
            interests: person.interests,
            joined: person.joined_at.date_naive().to_string(),
            last_issue: person.last_issue.map(|date| date.to_string()),
        }
    }
}

/// The number of subscribers with one status.
#[derive(Serialize)]
struct Count {
    status: &'static str,
    subscribers: String,
}

/// `GET /admin/people?q=&status=&after=`
pub(super) async fn list(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    uri: Uri,
) -> Result<Response, PageError> {
    let asked = Query::of(&uri);
    let typed = cut(asked.text("q").unwrap_or_default(), 200);
    let status = Status::WORDS
        .iter()
        .find(|(word, _)| Some(*word) == asked.text("status"));
    let search = SubscriberSearch {
        text: (!typed.is_empty()).then(|| typed.clone()),
        status: status.map(|(_, status)| *status),
        after: asked.parsed("after").map(SubscriberId),
        limit: PAGE_ROWS + 1,
    };
    let is_first = search.after.is_none();
    let (mut found, counts) = admin
        .site
        .db
        .read(move |store| Ok((store.find_subscribers(&search)?, store.count_subscribers()?)))
        .await?;
    let has_more = found.len() > PAGE_ROWS as usize;
    found.truncate(PAGE_ROWS as usize);
    let filters = [
        ("q", typed.as_str()),
        ("status", status.map_or("", |(word, _)| word)),
    ];
    let last = found
        .last()
        .map(|person| person.id.0.to_string())
        .unwrap_or_default();
    let address = |query: String| format!("/admin/people?{query}");
    let more = has_more.then(|| {
        address(query(
            &[filters.as_slice(), &[("after", last.as_str())]].concat(),
        ))
    });
    let statuses: Vec<Choice> = Status::WORDS
        .iter()
        .map(|(word, _)| Choice {
            word,
            text: word,
            is_chosen: status.is_some_and(|(chosen, _)| chosen == word),
        })
        .collect();
    let counts: Vec<Count> = counts
        .into_iter()
        .map(|(status, count)| Count {
            status: status.word(),
            subscribers: grouped(count),
        })
        .collect();
    let page = admin
        .page(&session, "/admin/people")
        .with("typed", &typed)
        .with("statuses", &statuses)
        .with("counts", &counts)
        .with(
            "people",
            &found.iter().map(SubscriberView::new).collect::<Vec<_>>(),
        )
        .with("more", &more)
        .with("first", &(!is_first).then(|| address(query(&filters))));
    admin.respond("admin/people.html", &page)
}

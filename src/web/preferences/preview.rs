//! The issue that would come next.

use super::{Bearer, bearer, page};
use crate::edition::{self, Composed};
use crate::web::days::long_date;
use crate::web::limits::Costly;
use crate::web::mishap::Mishap;
use crate::web::view::path_of;
use crate::web::visitor::Visitor;
use crate::web::{PageError, Site};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;

/// `GET /preferences/preview?t=TOKEN`
pub(in crate::web) async fn show(State(site): State<Site>, visitor: Visitor, uri: Uri) -> Result<Response, PageError> {
    let Some(bearer) = bearer(&site, &uri).await? else { return Mishap::NoPreferences.answer() };
    of(&site, visitor, &bearer, None).await
}

/// The preview for `bearer`, with a sentence on what was done before.
pub(super) async fn of(
    site: &Site,
    visitor: Visitor,
    bearer: &Bearer,
    said: Option<&str>,
) -> Result<Response, PageError> {
    if !site.state.limits.allow(Costly::Search, visitor) {
        return Mishap::TooOften.answer();
    }
    let (desk, subscriber, now) = (site.desk(), bearer.subscriber.clone(), site.clock.now());
    let composed = site.db.run_blocking(move |db| edition::preview(db, &desk, &subscriber, None, now)).await?;
    let page = page(site, bearer, "/preferences/preview")
        .with("said", &said)
        .with("line", &bearer.subscriber.preferences.min_score)
        .with("issue", &composed.as_ref().map(IssueView::new));
    site.pages.respond(StatusCode::OK, "preview.html", &page)
}

/// An issue as a list.
#[derive(Serialize)]
pub(in crate::web) struct IssueView {
    date: String,
    subject: String,
    sections: Vec<SectionView>,
    would_be_sent: bool,
    considered: u32,
    no_room: u32,
    below_the_line: u32,
}

#[derive(Serialize)]
struct SectionView {
    heading: String,
    picks: Vec<PickView>,
}

#[derive(Serialize)]
struct PickView {
    title: String,
    path: String,
    score: String,
    reason: String,
}

impl IssueView {
    pub(in crate::web) fn new(composed: &Composed) -> Self {
        let mut sections: Vec<SectionView> = Vec::new();
        let all = composed.issue.sections.iter().flat_map(|section| &section.picks);
        for (pick, stored) in all.filter_map(|pick| {
            let stored = composed.picks().iter().find(|stored| Some(stored.paper.0) == pick.row)?;
            Some((pick, stored))
        }) {
            let view = PickView {
                title: pick.paper.title.clone(),
                path: path_of(pick.paper.id.as_str()),
                score: format!("{:.2}", pick.score),
                reason: stored.reason.clone(),
            };
            match sections.last_mut() {
                Some(section) if section.heading == stored.section => section.picks.push(view),
                _ => sections.push(SectionView { heading: stored.section.clone(), picks: vec![view] }),
            }
        }
        IssueView {
            date: long_date(composed.issue.local_date),
            subject: composed.rendered.subject.clone(),
            sections,
            would_be_sent: composed.wanted(),
            considered: composed.issue.considered,
            no_room: composed.issue.no_room,
            below_the_line: composed.issue.below_the_line,
        }
    }
}

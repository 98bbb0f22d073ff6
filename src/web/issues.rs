//! A reader's own issues: the list, and each of them as its mail showed it.

use super::mishap::Mishap;
use super::query::Query;
use super::reader::reader;
use super::standalone::standalone;
use super::{PageError, Site};
use crate::digest::{Text, Tongue};
use crate::edition::shown_again;
use crate::links::Links;
use crate::subscriber::Subscriber;
use crate::token::Scope;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::NaiveDate;
use serde::Serialize;

/// Issues in the list: a year and a half of days.
const LISTED: u32 = 550;

#[derive(Serialize)]
struct Listed {
    url: String,
    date: String,
    subject: String,
    papers: String,
}

/// `GET /issues/{token}`, `GET /issues/{token}?d=2026-08-04`
pub(super) async fn issues(
    State(site): State<Site>,
    Path(token): Path<String>,
    uri: Uri,
) -> Result<Response, PageError> {
    let Some(subscriber) = reader(&site, &[Scope::View], &token).await? else {
        return Mishap::BadLink.answer();
    };
    let query = Query::of(&uri);
    let tongue = site.tongue_of(&subscriber);
    let page = Listing {
        site: &site,
        token: &token,
        subscriber: &subscriber,
        tongue: &tongue,
    };
    let Some(wanted) = query.text("d") else {
        return page.show(None).await;
    };
    let Ok(date) = wanted.parse::<NaiveDate>() else {
        return page.show(Some(&tongue.pages().search.bad_day)).await;
    };
    let (desk, reader) = (site.desk(), subscriber.clone());
    let logo = desk.dress.logo.clone();
    let rendered = site
        .db
        .run_blocking(move |db| shown_again(db, &desk, &reader, date))
        .await?;
    let Some(mail) = rendered.and_then(|rendered| rendered.html) else {
        return page.show(Some(&tongue.pages().mine.no_issue)).await;
    };
    let page = standalone(&mail, logo.as_deref());
    let mut response = Html(page.html).into_response();
    if let Ok(policy) = HeaderValue::from_str(&page.policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// The list of the issues of whoever has the link.
struct Listing<'a> {
    site: &'a Site,
    token: &'a str,
    subscriber: &'a Subscriber,
    tongue: &'a Tongue,
}

impl Listing<'_> {
    async fn show(&self, problem: Option<&Text>) -> Result<Response, PageError> {
        let Listing {
            site,
            token,
            subscriber,
            tongue,
        } = self;
        let id = subscriber.id;
        let issues = site
            .db
            .read(move |store| store.own_issues(id, LISTED))
            .await?;
        let listed: Vec<Listed> = issues
            .into_iter()
            .map(|issue| Listed {
                url: format!("/issues/{token}?d={}", issue.local_date),
                date: tongue.day(issue.local_date),
                subject: issue.subject,
                papers: tongue.count(&tongue.pages().day.papers, u64::from(issue.papers)),
            })
            .collect();
        let desk = site.desk();
        let page = site
            .page_in(tongue, "/issues")
            .with("words", &tongue.pages().mine)
            .with("saved_text", &tongue.pages().feedback.list)
            .with("issues", &listed)
            .with("problem", &problem)
            .with("saved_url", &format!("/saved?t={token}"))
            // It shows no more than this page does.
            .with(
                "feed_url",
                &Links {
                    site: &desk.site,
                    signer: &desk.signer,
                }
                .feed(subscriber.holder()),
            );
        let status = if problem.is_some() {
            StatusCode::NOT_FOUND
        } else {
            StatusCode::OK
        };
        site.pages.respond(status, "issues.html", &page)
    }
}

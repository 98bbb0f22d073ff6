//! A reader's own issues: a list, and each issue as its mail.

use crate::edition::rerender_issue;
use crate::language::{Locale, Text};
use crate::subscriber::Subscriber;
use crate::token::Scope;
use crate::web::error_page::ErrorPage;
use crate::web::query::Query;
use crate::web::reader::standalone::standalone;
use crate::web::reader::token_auth::subscriber_by_token;
use crate::web::{PageError, WebState};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::NaiveDate;
use serde::Serialize;

/// Issues in the list: one and a half years of daily ones.
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
    State(state): State<WebState>,
    Path(token): Path<String>,
    uri: Uri,
) -> Result<Response, PageError> {
    let subscriber = subscriber_by_token(&state, &[Scope::View], &token)
        .await?
        .ok_or(ErrorPage::BadLink)?;
    let query = Query::of(&uri);
    let locale = state.locale_of(&subscriber);
    let page = Listing {
        state: &state,
        token: &token,
        subscriber: &subscriber,
        locale: &locale,
    };
    let Some(wanted) = query.text("d") else {
        return page.show(None).await;
    };
    let Ok(date) = wanted.parse::<NaiveDate>() else {
        return page.show(Some(&locale.pages().search.bad_day)).await;
    };
    let (composer, reader) = (state.composer(), subscriber.clone());
    let logo = composer.branding.logo.clone();
    let rendered = state
        .db
        .run_blocking(move |db| rerender_issue(db, &composer, &reader, date))
        .await?;
    let Some(mail) = rendered.and_then(|rendered| rendered.html) else {
        return page.show(Some(&locale.pages().mine.no_issue)).await;
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

/// The page with the list of issues.
struct Listing<'a> {
    state: &'a WebState,
    token: &'a str,
    subscriber: &'a Subscriber,
    locale: &'a Locale,
}

impl Listing<'_> {
    async fn show(&self, problem: Option<&Text>) -> Result<Response, PageError> {
        let Listing {
            state,
            token,
            subscriber,
            locale,
        } = self;
        let id = subscriber.id;
        let issues = state
            .db
            .read(move |store| store.past_issues(id, LISTED))
            .await?;
        let listed: Vec<Listed> = issues
            .into_iter()
            .map(|issue| Listed {
                url: format!("/issues/{token}?d={}", issue.local_date),
                date: locale.day(issue.local_date),
                subject: issue.subject,
                papers: locale.count(&locale.pages().day.papers, u64::from(issue.papers)),
            })
            .collect();
        let composer = state.composer();
        let page = state
            .page_in(locale, "/issues")
            .with("words", &locale.pages().mine)
            .with("saved_text", &locale.pages().feedback.list)
            .with("issues", &listed)
            .with("problem", &problem)
            .with("saved_url", &format!("/saved?t={token}"))
            // The feed shows no more than this page.
            .with("feed_url", &composer.links().feed(subscriber.holder()));
        let status = if problem.is_some() {
            StatusCode::NOT_FOUND
        } else {
            StatusCode::OK
        };
        state.pages.respond(status, "issues.html", &page)
    }
}

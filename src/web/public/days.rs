//! Pages of days: the trending papers of the newest day and of every other one.

use crate::edition::{DayInOrder, day_in_order};
use crate::language::Locale;
use crate::paper::category_name;
use crate::store::{DayCount, Db, StoreError};
use crate::web::pages::Message;
use crate::web::paper_view::{CategoryView, PaperView};
use crate::web::query::Query;
use crate::web::serving::cache::{DependsOn, cached_in};
use crate::web::{PageError, WebState};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono::NaiveDate;
use serde::Serialize;

/// Papers per page.
pub(super) const PAGE_PAPERS: u32 = 30;

/// Categories of a day that are offered as filters: those with the most papers.
const CATEGORIES_MAX: usize = 16;

#[derive(Serialize)]
struct CategoryChoice {
    #[serde(flatten)]
    category: CategoryView,
    papers: u32,
    query: String,
    here: bool,
}

#[derive(Serialize)]
struct Day {
    date: NaiveDate,
    text: String,
    papers: String,
}

/// The previous or next day.
#[derive(Serialize)]
struct AdjacentDay {
    date: NaiveDate,
    text: String,
}

/// `GET /`
pub(super) async fn trending(
    State(state): State<WebState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let locale = state.locale_for(&headers);
    let render = Box::pin(async {
        let today = state.clock.now().date_naive();
        let date = state.db.read(move |store| store.newest_day(today)).await?;
        day(&state, &locale, date, &Query::of(&uri), "/").await
    });
    cached_in(&state, &locale, &uri, &headers, DependsOn::Votes, render).await
}

/// `GET /archive/{date}`
pub(super) async fn archive(
    State(state): State<WebState>,
    Path(date): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let locale = state.locale_for(&headers);
    let Ok(date) = date.parse::<NaiveDate>() else {
        let words = &locale.pages().day;
        let said = Message::new(
            StatusCode::NOT_FOUND,
            words.no_day.as_str(),
            words.no_day_text.as_str(),
        );
        return state.pages.show_message(&locale, &said);
    };
    let render = Box::pin(async {
        day(
            &state,
            &locale,
            Some(date),
            &Query::of(&uri),
            &format!("/archive/{date}"),
        )
        .await
    });
    cached_in(&state, &locale, &uri, &headers, DependsOn::Votes, render).await
}

/// `GET /archive`
pub(super) async fn days(
    State(state): State<WebState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let locale = state.locale_for(&headers);
    let render = Box::pin(async {
        let words = &locale.pages().day;
        let days = state
            .db
            .read(|store| store.days_with_papers(NaiveDate::MAX, 400))
            .await?;
        let view = |day: DayCount| Day {
            date: day.date,
            text: locale.day(day.date),
            papers: locale.count(&words.papers, u64::from(day.papers)),
        };
        let days: Vec<Day> = days.into_iter().map(view).collect();
        let page = state
            .page(&locale, "/archive")
            .with("words", words)
            .with("days", &days);
        state.pages.respond(StatusCode::OK, "archive.html", &page)
    });
    cached_in(&state, &locale, &uri, &headers, DependsOn::Papers, render).await
}

async fn day(
    state: &WebState,
    locale: &Locale,
    date: Option<NaiveDate>,
    query: &Query,
    path: &str,
) -> Result<Response, PageError> {
    let words = &locale.pages().day;
    let category = query.text("category").map(str::to_owned);
    let Some(date) = date else {
        let page = state
            .page(locale, path)
            .with("words", words)
            .with("date", &None::<NaiveDate>)
            .with("papers", &Vec::<PaperView>::new());
        return state.pages.respond(StatusCode::OK, "day.html", &page);
    };
    let now = state.clock.now();
    let wanted = category.clone();
    // The order depends on likes and clicks of readers, so the whole day is sorted.
    let asked = query.parsed::<u32>("page").unwrap_or(1).max(1);
    let work = move |db: &Db| {
        let page = |number: u32| {
            let offset = (number - 1).saturating_mul(PAGE_PAPERS);
            day_in_order(db, date, wanted.as_deref(), offset, PAGE_PAPERS, now)
        };
        let (mut number, mut day) = (asked, page(asked)?);
        let pages = day.total.div_ceil(PAGE_PAPERS).max(1);
        // A number that is too high shows the last page: the link may be from yesterday.
        if number > pages {
            (number, day) = (pages, page(pages)?);
        }
        let around =
            db.read_here(|store| Ok((store.days_around(date)?, store.categories_of_day(date)?)))?;
        Ok::<_, StoreError>((day, number, pages, around))
    };
    let (DayInOrder { papers, total }, number, pages, ((before, after), categories)) =
        state.db.run_blocking(work).await?;
    let choices: Vec<CategoryChoice> = categories
        .into_iter()
        .take(CATEGORIES_MAX)
        .map(|(code, papers)| CategoryChoice {
            here: Some(&code) == category.as_ref(),
            query: encoded("category", &code),
            category: CategoryView::new(&code),
            papers,
        })
        .collect();
    let views: Vec<PaperView> = papers
        .iter()
        .map(|stored| PaperView::in_list(&stored.paper, locale))
        .collect();
    let status = if path != "/" && total == 0 && category.is_none() {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::OK
    };
    let (date_text, count) = (locale.day(date), u64::from(total));
    let name = category.as_deref().map(category_name);
    let announced = match name {
        Some(name) => locale.count_with(
            &words.announced_in,
            count,
            &[("day", &date_text), ("category", name)],
        ),
        None => locale.count_with(&words.announced, count, &[("day", &date_text)]),
    };
    let numbered = |number: u32| words.page.with(&[("number", &number.to_string())]);
    let page_of = words.page_of.with(&[
        ("number", &number.to_string()),
        ("pages", &pages.to_string()),
    ]);
    let page = state
        .page(locale, path)
        .with("words", words)
        .with("heading", &words.papers_of.with(&[("day", &date_text)]))
        .with("announced", &announced)
        .with("page_of", &page_of)
        .with("page_before", &numbered(number.saturating_sub(1)))
        .with("page_after", &numbered(number + 1))
        .with("is_newest", &(path == "/"))
        .with("date", &Some(date))
        .with("date_text", &date_text)
        .with(
            "before",
            &before.map(|date| AdjacentDay {
                date,
                text: locale.date(date),
            }),
        )
        .with(
            "after",
            &after.map(|date| AdjacentDay {
                date,
                text: locale.date(date),
            }),
        )
        .with("total", &total)
        .with("first", &((number - 1) * PAGE_PAPERS + 1))
        .with("number", &number)
        .with("pages", &pages)
        .with("category", &category)
        .with(
            "category_query",
            &category.as_deref().map(|code| encoded("category", code)),
        )
        .with("category_name", &name)
        .with("categories", &choices)
        .with("papers", &views);
    state.pages.respond(status, "day.html", &page)
}

/// `name=value`, encoded for a query string.
pub(super) fn encoded(name: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair(name, value)
        .finish()
}

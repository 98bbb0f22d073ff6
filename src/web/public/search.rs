//! Search pages, and searches as feeds.

use crate::archive::{self, SearchResults, VectorSearch};
use crate::language::{SearchWords, Text};
use crate::paper::query::SearchQuery;
use crate::text::cut;
use crate::web::paper_view::PaperView;
use crate::web::public::feeds::Feed;
use crate::web::public::indexes::vector_index;
use crate::web::query::Query;
use crate::web::serving::rate_limits::LimitedAction;
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, WebState};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono::{Days, NaiveDate};

/// Papers per page.
const PAGE_PAPERS: u32 = 20;

/// Last page that is shown.
const PAGES_MAX: u32 = 50;

/// Characters of the query that are read; a person types fewer.
const TYPED_CHARS_MAX: usize = 500;

/// Days and papers in the feed of a search.
const FEED_DAYS: u64 = 60;
const FEED_PAPERS: u32 = 50;

/// The search form as it was sent.
struct SearchForm {
    typed: String,
    category: String,
    source: String,
    from: String,
    to: String,
    wanted: SearchQuery,
    /// The error in the date filters, if any.
    wrong: Option<BadDays>,
    number: u32,
}

/// An error in the date filters.
#[derive(Clone, Copy)]
enum BadDays {
    /// A date cannot be parsed.
    Unreadable,
    /// The first date is after the last.
    Backwards,
}

impl BadDays {
    fn said(self, words: &SearchWords) -> &Text {
        match self {
            BadDays::Unreadable => &words.bad_day,
            BadDays::Backwards => &words.backwards,
        }
    }
}

impl SearchForm {
    fn of(uri: &Uri) -> Self {
        let query = Query::of(uri);
        let text = |name: &str, most: usize| cut(query.text(name).unwrap_or_default(), most);
        let (typed, category, source) = (
            text("q", TYPED_CHARS_MAX),
            text("category", 60),
            text("source", 60),
        );
        let (from, to) = (text("from", 10), text("to", 10));
        let mut wanted = SearchQuery::parse(&typed);
        let mut wrong = None;
        if !category.is_empty() {
            wanted.categories.push(category.clone());
        }
        if !source.is_empty() {
            wanted.sources.push(source.to_lowercase());
        }
        for (text, bound) in [(&from, &mut wanted.from), (&to, &mut wanted.until)] {
            if text.is_empty() {
                continue;
            }
            match text.parse::<NaiveDate>() {
                Ok(day) => *bound = Some(day),
                Err(_) => wrong = Some(BadDays::Unreadable),
            }
        }
        if wanted
            .from
            .zip(wanted.until)
            .is_some_and(|(from, until)| from > until)
        {
            wrong = Some(BadDays::Backwards);
        }
        let number = query.parsed::<u32>("page").unwrap_or(1).clamp(1, PAGES_MAX);
        SearchForm {
            typed,
            category,
            source,
            from,
            to,
            wanted,
            wrong,
            number,
        }
    }

    /// The query string without the page number; empty for an empty form.
    fn query(&self) -> String {
        let pairs = [
            ("q", &self.typed),
            ("category", &self.category),
            ("source", &self.source),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let mut out = form_urlencoded::Serializer::new(String::new());
        out.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
        out.finish()
    }
}

/// `GET /search?q=`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: Visitor,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    state.limit(LimitedAction::Search, visitor)?;
    let asked = SearchForm::of(&uri);
    let (wanted, offset) = (asked.wanted.clone(), (asked.number - 1) * PAGE_PAPERS);
    let found = if asked.wrong.is_some() {
        SearchResults::default()
    } else {
        let vectors = vector_index(&state).await?;
        let search = move |db: &_| {
            let dense = vectors
                .as_deref()
                .map(|vectors| vectors as &dyn VectorSearch);
            archive::search(db, &wanted, offset, PAGE_PAPERS, dense)
        };
        state.db.run_blocking(search).await?
    };
    let locale = state.locale_for(&headers);
    let words = &locale.pages().search;
    let views: Vec<PaperView> = found
        .papers
        .iter()
        .map(|stored| PaperView::in_list(&stored.paper, &locale))
        .collect();
    let is_filtered = [&asked.category, &asked.source, &asked.from, &asked.to]
        .iter()
        .any(|text| !text.is_empty());
    let numbered = |number: u32| {
        locale
            .pages()
            .day
            .page
            .with(&[("number", &number.to_string())])
    };
    let page = state
        .page(&locale, "/search")
        .with("words", words)
        .with("page_here", &numbered(asked.number))
        .with("page_before", &numbered(asked.number - 1))
        .with("page_after", &numbered(asked.number + 1))
        .with("page_first", &numbered(1))
        .with("typed", &asked.typed)
        .with("category", &asked.category)
        .with("source", &asked.source)
        .with("from", &asked.from)
        .with("to", &asked.to)
        .with("wrong", &asked.wrong.map(|wrong| wrong.said(words)))
        .with("is_filtered", &is_filtered)
        .with("query", &asked.query())
        .with("number", &asked.number)
        .with("has_more", &(found.has_more && asked.number < PAGES_MAX))
        .with("is_relaxed", &found.is_relaxed)
        .with("dated", &true)
        .with("papers", &views);
    let status = if asked.wrong.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    state.pages.respond(status, "search.html", &page)
}

/// `GET /search.atom?q=`
pub(super) async fn atom(
    State(state): State<WebState>,
    visitor: Visitor,
    uri: Uri,
) -> Result<Response, PageError> {
    state.limit(LimitedAction::Search, visitor)?;
    feed(&state, &uri, "/search.atom").await?.to_atom(&state)
}

/// `GET /search.json?q=`
pub(super) async fn json_feed(
    State(state): State<WebState>,
    visitor: Visitor,
    uri: Uri,
) -> Result<Response, PageError> {
    state.limit(LimitedAction::Search, visitor)?;
    Ok(feed(&state, &uri, "/search.json").await?.to_json())
}

/// The papers of the last weeks that match a search, newest first.
async fn feed(state: &WebState, uri: &Uri, path: &str) -> Result<Feed, PageError> {
    let asked = SearchForm::of(uri);
    let mut wanted = asked.wanted.clone();
    if wanted.from.is_none() && !wanted.is_empty() {
        wanted.from = state
            .clock
            .now()
            .date_naive()
            .checked_sub_days(Days::new(FEED_DAYS));
    }
    let mut found = state
        .db
        .run_blocking(move |db| archive::search(db, &wanted, 0, FEED_PAPERS, None))
        .await?;
    if found.is_relaxed || asked.wrong.is_some() {
        // A feed contains exact matches only.
        found.papers.clear();
    }
    found
        .papers
        .sort_by_key(|stored| std::cmp::Reverse((stored.paper.announced, stored.row)));
    let name = &state.composer().site.name;
    let title = if asked.typed.is_empty() {
        format!("{name}: search")
    } else {
        format!("{name}: {}", asked.typed)
    };
    Ok(Feed::new(
        state,
        title,
        &format!("{path}?{}", asked.query()),
        &found.papers,
    ))
}

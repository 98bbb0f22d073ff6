//! The form of the preferences, as the page shows it.

use super::{Bearer, page};
use crate::fields::Problem;
use crate::paper::PaperId;
use crate::subscriber::Interest;
use crate::web::form::{Form, by_field};
use crate::web::view::path_of;
use crate::web::{PageError, Site};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Liked papers of an interest that are listed; of a library nobody looks through more.
const LISTED_MAX: usize = 50;

/// What was sent and will not do, and why.
pub(super) struct Refused<'a> {
    pub(super) form: &'a Form,
    /// The record that the form made.
    pub(super) record: &'a Map<String, Value>,
    pub(super) problems: &'a [Problem],
    /// What they may agree to go without, by the field that says so.
    pub(super) without: &'a HashMap<String, String>,
}

#[derive(Serialize)]
struct PaperLine {
    id: String,
    path: String,
    title: String,
    chosen: bool,
}

/// One interest of the form.
#[derive(Serialize, Default)]
struct InterestView {
    number: usize,
    /// Its name as it is stored; empty for a new one.
    was: String,
    name: String,
    description: String,
    keywords: String,
    must_not: String,
    authors: String,
    categories: String,
    liked: Vec<PaperLine>,
    disliked: Vec<PaperLine>,
    unlisted: usize,
    works: u64,
    more: String,
    less: String,
    without_more: String,
    without_less: String,
    problems: HashMap<String, String>,
    can_go_up: bool,
}

#[derive(Serialize)]
struct Choice {
    value: &'static str,
    text: &'static str,
    chosen: bool,
}

fn choices(all: &[(&'static str, &'static str)], chosen: impl Fn(&str) -> bool) -> Vec<Choice> {
    all.iter().map(|(value, text)| Choice { value, text, chosen: chosen(value) }).collect()
}

pub(super) const DAYS: [(&str, &str); 7] = [
    ("mon", "Monday"),
    ("tue", "Tuesday"),
    ("wed", "Wednesday"),
    ("thu", "Thursday"),
    ("fri", "Friday"),
    ("sat", "Saturday"),
    ("sun", "Sunday"),
];

/// The form as it is stored, or with what was typed and what is wrong with it.
pub(super) async fn show(site: &Site, bearer: &Bearer, refused: Option<Refused<'_>>) -> Result<Response, PageError> {
    show_saying(site, bearer, refused, None).await
}

/// The same with a sentence on what was done.
pub(super) async fn show_saying(
    site: &Site,
    bearer: &Bearer,
    refused: Option<Refused<'_>>,
    said: Option<&str>,
) -> Result<Response, PageError> {
    let stored = &bearer.subscriber.interests;
    let id = bearer.subscriber.id;
    let ids: Vec<PaperId> = stored
        .iter()
        .flat_map(|interest| listed(&interest.liked).iter().chain(listed(&interest.disliked)))
        .cloned()
        .collect();
    let (papers, works) = site.db.run(move |store| Ok((store.papers_by_id(&ids)?, store.count_library(id)?))).await?;
    let titles: HashMap<PaperId, String> = papers.into_iter().map(|(id, stored)| (id, stored.paper.title)).collect();

    let mut values = match bearer.subscriber.to_record() {
        Value::Object(record) => record,
        _ => Map::new(),
    };
    let mut interests: Vec<InterestView> = match &refused {
        None => stored.iter().enumerate().map(|(at, interest)| as_stored(at, interest, &titles)).collect(),
        Some(Refused { form, .. }) => {
            let kept = form.interests().into_iter().enumerate();
            kept.map(|(at, (number, _))| as_typed(at, number, form, stored, &titles)).collect()
        }
    };
    if let Some(Refused { form, record, .. }) = &refused {
        for key in ["name", "pause_until"] {
            values.insert(key.to_owned(), form.text(key).into());
        }
        values.extend(record.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    let problems = refused.as_ref().map(|refused| by_field(refused.problems)).unwrap_or_default();
    for interest in &mut interests {
        let start = format!("interests[{}].", interest.number);
        let own = problems.iter().filter_map(|(path, remedy)| Some((path.strip_prefix(&start)?, *remedy)));
        interest.problems = own.map(|(field, remedy)| (field.to_owned(), remedy.to_owned())).collect();
        let agreed = |added: &str| {
            let without = refused.as_ref()?.without;
            without.get(&format!("interests[{}].without_{added}", interest.number)).cloned()
        };
        (interest.without_more, interest.without_less) =
            (agreed("more").unwrap_or_default(), agreed("less").unwrap_or_default());
        interest.works =
            works.iter().find(|(name, _)| name.eq_ignore_ascii_case(&interest.was)).map_or(0, |(_, count)| *count);
    }
    let is = |key: &'static str| {
        let chosen = values.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        move |value: &str| value == chosen
    };
    let days: Vec<String> = values
        .get("days")
        .and_then(Value::as_array)
        .map(|days| days.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let desk = site.desk();
    let languages: Vec<(&str, &str)> = desk.templates.language_names().collect();
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = page(site, bearer, "/preferences")
        .with("new", &InterestView { number: interests.len(), ..InterestView::default() })
        .with("interests", &interests)
        .with("days", &choices(&DAYS, |day| days.iter().any(|known| known == day)))
        .with("weekdays", &choices(&DAYS, is("weekday")))
        .with("frequencies", &choices(&[("daily", "On the days below"), ("weekly", "Once a week")], is("frequency")))
        .with(
            "lengths",
            &choices(
                &[("full", "The whole of it"), ("short", "The most telling sentences"), ("none", "None")],
                is("abstracts"),
            ),
        )
        .with("formats", &choices(&[("html", "Formatted, with a text part"), ("text", "Text alone")], is("format")))
        .with("empty", &choices(&[("skip", "Send nothing"), ("note", "Send a note that says why")], is("when_empty")))
        .with("languages", &languages)
        .with("zones", &zones())
        .with("values", &values)
        .with("problems", &problems)
        .with("said", &said);
    site.pages.respond(status, "preferences.html", &page)
}

/// The time zones that people choose from, by region and city.
pub(in crate::web) fn zones() -> Vec<&'static str> {
    let all = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    all.filter(|name| *name == "UTC" || (name.contains('/') && !name.starts_with("Etc/"))).collect()
}

fn listed(ids: &[PaperId]) -> &[PaperId] {
    &ids[ids.len().saturating_sub(LISTED_MAX)..]
}

fn lines(ids: &[PaperId], titles: &HashMap<PaperId, String>, chosen: impl Fn(&str) -> bool) -> Vec<PaperLine> {
    let line = |id: &PaperId| PaperLine {
        id: id.to_string(),
        path: path_of(id.as_str()),
        title: titles.get(id).cloned().unwrap_or_else(|| format!("{id} (not known here)")),
        chosen: chosen(id.as_str()),
    };
    listed(ids).iter().map(line).collect()
}

fn as_stored(at: usize, interest: &Interest, titles: &HashMap<PaperId, String>) -> InterestView {
    InterestView {
        number: at,
        was: interest.name.clone(),
        name: interest.name.clone(),
        description: interest.description.clone(),
        keywords: interest.keywords.join("\n"),
        must_not: interest.must_not.join("\n"),
        authors: interest.authors.join("\n"),
        categories: interest.categories.join("\n"),
        liked: lines(&interest.liked, titles, |_| false),
        disliked: lines(&interest.disliked, titles, |_| false),
        unlisted: unlisted(interest),
        can_go_up: at > 0,
        ..InterestView::default()
    }
}

/// The interest numbered `number` in the form, which is the one numbered `at` of those that stay.
fn as_typed(
    at: usize,
    number: usize,
    form: &Form,
    stored: &[Interest],
    titles: &HashMap<PaperId, String>,
) -> InterestView {
    let field = |key: &str| format!("interests[{number}].{key}");
    let text = |key: &str| form.text(&field(key)).to_owned();
    let was = stored.iter().find(|interest| interest.name == text("was"));
    let chosen = |key: &str| {
        let ids: Vec<String> = form.all(&field(key)).map(str::to_owned).collect();
        move |id: &str| ids.iter().any(|chosen| chosen == id)
    };
    let none = Vec::new();
    InterestView {
        number: at,
        was: was.map(|was| was.name.clone()).unwrap_or_default(),
        name: text("name"),
        description: text("description"),
        keywords: text("keywords"),
        must_not: text("must_not"),
        authors: text("authors"),
        categories: text("categories"),
        liked: lines(was.map_or(&none, |was| &was.liked), titles, chosen("unlike")),
        disliked: lines(was.map_or(&none, |was| &was.disliked), titles, chosen("undislike")),
        unlisted: was.map_or(0, unlisted),
        more: text("more"),
        less: text("less"),
        can_go_up: at > 0,
        ..InterestView::default()
    }
}

fn unlisted(interest: &Interest) -> usize {
    interest.liked.len() - listed(&interest.liked).len() + interest.disliked.len() - listed(&interest.disliked).len()
}

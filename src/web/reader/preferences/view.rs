//! Shows the form of the preferences.

use super::{Bearer, page};
use crate::fields::Problem;
use crate::language::{Locale, Text};
use crate::paper::PaperId;
use crate::subscriber::{
    DAY_WORDS, EVERY_DAY, Interest, InterestWeight, PREFERENCES, PreferenceGroup, PreferenceKind,
};
use crate::web::forms::field_errors::by_field;
use crate::web::forms::{Form, zones};
use crate::web::paper_view::path_of;
use crate::web::{PageError, WebState};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Liked papers listed per interest; of an imported library these are enough.
const LISTED_MAX: usize = 50;

/// A form that was refused, with its problems.
pub(super) struct Refused<'a> {
    pub(super) form: &'a Form,
    /// The record of the form.
    pub(super) record: &'a Map<String, Value>,
    pub(super) problems: &'a [Problem],
    /// Unknown papers to agree to, by the field that agrees.
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
    /// The number of papers that it learns from, if there are any.
    examples: Option<String>,
    /// The number of library works that it learns from, if there are any.
    works: Option<String>,
    /// Choices of its share of the issue.
    weights: Vec<Choice>,
    more: String,
    less: String,
    without_more: String,
    without_less: String,
    problems: HashMap<String, String>,
    can_go_up: bool,
}

/// One preference of the form, or the name.
#[derive(Serialize)]
struct FieldView<'a> {
    key: &'static str,
    /// The element: `text`, `zone`, `time`, `date`, `number`, `select`, `days` or `flag`.
    input: &'static str,
    label: &'a str,
    hint: Option<&'a str>,
    problem: Option<&'a str>,
    value: String,
    /// Least, most and step of a number.
    range: Option<(u32, u32, &'static str)>,
    options: Vec<Choice>,
}

/// The preferences of one part of the form.
#[derive(Serialize)]
struct GroupView<'a> {
    legend: &'a str,
    fields: Vec<FieldView<'a>>,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    text: String,
    chosen: bool,
}

fn choices<'a>(
    all: impl IntoIterator<Item = (&'a str, &'a str)>,
    chosen: impl Fn(&str) -> bool,
) -> Vec<Choice> {
    let choice = |(value, text): (&str, &str)| Choice {
        value: value.to_owned(),
        text: text.to_owned(),
        chosen: chosen(value),
    };
    all.into_iter().map(choice).collect()
}

/// Weights that are offered by a word.
const WEIGHTS: [&str; 3] = ["0.5", "1", "2"];

/// The weights on offer, and the `chosen` one if it is another.
fn weights(chosen: &str, locale: &Locale) -> Vec<Choice> {
    let words = &locale.pages().interest;
    let texts = [&words.weight_less, &words.weight_usual, &words.weight_more].map(Text::as_str);
    // An invalid weight is reported beside the select, which shows the default again.
    let own = chosen
        .parse()
        .ok()
        .and_then(InterestWeight::new)
        .unwrap_or_default();
    let chosen = own.to_string();
    let mut all = choices(WEIGHTS.into_iter().zip(texts), |weight| weight == chosen);
    if !WEIGHTS.contains(&chosen.as_str()) {
        let text = words
            .weight_own
            .with(&[("weight", &locale.number(own.number()))]);
        all.push(Choice {
            value: chosen,
            text,
            chosen: true,
        });
    }
    all
}

/// Shows the stored preferences, or a refused form with its errors.
pub(super) async fn show(
    state: &WebState,
    bearer: &Bearer,
    refused: Option<Refused<'_>>,
) -> Result<Response, PageError> {
    show_saying(state, bearer, refused, None).await
}

/// The same, with a sentence `said` on the action.
pub(super) async fn show_saying(
    state: &WebState,
    bearer: &Bearer,
    refused: Option<Refused<'_>>,
    said: Option<&str>,
) -> Result<Response, PageError> {
    let stored = &bearer.subscriber.interests;
    let id = bearer.subscriber.id;
    let ids: Vec<PaperId> = stored
        .iter()
        .flat_map(|interest| {
            listed(&interest.liked)
                .iter()
                .chain(listed(&interest.disliked))
        })
        .cloned()
        .collect();
    let (papers, works) = state
        .db
        .run(move |store| Ok((store.papers_by_id(&ids)?, store.count_library(id)?)))
        .await?;
    let titles: HashMap<PaperId, String> = papers
        .into_iter()
        .map(|(id, stored)| (id, stored.paper.title))
        .collect();

    let locale = state.locale_of(&bearer.subscriber);
    let words = locale.pages();
    let mut values = match bearer.subscriber.to_record() {
        Value::Object(record) => record,
        _ => Map::new(),
    };
    let mut interests: Vec<InterestView> = match &refused {
        None => stored
            .iter()
            .enumerate()
            .map(|(at, interest)| as_stored(at, interest, &titles, &locale))
            .collect(),
        Some(Refused { form, .. }) => {
            let kept = form.interests().into_iter().enumerate();
            kept.map(|(at, (number, _))| as_typed(at, number, form, stored, &titles, &locale))
                .collect()
        }
    };
    if let Some(Refused { form, record, .. }) = &refused {
        for key in ["name", "pause_until"] {
            values.insert(key.to_owned(), form.text(key).into());
        }
        values.extend(
            record
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
    }
    let problems = refused
        .as_ref()
        .map(|refused| by_field(refused.problems, "", &words.wrong))
        .unwrap_or_default();
    for interest in &mut interests {
        let start = format!("interests[{}].", interest.number);
        let own = problems
            .iter()
            .filter_map(|(path, remedy)| Some((path.strip_prefix(&start)?, remedy)));
        interest.problems = own
            .map(|(field, remedy)| (field.to_owned(), remedy.clone()))
            .collect();
        let agreed = |added: &str| {
            let without = refused.as_ref()?.without;
            without
                .get(&format!("interests[{}].without_{added}", interest.number))
                .cloned()
        };
        (interest.without_more, interest.without_less) = (
            agreed("more").unwrap_or_default(),
            agreed("less").unwrap_or_default(),
        );
        let own = works
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&interest.was));
        interest.works = own.map(|(_, count)| locale.count(&words.interest.works, *count));
    }
    let composer = state.composer();
    let languages: Vec<(&str, &str)> = composer.templates.language_names().collect();
    // A select without a selected option would send the first one.
    if !languages
        .iter()
        .any(|(code, _)| values.get("language").is_some_and(|chosen| chosen == code))
    {
        values.insert("language".to_owned(), locale.code().into());
    }
    let status = if refused.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let own = &words.choices;
    let groups = [
        (PreferenceGroup::Schedule, words.form.when.as_str()),
        (PreferenceGroup::Content, own.content.as_str()),
    ];
    let groups = groups.map(|(group, legend)| {
        let of_group = PREFERENCES.iter().filter(|known| known.group == group);
        let with = |key, kind| field(key, kind, &values, &problems, &languages, &locale);
        let mut fields: Vec<FieldView<'_>> = of_group
            .map(|preference| with(preference.key, Some(preference.kind)))
            .collect();
        if group == PreferenceGroup::Content {
            fields.push(with("name", None));
        }
        GroupView { legend, fields }
    });
    let new = InterestView {
        number: interests.len(),
        weights: weights("1", &locale),
        ..InterestView::default()
    };
    let page = page(state, bearer, "/preferences")
        .with("own", own)
        .with("fields", &words.form)
        .with("of_interest", &words.interest)
        .with("new", &new)
        .with("interests", &interests)
        .with("groups", &groups)
        .with("zones", &zones())
        .with("values", &values)
        .with("problems", &problems)
        .with("said", &said);
    state.pages.respond(status, "preferences.html", &page)
}

/// Returns the field of a preference of this `kind`, or of another text.
fn field<'a>(
    key: &'static str,
    kind: Option<PreferenceKind>,
    values: &Map<String, Value>,
    problems: &'a HashMap<String, String>,
    languages: &[(&str, &str)],
    locale: &'a Locale,
) -> FieldView<'a> {
    let labels = &locale.pages().choices.labels;
    let text = |key: &str| labels.get(key).map(Text::as_str);
    let value = values.get(key).unwrap_or(&Value::Null);
    let is_chosen = |option: &str| match value {
        Value::Array(all) => all.iter().any(|one| one == option),
        one => one == option,
    };
    let days = || {
        let named = EVERY_DAY.map(|day| locale.weekday(day));
        choices(DAY_WORDS.into_iter().zip(named), is_chosen)
    };
    let (input, range, options) = match kind {
        None => ("text", None, Vec::new()),
        Some(PreferenceKind::Zone) => ("zone", None, Vec::new()),
        Some(PreferenceKind::Time) => ("time", None, Vec::new()),
        Some(PreferenceKind::Date) => ("date", None, Vec::new()),
        Some(PreferenceKind::Flag) => ("flag", None, Vec::new()),
        Some(PreferenceKind::Number(least, most)) => {
            ("number", Some((least, most, "1")), Vec::new())
        }
        Some(PreferenceKind::Fraction) => ("number", Some((0, 1, "0.01")), Vec::new()),
        Some(PreferenceKind::Days) => ("days", None, days()),
        Some(PreferenceKind::Day) => ("select", None, days()),
        Some(PreferenceKind::Language) => {
            let all = choices(languages.iter().copied(), is_chosen);
            ("select", None, all)
        }
        Some(PreferenceKind::Choice { words, .. }) => {
            let named = words.iter().map(|word| (*word, text(word).unwrap_or(word)));
            ("select", None, choices(named, is_chosen))
        }
    };
    FieldView {
        key,
        input,
        label: text(key).unwrap_or(key),
        hint: text(&format!("{key}_hint")),
        problem: problems.get(key).map(String::as_str),
        value: match value {
            Value::String(text) if text == "none" => String::new(),
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        },
        range,
        options,
    }
}

fn listed(ids: &[PaperId]) -> &[PaperId] {
    &ids[ids.len().saturating_sub(LISTED_MAX)..]
}

fn lines(
    ids: &[PaperId],
    titles: &HashMap<PaperId, String>,
    locale: &Locale,
    chosen: impl Fn(&str) -> bool,
) -> Vec<PaperLine> {
    let unknown = |id: &PaperId| locale.pages().interest.unknown.with(&[("id", id.as_str())]);
    let line = |id: &PaperId| PaperLine {
        id: id.to_string(),
        path: path_of(id.as_str()),
        title: titles.get(id).cloned().unwrap_or_else(|| unknown(id)),
        chosen: chosen(id.as_str()),
    };
    listed(ids).iter().map(line).collect()
}

fn as_stored(
    at: usize,
    interest: &Interest,
    titles: &HashMap<PaperId, String>,
    locale: &Locale,
) -> InterestView {
    InterestView {
        number: at,
        was: interest.name.clone(),
        name: interest.name.clone(),
        description: interest.description.clone(),
        keywords: interest.keywords.join("\n"),
        must_not: interest.must_not.join("\n"),
        authors: interest.authors.join("\n"),
        categories: interest.categories.join("\n"),
        liked: lines(&interest.liked, titles, locale, |_| false),
        disliked: lines(&interest.disliked, titles, locale, |_| false),
        examples: examples(interest, locale),
        weights: weights(&interest.weight.to_string(), locale),
        can_go_up: at > 0,
        ..InterestView::default()
    }
}

/// The view of interest `number` of the form, which is number `at` of those that stay.
fn as_typed(
    at: usize,
    number: usize,
    form: &Form,
    stored: &[Interest],
    titles: &HashMap<PaperId, String>,
    locale: &Locale,
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
        liked: lines(
            was.map_or(&none, |was| &was.liked),
            titles,
            locale,
            chosen("unlike"),
        ),
        disliked: lines(
            was.map_or(&none, |was| &was.disliked),
            titles,
            locale,
            chosen("undislike"),
        ),
        examples: was.and_then(|was| examples(was, locale)),
        weights: weights(&text("weight"), locale),
        more: text("more"),
        less: text("less"),
        can_go_up: at > 0,
        ..InterestView::default()
    }
}

/// The text on how many papers an interest learns from; `None` if there are none.
fn examples(interest: &Interest, locale: &Locale) -> Option<String> {
    let words = &locale.pages().interest;
    let (liked, disliked) = (
        listed(&interest.liked).len(),
        listed(&interest.disliked).len(),
    );
    let mut said = words.examples_of.with(&[
        ("liked", &liked.to_string()),
        ("disliked", &disliked.to_string()),
    ]);
    let more = unlisted(interest);
    if more > 0 {
        said = format!(
            "{said}, {}",
            words.unlisted.with(&[("count", &more.to_string())])
        );
    }
    (liked + disliked > 0).then_some(said)
}

fn unlisted(interest: &Interest) -> usize {
    interest.liked.len() - listed(&interest.liked).len() + interest.disliked.len()
        - listed(&interest.disliked).len()
}

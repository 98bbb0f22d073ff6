//! Saves the form of the preferences.

use super::view::{Refused, show, show_saying};
use super::{Bearer, posted, preview};
use crate::fields::{Fields, Problem};
use crate::language::InterestWords;
use crate::paper::PaperId;
use crate::store::{Db, LibraryWork, Store, StoreError};
use crate::subscriber::{NewSubscriber, PREFERENCES, Subscriber, read_subscriber};
use crate::web::forms::examples::Examples;
use crate::web::forms::{Form, categories};
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, WebState};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// `POST /preferences?t=TOKEN`
pub(super) async fn save(
    State(state): State<WebState>,
    visitor: Visitor,
    uri: Uri,
    request: Request<Body>,
) -> Result<Response, PageError> {
    let (mut bearer, form) = posted(&state, visitor, &uri, request).await?;
    let before = bearer.subscriber.details.clone();
    let locale = state.locale_of(&bearer.subscriber);
    let (reading, words) = (form.clone(), locale.pages().interest.clone());
    let ParsedForm {
        record,
        mut problems,
        without,
        wanted,
        renames,
        works,
    } = state
        .db
        .run_blocking(move |db| read(db, &reading, &before, &words))
        .await?;
    problems.extend(state.unknown_language(&form));
    let Some(mut wanted) = wanted.filter(|_| problems.is_empty()) else {
        let refused = Refused {
            form: &form,
            record: &record,
            problems: &problems,
            without: &without,
        };
        return show(&state, &bearer, Some(refused)).await;
    };
    if let Ok(at) = form.text("up").parse::<usize>()
        && (1..wanted.interests.len()).contains(&at)
    {
        wanted.interests.swap(at - 1, at);
    }
    let removed: Vec<String> = bearer
        .subscriber
        .interests
        .iter()
        .map(|interest| interest.name.clone())
        .filter(|name| !renames.iter().any(|(old, _)| old == name))
        .collect();
    let now = state.clock.now();
    let saved = Subscriber {
        details: wanted,
        ..bearer.subscriber.clone()
    };
    bearer.subscriber = state
        .db
        .run(move |store| {
            enter(store, &saved, &renames, &removed, &works, now)?;
            Ok(saved)
        })
        .await?;
    tracing::info!(subscriber.id = bearer.subscriber.id.0, "preferences saved");
    // The language may have changed with this form.
    let locale = state.locale_of(&bearer.subscriber);
    let words = &locale.pages().choices;
    if form.text("then") == "preview" {
        return preview::of(&state, visitor, &bearer, Some(words.saved.as_str())).await;
    }
    show_saying(&state, &bearer, None, Some(words.saved_from.as_str())).await
}

/// A parsed form.
struct ParsedForm {
    record: Map<String, Value>,
    problems: Vec<Problem>,
    /// Unknown papers to agree to, by the field that agrees.
    without: HashMap<String, String>,
    wanted: Option<NewSubscriber>,
    /// Old and new names of the interests that stay.
    renames: Vec<(String, String)>,
    /// Works to learn from, with the name of their interest.
    works: Vec<(String, Vec<LibraryWork>)>,
}

fn read(
    db: &Db,
    form: &Form,
    before: &NewSubscriber,
    words: &InterestWords,
) -> Result<ParsedForm, StoreError> {
    let mut record = form.record();
    // This form must change neither: an address moves when both have confirmed.
    record.remove("status");
    record.remove("email");
    let mut problems = Vec::new();
    let mut without = HashMap::new();
    let (mut interests, mut was, mut works) = (Vec::new(), Vec::new(), Vec::new());
    for (at, (number, mut interest)) in form.interests().into_iter().enumerate() {
        let field = |key: &str| format!("interests[{number}].{key}");
        let old = before
            .interests
            .iter()
            .find(|known| known.name == form.text(&field("was")));
        let none = Vec::new();
        let lists = [
            ("liked", "unlike", "more"),
            ("disliked", "undislike", "less"),
        ];
        for (key, gone, added) in lists {
            let gone = field(gone);
            let gone: Vec<&str> = form.all(&gone).collect();
            let known = old.map_or(&none, |old| {
                if key == "liked" {
                    &old.liked
                } else {
                    &old.disliked
                }
            });
            let mut ids: Vec<&PaperId> = known
                .iter()
                .filter(|id| !gone.contains(&id.as_str()))
                .collect();
            let (added, agreed) = (field(added), field(&format!("without_{added}")));
            let named = if key == "liked" {
                Examples::liked(db, form, &added, &agreed)?
            } else {
                Examples::disliked(db, form, &added, &agreed)?
            };
            ids.extend(named.papers.iter().filter(|id| !known.contains(id)));
            interest.insert(
                key.to_owned(),
                ids.iter().map(|id| Value::from(id.as_str())).collect(),
            );
            let shown = |name: &str| name.replacen(&format!("[{number}]"), &format!("[{at}]"), 1);
            if let Some(problem) = named.problem(&shown(&added)) {
                problems.push(problem);
                without.insert(shown(&agreed), named.unknown);
            }
            if key == "liked" {
                works.push(named.works);
            }
        }
        let name = || words.numbered.with(&[("number", &(at + 1).to_string())]);
        interest.entry("name").or_insert_with(|| name().into());
        if let Some(old) = old.filter(|_| !form.has(&field("weight"))) {
            interest.insert("weight".to_owned(), old.weight.number().into());
        }
        was.push(old.map(|old| old.name.clone()));
        interests.push(Value::Object(interest));
    }
    problems.extend(form.crowd());
    if record.contains_key("interests") {
        record.insert("interests".to_owned(), interests.into());
    }
    let mut fields = Fields::new(record.clone());
    let mut wanted = read_subscriber(&mut fields, Some(before));
    problems.extend(fields.into_problems());
    // These fields cannot be empty.
    for key in PREFERENCES
        .iter()
        .filter(|one| one.kind.is_typed())
        .map(|one| one.key)
    {
        if form.has(key) && form.text(key).is_empty() {
            let (path, remedy) = (key.to_owned(), "must be filled in".to_owned());
            problems.push(Problem {
                path,
                value: Some(String::new()),
                remedy,
            });
        }
    }
    if let Some(wanted) = &wanted {
        for (at, interest) in wanted.interests.iter().enumerate() {
            problems.extend(categories::unknown(db, at, interest, &before.interests)?);
        }
    }
    if let Some(wanted) = &mut wanted {
        // An empty field differs from a missing one.
        if form.has("name") && form.text("name").is_empty() {
            wanted.name = String::new();
        }
    }
    let has_interests = record.contains_key("interests");
    let names: Vec<String> = match &wanted {
        Some(wanted) => wanted
            .interests
            .iter()
            .map(|interest| interest.name.clone())
            .collect(),
        None => Vec::new(),
    };
    let renames = if has_interests {
        was.iter()
            .zip(&names)
            .filter_map(|(old, new)| Some((old.clone()?, new.clone())))
            .collect()
    } else {
        names
            .iter()
            .map(|name| (name.clone(), name.clone()))
            .collect()
    };
    let works = names
        .into_iter()
        .zip(works)
        .filter(|(_, works)| !works.is_empty())
        .collect();
    Ok(ParsedForm {
        record,
        problems,
        without,
        wanted,
        renames,
        works,
    })
}

/// Stores the subscriber, and lets feedback and libraries follow renamed interests.
fn enter(
    store: &mut dyn Store,
    saved: &Subscriber,
    renames: &[(String, String)],
    removed: &[String],
    works: &[(String, Vec<LibraryWork>)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for name in removed {
        store.forget_library(saved.id, name)?;
    }
    // By way of names that nobody can type, so that two interests can swap their names.
    let between = |at: usize| format!("\u{1}{at}");
    let renames: Vec<_> = renames.iter().filter(|(old, new)| old != new).collect();
    for (at, (old, _)) in renames.iter().enumerate() {
        store.rename_interest(saved.id, old, &between(at))?;
    }
    for (at, (_, new)) in renames.iter().enumerate() {
        store.rename_interest(saved.id, &between(at), new)?;
    }
    store.save_subscriber(saved, now)?;
    for (name, works) in works {
        store.add_library(saved.id, name, works, now)?;
    }
    Ok(())
}

impl Bearer {
    /// Stores the subscriber.
    pub(super) async fn save(&self, state: &WebState) -> Result<(), PageError> {
        let (subscriber, now) = (self.subscriber.clone(), state.clock.now());
        state
            .db
            .run(move |store| store.save_subscriber(&subscriber, now))
            .await?;
        Ok(())
    }
}

//! Imports a library from a file or from pasted text.

use super::{Bearer, bearer, page};
use crate::edition::{LibraryImport, import_library};
use crate::language::Locale;
use crate::profile::library::{Library, LibraryError, SkippedEntry, read_library};
use crate::subscriber::NAME_CHARS_MAX;
use crate::web::error_page::ErrorPage;
use crate::web::serving::rate_limits::LimitedAction;
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, WebState};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use serde::Serialize;

/// Largest library, in bytes: some ten thousand entries with abstracts.
const LIBRARY_BYTES_MAX: usize = 5 << 20;

/// Rejected entries that are shown.
const ASIDE_MAX: usize = 50;

pub(super) fn route() -> MethodRouter<WebState> {
    // The form around the file takes some bytes, too.
    get(form)
        .post(take)
        .layer(DefaultBodyLimit::max(LIBRARY_BYTES_MAX + (64 << 10)))
}

/// `GET /preferences/library?t=TOKEN`
async fn form(State(state): State<WebState>, uri: Uri) -> Result<Response, PageError> {
    let bearer = bearer(&state, &uri).await?;
    show(&state, StatusCode::OK, &bearer, &FormState::default())
}

#[derive(Default)]
struct FormState {
    interest: String,
    pasted: String,
    problem: Option<String>,
    done: Option<ImportView>,
}

#[derive(Serialize)]
struct ImportView {
    read: String,
    known: String,
    aside: Vec<String>,
    /// The number of further rejected entries, if there are more than are shown.
    more: Option<String>,
}

/// `POST /preferences/library?t=TOKEN`
async fn take(
    State(state): State<WebState>,
    visitor: Visitor,
    uri: Uri,
    request: Request,
) -> Result<Response, PageError> {
    let mut bearer = bearer(&state, &uri).await?;
    state.limit(LimitedAction::Form, visitor)?;
    let Ok(mut form) = Multipart::from_request(request, &()).await else {
        return Err(ErrorPage::BadForm.into());
    };
    let (mut file, mut shown) = (Vec::new(), FormState::default());
    let mut is_too_long = false;
    loop {
        let field = match form.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                is_too_long = true;
                break;
            }
            Err(_) => return Err(ErrorPage::BadForm.into()),
        };
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = match field.bytes().await {
            Ok(bytes) => bytes,
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                is_too_long = true;
                break;
            }
            Err(_) => return Err(ErrorPage::BadForm.into()),
        };
        match name.as_str() {
            "file" => file = bytes.to_vec(),
            "text" => shown.pasted = String::from_utf8_lossy(&bytes).into_owned(),
            "interest" => {
                shown.interest = crate::text::clean_line(&String::from_utf8_lossy(&bytes));
            }
            _ => {}
        }
    }
    let locale = state.locale_of(&bearer.subscriber);
    let words = &locale.pages().library;
    if is_too_long || file.len().max(shown.pasted.len()) > LIBRARY_BYTES_MAX {
        shown = FormState {
            problem: Some(words.too_large.as_str().to_owned()),
            pasted: String::new(),
            ..shown
        };
        return show(&state, StatusCode::PAYLOAD_TOO_LARGE, &bearer, &shown);
    }
    if shown.interest.is_empty() {
        words.yours.as_str().clone_into(&mut shown.interest);
    }
    if shown.interest.chars().count() > NAME_CHARS_MAX {
        shown.problem = Some(
            words
                .long_name
                .with(&[("most", &NAME_CHARS_MAX.to_string())]),
        );
        return show(&state, StatusCode::UNPROCESSABLE_ENTITY, &bearer, &shown);
    }
    let bytes = if file.is_empty() {
        shown.pasted.clone().into_bytes()
    } else {
        file
    };
    let (subscriber, interest, now) = (
        bearer.subscriber.clone(),
        shown.interest.clone(),
        state.clock.now(),
    );
    let taken = state
        .db
        .run_blocking(move |db| {
            let library = match read_library(&bytes) {
                Ok(library) => library,
                Err(why) => return Ok(Err(why)),
            };
            let mut subscriber = subscriber;
            let taken = import_library(db, &mut subscriber, &interest, &library, now)?;
            Ok::<_, crate::store::StoreError>(Ok((subscriber, library, taken)))
        })
        .await?;
    match taken {
        Err(why) => {
            shown.problem = Some(match why {
                LibraryError::Empty => words.nothing.as_str().to_owned(),
                LibraryError::Unknown => words.no_form.as_str().to_owned(),
                LibraryError::Json { line, .. } => {
                    words.bad_json.with(&[("line", &line.to_string())])
                }
            });
            show(&state, StatusCode::UNPROCESSABLE_ENTITY, &bearer, &shown)
        }
        Ok((_, library, taken)) if taken.known == 0 && taken.learned == 0 => {
            // No entry is usable: show the text again, to be corrected.
            let done = done(&shown.interest, &library, &taken, &locale);
            let why = done
                .aside
                .into_iter()
                .chain(done.more)
                .collect::<Vec<_>>()
                .join("; ");
            shown.problem = Some(format!("{} {why}", words.aside.as_str()));
            show(&state, StatusCode::UNPROCESSABLE_ENTITY, &bearer, &shown)
        }
        Ok((subscriber, library, taken)) => {
            bearer.subscriber = subscriber;
            let done = done(&shown.interest, &library, &taken, &locale);
            show(
                &state,
                StatusCode::OK,
                &bearer,
                &FormState {
                    done: Some(done),
                    ..FormState::default()
                },
            )
        }
    }
}

fn done(interest: &str, library: &Library, taken: &LibraryImport, locale: &Locale) -> ImportView {
    let words = &locale.pages().library;
    let entry = |aside: &SkippedEntry| {
        words
            .entry
            .with(&[("line", &aside.line.to_string()), ("reason", &aside.reason)])
    };
    let aside = library.skipped.iter().map(entry);
    let unknown = taken
        .unknown
        .iter()
        .map(|id| words.unknown.with(&[("id", id.as_str())]));
    let all: Vec<String> = aside.chain(unknown).collect();
    ImportView {
        read: locale.count_with(&words.read, library.read as u64, &[("interest", interest)]),
        known: words.known.with(&[
            ("known", &taken.known.to_string()),
            ("learned", &taken.learned.to_string()),
            ("new", &taken.new.to_string()),
        ]),
        more: (all.len() > ASIDE_MAX).then(|| {
            words
                .more
                .with(&[("count", &(all.len() - ASIDE_MAX).to_string())])
        }),
        aside: all.into_iter().take(ASIDE_MAX).collect(),
    }
}

fn show(
    state: &WebState,
    status: StatusCode,
    bearer: &Bearer,
    shown: &FormState,
) -> Result<Response, PageError> {
    let names: Vec<&str> = bearer
        .subscriber
        .interests
        .iter()
        .map(|interest| interest.name.as_str())
        .collect();
    let locale = state.locale_of(&bearer.subscriber);
    let words = &locale.pages().library;
    let interest = if shown.interest.is_empty() {
        words.yours.as_str()
    } else {
        &shown.interest
    };
    let page = page(state, bearer, "/preferences/library")
        .with("own", words)
        .with("names", &names)
        .with("interest", &interest)
        .with("pasted", &shown.pasted)
        .with("problem", &shown.problem)
        .with("done", &shown.done);
    state
        .pages
        .respond(status, "preferences.library.html", &page)
}

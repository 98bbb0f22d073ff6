//! The signup form (double opt-in).
//!
//! Filling in the form proves nothing, so it sends at most one confirmation mail per
//! address and day, and the response is the same whether or not the address is known. The
//! form is stored until the link in the mail is followed.

use crate::digest::notices::Notice;
use crate::edition::{self, Addressee, EditionError};
use crate::fields::{Fields, Problem};
use crate::language::{PageWords, Text};
use crate::paper::PaperId;
use crate::store::{ConsentContext, Db, LibraryWork, NewRequest, RequestKind, StoreError};
use crate::subscriber::{
    Interest, MailboxKind, NewSubscriber, Status, Subscriber, read_subscriber,
};
use crate::web::error_page::ErrorPage;
use crate::web::forms::Form;
use crate::web::forms::examples::{Examples, LIBRARY};
use crate::web::forms::mail_form::{LINK_HOURS, RefusedAddress, in_constant_time};
use crate::web::forms::zones;
use crate::web::forms::{categories, field_errors};
use crate::web::issue_view::IssueView;
use crate::web::locale::language;
use crate::web::pages::Message;
use crate::web::paper_view::CategoryView;
use crate::web::query::Query;
use crate::web::serving::rate_limits::LimitedAction;
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, Signup, WebState};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono::TimeDelta;
use serde::Serialize;
use serde_json::{Map, Value};

/// Categories that the form offers: the arXiv fields with the most papers.
const CATEGORIES: [&str; 24] = [
    "cs.AI",
    "cs.CL",
    "cs.CV",
    "cs.LG",
    "cs.RO",
    "cs.CR",
    "cs.DS",
    "cs.HC",
    "cs.IR",
    "cs.SE",
    "stat.ML",
    "math.*",
    "physics.*",
    "quant-ph",
    "astro-ph.*",
    "cond-mat.*",
    "hep-th",
    "hep-ph",
    "gr-qc",
    "q-bio.*",
    "q-fin.*",
    "econ.*",
    "eess.*",
    "nlin.*",
];

/// A hidden field that only robots fill in.
const HONEYPOT: &str = "website";

/// `GET /subscribe`
pub(super) async fn form(
    State(state): State<WebState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    check_open(&state)?;
    let query = Query::of(&uri);
    let form = Form::of_pairs(&[("email", query.text("email").unwrap_or_default())]);
    show(
        &state,
        StatusCode::OK,
        &form,
        &FormState::default(),
        &headers,
    )
}

/// An error if the operator lets nobody sign up.
fn check_open(state: &WebState) -> Result<(), ErrorPage> {
    match state.settings.signup {
        Signup::Closed => Err(ErrorPage::SignupClosed),
        Signup::Open | Signup::Invite => Ok(()),
    }
}

/// Reads a form of the signup page.
async fn read_form(
    state: &WebState,
    visitor: Visitor,
    action: LimitedAction,
    request: Request<Body>,
) -> Result<Form, PageError> {
    check_open(state)?;
    state.limit(action, visitor)?;
    Ok(Form::read(request).await?)
}

/// `POST /subscribe`
pub(super) async fn subscribe(
    State(state): State<WebState>,
    visitor: Visitor,
    headers: HeaderMap,
    request: Request<Body>,
) -> Result<Response, PageError> {
    let asking = state.asking(visitor, request.uri().path());
    let form = read_form(&state, visitor, LimitedAction::Form, request).await?;
    // The button that accepts the suggested address.
    let form = match form.text("meant").to_owned() {
        meant if meant.is_empty() => form,
        meant => form.with("email", meant),
    };
    let locale = state.locale_for(&headers);
    let (reading, words) = (form.clone(), locale.pages().clone());
    let ParsedForm {
        wanted,
        mut problems,
        works,
        unknown,
    } = state
        .db
        .run_blocking(move |db| read(db, &reading, reading.record(), &words))
        .await?;
    problems.extend(state.unknown_language(&form));
    let refuse = |shown: FormState<'_>| {
        show(
            &state,
            StatusCode::UNPROCESSABLE_ENTITY,
            &form,
            &shown,
            &headers,
        )
    };
    let Some(mut wanted) = wanted.filter(|_| problems.is_empty()) else {
        return refuse(FormState {
            problems: &problems,
            unknown: &unknown,
            ..FormState::default()
        });
    };
    match state.check_address(&wanted.address, form.has("sure")) {
        Ok(()) => {}
        Err(RefusedAddress::UnwantedKind(kind)) => {
            return refuse(FormState {
                unwanted: Some(kind),
                ..FormState::default()
            });
        }
        Err(RefusedAddress::Mistyped(meant)) => {
            return refuse(FormState {
                meant: Some(meant.as_str()),
                ..FormState::default()
            });
        }
    }
    state.limit(LimitedAction::Mail, visitor)?;
    if form.text("language").is_empty()
        && let Some(language) = language(&state, &headers)
    {
        wanted.preferences.language = language;
    }
    // A robot gets the same response as a person.
    if form.text(HONEYPOT).is_empty() {
        in_constant_time(ask(&state, wanted, works, asking)).await?;
    } else {
        tracing::debug!("signup form with a filled honeypot ignored");
    }
    let words = locale.pages();
    let said = Message::new(
        StatusCode::OK,
        words.form.mailbox.as_str(),
        words.signup.done.as_str(),
    );
    state.pages.show_message(&locale, &said)
}

/// `POST /subscribe/preview`: today's issue for the form as typed, without an address.
pub(super) async fn preview(
    State(state): State<WebState>,
    visitor: Visitor,
    headers: HeaderMap,
    request: Request<Body>,
) -> Result<Response, PageError> {
    let form = read_form(&state, visitor, LimitedAction::Search, request).await?;
    let (reading, composer, now) = (form.clone(), state.composer(), state.clock.now());
    let locale = state.locale_for(&headers);
    let made = state.db.run_blocking(move |db| {
        let mut record = reading.record();
        record.insert("email".to_owned(), NOBODY.into());
        let ParsedForm {
            wanted,
            problems,
            works,
            unknown,
        } = read(db, &reading, record, locale.pages())?;
        // Unknown papers are reported; the preview goes by the others.
        let is_wrong = problems.iter().any(|problem| problem.path != EXAMPLES);
        let issue = match wanted.filter(|_| !is_wrong) {
            Some(wanted) => Some(IssueView::new(
                &edition::preview_for(db, &composer, &wanted, works, now)?,
                &locale,
            )),
            None => None,
        };
        Ok::<_, EditionError>((issue, problems, unknown))
    });
    let (issue, problems, unknown) = made.await?;
    let status = if issue.is_some() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let shown = FormState {
        problems: &problems,
        unknown: &unknown,
        issue,
        ..FormState::default()
    };
    show(&state, status, &form, &shown, &headers)
}

/// The address that stands in a preview.
const NOBODY: &str = "nobody@example.org";

/// The field for liked papers.
const EXAMPLES: &str = "examples";

/// The field for unknown papers that somebody has agreed to leave out.
const WITHOUT: &str = "without";

/// A parsed form.
struct ParsedForm {
    wanted: Option<NewSubscriber>,
    problems: Vec<Problem>,
    /// Works that the first interest learns from.
    works: Vec<LibraryWork>,
    /// Unknown papers.
    unknown: String,
}

fn read(
    db: &Db,
    form: &Form,
    mut record: Map<String, Value>,
    words: &PageWords,
) -> Result<ParsedForm, StoreError> {
    record.remove("status");
    let mut fields = Fields::new(record);
    let mut wanted = read_subscriber(&mut fields, None);
    let mut problems = fields.into_problems();
    problems.extend(form.crowd());
    for (at, interest) in wanted
        .iter()
        .flat_map(|wanted| wanted.interests.iter().enumerate())
    {
        problems.extend(categories::unknown(db, at, interest, &[])?);
    }
    let examples = Examples::liked(db, form, EXAMPLES, WITHOUT)?;
    problems.extend(examples.problem(EXAMPLES));
    let Examples {
        papers,
        works,
        unknown,
        ..
    } = &examples;
    if let Some(wanted) = &mut wanted
        && !(papers.is_empty() && works.is_empty())
    {
        if wanted.interests.is_empty() {
            // The form names papers and nothing else.
            let name = words.signup.your_papers.as_str().to_owned();
            wanted.interests.push(Interest {
                name,
                ..Interest::default()
            });
        }
        let liked = &mut wanted.interests[0].liked;
        let new: Vec<PaperId> = papers
            .iter()
            .filter(|id| !liked.contains(id))
            .cloned()
            .collect();
        liked.extend(new);
    }
    Ok(ParsedForm {
        wanted,
        problems,
        unknown: unknown.clone(),
        works: examples.works,
    })
}

/// Values that the page shows besides the form as typed.
#[derive(Default)]
struct FormState<'a> {
    problems: &'a [Problem],
    meant: Option<&'a str>,
    /// The kind of the address, if the operator refuses it.
    unwanted: Option<MailboxKind>,
    unknown: &'a str,
    issue: Option<IssueView>,
}

/// Stores the request and mails the address, at most once a day.
async fn ask(
    state: &WebState,
    wanted: NewSubscriber,
    works: Vec<LibraryWork>,
    asking: ConsentContext,
) -> Result<(), PageError> {
    let _lock = state.lock_mailing().await;
    let now = state.clock.now();
    let address = wanted.address.clone();
    let of = address.clone();
    let (known, mailed) = state
        .db
        .run(move |store| {
            let mailed =
                store.count_mailed(RequestKind::Subscribe, &of, now - TimeDelta::days(1))?;
            Ok((store.subscriber(&of)?, mailed > 0))
        })
        .await?;
    if mailed || (known.is_none() && state.settings.signup == Signup::Invite) {
        return Ok(());
    }
    write_to(state, known, wanted, works, asking).await
}

/// Stores the request and mails the address: the link to the preferences if `known` has a
/// running subscription, else a link to confirm.
pub(in crate::web) async fn write_to(
    state: &WebState,
    known: Option<Subscriber>,
    wanted: NewSubscriber,
    works: Vec<LibraryWork>,
    asking: ConsentContext,
) -> Result<(), PageError> {
    let (now, address) = (state.clock.now(), wanted.address.clone());
    let mut details = wanted.to_record();
    details[LIBRARY] = serde_json::to_value(works).unwrap_or_default();
    let request = NewRequest {
        kind: RequestKind::Subscribe,
        address: address.clone(),
        subscriber: None,
        details: details.to_string(),
        asking,
    };
    let pending = wanted.clone();
    let id = state
        .db
        .run(move |store| store.ask(&request, Some(&pending), now))
        .await?;
    let composer = state.composer();
    match &known {
        // Without a link, the form must not change a running subscription.
        Some(known) if matches!(known.status, Status::Active | Status::Paused) => {
            let url = composer.links().preferences(known.holder());
            state
                .send(&Notice::Preferences { url }, known.into(), Some(id))
                .await
        }
        _ => {
            let url = state.confirm_url(id);
            let to = Addressee {
                subscriber: None,
                address: &address,
                language: &wanted.preferences.language,
                zone: wanted.preferences.timezone,
            };
            state
                .send(
                    &Notice::Confirm {
                        url,
                        until: now + TimeDelta::hours(LINK_HOURS),
                    },
                    to,
                    Some(id),
                )
                .await
        }
    }
}

#[derive(Serialize)]
struct Offered {
    #[serde(flatten)]
    category: CategoryView,
    chosen: bool,
}

/// Shows the form as typed, with its errors.
fn show(
    state: &WebState,
    status: StatusCode,
    form: &Form,
    shown: &FormState<'_>,
    headers: &HeaderMap,
) -> Result<Response, PageError> {
    let chosen = form.lines("interests[0].categories");
    let offered: Vec<Offered> = CATEGORIES
        .iter()
        .map(|code| Offered {
            chosen: chosen.iter().any(|chosen| chosen == code),
            category: CategoryView::new(code),
        })
        .collect();
    let composer = state.composer();
    let languages: Vec<(&str, &str)> = composer.templates.language_names().collect();
    let mut values = form.record();
    let locale = state.locale_for(headers);
    // A select without a selected option would send the first one.
    if state.unknown_language(form).is_some() || !values.contains_key("language") {
        values.insert("language".to_owned(), locale.code().into());
    }
    let words = locale.pages();
    let mut problems = field_errors::by_field(shown.problems, form.text("email"), &words.wrong);
    if let Some(kind) = shown.unwanted {
        problems.insert(
            "email".to_owned(),
            field_errors::of_mailbox_kind(kind, &words.wrong)
                .as_str()
                .to_owned(),
        );
    }
    let meant = |text: &Text| text.with(&[("address", shown.meant.unwrap_or_default())]);
    let page = state
        .page(&locale, "/subscribe")
        .with("words", &words.signup)
        .with("fields", &words.form)
        .with("labels", &words.choices.labels)
        .with("wrong", &words.wrong)
        .with("meant_text", &meant(&words.signup.meant))
        .with("meant_yes", &meant(&words.signup.meant_yes))
        .with("values", &values)
        .with("examples", &form.text(EXAMPLES))
        .with("without", &shown.unknown)
        .with("problems", &problems)
        .with("meant", &shown.meant)
        .with("issue", &shown.issue)
        .with("zones", &zones())
        .with("offered", &offered)
        .with("languages", &languages);
    state.pages.respond(status, "subscribe.html", &page)
}

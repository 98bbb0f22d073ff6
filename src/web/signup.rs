//! Subscribing: the form, and the link that proves the address.
//!
//! Whoever fills in the form proves nothing, so nothing is sent but one mail a
//! day that asks the address itself, and the answer is the same whether or not
//! the address is known here. What was typed waits until the link is followed.

use super::asking::{Unfit, without_haste};
use super::categories;
use super::examples::Examples;
use super::form::Form;
use super::limits::Costly;
use super::mishap::Mishap;
use super::pages::Said;
use super::preferences::{IssueView, zones};
use super::query::Query;
use super::tongue::language;
use super::view::CategoryView;
use super::visitor::Visitor;
use super::{PageError, Signup, Site, wrong};
use crate::digest::notices::Notice;
use crate::digest::{PageWords, Text};
use crate::edition::{self, Addressee, EditionError};
use crate::fields::{Fields, Problem};
use crate::links::Links;
use crate::paper::PaperId;
use crate::store::{Asking, Db, LibraryWork, NewRequest, RequestKind, StoreError};
use crate::subscriber::{
    Interest, MailboxKind, NewSubscriber, Status, Subscriber, read_subscriber,
};
use crate::token::Scope;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono::TimeDelta;
use serde::Serialize;
use serde_json::{Map, Value};

/// Version of the words that people agree to; it changes with what the form says.
pub(super) const WORDING: &str = "2026-11";

/// How long the link in a confirmation holds.
pub(super) const LINK_HOURS: i64 = 48;

/// Categories that the form offers: the fields of arXiv that most is announced in.
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

/// A field that people do not see and robots fill in.
const HONEYPOT: &str = "website";

/// `GET /subscribe`
pub(super) async fn form(
    State(site): State<Site>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    if site.settings.signup == Signup::Closed {
        return closed(&site, &headers);
    }
    let query = Query::of(&uri);
    let form = Form::of_pairs(&[("email", query.text("email").unwrap_or_default())]);
    show(&site, StatusCode::OK, &form, &Shown::default(), &headers)
}

/// `POST /subscribe`
pub(super) async fn subscribe(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    request: Request<Body>,
) -> Result<Response, PageError> {
    if site.settings.signup == Signup::Closed {
        return closed(&site, &headers);
    }
    if !site.state.limits.allow(Costly::Form, visitor) {
        return Mishap::TooOften.answer();
    }
    let asking = site.asking(visitor, request.uri().path());
    let Ok(form) = Form::read(request).await else {
        return Mishap::Torn.answer();
    };
    // The button that agrees to the address that was meant.
    let form = match form.text("meant").to_owned() {
        meant if meant.is_empty() => form,
        meant => form.with("email", meant),
    };
    let tongue = site.tongue_for(&headers);
    let (reading, words) = (form.clone(), tongue.pages().clone());
    let Typed {
        wanted,
        mut problems,
        works,
        unknown,
    } = site
        .db
        .run_blocking(move |db| read(db, &reading, reading.record(), &words))
        .await?;
    problems.extend(site.unknown_language(&form));
    let refuse = |shown: Shown<'_>| {
        show(
            &site,
            StatusCode::UNPROCESSABLE_ENTITY,
            &form,
            &shown,
            &headers,
        )
    };
    let Some(mut wanted) = wanted.filter(|_| problems.is_empty()) else {
        return refuse(Shown {
            problems: &problems,
            unknown: &unknown,
            ..Shown::default()
        });
    };
    match site.fit(&wanted.address, form.has("sure")) {
        Ok(()) => {}
        Err(Unfit::Unwanted(kind)) => {
            return refuse(Shown {
                unwanted: Some(kind),
                ..Shown::default()
            });
        }
        Err(Unfit::Mistyped(meant)) => {
            return refuse(Shown {
                meant: Some(meant.as_str()),
                ..Shown::default()
            });
        }
    }
    if !site.state.limits.allow(Costly::Mail, visitor) {
        return Mishap::TooOften.answer();
    }
    if form.text("language").is_empty()
        && let Some(language) = language(&site, &headers)
    {
        wanted.preferences.language = language;
    }
    // A robot is told what a person would be told.
    if form.text(HONEYPOT).is_empty() {
        without_haste(ask(&site, wanted, works, asking)).await?;
    } else {
        tracing::debug!("a form was filled in by a robot");
    }
    let words = tongue.pages();
    let said = Said::new(
        StatusCode::OK,
        words.form.mailbox.as_str(),
        words.signup.done.as_str(),
    );
    site.pages.say(&tongue, &said)
}

/// `POST /subscribe/preview`: what would come today for what is typed, without an address.
pub(super) async fn preview(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    request: Request<Body>,
) -> Result<Response, PageError> {
    if site.settings.signup == Signup::Closed {
        return closed(&site, &headers);
    }
    if !site.state.limits.allow(Costly::Search, visitor) {
        return Mishap::TooOften.answer();
    }
    let Ok(form) = Form::read(request).await else {
        return Mishap::Torn.answer();
    };
    let (reading, desk, now) = (form.clone(), site.desk(), site.clock.now());
    let tongue = site.tongue_for(&headers);
    let made = site.db.run_blocking(move |db| {
        let mut record = reading.record();
        record.insert("email".to_owned(), NOBODY.into());
        let Typed {
            wanted,
            problems,
            works,
            unknown,
        } = read(db, &reading, record, tongue.pages())?;
        // What is not known here is said, and the rest goes by what is.
        let is_wrong = problems.iter().any(|problem| problem.path != EXAMPLES);
        let issue = match wanted.filter(|_| !is_wrong) {
            Some(wanted) => Some(IssueView::new(
                &edition::preview_for(db, &desk, &wanted, works, now)?,
                &tongue,
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
    let shown = Shown {
        problems: &problems,
        unknown: &unknown,
        issue,
        ..Shown::default()
    };
    show(&site, status, &form, &shown, &headers)
}

/// Whom a preview is for.
const NOBODY: &str = "nobody@example.org";

/// The field for papers that somebody likes.
const EXAMPLES: &str = "examples";

/// The field for those of them that somebody agrees to go without.
const WITHOUT: &str = "without";

/// Where works to learn from stand in a request, beside the record.
pub(super) const LIBRARY: &str = "library";

/// What a form says.
struct Typed {
    wanted: Option<NewSubscriber>,
    problems: Vec<Problem>,
    /// Works that the first interest is to learn from.
    works: Vec<LibraryWork>,
    /// Papers that are not known here.
    unknown: String,
}

fn read(
    db: &Db,
    form: &Form,
    mut record: Map<String, Value>,
    words: &PageWords,
) -> Result<Typed, StoreError> {
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
            // Somebody names papers, and says no more.
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
    Ok(Typed {
        wanted,
        problems,
        unknown: unknown.clone(),
        works: examples.works,
    })
}

/// What the form shows besides what was typed.
#[derive(Default)]
struct Shown<'a> {
    problems: &'a [Problem],
    meant: Option<&'a str>,
    /// The address is of a kind that the operator does not want.
    unwanted: Option<MailboxKind>,
    unknown: &'a str,
    issue: Option<IssueView>,
}

/// Notes what is asked for, and writes to the address, once a day at most.
async fn ask(
    site: &Site,
    wanted: NewSubscriber,
    works: Vec<LibraryWork>,
    asking: Asking,
) -> Result<(), PageError> {
    let _turn = site.turn_to_mail().await;
    let now = site.clock.now();
    let address = wanted.address.clone();
    let of = address.clone();
    let (known, mailed) = site
        .db
        .run(move |store| {
            let mailed =
                store.count_mailed(RequestKind::Subscribe, &of, now - TimeDelta::days(1))?;
            Ok((store.subscriber(&of)?, mailed > 0))
        })
        .await?;
    if mailed || (known.is_none() && site.settings.signup == Signup::Invite) {
        return Ok(());
    }
    write_to(site, known, wanted, works, asking).await
}

/// Notes what is asked for, and writes to the address: to whoever is `known` there
/// and has a subscription that runs, what leads to it, else what confirms it.
pub(super) async fn write_to(
    site: &Site,
    known: Option<Subscriber>,
    wanted: NewSubscriber,
    works: Vec<LibraryWork>,
    asking: Asking,
) -> Result<(), PageError> {
    let (now, address) = (site.clock.now(), wanted.address.clone());
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
    let id = site
        .db
        .run(move |store| store.ask(&request, Some(&pending), now))
        .await?;
    let desk = site.desk();
    match &known {
        // Who has a subscription that runs can change it; a form cannot.
        Some(known) if matches!(known.status, Status::Active | Status::Paused) => {
            let url = Links {
                site: &desk.site,
                signer: &desk.signer,
            }
            .preferences(known.holder());
            site.send(&Notice::Preferences { url }, known.into(), Some(id))
                .await
        }
        _ => {
            let url = desk.site.url(&format!(
                "/confirm?t={}",
                desk.signer.sign(Scope::Confirm, id.0)
            ));
            let to = Addressee {
                subscriber: None,
                address: &address,
                language: &wanted.preferences.language,
                zone: wanted.preferences.timezone,
            };
            site.send(
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

/// The form with what was typed and what is wrong with it.
fn show(
    site: &Site,
    status: StatusCode,
    form: &Form,
    shown: &Shown<'_>,
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
    let desk = site.desk();
    let languages: Vec<(&str, &str)> = desk.templates.language_names().collect();
    let mut values = form.record();
    let tongue = site.tongue_for(headers);
    // A choice that shows none would send the first.
    if site.unknown_language(form).is_some() || !values.contains_key("language") {
        values.insert("language".to_owned(), tongue.code().into());
    }
    let words = tongue.pages();
    let mut problems = wrong::by_field(shown.problems, form.text("email"), &words.wrong);
    if let Some(kind) = shown.unwanted {
        problems.insert(
            "email".to_owned(),
            wrong::of_kind(kind, &words.wrong).as_str().to_owned(),
        );
    }
    let meant = |text: &Text| text.with(&[("address", shown.meant.unwrap_or_default())]);
    let page = site
        .page(&tongue, "/subscribe")
        .with("words", &words.signup)
        .with("fields", &words.form)
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
    site.pages.respond(status, "subscribe.html", &page)
}

fn closed(site: &Site, headers: &HeaderMap) -> Result<Response, PageError> {
    let tongue = site.tongue_for(headers);
    let words = &tongue.pages().signup;
    site.pages.say(
        &tongue,
        &Said::new(
            StatusCode::FORBIDDEN,
            words.closed.as_str(),
            words.closed_text.as_str(),
        ),
    )
}

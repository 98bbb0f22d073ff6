//! The outbox: every mail with its state, the server's replies, and the actions on it.

use super::AdminState;
use super::format::{
    Choice, MailView, PAGE_ROWS, ReportView, clock, counted, query, said, state_words, when,
};
use super::session::Session;
use crate::language::Locale;
use crate::store::DeliveryState::{Deferred, Held, Rendered, Uncertain};
use crate::store::{
    AttemptRecord, DeliveryId, DeliveryState, MailLine, MailSearch, OperatorOutcome, PastPick,
    ReportsOf,
};
use crate::text::cut;
use crate::web::PageError;
use crate::web::forms::Form;
use crate::web::paper_view::path_of;
use crate::web::query::Query;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

/// Longest search text.
const TYPED_CHARS_MAX: usize = 200;

/// Attempts of one delivery that are shown.
const REPORTS_MAX: u32 = 100;

/// `GET /admin/mails?state=&date=&address=&words=&before=`
pub(super) async fn list(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    uri: Uri,
) -> Result<Response, PageError> {
    show_list(&admin, &session, &uri, None).await
}

/// `POST /admin/mails?…` with `act` and the numbers of mails as `id`; the list is shown again.
pub(super) async fn act_on_many(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
    uri: Uri,
) -> Result<Response, PageError> {
    let numbers = form
        .all("id")
        .filter_map(|id| id.parse().ok())
        .map(DeliveryId);
    let ids: Vec<DeliveryId> = numbers.take(PAGE_ROWS as usize).collect();
    let said = match MailAction::named(form.text("act")) {
        Some(_) if ids.is_empty() => "Nothing was done: no mail was chosen.".to_owned(),
        Some(act) => {
            let answers = do_to(&admin, &session, act, &ids).await?;
            let is_done = |answer: &&OperatorOutcome| {
                matches!(
                    answer,
                    OperatorOutcome::Done | OperatorOutcome::MayDuplicate
                )
            };
            let done = counted(answers.iter().filter(is_done).count() as u64, "mail");
            match answers.iter().find(|answer| !is_done(answer)) {
                None => format!("{done}: {}.", act.done()),
                Some(other) => {
                    format!(
                        "{done}: {}. Of the others the first: {}",
                        act.done(),
                        answer_words(*other, act)
                    )
                }
            }
        }
        None => NO_ACT.to_owned(),
    };
    show_list(&admin, &session, &uri, Some(&said)).await
}

async fn show_list(
    admin: &AdminState,
    session: &Session,
    uri: &Uri,
    done: Option<&str>,
) -> Result<Response, PageError> {
    let asked = Query::of(uri);
    let text = |name: &str| cut(asked.text(name).unwrap_or_default(), TYPED_CHARS_MAX);
    let (state, date, address, words) =
        (text("state"), text("date"), text("address"), text("words"));
    let known = DeliveryState::WORDS
        .iter()
        .find(|(word, _)| *word == state)
        .map(|(_, state)| *state);
    let day = date.parse::<NaiveDate>().ok();
    let wrong = (!date.is_empty() && day.is_none()).then_some("A date is written like 2026-08-04.");
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let search = MailSearch {
        state: known,
        local_date: day,
        address: filled(&address),
        words: filled(&words),
        before: asked.parsed("before").map(DeliveryId),
        // One row more than shown tells that there are more.
        limit: PAGE_ROWS + 1,
        ..MailSearch::default()
    };
    let is_first = search.before.is_none();
    let mut mails = match wrong {
        Some(_) => Vec::new(),
        None => {
            admin
                .site
                .db
                .read(move |store| store.find_mails(&search))
                .await?
        }
    };
    let has_more = mails.len() > PAGE_ROWS as usize;
    mails.truncate(PAGE_ROWS as usize);
    let before = mails
        .last()
        .filter(|_| has_more)
        .map(|mail| mail.row.id.0.to_string())
        .unwrap_or_default();
    let filters = [
        ("state", state.as_str()),
        ("date", &date),
        ("address", &address),
        ("words", &words),
    ];
    let older = query(&[filters.as_slice(), &[("before", before.as_str())]].concat());
    let now = admin.site.clock.now();
    let states: Vec<Choice> = DeliveryState::WORDS
        .iter()
        .map(|(word, of)| Choice {
            word,
            text: state_words(*of),
            is_chosen: known == Some(*of),
        })
        .collect();
    let is_open =
        |mail: &MailLine| matches!(mail.row.state, Rendered | Deferred | Uncertain | Held);
    let page = admin
        .page(session, "/admin/mails")
        .with("said", &done)
        .with("is_choosing", &mails.iter().any(is_open))
        .with(
            "again",
            &format!("/admin/mails?{}", uri.query().unwrap_or_default()),
        )
        .with("states", &states)
        .with("date", &date)
        .with("address_typed", &address)
        .with("words", &words)
        .with("wrong", &wrong)
        .with(
            "mails",
            &mails
                .iter()
                .map(|mail| MailView::new(mail, now))
                .collect::<Vec<_>>(),
        )
        .with("older", &has_more.then(|| format!("/admin/mails?{older}")))
        .with(
            "newest",
            &(!is_first).then(|| format!("/admin/mails?{}", query(&filters))),
        );
    admin.respond("admin/mails.html", &page)
}

/// One attempt.
#[derive(Serialize)]
struct AttemptView {
    at: String,
    took: String,
    said: String,
}

/// A paper in an issue.
#[derive(Serialize)]
struct PickView {
    title: String,
    path: String,
    section: String,
    score: String,
    reason: String,
}

impl PickView {
    fn new(pick: &PastPick) -> Self {
        let english = Locale::english();
        PickView {
            title: pick.paper.paper.title.clone(),
            path: path_of(pick.paper.paper.id.as_str()),
            section: english.section(&pick.section),
            score: format!("{:.2}", pick.score),
            reason: english.reason(&pick.reasons),
        }
    }
}

/// `GET /admin/mails/{id}`
pub(super) async fn one(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    show_one(&admin, &session, &id, None).await
}

async fn find(admin: &AdminState, id: &str) -> Result<Option<MailLine>, PageError> {
    // `i64::MAX + 1` does not exist.
    let Some(id) = id.parse::<i64>().ok().filter(|id| *id < i64::MAX) else {
        return Ok(None);
    };
    let search = MailSearch {
        id: Some(DeliveryId(id)),
        before: Some(DeliveryId(id + 1)),
        limit: 1,
        ..MailSearch::default()
    };
    Ok(admin
        .site
        .db
        .read(move |store| store.find_mails(&search))
        .await?
        .pop())
}

async fn show_one(
    admin: &AdminState,
    session: &Session,
    id: &str,
    done: Option<&str>,
) -> Result<Response, PageError> {
    let Some(mail) = find(admin, id).await? else {
        return admin.not_there(
            session,
            "There is no mail with this number.",
            "/admin/mails",
        );
    };
    let (id, now) = (mail.row.id, admin.site.clock.now());
    let whose = mail.row.subscriber.filter(|_| mail.kind == "issue");
    let date = mail.row.local_date;
    let (attempts, reports, picks) = admin
        .site
        .db
        .read(move |store| {
            let issue = whose
                .map(|subscriber| store.past_issue(subscriber, date))
                .transpose()?
                .flatten();
            let picks = issue.map_or_else(Vec::new, |issue| issue.picks);
            Ok((
                store.attempts(id)?,
                store.reports(&ReportsOf::Delivery(id), REPORTS_MAX)?,
                picks,
            ))
        })
        .await?;
    let tries: Vec<AttemptView> = attempts
        .iter()
        .map(|(at, attempt)| try_view(*at, attempt, now))
        .collect();
    let state = mail.row.state;
    let page = admin
        .page(session, "/admin/mails")
        .with("said", &done)
        .with("mail", &MailView::new(&mail, now))
        .with("last_words", &last_words(&mail))
        .with("message_id", &mail.row.message_id)
        .with("subscriber", &mail.row.subscriber.map(|id| id.0))
        .with("queued", &when(mail.queued_at, now))
        .with("expires", &when(mail.expires_at, now))
        .with("is_resent", &mail.resent)
        .with("tries", &tries)
        .with(
            "picks",
            &picks.iter().map(PickView::new).collect::<Vec<_>>(),
        )
        .with(
            "reports",
            &reports
                .iter()
                .map(|report| ReportView::new(report, now))
                .collect::<Vec<_>>(),
        )
        .with(
            "can_retry",
            &matches!(state, Rendered | Deferred | Uncertain | Held),
        )
        .with(
            "can_hold",
            &matches!(state, Rendered | Deferred | Uncertain),
        );
    admin.respond("admin/mail.html", &page)
}

fn last_words(mail: &MailLine) -> String {
    let row = &mail.row;
    said(
        row.stage.as_deref(),
        row.code,
        row.enhanced.as_deref(),
        row.text.as_deref(),
        usize::MAX,
    )
}

fn try_view(at: DateTime<Utc>, attempt: &AttemptRecord, now: DateTime<Utc>) -> AttemptView {
    AttemptView {
        at: clock(at, now),
        took: format!("{} ms", attempt.duration_ms),
        said: said(
            Some(&attempt.stage),
            attempt.code,
            attempt.enhanced.as_deref(),
            Some(&attempt.text),
            usize::MAX,
        ),
    }
}

/// The actions on a mail that is not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MailAction {
    Retry,
    Hold,
    Drop,
}

const NO_ACT: &str = "Nothing was done: there is no such act.";

impl MailAction {
    fn named(word: &str) -> Option<Self> {
        [
            ("retry", MailAction::Retry),
            ("hold", MailAction::Hold),
            ("drop", MailAction::Drop),
        ]
        .into_iter()
        .find_map(|(known, act)| (known == word).then_some(act))
    }

    /// The message after the action.
    fn done(self) -> &'static str {
        match self {
            MailAction::Retry => "to be sent at once",
            MailAction::Hold => "held",
            MailAction::Drop => "given up",
        }
    }

    /// The entry in the list of actions.
    fn noted(self) -> &'static str {
        match self {
            MailAction::Retry => "sent again",
            MailAction::Hold => "held",
            MailAction::Drop => "dropped",
        }
    }
}

/// Performs the action, and records it.
async fn do_to(
    admin: &AdminState,
    session: &Session,
    act: MailAction,
    ids: &[DeliveryId],
) -> Result<Vec<OperatorOutcome>, PageError> {
    let now = admin.site.clock.now();
    let (asked, until) = (ids.to_vec(), now + admin.site.composer().shelf_life);
    let answers = admin
        .site
        .db
        .run(move |store| match act {
            MailAction::Retry => store.retry_deliveries(&asked, until, now),
            MailAction::Hold => store.hold_deliveries(&asked, now),
            MailAction::Drop => store.drop_deliveries(&asked, now),
        })
        .await?;
    if act == MailAction::Retry {
        admin.site.queued.notify_one();
    }
    let done = ids.iter().zip(&answers).filter(|(_, answer)| {
        matches!(
            answer,
            OperatorOutcome::Done | OperatorOutcome::MayDuplicate
        )
    });
    let numbers: Vec<String> = done.map(|(id, _)| id.0.to_string()).collect();
    if !numbers.is_empty() {
        admin
            .note(
                session,
                format!("{} mail {}", act.noted(), numbers.join(", ")),
            )
            .await?;
    }
    Ok(answers)
}

/// The result of an action on one mail.
fn answer_words(answer: OperatorOutcome, act: MailAction) -> String {
    match answer {
        OperatorOutcome::Done => format!("It is {}.", act.done()),
        OperatorOutcome::MayDuplicate => {
            format!(
                "It is {}. The server may have a copy already, so a second one is possible.",
                act.done()
            )
        }
        OperatorOutcome::Not(DeliveryState::Claimed | DeliveryState::HandingOver) => {
            "A sender has it in hand: nothing was done, try again once it is through.".to_owned()
        }
        OperatorOutcome::Not(state) => format!(
            "It is {}: there is nothing to do about it.",
            state_words(state)
        ),
        OperatorOutcome::Suppressed => {
            "Its address is suppressed: lift that first, among the suppressions. Nothing was done."
                .to_owned()
        }
        OperatorOutcome::Unknown => "It is gone.".to_owned(),
    }
}

/// `POST /admin/mails/{id}` with `act`: retry, hold or drop.
pub(super) async fn act(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let Some(mail) = find(&admin, &id).await? else {
        return admin.not_there(
            &session,
            "There is no mail with this number.",
            "/admin/mails",
        );
    };
    let said = match MailAction::named(form.text("act")) {
        None => NO_ACT.to_owned(),
        Some(act) => {
            let answers = do_to(&admin, &session, act, &[mail.row.id]).await?;
            answer_words(
                answers.first().copied().unwrap_or(OperatorOutcome::Unknown),
                act,
            )
        }
    };
    show_one(&admin, &session, &id, Some(&said)).await
}

//! One look: what happened today, what is wrong, what comes next.

use super::concerns::{COVERAGE_DAYS, Concern, Facts, concerns, count};
use super::format::{ago, clock, grouped, when};
use super::session::Session;
use super::{AdminContext, AdminState};
use crate::coverage::{Coverage, CoverageState};
use crate::store::DeliveryState::{
    Accepted, Claimed, Deferred, Expired, HandingOver, Held, Rejected, Rendered, Uncertain,
};
use crate::store::{AlarmRow, MailFigures, ReportsOf, Store, StoreError, WorkNote};
use crate::web::PageError;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use serde::Serialize;
use std::time::Duration;

/// How far back mail that waits for a person is a concern.
const LOOK_BACK: TimeDelta = TimeDelta::days(30);

/// How far back reports that call for a person are.
const REPORTS_BACK: TimeDelta = TimeDelta::days(7);

/// Something that is written may be long; a page waits no longer than this.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// `GET /admin`
pub(super) async fn show(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
) -> Result<Response, PageError> {
    let now = admin.site.clock.now();
    let begin = now.date_naive().and_time(NaiveTime::MIN).and_utc();
    // Whether it can be written is asked of the connection that writes.
    let asked = tokio::time::timeout(
        WRITE_LIMIT,
        admin.site.db.run(|store| store.check_writable()),
    )
    .await;
    let unwritable = match asked {
        Ok(answer) => answer.err().map(why),
        Err(_) => Some(format!(
            "it has not answered for {} seconds",
            WRITE_LIMIT.as_secs()
        )),
    };
    let works = admin.works.clone();
    let (facts, today, next_look) = admin
        .site
        .db
        .read(move |store| {
            Ok((
                facts(store, &works, unwritable, now)?,
                store.mail_figures(begin)?,
                store.next_look()?,
            ))
        })
        .await?;
    let (found, waiting) = (concerns(&facts), facts.due);
    let page = admin
        .page(&session, "/admin")
        .with("concerns", &found)
        .with("is_well", &found.is_empty())
        .with("is_bad", &found.iter().any(is_failure))
        .with("day", &now.format("%A, %-d %B %Y").to_string())
        .with("clock", &now.format("%H:%M").to_string())
        .with("figures", &figures(&today))
        .with("due", &grouped(waiting))
        .with(
            "next_look",
            &next_look.filter(|at| *at > now).map(|at| when(at, now)),
        )
        .with("is_due_now", &next_look.is_some_and(|at| at <= now))
        .with(
            "sender",
            &facts
                .sender
                .as_ref()
                .filter(|lease| lease.until > now)
                .map(|lease| lease.holder.clone()),
        )
        .with("relay", &relay(&facts))
        .with("parts", &parts(&facts))
        .with("coverage", &coverage(&facts.coverage, now));
    admin.respond("admin/today.html", &page)
}

fn is_failure(concern: &Concern) -> bool {
    concern.weight == super::concerns::Weight::Fail
}

fn why(error: StoreError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

/// All that is known of the house.
fn facts(
    store: &mut dyn Store,
    works: &AdminContext,
    unwritable: Option<String>,
    now: DateTime<Utc>,
) -> Result<Facts, StoreError> {
    let today = now.date_naive();
    Ok(Facts {
        now,
        mails: store.mail_figures(now - LOOK_BACK)?,
        due: store.waiting(now)?.0,
        oldest_due: store.oldest_due(now)?,
        sender: store.sender()?,
        relays: store.relay_pauses()?,
        sources: (works.sources)(),
        standings: store.source_statuses()?,
        coverage: store.coverage(today - Days::new(COVERAGE_DAYS), today + Days::new(1))?,
        works: store.work_notes()?,
        loops: (works.loops)(),
        unwanted: store.reports(&ReportsOf::Class("policy", now - REPORTS_BACK), 1_000)?,
        set_aside: store.count_set_aside()?,
        unwritable,
        alarms: store
            .alarms(now)?
            .into_iter()
            .filter(AlarmRow::stands)
            .collect(),
    })
}

/// A number with its word, and where more of it stands.
#[derive(Serialize)]
struct Figure {
    number: String,
    text: &'static str,
    url: Option<String>,
    is_worth_a_look: bool,
}

fn figures(today: &MailFigures) -> Vec<Figure> {
    let figure = |number: u64, text, url: Option<&str>, is_worth_a_look: bool| Figure {
        number: grouped(number),
        text,
        url: url.map(|state| format!("/admin/mails?state={state}")),
        is_worth_a_look: is_worth_a_look && number > 0,
    };
    let of = |state| count(today, state);
    vec![
        figure(today.composed, "issues composed", None, false),
        figure(today.empty, "days with nothing to send", None, false),
        figure(
            of(Rendered) + of(Claimed) + of(HandingOver),
            "queued",
            Some("rendered"),
            false,
        ),
        figure(of(Accepted), "sent", Some("accepted"), false),
        figure(of(Deferred), "deferred", Some("deferred"), true),
        figure(of(Uncertain), "uncertain", Some("uncertain"), true),
        figure(of(Rejected), "refused", Some("rejected"), true),
        figure(of(Held), "held", Some("held"), true),
        figure(of(Expired), "given up", Some("expired"), true),
    ]
}

fn relay(facts: &Facts) -> String {
    let resting = facts
        .relays
        .iter()
        .find(|(_, pause)| pause.until > facts.now);
    match resting {
        None => "takes mail".to_owned(),
        Some((relay, pause)) => {
            format!(
                "{relay} rests until {}: {}",
                clock(pause.until, facts.now),
                pause.reason
            )
        }
    }
}

/// One part of the work.
#[derive(Serialize)]
struct PartView {
    name: &'static str,
    last: String,
    trouble: Option<String>,
    /// How it stands in this process.
    here: &'static str,
    is_silent: bool,
}

fn parts(facts: &Facts) -> Vec<PartView> {
    let note = |name: &str| facts.works.iter().find(|note| note.part == name);
    let done = |name: &str| note(name).and_then(|note| note.done_at);
    let fetched = facts
        .standings
        .iter()
        .map(|standing| standing.checked_at)
        .max();
    let all = [
        (
            "fetch",
            done("fetch").max(fetched),
            "a source last answered",
        ),
        (
            "publish",
            done("publish").max(facts.mails.last_composed),
            "issues were last composed",
        ),
        ("deliver", facts.mails.last_tried, "a mail was last tried"),
        ("upkeep", done("upkeep"), "the database was last tended"),
    ];
    all.into_iter()
        .map(|(name, at, what)| PartView {
            name,
            last: at.map_or_else(
                || "not yet".to_owned(),
                |at| format!("{what} {}", when(at, facts.now)),
            ),
            trouble: note(name)
                .and_then(WorkNote::failing)
                .map(|(at, error)| format!("fails since {}: {error}", ago(*at, facts.now))),
            here: match facts.loops.iter().find(|(known, _)| *known == name) {
                Some((_, true)) => "alive",
                Some((_, false)) => "silent",
                None => "not its role",
            },
            is_silent: facts.loops.contains(&(name, false)),
        })
        .collect()
}

/// What is known of one announcement.
#[derive(Serialize)]
pub(super) struct CoverageView {
    pub(super) date: String,
    pub(super) source: String,
    pub(super) category: String,
    pub(super) state: &'static str,
    pub(super) is_bad: bool,
    pub(super) papers: String,
    pub(super) announced: Option<String>,
    pub(super) checked: String,
    pub(super) note: String,
}

/// The rows, the last day first.
pub(super) fn coverage(rows: &[Coverage], now: DateTime<Utc>) -> Vec<CoverageView> {
    let mut rows: Vec<&Coverage> = rows.iter().collect();
    rows.sort_by(|a, b| (b.date, &a.source, &a.category).cmp(&(a.date, &b.source, &b.category)));
    rows.into_iter()
        .map(|row| CoverageView {
            date: row.date.to_string(),
            source: row.source.clone(),
            category: if row.category.is_empty() {
                "all".to_owned()
            } else {
                row.category.clone()
            },
            state: row.state.word(),
            is_bad: matches!(row.state, CoverageState::Failed | CoverageState::Stalled),
            papers: match row.declared {
                Some(declared) if declared != row.papers => format!("{} of {declared}", row.papers),
                _ => row.papers.to_string(),
            },
            announced: row.announced_at.map(|at| clock(at, now)),
            checked: clock(row.checked_at, now),
            note: row.note.clone(),
        })
        .collect()
}

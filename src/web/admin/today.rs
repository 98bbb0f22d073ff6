//! `GET /admin`: what is wrong, what happened today, what comes next.

use super::format::{ago, clock, grouped, when};
use super::session::Session;
use super::{AdminContext, AdminState};
use crate::coverage::{Coverage, CoverageState};
use crate::findings::{
    COVERAGE_DAYS, Current, FactSettings, Facts, FindingKind, Severity, current, decide, relay_name,
};
use crate::store::DeliveryState::{
    Accepted, Claimed, Deferred, Expired, HandingOver, Held, Rejected, Rendered, Uncertain,
};
use crate::store::{DeliveryState, MailFigures, SenderLease, Store, StoreError, WorkNote};
use crate::web::PageError;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use serde::Serialize;
use std::time::Duration;

/// How far back mails are looked at for when the last one was composed and tried.
const LOOK_BACK: TimeDelta = TimeDelta::days(30);

/// A write may take long; the page waits no longer than this.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// The values that the page is rendered from.
struct Overview {
    now: DateTime<Utc>,
    facts: Facts,
    findings: Vec<Current>,
    sender: Option<SenderLease>,
    /// Mails queued in the last 30 days.
    mails: MailFigures,
    /// Mails queued today.
    today: MailFigures,
    next_look: Option<DateTime<Utc>>,
    coverage: Vec<Coverage>,
    notes: Vec<WorkNote>,
    /// The loops of this process, and whether each gives a heartbeat.
    loops: Vec<(&'static str, bool)>,
}

/// `GET /admin`
pub(super) async fn show(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
) -> Result<Response, PageError> {
    let now = admin.site.clock.now();
    // Only the connection that writes knows whether the database can be written.
    let asked = tokio::time::timeout(
        WRITE_LIMIT,
        admin.site.db.run(|store| store.check_writable()),
    )
    .await;
    let unwritable = match asked {
        Ok(answer) => answer.err().map(causes),
        Err(_) => Some(format!("no answer for {} seconds", WRITE_LIMIT.as_secs())),
    };
    let (context, latest_send) = (admin.context.clone(), admin.site.composer().latest_send);
    let overview = admin
        .site
        .db
        .read(move |store| Overview::read(store, &context, latest_send, unwritable, now))
        .await?;
    let findings: Vec<FindingView> = overview.findings.iter().map(|one| view(one, now)).collect();
    let is_bad = |(finding, _): &Current| finding.severity == Severity::Fail;
    let next_look = overview.next_look;
    let page = admin
        .page(&session, "/admin")
        .with("findings", &findings)
        .with("is_well", &findings.is_empty())
        .with("is_bad", &overview.findings.iter().any(is_bad))
        .with("day", &now.format("%A, %-d %B %Y").to_string())
        .with("clock", &now.format("%H:%M").to_string())
        .with("figures", &figures(&overview.today))
        .with("due", &grouped(overview.facts.due))
        .with(
            "next_look",
            &next_look.filter(|at| *at > now).map(|at| when(at, now)),
        )
        .with("is_due_now", &next_look.is_some_and(|at| at <= now))
        .with(
            "sender",
            &overview
                .sender
                .as_ref()
                .filter(|lease| lease.until > now)
                .map(|lease| lease.holder.clone()),
        )
        .with("relay", &relay(&overview))
        .with("roles", &roles(&overview))
        .with("coverage", &coverage(&overview.coverage, now));
    admin.respond("admin/today.html", &page)
}

fn causes(error: StoreError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

impl Overview {
    fn read(
        store: &mut dyn Store,
        context: &AdminContext,
        latest_send: TimeDelta,
        unwritable: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let settings = FactSettings {
            relay: relay_name(&(context.transport)()),
            latest_send,
            sources: (context.sources)(),
        };
        let loops = (context.loops)();
        let silent = loops.iter().filter(|(_, is_alive)| !is_alive);
        let facts = Facts {
            unwritable,
            silent_loops: silent.map(|(name, _)| (*name).to_owned()).collect(),
            ..Facts::read(store, settings, now)?
        };
        let today = now.date_naive();
        Ok(Overview {
            now,
            findings: current(decide(&facts, now), &store.alarms(now)?),
            facts,
            sender: store.sender()?,
            mails: store.mail_figures(now - LOOK_BACK)?,
            today: store.mail_figures(today.and_time(NaiveTime::MIN).and_utc())?,
            next_look: store.next_look()?,
            coverage: store.coverage(today - Days::new(COVERAGE_DAYS), today + Days::new(1))?,
            notes: store.work_notes()?,
            loops,
        })
    }
}

/// A piece of a remedy.
#[derive(Serialize)]
struct RemedyPart {
    text: String,
    /// Whether it is a command to type.
    is_code: bool,
}

/// A finding as the page shows it.
#[derive(Serialize)]
struct FindingView {
    text: String,
    detail: String,
    since: Option<String>,
    remedy: Vec<RemedyPart>,
    /// The page that shows more.
    url: Option<&'static str>,
}

fn view((finding, since): &Current, now: DateTime<Utc>) -> FindingView {
    // Commands stand between backticks.
    let parts = finding.remedy.split('`').enumerate();
    FindingView {
        text: finding.what.clone(),
        detail: finding.detail.clone(),
        since: since.map(|since| ago(since, now)),
        remedy: parts
            .map(|(at, text)| RemedyPart {
                text: text.to_owned(),
                is_code: at % 2 == 1,
            })
            .collect(),
        url: page_about(finding.kind),
    }
}

/// The page that shows more about findings of `kind`.
fn page_about(kind: FindingKind) -> Option<&'static str> {
    match kind {
        FindingKind::RelayDown => Some("/admin/mails?state=deferred"),
        FindingKind::RelayRefusesUs => Some("/admin/sample"),
        FindingKind::MailWaits | FindingKind::MailSlow => Some("/admin/mails"),
        FindingKind::MailHeld => Some("/admin/mails?state=held"),
        FindingKind::IssuesExpired => Some("/admin/mails?state=expired"),
        FindingKind::SuppressionBurst => Some("/admin/suppressions"),
        FindingKind::PolicyRefused => Some("/admin/charts"),
        FindingKind::SetAsideBurst => Some("/admin/set-aside"),
        FindingKind::CoverageMissing | FindingKind::SourceFailing | FindingKind::SourceUnpolled => {
            Some("/admin/coverage")
        }
        _ => None,
    }
}

/// Mails in one state.
fn count(figures: &MailFigures, state: DeliveryState) -> u64 {
    let states = figures.states.iter();
    let mut found = states.filter(|(known, _)| *known == state);
    found.next().map_or(0, |(_, count)| *count)
}

/// A count with its label and the page that lists it.
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

fn relay(overview: &Overview) -> String {
    let (relays, now) = (&overview.facts.relays, overview.now);
    let resting = relays.iter().find(|(_, pause)| pause.until > now);
    match resting {
        None => "takes mail".to_owned(),
        Some((relay, pause)) => {
            format!(
                "{relay} is paused until {}: {}",
                clock(pause.until, now),
                pause.reason
            )
        }
    }
}

/// One role.
#[derive(Serialize)]
struct RoleView {
    name: &'static str,
    last: String,
    trouble: Option<String>,
    /// Its state in this process.
    here: &'static str,
    is_silent: bool,
}

fn roles(overview: &Overview) -> Vec<RoleView> {
    let (loops, now) = (&overview.loops, overview.now);
    let note = |name: &str| overview.notes.iter().find(|note| note.part == name);
    let done = |name: &str| note(name).and_then(|note| note.done_at);
    let fetched = overview
        .facts
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
            done("publish").max(overview.mails.last_composed),
            "issues were last composed",
        ),
        (
            "deliver",
            overview.mails.last_tried,
            "a mail was last tried",
        ),
        ("upkeep", done("upkeep"), "upkeep was last done"),
    ];
    all.into_iter()
        .map(|(name, at, what)| RoleView {
            name,
            last: at.map_or_else(
                || "not yet".to_owned(),
                |at| format!("{what} {}", when(at, now)),
            ),
            trouble: note(name)
                .and_then(WorkNote::failing)
                .map(|(at, error)| format!("fails since {}: {error}", ago(*at, now))),
            here: match loops.iter().find(|(known, _)| *known == name) {
                Some((_, true)) => "alive",
                Some((_, false)) => "silent",
                None => "not its role",
            },
            is_silent: loops.contains(&(name, false)),
        })
        .collect()
}

/// The coverage of one announcement.
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

/// The rows, newest day first.
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

//! Status of the installation.

use super::middleware::ApiRequest;
use super::ok;
use super::problem::Problem;
use crate::coverage::Coverage;
use crate::shapes::outbox_counts;
use crate::store::{Db, StoreError};
use crate::subscriber::Status;
use crate::web::WebState;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Status of the installation.
#[derive(Serialize, ToSchema)]
pub(super) struct Stats {
    /// Time of this count.
    at: DateTime<Utc>,
    /// Subscribers by status.
    subscribers: BTreeMap<String, u64>,
    /// Papers in the archive.
    papers: u64,
    /// Newest announcement day that is complete in some category.
    newest_day: Option<NaiveDate>,
    /// Coverage of that day.
    coverage: Vec<Coverage>,
    /// Mails of today (UTC) by state.
    today: BTreeMap<String, u64>,
    /// Mails of all days by state, reports by class (`report_hard`, …), `alarms` and `total`.
    outbox: BTreeMap<String, u64>,
    /// Mails due now.
    due: u64,
    /// Time at which the next waiting mail is due.
    next_due: Option<DateTime<Utc>>,
    /// Time at which the next issue is composed.
    next_issue: Option<DateTime<Utc>>,
    /// Process with the sender lease, if there is one.
    sender: Option<String>,
    /// Paused relays.
    relays_paused: Vec<PausedRelay>,
    /// Every source that was ever polled.
    sources: Vec<SourceShape>,
}

/// A paused relay.
#[derive(Serialize, ToSchema)]
pub(super) struct PausedRelay {
    /// Name of the relay.
    relay: String,
    /// End of the pause.
    until: DateTime<Utc>,
    /// Failures in a row.
    failures: u32,
    /// Whether the relay refused us by policy, rather than failing itself.
    refuses_us: bool,
}

/// The status of a source.
#[derive(Serialize, ToSchema)]
pub(super) struct SourceShape {
    /// Name of the source.
    source: String,
    /// Time of the last poll.
    checked_at: DateTime<Utc>,
    /// Time at which a day of it last became complete or quiet.
    settled_at: Option<DateTime<Utc>>,
}

/// Status of the installation
#[utoipa::path(get, path = "/stats", operation_id = "get_stats", tag = "house",
    responses((status = 200, description = "Figures", body = Stats)),
    security(("key" = ["read"])))]
pub(super) async fn stats(
    State(state): State<WebState>,
    _: ApiRequest,
) -> Result<Response, Problem> {
    let now = state.clock.now();
    Ok(ok(&state.db.run_blocking(move |db| read(db, now)).await?))
}

fn read(db: &Db, now: DateTime<Utc>) -> Result<Stats, StoreError> {
    let outbox = outbox_counts(db, now)?;
    db.read_here(|store| {
        let counted = store.count_subscribers()?;
        let count = |status| {
            counted
                .iter()
                .find(|(known, _)| *known == status)
                .map_or(0, |(_, count)| *count)
        };
        let newest_day = store.newest_day(now.date_naive())?;
        let today = store.count_mails_of(now.date_naive())?;
        let (due, next_due) = store.waiting(now)?;
        let relays = store
            .relay_pauses()?
            .into_iter()
            .filter(|(_, pause)| pause.until > now);
        Ok(Stats {
            at: now,
            subscribers: Status::WORDS
                .iter()
                .map(|(word, status)| ((*word).to_owned(), count(*status)))
                .collect(),
            papers: store.count_papers()?,
            newest_day,
            coverage: newest_day
                .map(|day| store.coverage(day, day))
                .transpose()?
                .unwrap_or_default(),
            today: today
                .into_iter()
                .map(|(state, count)| (state.word().to_owned(), count))
                .collect(),
            outbox,
            due,
            next_due,
            next_issue: store.next_look()?.map(|at| at.max(now)),
            sender: store
                .sender()?
                .filter(|lease| lease.until > now)
                .map(|lease| lease.holder),
            relays_paused: relays
                .map(|(relay, pause)| PausedRelay {
                    relay,
                    until: pause.until,
                    failures: pause.failures,
                    refuses_us: pause.refuses_us,
                })
                .collect(),
            sources: store
                .source_statuses()?
                .into_iter()
                .map(|source| SourceShape {
                    source: source.source,
                    checked_at: source.checked_at,
                    settled_at: source.settled_at,
                })
                .collect(),
        })
    })
}

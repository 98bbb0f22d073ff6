//! The status endpoints: `/healthz` (alive), `/readyz` (able to do its work) and `/metrics`.

use super::driver::Heartbeat;
use super::metrics::Metrics;
use super::tasks::Tasks;
use crate::clock::Clock;
use crate::store::{Db, StoreError, free_bytes};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long metrics are reused: counting takes a while in a large installation, and several
/// scrapers may ask.
const METRICS_KEPT: TimeDelta = TimeDelta::seconds(15);

/// A database that does not answer within this time counts as unusable.
const DATABASE_LIMIT: Duration = Duration::from_secs(10);

/// The state of the endpoints.
pub(super) struct StatusContext {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) began: DateTime<Utc>,
    pub(super) heartbeats: Vec<Arc<Heartbeat>>,
    /// Whether this process has the role deliver.
    pub(super) delivers: bool,
    pub(super) metrics: Mutex<Option<Metrics>>,
    /// The folder of the database.
    pub(super) folder: PathBuf,
}

/// The endpoints, to be merged with the pages.
pub(super) fn router(context: StatusContext) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(context))
}

async fn health(State(context): State<Arc<StatusContext>>) -> Response {
    let silent: Vec<&str> = context
        .heartbeats
        .iter()
        .filter(|heartbeat| !heartbeat.is_alive())
        .map(|heartbeat| heartbeat.name)
        .collect();
    match silent.as_slice() {
        [] => (StatusCode::OK, "alive\n").into_response(),
        silent => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("no heartbeat: {}\n", silent.join(", ")),
        )
            .into_response(),
    }
}

/// Whether the request comes from a private network and not through a proxy: these pages are
/// not public.
fn is_local(request: &Request) -> bool {
    let is_forwarded = ["forwarded", "x-forwarded-for"]
        .iter()
        .any(|name| request.headers().contains_key(*name));
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| peer.ip().to_canonical());
    !is_forwarded
        && peer.is_some_and(|peer| match peer {
            IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
            IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
        })
}

const NOT_PUBLIC: (StatusCode, &str) = (
    StatusCode::NOT_FOUND,
    "Only for requests from a private network.\n",
);

/// 200 if this process can do its work, else 503, with the state of sources, relay and alarms.
async fn readiness(State(context): State<Arc<StatusContext>>, request: Request) -> Response {
    if !is_local(&request) {
        return NOT_PUBLIC.into_response();
    }
    let now = context.clock.now();
    let asked = context.db.run(move |store| {
        store.check_schema()?;
        store.check_writable()?;
        Ok((
            store.sender()?,
            store.relay_pauses()?,
            store.source_statuses()?,
            store.alarms(now)?,
        ))
    });
    let answer = match tokio::time::timeout(DATABASE_LIMIT, asked).await {
        Err(_) => Err(format!(
            "does not answer within {} seconds",
            DATABASE_LIMIT.as_secs()
        )),
        Ok(Err(error)) => Err(format!("{:#}", anyhow::Error::from(error))),
        Ok(Ok(answer)) => Ok(answer),
    };
    let (sender, relays, sources, alarms) = match answer {
        Ok(answer) => answer,
        Err(why) => {
            let text = json!({ "ready": false, "database": why }).to_string();
            return (
                StatusCode::SERVICE_UNAVAILABLE,
                [(header::CONTENT_TYPE, "application/json")],
                text,
            )
                .into_response();
        }
    };
    let sender = sender
        .filter(|lease| lease.until > now)
        .map(|lease| lease.holder);
    let is_ready = sender.is_some() || !context.delivers;
    let resting = relays.iter().filter(|(_, pause)| pause.until > now);
    let text = json!({
        "ready": is_ready,
        "database": "writable",
        "sender": sender,
        "relays_paused": resting.map(|(relay, pause)| json!({
            "relay": relay, "until": pause.until, "refuses_us": pause.refuses_us, "failures": pause.failures,
        })).collect::<Vec<_>>(),
        "alarms": alarms.iter().filter(|alarm| alarm.stands()).map(|alarm| json!({
            "alarm": alarm.name, "about": alarm.about, "since": alarm.since, "text": alarm.text, "remedy": alarm.remedy,
        })).collect::<Vec<_>>(),
        "sources": sources.iter().map(|source| json!({
            "source": source.source, "checked_at": source.checked_at, "settled_at": source.settled_at,
        })).collect::<Vec<_>>(),
    });
    let code = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        code,
        [(header::CONTENT_TYPE, "application/json")],
        text.to_string(),
    )
        .into_response()
}

async fn metrics(State(context): State<Arc<StatusContext>>, request: Request) -> Response {
    if !is_local(&request) {
        return NOT_PUBLIC.into_response();
    }
    match metrics_of(&context).await {
        Ok(figures) => {
            let loops = Tasks::liveness(&context.heartbeats);
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            (
                [(header::CONTENT_TYPE, kind)],
                figures.page(context.began, &loops, free_bytes(&context.folder).ok()),
            )
                .into_response()
        }
        Err(error) => {
            let why = anyhow::Error::from(error);
            tracing::error!("metrics cannot be read: {why:#}");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the database does not answer\n",
            )
                .into_response()
        }
    }
}

async fn metrics_of(context: &StatusContext) -> Result<Metrics, StoreError> {
    // Concurrent requests wait for the same count.
    let mut kept = context.metrics.lock().await;
    let now = context.clock.now();
    let fresh = kept
        .as_ref()
        .filter(|figures| (TimeDelta::zero()..METRICS_KEPT).contains(&(now - figures.now)));
    if let Some(figures) = fresh {
        return Ok(figures.clone());
    }
    let figures = context
        .db
        .read(move |store| Metrics::read(store, now))
        .await?;
    *kept = Some(figures.clone());
    Ok(figures)
}

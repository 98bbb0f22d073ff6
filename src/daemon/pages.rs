//! The web pages, and what those who watch the program may ask: `/healthz`
//! (alive), `/readyz` (able to do its work) and `/metrics`.

use super::driver::{Heartbeat, Step, StepError};
use super::metrics::Metrics;
use crate::clock::Clock;
use crate::store::{Db, StoreError, free_bytes};
use crate::web;
use anyhow::Context;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// How long the figures are good: counting takes a while in a large house, and scrapers are many.
const FIGURES_KEPT: TimeDelta = TimeDelta::seconds(15);

/// A database that does not answer by then is of no use to anybody.
const DATABASE_LIMIT: Duration = Duration::from_secs(10);

/// What the watchers' pages are made from.
pub(super) struct StatusContext {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) began: DateTime<Utc>,
    pub(super) heartbeats: Vec<Arc<Heartbeat>>,
    /// Whether this process is to send.
    pub(super) delivers: bool,
    pub(super) figures: Mutex<Option<Metrics>>,
    /// The folder of the database.
    pub(super) folder: PathBuf,
}

/// More threads would wait for the connections to the database.
const THREADS_MAX: usize = 32;

/// Serves pages on threads of their own: a page that takes its time, be it because
/// the disk is slow, holds up other pages and no mail.
pub(super) struct PageThreads(Option<Runtime>);

impl PageThreads {
    /// Starts them: four for each core, since some wait for the disk or for each other.
    /// Half as many make a quarter fewer pages.
    pub(super) fn start() -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let mut threads = Builder::new_multi_thread();
        threads
            .worker_threads((4 * cores).min(THREADS_MAX))
            .thread_name("pages")
            .enable_all();
        threads.build().map(|runtime| PageThreads(Some(runtime)))
    }

    /// Serves `pages` until `stop` is cancelled and the answers under way are given.
    pub(super) async fn serve(
        &self,
        listener: TcpListener,
        tls: Option<web::Tls>,
        pages: Router,
        trusted: Vec<IpAddr>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let runtime = self
            .0
            .as_ref()
            .context("the threads that serve pages have ended")?;
        // The listener is to wake these threads.
        let listener = listener.into_std()?;
        let served = async move {
            web::serve(TcpListener::from_std(listener)?, tls, pages, &trusted, stop).await;
            Ok::<_, io::Error>(())
        };
        Ok(runtime.spawn(served).await??)
    }
}

impl Drop for PageThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Whoever drops it is a thread that must not wait.
            runtime.shutdown_background();
        }
    }
}

/// How often is looked at what the pages remember.
pub(super) const EVICTION_IDLE: Duration = Duration::from_mins(1);

/// Lets go of what the pages remember and nobody asks for.
pub(super) struct EvictionTask {
    pub(super) site: web::WebState,
}

impl EvictionTask {
    pub(super) fn step(self: Arc<Self>) -> Ready<Result<Step, StepError>> {
        self.site.shared.evict_unused(self.site.clock.now());
        ready(Ok(Step::Idle))
    }
}

/// The public pages and the watchers'.
pub(super) fn router(site: web::WebState, status: StatusContext) -> Router {
    let watchers = Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(status));
    watchers.merge(web::router(site))
}

async fn health(State(status): State<Arc<StatusContext>>) -> Response {
    let silent: Vec<&str> = status
        .heartbeats
        .iter()
        .filter(|heartbeat| !heartbeat.is_alive())
        .map(|heartbeat| heartbeat.name)
        .collect();
    match silent.as_slice() {
        [] => (StatusCode::OK, "alive\n").into_response(),
        silent => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("no sign of life: {}\n", silent.join(", ")),
        )
            .into_response(),
    }
}

/// Whether the request comes from the house and not through a proxy: what is said here is not for the world.
fn is_from_the_house(request: &Request) -> bool {
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

const NOT_HERE: (StatusCode, &str) = (StatusCode::NOT_FOUND, "Only for those in the house.\n");

/// 200 if the work can be done, else 503; and how sources and relay stand, which this process cannot help.
async fn readiness(State(status): State<Arc<StatusContext>>, request: Request) -> Response {
    if !is_from_the_house(&request) {
        return NOT_HERE.into_response();
    }
    let now = status.clock.now();
    let asked = status.db.run(move |store| {
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
    let is_ready = sender.is_some() || !status.delivers;
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
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        text.to_string(),
    )
        .into_response()
}

async fn metrics(State(status): State<Arc<StatusContext>>, request: Request) -> Response {
    if !is_from_the_house(&request) {
        return NOT_HERE.into_response();
    }
    match figures(&status).await {
        Ok(figures) => {
            let loops: Vec<_> = status
                .heartbeats
                .iter()
                .map(|heartbeat| (heartbeat.name, heartbeat.is_alive()))
                .collect();
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            (
                [(header::CONTENT_TYPE, kind)],
                figures.page(status.began, &loops, free_bytes(&status.folder).ok()),
            )
                .into_response()
        }
        Err(error) => {
            let why = anyhow::Error::from(error);
            tracing::error!("the figures cannot be counted: {why:#}");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the database does not answer\n",
            )
                .into_response()
        }
    }
}

async fn figures(status: &StatusContext) -> Result<Metrics, StoreError> {
    // Whoever comes meanwhile waits for the same count.
    let mut kept = status.figures.lock().await;
    let now = status.clock.now();
    let fresh = kept
        .as_ref()
        .filter(|figures| (TimeDelta::zero()..FIGURES_KEPT).contains(&(now - figures.now)));
    if let Some(figures) = fresh {
        return Ok(figures.clone());
    }
    let figures = status
        .db
        .read(move |store| Metrics::read(store, now))
        .await?;
    *kept = Some(figures.clone());
    Ok(figures)
}

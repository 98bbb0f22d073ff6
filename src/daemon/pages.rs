//! Serves the web pages: public ones, the operator's, webhooks and the status endpoints.

use super::admin_pages::AdminPages;
use super::driver::{Step, StepError};
use super::status::StatusContext;
use super::tasks::{Shared, Tasks, Timing};
use super::{PATIENCE, status};
use crate::config::Config;
use crate::findings::folder_of;
use crate::inbound::Reception;
use crate::web::{self, MenuLink, Pages};
use anyhow::Context;
use axum::Router;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// The interval of evictions from the caches of the pages.
const EVICTION_IDLE: Duration = Duration::from_mins(1);

/// Starts to serve everything that is on the web. Its status covers all loops started before.
pub(super) fn start(
    tasks: &mut Tasks,
    shared: &Shared,
    config: &Config,
    listener: TcpListener,
    admin_listener: Option<TcpListener>,
    delivers: bool,
) -> anyhow::Result<()> {
    let site = site(shared, config);
    let timing = Timing {
        idle: EVICTION_IDLE,
        patience: PATIENCE,
        wake: None,
    };
    let eviction = EvictionTask { site: site.clone() };
    tasks.start("pages", &timing, |_| eviction, EvictionTask::step);
    let tls = config.web.tls.as_ref().map(web::Tls::read).transpose()?;
    let status = StatusContext {
        db: shared.db.clone(),
        clock: Arc::clone(&shared.clock),
        began: shared.clock.now(),
        heartbeats: tasks.heartbeats.clone(),
        delivers,
        metrics: tokio::sync::Mutex::default(),
        folder: folder_of(config.database_path()?).to_owned(),
    };
    let admin = AdminPages {
        site: site.clone(),
        shared: shared.clone(),
        heartbeats: tasks.heartbeats.clone(),
        listener: admin_listener,
        tls: tls.clone(),
    };
    let router = status::router(status)
        .merge(web::router(site))
        .merge(webhooks(shared, config)?);
    let router = admin.beside(router, tasks);
    let trusted = config.web.trusted_proxies.clone();
    let stop = shared.stop.clone();
    tasks.running.spawn(async move {
        web::serve(listener, tls, router, &trusted, stop).await;
        Ok(())
    });
    Ok(())
}

fn site(shared: &Shared, config: &Config) -> web::WebState {
    let menu = [MenuLink {
        url: "/",
        text: "Trending",
    }];
    let runtime = shared.runtime.clone();
    web::WebState {
        db: shared.db.clone(),
        pages: Arc::new(Pages::new(&config.site.name, &menu, "")),
        composer: Arc::new(move || Arc::clone(&runtime.borrow().composer)),
        settings: Arc::new(config.web.clone()),
        clock: Arc::clone(&shared.clock),
        queued: Arc::clone(&shared.mail_queued),
        shared: Arc::default(),
    }
}

/// The addresses where mail providers post reports.
fn webhooks(shared: &Shared, config: &Config) -> anyhow::Result<Router> {
    let client = crate::http::one_time_client().context("webhooks: cannot prepare HTTPS")?;
    Ok(web::webhooks::router(web::webhooks::WebhookState {
        db: shared.db.clone(),
        reception: Reception {
            settings: config.inbound.clone(),
            signer: config.site.signer(),
        },
        clock: Arc::clone(&shared.clock),
        fetch: Arc::new(web::webhooks::HttpFetch::new(client)),
        trusted_proxies: config.web.trusted_proxies.clone(),
    }))
}

/// Evicts what the caches of the pages no longer need.
struct EvictionTask {
    site: web::WebState,
}

impl EvictionTask {
    fn step(self: Arc<Self>) -> Ready<Result<Step, StepError>> {
        self.site.shared.evict_unused(self.site.clock.now());
        ready(Ok(Step::Idle))
    }
}

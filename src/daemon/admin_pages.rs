//! Where the operator's pages are served: beside the others, or on a listener of their own.

use super::driver::Heartbeat;
use super::runtime_config::RuntimeConfig;
use crate::random::Random;
use crate::web::admin::{self, AdminContext, AdminState};
use crate::web::{self, WebState};
use anyhow::Context;
use axum::Router;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What the operator's pages are made from.
pub(super) struct AdminPages {
    pub(super) site: WebState,
    pub(super) random: Arc<dyn Random>,
    pub(super) runtime: watch::Receiver<Arc<RuntimeConfig>>,
    pub(super) heartbeats: Vec<Arc<Heartbeat>>,
    /// If they have one of their own.
    pub(super) listener: Option<TcpListener>,
    pub(super) tls: Option<web::Tls>,
}

/// Takes the port of a listener of their own.
pub(super) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    let listener =
        bound.with_context(|| format!("web.admin_listen: cannot listen on {address}"))?;
    let address = listener
        .local_addr()
        .context("web.admin_listen: no address")?;
    tracing::info!(admin_listen = %address, "the operator's pages are served");
    Ok(listener)
}

impl AdminPages {
    /// Serves them as the settings say; returns what is to be served beside `others`.
    pub(super) fn beside(
        self,
        others: Router,
        loops: &mut JoinSet<anyhow::Result<()>>,
        stop: &CancellationToken,
    ) -> Router {
        let AdminPages {
            site,
            random,
            runtime,
            heartbeats,
            listener,
            tls,
        } = self;
        // To this very machine nobody needs a certificate, and the one of the site names another host.
        let is_loopback = listener
            .as_ref()
            .and_then(|own| own.local_addr().ok())
            .is_some_and(|address| address.ip().is_loopback());
        let tls = tls.filter(|_| !is_loopback);
        let (mail, sources, models) = (
            runtime.clone(),
            runtime.clone(),
            runtime.borrow().config.model.path.clone(),
        );
        let works = AdminContext {
            random,
            transport: Arc::new(move || mail.borrow().config.transport.clone()),
            sources: Arc::new(move || {
                sources
                    .borrow()
                    .config
                    .sources
                    .iter()
                    .map(|source| source.name.clone())
                    .collect()
            }),
            loops: Arc::new(move || {
                heartbeats
                    .iter()
                    .map(|heartbeat| (heartbeat.name, heartbeat.is_alive()))
                    .collect()
            }),
            models,
            own_listener: listener.as_ref().map(|_| tls.is_some()),
        };
        let trusted = site.settings.trusted_proxies.clone();
        let admin = AdminState::new(site, works);
        let Some(listener) = listener else {
            return others.merge(admin::router(admin));
        };
        let stop = stop.clone();
        loops.spawn(async move {
            web::serve(listener, tls, admin::alone(admin), &trusted, stop).await;
            Ok(())
        });
        others
    }
}

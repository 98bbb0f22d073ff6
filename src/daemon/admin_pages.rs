//! Serves the operator's pages: beside the others, or on a listener of their own.

use super::driver::Heartbeat;
use super::tasks::{Shared, Tasks};
use crate::web::admin::{self, AdminContext, AdminState};
use crate::web::{self, WebState};
use axum::Router;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The operator's pages, before they are served.
pub(super) struct AdminPages {
    pub(super) site: WebState,
    pub(super) shared: Shared,
    pub(super) heartbeats: Vec<Arc<Heartbeat>>,
    /// Their own listener, if they have one.
    pub(super) listener: Option<TcpListener>,
    pub(super) tls: Option<web::Tls>,
}

impl AdminPages {
    /// Serves them as the settings say; returns the router to be served beside `others`.
    pub(super) fn beside(self, others: Router, tasks: &mut Tasks) -> Router {
        // A loopback listener needs no certificate, and that of the site names another host.
        let own = self.listener.as_ref();
        let is_loopback = own
            .and_then(|listener| listener.local_addr().ok())
            .is_some_and(|address| address.ip().is_loopback());
        let tls = self.tls.filter(|_| !is_loopback);
        let (mail, sources) = (self.shared.clone(), self.shared.clone());
        let heartbeats = self.heartbeats;
        let context = AdminContext {
            random: Arc::clone(&self.shared.random),
            transport: Arc::new(move || mail.current().config.transport.clone()),
            sources: Arc::new(move || {
                let runtime = sources.current();
                let sources = runtime.config.sources.iter();
                sources.map(|source| source.name.clone()).collect()
            }),
            loops: Arc::new(move || Tasks::liveness(&heartbeats)),
            models: self.shared.current().config.model.path.clone(),
            own_listener: own.map(|_| tls.is_some()),
        };
        let trusted = self.site.settings.trusted_proxies.clone();
        let admin = AdminState::new(self.site, context);
        let Some(listener) = self.listener else {
            return others.merge(admin::router(admin));
        };
        let stop = self.shared.stop;
        tasks.running.spawn(async move {
            web::serve(listener, tls, admin::alone(admin), &trusted, stop).await;
            Ok(())
        });
        others
    }
}

//! The web pages, and whether the program is alive.

use super::keep::Pulse;
use crate::web;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use std::sync::Arc;

/// The public pages and `/healthz`.
pub(super) fn router(site: web::Site, pulses: Vec<Arc<Pulse>>) -> Router {
    let health = move || {
        let silent: Vec<&str> = pulses.iter().filter(|pulse| !pulse.is_alive()).map(|pulse| pulse.name).collect();
        async move {
            match silent.as_slice() {
                [] => (StatusCode::OK, "alive\n".to_owned()),
                silent => (StatusCode::SERVICE_UNAVAILABLE, format!("no sign of life: {}\n", silent.join(", "))),
            }
        }
    };
    Router::new().route("/healthz", get(health)).merge(web::router(site))
}

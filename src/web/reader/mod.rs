//! Pages that a reader reaches by a signed link from a mail. The token in the address
//! names the reader; there is no cookie and no login.

mod confirm;
mod feedback;
mod issues;
mod owner;
mod preferences;
mod private_feed;
mod saved;
pub(super) mod standalone;
mod token_auth;
pub(super) mod unsubscribe;

use super::WebState;
use axum::Router;
use axum::routing::get;

/// Routes of the pages by link.
pub(super) fn router() -> Router<WebState> {
    Router::new()
        .route("/feedback", get(feedback::ask).post(feedback::act))
        .route("/issues/{token}", get(issues::issues))
        .route("/feeds/{token}", get(private_feed::show))
        .route("/saved", get(saved::list))
        .route("/saved/{file}", get(saved::export))
        .route("/confirm", get(confirm::ask).post(confirm::act))
        .route(
            "/unsubscribe",
            get(unsubscribe::ask).post(unsubscribe::leave),
        )
        .route("/u/{token}", get(unsubscribe::ask).post(unsubscribe::leave))
        .route(
            "/unsubscribe/pause",
            get(unsubscribe::ask).post(unsubscribe::pause),
        )
        .route("/owner", get(owner::ask).post(owner::act))
        .merge(preferences::router())
}

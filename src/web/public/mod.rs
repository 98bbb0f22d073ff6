//! Pages for everybody: days of papers, single papers, search, feeds, signup.

mod assets;
mod days;
pub(super) mod feeds;
pub(super) mod indexes;
mod papers;
mod robots;
mod search;
pub(super) mod signup;

use super::WebState;
use axum::Router;
use axum::routing::get;

/// Routes of the public pages.
pub(super) fn router() -> Router<WebState> {
    Router::new()
        .route("/", get(days::trending))
        .route("/archive", get(days::days))
        .route("/archive/{date}", get(days::archive))
        .route("/papers/{*id}", get(papers::paper))
        .route("/feed.atom", get(feeds::atom))
        .route("/feed.json", get(feeds::json_feed))
        .route("/search", get(search::page))
        .route("/search.atom", get(search::atom))
        .route("/search.json", get(search::json_feed))
        .route("/robots.txt", get(robots::robots))
        .route("/sitemap.xml", get(robots::sitemap))
        .route("/subscribe", get(signup::form).post(signup::subscribe))
        .route(
            "/subscribe/preview",
            get(signup::form).post(signup::preview),
        )
        .route("/style.css", get(assets::stylesheet))
        .route("/script.js", get(assets::script))
        .route("/icon.svg", get(assets::icon))
        .route("/card.png", get(assets::card))
}

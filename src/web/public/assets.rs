//! Stylesheet, script and pictures.

use axum::http::header;
use axum::response::IntoResponse;

pub(super) async fn stylesheet() -> impl IntoResponse {
    let css = include_str!("../../../templates/web/style.css");
    (
        [
            (header::CONTENT_TYPE, "text/css; charset=utf-8"),
            (header::CACHE_CONTROL, "public, max-age=3600"),
        ],
        css,
    )
}

pub(super) async fn script() -> impl IntoResponse {
    let script = include_str!("../../../templates/web/script.js");
    let kind = "text/javascript; charset=utf-8";
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "public, max-age=3600"),
        ],
        script,
    )
}

pub(super) async fn icon() -> impl IntoResponse {
    let icon = include_str!("../../../templates/web/icon.svg");
    (
        [
            (header::CONTENT_TYPE, "image/svg+xml"),
            (header::CACHE_CONTROL, "public, max-age=86400"),
        ],
        icon,
    )
}

pub(super) async fn card() -> impl IntoResponse {
    let card: &[u8] = include_bytes!("../../../templates/web/card.png");
    (
        [
            (header::CONTENT_TYPE, "image/png"),
            (header::CACHE_CONTROL, "public, max-age=86400"),
        ],
        card,
    )
}

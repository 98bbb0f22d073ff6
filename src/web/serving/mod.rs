//! Serving: connections and their limits, rate limits, response headers, the page cache.

pub(super) mod base_path;
pub(super) mod cache;
pub(super) mod rate_limits;
pub(super) mod response_headers;
pub(super) mod server;
pub(super) mod tls;
pub(super) mod visitor;

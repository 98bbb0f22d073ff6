//! A request that shows whether a source answers, and stores nothing.

use super::shared_limit::DbRateLimit;
use crate::http::Http;
use crate::source::{Probe, SourceSettings};
use crate::store::Db;
use std::sync::Arc;
use std::time::Duration;

/// Probes `source`. With a database the rate limit is shared with other processes; nothing
/// else is stored. After `limit` the probe is cancelled.
pub async fn probe(
    db: Option<&Db>,
    http: &Http,
    source: &SourceSettings,
    limit: Duration,
) -> Probe {
    let http = match db {
        Some(db) => &http.with_shared_limit(Arc::new(DbRateLimit(db.clone()))),
        None => http,
    };
    let before = http.responses();
    let opened = source.open();
    match tokio::time::timeout(limit, opened.probe(http)).await {
        Ok(probe) => probe,
        // A source with many pages answers, even if the last page did not come.
        Err(_) if http.responses() > before => Probe::Answers(format!(
            "answers, with more than {} seconds can take",
            limit.as_secs()
        )),
        Err(_) => Probe::Unreachable(format!("no answer within {} seconds", limit.as_secs())),
    }
}

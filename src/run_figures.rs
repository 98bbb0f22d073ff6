//! The figures of one day's run, as stored and as sent to the operator.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The figures of one day's run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFigures {
    /// Papers taken in for the first time.
    pub papers: u64,
    /// Sources and categories whose day is not complete.
    pub sources_late: Vec<String>,
    /// Issues composed.
    pub composed: u64,
    /// Composed issues accepted by a server.
    pub accepted: u64,
    /// Composed issues waiting for an attempt.
    pub deferred: u64,
    /// Composed issues refused by a server.
    pub rejected: u64,
    /// Composed issues that expired undelivered.
    pub expired: u64,
    /// Composed issues that are uncertain or held.
    pub uncertain: u64,
    /// Subscribers for whom nothing was above the line.
    pub empty: u64,
    /// Bounces received.
    pub bounces: u64,
    /// Complaints received.
    pub complaints: u64,
    /// New subscribers.
    pub joined: u64,
    /// Subscribers who left.
    pub left: u64,
    /// Active subscribers.
    pub readers: u64,
    /// The next due instant.
    pub next: Option<DateTime<Utc>>,
}

//! What a run of deliveries came to.

use crate::store::{DeliveryId, Verdict};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::HashMap;

/// How the deliveries that a run had to do with stand at its end.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Waiting when the run began, due or not.
    pub queued: u64,
    /// Taken by the server.
    pub accepted: u64,
    /// To be tried again.
    pub deferred: u64,
    /// Refused for good.
    pub rejected: u64,
    /// Perhaps taken; to be sent once more.
    pub uncertain: u64,
    /// For a person to decide.
    pub held: u64,
    /// Too late.
    pub expired: u64,
    /// How long the run took.
    pub seconds: f64,
    /// Times that the ledger was put on the disk.
    pub commits: u64,
    /// How long that took on average, in milliseconds.
    pub commit_ms: f64,
    /// What is wrong with the relay, if mail waits for it.
    pub relay_trouble: Option<String>,
}

/// How far a run has come, for whoever watches it.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The counts so far.
    pub so_far: Summary,
    /// Set while nothing can be done: until when.
    pub waits_until: Option<DateTime<Utc>>,
}

/// Counts deliveries where they stand now, not how often they were tried.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    counts: Summary,
    /// Those that will be tried again, so that they are counted once.
    unsettled: HashMap<DeliveryId, Unsettled>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsettled {
    Deferred,
    Uncertain,
}

impl Tally {
    pub(super) fn new(queued: u64) -> Self {
        Tally {
            counts: Summary {
                queued,
                ..Summary::default()
            },
            unsettled: HashMap::new(),
        }
    }

    pub(super) fn count(&mut self, id: DeliveryId, verdict: &Verdict) {
        if *verdict == Verdict::Released {
            return;
        }
        match self.unsettled.remove(&id) {
            Some(Unsettled::Deferred) => self.counts.deferred -= 1,
            Some(Unsettled::Uncertain) => self.counts.uncertain -= 1,
            None => {}
        }
        match verdict {
            Verdict::Accepted => self.counts.accepted += 1,
            Verdict::Rejected { .. } => self.counts.rejected += 1,
            Verdict::Held => self.counts.held += 1,
            Verdict::Expired => self.counts.expired += 1,
            Verdict::Deferred(_) => {
                self.counts.deferred += 1;
                self.unsettled.insert(id, Unsettled::Deferred);
            }
            Verdict::Uncertain(_) => {
                self.counts.uncertain += 1;
                self.unsettled.insert(id, Unsettled::Uncertain);
            }
            Verdict::Released => {}
        }
    }

    pub(super) fn so_far(&self) -> Summary {
        self.counts.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_counted_where_it_stands() {
        let later = DateTime::UNIX_EPOCH;
        let mut tally = Tally::new(4);
        let verdicts = [
            (1, Verdict::Deferred(later)),
            (1, Verdict::Released),
            (1, Verdict::Deferred(later)),
            (1, Verdict::Accepted),
            (2, Verdict::Uncertain(later)),
            (2, Verdict::Held),
            (3, Verdict::Deferred(later)),
            (4, Verdict::Rejected { suppress: true }),
            (5, Verdict::Uncertain(later)),
            (6, Verdict::Expired),
        ];
        for (id, verdict) in verdicts {
            tally.count(DeliveryId(id), &verdict);
        }
        let expected = Summary {
            queued: 4,
            accepted: 1,
            deferred: 1,
            rejected: 1,
            uncertain: 1,
            held: 1,
            expired: 1,
            ..Summary::default()
        };
        assert_eq!(tally.so_far(), expected);
    }
}

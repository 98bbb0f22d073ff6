//! Counts of a delivery run.

use crate::store::{DeliveryId, Disposition};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::HashMap;

/// Counts the deliveries of a run by their state at its end.
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
    /// The duration of the run.
    pub seconds: f64,
    /// Times that the ledger was put on the disk.
    pub commits: u64,
    /// The average duration of a commit, in milliseconds.
    pub commit_ms: f64,
    /// The relay's trouble, if mail waits for it.
    pub relay_trouble: Option<String>,
}

/// The progress of a run.
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

    pub(super) fn count(&mut self, id: DeliveryId, disposition: &Disposition) {
        if *disposition == Disposition::Released {
            return;
        }
        match self.unsettled.remove(&id) {
            Some(Unsettled::Deferred) => self.counts.deferred -= 1,
            Some(Unsettled::Uncertain) => self.counts.uncertain -= 1,
            None => {}
        }
        match disposition {
            Disposition::Accepted => self.counts.accepted += 1,
            Disposition::Rejected { .. } => self.counts.rejected += 1,
            Disposition::Held => self.counts.held += 1,
            Disposition::Expired => self.counts.expired += 1,
            Disposition::Deferred(_) => {
                self.counts.deferred += 1;
                self.unsettled.insert(id, Unsettled::Deferred);
            }
            Disposition::Uncertain(_) => {
                self.counts.uncertain += 1;
                self.unsettled.insert(id, Unsettled::Uncertain);
            }
            Disposition::Released => {}
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
            (1, Disposition::Deferred(later)),
            (1, Disposition::Released),
            (1, Disposition::Deferred(later)),
            (1, Disposition::Accepted),
            (2, Disposition::Uncertain(later)),
            (2, Disposition::Held),
            (3, Disposition::Deferred(later)),
            (4, Disposition::Rejected { suppress: true }),
            (5, Disposition::Uncertain(later)),
            (6, Disposition::Expired),
        ];
        for (id, disposition) in verdicts {
            tally.count(DeliveryId(id), &disposition);
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

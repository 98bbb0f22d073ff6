//! Rate limits for each destination domain. Pure.
//!
//! A relay that delivers for us keeps the providers' pace itself. Where we hand
//! mail to the providers, or the relay does not care, each domain has a bucket
//! of its own; mail that finds it empty waits in the queue, and others go first.

use super::rate::Rate;
use super::settings::RateLimits;
use crate::store::{DeliveryId, RateBucket};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, HashSet};

/// The rate buckets of every domain.
#[derive(Debug)]
pub(super) struct Destinations {
    per_minute: u32,
    rates: HashMap<String, Rate>,
    /// Deliveries that went back to the queue with a booked time.
    promised: HashSet<DeliveryId>,
}

impl Destinations {
    /// At most `per_minute` messages a minute to each domain; 0 for no limit.
    pub(super) fn new(per_minute: u32) -> Self {
        Destinations {
            per_minute,
            rates: HashMap::new(),
            promised: HashSet::new(),
        }
    }

    /// Whether any domain has a limit.
    pub(super) fn is_limited(&self) -> bool {
        self.per_minute > 0
    }

    /// Whether the bucket of `domain` is known; if not, [`Destinations::learn`] it first.
    pub(super) fn knows(&self, domain: &str) -> bool {
        self.rates.contains_key(domain)
    }

    /// Restores the bucket of `domain` as it was recorded `before`.
    pub(super) fn learn(&mut self, domain: String, before: &[RateBucket], now: DateTime<Utc>) {
        let limits = RateLimits {
            per_second: 0,
            per_minute: self.per_minute,
            per_hour: 0,
        };
        // Tokens on loan were booked by a sender that is gone; its bookings are void.
        let before: Vec<RateBucket> = before
            .iter()
            .map(|bucket| RateBucket {
                tokens: bucket.tokens.max(0.0),
                ..*bucket
            })
            .collect();
        self.rates.insert(domain, Rate::new(&limits, &before, now));
    }

    /// The buckets of `domain`, to be stored over a restart.
    pub(super) fn buckets(&self, domain: &str) -> Vec<RateBucket> {
        self.rates
            .get(domain)
            .map(Rate::buckets)
            .unwrap_or_default()
    }

    /// The instant from which the delivery `id` may leave for `domain`: `None` for at once. A later
    /// time is kept for it, so that it is told so once.
    pub(super) fn turn(
        &mut self,
        id: DeliveryId,
        domain: &str,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        if self.promised.remove(&id) {
            return None;
        }
        let wait = self.rates.get_mut(domain)?.book(now);
        if wait <= TimeDelta::zero() {
            return None;
        }
        self.promised.insert(id);
        // The ledger keeps whole seconds, and the turn must have come by then.
        Some(now + TimeDelta::seconds(wait.num_seconds() + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    #[test]
    fn each_domain_has_its_own_pace_and_a_promise_is_kept() {
        let mut destinations = Destinations::new(2);
        for domain in ["a.example", "b.example"] {
            destinations.learn(domain.to_owned(), &[], at(0));
        }
        let mut turn =
            |id: i64, domain: &str, now: i64| destinations.turn(DeliveryId(id), domain, at(now));
        assert_eq!(
            [turn(1, "a.example", 0), turn(2, "a.example", 0)],
            [None, None]
        );
        assert_eq!(turn(3, "a.example", 0), Some(at(31)));
        assert_eq!(turn(4, "a.example", 0), Some(at(61)));
        assert_eq!(turn(5, "b.example", 0), None, "others do not wait");
        assert_eq!(
            [turn(3, "a.example", 31), turn(4, "a.example", 61)],
            [None, None]
        );
    }

    #[test]
    fn the_pace_outlives_the_sender_and_its_promises_do_not() {
        let mut first = Destinations::new(2);
        first.learn("a.example".to_owned(), &[], at(0));
        for id in 0..9 {
            first.turn(DeliveryId(id), "a.example", at(0));
        }
        let mut second = Destinations::new(2);
        second.learn("a.example".to_owned(), &first.buckets("a.example"), at(0));
        assert_eq!(second.turn(DeliveryId(9), "a.example", at(0)), Some(at(31)));
    }
}

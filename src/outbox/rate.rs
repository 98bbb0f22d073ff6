//! How fast messages may leave.
//!
//! One token bucket a period: it holds as many tokens as the limit allows
//! messages in the period, starts full, and fills evenly. A message takes one
//! token from each; an empty bucket lends one and says how long to wait for it.

use super::settings::RateLimits;
use chrono::{DateTime, TimeDelta, Utc};

/// The buckets of one relay.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    buckets: Vec<Bucket>,
}

#[derive(Debug, Clone)]
struct Bucket {
    size: f64,
    tokens_per_second: f64,
    tokens: f64,
    filled_at: DateTime<Utc>,
}

impl Rate {
    /// Full buckets for `limits`.
    pub(super) fn new(limits: &RateLimits, now: DateTime<Utc>) -> Self {
        let periods = [(limits.per_second, 1.0), (limits.per_minute, 60.0), (limits.per_hour, 3600.0)];
        let buckets = periods.into_iter().filter(|(limit, _)| *limit > 0).map(|(limit, seconds)| Bucket {
            size: f64::from(limit),
            tokens_per_second: f64::from(limit) / seconds,
            tokens: f64::from(limit),
            filled_at: now,
        });
        Rate { buckets: buckets.collect() }
    }

    /// Books one message, and says how long to wait before it may leave.
    pub(super) fn book(&mut self, now: DateTime<Utc>) -> TimeDelta {
        let waits = self.buckets.iter_mut().map(|bucket| bucket.book(now));
        TimeDelta::milliseconds((waits.fold(0.0, f64::max) * 1000.0).ceil() as i64)
    }
}

impl Bucket {
    /// Seconds to wait.
    fn book(&mut self, now: DateTime<Utc>) -> f64 {
        // A clock that goes backwards fills nothing and takes nothing away.
        let elapsed = (now - self.filled_at).num_milliseconds().max(0) as f64 / 1000.0;
        self.tokens = (self.tokens + elapsed * self.tokens_per_second).min(self.size) - 1.0;
        self.filled_at = now;
        (-self.tokens / self.tokens_per_second).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds)
    }

    /// Books messages at the given instants and compares the waits, all in milliseconds.
    #[track_caller]
    fn check(per_second: u32, per_minute: u32, per_hour: u32, bookings: &[(i64, i64)]) {
        let mut rate = Rate::new(&RateLimits { per_second, per_minute, per_hour }, at(0));
        for &(now, wait) in bookings {
            assert_eq!(rate.book(at(now)).num_milliseconds(), wait, "booked at {now}");
        }
    }

    #[test]
    fn zero_is_no_limit() {
        check(0, 0, 0, &[(0, 0); 100]);
    }

    #[test]
    fn a_burst_is_as_large_as_the_limit_and_then_the_pace_holds() {
        check(2, 0, 0, &[(0, 0), (0, 0), (0, 500), (500, 500), (1000, 500), (9000, 0), (9000, 0), (9000, 500)]);
    }

    #[test]
    fn the_strictest_limit_counts() {
        check(10, 2, 0, &[(0, 0), (0, 0), (0, 30_000)]);
        check(0, 60, 2, &[(0, 0), (0, 0), (0, 1_800_000)]);
    }

    #[test]
    fn a_clock_that_goes_backwards_gives_nothing_away() {
        check(1, 0, 0, &[(5000, 0), (0, 1000), (1000, 1000)]);
    }
}

//! Rate limits of the relay: token buckets. Pure.
//!
//! One token bucket a period: it holds as many tokens as the limit allows
//! messages in the period, starts full, and fills evenly. A message takes one
//! token from each; an empty bucket lends one and gives the wait for it.

use super::settings::RateLimits;
use crate::store::RateBucket;
use chrono::{DateTime, TimeDelta, Utc};

/// The buckets of one relay.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    buckets: Vec<Bucket>,
}

#[derive(Debug, Clone)]
struct Bucket {
    period_seconds: u32,
    size: f64,
    tokens_per_second: f64,
    tokens: f64,
    filled_at: DateTime<Utc>,
}

impl Rate {
    /// Buckets for `limits`, as full as they were `before`; new ones are full.
    pub(super) fn new(limits: &RateLimits, before: &[RateBucket], now: DateTime<Utc>) -> Self {
        let periods = [
            (limits.per_second, 1),
            (limits.per_minute, 60),
            (limits.per_hour, 3600),
        ];
        let buckets =
            periods
                .into_iter()
                .filter(|(limit, _)| *limit > 0)
                .map(|(limit, period_seconds)| {
                    let size = f64::from(limit);
                    let before = before
                        .iter()
                        .find(|bucket| bucket.period_seconds == period_seconds);
                    Bucket {
                        period_seconds,
                        size,
                        tokens_per_second: size / f64::from(period_seconds),
                        // A limit that was lowered meanwhile holds at once, and its debts are not
                        // older than one period.
                        tokens: before.map_or(size, |bucket| bucket.tokens.clamp(-size, size)),
                        filled_at: before.map_or(now, |bucket| bucket.filled_at.min(now)),
                    }
                });
        Rate {
            buckets: buckets.collect(),
        }
    }

    /// Whether there is any limit.
    pub(super) fn is_limited(&self) -> bool {
        !self.buckets.is_empty()
    }

    /// Takes back the last booking: the message did not leave.
    pub(super) fn give_back(&mut self) {
        for bucket in &mut self.buckets {
            bucket.tokens = (bucket.tokens + 1.0).min(bucket.size);
        }
    }

    /// The buckets, to be stored over a restart.
    pub(super) fn buckets(&self) -> Vec<RateBucket> {
        let keep = |bucket: &Bucket| RateBucket {
            period_seconds: bucket.period_seconds,
            tokens: bucket.tokens,
            filled_at: bucket.filled_at,
        };
        self.buckets.iter().map(keep).collect()
    }

    /// Books one message, and returns the wait before it may leave.
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
        let mut rate = Rate::new(
            &RateLimits {
                per_second,
                per_minute,
                per_hour,
            },
            &[],
            at(0),
        );
        for &(now, wait) in bookings {
            assert_eq!(
                rate.book(at(now)).num_milliseconds(),
                wait,
                "booked at {now}"
            );
        }
    }

    #[test]
    fn zero_is_no_limit() {
        check(0, 0, 0, &[(0, 0); 100]);
    }

    #[test]
    fn a_burst_is_as_large_as_the_limit_and_then_the_pace_holds() {
        check(
            2,
            0,
            0,
            &[
                (0, 0),
                (0, 0),
                (0, 500),
                (500, 500),
                (1000, 500),
                (9000, 0),
                (9000, 0),
                (9000, 500),
            ],
        );
    }

    #[test]
    fn a_restart_gives_nothing_away() {
        let limits = RateLimits {
            per_second: 0,
            per_minute: 0,
            per_hour: 2,
        };
        let mut rate = Rate::new(&limits, &[], at(0));
        assert_eq!([rate.book(at(0)), rate.book(at(0))], [TimeDelta::zero(); 2]);
        let mut restarted = Rate::new(&limits, &rate.buckets(), at(600_000));
        assert_eq!(
            restarted.book(at(600_000)).num_seconds(),
            1200,
            "half an hour after the last, less the ten minutes"
        );
        let mut lowered = Rate::new(
            &RateLimits {
                per_hour: 1,
                ..limits
            },
            &[RateBucket {
                period_seconds: 3600,
                tokens: 2.0,
                filled_at: at(0),
            }],
            at(0),
        );
        assert_eq!(
            [
                lowered.book(at(0)).num_seconds(),
                lowered.book(at(0)).num_seconds()
            ],
            [0, 3600]
        );
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

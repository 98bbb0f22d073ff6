//! How often one network may ask for what costs something.

use super::visitor::Visitor;
use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

type Keyed = RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock>;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Costly {
    /// A form is sent.
    Form,
    /// Something is said of a paper.
    Thumb,
    /// A mail may be sent to somebody.
    Mail,
    /// The archive is searched.
    Search,
    /// A webhook is called by somebody who is not who they say.
    Forgery,
}

/// A lab of fifty people may sit behind one address.
const FORMS_PER_MINUTE: u32 = 60;
/// All of them may read their mail at the same hour.
const THUMBS_PER_MINUTE: u32 = 600;
const MAILS_PER_HOUR: u32 = 30;
const SEARCHES_PER_MINUTE: u32 = 240;
/// A provider whose key was changed here tries again for hours; it is told so, and the log is not filled with it.
const FORGERIES_PER_MINUTE: u32 = 60;

/// Networks that came long ago are forgotten after so many questions.
const TIDY_AFTER: u32 = 10_000;

/// Counts what each network asks for.
pub(super) struct Limits {
    forms: Keyed,
    thumbs: Keyed,
    mails: Keyed,
    searches: Keyed,
    forgeries: Keyed,
    asked: AtomicU32,
}

impl Default for Limits {
    fn default() -> Self {
        let number = |n: u32| NonZeroU32::new(n).expect("a limit is not zero");
        Limits {
            forms: RateLimiter::keyed(Quota::per_minute(number(FORMS_PER_MINUTE))),
            thumbs: RateLimiter::keyed(Quota::per_minute(number(THUMBS_PER_MINUTE))),
            mails: RateLimiter::keyed(Quota::per_hour(number(MAILS_PER_HOUR))),
            searches: RateLimiter::keyed(Quota::per_minute(number(SEARCHES_PER_MINUTE))),
            forgeries: RateLimiter::keyed(Quota::per_minute(number(FORGERIES_PER_MINUTE))),
            asked: AtomicU32::new(0),
        }
    }
}

impl Limits {
    /// Whether `visitor` may do this once more; it counts.
    pub(super) fn allow(&self, what: Costly, visitor: Visitor) -> bool {
        let limiter = match what {
            Costly::Form => &self.forms,
            Costly::Thumb => &self.thumbs,
            Costly::Mail => &self.mails,
            Costly::Search => &self.searches,
            Costly::Forgery => &self.forgeries,
        };
        if self.asked.fetch_add(1, Ordering::Relaxed) % TIDY_AFTER == TIDY_AFTER - 1 {
            for limiter in [
                &self.forms,
                &self.thumbs,
                &self.mails,
                &self.searches,
                &self.forgeries,
            ] {
                limiter.retain_recent();
                limiter.shrink_to_fit();
            }
        }
        limiter.check_key(&visitor.network()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_does_not_use_up_what_another_may() {
        let limits = Limits::default();
        let from = |text: &str| Visitor {
            address: text.parse().unwrap(),
        };
        let allowed = (0..100)
            .filter(|_| limits.allow(Costly::Mail, from("192.0.2.1")))
            .count();
        assert_eq!(allowed, MAILS_PER_HOUR as usize);
        assert!(limits.allow(Costly::Mail, from("192.0.2.2")));
        assert!(limits.allow(Costly::Form, from("192.0.2.1")));
    }
}

//! Rate limits per network for actions that cost something.

use crate::web::serving::visitor::Visitor;
use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

type Keyed = RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock>;

/// An action that is limited per network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum LimitedAction {
    /// Sending a form.
    Form,
    /// Giving feedback on a paper.
    Feedback,
    /// Sending a form that may send a mail.
    Mail,
    /// Searching the archive, or previewing an issue.
    Search,
    /// Calling a webhook with a wrong signature.
    ForgedWebhook,
}

/// A lab of fifty people may sit behind one address.
const FORMS_PER_MINUTE: u32 = 60;
/// All of them may read their mail in the same hour.
const FEEDBACK_PER_MINUTE: u32 = 600;
const MAILS_PER_HOUR: u32 = 30;
const SEARCHES_PER_MINUTE: u32 = 240;
/// A provider whose key was changed here retries for hours; the limit keeps the log short.
const FORGED_WEBHOOKS_PER_MINUTE: u32 = 60;

/// Idle networks are evicted after this many requests.
const EVICT_AFTER: u32 = 10_000;

/// Counters of each network.
pub(in crate::web) struct RateLimits {
    forms: Keyed,
    feedback: Keyed,
    mails: Keyed,
    searches: Keyed,
    forged_webhooks: Keyed,
    asked: AtomicU32,
}

impl Default for RateLimits {
    fn default() -> Self {
        let number = |n: u32| NonZeroU32::new(n).expect("a limit is not zero");
        RateLimits {
            forms: RateLimiter::keyed(Quota::per_minute(number(FORMS_PER_MINUTE))),
            feedback: RateLimiter::keyed(Quota::per_minute(number(FEEDBACK_PER_MINUTE))),
            mails: RateLimiter::keyed(Quota::per_hour(number(MAILS_PER_HOUR))),
            searches: RateLimiter::keyed(Quota::per_minute(number(SEARCHES_PER_MINUTE))),
            forged_webhooks: RateLimiter::keyed(Quota::per_minute(number(
                FORGED_WEBHOOKS_PER_MINUTE,
            ))),
            asked: AtomicU32::new(0),
        }
    }
}

impl RateLimits {
    /// Counts `action` for the visitor's network; false if it exceeds the limit.
    pub(in crate::web) fn allow(&self, action: LimitedAction, visitor: Visitor) -> bool {
        let limiter = match action {
            LimitedAction::Form => &self.forms,
            LimitedAction::Feedback => &self.feedback,
            LimitedAction::Mail => &self.mails,
            LimitedAction::Search => &self.searches,
            LimitedAction::ForgedWebhook => &self.forged_webhooks,
        };
        if self.asked.fetch_add(1, Ordering::Relaxed) % EVICT_AFTER == EVICT_AFTER - 1 {
            for limiter in [
                &self.forms,
                &self.feedback,
                &self.mails,
                &self.searches,
                &self.forged_webhooks,
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
    fn each_network_has_its_own_limit() {
        let limits = RateLimits::default();
        let from = |text: &str| Visitor {
            address: text.parse().unwrap(),
        };
        let allowed = (0..100)
            .filter(|_| limits.allow(LimitedAction::Mail, from("192.0.2.1")))
            .count();
        assert_eq!(allowed, MAILS_PER_HOUR as usize);
        assert!(limits.allow(LimitedAction::Mail, from("192.0.2.2")));
        assert!(limits.allow(LimitedAction::Form, from("192.0.2.1")));
    }
}

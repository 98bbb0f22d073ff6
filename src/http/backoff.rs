//! Pauses, spacing of requests and backoff of retries. Pure.

use chrono::{DateTime, TimeDelta, Utc};

/// Pause after a 429 without `Retry-After`. arXiv answers so even below its documented rate.
pub(super) const DEFAULT_PAUSE: TimeDelta = TimeDelta::minutes(10);

/// The longest pause that is accepted: a wrong header must not stop a service.
pub(super) const PAUSE_MAX: TimeDelta = TimeDelta::hours(24);

/// Limit of the first backoff; it doubles with each try.
const BACKOFF_FIRST: TimeDelta = TimeDelta::seconds(4);

const BACKOFF_MAX: TimeDelta = TimeDelta::seconds(60);

/// A provider's request to send nothing for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Name of the provider.
    pub provider: String,
    /// End of the pause.
    pub until: DateTime<Utc>,
    /// The provider's reason.
    pub reason: String,
}

/// The instant that a `Retry-After` header names: seconds from now, or a date
/// (RFC 9110 section 10.2.3). `None` if it is neither.
pub fn retry_after(value: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let value = value.trim();
    let until = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that overflows means the longest pause.
        let seconds = value
            .parse::<u32>()
            .map_or(PAUSE_MAX, |seconds| TimeDelta::seconds(seconds.into()));
        now + seconds
    } else {
        DateTime::parse_from_rfc2822(value).ok()?.to_utc()
    };
    Some(until.clamp(now, now + PAUSE_MAX))
}

/// The wait before the next request.
///
/// A clock that was set back delays at most one request by `spacing`.
pub(super) fn spacing(
    last_answer: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    spacing: TimeDelta,
) -> TimeDelta {
    last_answer.map_or(TimeDelta::zero(), |last| {
        (last + spacing - now).clamp(TimeDelta::zero(), spacing)
    })
}

/// Backoff after `failed` tries: drawn evenly up to a limit that doubles, so that many
/// clients do not retry together ("full jitter", Amazon's article "Exponential backoff
/// and jitter").
pub(super) fn backoff(failed: u32, chance: f64) -> TimeDelta {
    let limit = (BACKOFF_FIRST * 2_i32.saturating_pow(failed.saturating_sub(1)).min(1 << 10))
        .min(BACKOFF_MAX);
    TimeDelta::milliseconds((limit.num_milliseconds() as f64 * chance) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = at("2026-08-04T07:00:00Z");
        for (value, until) in [
            ("0", Some("2026-08-04T07:00:00Z")),
            (" 120 ", Some("2026-08-04T07:02:00Z")),
            (
                "Tue, 04 Aug 2026 08:30:00 GMT",
                Some("2026-08-04T08:30:00Z"),
            ),
            // A date that has passed asks for nothing.
            (
                "Tue, 04 Aug 2026 06:30:00 GMT",
                Some("2026-08-04T07:00:00Z"),
            ),
            ("99999999999999999999", Some("2026-08-05T07:00:00Z")),
            (
                "Thu, 04 Aug 2044 06:30:00 GMT",
                Some("2026-08-05T07:00:00Z"),
            ),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), until.map(at), "{value:?}");
        }
    }

    #[test]
    fn requests_keep_their_distance_whatever_the_clock_does() {
        let (now, three) = (at("2026-08-04T07:00:00Z"), TimeDelta::seconds(3));
        let check = |ago: Option<i64>, expected: i64| {
            let last = ago.map(|ago| now - TimeDelta::seconds(ago));
            assert_eq!(
                spacing(last, now, three),
                TimeDelta::seconds(expected),
                "{ago:?}"
            );
        };
        check(None, 0);
        check(Some(0), 3);
        check(Some(2), 1);
        check(Some(3), 0);
        check(Some(500), 0);
        check(Some(-3600), 3);
    }

    #[test]
    fn waits_between_tries_double_up_to_a_limit_and_differ() {
        let limits: Vec<i64> = (1..=6)
            .map(|failed| backoff(failed, 1.0).num_seconds())
            .collect();
        assert_eq!(limits, [4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff(3, 0.0), TimeDelta::zero());
        assert_eq!(backoff(3, 0.5), TimeDelta::seconds(8));
        assert_eq!(backoff(u32::MAX, 1.0), BACKOFF_MAX);
    }
}

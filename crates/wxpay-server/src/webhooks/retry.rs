//! The classification of a response, and the schedule of retries.

use super::send::{WebhookFailure, WebhookResponse};
use std::time::{Duration, UNIX_EPOCH};
use wxpay_proto::UnixTime;

const SECOND: u64 = 1;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The delay in seconds before each try, counted from the failure of the previous one.
const DELAYS: [u64; 11] = [
    0,
    5 * SECOND,
    MINUTE,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// The longest `Retry-After` that is respected.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(DAY);

/// The duration without success after which an endpoint is disabled.
const MAX_FAILING: Duration = Duration::from_secs(5 * DAY);

/// The outcome of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The endpoint acknowledged the event with a status of 200 to 299.
    Delivered,
    /// The endpoint replied 410 and must be disabled.
    Gone,
    /// Every other response and every failure. Redirects are not followed.
    Failed {
        /// The earliest time of the next try, if the endpoint named one.
        not_before: Option<UnixTime>,
    },
}

impl Outcome {
    /// Classifies the result of a try that ended at `now`.
    pub(crate) fn of(result: &Result<WebhookResponse, WebhookFailure>, now: UnixTime) -> Self {
        match result {
            Ok(response) => match response.status {
                200..=299 => Self::Delivered,
                410 => Self::Gone,
                _ => Self::Failed {
                    not_before: response
                        .retry_after
                        .as_deref()
                        .and_then(|header| parse_retry_after(header, now)),
                },
            },
            Err(_) => Self::Failed { not_before: None },
        }
    }
}

/// The next step of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The time of the next try.
    At(UnixTime),
    /// No further try. The event can be replayed.
    GiveUp,
}

/// Returns the time of the next try after `attempts` tries, of which the last ended at `now` with `outcome`.
///
/// The delay varies by up to 10 % with `randomness`, so that endpoints that failed together are not retried together.
/// It is never earlier than the endpoint's `Retry-After`. After a delivery or a 410 there is no next try.
pub(crate) fn next(attempts: u32, now: UnixTime, outcome: Outcome, randomness: u64) -> Next {
    let Outcome::Failed { not_before } = outcome else { return Next::GiveUp };
    let delay = usize::try_from(attempts).ok().and_then(|attempts| DELAYS.get(attempts));
    let Some(&delay) = delay else { return Next::GiveUp };
    let scheduled = now.after(vary(delay, randomness));
    Next::At(match not_before {
        Some(earliest) => scheduled.max(earliest.min(now.after(MAX_RETRY_AFTER))),
        None => scheduled,
    })
}

/// Returns 90 % to 110 % of a delay in seconds. The permille of a second is a millisecond.
fn vary(delay_secs: u64, randomness: u64) -> Duration {
    let permille = randomness.checked_rem(201).unwrap_or(0).saturating_add(900);
    Duration::from_millis(delay_secs.saturating_mul(permille))
}

/// Returns whether an endpoint must be disabled: its deliveries have failed for 5 days without a success.
pub(crate) fn must_disable(failing_since: Option<UnixTime>, now: UnixTime) -> bool {
    failing_since.is_some_and(|since| now.since(since) >= MAX_FAILING)
}

/// Parses `Retry-After`: seconds or an HTTP date. Returns `None` if it is neither.
fn parse_retry_after(header: &str, now: UnixTime) -> Option<UnixTime> {
    let header = header.trim_matches([' ', '\t']);
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than an integer holds are many seconds.
        let secs = header.parse().unwrap_or(u64::MAX);
        return Some(now.after(Duration::from_secs(secs)));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    let since_epoch = date.duration_since(UNIX_EPOCH).ok()?;
    Some(UnixTime::EPOCH.after(since_epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_785_000_000);
    const FAILED: Outcome = Outcome::Failed { not_before: None };
    /// The randomness of the plain delay: 900 + 100 permille.
    const MIDDLE: u64 = 100;

    fn outcome(status: u16, retry_after: Option<&str>, now: UnixTime) -> Outcome {
        let retry_after = retry_after.map(ToOwned::to_owned);
        Outcome::of(&Ok(WebhookResponse { status, retry_after, excerpt: None }), now)
    }

    fn delay(attempts: u32, outcome: Outcome, randomness: u64) -> Option<Duration> {
        match next(attempts, NOW, outcome, randomness) {
            Next::At(time) => Some(time.since(NOW)),
            Next::GiveUp => None,
        }
    }

    #[test]
    fn delays_are_those_of_the_design_and_the_twelfth_try_is_never_made() {
        let hour = 3600;
        let expected = [0, 5, 60, 300, 1800, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour];
        for (attempts, secs) in (0..).zip(expected) {
            assert_eq!(delay(attempts, FAILED, MIDDLE), Some(Duration::from_secs(secs)), "{attempts}");
        }
        for attempts in [11, 12, u32::MAX] {
            assert_eq!(next(attempts, NOW, FAILED, MIDDLE), Next::GiveUp);
        }
    }

    #[test]
    fn delays_vary_by_ten_percent_at_most_and_reach_both_ends() {
        let drawn: Vec<_> = (0..1000).map(|randomness| delay(2, FAILED, randomness).unwrap()).collect();
        assert_eq!(drawn.iter().min(), Some(&Duration::from_secs(54)));
        assert_eq!(drawn.iter().max(), Some(&Duration::from_secs(66)));
        for randomness in [u64::MAX, u64::MAX - 1, 1 << 63] {
            let drawn = delay(10, FAILED, randomness).unwrap().as_secs_f64() / 86400.0;
            assert!((0.9..=1.1).contains(&drawn), "{drawn}");
        }
    }

    #[test]
    fn only_2xx_is_delivered_and_only_410_disables() {
        for status in 100..=999 {
            let outcome = outcome(status, None, NOW);
            match status {
                200..=299 => assert_eq!(outcome, Outcome::Delivered),
                410 => assert_eq!(outcome, Outcome::Gone),
                _ => assert_eq!(outcome, FAILED, "{status}"),
            }
        }
        assert_eq!(Outcome::of(&Err(WebhookFailure::Timeout), NOW), FAILED);
    }

    #[test]
    fn delivered_and_gone_have_no_next_try() {
        for outcome in [Outcome::Delivered, Outcome::Gone] {
            assert_eq!(next(1, NOW, outcome, MIDDLE), Next::GiveUp);
        }
    }

    #[test]
    fn retry_after_in_seconds_only_delays() {
        for (header, attempts, expected) in [
            ("120", 1, 120),
            (" 120\t", 1, 120),
            ("120", 3, 300),
            ("0", 1, 5),
            ("86400", 1, 86400),
            ("86401", 1, 86400),
            ("99999999999999999999999999", 1, 86400),
        ] {
            let outcome = outcome(503, Some(header), NOW);
            assert_eq!(delay(attempts, outcome, MIDDLE), Some(Duration::from_secs(expected)), "{header}");
        }
    }

    #[test]
    fn retry_after_is_not_undercut_by_the_variation() {
        let outcome = outcome(429, Some("60"), NOW);
        assert_eq!(delay(2, outcome, 0), Some(Duration::from_mins(1)));
        assert_eq!(delay(2, outcome, 200), Some(Duration::from_secs(66)));
    }

    #[test]
    fn retry_after_as_a_date_is_respected_and_capped() {
        let now = UnixTime::from_secs(1_792_567_680); // 2026-10-21T07:28:00Z
        for (header, expected) in [
            ("Wed, 21 Oct 2026 07:38:00 GMT", 600),
            ("Wednesday, 21-Oct-26 07:38:00 GMT", 600),
            ("Wed Oct 21 07:38:00 2026", 600),
            ("Wed, 21 Oct 2026 07:18:00 GMT", 5),
            ("Sat, 21 Oct 2056 07:28:00 GMT", 86400),
        ] {
            let outcome = outcome(503, Some(header), now);
            assert_eq!(
                next(1, now, outcome, MIDDLE),
                Next::At(now.after(Duration::from_secs(expected))),
                "{header}"
            );
        }
    }

    #[test]
    fn retry_after_that_cannot_be_parsed_is_ignored() {
        for header in ["", " ", "-5", "+5", "1.5", "5 s", "soon", "２", "Wed, 32 Oct 2026 07:28:00 GMT"] {
            assert_eq!(outcome(503, Some(header), NOW), FAILED, "{header}");
        }
    }

    #[test]
    fn retry_after_does_not_extend_the_number_of_tries() {
        let outcome = outcome(503, Some("1"), NOW);
        assert_eq!(next(11, NOW, outcome, MIDDLE), Next::GiveUp);
    }

    #[test]
    fn endpoint_is_disabled_after_five_days_without_success() {
        let limit = Duration::from_hours(5 * 24);
        assert!(!must_disable(None, NOW));
        assert!(!must_disable(Some(NOW.before(limit).after(Duration::from_millis(1))), NOW));
        assert!(must_disable(Some(NOW.before(limit)), NOW));
        assert!(!must_disable(Some(NOW.after(limit)), NOW), "the clock was set back");
    }
}

//! The retry policy, the attempts of one call, and the fate that they leave.

use crate::{
    clock::UnixTime,
    entropy::Entropy,
    error::{Error, ErrorKind, Fate},
    exchange::Failure,
    pending::Unresolved,
};
use core::time::Duration;

/// The number of attempts, the backoff between them, and the deadline of one call.
///
/// The backoff doubles from `initial_backoff` to `max_backoff`. Each is shortened by up to half at random, so that
/// callers that failed together do not retry together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// The maximum number of requests, the first included.
    pub max_attempts: u32,
    /// The backoff before the second attempt.
    pub initial_backoff: Duration,
    /// The maximum backoff.
    pub max_backoff: Duration,
    /// The deadline of the whole call, from its start: no attempt starts later.
    pub deadline: Duration,
    /// The timeout of one request.
    pub timeout: Duration,
}

/// Four attempts within 30 seconds, a timeout of 10 seconds each, and a backoff of half a second to four seconds.
impl Default for Policy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            initial_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(4),
            deadline: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
        }
    }
}

/// The attempts of one call: their number, and the doubt that they leave.
///
/// | an earlier attempt in doubt? | the last one ended | fate |
/// |---|---|---|
/// | no | [`NotSent`](Ended::NotSent) | [`Fate::NotSent`] |
/// | no | [`Refused`](Ended::Refused) | [`Fate::Refused`] |
/// | no | [`Denied`](Ended::Denied) or [`InDoubt`](Ended::InDoubt) | [`Fate::Unknown`] |
/// | yes | in any way | [`Fate::Unknown`] |
///
/// A success needs no row: it ends the call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempts {
    policy: Policy,
    count: u32,
    started_at: UnixTime,
    doubt: Doubt,
}

/// The end of one attempt without a success, as far as it is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The request never reached WeChat Pay.
    NotSent,
    /// WeChat Pay refused the request.
    Refused,
    /// A reply that proves nothing, but that only WeChat Pay's check of fields is known to send, refused the request:
    /// it is not on its way any more.
    Denied,
    /// The request may have been carried out, or be on its way.
    InDoubt,
}

impl Ended {
    /// Returns the end of an attempt without a reply, and its error.
    pub(crate) fn by_failure(failure: Failure) -> (Self, Error) {
        let (source, ended) = match failure {
            Failure::NotSent(source) => (source, Self::NotSent),
            Failure::Lost(source) => (source, Self::InDoubt),
        };
        (ended, Error::new(ErrorKind::Transport, None).caused_by(source))
    }
}

/// The doubt that the attempts so far leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Doubt {
    /// No attempt was carried out.
    None,
    /// An attempt may have been carried out; each one was answered.
    Answered,
    /// An attempt may have been carried out, or be on its way.
    Open,
}

impl Attempts {
    /// The minimum timeout of a request.
    const MIN_TIMEOUT: Duration = Duration::from_millis(100);

    pub(crate) fn new(policy: Policy, started_at: UnixTime) -> Self {
        Self { policy, count: 1, started_at, doubt: Doubt::None }
    }

    /// Records the end of an attempt, and returns the fate of the call if it was the last one.
    pub(crate) fn ended(&mut self, ended: Ended) -> Fate {
        self.doubt = self.doubt.max(match ended {
            Ended::NotSent | Ended::Refused => Doubt::None,
            Ended::Denied => Doubt::Answered,
            Ended::InDoubt => Doubt::Open,
        });
        match (self.doubt, ended) {
            (Doubt::None, Ended::NotSent) => Fate::NotSent,
            (Doubt::None, _) => Fate::Refused,
            (Doubt::Answered | Doubt::Open, _) => Fate::Unknown,
        }
    }

    /// Ends the call of a write after its last attempt: gives its error the fate of all attempts and, if that is
    /// unknown, the operation to resolve.
    pub(crate) fn fail(
        mut self,
        error: Error,
        ended: Ended,
        unresolved: impl FnOnce() -> Option<Unresolved>,
    ) -> Error {
        let fate = self.ended(ended);
        let error = error.with_fate(fate);
        if fate != Fate::Unknown {
            return error;
        }
        error.with_unresolved(unresolved().map(|unresolved| unresolved.answered(self.is_answered())))
    }

    /// Returns whether some attempt may have been carried out.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.doubt != Doubt::None
    }

    /// Returns whether every attempt that left a doubt was answered.
    fn is_answered(&self) -> bool {
        self.doubt != Doubt::Open
    }

    /// Returns the time of the next attempt, or `None` if the policy permits no more.
    pub(crate) fn next_attempt(&mut self, now: UnixTime, entropy: &mut Entropy) -> Option<UnixTime> {
        if self.count >= self.policy.max_attempts {
            return None;
        }
        let until = now.after(backoff(&self.policy, self.count, entropy));
        self.count = self.count.saturating_add(1);
        self.is_within_deadline(until).then_some(until)
    }

    /// Returns the timeout of a request that starts now: never beyond the deadline of the whole call.
    pub(crate) fn timeout(&self, now: UnixTime) -> Duration {
        let left = self.started_at.after(self.policy.deadline).since(now);
        left.min(self.policy.timeout).max(Self::MIN_TIMEOUT)
    }

    /// Returns whether an attempt may still start at this time.
    pub(crate) fn is_within_deadline(&self, time: UnixTime) -> bool {
        time <= self.started_at.after(self.policy.deadline)
    }
}

/// Returns the backoff after this number of attempts: doubled, capped, then shortened by up to half.
fn backoff(policy: &Policy, attempts: u32, entropy: &mut Entropy) -> Duration {
    let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1).min(20));
    let full = policy.initial_backoff.saturating_mul(doubled).min(policy.max_backoff);
    let half = full.checked_div(2).unwrap_or_default();
    let millis = u32::try_from(half.as_millis()).unwrap_or(u32::MAX);
    // Jitter spreads the retries of callers that failed together.
    let jitter = entropy.below(millis.saturating_add(1));
    half.saturating_add(Duration::from_millis(jitter.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_within_bounds_and_ends() {
        let (policy, mut entropy) = (Policy::default(), Entropy::new([3; 32]));
        let mut attempts = Attempts::new(policy, UnixTime::EPOCH);
        let mut now = UnixTime::EPOCH;
        let mut backoffs = 0;
        while let Some(until) = attempts.next_attempt(now, &mut entropy) {
            let length = until.since(now);
            assert!(length >= policy.initial_backoff / 2 && length <= policy.max_backoff, "{length:?}");
            now = until;
            backoffs += 1;
        }
        assert_eq!(backoffs, policy.max_attempts - 1);
    }

    #[test]
    fn the_fate_of_a_call_is_that_of_its_worst_attempt() {
        use Ended::{Denied, InDoubt, NotSent, Refused};
        let all = [NotSent, Refused, Denied, InDoubt];
        for first in all {
            for second in all {
                let mut attempts = Attempts::new(Policy::default(), UnixTime::EPOCH);
                let alone = attempts.ended(first);
                assert_eq!(alone == Fate::Unknown, matches!(first, Denied | InDoubt), "{first:?}");
                let fate = attempts.ended(second);
                let expected = match (first, second) {
                    (Denied | InDoubt, _) | (_, Denied | InDoubt) => Fate::Unknown,
                    (_, Refused) => Fate::Refused,
                    (_, NotSent) => Fate::NotSent,
                };
                assert_eq!(fate, expected, "{first:?}, then {second:?}");
                assert_eq!(attempts.is_in_doubt(), fate == Fate::Unknown);
                assert_eq!(attempts.is_answered(), ![first, second].contains(&InDoubt));
            }
        }
    }

    #[test]
    fn no_attempt_starts_after_the_deadline() {
        let policy = Policy { deadline: Duration::from_millis(100), ..Policy::default() };
        let mut attempts = Attempts::new(policy, UnixTime::EPOCH);
        assert_eq!(attempts.next_attempt(UnixTime::EPOCH, &mut Entropy::new([3; 32])), None);
    }
}

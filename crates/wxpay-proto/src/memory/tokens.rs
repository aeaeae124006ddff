//! Access tokens of APIv1, one for each app.

use super::{
    deadline::Deadline,
    refreshable::{Claim, Lease, Refreshable},
};
use crate::{
    clock::UnixTime,
    prelude::*,
    secret::{Secret, constant_time_eq},
};
use core::fmt;

/// The access token of APIv1 calls, valid for two hours. A secret: its holder can call as the app.
///
/// Clones share one allocation. Equality takes constant time for two tokens of equal length.
#[derive(Clone)]
pub struct AccessToken(Arc<Secret<String>>);

impl AccessToken {
    /// The documented maximum length, in bytes.
    pub const MAX_LEN: usize = 512;

    /// Wraps a token of 1 to 512 visible ASCII characters. Returns `None` for anything else.
    pub fn new(text: String) -> Option<Self> {
        let is_valid =
            (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_valid.then(|| Self(Arc::new(Secret::new(text))))
    }

    /// Returns the token.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl PartialEq for AccessToken {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(self.expose().as_bytes(), other.expose().as_bytes())
    }
}

impl Eq for AccessToken {}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken([secret])")
    }
}

/// The token of one app, and the state of its daily quota.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    token: Refreshable<AccessToken>,
    /// The reset of the daily quota, set when WeChat Pay reports it as used up. No fetch is attempted before.
    quota_reset: Option<Deadline>,
}

/// The result of a claim: the token, or the next action of the caller.
#[derive(Debug)]
pub(crate) enum TokenClaim {
    Use(AccessToken),
    Fetch(Lease),
    Wait(UnixTime),
    QuotaExceeded,
}

impl Tokens {
    pub(crate) fn claim(&mut self, now: UnixTime) -> TokenClaim {
        if self.quota_reset.is_some_and(|reset| reset.is_pending(now)) {
            return match self.token.peek(now) {
                Some((token, _)) => TokenClaim::Use(token.clone()),
                None => TokenClaim::QuotaExceeded,
            };
        }
        match self.token.claim(now) {
            Claim::Use(token) => TokenClaim::Use(token),
            Claim::Fetch(lease) => TokenClaim::Fetch(lease),
            Claim::Wait(until) => TokenClaim::Wait(until),
        }
    }

    pub(crate) fn fill(&mut self, lease: Lease, token: AccessToken, now: UnixTime, expires_at: UnixTime) {
        self.quota_reset = None;
        self.token.fill(lease, token, now, refresh_at(now, expires_at), expires_at);
    }

    pub(crate) fn put(&mut self, token: AccessToken, now: UnixTime, expires_at: UnixTime) {
        self.quota_reset = None;
        self.token.put(token, now, refresh_at(now, expires_at), expires_at);
    }

    pub(crate) fn release(&mut self, lease: Lease, now: UnixTime) {
        self.token.release(lease, now);
    }

    pub(crate) fn quota_exceeded(&mut self, lease: Lease, now: UnixTime, resets_at: UnixTime) {
        self.quota_reset = Some(Deadline::at(resets_at, now));
        self.token.release(lease, now);
    }

    pub(crate) fn invalidate(&mut self, rejected: &AccessToken) {
        self.token.invalidate(rejected);
    }

    pub(crate) fn peek(&self, now: UnixTime) -> Option<(&AccessToken, UnixTime)> {
        self.token.peek(now)
    }

    pub(crate) fn refresh_at(&self) -> Option<UnixTime> {
        let due = self.token.refresh_at()?;
        Some(self.quota_reset.map_or(due, |reset| reset.end().max(due)))
    }
}

/// Returns the time after three quarters of a token's lifetime: 5400 of 7200 seconds, so sixteen fetches a day.
fn refresh_at(now: UnixTime, expires_at: UnixTime) -> UnixTime {
    let lifetime = expires_at.since(now);
    expires_at.before(lifetime.checked_div(4).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_fetched_before_the_quota_resets() {
        let (mut tokens, at) = (Tokens::default(), UnixTime::from_secs);
        let TokenClaim::Fetch(lease) = tokens.claim(at(0)) else { panic!("expected a lease") };
        tokens.quota_exceeded(lease, at(0), at(1000));
        assert!(matches!(tokens.claim(at(999)), TokenClaim::QuotaExceeded));
        assert!(matches!(tokens.claim(at(1000)), TokenClaim::Fetch(_)));
    }

    #[test]
    fn a_clock_set_back_by_a_day_ends_the_wait_for_the_quota() {
        let (mut tokens, at) = (Tokens::default(), UnixTime::from_secs);
        let TokenClaim::Fetch(lease) = tokens.claim(at(100_000)) else { panic!("expected a lease") };
        tokens.quota_exceeded(lease, at(100_000), at(101_000));
        assert!(matches!(tokens.claim(at(100_999)), TokenClaim::QuotaExceeded));
        assert!(matches!(tokens.claim(at(13_600)), TokenClaim::Fetch(_)));
    }

    #[test]
    fn a_token_is_refreshed_after_three_quarters_of_its_life() {
        let (mut tokens, at) = (Tokens::default(), UnixTime::from_secs);
        tokens.put(AccessToken::new(String::from("t")).unwrap(), at(0), at(7200));
        assert_eq!(tokens.refresh_at(), Some(at(5400)));
    }

    #[test]
    fn access_token_is_validated_and_not_printed() {
        let token = AccessToken::new(String::from("planted")).unwrap();
        assert!(!format!("{token:?}").contains("planted"));
        assert!(AccessToken::new(String::new()).is_none());
        assert!(AccessToken::new("x".repeat(513)).is_none());
        assert!(AccessToken::new(String::from("a b")).is_none());
    }
}

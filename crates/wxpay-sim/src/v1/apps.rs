//! The registered apps and their access tokens.

use crate::{
    credentials::{App, Credentials},
    gateway::Gateway,
    rng::URL_SAFE,
    time,
};
use std::collections::BTreeMap;
use wxpay_proto::{UnixTime, id::AppId};

/// All apps, by appid.
#[derive(Clone, Debug, Default)]
pub(crate) struct Apps(BTreeMap<AppId, AppAccount>);

impl Apps {
    fn register(&mut self, app: App) {
        let appid = app.credentials().appid().clone();
        self.0.insert(appid, AppAccount { app, tokens: Vec::new(), day: String::new(), issued_today: 0 });
    }

    pub(super) fn accounts(&mut self) -> impl Iterator<Item = &mut AppAccount> {
        self.0.values_mut()
    }

    pub(super) fn account(&mut self, appid: &str) -> Option<&mut AppAccount> {
        self.0.get_mut(&appid.parse::<AppId>().ok()?)
    }

    pub(crate) fn app(&self, appid: &str) -> Option<&App> {
        self.0.get(&appid.parse::<AppId>().ok()?).map(|account| &account.app)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &App> {
        self.0.values().map(|account| &account.app)
    }

    /// Returns the app that a token belongs to, and the token's validity. An unknown token belongs to no app.
    pub(super) fn token(&self, value: &str, now: UnixTime) -> (Option<&App>, TokenStatus) {
        self.0
            .values()
            .map(|account| (Some(&account.app), account.token_status(value, now)))
            .find(|(_, status)| *status != TokenStatus::Unknown)
            .unwrap_or((None, TokenStatus::Unknown))
    }
}

/// An app with its access tokens and the number of tokens issued today.
#[derive(Clone, Debug)]
pub(super) struct AppAccount {
    pub(super) app: App,
    tokens: Vec<Token>,
    /// The day in Beijing time, `yyyyMMdd`, that `issued_today` counts for.
    day: String,
    issued_today: u32,
}

#[derive(Clone)]
struct Token {
    value: String,
    expires_at: UnixTime,
    /// The time at which a newer token ends the validity; `None` for the newest token.
    replaced_at: Option<UnixTime>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[token]")
    }
}

/// The validity of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenStatus {
    Valid,
    Replaced,
    Expired,
    Unknown,
}

/// The maximum number of tokens stored per app. Old tokens stay, to distinguish a replaced token from an unknown one.
const MAX_TOKENS: usize = 4000;

impl AppAccount {
    /// Counts one more token request if today's quota (in Beijing time) allows it. Returns whether it does.
    pub(super) fn try_count_token(&mut self, quota: Option<u32>, now: UnixTime) -> bool {
        let today = time::yyyymmdd(now);
        if self.day != today {
            self.day = today;
            self.issued_today = 0;
        }
        let allowed = quota.is_none_or(|quota| self.issued_today < quota);
        if allowed {
            self.issued_today = self.issued_today.saturating_add(1);
        }
        allowed
    }

    /// Uses up today's quota.
    pub(super) fn exhaust_quota(&mut self, now: UnixTime) {
        self.day = time::yyyymmdd(now);
        self.issued_today = u32::MAX;
    }

    /// Issues a token. The previous tokens stay valid until `previous_valid_until`, but never past the end of an
    /// earlier overlap.
    pub(super) fn issue_token(
        &mut self,
        value: String,
        expires_at: UnixTime,
        previous_valid_until: UnixTime,
    ) {
        for token in &mut self.tokens {
            // The first replacement counts: a later token must not prolong the overlap.
            token.replaced_at = token.replaced_at.or(Some(previous_valid_until));
        }
        if self.tokens.len() >= MAX_TOKENS {
            self.tokens.remove(0);
        }
        self.tokens.push(Token { value, expires_at, replaced_at: None });
    }

    /// Expires every token now.
    pub(super) fn expire_tokens(&mut self, now: UnixTime) {
        for token in &mut self.tokens {
            token.expires_at = token.expires_at.min(now);
        }
    }

    fn token_status(&self, value: &str, now: UnixTime) -> TokenStatus {
        match self.tokens.iter().find(|token| token.value == value) {
            None => TokenStatus::Unknown,
            Some(token) if token.replaced_at.is_some_and(|replaced_at| replaced_at <= now) => {
                TokenStatus::Replaced
            }
            Some(token) if token.expires_at <= now => TokenStatus::Expired,
            Some(_) => TokenStatus::Valid,
        }
    }
}

/// Apps and tokens, as set up by a test.
impl Gateway {
    /// Returns the credentials of the app that the gateway was created with.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Registers an app, or replaces one with the same appid. Its old tokens become invalid.
    pub fn register(&mut self, app: App) {
        self.v1.apps.register(app);
    }

    /// Expires every access token now.
    pub fn expire_tokens(&mut self, now: UnixTime) {
        for account in self.v1.apps.accounts() {
            account.expire_tokens(now);
        }
    }

    /// Issues a new token to every app, as if another process of the merchant had fetched it. It replaces the tokens in
    /// use.
    pub fn replace_tokens(&mut self, now: UnixTime) {
        let (ttl, overlap) = (self.settings().v1.token_ttl, self.settings().v1.token_overlap);
        for account in self.v1.apps.accounts() {
            account.issue_token(self.rng.text(URL_SAFE, 64), now.after(ttl), now.after(overlap));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, rng::Rng};

    fn account() -> AppAccount {
        let credentials = Credentials::generate(&mut Rng::new(1, "credentials")).unwrap();
        AppAccount { app: App::new(credentials), tokens: Vec::new(), day: String::new(), issued_today: 0 }
    }

    const fn at(second: u64) -> UnixTime {
        UnixTime::from_secs(second)
    }

    #[test]
    fn a_token_is_valid_until_it_expires_or_is_replaced() {
        let mut account = account();
        account.issue_token("one".into(), at(100), at(0));
        assert_eq!(account.token_status("one", at(99)), TokenStatus::Valid);
        assert_eq!(account.token_status("one", at(100)), TokenStatus::Expired);
        account.issue_token("two".into(), at(150), at(60));
        assert_eq!(account.token_status("one", at(59)), TokenStatus::Valid);
        assert_eq!(account.token_status("one", at(60)), TokenStatus::Replaced);
        assert_eq!(account.token_status("two", at(60)), TokenStatus::Valid);
        assert_eq!(account.token_status("three", at(60)), TokenStatus::Unknown);
    }

    #[test]
    fn a_later_token_does_not_prolong_an_overlap() {
        let mut account = account();
        account.issue_token("one".into(), at(1000), at(0));
        account.issue_token("two".into(), at(1000), at(60));
        account.issue_token("three".into(), at(1000), at(120));
        assert_eq!(account.token_status("one", at(61)), TokenStatus::Replaced);
    }

    #[test]
    fn the_quota_is_counted_per_day_in_beijing_time() {
        let mut account = account();
        let last_second = at(1_399_564_799);
        assert!(account.try_count_token(Some(1), last_second));
        assert!(!account.try_count_token(Some(1), last_second));
        assert!(account.try_count_token(Some(1), at(1_399_564_800)));
        assert!(account.try_count_token(None, at(1_399_564_800)));
    }
}

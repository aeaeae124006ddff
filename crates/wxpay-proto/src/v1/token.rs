//! The access token: fetched by one caller, used by all.
//!
//! A fetch may invalidate the previous token, and WeChat grants only two hundred tokens a day. Therefore each app has one
//! fetch at a time. Source: [the rules of APIv1](crate::manual::protocol#apiv1).

use super::{
    api_reply::{ApiReply, malformed},
    merchant::Merchant,
};
use crate::{
    clock::UnixTime,
    error::{Error, ErrorKind},
    exchange::{AwaitingReply, Failure, Flow, Never, Reply, Step, Transmit, sealed::Sealed},
    http::{Request, Response},
    id::AppId,
    memory::{AccessToken, Lease, TokenClaim},
    prelude::*,
    refusal::Code,
    wire::{
        json::{self, LenientString},
        time,
    },
    world::World,
};
use core::time::Duration;

/// The maximum length of a reply, in bytes.
const MAX_REPLY_BYTES: usize = 16 * 1024;
/// The maximum accepted lifetime of a token, in seconds: a week.
const MAX_LIFETIME_SECS: u64 = 7 * 24 * 3600;

/// Fetches a token under a lease, and stores it in [`Memory`](crate::memory::Memory).
#[derive(Debug)]
pub(super) struct FetchToken {
    merchant: Merchant,
    lease: Lease,
}

/// A fetch that awaits a reply.
#[derive(Debug)]
pub(super) struct Fetching {
    merchant: Merchant,
    lease: Lease,
    /// The time of the request. The token's lifetime is counted from here, which errs on the safe side.
    requested_at: UnixTime,
}

/// A token as WeChat Pay issues it. A transport that shares one token among processes reads it from a reply, and answers
/// later requests with it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuedToken {
    /// The token.
    pub token: AccessToken,
    /// The time for which it is valid, counted from the request.
    pub lifetime: Duration,
}

#[derive(serde::Deserialize)]
struct TokenReply {
    access_token: Option<String>,
    expires_in: Option<LenientString>,
}

#[derive(serde::Serialize)]
struct IssuedReply<'a> {
    access_token: &'a str,
    expires_in: u64,
}

impl IssuedToken {
    /// The label of the requests for a token.
    pub const LABEL: &str = "v1.token";

    /// Creates an issued token.
    pub const fn new(token: AccessToken, lifetime: Duration) -> Self {
        Self { token, lifetime }
    }

    /// Returns the app of a request for a token. `None` for any other request.
    pub fn requested_app(transmit: &Transmit) -> Option<AppId> {
        let (_, query) = transmit.request.url().split_once('?')?;
        let appid = query.split('&').find_map(|parameter| parameter.strip_prefix("appid="));
        appid.filter(|_| transmit.label == Self::LABEL)?.parse().ok()
    }

    /// Reads a reply.
    ///
    /// # Errors
    ///
    /// When WeChat Pay refused, or the reply is not what its documentation specifies.
    pub fn from_response(reply: &Response) -> Result<Self, Error> {
        let reply: TokenReply = ApiReply::from_response(reply)?.parse()?;
        let token = reply.access_token.and_then(AccessToken::new).ok_or_else(malformed)?;
        let lifetime = reply.expires_in.and_then(|LenientString(secs)| secs.parse().ok());
        let lifetime =
            lifetime.filter(|secs| (1..=MAX_LIFETIME_SECS).contains(secs)).ok_or_else(malformed)?;
        Ok(Self { token, lifetime: Duration::from_secs(lifetime) })
    }

    /// Returns the reply by which WeChat Pay would issue the token, with its lifetime in whole seconds.
    pub fn to_response(&self) -> Response {
        let reply = IssuedReply { access_token: self.token.expose(), expires_in: self.lifetime.as_secs() };
        Response::new(200, json::write(&reply))
    }
}

impl FetchToken {
    pub(super) fn new(merchant: Merchant, lease: Lease) -> Self {
        Self { merchant, lease }
    }
}

impl Fetching {
    fn read(&self, reply: &Response) -> Result<(AccessToken, UnixTime), Error> {
        let IssuedToken { token, lifetime } = IssuedToken::from_response(reply)?;
        Ok((token, self.requested_at.after(lifetime)))
    }

    fn release(self, error: Error, world: &mut World<'_>) -> Error {
        let now = world.now;
        let is_quota_exceeded = error.refusal().is_some_and(|refusal| refusal.code == Code::DAILY_QUOTA);
        world.memory(|memory| {
            let tokens = memory.tokens_of(self.merchant.appid());
            if is_quota_exceeded {
                tokens.quota_exceeded(self.lease, now, time::next_midnight(now));
            } else {
                tokens.release(self.lease, now);
            }
        });
        error
    }
}

impl Sealed for FetchToken {}

impl Flow for FetchToken {
    type AwaitingReply = Fetching;
    type Waiting = Never;
    type Output = AccessToken;

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let Self { merchant, lease } = self;
        // The document puts the secret into the query, so this URL must never be logged.
        let url = format!(
            "{}/cgi-bin/token?grant_type=client_credential&appid={}&secret={}",
            merchant.base_url(),
            merchant.appid(),
            merchant.app_secret().expose()
        );
        let transmit = Transmit {
            label: IssuedToken::LABEL,
            request: Request::get(url),
            client_certificate: false,
            timeout: merchant.retry().timeout,
            max_reply: MAX_REPLY_BYTES,
        };
        Step::send(transmit, Fetching { merchant, lease, requested_at: world.now })
    }

    fn on_reply(fetching: Fetching, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        let read = match reply {
            Ok(reply) => fetching.read(&reply),
            Err(Failure::NotSent(source) | Failure::Lost(source)) => {
                Err(Error::new(ErrorKind::Transport, None).caused_by(source))
            }
        };
        Step::Done(match read {
            Ok((token, expires_at)) => {
                let Fetching { merchant, lease, .. } = fetching;
                let (filled, now) = (token.clone(), world.now);
                world
                    .memory(|memory| memory.tokens_of(merchant.appid()).fill(lease, filled, now, expires_at));
                Ok(token)
            }
            Err(error) => Err(fetching.release(error, world)),
        })
    }

    fn on_wake(waiting: Never, _: &mut World<'_>) -> Step<Self> {
        match waiting {}
    }
}

/// Refreshes the access token if that is due. Does nothing otherwise, or if another caller is fetching it.
///
/// For a background task: run it at [`Memory::next_token_refresh`](crate::memory::Memory::next_token_refresh), so that
/// no payment waits for a token.
#[derive(Clone, Debug)]
#[must_use = "a flow does nothing unless it is run"]
pub struct RefreshToken(Merchant);

/// A refresh that awaits a reply.
#[doc(hidden)]
#[derive(Debug)]
pub struct Refreshing(AwaitingReply<FetchToken>);

impl Merchant {
    /// Refreshes the access token if that is due, so that no payment waits for it.
    pub fn refresh_token(&self) -> RefreshToken {
        RefreshToken(self.clone())
    }
}

impl RefreshToken {
    fn follow(step: Step<FetchToken>) -> Step<Self> {
        match step {
            Step::Send(transmit, fetch) => Step::send(transmit, Refreshing(fetch)),
            Step::Wait(_, waiting) => waiting.never(),
            Step::Done(result) => Step::Done(result.map(|_| ()).map_err(Error::of_read)),
        }
    }
}

impl Sealed for RefreshToken {}

impl Flow for RefreshToken {
    type AwaitingReply = Refreshing;
    type Waiting = Never;
    type Output = ();

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let now = world.now;
        match world.memory(|memory| memory.tokens_of(self.0.appid()).claim(now)) {
            TokenClaim::Fetch(lease) => Self::follow(FetchToken::new(self.0, lease).begin(world)),
            TokenClaim::Use(_) | TokenClaim::Wait(_) => Step::Done(Ok(())),
            TokenClaim::QuotaExceeded => Step::Done(Err(Error::new(ErrorKind::Exhausted, None))),
        }
    }

    fn on_reply(Refreshing(fetch): Refreshing, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        Self::follow(fetch.step(reply, world))
    }

    fn on_wake(waiting: Never, _: &mut World<'_>) -> Step<Self> {
        match waiting {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transmit(label: &'static str, url: &str) -> Transmit {
        let request = Request::get(String::from(url));
        Transmit { label, request, client_certificate: false, timeout: Duration::ZERO, max_reply: 0 }
    }

    #[test]
    fn an_issued_token_is_read_from_the_reply_that_is_made_of_it() {
        let token = AccessToken::new(String::from("a\"b\\c")).unwrap();
        let reply = IssuedToken::new(token.clone(), Duration::from_millis(6_900_999)).to_response();
        let read = IssuedToken::from_response(&reply).unwrap();
        assert_eq!((read.token, read.lifetime), (token, Duration::from_secs(6900)));
    }

    #[test]
    fn the_app_of_a_request_for_a_token_is_read_from_its_url() {
        let url = "https://a/cgi-bin/token?grant_type=client_credential&appid=wxd930ea5d5a258f4f&secret=x";
        let app = IssuedToken::requested_app(&transmit(IssuedToken::LABEL, url));
        assert_eq!(app.as_ref().map(AppId::as_str), Some("wxd930ea5d5a258f4f"));
        assert_eq!(IssuedToken::requested_app(&transmit("v1.genprepay", url)), None);
        assert_eq!(IssuedToken::requested_app(&transmit(IssuedToken::LABEL, "https://a/?appid=")), None);
    }
}

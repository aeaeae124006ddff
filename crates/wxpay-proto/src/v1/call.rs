//! A call: get the token, sign, send, read the reply; retry with a new token, or after a backoff.
//!
//! ```text
//!             ┌────────── token rejected, once ─────────────┐
//!             ▼                                             │
//!  begin ─▶ token ──▶ sign and send ──▶ reply? ───▶ Done(Ok)│
//!             │ ▲          ▲              │ refused ────────┴─▶ Done(Err, Refused)
//!      fetch, │ │ wait     └── backoff ◀──┤ busy, lost, unreadable: in doubt from here on
//!      or wait┘ │                         └─ no attempt left ─▶ Done(Err, NotSent | Unknown)
//! ```
//!
//! While the token is fetched, the operation was not sent and no money has moved. An attempt without a readable reply
//! leaves the call in doubt. Only the success of a later attempt under the same number ends the doubt.

use super::{api_reply::ApiReply, merchant::Merchant, token::FetchToken};
use crate::{
    error::{Error, ErrorKind},
    exchange::{AwaitingReply, Failure, Flow, Reply, Step, Transmit, sealed::Sealed},
    http::{Request, Response},
    memory::{AccessToken, TokenClaim},
    pending::{PendingOperation, Unresolved},
    prelude::*,
    refusal::Code,
    retry::{Attempts, Ended},
    wire::form,
    world::World,
};
use core::fmt;

/// The maximum length of a reply, in bytes. The longest documented reply has less than a thousand.
const MAX_REPLY_BYTES: usize = 64 * 1024;

/// An operation of APIv1. Every operation may be retried under the same number.
pub trait Endpoint: fmt::Debug + Send + Sealed + 'static {
    /// The value that a successful reply is read into.
    type Output: Send + 'static;

    /// A short fixed name for logs and metrics.
    const LABEL: &'static str;
    /// The path, as documented.
    const PATH: &'static str;

    /// Returns the body of a request, signed with the current time and a new random string.
    fn body(&self, merchant: &Merchant, world: &mut World<'_>) -> Vec<u8>;

    /// Reads a reply that is not a refusal.
    ///
    /// # Errors
    ///
    /// When the reply is not what WeChat Pay's documentation specifies.
    fn read(
        &self,
        merchant: &Merchant,
        reply: ApiReply<'_>,
        world: &mut World<'_>,
    ) -> Result<Self::Output, Error>;

    /// True if the operation is a read: it changes nothing, and its errors have no fate.
    const IS_READ: bool = false;

    /// Returns the operation to resolve if the outcome is unknown. `None` if the operation cannot be queried.
    fn pending_operation(&self) -> Option<PendingOperation> {
        None
    }
}

/// A call of one operation, not begun yet. Retries follow the merchant's [`Policy`](crate::retry::Policy).
#[derive(Clone, Debug)]
#[must_use = "a flow does nothing unless it is run"]
pub struct Call<E> {
    merchant: Merchant,
    endpoint: E,
}

/// A call in progress.
#[derive(Debug)]
struct InProgress<E> {
    call: Call<E>,
    attempts: Attempts,
    /// Set when a token was rejected once. A second rejection ends the call.
    refreshed: bool,
}

/// A call that awaits a reply.
#[doc(hidden)]
#[derive(Debug)]
pub struct InFlight<E>(Exchange<E>);

#[derive(Debug)]
enum Exchange<E> {
    Token(AwaitingReply<FetchToken>, InProgress<E>),
    Operation(AccessToken, InProgress<E>),
}

/// A call that waits: for a token that another caller fetches, or for the next attempt.
#[doc(hidden)]
#[derive(Debug)]
pub struct Paused<E>(InProgress<E>);

impl<E: Endpoint> Call<E> {
    pub(crate) fn new(merchant: Merchant, endpoint: E) -> Self {
        Self { merchant, endpoint }
    }

    pub(super) fn endpoint(&self) -> &E {
        &self.endpoint
    }
}

impl<E: Endpoint> InProgress<E> {
    fn authorize(self, world: &mut World<'_>) -> Step<Call<E>> {
        let merchant = &self.call.merchant;
        let now = world.now;
        match world.memory(|memory| memory.tokens_of(merchant.appid()).claim(now)) {
            TokenClaim::Use(token) => self.send(token, world),
            TokenClaim::Fetch(lease) => {
                let fetch = FetchToken::new(merchant.clone(), lease);
                self.follow_fetch(fetch.begin(world), world)
            }
            TokenClaim::Wait(until) if self.attempts.is_within_deadline(until) => {
                Step::wait(until, Paused(self))
            }
            TokenClaim::Wait(_) | TokenClaim::QuotaExceeded => {
                self.fail(Error::new(ErrorKind::Exhausted, None), Ended::NotSent)
            }
        }
    }

    fn follow_fetch(self, step: Step<FetchToken>, world: &mut World<'_>) -> Step<Call<E>> {
        match step {
            Step::Send(transmit, fetch) => Step::send(transmit, InFlight(Exchange::Token(fetch, self))),
            Step::Wait(_, waiting) => waiting.never(),
            Step::Done(Ok(token)) => self.send(token, world),
            Step::Done(Err(error)) => self.retry(error, Ended::NotSent, world),
        }
    }

    fn send(self, token: AccessToken, world: &mut World<'_>) -> Step<Call<E>> {
        let Call { merchant, endpoint } = &self.call;
        let mut url = String::from(merchant.base_url());
        url.push_str(E::PATH);
        url.push_str("?access_token=");
        form::escape(token.expose().as_bytes(), &mut url);
        let transmit = Transmit {
            label: E::LABEL,
            request: Request::post(url, "application/json; charset=utf-8", endpoint.body(merchant, world)),
            client_certificate: false,
            timeout: merchant.retry().timeout,
            max_reply: MAX_REPLY_BYTES,
        };
        Step::send(transmit, InFlight(Exchange::Operation(token, self)))
    }

    fn on_response(mut self, token: &AccessToken, reply: &Response, world: &mut World<'_>) -> Step<Call<E>> {
        let Call { merchant, endpoint } = &self.call;
        let result = ApiReply::from_response(reply).and_then(|reply| endpoint.read(merchant, reply, world));
        let error = match result {
            Ok(output) => return Step::Done(Ok(output)),
            Err(error) => error,
        };
        let ended = end_of(&error);
        self.attempts.ended(ended);
        if is_token_error(&error) {
            world.memory(|memory| memory.tokens_of(merchant.appid()).invalidate(token));
            // A rejected token means that nothing was carried out, so no backoff is needed.
            if !self.refreshed {
                self.refreshed = true;
                return self.authorize(world);
            }
        }
        self.retry(error, ended, world)
    }

    fn on_failure(self, failure: Failure, world: &mut World<'_>) -> Step<Call<E>> {
        let (ended, error) = Ended::by_failure(failure);
        self.retry(error, ended, world)
    }

    fn retry(mut self, error: Error, ended: Ended, world: &mut World<'_>) -> Step<Call<E>> {
        self.attempts.ended(ended);
        let retry_at = if is_retryable(&error) {
            self.attempts.next_attempt(world.now, &mut world.entropy)
        } else {
            None
        };
        match retry_at {
            Some(until) => Step::wait(until, Paused(self)),
            None => self.fail(error, ended),
        }
    }

    fn fail(self, error: Error, ended: Ended) -> Step<Call<E>> {
        if E::IS_READ {
            return Step::Done(Err(error.of_read()));
        }
        let unresolved = || self.call.endpoint.pending_operation().map(Unresolved::new);
        Step::Done(Err(self.attempts.fail(error, ended, unresolved)))
    }
}

/// Returns how an attempt ended that was answered. Replies are not signed, so TLS alone vouches for a refusal. A busy
/// gateway may have carried out the request all the same.
fn end_of(error: &Error) -> Ended {
    match error.refusal() {
        Some(refusal) if refusal.code != Code::BUSY => Ended::Refused,
        Some(_) | None => Ended::InDoubt,
    }
}

/// Returns whether a retry after a backoff may succeed.
fn is_retryable(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Transport | ErrorKind::Malformed => true,
        ErrorKind::Refused => {
            error.refusal().is_some_and(|refusal| [Code::BUSY, Code::MINUTE_QUOTA].contains(&refusal.code))
        }
        ErrorKind::Misuse | ErrorKind::Signature | ErrorKind::Unavailable | ErrorKind::Exhausted => false,
    }
}

/// Returns whether the token was rejected. The gateway reports an expired token with any of three codes.
fn is_token_error(error: &Error) -> bool {
    const TOKEN_ERRORS: [Code; 3] =
        [Code::INVALID_CREDENTIAL, Code::INVALID_ACCESS_TOKEN, Code::ACCESS_TOKEN_EXPIRED];
    error.refusal().is_some_and(|refusal| TOKEN_ERRORS.contains(&refusal.code))
}

impl<E: Endpoint> Sealed for Call<E> {}

impl<E: Endpoint> Flow for Call<E> {
    type AwaitingReply = InFlight<E>;
    type Waiting = Paused<E>;
    type Output = E::Output;

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let attempts = Attempts::new(self.merchant.retry(), world.now);
        InProgress { call: self, attempts, refreshed: false }.authorize(world)
    }

    fn on_reply(InFlight(exchange): InFlight<E>, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        match (exchange, reply) {
            (Exchange::Token(fetch, call), reply) => call.follow_fetch(fetch.step(reply, world), world),
            (Exchange::Operation(token, call), Ok(reply)) => call.on_response(&token, &reply, world),
            (Exchange::Operation(_, call), Err(failure)) => call.on_failure(failure, world),
        }
    }

    fn on_wake(Paused(call): Paused<E>, world: &mut World<'_>) -> Step<Self> {
        // The token may have expired during the wait.
        call.authorize(world)
    }
}

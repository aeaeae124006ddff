//! One call: get the token, sign, send, read; once more with a new token, or after a pause.
//!
//! ```text
//!             ┌──────────── token is bad, once ─────────────┐
//!             ▼                                             │
//!  begin ─▶ token ──▶ sign and send ──▶ answer? ──▶ Done(Ok)│
//!             │ ▲          ▲              │ refused ────────┴─▶ Done(Err, Refused)
//!      fetch, │ │ wait     └── pause ◀────┤ busy, lost, unreadable: in doubt from here on
//!      or wait┘ │                         └─ no try left ─────▶ Done(Err, NotSent | Unknown)
//! ```
//!
//! While the token is fetched nothing has been sent: the money is where it was. A try whose answer was lost, or
//! makes no sense, leaves doubt for ever; only a good answer to a later try under the same number ends it.

use super::{api_reply::ApiReply, merchant::Merchant, token::FetchToken};
use crate::{
    error::{Error, ErrorKind, Fate, PendingOperation},
    exchange::{AwaitingReply, Failure, Flow, Reply, Step, Transmit, sealed::Sealed},
    http::{Request, Response},
    id::OutTradeNo,
    memory::{AccessToken, TokenClaim},
    refusal::Code,
    retry::Attempts,
    wire::form,
    world::World,
};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// How many bytes an answer may have. The longest documented one has less than a thousand.
const MAX_REPLY: usize = 64 * 1024;

/// One operation of the first generation. All of them may be repeated under the same number.
pub trait Endpoint: fmt::Debug + Send + Sealed {
    /// What a good answer says.
    type Output: Send;

    /// A short fixed name for logs and metrics.
    const LABEL: &'static str;
    /// The path, as documented.
    const PATH: &'static str;

    /// The body of a request, signed with the time and a random text of this moment.
    fn body(&self, me: &Merchant, world: &mut World<'_>) -> Vec<u8>;

    /// Reads an answer that is no refusal.
    ///
    /// # Errors
    ///
    /// When it is not what the document promises.
    fn read(&self, me: &Merchant, answer: ApiReply<'_>, world: &mut World<'_>)
    -> Result<Self::Output, Error>;

    /// The number to ask for, should the outcome be in doubt. `None` where nothing could have changed.
    fn number(&self) -> Option<&OutTradeNo> {
        None
    }
}

/// A call that has not begun. It is tried by the merchant's [`Policy`](crate::retry::Policy).
#[derive(Clone, Debug)]
pub struct Call<E> {
    me: Merchant,
    endpoint: E,
}

/// A call under way.
#[derive(Debug)]
struct InProgress<E> {
    call: Call<E>,
    attempts: Attempts,
    /// Some earlier try may have been carried out.
    doubt: bool,
    /// A token was called bad already; a second time is final.
    refreshed: bool,
}

/// A call with a request out.
#[derive(Debug)]
pub struct InFlight<E>(Exchange<E>);

#[derive(Debug)]
enum Exchange<E> {
    Token(AwaitingReply<FetchToken>, InProgress<E>),
    Operation(AccessToken, InProgress<E>),
}

/// A call that waits: for the token that somebody else fetches, or between two tries.
#[derive(Debug)]
pub struct Paused<E>(InProgress<E>);

impl<E: Endpoint> Call<E> {
    pub(crate) fn new(me: Merchant, endpoint: E) -> Self {
        Self { me, endpoint }
    }
}

impl<E: Endpoint> InProgress<E> {
    fn authorize(self, world: &mut World<'_>) -> Step<Call<E>> {
        let me = &self.call.me;
        match world.memory.tokens_of(me.appid()).claim(world.now) {
            TokenClaim::Use(token) => self.send(token, world),
            TokenClaim::Fetch(lease) => {
                let fetch = FetchToken::new(me.clone(), lease);
                self.fetching(fetch.begin(world), world)
            }
            TokenClaim::Wait(until) if self.attempts.is_within_deadline(until) => {
                Step::wait(until, Paused(self))
            }
            TokenClaim::Wait(_) | TokenClaim::QuotaExceeded => {
                self.fail(Error::new(ErrorKind::Exhausted, Fate::NotSent))
            }
        }
    }

    fn fetching(self, step: Step<FetchToken>, world: &mut World<'_>) -> Step<Call<E>> {
        match step {
            Step::Send(transmit, fetch) => Step::send(transmit, InFlight(Exchange::Token(fetch, self))),
            Step::Wait(_, waiting) => waiting.never(),
            Step::Done(Ok(token)) => self.send(token, world),
            Step::Done(Err(error)) => self.retry(error.not_sent(), world),
        }
    }

    fn send(self, token: AccessToken, world: &mut World<'_>) -> Step<Call<E>> {
        let Call { me, endpoint } = &self.call;
        let mut url = String::from(me.base_url());
        url.push_str(E::PATH);
        url.push_str("?access_token=");
        form::escape(token.expose().as_bytes(), &mut url);
        let transmit = Transmit {
            label: E::LABEL,
            request: Request::post(url, "application/json; charset=utf-8", endpoint.body(me, world)),
            client_certificate: false,
            timeout: me.retry().timeout,
            max_reply: MAX_REPLY,
        };
        Step::send(transmit, InFlight(Exchange::Operation(token, self)))
    }

    fn judge(mut self, token: &AccessToken, reply: &Response, world: &mut World<'_>) -> Step<Call<E>> {
        let Call { me, endpoint } = &self.call;
        let result = ApiReply::of(reply).and_then(|answer| endpoint.read(me, answer, world));
        let error = match result {
            Ok(output) => return Step::Done(Ok(output)),
            Err(error) => error,
        };
        self.doubt |= error.fate() == Fate::Unknown;
        if is_token_error(&error) {
            world.memory.tokens_of(me.appid()).invalidate(token);
            if !self.refreshed {
                self.refreshed = true;
                return self.authorize(world);
            }
        }
        self.retry(error, world)
    }

    fn lost(mut self, failure: Failure, world: &mut World<'_>) -> Step<Call<E>> {
        let error = match failure {
            Failure::NotSent(source) => Error::new(ErrorKind::Transport, Fate::NotSent).caused_by(source),
            Failure::Lost(source) => {
                self.doubt = true;
                Error::new(ErrorKind::Transport, Fate::Unknown).caused_by(source)
            }
        };
        self.retry(error, world)
    }

    fn retry(mut self, error: Error, world: &mut World<'_>) -> Step<Call<E>> {
        let again = if is_retryable(&error) {
            self.attempts.next_attempt(world.now, &mut world.entropy)
        } else {
            None
        };
        match again {
            Some(until) => Step::wait(until, Paused(self)),
            None => self.fail(error),
        }
    }

    fn fail(self, error: Error) -> Step<Call<E>> {
        let error = error.or_unknown(self.doubt);
        Step::Done(Err(match self.call.endpoint.number() {
            Some(number) => error.with_pending_operation(|| PendingOperation::order(number.clone())),
            None => error,
        }))
    }
}

/// Whether a pause may help.
fn is_retryable(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Transport | ErrorKind::Malformed => true,
        ErrorKind::Refused => {
            error.refusal().is_some_and(|refusal| [Code::BUSY, Code::MINUTE_QUOTA].contains(&refusal.code))
        }
        ErrorKind::Misuse | ErrorKind::Signature | ErrorKind::Unavailable | ErrorKind::Exhausted => false,
    }
}

/// An expired token is called by any of the three names.
fn is_token_error(error: &Error) -> bool {
    const BAD: [Code; 3] = [Code::INVALID_CREDENTIAL, Code::INVALID_ACCESS_TOKEN, Code::ACCESS_TOKEN_EXPIRED];
    error.refusal().is_some_and(|refusal| BAD.contains(&refusal.code))
}

impl<E: Endpoint> Sealed for Call<E> {}

impl<E: Endpoint> Flow for Call<E> {
    type AwaitingReply = InFlight<E>;
    type Waiting = Paused<E>;
    type Output = E::Output;

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let attempts = Attempts::new(self.me.retry(), world.now);
        InProgress { call: self, attempts, doubt: false, refreshed: false }.authorize(world)
    }

    fn on_reply(InFlight(send): InFlight<E>, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        match (send, reply) {
            (Exchange::Token(fetch, calling), reply) => calling.fetching(fetch.step(reply, world), world),
            (Exchange::Operation(token, calling), Ok(reply)) => calling.judge(&token, &reply, world),
            (Exchange::Operation(_, calling), Err(failure)) => calling.lost(failure, world),
        }
    }

    fn on_wake(Paused(calling): Paused<E>, world: &mut World<'_>) -> Step<Self> {
        calling.authorize(world)
    }
}

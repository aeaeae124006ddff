//! Verification of notifications. A request is sent only if the signing key must be fetched.
//!
//! ```text
//!  begin ─▶ headers, time ─▶ key cached? ─ yes ─▶ verify ─▶ decrypt ─▶ Done(Ok(Notification))
//!                 │            │ no   ▲              └─────────┴──▶ Done(Err): nothing in it is trusted
//!                 │            └──────┘ fetch the key, or wait for another fetch: four seconds in all
//!                 └ invalid ──────────────────────────────────────▶ Done(Err)
//! ```

use super::{
    merchant::Merchant,
    notification::Notification,
    platform_key::ObtainKey,
    verify::{self, SignatureHeaders, VerifyError},
};
use crate::{
    clock::UnixTime,
    error::Error,
    exchange::{AwaitingReply, Flow, Reply, Step, Waiting, sealed},
    prelude::*,
    retry::{Attempts, Policy},
    world::World,
};
use core::{fmt, ops::Range, time::Duration};

/// The maximum length of a notification's body, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The timeout of a key fetch during verification. WeChat Pay waits five seconds for the response.
pub const KEY_FETCH_TIMEOUT: Duration = Duration::from_secs(4);

/// A notification as received, not verified: do not trust any of it yet.
#[derive(Clone)]
#[must_use]
pub struct RawNotification {
    /// The names of the headers, each with the range of its value in `values`.
    headers: Vec<(&'static str, Range<usize>)>,
    /// The values of the headers, concatenated, so that a queued notification takes few allocations.
    values: Vec<u8>,
    body: Vec<u8>,
}

impl RawNotification {
    /// Creates a notification from its raw body, byte for byte.
    pub fn new(body: Vec<u8>) -> Self {
        Self { headers: Vec::new(), values: Vec::new(), body }
    }

    /// Adds a header as received. You may pass all headers; those not needed for verification are ignored.
    pub fn header(mut self, name: &str, value: &[u8]) -> Self {
        if let Some(name) = verify::known_header(name) {
            let begin = self.values.len();
            self.values.extend_from_slice(value);
            self.headers.push((name, begin..self.values.len()));
        }
        self
    }

    /// Sets the raw body, byte for byte, for a server that [checks the headers](Self::check_headers) before it reads
    /// the body.
    pub fn body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    /// Checks the headers alone: each is present once, and the timestamp is near `now`. Verifies no signature.
    ///
    /// A server can reject a request by its headers before it reads the body.
    ///
    /// # Errors
    ///
    /// Returns the error that [`verify_notification`](Merchant::verify_notification) would return for these headers.
    pub fn check_headers(&self, now: UnixTime) -> Result<(), Error> {
        match SignatureHeaders::parse(self.headers(), now) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.into_error().of_read()),
        }
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, at)| (*name, self.values.get(at.clone()).unwrap_or_default()))
    }

    /// Returns the string that the gateway signed, for debugging. Verifies nothing.
    pub fn string_to_sign(&self) -> Vec<u8> {
        let header = |name: &str| {
            let value = self.headers().find(|(key, _)| *key == name);
            value.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
        };
        super::message::reply(&header("Wechatpay-Timestamp"), &header("Wechatpay-Nonce"), &self.body)
    }
}

impl fmt::Debug for RawNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawNotification").field("body_len", &self.body.len()).finish_non_exhaustive()
    }
}

/// Verifies and decrypts a notification. Returns its content.
#[derive(Debug)]
#[must_use = "a flow does nothing unless it is run"]
pub struct VerifyNotification {
    merchant: Merchant,
    raw: RawNotification,
}

/// A notification with valid headers, whose signature is being verified.
#[derive(Debug)]
struct Verifying {
    flow: VerifyNotification,
    headers: SignatureHeaders,
}

// The flow awaits the reply to a fetch of its key.
#[doc(hidden)]
#[derive(Debug)]
pub struct InFlight(AwaitingReply<ObtainKey>, Verifying);

// The flow waits for a fetch by another flow.
#[doc(hidden)]
#[derive(Debug)]
pub struct Paused(Waiting<ObtainKey>, Verifying);

impl Merchant {
    /// Verifies and decrypts a notification. Sends a request only if the signing key must be fetched.
    ///
    /// Fails with an [`Error`] if anything in the notification is invalid, or its key is unavailable. Do not trust any
    /// of it then, and respond with [`Ack::for_error`](super::Ack::for_error).
    pub fn verify_notification(&self, raw: RawNotification) -> VerifyNotification {
        VerifyNotification { merchant: self.clone(), raw }
    }
}

impl Verifying {
    fn obtain(self, step: Step<ObtainKey>) -> Step<VerifyNotification> {
        match step {
            Step::Send(transmit, obtain) => Step::send(transmit, InFlight(obtain, self)),
            Step::Wait(until, obtain) => Step::wait(until, Paused(obtain, self)),
            Step::Done(Ok(key)) => {
                let VerifyNotification { merchant, raw } = &self.flow;
                let verified = self.headers.verify(&raw.body, &*key).map_err(VerifyError::into_error);
                done(verified.and_then(|verified| Notification::decrypt(merchant, verified)))
            }
            // The error leads to a response that makes WeChat Pay retry, if the notification may be genuine.
            Step::Done(Err(error)) => done(Err(error)),
        }
    }
}

/// Ends the flow. Verifying is a read, so its errors have no fate.
fn done(result: Result<Notification, Error>) -> Step<VerifyNotification> {
    Step::Done(result.map_err(Error::of_read))
}

fn policy(merchant: &Merchant) -> Policy {
    let mut policy = merchant.retry();
    policy.deadline = policy.deadline.min(KEY_FETCH_TIMEOUT);
    policy
}

impl sealed::Sealed for VerifyNotification {}

impl Flow for VerifyNotification {
    type AwaitingReply = InFlight;
    type Waiting = Paused;
    type Output = Notification;

    fn may_block(&self) -> bool {
        self.merchant.may_block()
    }

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let now: UnixTime = world.now;
        if self.raw.body.len() > MAX_BODY_BYTES {
            return done(Err(verify::malformed()));
        }
        let headers = SignatureHeaders::parse(self.raw.headers(), now);
        match headers {
            Ok(headers) => {
                let attempts = Attempts::new(policy(&self.merchant), now);
                let obtain = ObtainKey::to_verify(&self.merchant, headers.key_id(), attempts);
                Verifying { flow: self, headers }.obtain(obtain.begin(world))
            }
            Err(error) => done(Err(error.into_error())),
        }
    }

    fn on_reply(InFlight(obtain, verifying): InFlight, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        verifying.obtain(obtain.step(reply, world))
    }

    fn on_wake(Paused(obtain, verifying): Paused, world: &mut World<'_>) -> Step<Self> {
        verifying.obtain(obtain.step(world))
    }
}

#[cfg(test)]
mod tests;

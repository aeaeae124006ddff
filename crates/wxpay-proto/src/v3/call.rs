//! One call: draft, sign, send, verify, read; fetch keys or retry as needed.
//!
//! ```text
//!  begin ─▶ draft ─▶ sign and send ──▶ verified? ─ yes ─▶ no error object ─▶ Done(Ok), or Done(Err) if unreadable
//!            │ ▲          ▲  ▲             │  │            └ final code ───▶ Done(Err, Refused)
//! fetch the  │ │          │  └─ fetch key ─┘  │            └ other code ──┐
//! sealing key┴─┘          └─ backoff ◀────────┴─ no, or no reply ─────────┴▶ in doubt from here on
//!                                            └ no attempt left ──────────▶ Done(Err, NotSent | Unknown)
//! ```
//!
//! * **draft**: nothing was sent, and no money has moved. The body is written once: every attempt sends the same bytes
//!   and the same number, with a new signature.
//! * **sent**: WeChat Pay may have the request. A reply whose signing key is not cached yet is kept until the key is
//!   fetched; its timestamp was checked on arrival.
//! * **verified**: the body decides, and the HTTP status does not, because the signature does not cover it. A JSON
//!   object with a textual `code` is a refusal, or means "again" or "later", by its code. Any other body is a success:
//!   proof that the request was carried out, whether or not it can be read. It ends the call.
//! * **in doubt**: some attempt may have been carried out. Only a verified success of a later attempt ends the doubt. A
//!   refusal does not: the refused attempt may have collided with the success of an earlier one. The fate of all
//!   attempts is joined in `Attempts`.
//!
//! The status chooses the host of the next attempt, whether an unverified reply is retried, and the words of the error.
//! After a failure of the network or of the gateway, the next attempt goes to the other host: the backup, then the main
//! one again. No attempt begins after the deadline, and each attempt's timeout ends there.

pub use super::endpoint::Endpoint;
use super::{
    endpoint::{Draft, Idempotency},
    error_reply,
    merchant::Merchant,
    platform_key::ObtainKey,
    request,
    seal::RequestWriter,
    verify::{SignatureHeaders, Verified},
};
use crate::{
    error::{Error, ErrorKind},
    exchange::{AwaitingReply, Failure, Flow, Reply, Step, Waiting, sealed},
    http::{Method, Response},
    id::KeyId,
    pending::Unresolved,
    prelude::*,
    refusal::{Proof, Refusal},
    retry::{Attempts, Ended},
    world::World,
};
use core::error;

/// A call of one operation, not started yet. Retries follow the merchant's [`Policy`](crate::retry::Policy).
#[derive(Clone, Debug)]
#[must_use = "a flow does nothing unless it is run"]
pub struct Call<E> {
    merchant: Merchant,
    endpoint: E,
}

/// A call whose request is being drafted; nothing was sent.
#[derive(Debug)]
struct Drafting<E> {
    call: Call<E>,
    attempts: Attempts,
}

/// A call whose request is drafted, and may have been sent.
#[derive(Debug)]
struct AwaitingOperation<E> {
    call: Call<E>,
    draft: Box<Draft>,
    /// The key that the draft's sensitive fields are sealed with.
    sealing_key: Option<KeyId>,
    attempts: Attempts,
    /// The number of times the host was switched.
    host_index: usize,
}

/// A reply that is being verified.
#[derive(Debug)]
struct Verifying<E> {
    awaiting: AwaitingOperation<E>,
    reply: Response,
    headers: SignatureHeaders,
}

// The call awaits a reply: to its operation, or to a fetch of a key.
#[doc(hidden)]
#[derive(Debug)]
pub struct InFlight<E>(Exchange<E>);

#[derive(Debug)]
enum Exchange<E> {
    SealingKey(AwaitingReply<ObtainKey>, Drafting<E>),
    Operation(AwaitingOperation<E>),
    VerifyingKey(AwaitingReply<ObtainKey>, Box<Verifying<E>>),
}

// The call waits: for the next attempt, or for a fetch by another call.
#[doc(hidden)]
#[derive(Debug)]
pub struct Paused<E>(WaitingFor<E>);

#[derive(Debug)]
enum WaitingFor<E> {
    SealingKey(Waiting<ObtainKey>, Drafting<E>),
    Retry(AwaitingOperation<E>),
    VerifyingKey(Waiting<ObtainKey>, Box<Verifying<E>>),
}

impl Merchant {
    /// Creates a call of any operation.
    pub fn call<E: Endpoint>(&self, endpoint: E) -> Call<E> {
        Call { merchant: self.clone(), endpoint }
    }
}

impl<E: Endpoint> Call<E> {
    pub(super) fn endpoint(&self) -> &E {
        &self.endpoint
    }

    /// Ends the call with an error.
    fn fail(self, error: Error, attempts: Attempts, ended: Ended) -> Step<Self> {
        let endpoint = self.endpoint;
        if endpoint.idempotency() == Idempotency::Safe {
            return Step::Done(Err(error.of_read()));
        }
        let unresolved = || {
            let unresolved = Unresolved::new(endpoint.pending_operation()?);
            // An operation trusts the check of fields only if no money moves.
            Some(unresolved.moving_money(!endpoint.trusts_field_check()))
        };
        Step::Done(Err(attempts.fail(error, ended, unresolved)))
    }
}

impl<E: Endpoint> Drafting<E> {
    fn draft(self, world: &mut World<'_>) -> Step<Call<E>> {
        let mut writer = RequestWriter::new(&self.call.merchant, world);
        let draft = self.call.endpoint.draft(&mut writer);
        let (sealing_key, missing) = writer.finish();
        match (draft, missing) {
            (Ok(draft), _) => {
                let Self { call, attempts, .. } = self;
                AwaitingOperation { call, draft: Box::new(draft), sealing_key, attempts, host_index: 0 }
                    .send(world)
            }
            (Err(_), Some(missing)) => {
                let obtain = ObtainKey::begin_to_seal(&self.call.merchant, missing, self.attempts, world);
                self.obtain(obtain, world)
            }
            (Err(error), None) => self.call.fail(error, self.attempts, Ended::NotSent),
        }
    }

    fn obtain(self, step: Step<ObtainKey>, world: &mut World<'_>) -> Step<Call<E>> {
        match step {
            Step::Send(transmit, obtain) => {
                Step::send(transmit, InFlight(Exchange::SealingKey(obtain, self)))
            }
            Step::Wait(until, obtain) => Step::wait(until, Paused(WaitingFor::SealingKey(obtain, self))),
            Step::Done(Ok(_)) => self.draft(world),
            Step::Done(Err(error)) => self.call.fail(error, self.attempts, Ended::NotSent),
        }
    }
}

impl<E: Endpoint> AwaitingOperation<E> {
    fn send(self, world: &mut World<'_>) -> Step<Call<E>> {
        // The driver may resume the call long after the wait was over.
        if !self.attempts.is_within_deadline(world.now) {
            return self.fail(Error::new(ErrorKind::Exhausted, None), Ended::NotSent);
        }
        let merchant = &self.call.merchant;
        let (base_url, timeout) =
            (merchant.gateway().base_url(self.host_index), self.attempts.timeout(world.now));
        match request::transmit(merchant, &self.draft, self.sealing_key.as_ref(), base_url, timeout, world) {
            Ok(transmit) => Step::send(transmit, InFlight(Exchange::Operation(self))),
            Err(error) => self.fail(error, Ended::NotSent),
        }
    }

    fn on_reply(self, reply: Response, world: &mut World<'_>) -> Step<Call<E>> {
        if is_success(reply.status())
            && let Some(verified) = Verified::unsigned(self.draft.method(), self.draft.target(), reply.body())
        {
            return match self.call.endpoint.read(verified, &self.call.merchant, world) {
                Ok(output) => Step::Done(Ok(output)),
                // Only reads are in the table of unsigned replies.
                Err(error) => self.fail(error, Ended::InDoubt),
            };
        }
        match SignatureHeaders::parse_reply(&reply, world.now) {
            Ok(headers) => {
                let obtain = ObtainKey::to_verify(&self.call.merchant, headers.key_id(), self.attempts);
                Box::new(Verifying { awaiting: self, reply, headers }).obtain(obtain.begin(world), world)
            }
            Err(unverified) => self.unverified(unverified, &reply, world),
        }
    }

    /// Handles a reply that could not be verified. Its content proves nothing, except a refusal by the check of fields
    /// to an operation that trusts it. Its status decides whether to retry.
    fn unverified(
        self,
        cause: impl Into<Box<dyn error::Error + Send + Sync>>,
        reply: &Response,
        world: &mut World<'_>,
    ) -> Step<Call<E>> {
        let error = error_reply::unverified(reply).caused_by(cause);
        if error_reply::is_field_refusal(reply) {
            let trusted = self.call.endpoint.trusts_field_check();
            return self.fail(error, if trusted { Ended::Refused } else { Ended::Denied });
        }
        match reply.status() {
            200..=299 | 429 => self.retry(error, Ended::InDoubt, false, world),
            500.. => self.retry(error, Ended::InDoubt, true, world),
            _ => self.fail(error, Ended::InDoubt),
        }
    }

    /// Handles a verified error object.
    fn refused(self, refusal: Refusal, world: &mut World<'_>) -> Step<Call<E>> {
        let (proof, other_host) = (refusal.code.proof(), refusal.status >= 500);
        let is_final = self.call.endpoint.is_final(&refusal.code);
        let error = Error::refused(refusal, None);
        match proof {
            Proof::Refused if is_final => self.fail(error, Ended::Refused),
            Proof::Refused => self.fail(error, Ended::Denied),
            Proof::Later => self.retry(error, Ended::InDoubt, other_host, world),
            Proof::Nothing => self.fail(error, Ended::InDoubt),
        }
    }

    fn on_failure(self, failure: Failure, world: &mut World<'_>) -> Step<Call<E>> {
        let (ended, error) = Ended::by_failure(failure);
        self.retry(error, ended, true, world)
    }

    fn retry(mut self, error: Error, ended: Ended, other_host: bool, world: &mut World<'_>) -> Step<Call<E>> {
        self.attempts.ended(ended);
        let may_retry = !self.attempts.is_in_doubt() || self.call.endpoint.idempotency() != Idempotency::None;
        let next = if may_retry { self.attempts.next_attempt(world.now, &mut world.entropy) } else { None };
        match next {
            Some(until) => {
                let host_index = self.host_index.wrapping_add(usize::from(other_host));
                Step::wait(until, Paused(WaitingFor::Retry(Self { host_index, ..self })))
            }
            None => self.fail(error, ended),
        }
    }

    fn fail(self, error: Error, ended: Ended) -> Step<Call<E>> {
        // A GET that must not be retried is still a read.
        if self.draft.method() == Method::Get {
            return Step::Done(Err(error.of_read()));
        }
        self.call.fail(error, self.attempts, ended)
    }
}

impl<E: Endpoint> Verifying<E> {
    fn obtain(self: Box<Self>, step: Step<ObtainKey>, world: &mut World<'_>) -> Step<Call<E>> {
        match step {
            Step::Send(transmit, obtain) => {
                Step::send(transmit, InFlight(Exchange::VerifyingKey(obtain, self)))
            }
            Step::Wait(until, obtain) => Step::wait(until, Paused(WaitingFor::VerifyingKey(obtain, self))),
            Step::Done(Ok(key)) => match self.headers.verify(self.reply.body(), &*key) {
                Ok(verified) => Self::on_verified(self.awaiting, verified, &self.reply, world),
                Err(unverified) => self.awaiting.unverified(unverified, &self.reply, world),
            },
            Step::Done(Err(error)) => self.awaiting.unverified(error.into_source(), &self.reply, world),
        }
    }

    fn on_verified(
        awaiting: AwaitingOperation<E>,
        verified: Verified<'_>,
        reply: &Response,
        world: &mut World<'_>,
    ) -> Step<Call<E>> {
        let Call { merchant, endpoint } = &awaiting.call;
        if let Some(refusal) = error_reply::error_object(reply)
            && !(endpoint.success_has_code() && refusal.code.proof() == Proof::Nothing)
        {
            return match endpoint.read_refusal(&refusal) {
                Some(output) => Step::Done(Ok(output)),
                None => awaiting.refused(refusal, world),
            };
        }
        match endpoint.read(verified, merchant, world) {
            Ok(output) => Step::Done(Ok(output)),
            // The signature does not cover the request: an empty body may belong to any other reply.
            Err(error) if reply.body().is_empty() => {
                awaiting.retry(error, Ended::InDoubt, reply.status() >= 500, world)
            }
            Err(error) => awaiting.fail(error.of_carried_out(), Ended::InDoubt),
        }
    }
}

impl<E: Endpoint> sealed::Sealed for Call<E> {}

impl<E: Endpoint> Flow for Call<E> {
    type AwaitingReply = InFlight<E>;
    type Waiting = Paused<E>;
    type Output = E::Output;

    fn may_block(&self) -> bool {
        self.merchant.may_block()
    }

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let attempts = Attempts::new(self.merchant.retry(), world.now);
        Drafting { call: self, attempts }.draft(world)
    }

    fn on_reply(InFlight(exchange): InFlight<E>, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        match (exchange, reply) {
            (Exchange::SealingKey(obtain, drafting), reply) => {
                drafting.obtain(obtain.step(reply, world), world)
            }
            (Exchange::Operation(awaiting), Ok(reply)) => awaiting.on_reply(reply, world),
            (Exchange::Operation(awaiting), Err(failure)) => awaiting.on_failure(failure, world),
            (Exchange::VerifyingKey(obtain, verifying), reply) => {
                verifying.obtain(obtain.step(reply, world), world)
            }
        }
    }

    fn on_wake(Paused(waiting_for): Paused<E>, world: &mut World<'_>) -> Step<Self> {
        match waiting_for {
            WaitingFor::SealingKey(obtain, drafting) => drafting.obtain(obtain.step(world), world),
            WaitingFor::Retry(awaiting) => awaiting.send(world),
            WaitingFor::VerifyingKey(obtain, verifying) => verifying.obtain(obtain.step(world), world),
        }
    }
}

/// Returns whether the status of a reply that is not signed means success.
fn is_success(status: u16) -> bool {
    matches!(status, 200..=299)
}

#[cfg(test)]
mod tests;

//! One call: write, sign, send, verify, read; fetch keys or try again if need be.
//!
//! ```text
//!  begin ─▶ write ─▶ sign and send ──▶ verified? ─ yes ─▶ 2xx ───────────▶ Done(Ok)
//!            │ ▲          ▲  ▲             │  │            └ refusal ─────▶ Done(Err, Refused)
//!   key to seal│          │  └─ key fetched┘  └─ no ───┐
//!   is fetched─┘          └── pause ◀── 202, 429, 5xx, lost, unreadable, unverified: in doubt from here on
//!                                            └ no try left ──────────────▶ Done(Err, NotSent | Unknown)
//! ```
//!
//! * **write**: nothing was sent; the money is where it was. It is written once: every try sends the same bytes,
//!   under the same number, signed anew.
//! * **sent**: WeChat Pay may have it. A reply that arrives signed by a key that is not known yet waits for the key;
//!   its time was checked when it arrived.
//! * **in doubt**: some try may have been carried out. Only a verified success of a later try ends the doubt; a
//!   refusal does not, for it may be the first try's success that it stumbles over.
//!
//! After a failure of the network or of the gateway the next try goes to the backup host, then back. No try begins
//! after the deadline, and none is waited for beyond it. `protocol/v3` sections 11 and 13.

pub use super::endpoint::Endpoint;
use super::{
    certificates::FetchKeys,
    endpoint::{Draft, Repeat},
    merchant::Merchant,
    refused::{self, Refused},
    request,
    seal::{Pen, Wanted},
    verify::{Claim, Distrust, Verified},
};
use crate::{
    error::{Error, ErrorKind, Fate},
    exchange::{Failure, Flow, Reply, Sent, Step, sealed},
    http::Response,
    id::KeyId,
    memory::KeyClaim,
    retry::Tries,
    world::World,
};
use alloc::boxed::Box;

/// A call that has not begun. It is tried by the merchant's [`Policy`](crate::retry::Policy).
#[derive(Clone, Debug)]
pub struct Call<E> {
    me: Merchant,
    endpoint: E,
}

/// A call that is being written.
#[derive(Debug)]
struct Writing<E> {
    call: Call<E>,
    tries: Tries,
    /// The key to seal with was fetched for this call already.
    fetched: bool,
}

/// A call that is written, and may have been sent.
#[derive(Debug)]
struct Calling<E> {
    call: Call<E>,
    draft: Box<Draft>,
    /// The key that the draft is sealed with.
    sealed_with: Option<KeyId>,
    tries: Tries,
    /// Some earlier try may have been carried out.
    doubt: bool,
    /// How often the host was changed.
    turn: usize,
}

/// A reply that is being verified.
#[derive(Debug)]
struct Held<E> {
    calling: Calling<E>,
    reply: Response,
    claim: Claim,
    /// Keys were fetched for this reply already.
    fetched: bool,
}

/// A call with a request out.
#[derive(Debug)]
pub struct Asking<E>(Ask<E>);

#[derive(Debug)]
enum Ask<E> {
    KeyToSeal(Sent<FetchKeys>, Writing<E>),
    Operation(Calling<E>),
    KeyToVerify(Sent<FetchKeys>, Held<E>),
}

/// A call that waits.
#[derive(Debug)]
pub struct Pausing<E>(Pause<E>);

#[derive(Debug)]
enum Pause<E> {
    KeyToSeal(Writing<E>),
    BetweenTries(Calling<E>),
    KeyToVerify(Held<E>),
}

impl Merchant {
    /// Calls any operation.
    #[must_use]
    pub fn call<E: Endpoint>(&self, endpoint: E) -> Call<E> {
        Call { me: self.clone(), endpoint }
    }
}

impl<E: Endpoint> Writing<E> {
    fn write(self, world: &mut World<'_>) -> Step<Call<E>> {
        let mut pen = Pen::new(&self.call.me, world);
        let draft = self.call.endpoint.draft(&mut pen);
        let (sealed_with, wanted) = pen.put_down();
        match (draft, wanted) {
            (Ok(draft), _) => {
                let Self { call, tries, .. } = self;
                Calling { call, draft: Box::new(draft), sealed_with, tries, doubt: false, turn: 0 }.ask(world)
            }
            (Err(_), Some(Wanted::Fetch(lease))) if !self.fetched => {
                let fetch = FetchKeys::new(self.call.me.clone(), lease, Some(&self.tries), world.now);
                Self { fetched: true, ..self }.fetching(fetch.begin(world), world)
            }
            (Err(_), Some(Wanted::Wait(until))) if self.tries.may_begin(until) => {
                Step::wait(until, Pausing(Pause::KeyToSeal(self)))
            }
            (Err(error), wanted) => {
                if let Some(Wanted::Fetch(lease)) = wanted {
                    world.memory.platform_keys_of(self.call.me.mchid()).give_up(&lease);
                }
                Step::Done(Err(error.before_sending()))
            }
        }
    }

    fn fetching(self, step: Step<FetchKeys>, world: &mut World<'_>) -> Step<Call<E>> {
        match step {
            Step::Send(hop, fetch) => Step::send(hop, Asking(Ask::KeyToSeal(fetch, self))),
            Step::Wait(_, asleep) => asleep.never(),
            Step::Done(Ok(())) => self.write(world),
            Step::Done(Err(error)) => Step::Done(Err(error.before_sending())),
        }
    }
}

impl<E: Endpoint> Calling<E> {
    fn ask(self, world: &mut World<'_>) -> Step<Call<E>> {
        // It may be woken late.
        if !self.tries.may_begin(world.now) {
            return self.fail(Error::new(ErrorKind::Exhausted, Fate::NotSent));
        }
        let me = &self.call.me;
        let (base_url, timeout) = (me.gateway().at(self.turn), self.tries.timeout(world.now));
        match request::hop(me, &self.draft, self.sealed_with.as_ref(), base_url, timeout, world) {
            Ok(hop) => Step::send(hop, Asking(Ask::Operation(self))),
            Err(error) => self.fail(error),
        }
    }

    fn replied(self, reply: Response, world: &mut World<'_>) -> Step<Call<E>> {
        if is_success(reply.status())
            && let Some(verified) = Verified::unsigned(self.draft.method(), self.draft.target(), reply.body())
        {
            return match self.call.endpoint.read(verified, &self.call.me, world) {
                Ok(output) => Step::Done(Ok(output)),
                Err(error) => self.misread(error, world),
            };
        }
        let claim = Claim::of_reply(&reply, world.now);
        match claim {
            Ok(claim) => Held { calling: self, reply, claim, fetched: false }.verify(world),
            Err(distrust) => self.distrust(distrust, &reply, world),
        }
    }

    /// A reply that is not to be believed. Whatever it says, it may be otherwise.
    fn distrust(self, distrust: Distrust, reply: &Response, world: &mut World<'_>) -> Step<Call<E>> {
        if is_success(reply.status()) {
            return self.misread(distrust.into_error(), world);
        }
        // What it says is worth showing, and tells whether trying again can help.
        let error =
            Refused { refusal: refused::refusal(reply), verified: false }.into_error().caused_by(distrust);
        self.refused(reply.status(), error, world)
    }

    fn refused(self, status: u16, error: Error, world: &mut World<'_>) -> Step<Call<E>> {
        match status {
            202 | 429 => self.try_again(error, false, world),
            500.. => self.try_again(error, true, world),
            _ => self.fail(error),
        }
    }

    /// A success that cannot be read, believed, or made use of. The request may have been carried out, whatever the
    /// reader says.
    fn misread(self, error: Error, world: &mut World<'_>) -> Step<Call<E>> {
        let error = error.after_doubt(true);
        match error.kind() {
            ErrorKind::Signature | ErrorKind::Malformed => self.try_again(error, false, world),
            ErrorKind::Misuse
            | ErrorKind::Transport
            | ErrorKind::Refused
            | ErrorKind::Unavailable
            | ErrorKind::Exhausted => self.fail(error),
        }
    }

    fn lost(self, failure: Failure, world: &mut World<'_>) -> Step<Call<E>> {
        let (source, fate) = match failure {
            Failure::NotSent(source) => (source, Fate::NotSent),
            Failure::Lost(source) => (source, Fate::Unknown),
        };
        self.try_again(Error::new(ErrorKind::Transport, fate).caused_by(source), true, world)
    }

    fn try_again(mut self, error: Error, elsewhere: bool, world: &mut World<'_>) -> Step<Call<E>> {
        let doubt = self.doubt || error.fate() == Fate::Unknown;
        let may_repeat = !doubt || self.call.endpoint.repeat() != Repeat::Never;
        let again = if may_repeat { self.tries.again(world.now, &mut world.entropy) } else { None };
        match again {
            Some(until) => {
                let turn = self.turn.wrapping_add(usize::from(elsewhere));
                Step::wait(until, Pausing(Pause::BetweenTries(Self { doubt, turn, ..self })))
            }
            None => self.fail(error),
        }
    }

    fn fail(self, error: Error) -> Step<Call<E>> {
        let error = error.after_doubt(self.doubt);
        Step::Done(Err(match self.call.endpoint.debt() {
            Some(debt) => error.owing(|| debt),
            None => error,
        }))
    }
}

impl<E: Endpoint> Held<E> {
    fn verify(self, world: &mut World<'_>) -> Step<Call<E>> {
        let me = &self.calling.call.me;
        match me.key(self.claim.key(), world.memory, world.now) {
            KeyClaim::Use(key) => match self.claim.verify(self.reply.body(), &*key) {
                Ok(verified) => Self::judge(self.calling, verified, &self.reply, world),
                Err(distrust) => self.calling.distrust(distrust, &self.reply, world),
            },
            KeyClaim::Fetch(lease) if !self.fetched => {
                let fetch = FetchKeys::new(me.clone(), lease, Some(&self.calling.tries), world.now);
                Self { fetched: true, ..self }.fetching(fetch.begin(world), world)
            }
            KeyClaim::Wait(until) if self.calling.tries.may_begin(until) => {
                Step::wait(until, Pausing(Pause::KeyToVerify(self)))
            }
            claim @ (KeyClaim::Fetch(_) | KeyClaim::Wait(_) | KeyClaim::Unknown) => {
                if let KeyClaim::Fetch(lease) = claim {
                    world.memory.platform_keys_of(me.mchid()).give_up(&lease);
                }
                self.unknown_key(world)
            }
        }
    }

    fn fetching(self, step: Step<FetchKeys>, world: &mut World<'_>) -> Step<Call<E>> {
        match step {
            Step::Send(hop, fetch) => Step::send(hop, Asking(Ask::KeyToVerify(fetch, self))),
            Step::Wait(_, asleep) => asleep.never(),
            Step::Done(Ok(())) => self.verify(world),
            Step::Done(Err(_)) => self.unknown_key(world),
        }
    }

    fn unknown_key(self, world: &mut World<'_>) -> Step<Call<E>> {
        self.calling.distrust(Distrust::UnknownKey(self.claim.key().clone()), &self.reply, world)
    }

    fn judge(
        calling: Calling<E>,
        verified: Verified<'_>,
        reply: &Response,
        world: &mut World<'_>,
    ) -> Step<Call<E>> {
        let Call { me, endpoint } = &calling.call;
        if is_success(reply.status()) {
            return match endpoint.read(verified, me, world) {
                Ok(output) => Step::Done(Ok(output)),
                Err(error) => calling.misread(error, world),
            };
        }
        let refusal = refused::refusal(reply);
        match endpoint.refused(&refusal) {
            Some(output) => Step::Done(Ok(output)),
            None => calling.refused(reply.status(), Refused { refusal, verified: true }.into_error(), world),
        }
    }
}

impl<E: Endpoint> sealed::Sealed for Call<E> {}

impl<E: Endpoint> Flow for Call<E> {
    type Sent = Asking<E>;
    type Asleep = Pausing<E>;
    type Output = E::Output;

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let tries = Tries::new(self.me.retry(), world.now);
        Writing { call: self, tries, fetched: false }.write(world)
    }

    fn replied(Asking(ask): Asking<E>, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        match (ask, reply) {
            (Ask::KeyToSeal(fetch, writing), reply) => writing.fetching(fetch.step(reply, world), world),
            (Ask::Operation(calling), Ok(reply)) => calling.replied(reply, world),
            (Ask::Operation(calling), Err(failure)) => calling.lost(failure, world),
            (Ask::KeyToVerify(fetch, held), reply) => held.fetching(fetch.step(reply, world), world),
        }
    }

    fn woke(Pausing(pause): Pausing<E>, world: &mut World<'_>) -> Step<Self> {
        match pause {
            Pause::KeyToSeal(writing) => writing.write(world),
            Pause::BetweenTries(calling) => calling.ask(world),
            Pause::KeyToVerify(held) => held.verify(world),
        }
    }
}

/// 202 is a success of HTTP, but says that it is not over.
fn is_success(status: u16) -> bool {
    matches!(status, 200..=299) && status != 202
}

#[cfg(test)]
mod tests;

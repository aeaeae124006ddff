//! Hearing a notice: a flow of no hop, or of one when its key must be fetched.
//!
//! ```text
//!  begin ─▶ headers, time ─▶ key known? ── yes ─▶ verify ─▶ open ─▶ Done(Ok(Notice))
//!                 │            │      ▲              └────────┴──▶ Done(Err): it tells nothing
//!                 └ wrong ─▶   │ fetch│, or wait for whoever fetches: four seconds in all
//! ```
//!
//! `protocol/v3` section 12.

use super::{
    certificates::FetchKeys,
    merchant::Merchant,
    notice::Notice,
    verify::{self, Claim, Distrust},
};
use crate::{
    clock::UnixTime,
    error::{Error, ErrorKind, Fate},
    exchange::{Flow, Reply, Sent, Step, sealed},
    memory::KeyClaim,
    retry::{Policy, Tries},
    world::World,
};
use alloc::{string::String, vec::Vec};
use core::{fmt, ops::Range, time::Duration};

/// How many bytes the body of a notice may have.
pub const MAX_BODY: usize = 1024 * 1024;

/// How long hearing may take; WeChat Pay waits five seconds for the answer.
pub const PATIENCE: Duration = Duration::from_secs(4);

/// A notice as it came in: nothing of it is to be believed yet.
#[derive(Clone)]
pub struct Received {
    /// Names, and where in the values each one's lies.
    headers: Vec<(&'static str, Range<usize>)>,
    /// One behind the other: a notice is kept in few pieces.
    values: Vec<u8>,
    body: Vec<u8>,
}

impl Received {
    /// Takes up a notice: the raw body, byte for byte.
    #[must_use]
    pub fn new(body: Vec<u8>) -> Self {
        Self { headers: Vec::new(), values: Vec::new(), body }
    }

    /// With a header as it came. All may be given; those that the signature is not told by are passed over.
    #[must_use]
    pub fn with(mut self, name: &str, value: &[u8]) -> Self {
        if let Some(name) = verify::header(name) {
            let begin = self.values.len();
            self.values.extend_from_slice(value);
            self.headers.push((name, begin..self.values.len()));
        }
        self
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        self.headers.iter().map(|(name, at)| (*name, self.values.get(at.clone()).unwrap_or_default()))
    }

    /// The string under the signature, for debugging. Nothing is verified.
    #[must_use]
    pub fn string_to_sign(&self) -> Vec<u8> {
        let header = |name: &str| {
            let value = self.headers().find(|(given, _)| *given == name);
            value.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
        };
        super::message::reply(&header("Wechatpay-Timestamp"), &header("Wechatpay-Nonce"), &self.body)
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("body_len", &self.body.len()).finish_non_exhaustive()
    }
}

/// Hears a notice: verifies it, opens it, and comes to what it says.
#[derive(Debug)]
pub struct Hear {
    me: Merchant,
    received: Received,
}

/// A notice that claims a key.
#[derive(Debug)]
struct Hearing {
    hear: Hear,
    claim: Claim,
    tries: Tries,
    /// Keys were fetched for this notice already.
    fetched: bool,
}

/// A notice whose key is being fetched.
#[derive(Debug)]
pub struct Asking(Sent<FetchKeys>, Hearing);

/// A notice that waits for whoever fetches the key.
#[derive(Debug)]
pub struct Pausing(Hearing);

impl Merchant {
    /// Hears a notice.
    ///
    /// Comes to an [`Error`] when anything about it is wrong, or its key cannot be had. Then it tells
    /// nothing, and [`Ack::to_unheard`](super::Ack::to_unheard) is the answer to give.
    #[must_use]
    pub fn hear(&self, received: Received) -> Hear {
        Hear { me: self.clone(), received }
    }
}

impl Hearing {
    fn hear(self, world: &mut World<'_>) -> Step<Hear> {
        let me = &self.hear.me;
        match me.key(self.claim.key(), world.memory, world.now) {
            KeyClaim::Use(key) => {
                let Hear { me, received } = &self.hear;
                let verified = self.claim.verify(&received.body, &*key).map_err(Distrust::into_error);
                done(verified.and_then(|verified| Notice::open(me, verified)))
            }
            KeyClaim::Fetch(lease) if !self.fetched => {
                let fetch = FetchKeys::new(me.clone(), lease, Some(&self.tries), world.now);
                Self { fetched: true, ..self }.fetching(fetch.begin(world), world)
            }
            KeyClaim::Wait(until) if self.tries.may_begin(until) => Step::wait(until, Pausing(self)),
            KeyClaim::Wait(_) => done(Err(Error::new(ErrorKind::Exhausted, Fate::NotSent))),
            claim @ (KeyClaim::Fetch(_) | KeyClaim::Unknown) => {
                if let KeyClaim::Fetch(lease) = claim {
                    world.memory.platform_keys_of(me.mchid()).give_up(&lease);
                }
                done(Err(Distrust::UnknownKey(self.claim.key().clone()).into_error()))
            }
        }
    }

    fn fetching(self, step: Step<FetchKeys>, world: &mut World<'_>) -> Step<Hear> {
        match step {
            Step::Send(hop, fetch) => Step::send(hop, Asking(fetch, self)),
            Step::Wait(_, asleep) => asleep.never(),
            Step::Done(Ok(())) => self.hear(world),
            // It may be genuine: let it come again.
            Step::Done(Err(error)) => done(Err(error)),
        }
    }
}

/// Nothing was asked for by hearing, so nothing can have been carried out.
fn done(result: Result<Notice, Error>) -> Step<Hear> {
    Step::Done(result.map_err(Error::before_sending))
}

fn policy(me: &Merchant) -> Policy {
    let mut policy = me.retry();
    policy.deadline = policy.deadline.min(PATIENCE);
    policy
}

impl sealed::Sealed for Hear {}

impl Flow for Hear {
    type Sent = Asking;
    type Asleep = Pausing;
    type Output = Notice;

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let now: UnixTime = world.now;
        if self.received.body.len() > MAX_BODY {
            return done(Err(verify::malformed()));
        }
        let claim = Claim::of(&self.received.headers(), now);
        match claim {
            Ok(claim) => {
                let tries = Tries::new(policy(&self.me), now);
                Hearing { hear: self, claim, tries, fetched: false }.hear(world)
            }
            Err(distrust) => done(Err(distrust.into_error())),
        }
    }

    fn replied(Asking(fetch, hearing): Asking, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        hearing.fetching(fetch.step(reply, world), world)
    }

    fn woke(Pausing(hearing): Pausing, world: &mut World<'_>) -> Step<Self> {
        hearing.hear(world)
    }
}

#[cfg(test)]
mod tests;

//! The platform certificates: fetched, opened, proved, kept.
//!
//! The reply that brings the certificates is signed with one of them, which nobody has before. So: open each with
//! the APIv3 key, which proves it; read it, and check that it is the one it is said to be; then verify *this same
//! reply* with the key it names; and only then believe any of it. `protocol/v3` section 5.

mod list;

pub use list::{Certificates, PlatformCertificate};

use super::{
    endpoint::Draft,
    merchant::Merchant,
    refused::{self, Refused},
    request,
    verify::{Claim, Distrust, malformed},
};
use crate::{
    clock::UnixTime,
    error::{Error, ErrorKind, Fate},
    exchange::{Failure, Flow, Never, Reply, Sent, Step, sealed},
    http::Response,
    id::{KeyId, SerialNo},
    memory::{Lease, PlatformKey},
    retry::Tries,
    world::World,
};
use alloc::vec::Vec;
use core::time::Duration;

const LABEL: &str = "v3.certificates";

/// Fetches the certificates under a lease, and puts them into memory.
#[derive(Debug)]
pub(super) struct FetchKeys {
    me: Merchant,
    lease: Lease,
    /// How long it may take, if somebody waits for it.
    timeout: Duration,
}

/// A fetch with its request out.
#[derive(Debug)]
pub(super) struct Fetching {
    me: Merchant,
    lease: Lease,
}

impl FetchKeys {
    pub(super) fn new(me: Merchant, lease: Lease, tries: Option<&Tries>, now: UnixTime) -> Self {
        let timeout = tries.map_or_else(|| me.retry().timeout, |tries| tries.timeout(now));
        Self { me, lease, timeout }
    }
}

impl Fetching {
    fn read(&self, reply: &Response, now: UnixTime) -> Result<Vec<(SerialNo, PlatformKey)>, Error> {
        if reply.status() != 200 {
            return Self::refused(reply);
        }
        let opened = PlatformCertificate::open_list(&self.me, reply.body())?;
        let usable = |opened: &PlatformCertificate| {
            let key = PlatformKey::of(self.me.provider(), &opened.certificate);
            key.map_err(|cause| malformed().caused_by(cause))
        };
        let keys = opened.iter().map(usable).collect::<Result<Vec<_>, Error>>()?;
        self.prove(reply, &keys, now).map_err(Distrust::into_error)?;
        Ok(keys)
    }

    /// Having no certificates is an empty list.
    fn refused(reply: &Response) -> Result<Vec<(SerialNo, PlatformKey)>, Error> {
        let refusal = refused::refusal(reply);
        if list::has_none(&refusal) {
            return Ok(Vec::new());
        }
        Err(Refused { refusal, verified: false }.into_error())
    }

    /// The reply is signed by one of the keys it brings, or by a public key that was known before.
    fn prove(
        &self,
        reply: &Response,
        keys: &[(SerialNo, PlatformKey)],
        now: UnixTime,
    ) -> Result<(), Distrust> {
        let claim = Claim::of_reply(reply, now)?;
        let brought = |serial: &SerialNo| {
            keys.iter()
                .find(|(brought, key)| brought == serial && now < key.not_after)
                .map(|(_, key)| &key.key)
        };
        let key = match claim.key() {
            KeyId::Certificate(serial) => brought(serial),
            KeyId::PublicKey(id) => self.me.public_key(id),
        };
        let key = key.ok_or_else(|| Distrust::UnknownKey(claim.key().clone()))?;
        claim.verify(reply.body(), &**key).map(|_| ())
    }
}

impl sealed::Sealed for FetchKeys {}

impl Flow for FetchKeys {
    type Sent = Fetching;
    type Asleep = Never;
    type Output = ();

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let Self { me, lease, timeout } = self;
        match request::hop(&me, &Draft::get(LABEL, list::TARGET), None, me.gateway().at(0), timeout, world) {
            Ok(hop) => Step::send(hop, Fetching { me, lease }),
            Err(error) => {
                world.memory.platform_keys_of(me.mchid()).give_up(&lease);
                Step::Done(Err(error))
            }
        }
    }

    fn replied(fetching: Fetching, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        let read = match reply {
            Ok(reply) => fetching.read(&reply, world.now),
            Err(Failure::NotSent(source)) => {
                Err(Error::new(ErrorKind::Transport, Fate::NotSent).caused_by(source))
            }
            Err(Failure::Lost(source)) => {
                Err(Error::new(ErrorKind::Transport, Fate::Unknown).caused_by(source))
            }
        };
        let Fetching { me, lease } = fetching;
        let known = world.memory.platform_keys_of(me.mchid());
        Step::Done(match read {
            Ok(keys) => {
                known.fill(&lease, keys, world.now);
                Ok(())
            }
            Err(error) => {
                known.give_up(&lease);
                Err(error)
            }
        })
    }

    fn woke(asleep: Never, _: &mut World<'_>) -> Step<Self> {
        match asleep {}
    }
}

/// Fetches the platform certificates if it is time; does nothing if it is not, if somebody else is at it, or if the
/// merchant believes a public key alone.
///
/// For a background task: run it at [`Memory::next_key_upkeep`](crate::memory::Memory::next_key_upkeep), so that
/// nothing waits for a key. A start need not wait for it: what is missing is fetched when it is needed.
#[derive(Clone, Debug)]
pub struct KeepKeys(Merchant);

/// An upkeep with its request out.
#[derive(Debug)]
pub struct Keeping(Sent<FetchKeys>);

impl Merchant {
    /// Fetches the platform certificates if it is time.
    #[must_use]
    pub fn keep_keys(&self) -> KeepKeys {
        KeepKeys(self.clone())
    }
}

impl KeepKeys {
    fn follow(step: Step<FetchKeys>) -> Step<Self> {
        match step {
            Step::Send(hop, fetch) => Step::send(hop, Keeping(fetch)),
            Step::Wait(_, asleep) => asleep.never(),
            Step::Done(result) => Step::Done(result),
        }
    }
}

impl sealed::Sealed for KeepKeys {}

impl Flow for KeepKeys {
    type Sent = Keeping;
    type Asleep = Never;
    type Output = ();

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let Self(me) = self;
        if !me.fetches_certificates() {
            return Step::Done(Ok(()));
        }
        match world.memory.platform_keys_of(me.mchid()).claim_refresh(world.now) {
            Some(lease) => Self::follow(FetchKeys::new(me, lease, None, world.now).begin(world)),
            None => Step::Done(Ok(())),
        }
    }

    fn replied(Keeping(fetch): Keeping, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        Self::follow(fetch.step(reply, world))
    }

    fn woke(asleep: Never, _: &mut World<'_>) -> Step<Self> {
        match asleep {}
    }
}

#[cfg(test)]
mod tests;

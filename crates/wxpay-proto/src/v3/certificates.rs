//! The platform certificates: fetching, decryption, verification, caching.
//!
//! The reply that contains the certificates is signed with one of them, which the merchant does not have yet. So the
//! order is: decrypt each certificate with the APIv3 key, which authenticates it; parse it, and check that its serial
//! number is the announced one; then verify *this same reply* with the key that `Wechatpay-Serial` names. No
//! certificate is trusted before. A key that is trusted already is used instead of the listed one of the same number.
//!
//! A fetch that fails keeps its cause in memory, as a [`KeyProblem`]: for the flows that waited for it, and for those that
//! may not fetch again yet.
//!
//! Source: [the rules](crate::manual::protocol#platform-keys).

mod list;

pub use list::{Certificates, PlatformCertificate};

use super::{
    endpoint::Draft,
    error_reply,
    merchant::Merchant,
    request,
    seal::DecryptError,
    verify::{SignatureHeaders, VerifyError, malformed, unverified},
};
use crate::{
    error::Error,
    exchange::{AwaitingReply, Failure, Flow, Never, Reply, Step, sealed},
    http::Response,
    id::{KeyId, SerialNo},
    memory::{KeyError, KeyProblem, Lease, PlatformKey},
    prelude::*,
    world::World,
};
use core::{error::Error as _, time::Duration};

const LABEL: &str = "v3.certificates";

/// Fetches the certificates under a lease, and caches them in memory.
#[derive(Debug)]
pub(super) struct FetchPlatformKeys {
    merchant: Merchant,
    lease: Lease,
    /// The timeout of the request.
    timeout: Duration,
}

/// A fetch that awaits its reply.
#[derive(Debug)]
pub(super) struct AwaitingCertificates {
    merchant: Merchant,
    lease: Lease,
}

impl FetchPlatformKeys {
    pub(super) fn new(merchant: Merchant, lease: Lease, timeout: Duration) -> Self {
        Self { merchant, lease, timeout }
    }
}

impl AwaitingCertificates {
    fn read(
        &self,
        reply: &Response,
        world: &mut World<'_>,
    ) -> Result<Vec<(SerialNo, PlatformKey)>, KeyProblem> {
        if reply.status() != 200 {
            let refusal = Arc::new(error_reply::parse(reply));
            let none = list::has_no_certificates(&refusal);
            return Err(if none {
                KeyProblem::NoCertificates(refusal)
            } else {
                KeyProblem::Refused(refusal)
            });
        }
        self.read_list(reply, world).map_err(|error| {
            let undecryptable = error.source().is_some_and(<dyn core::error::Error>::is::<DecryptError>);
            if undecryptable { KeyProblem::Undecryptable } else { KeyProblem::InvalidList(Arc::new(error)) }
        })
    }

    fn read_list(
        &self,
        reply: &Response,
        world: &mut World<'_>,
    ) -> Result<Vec<(SerialNo, PlatformKey)>, Error> {
        let certificates = PlatformCertificate::decrypt_list(&self.merchant, reply.body())?;
        let to_key = |entry: &PlatformCertificate| {
            let key = PlatformKey::of(self.merchant.provider(), &entry.certificate);
            key.map_err(|cause| malformed().caused_by(cause))
        };
        let keys = certificates.iter().map(to_key).collect::<Result<Vec<_>, Error>>()?;
        self.verify(reply, &keys, world)?;
        Ok(keys)
    }

    /// Verifies the reply with the key that it names: the one trusted before, or else the one in the list. Each serial
    /// number has one key, so that the key that verifies is the key that is used.
    fn verify(
        &self,
        reply: &Response,
        keys: &[(SerialNo, PlatformKey)],
        world: &mut World<'_>,
    ) -> Result<(), Error> {
        let now = world.now;
        let headers = SignatureHeaders::parse_reply(reply, now).map_err(VerifyError::into_error)?;
        let id = headers.key_id();
        let listed = || {
            let KeyId::Certificate(serial) = id else { return None };
            keys.iter()
                .find(|(listed, key)| listed == serial && key.is_usable(now))
                .map(|(_, key)| key.key.clone())
        };
        let key = self.merchant.trusted_key(id, world).or_else(listed);
        let key = key.ok_or_else(|| unverified(KeyError::new(Some(id.clone()), KeyProblem::NotListed)))?;
        headers.verify(reply.body(), &*key).map(|_| ()).map_err(VerifyError::into_error)
    }
}

impl sealed::Sealed for FetchPlatformKeys {}

impl Flow for FetchPlatformKeys {
    type AwaitingReply = AwaitingCertificates;
    type Waiting = Never;
    type Output = ();

    fn may_block(&self) -> bool {
        self.merchant.may_block()
    }

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let Self { merchant, lease, timeout } = self;
        match request::transmit(
            &merchant,
            &Draft::get(LABEL, list::TARGET),
            None,
            merchant.gateway().base_url(0),
            timeout,
            world,
        ) {
            Ok(transmit) => Step::send(transmit, AwaitingCertificates { merchant, lease }),
            Err(error) => fail(&merchant, &lease, KeyProblem::NotSigned(Arc::new(error)), world),
        }
    }

    fn on_reply(fetching: AwaitingCertificates, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        let read = match reply {
            Ok(reply) => fetching.read(&reply, world),
            Err(Failure::NotSent(source) | Failure::Lost(source)) => {
                Err(KeyProblem::NoReply(Arc::from(source)))
            }
        };
        let AwaitingCertificates { merchant, lease } = fetching;
        let now = world.now;
        match read {
            Ok(keys) => {
                world.memory(|memory| memory.platform_keys_of(merchant.mchid()).fill(&lease, keys, now));
                Step::Done(Ok(()))
            }
            Err(problem) => fail(&merchant, &lease, problem, world),
        }
    }

    fn on_wake(waiting: Never, _: &mut World<'_>) -> Step<Self> {
        match waiting {}
    }
}

/// Ends a fetch without certificates. The memory keeps the problem for the flows that wait for them. That there are no
/// certificates is an answer, and no failure.
fn fail(
    merchant: &Merchant,
    lease: &Lease,
    problem: KeyProblem,
    world: &mut World<'_>,
) -> Step<FetchPlatformKeys> {
    let now = world.now;
    let kept = problem.clone();
    world.memory(|memory| memory.platform_keys_of(merchant.mchid()).fail(lease, kept, now));
    let none = matches!(problem, KeyProblem::NoCertificates(_));
    Step::Done(if none { Ok(()) } else { Err(KeyError::new(None, problem).into_error()) })
}

/// Fetches the platform certificates if they are due. Does nothing if they are not, if another fetch is in progress, or
/// if the merchant trusts public keys alone.
///
/// Fails with an [`Error`] whose source is a [`KeyError`] if the certificates cannot be fetched. Cached ones stay in use.
///
/// Run it in a background task, at
/// [`Memory::next_platform_key_refresh`](crate::memory::Memory::next_platform_key_refresh), so that no call waits for a
/// key. Startup need not wait for it: a missing key is fetched when it is needed.
#[derive(Clone, Debug)]
#[must_use = "a flow does nothing unless it is run"]
pub struct RefreshPlatformKeys(Merchant);

// The refresh awaits the reply with the certificates.
#[doc(hidden)]
#[derive(Debug)]
pub struct Refreshing(AwaitingReply<FetchPlatformKeys>);

impl Merchant {
    /// Fetches the platform certificates if they are due; see [`RefreshPlatformKeys`].
    pub fn refresh_platform_keys(&self) -> RefreshPlatformKeys {
        RefreshPlatformKeys(self.clone())
    }
}

impl RefreshPlatformKeys {
    fn from_fetch(step: Step<FetchPlatformKeys>) -> Step<Self> {
        match step {
            Step::Send(transmit, fetch) => Step::send(transmit, Refreshing(fetch)),
            Step::Wait(_, waiting) => waiting.never(),
            Step::Done(result) => Step::Done(result.map_err(Error::of_read)),
        }
    }
}

impl sealed::Sealed for RefreshPlatformKeys {}

impl Flow for RefreshPlatformKeys {
    type AwaitingReply = Refreshing;
    type Waiting = Never;
    type Output = ();

    fn may_block(&self) -> bool {
        self.0.may_block()
    }

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let Self(merchant) = self;
        if !merchant.fetches_certificates() {
            return Step::Done(Ok(()));
        }
        let now = world.now;
        match world.memory(|memory| memory.platform_keys_of(merchant.mchid()).claim_refresh(now)) {
            Some(lease) => {
                let timeout = merchant.retry().timeout;
                Self::from_fetch(FetchPlatformKeys::new(merchant, lease, timeout).begin(world))
            }
            None => Step::Done(Ok(())),
        }
    }

    fn on_reply(Refreshing(fetch): Refreshing, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        Self::from_fetch(fetch.step(reply, world))
    }

    fn on_wake(waiting: Never, _: &mut World<'_>) -> Step<Self> {
        match waiting {}
    }
}

#[cfg(test)]
mod tests;

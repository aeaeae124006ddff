//! The platform certificates: fetching, decryption, verification, caching.
//!
//! The reply that contains the certificates is signed with one of them, which the merchant does not have yet. So the
//! order is: decrypt each certificate with the APIv3 key, which authenticates it; parse it, and check that its serial
//! number is the announced one; then verify *this same reply* with the key that `Wechatpay-Serial` names. No
//! certificate is trusted before.

mod list;

pub use list::{Certificates, PlatformCertificate};

use super::{
    endpoint::Draft,
    error_reply,
    merchant::Merchant,
    request,
    verify::{SignatureHeaders, VerifyError, malformed},
};
use crate::{
    clock::UnixTime,
    error::{Error, ErrorKind},
    exchange::{AwaitingReply, Failure, Flow, Never, Reply, Step, sealed},
    http::Response,
    id::{KeyId, SerialNo},
    memory::{Lease, PlatformKey},
    retry::Attempts,
    world::World,
};
use alloc::vec::Vec;
use core::time::Duration;

const LABEL: &str = "v3.certificates";

/// Fetches the certificates under a lease, and caches them in memory.
#[derive(Debug)]
pub(super) struct FetchPlatformKeys {
    merchant: Merchant,
    lease: Lease,
    /// The timeout of the request: the remaining time of the waiting call, or the timeout of the policy.
    timeout: Duration,
}

/// A fetch that awaits its reply.
#[derive(Debug)]
pub(super) struct AwaitingCertificates {
    merchant: Merchant,
    lease: Lease,
}

impl FetchPlatformKeys {
    pub(super) fn new(merchant: Merchant, lease: Lease, attempts: Option<&Attempts>, now: UnixTime) -> Self {
        let timeout = attempts.map_or_else(|| merchant.retry().timeout, |attempts| attempts.timeout(now));
        Self { merchant, lease, timeout }
    }
}

impl AwaitingCertificates {
    fn read(&self, reply: &Response, now: UnixTime) -> Result<Vec<(SerialNo, PlatformKey)>, Error> {
        if reply.status() != 200 {
            return Self::read_refusal(reply);
        }
        let certificates = PlatformCertificate::decrypt_list(&self.merchant, reply.body())?;
        let to_key = |entry: &PlatformCertificate| {
            let key = PlatformKey::of(self.merchant.provider(), &entry.certificate);
            key.map_err(|cause| malformed().caused_by(cause))
        };
        let keys = certificates.iter().map(to_key).collect::<Result<Vec<_>, Error>>()?;
        self.verify(reply, &keys, now).map_err(VerifyError::into_error)?;
        Ok(keys)
    }

    /// Maps "no certificates", which WeChat Pay reports as an error, to an empty list.
    fn read_refusal(reply: &Response) -> Result<Vec<(SerialNo, PlatformKey)>, Error> {
        let refusal = error_reply::parse(reply);
        if list::has_no_certificates(&refusal) {
            return Ok(Vec::new());
        }
        Err(error_reply::unverified(reply))
    }

    /// Verifies the reply with one of the keys it contains, or with a public key that was configured before.
    fn verify(
        &self,
        reply: &Response,
        keys: &[(SerialNo, PlatformKey)],
        now: UnixTime,
    ) -> Result<(), VerifyError> {
        let headers = SignatureHeaders::parse_reply(reply, now)?;
        let listed = |serial: &SerialNo| {
            keys.iter().find(|(listed, key)| listed == serial && now < key.not_after).map(|(_, key)| &key.key)
        };
        let key = match headers.key_id() {
            KeyId::Certificate(serial) => listed(serial),
            KeyId::PublicKey(id) => self.merchant.public_key(id),
        };
        let key = key.ok_or_else(|| VerifyError::UnknownKey(headers.key_id().clone()))?;
        headers.verify(reply.body(), &**key).map(|_| ())
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
            Err(error) => {
                world.memory(|memory| memory.platform_keys_of(merchant.mchid()).release(&lease));
                Step::Done(Err(error))
            }
        }
    }

    fn on_reply(fetching: AwaitingCertificates, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        let read = match reply {
            Ok(reply) => fetching.read(&reply, world.now),
            Err(Failure::NotSent(source) | Failure::Lost(source)) => {
                Err(Error::new(ErrorKind::Transport, None).caused_by(source))
            }
        };
        let AwaitingCertificates { merchant, lease } = fetching;
        let now = world.now;
        Step::Done(world.memory(|memory| {
            let platform_keys = memory.platform_keys_of(merchant.mchid());
            match read {
                Ok(keys) => {
                    platform_keys.fill(&lease, keys, now);
                    Ok(())
                }
                Err(error) => {
                    platform_keys.release(&lease);
                    Err(error)
                }
            }
        }))
    }

    fn on_wake(waiting: Never, _: &mut World<'_>) -> Step<Self> {
        match waiting {}
    }
}

/// Fetches the platform certificates if they are due. Does nothing if they are not, if another fetch is in progress, or
/// if the merchant trusts public keys alone.
///
/// Run it in a background task, at
/// [`Memory::next_platform_key_refresh`](crate::memory::Memory::next_platform_key_refresh), so that no call waits for a
/// key. Startup need not wait for it: a missing key is fetched when it is needed.
#[derive(Clone, Debug)]
pub struct RefreshPlatformKeys(Merchant);

// The refresh awaits the reply with the certificates.
#[doc(hidden)]
#[derive(Debug)]
pub struct Refreshing(AwaitingReply<FetchPlatformKeys>);

impl Merchant {
    /// Fetches the platform certificates if they are due; see [`RefreshPlatformKeys`].
    #[must_use]
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
                Self::from_fetch(FetchPlatformKeys::new(merchant, lease, None, world.now).begin(world))
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

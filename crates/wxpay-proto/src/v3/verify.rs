//! Verified or not: the only place where bytes of WeChat Pay's become believable.
//!
//! Fails closed, step by step: all headers there once; the scheme known; the time within
//! [300 seconds](WINDOW) of ours; the key chosen by `Wechatpay-Serial` alone, never by trying; the base64 strict; the
//! signature right. `protocol/v3` section 4.
//!
//! A signature that begins with `WECHATPAY/SIGNTEST/` is a probe by WeChat Pay: deliberately wrong. It fails like any
//! other; nothing here knows of it.

use super::{authorization::SCHEME, message};
use crate::{
    clock::UnixTime,
    crypto::PublicKey,
    error::{Error, ErrorKind, Fate},
    http::{Method, Response},
    id::KeyId,
    wire::{base64, json},
};
use alloc::{string::String, vec::Vec};
use core::{error, fmt, time::Duration};
use serde::Deserialize;

/// How far a reply's or a notice's time may be from ours, either way.
pub const WINDOW: Duration = Duration::from_secs(300);

/// The replies that WeChat Pay does not sign. The table is closed: whatever is not in it must be signed.
///
/// A path that ends in `/` stands for what begins with it.
const UNSIGNED: [(Method, &str); 3] = [
    (Method::Get, "/v3/billdownload/file"),
    (Method::Get, "/v3/merchant-service/images/"),
    (Method::Get, "/v3/transferdownload/"),
];

/// A body that is to be believed. This module is its only maker.
#[derive(Clone, Copy)]
pub struct Verified<'a> {
    body: &'a [u8],
    how: How,
}

/// Why a body is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// WeChat Pay signed it.
    Signature,
    /// It was sealed with the merchant's APIv3 key, inside something signed.
    Aead,
    /// TLS named the gateway, and no more: one of the few replies that are not signed.
    TlsOnly,
}

impl<'a> Verified<'a> {
    /// The bytes.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.body
    }

    /// Why they are to be believed. A reader that needs a signature can insist.
    #[must_use]
    pub fn how(self) -> How {
        self.how
    }

    /// Reads them as a JSON text, which the value may borrow from. Members that the type does not name are passed
    /// over.
    ///
    /// # Errors
    ///
    /// When they are not what the type wants: [`ErrorKind::Malformed`], of unknown fate.
    pub fn parse<T: Deserialize<'a>>(self) -> Result<T, Error> {
        json::parse(self.body).map_err(|fault| malformed().caused_by(fault))
    }

    /// A reply that is in the table of those that are not signed.
    pub(super) fn unsigned(method: Method, target: &str, body: &'a [u8]) -> Option<Self> {
        let path = target.split('?').next().unwrap_or_default();
        let listed = |(listed, pattern): &(Method, &str)| {
            *listed == method
                && if pattern.ends_with('/') { path.starts_with(pattern) } else { path == *pattern }
        };
        UNSIGNED.iter().any(listed).then_some(Self { body, how: How::TlsOnly })
    }

    /// What an opened box held; the box itself came in something verified.
    pub(super) fn opened(body: &'a [u8]) -> Self {
        Self { body, how: How::Aead }
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({} bytes, {:?})", self.body.len(), self.how)
    }
}

/// What the `Wechatpay-*` headers claim. Nothing of it is to be believed yet.
#[derive(Clone)]
pub(super) struct Claim {
    timestamp: String,
    nonce: String,
    signature: Vec<u8>,
    key: KeyId,
}

impl Claim {
    /// Reads the headers, given in any order. `now` is when they arrived.
    pub(super) fn of<'a>(
        headers: &(impl Iterator<Item = (&'a str, &'a [u8])> + Clone),
        now: UnixTime,
    ) -> Result<Self, Distrust> {
        let value = |name: &'static str| -> Result<Option<&str>, Distrust> {
            let mut found = headers.clone().filter(|(given, _)| given.eq_ignore_ascii_case(name));
            match (found.next(), found.next()) {
                (None, _) => Ok(None),
                (Some((_, value)), None) => {
                    core::str::from_utf8(value).map(Some).map_err(|_| Distrust::Malformed(name))
                }
                (Some(_), Some(_)) => Err(Distrust::Malformed(name)),
            }
        };
        let needed = |name| value(name)?.ok_or(Distrust::Missing(name));
        let timestamp = needed(TIMESTAMP)?;
        let nonce = needed(NONCE)?;
        let signature = needed(SIGNATURE)?;
        let serial = needed(SERIAL)?;
        if value(SIGNATURE_TYPE)?.is_some_and(|scheme| scheme != SCHEME) {
            return Err(Distrust::OtherScheme);
        }
        let digits = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let seconds: u64 =
            digits.then(|| timestamp.parse().ok()).flatten().ok_or(Distrust::Malformed(TIMESTAMP))?;
        let then = UnixTime::from_secs(seconds);
        let apart = UnixTime::from_secs(now.as_secs());
        if apart.since(then).max(then.since(apart)) > WINDOW {
            return Err(Distrust::OutsideWindow);
        }
        Ok(Self {
            timestamp: timestamp.into(),
            nonce: nonce.into(),
            signature: base64::decode(signature.as_bytes()).map_err(|_| Distrust::Forged)?,
            key: serial.parse().map_err(|_| Distrust::Malformed(SERIAL))?,
        })
    }

    /// The same of a reply that arrived now.
    pub(super) fn of_reply(reply: &Response, now: UnixTime) -> Result<Self, Distrust> {
        Self::of(&reply.headers().iter().map(|(name, value)| (name.as_str(), value.as_slice())), now)
    }

    /// Which key it claims.
    pub(super) fn key(&self) -> &KeyId {
        &self.key
    }

    /// Checks the signature. `key` must be the one that is [claimed](Self::key).
    pub(super) fn verify<'a>(&self, body: &'a [u8], key: &dyn PublicKey) -> Result<Verified<'a>, Distrust> {
        let message = message::reply_parts(&self.timestamp, &self.nonce, body);
        key.verify_parts(&message, &self.signature).map_err(|_| Distrust::Forged)?;
        Ok(Verified { body, how: How::Signature })
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("key", &self.key).finish_non_exhaustive()
    }
}

const TIMESTAMP: &str = "Wechatpay-Timestamp";
const NONCE: &str = "Wechatpay-Nonce";
const SIGNATURE: &str = "Wechatpay-Signature";
const SERIAL: &str = "Wechatpay-Serial";
const SIGNATURE_TYPE: &str = "Wechatpay-Signature-Type";

/// The header of that name in any case of letters, if it is one that a [`Claim`] is of.
pub(super) fn header(name: &str) -> Option<&'static str> {
    let all = [TIMESTAMP, NONCE, SIGNATURE, SERIAL, SIGNATURE_TYPE];
    all.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// Why something is not to be believed. The cause of an [`ErrorKind::Signature`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Distrust {
    /// This header is not there.
    Missing(&'static str),
    /// This header comes twice or is not of its form.
    Malformed(&'static str),
    /// It was signed by another scheme than [`SCHEME`].
    OtherScheme,
    /// It was signed too long ago, or too far in the future: a replay, or a wrong clock.
    OutsideWindow,
    /// There is no such key, as far as is known.
    UnknownKey(KeyId),
    /// The signature is not that key's over these bytes.
    Forged,
}

impl Distrust {
    /// As an error of a call or a notice; what it answers may have been carried out.
    pub(super) fn into_error(self) -> Error {
        Error::new(ErrorKind::Signature, Fate::Unknown).caused_by(self)
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "the header {name} is missing"),
            Self::Malformed(name) => write!(f, "the header {name} comes twice or is not of its form"),
            Self::OtherScheme => f.write_str("it is signed by a scheme that is not supported"),
            Self::OutsideWindow => f.write_str("its time is more than 300 seconds from ours"),
            Self::UnknownKey(key) => write!(f, "there is no key {key}"),
            Self::Forged => f.write_str("the signature is not of these bytes"),
        }
    }
}

impl error::Error for Distrust {}

/// The reply is not what the document says, so what it replies to may have been carried out.
pub(super) fn malformed() -> Error {
    Error::new(ErrorKind::Malformed, Fate::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exchange::Reply,
        v3::{
            Raw,
            toy::{self, Stage},
        },
    };

    #[test]
    fn the_table_of_replies_that_are_not_signed_is_closed() {
        for (method, target, listed) in [
            (Method::Get, "/v3/billdownload/file?token=1&tartype=gzip", true),
            (Method::Get, "/v3/billdownload/file", true),
            (Method::Get, "/v3/merchant-service/images/ab12", true),
            (Method::Get, "/v3/transferdownload/signfile?token=1", true),
            (Method::Get, "/v3/transferdownload/elecvoucherfile?token=1", true),
            (Method::Post, "/v3/billdownload/file", false),
            (Method::Get, "/v3/billdownload/files", false),
            (Method::Get, "/v3/billdownload/file/", false),
            (Method::Get, "/V3/billdownload/file", false),
            (Method::Get, "/v3/bill/tradebill?x=/v3/billdownload/file", false),
            (Method::Post, "/v3/merchant-service/images/upload", false),
            (Method::Get, "/v3/merchant-service/images", false),
            (Method::Get, "/v3/transferdownload", false),
            (Method::Get, "/v3/transfer/batches", false),
            (Method::Get, "/v3/certificates", false),
        ] {
            let verified = Verified::unsigned(method, target, b"file");
            assert_eq!(verified.map(Verified::how), listed.then_some(How::TlsOnly), "{method} {target}");
        }
    }

    #[test]
    fn only_what_is_in_the_table_is_read_without_a_signature() {
        let ask = |target: &str| {
            let raw = Raw::new(Method::Get, target).unwrap();
            let unsigned = |_: &_, _: &mut _| -> Reply { Ok(Response::new(200, b"file".to_vec())) };
            Stage::new().run(toy::merchant().call(raw), unsigned)
        };
        let reply = ask("/v3/merchant-service/images/ab12").unwrap();
        assert_eq!((reply.bytes(), reply.how()), (&b"file"[..], How::TlsOnly));
        assert_eq!(ask("/v3/merchant-service/complaints-v2").unwrap_err().kind(), ErrorKind::Signature);
    }

    #[test]
    fn what_is_signed_says_so() {
        let raw = Raw::new(Method::Get, "/v3/x").unwrap();
        let signer = toy::Signer::public_key();
        let reply = Stage::new().run(toy::merchant().call(raw), |_, now| Ok(signer.reply(200, "{}", *now)));
        assert_eq!(reply.unwrap().how(), How::Signature);
        let notice = toy::notice("X.Y", "x", "{}");
        assert_eq!(notice.resource().how(), How::Aead);
    }
}

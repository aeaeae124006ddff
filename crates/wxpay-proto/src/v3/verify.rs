//! Verification: the only place where bytes from WeChat Pay become trusted.
//!
//! Each check fails closed:
//!
//! * Every header is present exactly once, and the signature scheme is known.
//! * The timestamp is within [300 seconds](MAX_TIME_OFFSET) of local time.
//! * The key is chosen by `Wechatpay-Serial` alone; keys are never tried in turn.
//! * The Base64 is strict, and the signature is valid.
//!
//! A signature that begins with `WECHATPAY/SIGNTEST/` is a probe by WeChat Pay (应答签名探测), wrong on purpose. It fails
//! like any other invalid signature; no code recognises it.
//!
//! Source: [the rules](crate::manual::protocol#reply-and-notification-signature).

use super::{authorization::SCHEME, message};
use crate::{
    clock::UnixTime,
    crypto::PublicKey,
    error::{Error, ErrorKind},
    http::{Method, Response},
    id::{InvalidField, KeyId},
    prelude::*,
    wire::{
        base64,
        json::{self, read::Read},
    },
};
use core::{error, fmt, time::Duration};
use serde::Deserialize;

/// The maximum difference between the timestamp of a reply or a notification and local time, in either direction.
pub const MAX_TIME_OFFSET: Duration = Duration::from_secs(300);

/// The replies that WeChat Pay does not sign. The table is closed: any other reply must be signed.
///
/// A path that ends in `/` matches every path that begins with it.
const UNSIGNED: [(Method, &str); 3] = [
    (Method::Get, "/v3/billdownload/file"),
    (Method::Get, "/v3/merchant-service/images/"),
    (Method::Get, "/v3/transferdownload/"),
];

/// A verified body. Only this module creates it.
#[derive(Clone, Copy)]
pub struct Verified<'a> {
    body: &'a [u8],
    verified_by: VerifiedBy,
}

/// The way in which a body was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifiedBy {
    /// A signature of WeChat Pay.
    Signature,
    /// Encryption with the merchant's APIv3 key, inside a signed message.
    Aead,
    /// The TLS certificate of the gateway alone: the body is one of the few replies that are not signed.
    TlsOnly,
}

impl<'a> Verified<'a> {
    /// Returns the body's bytes.
    pub fn bytes(self) -> &'a [u8] {
        self.body
    }

    /// Returns the way in which the body was authenticated. An [`Endpoint`](super::Endpoint) that requires a signature
    /// can check it.
    pub fn verified_by(self) -> VerifiedBy {
        self.verified_by
    }

    /// Parses the body as JSON; the value may borrow from it. Unknown members are ignored.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`ErrorKind::Malformed`] if the body does not match the type. The call sets its fate.
    pub fn parse<T: Deserialize<'a>>(self) -> Result<T, Error> {
        json::parse(self.body).map_err(|error| malformed().caused_by(error))
    }

    /// Returns the error for a body that violates a rule, such as one that answers another request. For
    /// [`Endpoint::read`](super::Endpoint::read).
    pub fn malformed(self, cause: InvalidField) -> Error {
        malformed().caused_by(cause)
    }

    /// Accepts the empty body of an operation that returns nothing.
    ///
    /// The signature covers timestamp, nonce and body, and not the request. A body of another reply, sent in place of
    /// this one, must not pass for its success.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`ErrorKind::Malformed`] if the body is neither empty nor `{}`.
    pub fn expect_empty(self) -> Result<(), Error> {
        let is_empty = matches!(self.body.trim_ascii(), b"" | b"{}");
        require(is_empty, "body", "must be empty")
    }

    /// Reads the body [tolerantly](json::read()). An unreadable member that the type requires is the cause of the error.
    pub(super) fn read<T: Read<'a>>(self) -> Result<T, Error> {
        let read = json::read(self.body).map_err(|error| malformed().caused_by(error))?;
        read.map_err(|invalid| malformed().caused_by(invalid))
    }

    /// Accepts a reply without a signature if its request is in the table of unsigned replies.
    pub(super) fn unsigned(method: Method, target: &str, body: &'a [u8]) -> Option<Self> {
        let path = target.split('?').next().unwrap_or_default();
        let listed = |(listed, pattern): &(Method, &str)| {
            *listed == method
                && if pattern.ends_with('/') { path.starts_with(pattern) } else { path == *pattern }
        };
        UNSIGNED.iter().any(listed).then_some(Self { body, verified_by: VerifiedBy::TlsOnly })
    }

    /// Accepts the plaintext of an AEAD ciphertext; the caller verified the message that contained it.
    pub(super) fn decrypted(body: &'a [u8]) -> Self {
        Self { body, verified_by: VerifiedBy::Aead }
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({} bytes, {:?})", self.body.len(), self.verified_by)
    }
}

/// The parsed `Wechatpay-*` headers, not verified yet.
#[derive(Clone)]
pub(super) struct SignatureHeaders {
    timestamp: String,
    nonce: String,
    signature: Vec<u8>,
    key_id: KeyId,
}

impl SignatureHeaders {
    /// Parses the headers, in any order. `now` is the time of their arrival.
    pub(super) fn parse<'a>(
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
        now: UnixTime,
    ) -> Result<Self, VerifyError> {
        let mut values = [Ok(None); HEADERS.len()];
        for (key, value) in headers {
            let known = HEADERS.iter().zip(&mut values).find(|(name, _)| key.eq_ignore_ascii_case(name));
            if let Some((_, found)) = known {
                *found = match (*found, core::str::from_utf8(value)) {
                    (Ok(None), Ok(value)) => Ok(Some(value)),
                    _ => Err(Malformed),
                };
            }
        }
        let value = |name: &'static str| -> Result<Option<&str>, VerifyError> {
            let found =
                HEADERS.iter().zip(values).find_map(|(known, found)| (*known == name).then_some(found));
            found.unwrap_or(Ok(None)).map_err(|Malformed| VerifyError::MalformedHeader(name))
        };
        let required = |name| value(name)?.ok_or(VerifyError::MissingHeader(name));
        let timestamp = required(TIMESTAMP)?;
        let nonce = required(NONCE)?;
        let signature = required(SIGNATURE)?;
        let serial = required(SERIAL)?;
        if value(SIGNATURE_TYPE)?.is_some_and(|scheme| scheme != SCHEME) {
            return Err(VerifyError::UnsupportedScheme);
        }
        let digits = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let seconds: u64 = digits
            .then(|| timestamp.parse().ok())
            .flatten()
            .ok_or(VerifyError::MalformedHeader(TIMESTAMP))?;
        let signed_at = UnixTime::from_secs(seconds);
        // The header has whole seconds: a fraction of `now` must not turn 300 seconds into more.
        let arrived_at = UnixTime::from_secs(now.as_secs());
        if arrived_at.since(signed_at).max(signed_at.since(arrived_at)) > MAX_TIME_OFFSET {
            return Err(VerifyError::TimestampOutOfRange);
        }
        Ok(Self {
            // Text that is not base64 is an invalid signature, not a malformed header: probes may be like that.
            timestamp: timestamp.into(),
            nonce: nonce.into(),
            signature: base64::decode(signature.as_bytes()).map_err(|_| VerifyError::InvalidSignature)?,
            key_id: serial.parse().map_err(|_| VerifyError::MalformedHeader(SERIAL))?,
        })
    }

    /// Parses the headers of a reply that arrives at `now`.
    pub(super) fn parse_reply(reply: &Response, now: UnixTime) -> Result<Self, VerifyError> {
        Self::parse(reply.headers(), now)
    }

    /// Returns the id of the key that the headers name.
    pub(super) fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// Verifies the signature over a body. `key` must be the key that the headers [name](Self::key_id).
    pub(super) fn verify<'a>(
        &self,
        body: &'a [u8],
        key: &dyn PublicKey,
    ) -> Result<Verified<'a>, VerifyError> {
        let message = message::reply_parts(&self.timestamp, &self.nonce, body);
        key.verify_parts(&message, &self.signature).map_err(|_| VerifyError::InvalidSignature)?;
        Ok(Verified { body, verified_by: VerifiedBy::Signature })
    }
}

impl fmt::Debug for SignatureHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureHeaders").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

const TIMESTAMP: &str = "Wechatpay-Timestamp";
const NONCE: &str = "Wechatpay-Nonce";
const SIGNATURE: &str = "Wechatpay-Signature";
const SERIAL: &str = "Wechatpay-Serial";
const SIGNATURE_TYPE: &str = "Wechatpay-Signature-Type";
const HEADERS: [&str; 5] = [TIMESTAMP, NONCE, SIGNATURE, SERIAL, SIGNATURE_TYPE];

/// The value of a header that is duplicated, or is not UTF-8.
#[derive(Clone, Copy)]
struct Malformed;

/// Returns the canonical name of a header that a [`SignatureHeaders`] is parsed from; `name` may have any case.
pub(super) fn known_header(name: &str) -> Option<&'static str> {
    HEADERS.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// The reason why a message could not be verified. The cause of an [`ErrorKind::Signature`], unless the key is missing:
/// then the cause is a [`KeyError`](super::KeyError).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// This header is missing.
    MissingHeader(&'static str),
    /// This header is duplicated or malformed.
    MalformedHeader(&'static str),
    /// The signature scheme is not [`SCHEME`].
    UnsupportedScheme,
    /// The timestamp is too far from local time: a replay, or a wrong clock.
    TimestampOutOfRange,
    /// The signature does not match these bytes and this key.
    InvalidSignature,
}

impl VerifyError {
    /// Converts this into an error. The flow that received the message sets the fate.
    pub(super) fn into_error(self) -> Error {
        unverified(self)
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingHeader(name) => write!(f, "the header {name} is missing"),
            Self::MalformedHeader(name) => write!(f, "the header {name} is duplicated or malformed"),
            Self::UnsupportedScheme => {
                f.write_str("the signature scheme in Wechatpay-Signature-Type is not supported")
            }
            Self::TimestampOutOfRange => f.write_str(
                "Wechatpay-Timestamp is more than 300 seconds from the local time; check the clock",
            ),
            Self::InvalidSignature => f.write_str("the signature does not match the bytes received"),
        }
    }
}

impl error::Error for VerifyError {}

/// Returns the error for a message that is not verified, with its cause: a [`VerifyError`] or a
/// [`KeyError`](super::KeyError). The flow that received it sets the fate.
pub(super) fn unverified(cause: impl Into<Box<dyn error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Signature, None).caused_by(cause)
}

/// Returns the error for a reply that deviates from WeChat Pay's documentation. The flow that received it sets the
/// fate.
pub(super) fn malformed() -> Error {
    Error::new(ErrorKind::Malformed, None)
}

/// Ends the reading of a reply that breaks this rule. The signature of a reply does not cover the request, so only the
/// numbers in it prove that they belong together.
pub(super) fn require(is_met: bool, field: &'static str, rule: &'static str) -> Result<(), Error> {
    if is_met { Ok(()) } else { Err(malformed().caused_by(InvalidField::new(field, rule))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exchange::Reply,
        v3::{
            Raw,
            fake::{self, Harness},
        },
    };

    #[test]
    fn the_table_of_unsigned_replies_is_closed() {
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
            assert_eq!(
                verified.map(Verified::verified_by),
                listed.then_some(VerifiedBy::TlsOnly),
                "{method} {target}"
            );
        }
    }

    #[test]
    fn only_listed_replies_are_read_without_a_signature() {
        let call = |target: &str| {
            let raw = Raw::new(Method::Get, target).unwrap();
            let unsigned = |_: &_, _: &mut _| -> Reply { Ok(Response::new(200, b"file".to_vec())) };
            Harness::new().run(fake::merchant().call(raw), unsigned)
        };
        let reply = call("/v3/merchant-service/images/ab12").unwrap();
        assert_eq!((reply.bytes(), reply.verified_by()), (&b"file"[..], VerifiedBy::TlsOnly));
        assert_eq!(call("/v3/merchant-service/complaints-v2").unwrap_err().kind(), ErrorKind::Signature);
    }

    #[test]
    fn verified_by_names_the_signature_or_the_encryption() {
        let raw = Raw::new(Method::Get, "/v3/x").unwrap();
        let signer = fake::SigningKey::public_key();
        let reply =
            Harness::new().run(fake::merchant().call(raw), |_, now| Ok(signer.reply(200, "{}", *now)));
        assert_eq!(reply.unwrap().verified_by(), VerifiedBy::Signature);
        let notification = fake::notification("X.Y", "x", "{}");
        assert_eq!(notification.resource().verified_by(), VerifiedBy::Aead);
    }
}

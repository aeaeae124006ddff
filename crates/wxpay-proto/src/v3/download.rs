//! Downloads of files that WeChat Pay generates: bills and receipts, as streams.
//!
//! ```text
//!  an operation ─▶ BillFile ─▶ Merchant::prepare_download ─▶ Download { transmit, digest_check, is_gzip }
//!                  URL and digest of the file                    │ send the request; unzip if needed;
//!                                                                │ pass each piece to the check
//!                                                                ▼
//!                                                       DigestCheck::finish: only now the file is authentic
//! ```
//!
//! The reply with the file is not signed. The reply with its URL is, and that one contains the file's digest.

use super::{
    endpoint::Draft,
    error_reply,
    merchant::Merchant,
    request,
    verify::{Verified, malformed},
};
use crate::{
    crypto::DigestMismatch,
    error::{Error, ErrorKind},
    exchange::{Failure, Flow, Never, Reply, Step, Transmit, sealed},
    http::Response,
    id::InvalidField,
    prelude::*,
    secret::constant_time_eq,
    v3::field::open_enum,
    wire::json::object,
    world::World,
};
use core::fmt;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

const LABEL: &str = "v3.download";

open_enum! {
    /// The algorithm of a file's digest.
    HashType {
        /// SHA-1: bills.
        Sha1 = "SHA1",
        /// SHA-256: receipts of transfers.
        Sha256 = "SHA256",
    }
}

/// The URL and the digest of a file. `Debug` omits the URL: its token and a signature give access to the file.
///
/// The URL is valid for 5 minutes, in older documents for 30 seconds: [download](Merchant::prepare_download) at once.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BillFile {
    /// The algorithm of the digest.
    pub hash_type: HashType,
    /// The digest of the uncompressed file, in hexadecimal digits.
    pub hash_value: String,
    /// The URL of the file.
    pub download_url: String,
    /// Set when the file was requested gzip-compressed.
    pub is_gzip: bool,
}

object! {
    struct Wire {
        hash_type: HashType,
        hash_value: String,
        download_url: String,
    }
}

impl BillFile {
    /// Reads `{"hash_type","hash_value","download_url"}`.
    pub(super) fn read(reply: Verified<'_>, is_gzip: bool) -> Result<Self, Error> {
        let Wire { hash_type, hash_value, download_url } = reply.read()?;
        Ok(Self { hash_type, hash_value, download_url, is_gzip })
    }

    fn check(&self) -> Result<DigestCheck, InvalidField> {
        let expected = hex::decode(&self.hash_value);
        let expected = expected.map_err(|_| InvalidField::new("hash_value", "must be hexadecimal digits"))?;
        let (digest, length) = match &self.hash_type {
            HashType::Sha1 => (Digest::Sha1(Sha1::new()), 20),
            HashType::Sha256 => (Digest::Sha256(Sha256::new()), 32),
            HashType::Other(_) => return Err(InvalidField::new("hash_type", "must be SHA1 or SHA256")),
        };
        if expected.len() == length {
            Ok(DigestCheck { digest, expected })
        } else {
            Err(InvalidField::new("hash_value", "must have the length of a hash_type digest"))
        }
    }
}

impl fmt::Debug for BillFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BillFile")
            .field("hash_type", &self.hash_type)
            .field("is_gzip", &self.is_gzip)
            .finish_non_exhaustive()
    }
}

/// A signed request for a file, ready to be streamed.
///
/// Send the request, stream the reply's body piece by piece, unzipped if [`is_gzip`](Self::is_gzip) is set, and pass
/// each piece to the [check](Self::digest_check). **The file is authentic only if [`DigestCheck::finish`] returns `Ok`
/// in the end**; do not act on its content before. The expected reply is 200 without a signature;
/// [`reply_error`](Self::reply_error) maps any other to an error. Do not follow redirects.
#[derive(Debug)]
#[non_exhaustive]
pub struct Download {
    /// The signed request. Its `timeout` applies to the beginning of the reply and to each pause within it, not to the
    /// whole download. Its `max_reply` is `usize::MAX`: no limit.
    pub transmit: Transmit,
    /// The check of the file's digest.
    pub digest_check: DigestCheck,
    /// Set when the reply's body is gzip-compressed; the check needs the uncompressed bytes.
    pub is_gzip: bool,
}

impl Download {
    /// Returns the error for a reply other than 200. A download is a read, so the error has no fate.
    pub fn reply_error(reply: &Response) -> Error {
        // Files are not signed, so their refusals are not verified; but one with WeChat Pay's headers is no proxy's.
        match error_reply::error_object(reply) {
            Some(refusal) if !error_reply::is_unsigned(reply) => Error::refused(refusal, None),
            Some(_) | None => error_reply::unverified(reply),
        }
    }

    /// Returns the error for a missing or truncated reply.
    pub fn transport_error(failure: Failure) -> Error {
        let (Failure::NotSent(source) | Failure::Lost(source)) = failure;
        Error::new(ErrorKind::Transport, None).caused_by(source)
    }

    /// Returns the error for a file whose digest does not match.
    pub fn digest_error(mismatch: DigestMismatch) -> Error {
        Error::new(ErrorKind::Signature, None).caused_by(mismatch)
    }
}

/// The check of a file against the digest in its [`BillFile`].
#[must_use = "a file is authentic only once its check is finished"]
pub struct DigestCheck {
    digest: Digest,
    expected: Vec<u8>,
}

enum Digest {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl DigestCheck {
    /// Adds the next bytes of the uncompressed file.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.digest {
            Digest::Sha1(digest) => digest.update(bytes),
            Digest::Sha256(digest) => digest.update(bytes),
        }
    }

    /// Checks that the bytes added were the whole file and nothing else.
    ///
    /// # Errors
    ///
    /// Returns [`DigestMismatch`] if the digest does not match.
    pub fn finish(self) -> Result<(), DigestMismatch> {
        let actual = match self.digest {
            Digest::Sha1(digest) => digest.finalize().to_vec(),
            Digest::Sha256(digest) => digest.finalize().to_vec(),
        };
        if constant_time_eq(&actual, &self.expected) { Ok(()) } else { Err(DigestMismatch) }
    }
}

impl fmt::Debug for DigestCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestCheck(..)")
    }
}

/// Signs the request for a file. Sends nothing itself: returns a [`Download`] at once.
#[derive(Debug)]
#[must_use = "a flow does nothing unless it is run"]
pub struct PrepareDownload {
    merchant: Merchant,
    file: BillFile,
}

impl Merchant {
    /// Prepares the download of a file by the [`BillFile`] that an operation returned.
    ///
    /// Fails with [`Malformed`](ErrorKind::Malformed) if the URL points neither to the merchant's own gateway nor to
    /// one of WeChat Pay's, or if the digest's algorithm is unknown. To retry, prepare again: the signature contains
    /// the current time.
    pub fn prepare_download(&self, file: &BillFile) -> PrepareDownload {
        PrepareDownload { merchant: self.clone(), file: file.clone() }
    }
}

/// Returns the signed request for a file, and the check of its digest.
pub(super) fn prepare(
    merchant: &Merchant,
    file: &BillFile,
    world: &mut World<'_>,
) -> Result<(Transmit, DigestCheck), Error> {
    let invalid = |error: InvalidField| malformed().of_read().caused_by(error);
    let check = file.check().map_err(invalid)?;
    let rule = InvalidField::new("download_url", "must point to the merchant's gateway or to WeChat Pay's");
    let (base_url, target) = merchant.gateway().locate(&file.download_url).ok_or_else(|| invalid(rule))?;
    let transmit = request::transmit(
        merchant,
        &Draft::file(LABEL, target),
        None,
        base_url,
        merchant.retry().timeout,
        world,
    )?;
    Ok((transmit, check))
}

impl sealed::Sealed for PrepareDownload {}

impl Flow for PrepareDownload {
    type AwaitingReply = Never;
    type Waiting = Never;
    type Output = Download;

    fn may_block(&self) -> bool {
        self.merchant.may_block()
    }

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let Self { merchant, file } = self;
        Step::Done(prepare(&merchant, &file, world).map(|(transmit, check)| Download {
            transmit: Transmit { max_reply: usize::MAX, ..transmit },
            digest_check: check,
            is_gzip: file.is_gzip,
        }))
    }

    fn on_reply(sent: Never, _: Reply, _: &mut World<'_>) -> Step<Self> {
        match sent {}
    }

    fn on_wake(waiting: Never, _: &mut World<'_>) -> Step<Self> {
        match waiting {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{memory::Memory, v3::fake};

    // `printf foo | sha1sum`, `printf foo | sha256sum`
    const SHA1: &str = "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33";
    const SHA256: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    const URL: &str = "https://api.mch.weixin.qq.com/v3/billdownload/file?token=planted&tartype=gzip";

    fn file(hash_type: &str, hash_value: &str, download_url: &str) -> BillFile {
        let (hash_value, download_url) = (hash_value.into(), download_url.into());
        BillFile { hash_type: hash_type.into(), hash_value, download_url, is_gzip: true }
    }

    fn prepared(file: &BillFile) -> Result<Download, Error> {
        let mut memory = Memory::default();
        match Step::begin(fake::merchant().prepare_download(file), fake::world(&mut memory)) {
            Step::Done(result) => result,
            Step::Send(..) | Step::Wait(..) => panic!("expected Step::Done at once"),
        }
    }

    #[test]
    fn a_download_is_signed_for_path_and_query_of_its_url() {
        let Download { transmit, is_gzip, .. } = prepared(&file("SHA1", SHA1, URL)).unwrap();
        assert_eq!((transmit.request.url(), transmit.request.body(), is_gzip), (URL, &b""[..], true));
        assert_eq!(transmit.request.header("accept"), Some("*/*"));
        assert_eq!(transmit.max_reply, usize::MAX);
        let authorization = transmit.request.header("authorization").unwrap();
        let authorization: crate::v3::Authorization = authorization.parse().unwrap();
        let message = crate::v3::message::request(
            crate::http::Method::Get,
            "/v3/billdownload/file?token=planted&tartype=gzip",
            authorization.timestamp,
            &authorization.nonce_str,
            b"",
        );
        assert_eq!(authorization.signature, fake::merchant().sign(&message).unwrap());
    }

    #[test]
    fn a_file_is_authentic_only_if_its_whole_digest_matches_in_either_case() {
        for (hash_type, hash_value) in [("SHA1", SHA1), ("SHA1", &SHA1.to_uppercase()), ("SHA256", SHA256)] {
            let check = || prepared(&file(hash_type, hash_value, URL)).unwrap().digest_check;
            let finish = |pieces: &[&[u8]]| {
                let mut check = check();
                for piece in pieces {
                    check.update(piece);
                }
                check.finish()
            };
            assert_eq!(finish(&[b"fo", b"", b"o"]), Ok(()));
            assert_eq!(finish(&[b"fo"]), Err(DigestMismatch));
            assert_eq!(finish(&[b"foo", b"\n"]), Err(DigestMismatch));
            assert_eq!(finish(&[]), Err(DigestMismatch));
        }
    }

    #[test]
    fn a_file_without_a_usable_digest_or_at_another_host_is_rejected() {
        for (hash_type, hash_value, url, rule) in [
            ("SHA1", SHA1, "https://example.com/v3/billdownload/file?token=1", "download_url"),
            ("SM3", SHA256, URL, "hash_type"),
            ("SHA1", SHA256, URL, "hash_value"),
            ("SHA1", "foo", URL, "hash_value"),
            ("SHA1", "", URL, "hash_value"),
        ] {
            let error = prepared(&file(hash_type, hash_value, url)).unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Malformed, None));
            let source = core::error::Error::source(&error).unwrap();
            assert_eq!(source.downcast_ref::<InvalidField>().unwrap().field(), rule);
        }
    }

    #[test]
    fn the_url_of_a_file_is_not_printed() {
        let file = file("SHA1", SHA1, URL);
        let printed = format!("{file:?} {:?}", prepared(&file).unwrap());
        assert!(!printed.contains("planted"), "{printed}");
    }

    #[test]
    fn a_download_that_fails_changed_nothing() {
        let reply = Response::new(400, br#"{"code":"INVALID_REQUEST","message":"token"}"#.to_vec());
        let refused = Download::reply_error(&reply);
        assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Refused, None));
        assert_eq!(refused.refusal().unwrap().code, crate::refusal::Code::INVALID_REQUEST);
        let lost = Download::transport_error(Failure::Lost("cut".into()));
        assert_eq!((lost.kind(), lost.fate()), (ErrorKind::Transport, None));
        assert_eq!(Download::digest_error(DigestMismatch).kind(), ErrorKind::Signature);
    }
}

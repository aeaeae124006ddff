//! Files that WeChat Pay makes: bills and receipts, as streams.
//!
//! ```text
//!  an operation ─▶ Statement ─▶ Merchant::download ─▶ Download { hop, check, is_gzip }
//!                  where it is, and its digest          │ send the hop; unzip if need be;
//!                                                       │ give each piece to the check
//!                                                       ▼
//!                                              Check::finish: only now it is what WeChat Pay made
//! ```
//!
//! The file itself is not signed: its digest is, in the reply that told where it is. `protocol/v3` section 10.

use super::{
    endpoint::Draft,
    merchant::Merchant,
    refused::{self, Refused},
    request,
    verify::{Verified, malformed},
};
use crate::{
    crypto::Forged,
    error::{Error, ErrorKind, Fate},
    exchange::{Failure, Flow, Hop, Never, Reply, Step, sealed},
    http::Response,
    id::Invalid,
    secret::same_bytes,
    v3::field::open_words,
    world::World,
};
use alloc::{string::String, vec::Vec};
use core::fmt;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

const LABEL: &str = "v3.download";

open_words! {
    /// How a file's digest is made.
    HashType {
        /// SHA-1: bills.
        Sha1 = "SHA1",
        /// SHA-256: receipts of transfers.
        Sha256 = "SHA256",
    }
}

/// Where a file is, and what it must be. `Debug` does not show where: who knows it, and can sign, can have the file.
///
/// It is good for minutes, in older documents for 30 seconds: [download](Merchant::download) at once.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement {
    /// How the digest is made.
    pub hash_type: HashType,
    /// The digest of the unzipped file, in hexadecimal digits.
    pub hash_value: String,
    /// Where the file is.
    pub download_url: String,
    /// It was asked for zipped.
    pub is_gzip: bool,
}

#[derive(serde::Deserialize)]
struct Wire {
    hash_type: HashType,
    hash_value: String,
    download_url: String,
}

impl Statement {
    /// Reads `{"hash_type","hash_value","download_url"}`.
    pub(super) fn read(reply: Verified<'_>, is_gzip: bool) -> Result<Self, Error> {
        let Wire { hash_type, hash_value, download_url } = reply.parse()?;
        Ok(Self { hash_type, hash_value, download_url, is_gzip })
    }

    fn check(&self) -> Result<Check, Invalid> {
        let expected = hex::decode(&self.hash_value);
        let expected = expected.map_err(|_| Invalid::new("hash_value", "must be hexadecimal digits"))?;
        let (digest, length) = match &self.hash_type {
            HashType::Sha1 => (Digest::Sha1(Sha1::new()), 20),
            HashType::Sha256 => (Digest::Sha256(Sha256::new()), 32),
            HashType::Other(_) => return Err(Invalid::new("hash_type", "must be SHA1 or SHA256")),
        };
        if expected.len() == length {
            Ok(Check { digest, expected })
        } else {
            Err(Invalid::new("hash_value", "must be as long as hash_type has it"))
        }
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("hash_type", &self.hash_type)
            .field("is_gzip", &self.is_gzip)
            .finish_non_exhaustive()
    }
}

/// A file that waits to be streamed.
///
/// Send the hop and pass on what is replied piece by piece, unzipped if [`is_gzip`](Self::is_gzip), telling the
/// [check](Self::check) of each. **The file is what WeChat Pay made only if [`Check::finish`] says so in the end**: until
/// then nothing in it is to be acted on. The reply is 200 without a signature; what to make of any other is told by
/// [`refused`](Self::refused). Redirects are not to be followed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Download {
    /// The request, signed. Its `timeout` is for the beginning of the reply and for each pause within it, not for the
    /// whole; `max_reply` sets no limit.
    pub hop: Hop,
    /// Tells whether it is the file that was promised.
    pub check: Check,
    /// What is replied is zipped.
    pub is_gzip: bool,
}

impl Download {
    /// What a reply other than 200 means. Downloading changes nothing: the fate is always [`Fate::NotSent`].
    #[must_use]
    pub fn refused(reply: &Response) -> Error {
        Refused { refusal: refused::refusal(reply), verified: false }.into_error().before_sending()
    }

    /// What it means that there is no reply, or no end of it.
    #[must_use]
    pub fn lost(failure: Failure) -> Error {
        let (Failure::NotSent(source) | Failure::Lost(source)) = failure;
        Error::new(ErrorKind::Transport, Fate::NotSent).caused_by(source)
    }

    /// What it means that the file is not the one that was promised.
    #[must_use]
    pub fn forged(forged: Forged) -> Error {
        Error::new(ErrorKind::Signature, Fate::NotSent).caused_by(forged)
    }
}

/// Tells whether a file is the one that was promised: by its digest.
#[must_use = "a file is to be believed only once its check is finished"]
pub struct Check {
    digest: Digest,
    expected: Vec<u8>,
}

enum Digest {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Check {
    /// Takes note of the next bytes of the unzipped file.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.digest {
            Digest::Sha1(digest) => digest.update(bytes),
            Digest::Sha256(digest) => digest.update(bytes),
        }
    }

    /// Tells whether what came was the whole file and nothing else.
    ///
    /// # Errors
    ///
    /// When it was not.
    pub fn finish(self) -> Result<(), Forged> {
        let found = match self.digest {
            Digest::Sha1(digest) => digest.finalize().to_vec(),
            Digest::Sha256(digest) => digest.finalize().to_vec(),
        };
        if same_bytes(&found, &self.expected) { Ok(()) } else { Err(Forged) }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Check(..)")
    }
}

/// Signs the request for a file. It sends nothing itself: it comes to a [`Download`] at once.
#[derive(Debug)]
pub struct Prepare {
    me: Merchant,
    statement: Statement,
}

impl Merchant {
    /// Prepares to download what an operation told of.
    ///
    /// Comes to an error of the kind [`Malformed`](ErrorKind::Malformed) if the file is not at the merchant's own gateway
    /// or at one of WeChat Pay's, or if its digest is of no known kind. To try again, prepare again: the request is
    /// signed for this moment.
    #[must_use]
    pub fn download(&self, statement: &Statement) -> Prepare {
        Prepare { me: self.clone(), statement: statement.clone() }
    }
}

/// The request for a file, and the check of it.
pub(super) fn prepare(
    me: &Merchant,
    statement: &Statement,
    world: &mut World<'_>,
) -> Result<(Hop, Check), Error> {
    let unusable = |fault: Invalid| malformed().before_sending().caused_by(fault);
    let check = statement.check().map_err(unusable)?;
    let rule = Invalid::new("download_url", "must be at the merchant's gateway or at WeChat Pay's");
    let (base_url, target) = me.gateway().locate(&statement.download_url).ok_or_else(|| unusable(rule))?;
    let hop = request::hop(me, &Draft::file(LABEL, target), None, base_url, me.retry().timeout, world)?;
    Ok((hop, check))
}

impl sealed::Sealed for Prepare {}

impl Flow for Prepare {
    type Sent = Never;
    type Asleep = Never;
    type Output = Download;

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let Self { me, statement } = self;
        Step::Done(prepare(&me, &statement, world).map(|(hop, check)| Download {
            hop: Hop { max_reply: usize::MAX, ..hop },
            check,
            is_gzip: statement.is_gzip,
        }))
    }

    fn replied(sent: Never, _: Reply, _: &mut World<'_>) -> Step<Self> {
        match sent {}
    }

    fn woke(asleep: Never, _: &mut World<'_>) -> Step<Self> {
        match asleep {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{memory::Memory, v3::toy};
    use alloc::format;

    // `printf foo | sha1sum`, `printf foo | sha256sum`
    const SHA1: &str = "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33";
    const SHA256: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    const URL: &str = "https://api.mch.weixin.qq.com/v3/billdownload/file?token=planted&tartype=gzip";

    fn statement(hash_type: &str, hash_value: &str, download_url: &str) -> Statement {
        let (hash_value, download_url) = (hash_value.into(), download_url.into());
        Statement { hash_type: hash_type.into(), hash_value, download_url, is_gzip: true }
    }

    fn prepared(statement: &Statement) -> Result<Download, Error> {
        let mut memory = Memory::default();
        match Step::begin(toy::merchant().download(statement), toy::world(&mut memory)) {
            Step::Done(result) => result,
            Step::Send(..) | Step::Wait(..) => panic!("it sends and waits for nothing"),
        }
    }

    #[test]
    fn a_download_is_signed_for_path_and_query_of_its_url() {
        let Download { hop, is_gzip, .. } = prepared(&statement("SHA1", SHA1, URL)).unwrap();
        assert_eq!((hop.request.url(), hop.request.body(), is_gzip), (URL, &b""[..], true));
        assert_eq!(hop.request.header("accept"), Some("*/*"));
        assert_eq!(hop.max_reply, usize::MAX);
        let authorization = hop.request.header("authorization").unwrap();
        let authorization: crate::v3::Authorization = authorization.parse().unwrap();
        let message = crate::v3::message::request(
            crate::http::Method::Get,
            "/v3/billdownload/file?token=planted&tartype=gzip",
            authorization.timestamp,
            &authorization.nonce_str,
            b"",
        );
        assert_eq!(authorization.signature, toy::merchant().sign(&message).unwrap());
    }

    #[test]
    fn a_file_is_believed_only_whole_and_by_its_digest_in_either_case() {
        for (hash_type, hash_value) in [("SHA1", SHA1), ("SHA1", &SHA1.to_uppercase()), ("SHA256", SHA256)] {
            let check = || prepared(&statement(hash_type, hash_value, URL)).unwrap().check;
            let finish = |pieces: &[&[u8]]| {
                let mut check = check();
                for piece in pieces {
                    check.update(piece);
                }
                check.finish()
            };
            assert_eq!(finish(&[b"fo", b"", b"o"]), Ok(()));
            assert_eq!(finish(&[b"fo"]), Err(Forged));
            assert_eq!(finish(&[b"foo", b"\n"]), Err(Forged));
            assert_eq!(finish(&[]), Err(Forged));
        }
    }

    #[test]
    fn what_cannot_be_checked_or_is_elsewhere_is_not_asked_for() {
        for (hash_type, hash_value, url, rule) in [
            ("SHA1", SHA1, "https://example.com/v3/billdownload/file?token=1", "download_url"),
            ("SM3", SHA256, URL, "hash_type"),
            ("SHA1", SHA256, URL, "hash_value"),
            ("SHA1", "foo", URL, "hash_value"),
            ("SHA1", "", URL, "hash_value"),
        ] {
            let error = prepared(&statement(hash_type, hash_value, url)).unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Malformed, Fate::NotSent));
            let source = core::error::Error::source(&error).unwrap();
            assert_eq!(source.downcast_ref::<Invalid>().unwrap().field(), rule);
        }
    }

    #[test]
    fn where_a_file_is_is_not_printed() {
        let statement = statement("SHA1", SHA1, URL);
        let printed = format!("{statement:?} {:?}", prepared(&statement).unwrap());
        assert!(!printed.contains("planted"), "{printed}");
    }

    #[test]
    fn a_download_that_fails_changed_nothing() {
        let reply = Response::new(400, br#"{"code":"INVALID_REQUEST","message":"token"}"#.to_vec());
        let refused = Download::refused(&reply);
        assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Refused, Fate::NotSent));
        assert_eq!(refused.refusal().unwrap().code, crate::refusal::Code::INVALID_REQUEST);
        let lost = Download::lost(Failure::Lost("cut".into()));
        assert_eq!((lost.kind(), lost.fate()), (ErrorKind::Transport, Fate::NotSent));
        assert_eq!(Download::forged(Forged).kind(), ErrorKind::Signature);
    }
}

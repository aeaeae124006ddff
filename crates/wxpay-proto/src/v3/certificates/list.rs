//! The list of certificates: read, opened with the APIv3 key, each checked to be the one it is said to be.

use crate::{
    crypto::Certificate,
    error::Error,
    id::{Invalid, SerialNo},
    refusal::{Code, Refusal},
    v3::{
        endpoint::{Draft, Endpoint, Repeat},
        merchant::Merchant,
        seal::{Boxed, Pen},
        verify::{Verified, malformed},
    },
    wire::json,
    world::World,
};
use alloc::{string::String, vec::Vec};

pub(super) const TARGET: &str = "/v3/certificates";

/// How many certificates a list may hold; there are two at a time.
const MOST: usize = 32;

/// Asks for the platform's certificates, to look at them: which there are, how long they are good. Comes to none where
/// the merchant verifies by a public key.
///
/// Nothing needs it: what a call or a notice must be verified with is fetched and kept [by
/// itself](crate::v3::KeepKeys), and this changes nothing about that. The reply is verified like any other, so the
/// certificates may be asked for twice where none is known yet.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Certificates;

impl Certificates {
    /// Those of RSA keys.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

/// A certificate of the platform's, proved by the APIv3 key that it was sealed with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlatformCertificate {
    /// Its number, as `Wechatpay-Serial` names it.
    pub serial_no: SerialNo,
    /// What it says: whose key, from when and until when.
    pub certificate: Certificate,
    /// It, as it came: to be kept in a file, and to be [believed](crate::v3::Builder::platform_certificate) from there.
    pub pem: String,
}

#[derive(serde::Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    data: Vec<Entry<'a>>,
}

#[derive(serde::Deserialize)]
struct Entry<'a> {
    serial_no: SerialNo,
    #[serde(borrow)]
    encrypt_certificate: Boxed<'a>,
}

impl PlatformCertificate {
    /// Reads a list and opens it. That it is genuine is for the caller to prove.
    pub(super) fn open_list(me: &Merchant, text: &[u8]) -> Result<Vec<Self>, Error> {
        let list: List<'_> = json::parse(text).map_err(|fault| malformed().caused_by(fault))?;
        if list.data.len() > MOST {
            return Err(malformed().caused_by(Invalid::new("data", "must be at most 32 certificates")));
        }
        list.data.iter().map(|entry| Self::open(me, entry)).collect()
    }

    fn open(me: &Merchant, entry: &Entry<'_>) -> Result<Self, Error> {
        let opened = me.open_box(&entry.encrypt_certificate)?;
        let certificate = Certificate::parse_pem(&opened).map_err(|fault| malformed().caused_by(fault))?;
        let serial_no: SerialNo =
            certificate.serial().parse().map_err(|fault: Invalid| malformed().caused_by(fault))?;
        if serial_no != entry.serial_no {
            return Err(malformed().caused_by(Invalid::new("serial_no", "must be the certificate's")));
        }
        let pem = String::from_utf8(opened).map_err(|_| malformed())?;
        Ok(Self { serial_no, certificate, pem })
    }
}

/// A merchant that verifies by public key has no certificates, and is told so by 404.
pub(super) fn has_none(refusal: &Refusal) -> bool {
    refusal.status == 404 && refusal.code == Code::RESOURCE_NOT_EXISTS
}

impl Endpoint for Certificates {
    type Output = Vec<PlatformCertificate>;

    fn draft(&self, _: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        Ok(Draft::get("v3.certificates.list", TARGET))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        me: &Merchant,
        _: &mut World<'_>,
    ) -> Result<Vec<PlatformCertificate>, Error> {
        PlatformCertificate::open_list(me, reply.bytes())
    }

    fn refused(&self, refusal: &Refusal) -> Option<Vec<PlatformCertificate>> {
        has_none(refusal).then(Vec::new)
    }

    fn repeat(&self) -> Repeat {
        Repeat::Freely
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::UnixTime,
        error::ErrorKind,
        exchange::Hop,
        v3::toy::{self, Signer, Stage, list, target},
    };

    fn ask(
        me: &Merchant,
        answer: impl FnMut(&Hop, &mut UnixTime) -> crate::exchange::Reply,
    ) -> (Asked, Stage) {
        let mut stage = Stage::new();
        let asked = stage.run(me.call(Certificates::new()), answer);
        (asked, stage)
    }

    type Asked = Result<Vec<PlatformCertificate>, Error>;

    #[test]
    fn each_certificate_is_told_with_number_times_and_text() {
        assert_eq!(target(&Certificates::new()), "/v3/certificates");
        let (one, other) = (Signer::certificate(1), Signer::certificate(2));
        let body = list(&[&one, &other]);
        let (asked, stage) = ask(&toy::by_certificates().build(), |_, now| Ok(one.reply(200, &body, *now)));
        let asked = asked.unwrap();
        assert_eq!(stage.sent.len(), 2, "the key to verify the list with is fetched first");
        assert_eq!(asked.len(), 2);
        for (told, signer) in asked.iter().zip([&one, &other]) {
            assert_eq!((told.serial_no.as_str(), &told.pem), (signer.id.as_str(), &signer.pem));
            // `date -u -d 2032-01-01 +%s`
            assert_eq!(told.certificate.not_after().as_secs(), 1_956_528_000);
        }
        // What was written to a file can be believed from there.
        let pinned = Certificate::parse_pem(asked[0].pem.as_bytes()).unwrap();
        assert!(toy::by_certificates().platform_certificate(&pinned).is_ok());
    }

    #[test]
    fn a_list_that_does_not_verify_or_open_is_not_told() {
        let (one, stranger) = (Signer::certificate(1), Signer::certificate(2));
        let body = list(&[&one]);
        let (asked, _) = ask(&toy::by_certificates().build(), |hop, now| {
            let signer = if hop.label == "v3.certificates" { &one } else { &stranger };
            Ok(signer.reply(200, &body, *now))
        });
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::Signature);
        let elsewhere = toy::of(toy::merchants_key(), &"1".repeat(32));
        let pinned = Certificate::parse_pem(one.pem.as_bytes()).unwrap();
        let elsewhere = elsewhere.platform_certificate(&pinned).unwrap().build();
        let (asked, _) = ask(&elsewhere, |_, now| Ok(one.reply(200, &body, *now)));
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::Malformed);
    }

    #[test]
    fn a_merchant_with_a_public_key_has_none() {
        let none = r#"{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书"}"#;
        let (asked, _) = ask(&toy::merchant(), |_, now| Ok(Signer::public_key().reply(404, none, *now)));
        assert_eq!(asked.unwrap(), []);
    }
}

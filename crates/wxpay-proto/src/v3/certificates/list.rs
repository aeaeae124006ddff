//! The list of certificates: parsing, decryption with the APIv3 key, check of each serial number.

use crate::{
    crypto::Certificate,
    id::SerialNo,
    v3::{prelude::*, seal::EncryptedResource},
    wire::json,
};

pub(super) const TARGET: &str = "/v3/certificates";

/// The associated data of every encrypted certificate. It keeps other ciphertexts under the APIv3 key, such as those of
/// notifications, out of the list.
const ASSOCIATED_DATA: &str = "certificate";

/// The maximum number of certificates in a list. In practice there are one or two.
const MAX_CERTIFICATES: usize = 32;

/// Queries the platform certificates and their validity, for inspection. Returns none if the merchant verifies with a
/// public key.
///
/// No other operation needs this one: keys for verification are fetched and cached
/// [automatically](crate::v3::RefreshPlatformKeys), and this operation does not touch that cache. The reply is verified
/// like any other, so the list may be fetched twice if no certificate is cached yet.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Certificates;

impl Certificates {
    /// Queries the certificates of RSA keys.
    pub fn new() -> Self {
        Self
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

/// A platform certificate, authenticated by its encryption with the APIv3 key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlatformCertificate {
    /// The serial number, as in the header `Wechatpay-Serial`.
    pub serial_no: SerialNo,
    /// The parsed certificate: public key and period of validity.
    pub certificate: Certificate,
    /// The certificate as received, in PEM. You may store it in a file and
    /// [trust](crate::v3::Builder::platform_certificate) it later.
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
    encrypt_certificate: EncryptedResource<'a>,
}

impl PlatformCertificate {
    /// Parses a list and decrypts its entries. The caller must verify the signature of the reply.
    pub(super) fn decrypt_list(merchant: &Merchant, text: &[u8]) -> Result<Vec<Self>, Error> {
        let list: List<'_> = json::parse(text).map_err(|error| malformed().caused_by(error))?;
        require(list.data.len() <= MAX_CERTIFICATES, "data", "must be at most 32 certificates")?;
        let mut certificates: Vec<Self> = Vec::with_capacity(list.data.len());
        for entry in &list.data {
            let certificate = Self::open(merchant, entry)?;
            // One of them could prove the list, and the other be used.
            if certificates.iter().any(|listed| listed.serial_no == certificate.serial_no) {
                let duplicate = InvalidField::new("serial_no", "must not occur twice in the list");
                return Err(malformed().caused_by(duplicate));
            }
            certificates.push(certificate);
        }
        Ok(certificates)
    }

    fn open(merchant: &Merchant, entry: &Entry<'_>) -> Result<Self, Error> {
        require(
            entry.encrypt_certificate.associated_data.as_deref() == Some(ASSOCIATED_DATA),
            "associated_data",
            "must be certificate",
        )?;
        let opened = merchant.decrypt_resource(&entry.encrypt_certificate)?;
        let certificate = Certificate::parse_pem(&opened).map_err(|error| malformed().caused_by(error))?;
        let serial_no: SerialNo =
            certificate.serial().parse().map_err(|error: InvalidField| malformed().caused_by(error))?;
        require(serial_no == entry.serial_no, "serial_no", "must equal the certificate's")?;
        let pem = String::from_utf8(opened).map_err(|_| malformed())?;
        Ok(Self { serial_no, certificate, pem })
    }
}

/// Returns whether the refusal means that the merchant has no certificates: 404, sent to merchants that verify with a
/// public key.
pub(super) fn has_no_certificates(refusal: &Refusal) -> bool {
    refusal.status == 404 && refusal.code == Code::RESOURCE_NOT_EXISTS
}

impl Endpoint for Certificates {
    type Output = Vec<PlatformCertificate>;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        Ok(Draft::get("v3.certificates", TARGET))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        _: &mut World<'_>,
    ) -> Result<Vec<PlatformCertificate>, Error> {
        PlatformCertificate::decrypt_list(merchant, reply.bytes())
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<Vec<PlatformCertificate>> {
        has_no_certificates(refusal).then(Vec::new)
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::UnixTime,
        error::ErrorKind,
        exchange::Transmit,
        v3::fake::{self, Harness, SigningKey, list, target},
    };

    fn query(
        merchant: &Merchant,
        reply: impl FnMut(&Transmit, &mut UnixTime) -> crate::exchange::Reply,
    ) -> (Listed, Harness) {
        let mut harness = Harness::new();
        let certificates = harness.run(merchant.call(Certificates::new()), reply);
        (certificates, harness)
    }

    type Listed = Result<Vec<PlatformCertificate>, Error>;

    #[test]
    fn each_certificate_is_returned_with_serial_validity_and_pem() {
        assert_eq!(target(&Certificates::new()), "/v3/certificates");
        let (one, other) = (SigningKey::certificate(1), SigningKey::certificate(2));
        let body = list(&[&one, &other]);
        let (certificates, harness) =
            query(&fake::with_certificates().build(), |_, now| Ok(one.reply(200, &body, *now)));
        let certificates = certificates.unwrap();
        assert_eq!(harness.sent.len(), 2, "the key that verifies the list is fetched first");
        assert_eq!(certificates.len(), 2);
        for (certificate, signer) in certificates.iter().zip([&one, &other]) {
            assert_eq!((certificate.serial_no.as_str(), &certificate.pem), (signer.id.as_str(), &signer.pem));
            // `date -u -d 2032-01-01 +%s`
            assert_eq!(certificate.certificate.not_after().as_secs(), 1_956_528_000);
        }
        // A certificate that was written to a file can be trusted from there.
        let pinned = Certificate::parse_pem(certificates[0].pem.as_bytes()).unwrap();
        assert!(fake::with_certificates().platform_certificate(&pinned).is_ok());
    }

    #[test]
    fn a_certificate_list_that_does_not_verify_or_decrypt_is_not_returned() {
        let (one, stranger) = (SigningKey::certificate(1), SigningKey::certificate(2));
        let body = list(&[&one]);
        let mut requests = 0;
        let (certificates, _) = query(&fake::with_certificates().build(), |_, now| {
            // The first request fetches the keys, those after it query the list.
            requests += 1;
            let signer = if requests == 1 { &one } else { &stranger };
            Ok(signer.reply(200, &body, *now))
        });
        assert_eq!(certificates.unwrap_err().kind(), ErrorKind::Signature);
        let other_merchant = fake::builder_of(fake::merchant_key(), &"1".repeat(32));
        let pinned = Certificate::parse_pem(one.pem.as_bytes()).unwrap();
        let other_merchant = other_merchant.platform_certificate(&pinned).unwrap().build();
        let (certificates, _) = query(&other_merchant, |_, now| Ok(one.reply(200, &body, *now)));
        assert_eq!(certificates.unwrap_err().kind(), ErrorKind::Malformed);
    }

    #[test]
    fn list_of_more_than_32_certificates_is_malformed() {
        let one = SigningKey::certificate(1);
        let body = list(&[&one; MAX_CERTIFICATES + 1]);
        let error = PlatformCertificate::decrypt_list(&fake::merchant(), body.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        let rule = core::error::Error::source(&error).unwrap();
        assert_eq!(alloc::format!("{rule}"), "data must be at most 32 certificates");
    }

    #[test]
    fn a_merchant_with_a_public_key_has_no_certificates() {
        let none = r#"{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书"}"#;
        let (certificates, _) =
            query(&fake::merchant(), |_, now| Ok(SigningKey::public_key().reply(404, none, *now)));
        assert_eq!(certificates.unwrap(), []);
    }
}

//! X.509 certificates: serial number, validity, public key and common name.

use super::pem::{self, InvalidPem};
use crate::{clock::UnixTime, prelude::*};
use core::{error, fmt};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::{
    serial_number::SerialNumber,
    time::{Time, Validity},
};

/// The fields of a certificate that the protocol uses, of a merchant or of the platform.
///
/// The signature of the certificate is not verified. A merchant trusts its own file, and a platform certificate is
/// authenticated by the APIv3 key with which it was sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    serial: String,
    not_before: UnixTime,
    not_after: UnixTime,
    spki: Vec<u8>,
    common_name: Option<String>,
}

impl Certificate {
    /// Parses a certificate from DER.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidCertificate`] if it is not a certificate, bytes follow it, or its serial number is negative.
    pub fn parse(der: &[u8]) -> Result<Self, InvalidCertificate> {
        let certificate =
            x509_cert::Certificate::from_der(der).map_err(|_| InvalidCertificate(Reason::Unreadable))?;
        let tbs = certificate.tbs_certificate();
        let Validity { not_before, not_after, .. } = tbs.validity();
        let name = tbs.subject().common_name().map_err(|_| InvalidCertificate(Reason::Unreadable))?;
        Ok(Self {
            serial: serial_hex(tbs.serial_number()).ok_or(InvalidCertificate(Reason::Negative))?,
            not_before: unix_time(*not_before),
            not_after: unix_time(*not_after),
            spki: tbs
                .subject_public_key_info()
                .to_der()
                .map_err(|_| InvalidCertificate(Reason::Unreadable))?,
            common_name: name.map(|name| name.value().into_owned()),
        })
    }

    /// Parses the first certificate in a PEM text.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidCertificate`] in the cases of [`pem::certificate`] and [`parse`](Self::parse).
    pub fn parse_pem(pem: &[u8]) -> Result<Self, InvalidCertificate> {
        let der = pem::certificate(pem).map_err(|error| InvalidCertificate(Reason::Pem(error)))?;
        Self::parse(&der)
    }

    /// Returns the serial number as the protocol writes it: its bytes in upper-case hex, two digits each, at most 42
    /// digits.
    ///
    /// A first byte below `10` keeps its leading `0`, which printing as a number would lose. The zero byte that DER
    /// puts before a high bit, to keep the number positive, is dropped.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Returns the first second of the validity period.
    pub fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// Returns the last second of the validity period.
    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// Returns whether the certificate is valid at this time. Both end seconds are included (RFC 5280, 4.1.2.5).
    pub fn is_valid_at(&self, now: UnixTime) -> bool {
        (self.not_before.as_secs()..=self.not_after.as_secs()).contains(&now.as_secs())
    }

    /// Returns the public key, the DER of a `SubjectPublicKeyInfo`, for
    /// [`CryptoProvider::public_key`](super::CryptoProvider::public_key).
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Returns the first common name of the subject: in a merchant's certificate, the `mchid`.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }
}

/// Omits the key, which is long; the serial number identifies it.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("serial", &self.serial)
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .field("common_name", &self.common_name)
            .finish_non_exhaustive()
    }
}

/// The error for bytes that are not a usable certificate. It never shows the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCertificate(Reason);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Pem(InvalidPem),
    Unreadable,
    Negative,
}

impl fmt::Display for InvalidCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reason::Pem(error) => error.fmt(f),
            Reason::Unreadable => f.write_str("not a DER-encoded X.509 certificate"),
            Reason::Negative => f.write_str("the serial number of the certificate must not be negative"),
        }
    }
}

impl error::Error for InvalidCertificate {}

/// Returns the hexadecimal digits of a serial number, or `None` if it is negative.
fn serial_hex(serial: &SerialNumber) -> Option<String> {
    // DER encodes an integer in the fewest bytes that show its sign, so a leading zero byte is only a sign byte.
    match serial.as_bytes() {
        [0, rest @ ..] if !rest.is_empty() => Some(hex::encode_upper(rest)),
        [0x80..=0xff, ..] => None,
        bytes => Some(hex::encode_upper(bytes)),
    }
}

fn unix_time(time: Time) -> UnixTime {
    UnixTime::from_secs(time.to_unix_duration().as_secs())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A merchant's certificate: `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout
    /// key.pem -days 36500 -set_serial 0x0A00F0 -utf8 -subj '/C=CN/O=微信商户系统/CN=1900000001'`
    pub(in super::super) const MERCHANT: &str = "\
-----BEGIN CERTIFICATE-----
MIIBxTCCAWqgAwIBAgIDCgDwMAoGCCqGSM49BAMCMD8xCzAJBgNVBAYTAkNOMRsw
GQYDVQQKDBLlvq7kv6HllYbmiLfns7vnu58xEzARBgNVBAMMCjE5MDAwMDAwMDEw
IBcNMjYxMTI0MTUwNDUyWhgPMjEyNjEwMzExNTA0NTJaMD8xCzAJBgNVBAYTAkNO
MRswGQYDVQQKDBLlvq7kv6HllYbmiLfns7vnu58xEzARBgNVBAMMCjE5MDAwMDAw
MDEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASwQBjHoGhPQU0GXSbCgymLDsms
1fTKMkaTcuzKXwmZHTWRcIKA/vX6W6hBJPavmPrlZM9PtSAhKUGgvSs5+emAo1Mw
UTAdBgNVHQ4EFgQUW+SODDEi5/Yw3hxEMHoGesUvaP8wHwYDVR0jBBgwFoAUW+SO
DDEi5/Yw3hxEMHoGesUvaP8wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJ
ADBGAiEAo5cHV9/fxjsJV5SytTYN9BaHdkHlgfWnNW+Bgs3uBPICIQCxKt3FgqxW
LYeDh6+aGWGi52NS5lTu6L2fqycy+q94eA==
-----END CERTIFICATE-----
";
    /// The public key of `MERCHANT`, by `openssl x509 -noout -pubkey`.
    pub(in super::super) const MERCHANT_KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsEAYx6BoT0FNBl0mwoMpiw7JrNX0
yjJGk3Lsyl8JmR01kXCCgP71+luoQST2r5j65WTPT7UgISlBoL0rOfnpgA==
-----END PUBLIC KEY-----
";
    /// A certificate with a high bit in its serial number and without a common name: `openssl req -x509 -key key.pem
    /// -days 1826 -set_serial 0xF00D000000000001 -subj /O=Throw-away`
    const NO_COMMON_NAME: &str = "\
-----BEGIN CERTIFICATE-----
MIIBdDCCARqgAwIBAgIJAPANAAAAAAABMAoGCCqGSM49BAMCMBUxEzARBgNVBAoM
ClRocm93LWF3YXkwHhcNMjYxMTI0MTUwNTM4WhcNMzExMTI0MTUwNTM4WjAVMRMw
EQYDVQQKDApUaHJvdy1hd2F5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsEAY
x6BoT0FNBl0mwoMpiw7JrNX0yjJGk3Lsyl8JmR01kXCCgP71+luoQST2r5j65WTP
T7UgISlBoL0rOfnpgKNTMFEwHQYDVR0OBBYEFFvkjgwxIuf2MN4cRDB6BnrFL2j/
MB8GA1UdIwQYMBaAFFvkjgwxIuf2MN4cRDB6BnrFL2j/MA8GA1UdEwEB/wQFMAMB
Af8wCgYIKoZIzj0EAwIDSAAwRQIhAKXhrpoNTfhvZpQ2UC2CfrhukXm6VXZxwogq
Ff5I7/SdAiBh1PjDJCkUcK2r3DsT2epVqyTcKrlI/7SUAF6x0At1BA==
-----END CERTIFICATE-----
";

    fn merchant() -> Certificate {
        Certificate::parse_pem(MERCHANT.as_bytes()).unwrap()
    }

    /// Returns the merchant's certificate with another serial number of three bytes.
    fn with_serial(serial: [u8; 3]) -> Result<Certificate, InvalidCertificate> {
        let mut der = pem::certificate(MERCHANT.as_bytes()).unwrap();
        let old = [2, 3, 0x0a, 0x00, 0xf0];
        let at = der.windows(old.len()).position(|window| window == old).unwrap();
        der[at..][2..old.len()].copy_from_slice(&serial);
        Certificate::parse(&der)
    }

    #[test]
    fn common_name_is_the_mchid() {
        assert_eq!(merchant().common_name(), Some("1900000001"));
        assert_eq!(Certificate::parse_pem(NO_COMMON_NAME.as_bytes()).unwrap().common_name(), None);
    }

    #[test]
    fn serial_keeps_leading_zeros_and_drops_the_sign_byte() {
        assert_eq!(merchant().serial(), "0A00F0");
        assert_eq!(Certificate::parse_pem(NO_COMMON_NAME.as_bytes()).unwrap().serial(), "F00D000000000001");
        assert_eq!(with_serial([0, 0x80, 0]).unwrap().serial(), "8000");
    }

    #[test]
    fn negative_and_non_minimal_serials_are_rejected() {
        assert_eq!(with_serial([0x8a, 0, 0]), Err(InvalidCertificate(Reason::Negative)));
        assert_eq!(
            with_serial([0, 0x7f, 0]),
            Err(InvalidCertificate(Reason::Unreadable)),
            "DER has no redundant leading zero"
        );
    }

    #[test]
    fn validity_includes_both_end_seconds() {
        // `date -d "$(openssl x509 -noout -startdate | cut -d= -f2)" +%s`, and the same of -enddate.
        let (first, last) = (UnixTime::from_secs(1_795_532_692), UnixTime::from_secs(4_949_132_692));
        let certificate = merchant();
        assert_eq!((certificate.not_before(), certificate.not_after()), (first, last));
        assert!(!certificate.is_valid_at(UnixTime::from_millis(first.as_millis() - 1)));
        assert!(certificate.is_valid_at(first));
        assert!(certificate.is_valid_at(UnixTime::from_millis(last.as_millis() + 999)));
        assert!(!certificate.is_valid_at(UnixTime::from_millis(last.as_millis() + 1000)));
    }

    #[test]
    fn spki_matches_openssl() {
        assert_eq!(merchant().spki(), pem::public_key(MERCHANT_KEY.as_bytes()).unwrap());
    }

    #[test]
    fn parse_rejects_bytes_that_are_not_a_certificate() {
        let der = pem::certificate(MERCHANT.as_bytes()).unwrap();
        let unreadable = Err(InvalidCertificate(Reason::Unreadable));
        for length in 0..der.len() {
            assert_eq!(Certificate::parse(&der[..length]), unreadable, "cut to {length} bytes");
        }
        assert_eq!(Certificate::parse(&[&der[..], &[0]].concat()), unreadable);
        assert_eq!(Certificate::parse(&pem::public_key(MERCHANT_KEY.as_bytes()).unwrap()), unreadable);
        let error = Certificate::parse_pem(MERCHANT_KEY.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "expected a certificate in PEM: found a public key");
    }
}

//! Throw-away APIv3 keys, made by `keys/make` with OpenSSL. The certificates are valid from 2014 to 2099.

use crate::watch::watched;
use std::sync::Arc;
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    crypto::{Certificate, CryptoProvider, PrivateKey, PublicKey, pem},
    v3::{ApiV3Key, Builder, Merchant},
};

/// The merchant's number, which is the common name of its certificate.
pub const MCHID: &str = "1900000001";
/// The serial number of the merchant's certificate. It begins with a zero.
pub const SERIAL_NO: &str = "0A51C3E08D2B467F91A4D05E73B8C26F1D340001";
/// The merchant's private key, PEM of PKCS#8.
pub const KEY: &str = include_str!("../../keys/merchant.pem");
/// The merchant's certificate.
pub const CERTIFICATE: &str = include_str!("../../keys/merchant_certificate.pem");
/// The APIv3 key.
pub const API_V3_KEY: &str = "4p1v3Key000000000000000000005ec4";

/// A platform key with its certificate.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Platform {
    /// The serial number of the certificate.
    pub serial_no: &'static str,
    /// The private key, PEM of PKCS#8.
    pub key: &'static str,
    /// The certificate, PEM.
    pub certificate: &'static str,
}

/// Two platform keys, for rotation. The serial number of the second has its high bit set.
pub const PLATFORM: [Platform; 2] = [
    Platform {
        serial_no: "5E0F61B7A49D2C8830E6C14BF72D95A01B6C0001",
        key: include_str!("../../keys/platform_one.pem"),
        certificate: include_str!("../../keys/platform_one_certificate.pem"),
    },
    Platform {
        serial_no: "D27A4406E9B3158CF05D68127EC39AB4470E0002",
        key: include_str!("../../keys/platform_two.pem"),
        certificate: include_str!("../../keys/platform_two_certificate.pem"),
    },
];

/// The id of the WeChat Pay public key.
pub const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026010100000000000001";
/// The WeChat Pay public key, PEM.
pub const PUBLIC_KEY: &str = include_str!("../../keys/public_key_mode_public.pem");
/// The private half of the WeChat Pay public key, PEM of PKCS#8.
pub const PUBLIC_KEY_PRIVATE: &str = include_str!("../../keys/public_key_mode.pem");

/// Returns the crypto provider of these keys. They must not be used under the lock of a memory.
pub fn provider() -> Arc<dyn CryptoProvider> {
    watched(AwsLc)
}

/// Returns the builder of the merchant that trusts platform certificates, which it must fetch.
pub fn merchant() -> Builder {
    Merchant::builder(
        provider(),
        MCHID.parse().unwrap(),
        SERIAL_NO.parse().unwrap(),
        private_key(KEY),
        &ApiV3Key::new(API_V3_KEY.into()).unwrap(),
    )
}

/// Returns the builder of the merchant that trusts the WeChat Pay public key.
pub fn merchant_by_public_key() -> Builder {
    merchant().public_key(PUBLIC_KEY_ID.parse().unwrap(), public_key(PUBLIC_KEY))
}

/// Parses a private key from PEM.
pub fn private_key(pem: &str) -> Arc<dyn PrivateKey> {
    provider().private_key(&pem::private_key(pem.as_bytes()).unwrap()).unwrap()
}

/// Parses a public key from PEM.
pub fn public_key(pem: &str) -> Arc<dyn PublicKey> {
    provider().public_key(&pem::public_key(pem.as_bytes()).unwrap()).unwrap()
}

/// Returns the public key of a certificate in PEM.
pub fn public_key_of(pem: &str) -> Arc<dyn PublicKey> {
    provider().public_key(certificate(pem).spki()).unwrap()
}

/// Parses a certificate from PEM.
pub fn certificate(pem: &str) -> Certificate {
    Certificate::parse_pem(pem.as_bytes()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxpay_proto::UnixTime;

    fn is_pair(key: &str, certificate: &str) -> bool {
        let public = public_key_of(certificate);
        public.verify(b"text", &private_key(key).sign(b"text").unwrap()).is_ok()
    }

    #[test]
    fn each_key_matches_its_own_certificate_only() {
        let merchant = certificate(CERTIFICATE);
        assert_eq!((merchant.serial(), merchant.common_name()), (SERIAL_NO, Some(MCHID)));
        assert!(is_pair(KEY, CERTIFICATE));
        for platform in PLATFORM {
            assert_eq!(certificate(platform.certificate).serial(), platform.serial_no);
            assert!(is_pair(platform.key, platform.certificate));
            assert!(!is_pair(KEY, platform.certificate));
        }
    }

    #[test]
    fn the_certificates_are_valid_from_2014_to_2099() {
        for pem in [CERTIFICATE, PLATFORM[0].certificate, PLATFORM[1].certificate] {
            // `date -u -d 2014-01-01 +%s`, and the last second of 2099.
            assert!(certificate(pem).is_valid_at(UnixTime::from_secs(1_388_534_400)));
            assert!(certificate(pem).is_valid_at(UnixTime::from_secs(4_102_444_799)));
        }
    }

    #[test]
    fn the_public_key_matches_its_private_half() {
        let signature = private_key(PUBLIC_KEY_PRIVATE).sign(b"text").unwrap();
        assert!(public_key(PUBLIC_KEY).verify(b"text", &signature).is_ok());
    }
}

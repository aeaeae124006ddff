//! X.509 certificates of RSA keys, encoded on first use.

use super::{InvalidKey, KeyPair, PublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, PKCS_RSA_SHA256, PublicKeyData, SerialNumber, SignatureAlgorithm, SigningKey,
    date_time_ymd,
};
use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};
use wxpay_proto::{UnixTime, id::SerialNo};

/// The simulator's root, which issues all certificates.
#[derive(Clone, Debug)]
pub struct CertificateAuthority {
    name: &'static str,
    key: KeyPair,
}

/// The validity of a certificate: five years, like WeChat Pay's.
const VALIDITY: Duration = Duration::from_secs(5 * 365 * 24 * 3600);

impl CertificateAuthority {
    pub(crate) const fn new(name: &'static str, key: KeyPair) -> Self {
        Self { name, key }
    }

    /// Issues a certificate for five years. It is signed and encoded on first use.
    pub fn certificate(&self, serial: SerialNo, name: &str, key: PublicKey, from: UnixTime) -> Certificate {
        Certificate(Arc::new(Inner {
            serial,
            name: name.into(),
            key,
            from,
            until: from.after(VALIDITY),
            issuer: self.clone(),
            der: OnceLock::new(),
        }))
    }
}

/// Certificates for the TLS server and its clients.
impl CertificateAuthority {
    /// Returns the root certificate in PEM.
    pub(crate) fn pem(&self, from: UnixTime) -> Result<String, InvalidKey> {
        let mut params = self.params();
        set_validity(&mut params, from)?;
        let certificate = params.self_signed(&Signer::of(&self.key.public(), Some(&self.key))?);
        Ok(super::pem("CERTIFICATE", certificate.map_err(|_| InvalidKey)?.der()))
    }

    /// Returns a certificate for a server with these names, as DER.
    pub(crate) fn server_der(
        &self,
        names: &[&str],
        key: &PublicKey,
        from: UnixTime,
    ) -> Result<Vec<u8>, InvalidKey> {
        let names: Vec<String> = names.iter().copied().map(String::from).collect();
        let mut params = CertificateParams::new(names.clone()).map_err(|_| InvalidKey)?;
        params.distinguished_name = params_for(names.first().map_or("", String::as_str)).distinguished_name;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.signed(params, key, from, None)
    }

    fn params(&self) -> CertificateParams {
        let mut params = params_for(self.name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    fn signed(
        &self,
        mut params: CertificateParams,
        key: &PublicKey,
        from: UnixTime,
        known_signature: Option<&[u8]>,
    ) -> Result<Vec<u8>, InvalidKey> {
        set_validity(&mut params, from)?;
        params.use_authority_key_identifier_extension = true;
        let issuer = self.params();
        let signer = Signer { known_signature, ..Signer::of(&self.key.public(), Some(&self.key))? };
        let issuer = Issuer::from_params(&issuer, signer);
        let certificate = params.signed_by(&Signer::of(key, None)?, &issuer).map_err(|_| InvalidKey)?;
        Ok(certificate.der().to_vec())
    }
}

/// A certificate: a serial number, a name, a public key and a validity period.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    serial: SerialNo,
    name: String,
    key: PublicKey,
    from: UnixTime,
    until: UnixTime,
    issuer: CertificateAuthority,
    der: OnceLock<Vec<u8>>,
}

impl Certificate {
    /// Returns the serial number: 40 hexadecimal digits in upper case.
    pub fn serial(&self) -> &SerialNo {
        &self.0.serial
    }

    /// Returns the certified public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.key
    }

    /// Returns the start of the validity.
    pub fn not_before(&self) -> UnixTime {
        self.0.from
    }

    /// Returns the end of the validity; the certificate is not valid at that moment.
    pub fn not_after(&self) -> UnixTime {
        self.0.until
    }

    /// Returns the X.509 certificate in DER.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey`] if the key has no RSA public half: a fake key that was made from a name.
    pub fn der(&self) -> Result<Vec<u8>, InvalidKey> {
        if let Some(der) = self.0.der.get() {
            return Ok(der.clone());
        }
        let der = self.encode(None)?;
        Ok(self.0.der.get_or_init(|| der).clone())
    }

    /// Encodes the certificate with the signature of an earlier encoding in PEM, if that is valid.
    ///
    /// A signature draws randomness, and the set-up of aws-lc's generator takes most of a start's time.
    pub(crate) fn reuse_signature(&self, pem: &str) {
        let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let earlier = STANDARD.decode(text).unwrap_or_default();
        let signature_at = earlier.len().saturating_sub(SIGNATURE_LEN);
        if let Ok(der) = self.encode(earlier.get(signature_at..)) {
            self.0.der.get_or_init(|| der);
        }
    }

    /// Returns the X.509 certificate in PEM.
    ///
    /// # Errors
    ///
    /// Same as [`der`](Self::der).
    pub fn pem(&self) -> Result<String, InvalidKey> {
        Ok(super::pem("CERTIFICATE", &self.der()?))
    }

    fn encode(&self, known_signature: Option<&[u8]>) -> Result<Vec<u8>, InvalidKey> {
        let inner = &*self.0;
        let mut params = params_for(&inner.name);
        params.serial_number =
            Some(SerialNumber::from(hex::decode(inner.serial.as_str()).map_err(|_| InvalidKey)?));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        inner.issuer.signed(params, &inner.key, inner.from, known_signature)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.0.serial)
    }
}

fn params_for(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "wxpay-sim, for tests only");
    params
}

/// Sets a validity of five years.
///
/// # Errors
///
/// Returns [`InvalidKey`] if the calendar cannot represent the times.
fn set_validity(params: &mut CertificateParams, from: UnixTime) -> Result<(), InvalidKey> {
    let until = from.after(VALIDITY);
    for (time, bound) in [(from, &mut params.not_before), (until, &mut params.not_after)] {
        let since_epoch = Duration::from_secs(time.as_secs()).try_into().map_err(|_| InvalidKey)?;
        *bound = date_time_ymd(1970, 1, 1).checked_add(since_epoch).ok_or(InvalidKey)?;
    }
    Ok(())
}

/// A key in the form that `rcgen` accepts: the public half, and the private half if the key signs.
struct Signer<'a> {
    public: Vec<u8>,
    key: Option<&'a KeyPair>,
    /// Used instead of a new signature, if it is valid.
    known_signature: Option<&'a [u8]>,
}

/// The length, in bytes, of the signature at the end of a certificate: that of the root's RSA key of 2048 bits.
const SIGNATURE_LEN: usize = 256;

/// The length, in bytes, of the prefix before the RSA key in a `SubjectPublicKeyInfo`. It is constant for keys of 2048
/// to 8192 bits.
const SPKI_PREFIX_LEN: usize = 24;

impl<'a> Signer<'a> {
    fn of(public: &PublicKey, key: Option<&'a KeyPair>) -> Result<Self, InvalidKey> {
        let der = public.der();
        let bare = der.get(SPKI_PREFIX_LEN..).filter(|_| der.starts_with(&[0x30, 0x82])).ok_or(InvalidKey)?;
        Ok(Self { public: bare.to_vec(), key, known_signature: None })
    }
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let key = self.key.ok_or(rcgen::Error::RemoteKeyError)?;
        let known = self.known_signature.filter(|signature| key.public().verifies(message, signature));
        Ok(known.map_or_else(|| key.sign(message), <[u8]>::to_vec))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> CertificateAuthority {
        CertificateAuthority::new("wxpay-sim root", KeyPair::fixed(5).unwrap())
    }

    #[test]
    fn openssl_reads_the_certificate() {
        let serial = "0F69D0E2BB2B8E6A0BD1E83C8B41BB7B0D0F5B31".parse().unwrap();
        let from = UnixTime::from_secs(1_767_225_600);
        let key = KeyPair::fixed(0).unwrap();
        let certificate = authority().certificate(serial, "1900000001", key.public(), from);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("certificate.pem");
        std::fs::write(&path, certificate.pem().unwrap()).unwrap();
        let output = std::process::Command::new("openssl")
            .args(["x509", "-noout", "-serial", "-subject", "-dates", "-pubkey", "-in"])
            .arg(&path)
            .output()
            .unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        assert!(output.contains("serial=0F69D0E2BB2B8E6A0BD1E83C8B41BB7B0D0F5B31"), "{output}");
        assert!(output.contains("CN = 1900000001"), "{output}");
        assert!(output.contains("notBefore=Jan  1 00:00:00 2026 GMT"), "{output}");
        assert!(output.contains("notAfter=Dec 31 00:00:00 2030 GMT"), "{output}");
        assert!(output.contains(&key.public().pem()), "{output}");
    }

    #[test]
    fn signature_of_an_earlier_encoding_is_reused_only_if_it_is_valid() {
        let serial = || "0F69D0E2BB2B8E6A0BD1E83C8B41BB7B0D0F5B31".parse().unwrap();
        let key = KeyPair::fixed(0).unwrap().public();
        let issue = |authority: CertificateAuthority| {
            authority.certificate(serial(), "1900000001", key.clone(), UnixTime::EPOCH)
        };
        let expected = issue(authority()).pem().unwrap();
        let other_root = CertificateAuthority::new("wxpay-sim root", KeyPair::fixed(6).unwrap());
        let foreign = issue(other_root).pem().unwrap();
        for earlier in [expected.as_str(), &foreign, &expected.replace("\n-----END", "AA\n-----END"), "", "x"]
        {
            let certificate = issue(authority());
            certificate.reuse_signature(earlier);
            assert_eq!(certificate.pem().unwrap(), expected, "{earlier}");
        }
        let signer = Signer { known_signature: Some(b"forged"), ..Signer::of(&key, None).unwrap() };
        assert!(signer.sign(b"message").is_err());
    }

    #[test]
    fn a_fake_key_without_an_rsa_half_has_no_certificate() {
        let serial = "0F69D0E2BB2B8E6A0BD1E83C8B41BB7B0D0F5B31".parse().unwrap();
        let key = KeyPair::fake("merchant").public();
        assert_eq!(authority().certificate(serial, "1", key, UnixTime::EPOCH).der(), Err(InvalidKey));
    }
}

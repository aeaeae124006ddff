//! The CAs that the client for notifications trusts.

use crate::keys::{CertificateAuthority, KeySource};
use std::{
    fmt, io,
    sync::{Arc, OnceLock},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
        client::{
            WebPkiServerVerifier,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
            verify_server_name,
        },
        crypto::{CryptoProvider, aws_lc_rs},
        pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
        server::ParsedCertificate,
    },
};

/// The trusted CAs: the public ones, the simulator's own, and those that were added; or no verification.
pub(in crate::serve) struct Trust {
    added: Vec<CertificateDer<'static>>,
    is_verified: bool,
    /// Source of the simulator's own CA, and the start of its validity.
    own: (KeySource, wxpay_proto::UnixTime),
    /// Built for the first `https` URL: most simulators never see one.
    connector: OnceLock<TlsConnector>,
}

impl Trust {
    pub(in crate::serve) fn new(
        added: Vec<CertificateDer<'static>>,
        is_verified: bool,
        own: (KeySource, wxpay_proto::UnixTime),
    ) -> Self {
        Self { added, is_verified, own, connector: OnceLock::new() }
    }

    /// Returns the TLS client.
    ///
    /// # Errors
    ///
    /// Returns the reason if the TLS library rejects its configuration.
    pub(super) fn connector(&self) -> Result<TlsConnector, String> {
        if let Some(connector) = self.connector.get() {
            return Ok(connector.clone());
        }
        let config = self.config().map_err(|error| format!("TLS: {error}"))?;
        Ok(self.connector.get_or_init(|| TlsConnector::from(Arc::new(config))).clone())
    }

    /// Returns the configuration of the TLS client.
    pub(in crate::serve) fn config(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let verifier: Arc<dyn ServerCertVerifier> =
            if self.is_verified { Arc::new(self.verifier(provider)?) } else { Arc::new(AcceptAll(provider)) };
        let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Verifier, Error> {
        let by_ca = WebPkiServerVerifier::builder_with_provider(Arc::new(self.roots()?), provider);
        let by_ca = by_ca.build().map_err(|error| Error::General(error.to_string()))?;
        Ok(Verifier { by_ca, added: self.added.clone() })
    }

    fn roots(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let (key_source, since) = &self.own;
        // A key source that cannot certify has no CA of its own to trust.
        if let Ok(pem) = CertificateAuthority::new("wxpay-sim root", key_source.root()).pem(*since) {
            roots.add_parsable_certificates(CertificateDer::from_pem_slice(pem.as_bytes()).ok());
        }
        for certificate in &self.added {
            roots.add(certificate.clone())?;
        }
        Ok(roots)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("added", &self.added.len())
            .field("is_verified", &self.is_verified)
            .finish_non_exhaustive()
    }
}

/// Parses the CA certificates of a PEM text.
///
/// # Errors
///
/// Returns the rule that the text breaks, as the end of a sentence that begins with its name.
pub(in crate::serve) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = found.map_err(|_| "is not valid PEM")?;
    if certificates.is_empty() {
        return Err("holds no certificate: a block that begins with -----BEGIN CERTIFICATE----- is required");
    }
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|_| "holds a certificate that cannot be parsed")?;
    }
    Ok(certificates)
}

/// The remedy for a certificate that is not trusted.
const REMEDY: &str =
    "pass --notify-ca with its CA certificate, or with the certificate itself if it is self-signed";

/// Describes a failed handshake.
pub(super) fn handshake_failure(error: &io::Error) -> String {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return if error.kind() == io::ErrorKind::UnexpectedEof {
            String::from("TLS: the connection was closed during the handshake")
        } else {
            format!("TLS: the handshake failed: {error}")
        };
    };
    // The other variants have sentences of their own.
    #[allow(clippy::wildcard_enum_match_arm, reason = "rustls adds variants")]
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::Other(_)) => {
            format!("TLS: the certificate is not trusted (unknown issuer): {REMEDY}")
        }
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            format!("TLS: the certificate is not trusted (another CA of that name signed it): {REMEDY}")
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => String::from("TLS: the certificate is not valid for the host of the URL"),
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            String::from("TLS: the certificate has expired")
        }
        Error::InvalidCertificate(_) => format!("TLS: {error}: {REMEDY}"),
        Error::InvalidMessage(_) => String::from("TLS: the server does not speak TLS on this port"),
        _ => format!("TLS: {error}"),
    }
}

/// Accepts certificates of trusted CAs, and an added certificate itself.
///
/// `openssl req -x509` makes a self-signed certificate that is a CA. A server may use it as its own, but the verification
/// by CAs rejects every CA certificate in that place.
#[derive(Debug)]
struct Verifier {
    by_ca: Arc<WebPkiServerVerifier>,
    added: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.by_ca.verify_server_cert(certificate, intermediates, name, ocsp_response, now) {
            // Dates were checked before; expired certificates are rejected with another error.
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if self.added.contains(certificate) =>
            {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_ca.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_ca.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_ca.supported_verify_schemes()
    }
}

/// Accepts every certificate, for tests with throw-away certificates.
#[derive(Debug)]
struct AcceptAll(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

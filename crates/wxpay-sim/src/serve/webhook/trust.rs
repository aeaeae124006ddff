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
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, aws_lc_rs},
        pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
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

    fn config(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = if self.is_verified {
            builder.with_root_certificates(self.roots()?)
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAll(provider)))
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
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
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => String::from(
            "TLS: the certificate is not trusted (unknown issuer): pass --notify-ca with its CA certificate",
        ),
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => String::from("TLS: the certificate is not valid for the host of the URL"),
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            String::from("TLS: the certificate has expired")
        }
        Error::InvalidCertificate(_) => {
            format!("TLS: {error}; pass --notify-ca with the CA certificate, which is not the server's own")
        }
        Error::InvalidMessage(_) => String::from("TLS: the server does not speak TLS on this port"),
        _ => format!("TLS: {error}"),
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

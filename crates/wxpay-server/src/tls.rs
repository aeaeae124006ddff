//! TLS to the servers that this one depends on, by rustls.

use rustls::{ClientConfig, Error, RootCertStore, crypto::CryptoProvider};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use std::sync::Arc;

/// Returns a configuration that verifies the server's certificate.
///
/// # Errors
///
/// If `authorities` has no certificates in PEM. `None` trusts the public authorities, and `extra_authorities`.
pub(crate) fn verified(
    authorities: Option<&[u8]>,
    extra_authorities: Option<&[u8]>,
) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    if authorities.is_none() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(pem) = authorities.or(extra_authorities) {
        add(&mut roots, pem)?;
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// The provider is named, so that the default provider of the process has no effect.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn add(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), Error> {
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| Error::General("a certificate is not PEM".to_owned()))?;
        roots.add(certificate)?;
    }
    if roots.len() == before {
        return Err(Error::General("there is no certificate in PEM".to_owned()));
    }
    Ok(())
}

//! A certificate authority generated for the test run, and its certificates.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use std::sync::{Arc, OnceLock};

pub struct Pair {
    pub chain: String,
    pub key: String,
}

fn new_authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The authority that the tests' clients trust.
pub fn authority() -> &'static CertifiedIssuer<'static, KeyPair> {
    static AUTHORITY: OnceLock<CertifiedIssuer<'static, KeyPair>> = OnceLock::new();
    AUTHORITY.get_or_init(|| new_authority("tests"))
}

/// An authority that no client trusts.
pub fn untrusted_authority() -> CertifiedIssuer<'static, KeyPair> {
    new_authority("untrusted")
}

/// Issues a certificate for a server or a client of this name.
pub fn signed(authority: &CertifiedIssuer<'_, KeyPair>, name: &str, usage: ExtendedKeyUsagePurpose) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![usage];
    let certificate = params.signed_by(&key, authority).unwrap();
    Pair { chain: certificate.pem(), key: key.serialize_pem() }
}

pub fn for_server(name: &str) -> Pair {
    signed(authority(), name, ExtendedKeyUsagePurpose::ServerAuth)
}

pub fn for_client(name: &str) -> Pair {
    signed(authority(), name, ExtendedKeyUsagePurpose::ClientAuth)
}

/// Returns a server's TLS configuration: its certificate, TLS versions and ALPN protocols, with mutual TLS if
/// `requires_client_certificate`.
pub fn server_config(
    pair: &Pair,
    requires_client_certificate: bool,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&[u8]],
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
    let builder = if requires_client_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(authority().der().clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let chain = CertificateDer::pem_slice_iter(pair.chain.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

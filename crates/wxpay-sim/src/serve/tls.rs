//! TLS with the simulator's own CA.

use crate::{
    gateway::Gateway,
    keys::{CertificateAuthority, InvalidKey},
};
use std::{fmt, io, sync::Arc};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};
use wxpay_proto::UnixTime;

/// Host names and addresses of the server certificate: WeChat Pay's and the local ones.
const HOST_NAMES: [&str; 10] = [
    "api.mch.weixin.qq.com",
    "api2.mch.weixin.qq.com",
    "api.wechatpay.cn",
    "api2.wechatpay.cn",
    "api.weixin.qq.com",
    "payapp.mch.weixin.qq.com",
    "payapp.weixin.qq.com",
    "localhost",
    "127.0.0.1",
    "::1",
];

/// A server certificate, and the CA certificate that a client must trust.
#[derive(Clone)]
pub struct Tls {
    ca_pem: String,
    pub(super) acceptor: TlsAcceptor,
}

impl Tls {
    /// Issues a certificate for WeChat Pay's host names, `localhost` and the loopback addresses. It is valid for five
    /// years from `from`. Its keys come from the gateway's [key source](crate::keys::KeySource).
    ///
    /// # Errors
    ///
    /// If a certificate cannot be issued.
    pub fn of(gateway: &Gateway, from: UnixTime) -> io::Result<Self> {
        let io_error = |error: InvalidKey| io::Error::other(error);
        let key_source = &gateway.settings().v3.key_source;
        let (root, pair) =
            (CertificateAuthority::new("wxpay-sim root", key_source.root()), key_source.server());
        let leaf = root.server_der(&HOST_NAMES, &pair.public(), from).map_err(io_error)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pair.private_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config.with_no_client_auth().with_single_cert(vec![CertificateDer::from(leaf)], key)
            });
        let mut config = config.map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { ca_pem: root.pem(from).map_err(io_error)?, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Returns the CA certificate in PEM, which a client must trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}

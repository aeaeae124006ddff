//! Options of the server.

use super::{Tls, log::Log, webhook};
use crate::control::Access;
use std::fmt;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// Options of a [`Server`](super::Server). The defaults are the secure choice: plain HTTP on loopback, and TLS
/// certificates of merchants' servers are verified.
///
/// ```
/// use wxpay_sim::serve::Options;
///
/// let options = Options::default().without_certificate_verification();
/// ```
#[derive(Clone, Debug)]
#[must_use = "options have no effect until a server is started with them"]
pub struct Options {
    pub(super) tls: Option<Tls>,
    pub(super) notify_cas: Vec<CertificateDer<'static>>,
    pub(super) verifies_certificates: bool,
    pub(super) access: Access,
    pub(super) log: Option<Log>,
}

impl Options {
    /// Serves TLS.
    pub fn with_tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Trusts the CA certificates of a PEM text when notifications are sent to `https` URLs, besides the public CAs and
    /// the simulator's own.
    ///
    /// # Errors
    ///
    /// [`InvalidCa`] if the text holds no certificate, or one that cannot be parsed.
    pub fn with_notify_ca(mut self, pem: &[u8]) -> Result<Self, InvalidCa> {
        self.notify_cas.extend(webhook::certificates(pem).map_err(InvalidCa)?);
        Ok(self)
    }

    /// Verifies no certificate when notifications are sent to `https` URLs.
    pub fn without_certificate_verification(self) -> Self {
        Self { verifies_certificates: false, ..self }
    }

    /// Sets the access rules of the control interface.
    pub fn with_access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// Sends an entry for each request and each delivery to a log.
    pub fn with_log(self, log: Log) -> Self {
        Self { log: Some(log), ..self }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tls: None,
            notify_cas: Vec::new(),
            verifies_certificates: true,
            access: Access::default(),
            log: None,
        }
    }
}

/// The error for a PEM text without usable CA certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCa(&'static str);

impl InvalidCa {
    /// Returns the rule that the text breaks, as the end of a sentence that begins with its name.
    pub const fn rule(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for InvalidCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the PEM text {}", self.0)
    }
}

impl std::error::Error for InvalidCa {}

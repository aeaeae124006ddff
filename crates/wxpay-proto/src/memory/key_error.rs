//! The reasons why a key of WeChat Pay is not available.

use crate::{
    clock::UnixTime,
    error::{Error, ErrorKind},
    id::KeyId,
    prelude::*,
    refusal::Refusal,
    wire::time,
};
use core::{error, fmt};

/// The error for a key of WeChat Pay that is not available, to verify a message or to seal a field. It names the
/// problem and the remedy.
///
/// It is the [source](error::Error::source) of the [`Error`] of a call, a notification or a refresh:
///
/// ```
/// use std::error::Error as _;
/// use wxpay_proto::v3::{KeyError, KeyProblem};
///
/// fn is_api_v3_key_wrong(error: &wxpay_proto::Error) -> bool {
///     let key_error = error.source().and_then(|source| source.downcast_ref::<KeyError>());
///     key_error.is_some_and(|error| matches!(error.problem().root(), KeyProblem::Undecryptable))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct KeyError {
    key_id: Option<KeyId>,
    problem: KeyProblem,
}

/// The problem with a key. What a failed fetch found is kept in memory, so that the flows that waited for the fetch,
/// and those that may not fetch again yet, report it as well.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeyProblem {
    /// The message names a WeChat Pay public key that is not configured.
    NotConfigured,
    /// The message names a platform certificate that is not configured or no longer valid, and the merchant fetches
    /// none: it trusts configured keys only.
    NotFetched,
    /// The certificate is not among the platform certificates of the merchant, or not valid now. For sealing: none is
    /// valid now.
    NotListed,
    /// The merchant has no platform certificates: it must verify with a WeChat Pay public key.
    NoCertificates(Arc<Refusal>),
    /// WeChat Pay refused to send the platform certificates.
    Refused(Arc<Refusal>),
    /// No reply to the request for the platform certificates arrived.
    NoReply(Arc<dyn error::Error + Send + Sync>),
    /// The merchant's private key could not sign the request for the platform certificates.
    NotSigned(Arc<Error>),
    /// The certificates cannot be decrypted with the APIv3 key.
    Undecryptable,
    /// The list of certificates is unreadable, or its signature is invalid.
    InvalidList(Arc<Error>),
    /// Another flow is fetching the certificates, and did not finish in time.
    Unfinished,
    /// The certificates may not be fetched again yet.
    Throttled {
        /// The time of the next possible fetch.
        until: UnixTime,
        /// The problem that the last fetch found.
        cause: Box<Self>,
    },
}

impl KeyError {
    pub(crate) fn new(key_id: Option<KeyId>, problem: KeyProblem) -> Self {
        Self { key_id, problem }
    }

    /// Returns the id in `Wechatpay-Serial` of the message to verify. `None` for a key to seal with, and for a refresh.
    pub fn key_id(&self) -> Option<&KeyId> {
        self.key_id.as_ref()
    }

    /// Returns the problem with the key.
    pub fn problem(&self) -> &KeyProblem {
        &self.problem
    }

    /// Converts this into an error without a fate: fetching a key changes nothing. Its kind is [`ErrorKind::Signature`] if the key
    /// of a message is not trusted, and another one if the key could not be obtained: the message may be genuine.
    pub(crate) fn into_error(self) -> Error {
        let problem = self.problem.root();
        let kind = if matches!(problem, KeyProblem::Unfinished) {
            ErrorKind::Exhausted
        } else if self.key_id.is_some() && problem.is_distrust() {
            ErrorKind::Signature
        } else {
            ErrorKind::Unavailable
        };
        Error::new(kind, None).caused_by(self)
    }
}

impl KeyProblem {
    /// Returns the problem itself: of a throttled fetch, the problem that the last fetch found.
    pub fn root(&self) -> &Self {
        if let Self::Throttled { cause, .. } = self { cause.root() } else { self }
    }

    /// Returns whether the key is known not to be trusted, and not only missing for a while.
    fn is_distrust(&self) -> bool {
        matches!(self, Self::NotConfigured | Self::NotFetched | Self::NotListed)
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key_id {
            Some(key_id) => write!(f, "no key {key_id} (Wechatpay-Serial): {}", self.problem),
            None => write!(f, "no platform certificate: {}", self.problem),
        }
    }
}

const USE_PUBLIC_KEY: &str =
    "if this merchant uses a WeChat Pay public key, configure PUB_KEY_ID_… and its key";

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::NotConfigured => {
                "this WeChat Pay public key is not configured; configure its id and the key from the merchant platform"
            }
            Self::NotFetched => {
                "the merchant trusts configured keys only, and no valid certificate of this number is configured; \
                 during a migration, also trust platform certificates"
            }
            Self::NotListed => {
                "no valid platform certificate of this merchant has it; the message is forged, or meant for another \
                 merchant"
            }
            Self::NoCertificates(refusal) => {
                write!(f, "this merchant has no platform certificates ({}); ", Refused(refusal))?;
                "this merchant uses a WeChat Pay public key: configure PUB_KEY_ID_… and its key"
            }
            Self::Refused(refusal) => {
                write!(f, "WeChat Pay refused to send the platform certificates ({}); ", Refused(refusal))?;
                match refusal.status {
                    401 => {
                        "check the merchant number, the serial number of its certificate and the private key"
                    }
                    403 | 404 => USE_PUBLIC_KEY,
                    429 | 500.. => "they will be fetched again",
                    _ => "the reply is not documented",
                }
            }
            Self::NoReply(_) => "no reply to the request for the platform certificates",
            Self::NotSigned(_) => "the request for the platform certificates could not be signed",
            Self::Undecryptable => {
                "the platform certificates cannot be decrypted; is the APIv3 key right? It has 32 characters and is \
                 set in the merchant platform"
            }
            Self::InvalidList(_) => "the list of platform certificates is unreadable or not signed correctly",
            Self::Unfinished => "another flow is fetching the platform certificates and has not finished",
            Self::Throttled { until, cause } => {
                let until = time::format_rfc3339(*until);
                return write!(f, "{cause}; the platform certificates are not fetched again before {until}");
            }
        };
        f.write_str(words)
    }
}

/// Prints a refusal with its HTTP status.
struct Refused<'a>(&'a Refusal);

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { status, code, message, .. } = self.0;
        write!(f, "HTTP {status}")?;
        // A reply without a code has its status as the code.
        if !code.as_str().starts_with("HTTP ") {
            write!(f, " {code}")?;
        }
        if message.is_empty() { Ok(()) } else { write!(f, " {message}") }
    }
}

impl error::Error for KeyError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self.problem.root() {
            KeyProblem::NoReply(cause) => Some(&**cause),
            KeyProblem::NotSigned(cause) | KeyProblem::InvalidList(cause) => Some(&**cause),
            KeyProblem::NotConfigured
            | KeyProblem::NotFetched
            | KeyProblem::NotListed
            | KeyProblem::NoCertificates(_)
            | KeyProblem::Refused(_)
            | KeyProblem::Undecryptable
            | KeyProblem::Unfinished
            | KeyProblem::Throttled { .. } => None,
        }
    }
}

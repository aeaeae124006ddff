//! Errors, and the fate of a request.
//!
//! [`Error::kind`] classifies the cause, [`Error::fate`] states whether the request may have been carried out. The two
//! are independent: decide by the fate, report by the kind. A read (a query, a bill, a download, a refresh, the
//! verification of a notification) changes nothing, so its errors have no fate.

use crate::{
    id::InvalidField,
    pending::{PendingOperation, Unresolved},
    prelude::*,
    refusal::Refusal,
};
use core::{error, fmt};

/// The error of a flow.
///
/// `Display` prints one line without the cause; the cause is the [`source`](error::Error::source).
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    fate: Option<Fate>,
    reply: Option<ReplyOrigin>,
    refusal: Option<Refusal>,
    unresolved: Option<Unresolved>,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

/// The origin of the reply that led to an error. It chooses the words of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReplyOrigin {
    /// The reply has none of the headers that WeChat Pay signs with. Anyone between may have sent it.
    Unsigned { status: u16 },
    /// The reply is verified and refuses nothing, but it cannot be used.
    CarriedOut,
}

/// The cause of an [`Error`], as a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request violates a rule of the protocol that the types could not exclude.
    Misuse,
    /// No reply arrived: network failure, TLS failure or timeout.
    Transport,
    /// A reply or a file is not from WeChat Pay, as far as can be verified: a signature is missing or invalid, or the
    /// digest of a file.
    Signature,
    /// The reply does not follow the protocol.
    Malformed,
    /// WeChat Pay refused the request; see [`Error::refusal`]. An unsigned refusal says so in the error's text: only
    /// TLS vouches for it, and a proxy may have sent it.
    Refused,
    /// A key is not available: the merchant's private key, so that nothing was signed; or a key of WeChat Pay, see
    /// [`KeyError`](crate::v3::KeyError).
    Unavailable,
    /// The daily quota is used up, or the deadline of the call passed before the request could be sent.
    Exhausted,
}

/// The fate of a request: whether WeChat Pay may have carried it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "callers must decide on every case")]
pub enum Fate {
    /// The request never reached WeChat Pay, or every attempt that did was refused. A retry is safe.
    NotSent,
    /// WeChat Pay refused the request, and carried out nothing. An earlier request may have been carried out: placing an
    /// order that is already paid is refused, too. Query it.
    Refused,
    /// The request may have been carried out. Query before you use another number: see [`Error::take_unresolved`].
    Unknown,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, fate: impl Into<Option<Fate>>) -> Self {
        Self(Box::new(Inner {
            kind,
            fate: fate.into(),
            reply: None,
            refusal: None,
            unresolved: None,
            source: None,
        }))
    }

    /// Creates the error for a field that is missing, or does not go with others. Nothing was sent.
    pub(crate) fn misuse(invalid: InvalidField) -> Self {
        Self::new(ErrorKind::Misuse, Fate::NotSent).caused_by(invalid)
    }

    pub(crate) fn refused(refusal: Refusal, fate: impl Into<Option<Fate>>) -> Self {
        let mut error = Self::new(ErrorKind::Refused, fate);
        error.0.refusal = Some(refusal);
        error
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns the cause, to be that of another error.
    pub(crate) fn into_source(self) -> Box<dyn error::Error + Send + Sync> {
        let Self(mut inner) = self;
        inner.source.take().unwrap_or_else(|| Box::new(Self(inner)))
    }

    /// Sets the fate. A flow decides it once, from all its attempts.
    pub(crate) fn with_fate(mut self, fate: Fate) -> Self {
        self.0.fate = Some(fate);
        self
    }

    /// Notes that the reply has none of the headers that WeChat Pay signs with.
    pub(crate) fn of_unsigned_reply(mut self, status: u16) -> Self {
        self.0.reply = Some(ReplyOrigin::Unsigned { status });
        self
    }

    /// Notes that the reply is verified and refuses nothing: the request was carried out.
    pub(crate) fn of_carried_out(mut self) -> Self {
        self.0.reply = Some(ReplyOrigin::CarriedOut);
        self
    }

    /// Attaches the refusal that an unverified reply contains, for people to read.
    pub(crate) fn with_unverified_refusal(mut self, refusal: Option<Refusal>) -> Self {
        self.0.refusal = refusal;
        self
    }

    /// Returns whether the reply had none of the headers that WeChat Pay signs with.
    pub(crate) fn is_of_unsigned_reply(&self) -> bool {
        matches!(self.0.reply, Some(ReplyOrigin::Unsigned { .. }))
    }

    /// Attaches the operation that must be resolved. The fate is unknown.
    pub(crate) fn with_unresolved(mut self, unresolved: impl Into<Option<Unresolved>>) -> Self {
        self.0.unresolved = unresolved.into();
        self
    }

    /// Creates the error of an operation that queries did not resolve: its outcome is as unknown as before.
    pub(crate) fn not_resolved(unresolved: impl Into<Option<Unresolved>>, cause: Self) -> Self {
        Self::new(cause.kind(), Fate::Unknown).with_unresolved(unresolved).caused_by(cause)
    }

    /// Removes the fate: the request was a read.
    pub(crate) fn of_read(mut self) -> Self {
        self.0.fate = None;
        self
    }

    /// Returns the class of the cause.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the fate of the request, or `None` if the request was a read: nothing was changed.
    pub fn fate(&self) -> Option<Fate> {
        self.0.fate
    }

    /// Returns WeChat Pay's refusal, if a reply carried one.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.0.refusal.as_ref()
    }

    /// Returns the key of the unresolved operation, to store or to log it.
    pub fn pending_operation(&self) -> Option<&PendingOperation> {
        self.0.unresolved.as_ref().map(Unresolved::pending_operation)
    }

    /// Takes the unresolved operation out of the error, to resolve it. It is present if the fate is [`Fate::Unknown`]
    /// and the request has a number to query by.
    #[must_use]
    pub fn take_unresolved(&mut self) -> Option<Unresolved> {
        self.0.unresolved.take()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, fate, reply, refusal, unresolved, source } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("fate", fate)
            .field("reply", reply)
            .field("refusal", refusal)
            .field("unresolved", unresolved)
            .field("source", source)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, fate, reply, refusal, .. } = &*self.0;
        if let Some(ReplyOrigin::Unsigned { status }) = reply {
            return match refusal {
                Some(refusal) => {
                    write!(f, "an unsigned reply with HTTP status {status} refused the request: {refusal}")
                }
                None => {
                    write!(f, "an unsigned reply with HTTP status {status} arrived; a proxy may have sent it")
                }
            };
        }
        let message = match (kind, refusal) {
            (ErrorKind::Malformed, _) if *reply == Some(ReplyOrigin::CarriedOut) => match fate {
                None => "the reply cannot be read",
                Some(_) => "the request was carried out, but its reply cannot be read",
            },
            (ErrorKind::Refused | ErrorKind::Exhausted, Some(refusal)) => {
                return write!(f, "WeChat Pay refused the request: {refusal}");
            }
            (ErrorKind::Refused, None) => "WeChat Pay refused the request",
            (ErrorKind::Exhausted, None) => "the daily quota or the deadline of the call is exceeded",
            (ErrorKind::Misuse, _) => "the request violates a rule of the protocol",
            (ErrorKind::Transport, _) => "no reply from WeChat Pay",
            (ErrorKind::Unavailable, _) => "a key is not available",
            (ErrorKind::Signature, _) => "verification failed",
            (ErrorKind::Malformed, _) => "the reply is malformed",
        };
        f.write_str(message)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source.as_deref().map(|source| -> &(dyn error::Error + 'static) { source })
    }
}

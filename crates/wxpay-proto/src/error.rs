//! What can go wrong, and what that means for the money.
//!
//! [`Error::kind`] tells who is at fault, [`Error::fate`] what may have become of the request. The two are
//! independent: decide by the fate, report by the kind.

use crate::{id::OutTradeNo, refusal::Refusal};
use alloc::boxed::Box;
use core::{error, fmt};

/// Why a flow failed.
///
/// `Display` is one line without the cause; the cause is the [`source`](error::Error::source).
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    fate: Fate,
    refusal: Option<Refusal>,
    unsettled: Option<Unsettled>,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

/// Who or what is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller asked for what the protocol does not allow, and the types could not exclude it.
    Misuse,
    /// No reply arrived: network, TLS or time.
    Transport,
    /// A signature does not verify.
    Signature,
    /// The reply is not what the protocol says.
    Malformed,
    /// WeChat Pay answered, and refused; see [`Error::refusal`].
    Refused,
    /// The day's quota is used up, or the time allowed for the whole call ran out before it could be sent.
    Exhausted,
}

/// What may have become of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "callers must decide on every case")]
pub enum Fate {
    /// It never reached WeChat Pay, or each try that did was refused. Trying again is safe.
    NotSent,
    /// WeChat Pay refused it; nothing happened.
    Refused,
    /// It may have been carried out. Ask before anything else is done: see [`Error::unsettled`].
    Unknown,
}

/// An order whose fate is unknown: a debt, to be settled by asking.
///
/// It is not `Clone`, and nothing can be done with it but to settle it: trying again under a *new* number then
/// takes a deliberate act.
#[must_use = "an order of unknown fate must be asked after"]
#[derive(Debug, PartialEq, Eq)]
pub struct Unsettled(OutTradeNo);

impl Unsettled {
    pub(crate) fn new(number: OutTradeNo) -> Self {
        Self(number)
    }

    /// The number to ask for.
    #[must_use]
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.0
    }

    pub(crate) fn into_number(self) -> OutTradeNo {
        self.0
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, fate: Fate) -> Self {
        Self(Box::new(Inner { kind, fate, refusal: None, unsettled: None, source: None }))
    }

    pub(crate) fn refused(refusal: Refusal, fate: Fate) -> Self {
        let mut error = Self::new(ErrorKind::Refused, fate);
        error.0.refusal = Some(refusal);
        error
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// An earlier try whose outcome is in doubt puts the whole call in doubt.
    pub(crate) fn after_doubt(mut self, doubt: bool) -> Self {
        if doubt {
            self.0.fate = Fate::Unknown;
        }
        self
    }

    /// What failed was a preparation: the call itself never left.
    pub(crate) fn before_sending(mut self) -> Self {
        self.0.fate = Fate::NotSent;
        self
    }

    /// Names the order in doubt, if there is doubt.
    pub(crate) fn owing(mut self, number: &OutTradeNo) -> Self {
        if self.0.fate == Fate::Unknown {
            self.0.unsettled = Some(Unsettled::new(number.clone()));
        }
        self
    }

    /// Who or what is at fault.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What may have become of the request.
    #[must_use]
    pub fn fate(&self) -> Fate {
        self.0.fate
    }

    /// What WeChat Pay said, if it said something.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.0.refusal.as_ref()
    }

    /// Takes the debt out, to settle it. There is one where the fate is [`Fate::Unknown`] and the request
    /// carried a number.
    #[must_use]
    pub fn unsettled(&mut self) -> Option<Unsettled> {
        self.0.unsettled.take()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, fate, refusal, unsettled, source } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("fate", fate)
            .field("refusal", refusal)
            .field("unsettled", unsettled)
            .field("source", source)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match (self.0.kind, &self.0.refusal) {
            (ErrorKind::Refused | ErrorKind::Exhausted, Some(refusal)) => {
                return write!(f, "WeChat Pay refused: {refusal}");
            }
            (ErrorKind::Refused, None) => "WeChat Pay refused",
            (ErrorKind::Exhausted, None) => "no quota or no time is left",
            (ErrorKind::Misuse, _) => "the request breaks a rule of the protocol",
            (ErrorKind::Transport, _) => "no reply from WeChat Pay",
            (ErrorKind::Signature, _) => "the signature does not verify",
            (ErrorKind::Malformed, _) => "the reply cannot be read",
        };
        f.write_str(words)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source.as_deref().map(|source| -> &(dyn error::Error + 'static) { source })
    }
}

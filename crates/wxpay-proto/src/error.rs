//! What can go wrong, and what that means for the money.
//!
//! [`Error::kind`] tells who is at fault, [`Error::fate`] what may have become of the request. The two are
//! independent: decide by the fate, report by the kind.

use crate::{
    id::{
        MchId, OutAuthorizationNo, OutBillNo, OutOrderNo, OutRefundNo, OutReturnNo, OutTradeNo, TransactionId,
    },
    refusal::Refusal,
};
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
    /// The merchant's own key cannot be had, so nothing was signed.
    Unavailable,
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

/// A request whose fate is unknown: a debt, to be settled by asking.
///
/// It is not `Clone`, and nothing can be done with it but to settle it: trying again under a *new* number then
/// takes a deliberate act.
#[must_use = "a request of unknown fate must be asked after"]
#[derive(Debug, PartialEq, Eq)]
pub struct Unsettled(Debt);

/// What may have happened, by the number to ask for. It can be stored, and
/// [recovered](crate::v3::Merchant::recover) after a crash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Debt {
    /// An order.
    Order {
        /// The merchant's number.
        out_trade_no: OutTradeNo,
        /// For whom a partner ordered.
        sub_mchid: Option<MchId>,
    },
    /// A transfer.
    Transfer {
        /// The merchant's number.
        out_bill_no: OutBillNo,
    },
    /// A transfer to a wallet of QQ.
    QqTransfer {
        /// The merchant's number.
        out_bill_no: OutBillNo,
    },
    /// What a payee allows.
    Authorization {
        /// The merchant's number.
        out_authorization_no: OutAuthorizationNo,
    },
    /// Orders that are paid together.
    Combine {
        /// The merchant's number of the whole.
        combine_out_trade_no: OutTradeNo,
    },
    /// A sharing of a payment.
    ProfitSharing {
        /// The payment.
        transaction_id: TransactionId,
        /// The merchant's number.
        out_order_no: OutOrderNo,
        /// For whom a partner shared it.
        sub_mchid: Option<MchId>,
    },
    /// What a receiver of a sharing was to give back.
    ProfitSharingReturn {
        /// The merchant's number of the sharing.
        out_order_no: OutOrderNo,
        /// The merchant's number of what was to be given back.
        out_return_no: OutReturnNo,
        /// For whom a partner asked for it.
        sub_mchid: Option<MchId>,
    },
    /// A refund.
    Refund {
        /// The merchant's number.
        out_refund_no: OutRefundNo,
        /// For whom a partner asked for it.
        sub_mchid: Option<MchId>,
    },
}

impl Unsettled {
    pub(crate) fn new(debt: Debt) -> Self {
        Self(debt)
    }

    /// What may have happened.
    #[must_use]
    pub fn debt(&self) -> &Debt {
        &self.0
    }

    /// The order to ask for, if it is one.
    #[must_use]
    pub fn out_trade_no(&self) -> Option<&OutTradeNo> {
        let Debt::Order { out_trade_no, .. } = &self.0 else { return None };
        Some(out_trade_no)
    }

    pub(crate) fn into_debt(self) -> Debt {
        self.0
    }
}

impl Debt {
    /// An order of the merchant's own.
    pub(crate) fn order(out_trade_no: OutTradeNo) -> Self {
        Self::Order { out_trade_no, sub_mchid: None }
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

    /// Names what is in doubt, if there is doubt.
    pub(crate) fn owing(mut self, debt: impl FnOnce() -> Debt) -> Self {
        if self.0.fate == Fate::Unknown {
            self.0.unsettled = Some(Unsettled::new(debt()));
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
            (ErrorKind::Unavailable, _) => "the merchant's key cannot be had",
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

//! The payer's client (the WeChat app): verifies the payment parameters that a merchant's app or page passes to it,
//! shows the payment request, and pays.
//!
//! It is the only verifier of the signature over these parameters. The real client has WeChat's servers verify it; this
//! one uses the [`Gateway`], which knows the merchant's keys.

mod v1;
mod v3;

use crate::{
    gateway::{Gateway, OrderRef, Paid, PayError, Payer},
    ledger::NotPaidReason,
    warnings::Kind,
};
use serde::Serialize;
use std::fmt;
use wxpay_explain::Language;
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, OutTradeNo},
};

/// The payment request of an order, as shown to the payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PaymentRequest {
    /// The amount to pay, in fen.
    pub total: Fen,
    /// The description of the goods; for a combined order, of its first sub-order.
    pub description: String,
    /// The merchant that placed the order.
    pub mchid: MchId,
    /// The merchant's order number.
    pub out_trade_no: OutTradeNo,
    /// The `prepay_id`; in APIv1 the `prepayid`.
    pub prepay_id: String,
}

impl PaymentRequest {
    /// Verifies the parameters exactly as the page or the app received them: a JSON object, in the form of any API
    /// version.
    ///
    /// # Errors
    ///
    /// [`InvalidParameter`] with the invalid parameter: not JSON, a missing parameter, another merchant's, an unknown
    /// order, an invalid signature.
    pub fn parse(gateway: &mut Gateway, parameters: &[u8], now: UnixTime) -> Result<Self, InvalidParameter> {
        if v3::is_v3(gateway, parameters) {
            let parsed = v3::parse(gateway, parameters);
            parsed.map_err(|invalid| {
                let invalid = v3::explained(gateway, parameters, invalid);
                gateway.warn(now, Kind::Refused, None, format!("payment parameters: {invalid}"));
                invalid
            })
        } else {
            v1::parse(gateway, parameters, now)
        }
    }

    /// Pays as the payer.
    ///
    /// # Errors
    ///
    /// [`PayError`]; [`PayError::resp`] has the result for the merchant's app.
    pub fn pay(
        &self,
        gateway: &mut Gateway,
        payer: &Payer,
        now: UnixTime,
    ) -> Result<(PayResp, Paid), PayError> {
        let paid = gateway.pay(&self.order_ref(), payer, now)?;
        Ok((PayResp::new(0, ""), paid))
    }

    /// Cancels the payment as the payer.
    pub fn cancel(&self, gateway: &mut Gateway, now: UnixTime) -> PayResp {
        match gateway.cancel(&self.order_ref(), now) {
            Ok(_) => PayResp::cancelled(),
            Err(error) => error.resp(),
        }
    }

    /// Makes the payment fail for a reason.
    pub fn fail(&self, gateway: &mut Gateway, reason: NotPaidReason, now: UnixTime) -> PayResp {
        match gateway.fail(&self.order_ref(), reason, now) {
            Ok(_) => PayResp::new(-1, reason.err_str()),
            Err(error) => error.resp(),
        }
    }

    /// Returns the order to pay.
    pub fn order_ref(&self) -> OrderRef {
        OrderRef::Handle(self.prepay_id.clone())
    }
}

/// Result that the client returns to the merchant's app: the documented `PayResp`. It does not prove a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PayResp {
    /// Code: 0 paid, -1 error, -2 cancelled by the payer.
    #[serde(rename = "errCode")]
    pub err_code: i32,
    /// Reason, for -1.
    #[serde(rename = "errStr")]
    pub err_str: String,
}

impl PayResp {
    fn new(err_code: i32, err_str: impl Into<String>) -> Self {
        Self { err_code, err_str: err_str.into() }
    }

    /// The payer has seen the payment request, and has not acted.
    pub(crate) fn not_yet() -> Self {
        Self::new(-1, "the payer has not acted yet")
    }

    fn cancelled() -> Self {
        Self::new(-2, "")
    }
}

/// Invalid payment parameters. The client shows an error instead of a payment request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidParameter {
    /// The invalid parameter.
    pub field: &'static str,
    /// The parameter's rule, as the end of a sentence that begins with the parameter's name.
    pub rule: &'static str,
    /// The causes, the best first, if any was found. They explain the refusal, and do not decide it.
    pub causes: Vec<ParameterCause>,
    /// The ids of the causes and the place of the first difference, for a log: nothing of the parameters.
    pub summary: Option<String>,
}

/// A cause of invalid payment parameters, as [`wxpay_explain`] names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ParameterCause {
    /// The cause, such as `client_timestamp`.
    pub id: &'static str,
    /// True if it is proved, false if it is only likely.
    pub is_proved: bool,
    /// The description with the remedy, and the strings side by side if the signed one was found.
    pub message: String,
    /// The message in Chinese, for the page.
    #[serde(skip)]
    pub(crate) chinese: String,
}

impl ParameterCause {
    pub(crate) fn message_in(&self, language: Language) -> &str {
        if language == Language::Chinese { &self.chinese } else { &self.message }
    }
}

impl fmt::Display for InvalidParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.rule)?;
        self.summary.as_ref().map_or(Ok(()), |summary| write!(f, ": {summary}"))
    }
}

impl std::error::Error for InvalidParameter {}

impl InvalidParameter {
    pub(crate) const fn new(field: &'static str, rule: &'static str) -> Self {
        Self { field, rule, causes: Vec::new(), summary: None }
    }

    /// Returns the result for the merchant's app.
    pub fn resp(&self) -> PayResp {
        PayResp::new(-1, self.to_string())
    }
}

impl PayError {
    /// Returns the result for the merchant's app.
    pub fn resp(self) -> PayResp {
        PayResp::new(-1, self.to_string())
    }
}

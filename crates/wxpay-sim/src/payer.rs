//! The payer's client (the WeChat app): verifies the payment parameters that a merchant's app or page passes to it,
//! shows the payment request, and pays.
//!
//! It is the only verifier of the signature over these parameters. The real client has WeChat's servers verify it; this
//! one uses the [`Gateway`], which knows the merchant's keys. The parameters of APIv3 are in [`v3`].

pub mod v3;

use crate::{
    gateway::{Gateway, PaidOrder, PayError, Payer, PrepayRef},
    settings::SecondSignPackage,
    v1::{message::JsonMembers, sign},
    warnings::Kind,
};
use serde::Serialize;
use std::fmt;
use wxpay_proto::{
    Fen, UnixTime,
    id::{OutTradeNo, PartnerId, PrepayId},
};

/// Payment request of an APIv1 order, as shown to the payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PaymentRequest {
    /// Amount to pay, in fen.
    pub total_fee: Fen,
    /// Description of the goods.
    pub body: String,
    /// The merchant.
    pub partner: PartnerId,
    /// The merchant's order number.
    pub out_trade_no: OutTradeNo,
    /// The prepayid.
    pub prepayid: PrepayId,
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

    pub(crate) fn cancelled() -> Self {
        Self::new(-2, "")
    }

    pub(crate) fn failed() -> Self {
        Self::new(-1, "the payment failed")
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
}

impl fmt::Display for InvalidParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.rule)
    }
}

impl std::error::Error for InvalidParameter {}

impl InvalidParameter {
    /// Returns the result for the merchant's app.
    pub fn resp(&self) -> PayResp {
        PayResp::new(-1, self.to_string())
    }
}

/// Signed parameters, in order; the appkey is signed as well.
const SIGNED_PARAMETERS: [&str; 6] = ["appid", "noncestr", "package", "partnerid", "prepayid", "timestamp"];
const PACKAGE: &str = "Sign=WXPay";

impl PaymentRequest {
    /// Verifies the seven parameters exactly as the app received them: a JSON object, in which `timestamp` may be a
    /// number. Other members are ignored; an `appkey` gives a warning.
    ///
    /// # Errors
    ///
    /// [`InvalidParameter`] with the invalid parameter: not JSON, a missing parameter, another merchant's, an invalid
    /// signature, an unknown order.
    pub fn parse(gateway: &mut Gateway, parameters: &[u8], now: UnixTime) -> Result<Self, InvalidParameter> {
        let invalid = |field, rule| InvalidParameter { field, rule };
        let message = JsonMembers::parse(parameters)
            .map_err(|_| invalid("parameters", "must be a JSON object in UTF-8"))?;
        for field in SIGNED_PARAMETERS.into_iter().chain(["sign"]) {
            if message.text(field).is_none_or(str::is_empty) {
                return Err(invalid(field, "is required"));
            }
        }
        let text = |name| message.text(name).unwrap_or_default();
        let app =
            gateway.ledger.app(text("appid")).ok_or_else(|| invalid("appid", "must be a registered app"))?;
        let credentials = app.credentials().clone();
        if text("partnerid") != credentials.partner().as_str() {
            return Err(invalid("partnerid", "must be the app's merchant"));
        }
        if !text("timestamp").bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid("timestamp", "must be a decimal number of seconds"));
        }
        let expected = sign::sha1(
            &SIGNED_PARAMETERS.map(|name| (name, text(name))),
            credentials.pay_sign_key().expose(),
        );
        if !sign::constant_time_eq(text("sign"), &expected) {
            return Err(invalid(
                "sign",
                "must be the SHA-1 signature over the six signed parameters and the appkey",
            ));
        }
        let unknown = invalid("prepayid", "must be a prepayid that genprepay returned to this app");
        let prepayid: PrepayId = text("prepayid").parse().map_err(|_| unknown.clone())?;
        let order =
            gateway.ledger.order_by_prepayid(&prepayid).filter(|order| order.appid == *credentials.appid());
        let order = order.ok_or_else(|| unknown.clone())?;
        let prepay = order.prepay(&prepayid).ok_or(unknown)?;
        let request = Self {
            total_fee: prepay.goods.total_fee,
            body: prepay.goods.body.text.clone(),
            partner: order.partner.clone(),
            out_trade_no: order.out_trade_no.clone(),
            prepayid,
        };
        let number = Some(request.out_trade_no.as_str());
        if message.has("appkey") {
            gateway.warn(now, Kind::LeakedSecret, number, "the payment parameters contain the appkey");
        }
        if text("package") != PACKAGE {
            gateway.warn(now, Kind::SecondSignPackage, number, "package is not Sign=WXPay");
            if gateway.settings().second_sign_package == SecondSignPackage::Strict {
                return Err(invalid("package", "must be Sign=WXPay"));
            }
        }
        Ok(request)
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
    ) -> Result<(PayResp, PaidOrder), PayError> {
        let paid = gateway.pay(&self.prepay_ref(), payer, now)?;
        Ok((PayResp::new(0, ""), paid))
    }

    /// Cancels the payment as the payer.
    pub fn cancel(&self, gateway: &mut Gateway, now: UnixTime) -> PayResp {
        match gateway.cancel(&self.prepay_ref(), now) {
            Ok(_) => PayResp::cancelled(),
            Err(error) => error.resp(),
        }
    }

    /// Makes the payment fail.
    pub fn fail(&self, gateway: &mut Gateway, now: UnixTime) -> PayResp {
        match gateway.fail(&self.prepay_ref(), now) {
            Ok(_) => PayResp::failed(),
            Err(error) => error.resp(),
        }
    }

    fn prepay_ref(&self) -> PrepayRef {
        PrepayRef::Prepayid(self.prepayid.clone())
    }
}

impl PayError {
    /// Returns the result for the merchant's app.
    pub fn resp(self) -> PayResp {
        PayResp::new(-1, self.to_string())
    }
}

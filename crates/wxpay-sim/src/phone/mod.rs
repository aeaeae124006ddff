//! A fake WeChat app: it takes the seven parameters, checks the second signature, shows what it would pay.
//!
//! Without it the second signature would never be tested. The real app asks WeChat's servers, which know the key;
//! this one asks the [`Gateway`]. The third generation's parameters are in [`v3`].

pub mod v3;

use crate::{
    gateway::{
        CannotPay, Gateway, Paid, Payer, Tapped,
        v1::{message::Message, sign},
    },
    settings::SecondSignPackage,
    warnings::Kind,
};
use serde::Serialize;
use std::fmt;
use wxpay_proto::{
    Fen, UnixTime,
    id::{OutTradeNo, PartnerId, PrepayId},
};

/// What the payer sees before the tap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Bill {
    /// What is to be paid, in fen.
    pub total_fee: Fen,
    /// What is bought.
    pub body: String,
    /// Who gets it.
    pub partner: PartnerId,
    /// The merchant's number.
    pub out_trade_no: OutTradeNo,
    /// The order on the gateway.
    pub prepayid: PrepayId,
}

/// What the app gets back: the documented `PayResp.errCode`. Never a proof of payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PayResp {
    /// 0 paid, -1 error, -2 cancelled by the payer.
    #[serde(rename = "errCode")]
    pub err_code: i32,
    /// The reason, for -1.
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

/// Why the phone shows nothing but an error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The parameter at fault.
    pub field: &'static str,
    /// Its rule, as the end of a sentence that begins with the field's name.
    pub rule: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.rule)
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// What the app gets back.
    #[must_use]
    pub fn resp(&self) -> PayResp {
        PayResp::new(-1, self.to_string())
    }
}

/// Signed besides the key.
const SIGNED: [&str; 6] = ["appid", "noncestr", "package", "partnerid", "prepayid", "timestamp"];
const PACKAGE: &str = "Sign=WXPay";

impl Bill {
    /// Reads the seven parameters as the app got them: a JSON object; `timestamp` may be a number. Other members
    /// are ignored, an `appkey` among them flagged.
    ///
    /// # Errors
    ///
    /// [`Refused`] with the field at fault: not JSON, one missing, another merchant's, a signature that does not
    /// match, an order that is not known.
    pub fn read(gateway: &mut Gateway, parameters: &[u8], now: UnixTime) -> Result<Self, Refused> {
        let refused = |field, rule| Refused { field, rule };
        let message = Message::parse(parameters)
            .map_err(|_| refused("parameters", "must be a JSON object in UTF-8"))?;
        for field in SIGNED.into_iter().chain(["sign"]) {
            if message.text(field).is_none_or(str::is_empty) {
                return Err(refused(field, "must be there"));
            }
        }
        let text = |name| message.text(name).unwrap_or_default();
        let app =
            gateway.ledger.app(text("appid")).ok_or_else(|| refused("appid", "must be a registered app"))?;
        let credentials = app.credentials().clone();
        if text("partnerid") != credentials.partner().as_str() {
            return Err(refused("partnerid", "must be the app's merchant"));
        }
        if !text("timestamp").bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused("timestamp", "must be seconds in digits"));
        }
        let expected =
            sign::sha1(&SIGNED.map(|name| (name, text(name))), credentials.pay_sign_key().expose());
        if !sign::same(text("sign"), &expected) {
            return Err(refused("sign", "must be the SHA-1 over the seven names with the appkey"));
        }
        let unknown = refused("prepayid", "must be one that genprepay gave to this app");
        let prepayid: PrepayId = text("prepayid").parse().map_err(|_| unknown.clone())?;
        let order = gateway.ledger.by_prepayid(&prepayid).filter(|order| order.appid == *credentials.appid());
        let order = order.ok_or_else(|| unknown.clone())?;
        let prepay = order.prepay(&prepayid).ok_or(unknown)?;
        let bill = Self {
            total_fee: prepay.goods.total_fee,
            body: prepay.goods.body.text.clone(),
            partner: order.partner.clone(),
            out_trade_no: order.out_trade_no.clone(),
            prepayid,
        };
        let number = Some(bill.out_trade_no.as_str());
        if message.has("appkey") {
            gateway.remark(now, Kind::LeakedSecret, number, "the app was given an appkey");
        }
        if text("package") != PACKAGE {
            gateway.remark(now, Kind::SecondSignLiteral, number, "package is not Sign=WXPay");
            if gateway.settings().second_sign_package == SecondSignPackage::Strict {
                return Err(refused("package", "must be Sign=WXPay"));
            }
        }
        Ok(bill)
    }

    /// The payer pays.
    ///
    /// # Errors
    ///
    /// [`CannotPay`], with what the app gets back in [`CannotPay::resp`].
    pub fn pay(
        &self,
        gateway: &mut Gateway,
        payer: &Payer,
        now: UnixTime,
    ) -> Result<(PayResp, Paid), CannotPay> {
        let paid = gateway.pay(&self.tapped(), payer, now)?;
        Ok((PayResp::new(0, ""), paid))
    }

    /// The payer goes back.
    pub fn cancel(&self, gateway: &mut Gateway, now: UnixTime) -> PayResp {
        match gateway.cancel(&self.tapped(), now) {
            Ok(_) => PayResp::cancelled(),
            Err(cannot) => cannot.resp(),
        }
    }

    /// The payment fails.
    pub fn fail(&self, gateway: &mut Gateway, now: UnixTime) -> PayResp {
        match gateway.fail(&self.tapped(), now) {
            Ok(_) => PayResp::failed(),
            Err(cannot) => cannot.resp(),
        }
    }

    fn tapped(&self) -> Tapped {
        Tapped::Prepayid(self.prepayid.clone())
    }
}

impl CannotPay {
    /// What the app gets back.
    #[must_use]
    pub fn resp(self) -> PayResp {
        PayResp::new(-1, self.to_string())
    }
}

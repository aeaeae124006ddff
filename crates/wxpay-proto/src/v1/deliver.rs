//! Reporting the delivery of a paid order's goods: `delivernotify`.
//!
//! <https://api.weixin.qq.com/pay/delivernotify>. The report is due 24 hours after payment for virtual goods and
//! services, 72 hours for physical goods. When it is late, WeChat Pay raises alarm 1001.

use super::{
    api_reply::{ApiReply, malformed},
    call::{Call, Endpoint},
    merchant::Merchant,
    signature::{self, Sha1Sign, StringToSign},
};
use crate::{
    clock::UnixTime,
    error::Error,
    exchange::sealed::Sealed,
    id::{AppId, InvalidField, OpenId, OutTradeNo, TransactionId},
    prelude::*,
    wire::json,
    world::World,
};

/// A report on the delivery of a paid order's goods, which succeeded or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    openid: OpenId,
    transaction_id: TransactionId,
    out_trade_no: OutTradeNo,
    failure: Option<String>,
}

impl DeliveryReport {
    /// Creates the report of a delivery that succeeded. The notification has the payer's `openid` and the numbers.
    pub fn succeeded(openid: OpenId, transaction_id: TransactionId, out_trade_no: OutTradeNo) -> Self {
        Self { openid, transaction_id, out_trade_no, failure: None }
    }

    /// Marks the delivery as failed, with the reason that WeChat shows to the payer: 1 to 256 bytes without
    /// `&`, which would leave the [signed string](signature#one-signed-string-one-reading) with two readings.
    ///
    /// # Errors
    ///
    /// When the reason is empty, longer than 256 bytes, or has control characters or a `&`.
    pub fn failed(mut self, reason: &str) -> Result<Self, InvalidField> {
        let is_plain = !reason.chars().any(char::is_control) && signature::has_one_reading(reason.as_bytes());
        if reason.is_empty() || reason.len() > 256 || !is_plain {
            return Err(InvalidField::new(
                "deliver_msg",
                "must be 1 to 256 bytes without control characters and &",
            ));
        }
        self.failure = Some(reason.into());
        Ok(self)
    }
}

impl DeliveryReport {
    fn status(&self) -> &'static str {
        if self.failure.is_none() { "1" } else { "0" }
    }

    fn message(&self) -> &str {
        self.failure.as_deref().unwrap_or("ok")
    }

    fn fields<'a>(
        &'a self,
        appid: &'a AppId,
        timestamp: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        [
            ("appid", appid.as_str()),
            ("deliver_msg", self.message()),
            ("deliver_status", self.status()),
            ("deliver_timestamp", timestamp),
            ("openid", self.openid.as_str()),
            ("out_trade_no", self.out_trade_no.as_str()),
            ("transid", self.transaction_id.as_str()),
        ]
        .into_iter()
    }
}

/// The operation `delivernotify`. Reporting the same delivery twice is harmless.
#[derive(Clone, Debug)]
pub struct NotifyDelivery(DeliveryReport);

impl Merchant {
    /// Reports that the goods were delivered, or that the delivery failed.
    pub fn notify_delivery(&self, report: DeliveryReport) -> Call<NotifyDelivery> {
        Call::new(self.clone(), NotifyDelivery(report))
    }
}

/// A signed delivery report as sent, for debugging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDelivery {
    appid: AppId,
    report: DeliveryReport,
    /// The time of signing, in seconds since 1970.
    timestamp: String,
    app_signature: Sha1Sign,
}

#[derive(serde::Serialize)]
struct Body<'a> {
    appid: &'a str,
    openid: &'a str,
    transid: &'a str,
    out_trade_no: &'a str,
    deliver_timestamp: &'a str,
    deliver_status: &'a str,
    deliver_msg: &'a str,
    app_signature: Sha1Sign,
    sign_method: &'a str,
}

impl SignedDelivery {
    /// Signs a delivery report.
    pub fn sign(merchant: &Merchant, report: &DeliveryReport, now: UnixTime) -> Self {
        let timestamp = now.as_secs().to_string();
        let app_signature =
            signature::sha1(report.fields(merchant.appid(), &timestamp), merchant.pay_sign_key());
        Self { appid: merchant.appid().clone(), report: report.clone(), timestamp, app_signature }
    }

    /// Returns the SHA-1 signature over the report.
    pub fn app_signature(&self) -> Sha1Sign {
        self.app_signature
    }

    /// Returns the string that [`app_signature`](Self::app_signature) signs.
    pub fn string_to_sign(&self, merchant: &Merchant) -> StringToSign {
        signature::sha1_string(self.report.fields(&self.appid, &self.timestamp), merchant.pay_sign_key())
    }

    /// Returns the request's body.
    pub fn body(&self) -> Vec<u8> {
        json::write(&Body {
            appid: self.appid.as_str(),
            openid: self.report.openid.as_str(),
            transid: self.report.transaction_id.as_str(),
            out_trade_no: self.report.out_trade_no.as_str(),
            deliver_timestamp: &self.timestamp,
            deliver_status: self.report.status(),
            deliver_msg: self.report.message(),
            app_signature: self.app_signature,
            sign_method: "sha1",
        })
    }
}

impl Sealed for NotifyDelivery {}

impl Endpoint for NotifyDelivery {
    type Output = ();

    const LABEL: &'static str = "v1.delivernotify";
    const PATH: &'static str = "/pay/delivernotify";

    fn body(&self, merchant: &Merchant, world: &mut World<'_>) -> Vec<u8> {
        SignedDelivery::sign(merchant, &self.0, world.now).body()
    }

    fn read(&self, _: &Merchant, reply: ApiReply<'_>, _: &mut World<'_>) -> Result<(), Error> {
        if reply.is_explicit_success() { Ok(()) } else { Err(malformed()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reason_with_two_readings_is_rejected() {
        let report = || {
            let [openid, transid, number] = ["o1", "1900000109201405083141592653", "20140508001"];
            DeliveryReport::succeeded(
                openid.parse().unwrap(),
                transid.parse().unwrap(),
                number.parse().unwrap(),
            )
        };
        for reason in ["", "a\nb", "&", "sold out&deliver_status=1", &"x".repeat(257)] {
            assert_eq!(report().failed(reason).unwrap_err().field(), "deliver_msg", "{reason}");
        }
        assert!(report().failed("已退款 a=b").is_ok());
        // The other texts of the string cannot have a `&` either, by their types.
        assert!("o1&out_trade_no=2".parse::<OpenId>().is_err());
        assert!("1&x=2".parse::<TransactionId>().is_err());
        assert!("1&x=2".parse::<crate::id::PrepayId>().is_err());
    }
}

//! The public record of an order, its payments and the payer's attempts.

use super::super::{RefundRecord, order::Currency};
use crate::{faults::ApiVersion, notifications::NotificationRecord};
use serde::Serialize;
use wxpay_proto::{
    Fen,
    id::{AppId, MchId, OpenId, OutTradeNo, TransactionId},
};

/// An order as the gateway recorded it. Times are seconds of the business clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OrderRecord {
    /// The API version of the request that placed the order.
    pub api_version: ApiVersion,
    /// The merchant's order number.
    pub out_trade_no: OutTradeNo,
    /// The merchant that placed the order.
    pub mchid: MchId,
    /// The sub-merchant, if a service provider placed the order.
    pub sub_mchid: Option<MchId>,
    /// The sub-merchant's own app, if the order names one.
    pub sub_appid: Option<AppId>,
    /// The number of the combined order that this order is a sub-order of.
    pub combine_out_trade_no: Option<OutTradeNo>,
    /// The app of the merchant that placed the order.
    pub appid: AppId,
    /// The way in which the order is paid.
    pub trade_type: TradeType,
    /// The order's state.
    pub trade_state: TradeState,
    /// The amount to pay, in fen: that of the payment, or else of the latest prepay.
    pub total: Fen,
    /// The currency of the amounts.
    pub currency: Currency,
    /// The description of the goods.
    pub description: String,
    /// The merchant's attached data, if there is any.
    pub attach: Option<String>,
    /// The latest identifier that the payer's client pays by: a `prepay_id`, a `code_url` or an `h5_url`.
    pub handle: Option<String>,
    /// The time at which the order was placed.
    pub created_at: u64,
    /// The time until which the latest handle can be paid.
    pub expires_at: u64,
    /// The prepays, the latest last: each request that returned a handle of its own.
    pub prepays: Vec<PrepayRecord>,
    /// The payments. There is more than one only if a fault allows a second payment.
    pub payments: Vec<Payment>,
    /// The payer's attempts that led to no payment.
    pub failed_attempts: Vec<FailedPayment>,
    /// The refunds.
    pub refunds: Vec<RefundRecord>,
    /// The deliveries of the goods that the merchant reported; APIv1 only.
    pub deliveries: Vec<DeliveryRecord>,
    /// The notifications and the merchant's responses to them.
    pub notifications: Vec<NotificationRecord>,
}

/// A prepay: a request that returned a handle to pay by. Times are seconds of the business clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PrepayRecord {
    /// The handle; `None` for a code payment and for a sub-order.
    pub handle: Option<String>,
    /// The amount to pay, in fen.
    pub total: Fen,
    /// The time of the request.
    pub created_at: u64,
    /// The time until which the handle can be paid.
    pub expires_at: u64,
}

/// The way in which an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum TradeType {
    /// In WeChat, from a web page or a mini program.
    Jsapi,
    /// From the merchant's app.
    App,
    /// By a QR code that the payer scans.
    Native,
    /// From a mobile browser outside WeChat: H5.
    Mweb,
    /// By a payment code that the payer shows and the merchant scans.
    Micropay,
}

impl TradeType {
    /// Returns the protocol's name of the type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jsapi => "JSAPI",
            Self::App => "APP",
            Self::Native => "NATIVE",
            Self::Mweb => "MWEB",
            Self::Micropay => "MICROPAY",
        }
    }
}

/// The state of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum TradeState {
    /// The order was paid.
    Success,
    /// The order was paid, and a refund succeeded or is being processed.
    Refund,
    /// The order is not paid and not closed.
    NotPay,
    /// The order was closed by the merchant or by its timeout.
    Closed,
    /// The code payment was reversed.
    Revoked,
    /// The payer of the code payment must type the password.
    UserPaying,
    /// The code payment failed.
    PayError,
}

impl TradeState {
    /// Returns the protocol's name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Refund => "REFUND",
            Self::NotPay => "NOTPAY",
            Self::Closed => "CLOSED",
            Self::Revoked => "REVOKED",
            Self::UserPaying => "USERPAYING",
            Self::PayError => "PAYERROR",
        }
    }

    /// Returns the text of `trade_state_desc`.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Success => "支付成功",
            Self::Refund => "订单发生过退款",
            Self::NotPay => "订单未支付",
            Self::Closed => "订单已关闭",
            Self::Revoked => "订单已撤销",
            Self::UserPaying => "用户支付中，需要输入密码",
            Self::PayError => "支付失败",
        }
    }
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Payment {
    /// WeChat Pay's payment number.
    pub transaction_id: TransactionId,
    /// The payer's openid under the app of the merchant that placed the order.
    #[serde(serialize_with = "openid")]
    pub openid: OpenId,
    /// The payer's openid under the sub-merchant's app, if the order names one.
    #[serde(serialize_with = "openid_if")]
    pub sub_openid: Option<OpenId>,
    /// The amount that the payer paid, in fen.
    pub payer_total: Fen,
    /// The amount that a coupon paid, in fen. Together with `payer_total` it is the ordered amount.
    pub discount: Fen,
    /// The coupon's number, if there is a coupon.
    pub coupon_id: Option<String>,
    /// The payer's bank.
    pub bank_type: String,
    /// The bank's payment number, in API versions that report one.
    pub bank_billno: Option<String>,
    /// The handle that was paid.
    pub handle: Option<String>,
    /// The time of the payment, in seconds of the business clock.
    pub success_at: u64,
}

fn openid<S: serde::Serializer>(openid: &OpenId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(openid.as_str())
}

#[allow(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn openid_if<S: serde::Serializer>(openid: &Option<OpenId>, serializer: S) -> Result<S::Ok, S::Error> {
    openid.as_ref().map(OpenId::as_str).serialize(serializer)
}

/// A payer's attempt that led to no payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FailedPayment {
    /// The time of the attempt, in seconds of the business clock.
    pub at: u64,
    /// The reason why nothing was paid.
    pub outcome: NotPaidReason,
}

/// The reason why an attempt led to no payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotPaidReason {
    /// The payer cancelled; the app receives errCode -2.
    Cancelled,
    /// The payment failed; the app receives errCode -1.
    Failed,
    /// The payer typed a wrong password and may try again; the app receives errCode -1.
    WrongPassword,
    /// The payer's account has not enough money; the app receives errCode -1.
    NotEnough,
}

impl NotPaidReason {
    /// Returns the name in the records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::WrongPassword => "wrong_password",
            Self::NotEnough => "not_enough",
        }
    }

    /// Returns the reason that the payer's client passes to the merchant's app, as `errStr`.
    pub(crate) const fn err_str(self) -> &'static str {
        match self {
            Self::Cancelled => "",
            Self::Failed => "the payment failed",
            Self::WrongPassword => "the password is wrong",
            Self::NotEnough => "the account has not enough money",
        }
    }

    /// Returns whether the payer may try again: a code payment goes on waiting for its password.
    pub(crate) const fn may_try_again(self) -> bool {
        matches!(self, Self::WrongPassword)
    }
}

/// A delivernotify call of the merchant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeliveryRecord {
    /// The time of the call, in seconds of the business clock.
    pub at: u64,
    /// The payment that was delivered.
    pub transid: TransactionId,
    /// True if `deliver_status` was 1.
    pub delivered: bool,
    /// The reason for not delivering, or `ok`.
    pub deliver_msg: String,
}

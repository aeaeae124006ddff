//! An APIv3 order with its state and payments.

use super::{Refund, RefundRecord, RefundStatus};
use crate::notifications::NotificationRecord;
use serde::Serialize;
use serde_json::Value;
use wxpay_proto::{
    Fen, UnixTime,
    id::{AppId, MchId, OpenId, OutTradeNo, TransactionId},
};

/// An order as the gateway recorded it. Times are seconds of the virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TransactionRecord {
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
    /// The amount to pay, in fen.
    pub total: Fen,
    /// The description of the goods.
    pub description: String,
    /// The merchant's attached data, if there is any.
    pub attach: Option<String>,
    /// The identifier that the payer's client pays by: a `prepay_id`, a `code_url` or an `h5_url`.
    pub handle: Option<String>,
    /// The time at which the order was placed.
    pub created_at: u64,
    /// The time until which the order can be paid.
    pub expires_at: u64,
    /// The payments. There is more than one only if a fault allows a second payment.
    pub payments: Vec<Payment>,
    /// The refunds.
    pub refunds: Vec<RefundRecord>,
    /// The notifications and the merchant's responses to them.
    pub notifications: Vec<NotificationRecord>,
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
    /// The time of the payment, in seconds of the virtual clock.
    pub success_at: u64,
}

fn openid<S: serde::Serializer>(openid: &OpenId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(openid.as_str())
}

#[allow(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn openid_if<S: serde::Serializer>(openid: &Option<OpenId>, serializer: S) -> Result<S::Ok, S::Error> {
    openid.as_ref().map(OpenId::as_str).serialize(serializer)
}

/// The key of an order: the merchant that placed it, and its number.
pub(crate) type OrderKey = (MchId, OutTradeNo);

/// The sub-merchant that a service provider places an order for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SubMerchant {
    pub(crate) mchid: MchId,
    /// The sub-merchant's own app, if the order names one.
    pub(crate) appid: Option<AppId>,
}

/// An order as stored.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// The merchant that placed the order.
    pub(crate) mchid: MchId,
    pub(crate) appid: AppId,
    /// The sub-merchant, if a service provider placed the order.
    pub(crate) sub_merchant: Option<SubMerchant>,
    pub(crate) out_trade_no: OutTradeNo,
    /// The combined order that this order is a sub-order of.
    pub(crate) combined: Option<OrderKey>,
    pub(crate) trade_type: TradeType,
    pub(crate) total: Fen,
    /// The request that placed the order, encrypted fields hashed. A different request under the same number is
    /// refused.
    pub(crate) request: Value,
    /// The `Wechatpay-Serial` of the request.
    pub(crate) request_serial: Option<String>,
    pub(crate) notify_url: Option<String>,
    /// The identifier that the payer's client pays by; valid until `handle_expires_at`.
    pub(crate) handle: Option<String>,
    pub(crate) handle_expires_at: UnixTime,
    /// The time at which an unpaid order closes.
    pub(crate) closes_at: UnixTime,
    pub(crate) created_at: UnixTime,
    pub(crate) recorded_state: Option<RecordedState>,
    pub(crate) payments: Vec<Payment>,
    pub(crate) refunds: Vec<Refund>,
}

/// A state that an event has set. The other states follow from the payments and the timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordedState {
    /// The merchant closed the order.
    Closed,
    /// The merchant reversed the code payment.
    Revoked,
    /// The payer of a code payment must type the password. The order is still open.
    UserPaying,
    /// The payer of a code payment did not pay.
    PayError,
}

impl Order {
    pub(crate) fn key(&self) -> OrderKey {
        (self.mchid.clone(), self.out_trade_no.clone())
    }

    pub(crate) fn sub_mchid(&self) -> Option<&MchId> {
        self.sub_merchant.as_ref().map(|sub| &sub.mchid)
    }

    /// Returns a text field of the request that placed the order, by its JSON pointer.
    pub(crate) fn request_text(&self, pointer: &str) -> Option<&str> {
        self.request.pointer(pointer).and_then(Value::as_str)
    }

    pub(crate) fn payment(&self) -> Option<&Payment> {
        self.payments.first()
    }

    pub(crate) fn state(&self, now: UnixTime) -> TradeState {
        if !self.payments.is_empty() {
            let is_effective = |refund: &Refund| {
                matches!(refund.record.status, RefundStatus::Processing | RefundStatus::Success)
            };
            return match self.recorded_state {
                Some(RecordedState::Revoked) => TradeState::Revoked,
                _ if self.refunds.iter().any(is_effective) => TradeState::Refund,
                _ => TradeState::Success,
            };
        }
        match self.recorded_state {
            Some(RecordedState::Closed) => TradeState::Closed,
            Some(RecordedState::Revoked) => TradeState::Revoked,
            Some(RecordedState::UserPaying) => TradeState::UserPaying,
            Some(RecordedState::PayError) => TradeState::PayError,
            None if self.closes_at <= now => TradeState::Closed,
            None => TradeState::NotPay,
        }
    }

    /// Returns the sums of all refunds that are not closed, in fen: the sum of the refunded amounts, and
    /// the sum that the payer receives.
    pub(crate) fn refund_totals(&self) -> (u64, u64) {
        let not_closed = self.refunds.iter().filter(|refund| refund.record.status != RefundStatus::Closed);
        not_closed.fold((0, 0), |(total, payer), refund| {
            let record = &refund.record;
            (total.saturating_add(record.refund.get()), payer.saturating_add(record.payer_refund.get()))
        })
    }

    pub(crate) fn record(&self, now: UnixTime, notifications: Vec<NotificationRecord>) -> TransactionRecord {
        TransactionRecord {
            out_trade_no: self.out_trade_no.clone(),
            mchid: self.mchid.clone(),
            sub_mchid: self.sub_mchid().cloned(),
            sub_appid: self.sub_merchant.as_ref().and_then(|sub| sub.appid.clone()),
            combine_out_trade_no: self.combined.as_ref().map(|(_, number)| number.clone()),
            appid: self.appid.clone(),
            trade_type: self.trade_type,
            trade_state: self.state(now),
            total: self.total,
            description: self.request_text("/description").map(String::from).unwrap_or_default(),
            attach: self.request_text("/attach").map(String::from),
            handle: self.handle.clone(),
            created_at: self.created_at.as_secs(),
            expires_at: self.handle_expires_at.as_secs(),
            payments: self.payments.clone(),
            refunds: self.refunds.iter().map(|refund| refund.record.clone()).collect(),
            notifications,
        }
    }
}

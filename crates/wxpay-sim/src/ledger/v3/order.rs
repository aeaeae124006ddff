//! An order: who placed it, where it stands, what was paid.

use super::{Refund, RefundRecord, RefundStatus};
use crate::notices::NoticeRecord;
use serde::Serialize;
use serde_json::Value;
use wxpay_proto::{
    Fen, UnixTime,
    id::{AppId, MchId, OpenId, OutTradeNo, TransactionId},
};

/// What the gateway knows of one order. Times are seconds of the virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TransactionRecord {
    /// The merchant's number.
    pub out_trade_no: OutTradeNo,
    /// Who placed it.
    pub mchid: MchId,
    /// The sub-merchant that a service provider placed it for.
    pub sub_mchid: Option<MchId>,
    /// That sub-merchant's own app, if the order names one.
    pub sub_appid: Option<AppId>,
    /// The number of the combined order that it is a part of.
    pub combine_out_trade_no: Option<OutTradeNo>,
    /// The app.
    pub appid: AppId,
    /// How it is paid.
    pub trade_type: TradeType,
    /// Where it stands.
    pub trade_state: TradeState,
    /// What is to be paid.
    pub total: Fen,
    /// What is bought.
    pub description: String,
    /// The merchant's own remark.
    pub attach: Option<String>,
    /// The name of the order on the payer's phone: a `prepay_id`, a `code_url`, an `h5_url`.
    pub handle: Option<String>,
    /// When it was placed.
    pub created_at: u64,
    /// Until when it can be paid.
    pub expires_at: u64,
    /// Each payment. More than one only by the fault that asks for it.
    pub payments: Vec<Payment>,
    /// Each refund.
    pub refunds: Vec<RefundRecord>,
    /// The notices and how they were answered.
    pub notices: Vec<NoticeRecord>,
}

/// How an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum TradeType {
    /// Within WeChat: a page or a mini program.
    Jsapi,
    /// From another app.
    App,
    /// By a code that the payer scans.
    Native,
    /// From a browser: H5.
    Mweb,
    /// By a code that the payer shows.
    Micropay,
}

impl TradeType {
    /// The word on the wire.
    #[must_use]
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

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum TradeState {
    /// It was paid.
    Success,
    /// It was paid, and some of it was given back or is about to be.
    Refund,
    /// It can be paid, or could until its time was over.
    NotPay,
    /// It was closed, or closed itself.
    Closed,
    /// A code pay that was taken back.
    Revoked,
    /// A code pay whose payer types the password.
    UserPaying,
    /// A code pay that failed.
    PayError,
}

impl TradeState {
    /// The word on the wire.
    #[must_use]
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

    /// What `trade_state_desc` says.
    #[must_use]
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

/// One payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Payment {
    /// The gateway's number.
    pub transaction_id: TransactionId,
    /// The payer, under the app of whoever placed the order.
    #[serde(serialize_with = "openid")]
    pub openid: OpenId,
    /// The same payer under the sub-merchant's app, if the order names one.
    #[serde(serialize_with = "openid_if")]
    pub sub_openid: Option<OpenId>,
    /// What the payer paid.
    pub payer_total: Fen,
    /// What a coupon added; both together are the ordered amount.
    pub discount: Fen,
    /// The number of that coupon, if there is one.
    pub coupon_id: Option<String>,
    /// The payer's bank.
    pub bank_type: String,
    /// When, in seconds of the virtual clock.
    pub success_at: u64,
}

fn openid<S: serde::Serializer>(openid: &OpenId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(openid.as_str())
}

#[allow(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn openid_if<S: serde::Serializer>(openid: &Option<OpenId>, serializer: S) -> Result<S::Ok, S::Error> {
    openid.as_ref().map(OpenId::as_str).serialize(serializer)
}

/// An order's name: who placed it, and the number.
pub(crate) type OrderKey = (MchId, OutTradeNo);

/// The sub-merchant that a service provider acts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sub {
    pub(crate) mchid: MchId,
    /// Its own app, if the order names one.
    pub(crate) appid: Option<AppId>,
}

/// One order as kept.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Who placed it.
    pub(crate) mchid: MchId,
    pub(crate) appid: AppId,
    /// For whom, if not for itself.
    pub(crate) sub: Option<Sub>,
    pub(crate) out_trade_no: OutTradeNo,
    /// The combined order that it is a part of.
    pub(crate) combined: Option<OrderKey>,
    pub(crate) trade_type: TradeType,
    pub(crate) total: Fen,
    /// The request that placed it, sealed fields hashed: one that says something else under its number is refused.
    pub(crate) placed: Value,
    /// The `Wechatpay-Serial` of that request.
    pub(crate) asked: Option<String>,
    pub(crate) notify_url: Option<String>,
    /// The name of the order on the payer's phone, and until when it works.
    pub(crate) handle: Option<String>,
    pub(crate) expires: UnixTime,
    /// From when it is closed unless it was paid.
    pub(crate) dies: UnixTime,
    pub(crate) created: UnixTime,
    pub(crate) ended: Option<Ended>,
    pub(crate) payments: Vec<Payment>,
    pub(crate) refunds: Vec<Refund>,
}

/// What ended an order that was not paid, or holds it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The merchant closed it.
    Closed,
    /// The merchant took the code pay back.
    Revoked,
    /// The payer of a code pay types the password: not ended yet.
    UserPaying,
    /// The payer of a code pay did not pay.
    PayError,
}

impl Order {
    pub(crate) fn key(&self) -> OrderKey {
        (self.mchid.clone(), self.out_trade_no.clone())
    }

    pub(crate) fn sub_mchid(&self) -> Option<&MchId> {
        self.sub.as_ref().map(|sub| &sub.mchid)
    }

    /// A text of the request that placed it.
    pub(crate) fn said(&self, pointer: &str) -> Option<&str> {
        self.placed.pointer(pointer).and_then(Value::as_str)
    }

    pub(crate) fn payment(&self) -> Option<&Payment> {
        self.payments.first()
    }

    pub(crate) fn state(&self, now: UnixTime) -> TradeState {
        if !self.payments.is_empty() {
            let given_back = |refund: &Refund| {
                matches!(refund.record.status, RefundStatus::Processing | RefundStatus::Success)
            };
            return match self.ended {
                Some(Ended::Revoked) => TradeState::Revoked,
                _ if self.refunds.iter().any(given_back) => TradeState::Refund,
                _ => TradeState::Success,
            };
        }
        match self.ended {
            Some(Ended::Closed) => TradeState::Closed,
            Some(Ended::Revoked) => TradeState::Revoked,
            Some(Ended::UserPaying) => TradeState::UserPaying,
            Some(Ended::PayError) => TradeState::PayError,
            None if self.dies <= now => TradeState::Closed,
            None => TradeState::NotPay,
        }
    }

    /// What refunds have taken or are about to take: of the whole, and of what the payer paid.
    pub(crate) fn given_back(&self) -> (u64, u64) {
        let counting = self.refunds.iter().filter(|refund| refund.record.status != RefundStatus::Closed);
        counting.fold((0, 0), |(all, payers), refund| {
            let record = &refund.record;
            (all.saturating_add(record.refund.get()), payers.saturating_add(record.payer_refund.get()))
        })
    }

    pub(crate) fn record(&self, now: UnixTime, notices: Vec<NoticeRecord>) -> TransactionRecord {
        TransactionRecord {
            out_trade_no: self.out_trade_no.clone(),
            mchid: self.mchid.clone(),
            sub_mchid: self.sub_mchid().cloned(),
            sub_appid: self.sub.as_ref().and_then(|sub| sub.appid.clone()),
            combine_out_trade_no: self.combined.as_ref().map(|(_, number)| number.clone()),
            appid: self.appid.clone(),
            trade_type: self.trade_type,
            trade_state: self.state(now),
            total: self.total,
            description: self.said("/description").map(String::from).unwrap_or_default(),
            attach: self.said("/attach").map(String::from),
            handle: self.handle.clone(),
            created_at: self.created.as_secs(),
            expires_at: self.expires.as_secs(),
            payments: self.payments.clone(),
            refunds: self.refunds.iter().map(|refund| refund.record.clone()).collect(),
            notices,
        }
    }
}

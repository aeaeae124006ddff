//! What became of an order: the same object in queries, in code pay's answer and in notices.

use crate::{
    clock::UnixTime,
    error::Error,
    id::{AppId, MchId, OpenId, OutTradeNo, TransactionId},
    money::Fen,
    payment::{Evidence, Payment},
    v3::{
        field::open_words,
        verify::{Verified, malformed},
    },
    wire::time,
};
use alloc::{string::String, vec::Vec};
use core::fmt;

open_words! {
    /// Where an order stands.
    TradeState {
        /// Paid.
        Success = "SUCCESS",
        /// Paid, and refunded in part or whole since.
        Refund = "REFUND",
        /// Not paid yet.
        NotPay = "NOTPAY",
        /// Closed unpaid.
        Closed = "CLOSED",
        /// Reversed (code pay).
        Revoked = "REVOKED",
        /// The payer is typing a password (code pay).
        UserPaying = "USERPAYING",
        /// The payment failed.
        PayError = "PAYERROR",
        /// Accepted, and waits to be withheld.
        Accept = "ACCEPT",
    }
}

open_words! {
    /// How an order is paid.
    TradeType {
        /// On a page inside WeChat, or in a mini program.
        Jsapi = "JSAPI",
        /// By a QR code that the payer scans.
        Native = "NATIVE",
        /// From an app.
        App = "APP",
        /// By a code that the merchant scans.
        Micropay = "MICROPAY",
        /// From a browser outside WeChat.
        Mweb = "MWEB",
        /// By face.
        Facepay = "FACEPAY",
    }
}

/// What became of an order. Only a [verified](Verified) reply or notice makes one.
///
/// `transaction_id`, `trade_type`, `bank_type`, `success_time` and the payer are there once it is paid. `Debug` shows
/// numbers, amounts and where it stands; texts may name people.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transaction {
    /// The app; the partner's own in partner mode.
    pub appid: Option<AppId>,
    /// The merchant; the partner itself in partner mode.
    pub mchid: MchId,
    /// The sub-merchant's app.
    pub sub_appid: Option<AppId>,
    /// The sub-merchant, in partner mode.
    pub sub_mchid: Option<MchId>,
    /// The merchant's number.
    pub out_trade_no: OutTradeNo,
    /// WeChat Pay's number.
    pub transaction_id: Option<TransactionId>,
    /// How it was paid.
    pub trade_type: Option<TradeType>,
    /// Where it stands.
    pub trade_state: TradeState,
    /// The same for people.
    pub trade_state_desc: String,
    /// Where the money came from, such as `CMC` or `OTHERS`. An open set.
    pub bank_type: Option<String>,
    /// The merchant's own text.
    pub attach: Option<String>,
    /// When it was paid.
    pub success_time: Option<UnixTime>,
    /// The payer, under the app.
    pub openid: Option<OpenId>,
    /// The payer, under the sub-merchant's app.
    pub sub_openid: Option<OpenId>,
    /// How much.
    pub amount: Amount,
    /// Which coupons were used.
    pub promotion_detail: Vec<Promotion>,
    /// The merchant's device.
    pub device_id: Option<String>,
}

/// How much, in fen.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct Amount {
    /// The price.
    pub total: Option<Fen>,
    /// What the payer paid: the price less coupons.
    pub payer_total: Option<Fen>,
    /// `CNY`.
    pub currency: Option<String>,
    /// What the payer paid in.
    pub payer_currency: Option<String>,
}

/// A coupon that was used.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct Promotion {
    /// Its number.
    #[serde(default)]
    pub coupon_id: String,
    /// Its name.
    pub name: Option<String>,
    /// `GLOBAL`, or `SINGLE` for single goods.
    pub scope: Option<String>,
    /// `CASH`, which is settled to the merchant, or `NOCASH`, which is not.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// How much it took off, in fen.
    #[serde(default)]
    pub amount: Fen,
    /// Of which stock.
    pub stock_id: Option<String>,
    /// What WeChat Pay gives.
    pub wechatpay_contribute: Option<Fen>,
    /// What the merchant gives.
    pub merchant_contribute: Option<Fen>,
    /// What others give.
    pub other_contribute: Option<Fen>,
    /// `CNY`.
    pub currency: Option<String>,
    /// On which goods.
    #[serde(default)]
    pub goods_detail: Vec<PromotedGoods>,
}

/// Goods that a coupon was used on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct PromotedGoods {
    /// Their number.
    pub goods_id: String,
    /// How many.
    pub quantity: u32,
    /// The price of one, in fen.
    pub unit_price: Fen,
    /// What was taken off, in fen.
    #[serde(default)]
    pub discount_amount: Fen,
    /// A remark.
    pub goods_remark: Option<String>,
}

impl Transaction {
    /// Reads it.
    pub(in crate::v3) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let wire: Wire = body.parse()?;
        let mchid = wire.mchid.or(wire.sp_mchid).ok_or_else(malformed)?;
        let payer = wire.payer.unwrap_or_default();
        let transaction = Self {
            appid: wire.appid.or(wire.sp_appid),
            mchid,
            sub_appid: wire.sub_appid,
            sub_mchid: wire.sub_mchid,
            out_trade_no: wire.out_trade_no,
            transaction_id: wire.transaction_id,
            trade_type: wire.trade_type,
            trade_state: wire.trade_state,
            trade_state_desc: wire.trade_state_desc,
            bank_type: wire.bank_type,
            attach: wire.attach,
            success_time: wire.success_time,
            openid: payer.openid.or(payer.sp_openid),
            sub_openid: payer.sub_openid,
            amount: wire.amount.unwrap_or_default(),
            promotion_detail: wire.promotion_detail.unwrap_or_default(),
            device_id: wire.scene_info.and_then(|scene| scene.device_id),
        };
        // What says that it is paid must say by what, when and how much, or nothing follows from it.
        if transaction.is_paid() && transaction.payment().is_none() {
            return Err(malformed());
        }
        Ok(transaction)
    }

    /// Whether it was paid, refunded since or not.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        matches!(self.trade_state, TradeState::Success | TradeState::Refund)
    }

    /// What it proves: that the order was paid, if it was.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        let payment = if self.is_paid() { self.payment() } else { None };
        payment.map(|payment| Evidence::new(self.out_trade_no.clone(), payment))
    }

    /// The price is what the payer paid and what coupons took off.
    fn payment(&self) -> Option<Payment> {
        let total = self.amount.total?;
        let paid = self.amount.payer_total.unwrap_or(total);
        let discount = total.checked_sub(paid)?;
        Some(Payment::new(self.transaction_id.clone()?, paid, discount, self.success_time?))
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("mchid", &self.mchid)
            .field("sub_mchid", &self.sub_mchid)
            .field("out_trade_no", &self.out_trade_no)
            .field("transaction_id", &self.transaction_id)
            .field("trade_state", &self.trade_state)
            .field("success_time", &self.success_time)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

#[derive(serde::Deserialize)]
struct Wire {
    appid: Option<AppId>,
    mchid: Option<MchId>,
    sp_appid: Option<AppId>,
    sp_mchid: Option<MchId>,
    sub_appid: Option<AppId>,
    sub_mchid: Option<MchId>,
    out_trade_no: OutTradeNo,
    transaction_id: Option<TransactionId>,
    trade_type: Option<TradeType>,
    trade_state: TradeState,
    #[serde(default)]
    trade_state_desc: String,
    bank_type: Option<String>,
    attach: Option<String>,
    #[serde(default, deserialize_with = "time::deserialize_option")]
    success_time: Option<UnixTime>,
    payer: Option<PayerWire>,
    amount: Option<Amount>,
    promotion_detail: Option<Vec<Promotion>>,
    scene_info: Option<SceneWire>,
}

#[derive(Default, serde::Deserialize)]
struct PayerWire {
    openid: Option<OpenId>,
    sp_openid: Option<OpenId>,
    sub_openid: Option<OpenId>,
}

#[derive(serde::Deserialize)]
struct SceneWire {
    device_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::toy;
    use alloc::format;

    #[test]
    fn what_became_of_an_order_prints_numbers_and_no_texts() {
        let told = r#"{"mchid":"1900007291","out_trade_no":"1217752501201407033233368018","trade_state":"SUCCESS",
            "trade_state_desc":"支付成功","transaction_id":"1217752501201407033233368018","attach":"张三",
            "success_time":"2018-06-08T10:34:56+08:00","payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
            "amount":{"total":100}}"#;
        let transaction = Transaction::read(toy::verified(told)).unwrap();
        let shown = format!("{transaction:?} {:?}", transaction.evidence().unwrap());
        assert!(shown.contains("1217752501201407033233368018"), "{shown}");
        for hidden in ["张三", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}

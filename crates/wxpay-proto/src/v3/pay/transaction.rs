//! The transaction object: the status of an order in queries, replies to code payments, and notifications.

use crate::{
    id::{AppId, MchId, OpenId, OutTradeNo, TransactionId},
    payment::{Evidence, Payment},
    v3::prelude::*,
    wire::json::{InvalidMember, read::Outcome},
};
use core::fmt;

open_enum! {
    /// The status of an order.
    TradeState {
        /// Paid.
        Success = "SUCCESS",
        /// Paid, and later refunded in part or in full.
        Refund = "REFUND",
        /// Not paid yet.
        NotPay = "NOTPAY",
        /// Closed unpaid.
        Closed = "CLOSED",
        /// Reversed (code payment).
        Revoked = "REVOKED",
        /// The payer is entering a password (code payment).
        UserPaying = "USERPAYING",
        /// The payment failed.
        PayError = "PAYERROR",
        /// Accepted, waiting for the deduction (automatic deduction).
        Accept = "ACCEPT",
    }
}

open_enum! {
    /// The payment method of an order.
    TradeType {
        /// A page inside WeChat, or a mini program.
        Jsapi = "JSAPI",
        /// A QR code that the payer scans.
        Native = "NATIVE",
        /// An app.
        App = "APP",
        /// A code of the payer that the merchant scans (code payment).
        Micropay = "MICROPAY",
        /// A browser outside WeChat (H5).
        Mweb = "MWEB",
        /// Face recognition.
        Facepay = "FACEPAY",
    }
}

/// The status of an order. Created only from a [verified](Verified) reply or notification.
///
/// `transaction_id`, `trade_type`, `bank_type`, `success_time` and the payer are present once the order is paid.
/// `Debug` shows numbers, amounts and the status only: texts may contain personal data.
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
    /// The merchant's order number.
    pub out_trade_no: OutTradeNo,
    /// WeChat Pay's number.
    pub transaction_id: Option<TransactionId>,
    /// The payment method.
    pub trade_type: Option<TradeType>,
    /// The status of the order.
    pub trade_state: TradeState,
    /// The status as text for display.
    pub trade_state_desc: String,
    /// The bank that paid, such as `CMC` or `OTHERS`. An open set.
    pub bank_type: Option<String>,
    /// The merchant's own data, as given in the order.
    pub attach: Option<String>,
    /// The time of payment.
    pub success_time: Option<UnixTime>,
    /// The payer's openid for `appid`.
    pub openid: Option<OpenId>,
    /// The payer's openid for `sub_appid`.
    pub sub_openid: Option<OpenId>,
    /// The amounts.
    pub amount: Amount,
    /// The coupons that were used.
    pub promotion_detail: Vec<Promotion>,
    /// The id of the merchant's device.
    pub device_id: Option<String>,
}

object! {
    /// The amounts of an order, in fen.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Amount {
        /// The price, in fen.
        pub total: Option<Fen> = strict,
        /// The amount that the payer paid, in fen: the price less coupons.
        pub payer_total: Option<Fen> = strict,
        /// The currency of the price: `CNY`.
        pub currency: Option<String>,
        /// The currency that the payer paid in.
        pub payer_currency: Option<String>,
    }
}

object! {
    /// A coupon that was used.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Promotion {
        /// The coupon's id.
        pub coupon_id: String = or_default,
        /// The coupon's name.
        pub name: Option<String>,
        /// The scope: `GLOBAL`, or `SINGLE` for single goods.
        pub scope: Option<String>,
        /// The kind: `CASH`, which is settled to the merchant, or `NOCASH`, which is not.
        pub kind: Option<String> as "type",
        /// The discount, in fen.
        pub amount: Fen = or_default,
        /// The id of the coupon's stock.
        pub stock_id: Option<String>,
        /// The amount that WeChat Pay funds, in fen.
        pub wechatpay_contribute: Option<Fen>,
        /// The amount that the merchant funds, in fen.
        pub merchant_contribute: Option<Fen>,
        /// The amount that others fund, in fen.
        pub other_contribute: Option<Fen>,
        /// The currency: `CNY`.
        pub currency: Option<String>,
        /// The goods that the coupon was used on.
        pub goods_detail: Vec<PromotionGoods>,
    }
}

object! {
    /// Goods that a coupon was used on.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct PromotionGoods {
        /// The goods number.
        pub goods_id: String,
        /// The quantity.
        pub quantity: u32,
        /// The unit price, in fen.
        pub unit_price: Fen,
        /// The discount, in fen.
        pub discount_amount: Fen = or_default,
        /// A remark.
        pub goods_remark: Option<String>,
    }
}

impl Transaction {
    /// Reads a transaction. A paid one must prove its payment: `transaction_id`, `success_time` and the amounts.
    pub(in crate::v3) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let wire: Wire = body.read()?;
        Self::from_wire(wire).map_err(|invalid| malformed().caused_by(invalid))
    }

    fn from_wire(wire: Wire) -> Result<Self, InvalidMember> {
        let is_paid = is_paid(&wire.trade_state);
        let (transaction_id, success_time, amount) = if is_paid {
            let amount = wire.amount?;
            discount(&amount).map_err(|invalid| invalid.of("amount"))?;
            (Some(wire.transaction_id?), Some(wire.success_time?), amount)
        } else {
            (wire.transaction_id.ok(), wire.success_time.ok(), wire.amount.unwrap_or_default())
        };
        let payer = wire.payer.unwrap_or_default();
        Ok(Self {
            appid: wire.appid.or(wire.sp_appid),
            mchid: wire.mchid.or(wire.sp_mchid).ok_or_else(|| InvalidMember::missing().of("mchid"))?,
            sub_appid: wire.sub_appid,
            sub_mchid: wire.sub_mchid,
            out_trade_no: wire.out_trade_no,
            transaction_id,
            trade_type: wire.trade_type,
            trade_state: wire.trade_state,
            trade_state_desc: wire.trade_state_desc,
            bank_type: wire.bank_type,
            attach: wire.attach,
            success_time,
            openid: payer.openid.or(payer.sp_openid),
            sub_openid: payer.sub_openid,
            amount,
            promotion_detail: wire.promotion_detail,
            device_id: wire.scene_info.and_then(|scene| scene.device_id),
        })
    }

    /// Returns whether the order was paid; true also if it was refunded since.
    pub fn is_paid(&self) -> bool {
        is_paid(&self.trade_state)
    }

    /// Returns the evidence of payment, if the order was paid.
    pub fn evidence(&self) -> Option<Evidence> {
        let payment = if self.is_paid() { self.payment() } else { None };
        payment.map(|payment| Evidence::new(self.out_trade_no.clone(), payment))
    }

    /// Returns the payment. The price is the sum of the amount that the payer paid and the discount by coupons.
    fn payment(&self) -> Option<Payment> {
        let discount = discount(&self.amount).ok()?;
        let paid = self.amount.total?.checked_sub(discount)?;
        Some(Payment::new(self.transaction_id.clone()?, paid, discount, self.success_time?))
    }
}

/// Returns whether an order in this status was paid.
pub(super) fn is_paid(trade_state: &TradeState) -> bool {
    matches!(trade_state, TradeState::Success | TradeState::Refund)
}

/// Returns the part of the price that coupons paid. Without `payer_total`, the payer paid the whole price.
fn discount(amount: &Amount) -> Result<Fen, InvalidMember> {
    let total = amount.total.ok_or_else(|| InvalidMember::missing().of("total"))?;
    let paid = amount.payer_total.unwrap_or(total);
    total.checked_sub(paid).ok_or_else(|| InvalidMember::new("must not exceed total").of("payer_total"))
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

object! {
    /// The transaction object as on the wire. In partner mode, the members that begin with `sp_` replace the others.
    struct Wire {
        appid: Option<AppId>,
        mchid: Option<MchId> = strict,
        sp_appid: Option<AppId>,
        sp_mchid: Option<MchId> = strict,
        sub_appid: Option<AppId>,
        sub_mchid: Option<MchId> = strict,
        out_trade_no: OutTradeNo,
        transaction_id: Outcome<TransactionId> = deferred,
        trade_type: Option<TradeType>,
        trade_state: TradeState,
        trade_state_desc: String = or_default,
        bank_type: Option<String>,
        attach: Option<String>,
        success_time: Outcome<UnixTime> = deferred,
        payer: Option<PayerWire>,
        amount: Outcome<Amount> = deferred,
        promotion_detail: Vec<Promotion>,
        scene_info: Option<SceneWire>,
    }
}

object! {
    #[derive(Default)]
    struct PayerWire {
        openid: Option<OpenId>,
        sp_openid: Option<OpenId>,
        sub_openid: Option<OpenId>,
    }
}

object! {
    struct SceneWire {
        device_id: Option<String>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;

    #[test]
    fn a_transaction_prints_numbers_and_no_texts() {
        let body = r#"{"mchid":"1900007291","out_trade_no":"1217752501201407033233368018","trade_state":"SUCCESS",
            "trade_state_desc":"支付成功","transaction_id":"1217752501201407033233368018","attach":"张三",
            "success_time":"2018-06-08T10:34:56+08:00","payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
            "amount":{"total":100}}"#;
        let transaction = Transaction::read(fake::verified(body)).unwrap();
        let printed = format!("{transaction:?} {:?}", transaction.evidence().unwrap());
        assert!(printed.contains("1217752501201407033233368018"), "{printed}");
        for hidden in ["张三", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"] {
            assert!(!printed.contains(hidden), "{printed}");
        }
    }
}

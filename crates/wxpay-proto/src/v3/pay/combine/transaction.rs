//! The combined transaction object: the status of a combined order in queries and notifications.

use crate::{
    id::{AppId, MchId, OpenId, OutTradeNo, TransactionId},
    payment::{Evidence, Payment},
    v3::{
        pay::transaction::{self, Promotion, TradeState, TradeType},
        prelude::*,
    },
    wire::json::{
        InvalidMember,
        read::{Outcome, Read},
    },
};
use core::fmt;

/// The status of a combined order. Created only from a [verified](Verified) reply or notification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transaction {
    /// The app of the combining merchant.
    pub combine_appid: Option<AppId>,
    /// The combining merchant.
    pub combine_mchid: MchId,
    /// The merchant's number of the combined order.
    pub combine_out_trade_no: OutTradeNo,
    /// WeChat Pay's number of the combined order, once it is paid.
    pub combine_transaction_id: Option<TransactionId>,
    /// The payer's openid for `combine_appid`.
    pub openid: Option<OpenId>,
    /// The id of the merchant's device.
    pub device_id: Option<String>,
    /// The kind of trade.
    pub trade_scenario: Option<String>,
    /// The instalments, if the payer pays by instalments.
    pub installment_info: Option<InstallmentInfo>,
    /// The sub-orders.
    pub sub_orders: Vec<SubTransaction>,
}

object! {
    /// The instalments that the payer chose.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct InstallmentInfo {
        /// Set when the merchant subsidizes the interest.
        pub use_subsidy: bool = or_default,
        /// The number of instalments.
        pub selected_installment_number: u32,
    }
}

/// The status of a sub-order. `Debug` shows numbers, amounts and the status only: texts may contain personal data.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubTransaction {
    /// The merchant that the sub-order belongs to, or the partner of the sub-merchant.
    pub mchid: MchId,
    /// The sub-merchant.
    pub sub_mchid: Option<MchId>,
    /// The sub-merchant's app.
    pub sub_appid: Option<AppId>,
    /// The payer's openid for `sub_appid`.
    pub sub_openid: Option<OpenId>,
    /// The number of the person's authorization, in trades between individuals.
    pub individual_auth_id: Option<String>,
    /// The merchant's number of the sub-order.
    pub out_trade_no: OutTradeNo,
    /// WeChat Pay's number of the sub-order, once it is paid.
    pub transaction_id: Option<TransactionId>,
    /// The payment method.
    pub trade_type: Option<TradeType>,
    /// The status of the sub-order.
    pub trade_state: Option<TradeState>,
    /// The bank that paid. An open set.
    pub bank_type: Option<String>,
    /// The merchant's own data, as given in the sub-order.
    pub attach: Option<String>,
    /// The time of payment.
    pub success_time: Option<UnixTime>,
    /// The amounts.
    pub amount: Option<Amount>,
    /// The coupons that were used.
    pub promotion_detail: Vec<Promotion>,
}

object! {
    /// The amounts of a sub-order, in fen.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Amount {
        /// The price, in fen.
        pub total_amount: Fen,
        /// The amount that the payer paid, in fen: the price less coupons.
        pub payer_amount: Option<Fen> = strict,
        /// The currency of the price: `CNY`.
        pub currency: Option<String>,
        /// The currency that the payer paid in.
        pub payer_currency: Option<String>,
        /// The exchange rate, times 10⁸.
        pub settlement_rate: Option<u64>,
    }
}

object! {
    struct Wire {
        combine_appid: Option<AppId>,
        combine_mchid: MchId,
        combine_out_trade_no: OutTradeNo,
        combine_transaction_id: Option<TransactionId>,
        combine_payer_info: Option<PayerInfo>,
        scene_info: Option<SceneInfo>,
        trade_scenario: Option<String>,
        installment_info: Option<InstallmentInfo>,
        sub_orders: Vec<SubTransaction> = every,
    }
}

object! {
    struct PayerInfo {
        openid: Option<OpenId>,
    }
}

object! {
    struct SceneInfo {
        device_id: Option<String>,
    }
}

object! {
    struct SubWire {
        mchid: MchId,
        sub_mchid: Option<MchId> = strict,
        sub_appid: Option<AppId>,
        sub_openid: Option<OpenId>,
        individual_auth_id: Option<String>,
        out_trade_no: OutTradeNo,
        transaction_id: Outcome<TransactionId> = deferred,
        trade_type: Option<TradeType>,
        trade_state: Option<TradeState> = strict,
        bank_type: Option<String>,
        attach: Option<String>,
        success_time: Outcome<UnixTime> = deferred,
        amount: Outcome<Amount> = deferred,
        promotion_detail: Vec<Promotion>,
    }
}

/// Reads a sub-order. A paid one must prove its payment: `transaction_id`, `success_time` and the amounts.
impl<'de> Read<'de> for SubTransaction {
    const SHAPE: &'static str = SubWire::SHAPE;

    fn from_object<A: serde::de::MapAccess<'de>>(members: A) -> Result<Outcome<Self>, A::Error> {
        Ok(SubWire::from_object(members)?.and_then(Self::from_wire))
    }
}

impl Transaction {
    /// Reads a combined transaction.
    pub(in crate::v3) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let wire: Wire = body.read()?;
        Ok(Self {
            combine_appid: wire.combine_appid,
            combine_mchid: wire.combine_mchid,
            combine_out_trade_no: wire.combine_out_trade_no,
            combine_transaction_id: wire.combine_transaction_id,
            openid: wire.combine_payer_info.and_then(|payer| payer.openid),
            device_id: wire.scene_info.and_then(|scene| scene.device_id),
            trade_scenario: wire.trade_scenario,
            installment_info: wire.installment_info,
            sub_orders: wire.sub_orders,
        })
    }

    /// Returns the evidence of payment of each paid sub-order.
    pub fn evidence(&self) -> impl Iterator<Item = Evidence> {
        self.sub_orders.iter().filter_map(SubTransaction::evidence)
    }
}

impl fmt::Debug for SubTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubTransaction")
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

impl SubTransaction {
    fn from_wire(wire: SubWire) -> Outcome<Self> {
        let is_paid = wire.trade_state.as_ref().is_some_and(transaction::is_paid);
        let (transaction_id, success_time, amount) = if is_paid {
            let amount = wire.amount?;
            amount.discount().map_err(|invalid| invalid.of("amount"))?;
            (Some(wire.transaction_id?), Some(wire.success_time?), Some(amount))
        } else {
            (wire.transaction_id.ok(), wire.success_time.ok(), wire.amount.ok())
        };
        Ok(Self {
            mchid: wire.mchid,
            sub_mchid: wire.sub_mchid,
            sub_appid: wire.sub_appid,
            sub_openid: wire.sub_openid,
            individual_auth_id: wire.individual_auth_id,
            out_trade_no: wire.out_trade_no,
            transaction_id,
            trade_type: wire.trade_type,
            trade_state: wire.trade_state,
            bank_type: wire.bank_type,
            attach: wire.attach,
            success_time,
            amount,
            promotion_detail: wire.promotion_detail,
        })
    }

    /// Returns whether the sub-order was paid; true also if it was refunded since.
    pub fn is_paid(&self) -> bool {
        self.trade_state.as_ref().is_some_and(transaction::is_paid)
    }

    /// Returns the evidence of payment, if the sub-order was paid.
    pub fn evidence(&self) -> Option<Evidence> {
        let payment = if self.is_paid() { self.payment() } else { None };
        payment.map(|payment| Evidence::new(self.out_trade_no.clone(), payment))
    }

    /// Returns the payment. The price is the sum of the amount that the payer paid and the discount by coupons.
    fn payment(&self) -> Option<Payment> {
        let amount = self.amount.as_ref()?;
        let discount = amount.discount().ok()?;
        let paid = amount.total_amount.checked_sub(discount)?;
        Some(Payment::new(self.transaction_id.clone()?, paid, discount, self.success_time?))
    }
}

impl Amount {
    /// Returns the part of the price that coupons paid. Without `payer_amount`, the payer paid the whole price.
    fn discount(&self) -> Outcome<Fen> {
        let paid = self.payer_amount.unwrap_or(self.total_amount);
        let excess = || InvalidMember::new("must not exceed total_amount").of("payer_amount");
        self.total_amount.checked_sub(paid).ok_or_else(excess)
    }
}

#[cfg(test)]
pub(in crate::v3) mod tests {
    use super::*;
    use crate::v3::fake;

    /// Returns two sub-orders, of which the first is in that state.
    pub(in crate::v3) fn combined(combine_mchid: &str, state: &str, options: &str) -> String {
        format!(
            r#"{{"combine_appid":"wxd678efh567hg6787","combine_mchid":"{combine_mchid}","combine_out_trade_no":"P20150806",
            "combine_transaction_id":"1009660380201506130728806387","scene_info":{{"device_id":"POS1"}},
            "combine_payer_info":{{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}},
            "installment_info":{{"use_subsidy":true,"selected_installment_number":3}},"sub_orders":[
            {{"mchid":"1900000109","sub_mchid":"1900000120","trade_type":"JSAPI","trade_state":"{state}","bank_type":"CMC",
            "attach":"深圳分店","out_trade_no":"20150806-1","success_time":"2018-06-08T10:34:56+08:00",
            "promotion_detail":[{{"coupon_id":"109519","amount":1,"goods_detail":[{{"goods_id":"1","quantity":1,"unit_price":10}}]}}],
            "amount":{{"total_amount":10,"payer_amount":9,"currency":"CNY","payer_currency":"CNY"}}{options}}},
            {{"mchid":"1900000110","trade_state":"NOTPAY","out_trade_no":"20150806-2"}}]}}"#
        )
    }

    const PAID: &str = r#","transaction_id":"4200000000000000000000000001""#;

    #[test]
    fn each_paid_sub_order_gives_evidence() {
        let text = combined("1900007291", "SUCCESS", PAID);
        let transaction = Transaction::read(fake::verified(&text)).unwrap();
        assert_eq!(transaction.installment_info.as_ref().unwrap().selected_installment_number, 3);
        let evidence: Vec<_> = transaction.evidence().collect();
        let number = "4200000000000000000000000001".parse().unwrap();
        let payment = Payment::new(number, Fen::new(9), Fen::new(1), UnixTime::from_secs(1_528_425_296));
        assert_eq!(evidence, [Evidence::new("20150806-1".parse().unwrap(), payment)]);
        let printed = format!("{transaction:?}");
        assert!(printed.contains("20150806-1") && !printed.contains("深圳分店"), "{printed}");
    }

    #[test]
    fn an_unpaid_sub_order_gives_no_evidence_and_a_paid_one_needs_a_transaction_id() {
        let read =
            |state, options| Transaction::read(fake::verified(&combined("1900007291", state, options)));
        assert_eq!(read("NOTPAY", "").unwrap().evidence().count(), 0);
        assert!(read("SUCCESS", "").is_err());
    }
}

//! The combined transaction object: the status of a combined order in queries and notifications.

use crate::{
    clock::UnixTime,
    error::Error,
    id::{AppId, MchId, OpenId, OutTradeNo, TransactionId},
    money::Fen,
    payment::{Evidence, Payment},
    v3::{
        pay::transaction::{Promotion, TradeState, TradeType},
        verify::{Verified, malformed},
    },
    wire::time,
};
use alloc::{string::String, vec::Vec};
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

/// The instalments that the payer chose.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct InstallmentInfo {
    /// Set when the merchant subsidizes the interest.
    pub use_subsidy: bool,
    /// The number of instalments.
    pub selected_installment_number: u32,
}

/// The status of a sub-order. `Debug` shows numbers, amounts and the status only: texts may contain personal data.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
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
    #[serde(default, deserialize_with = "time::deserialize_option")]
    pub success_time: Option<UnixTime>,
    /// The amounts.
    pub amount: Option<Amount>,
    /// The coupons that were used.
    #[serde(default)]
    pub promotion_detail: Vec<Promotion>,
}

/// The amounts of a sub-order, in fen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct Amount {
    /// The price, in fen.
    pub total_amount: Fen,
    /// The amount that the payer paid, in fen: the price less coupons.
    pub payer_amount: Option<Fen>,
    /// The currency of the price: `CNY`.
    pub currency: Option<String>,
    /// The currency that the payer paid in.
    pub payer_currency: Option<String>,
    /// The exchange rate, times 10⁸.
    pub settlement_rate: Option<u64>,
}

#[derive(serde::Deserialize)]
struct Wire {
    combine_appid: Option<AppId>,
    combine_mchid: MchId,
    combine_out_trade_no: OutTradeNo,
    combine_transaction_id: Option<TransactionId>,
    combine_payer_info: Option<PayerInfo>,
    scene_info: Option<SceneInfo>,
    trade_scenario: Option<String>,
    installment_info: Option<InstallmentInfo>,
    #[serde(default)]
    sub_orders: Vec<SubTransaction>,
}

#[derive(serde::Deserialize)]
struct PayerInfo {
    openid: Option<OpenId>,
}

#[derive(serde::Deserialize)]
struct SceneInfo {
    device_id: Option<String>,
}

/// The field that distinguishes a notification of a combined order from one of a single order.
#[derive(serde::Deserialize)]
struct Peek {
    combine_out_trade_no: Option<String>,
}

impl Transaction {
    /// Reads a combined transaction.
    pub(in crate::v3) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let wire: Wire = body.parse()?;
        // A paid sub-order without transaction_id, success_time or amount proves no payment, so it is malformed.
        if wire.sub_orders.iter().any(|order| order.is_paid() && order.payment().is_none()) {
            return Err(malformed());
        }
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

    /// Returns whether a payment notification is of a combined order: single and combined orders share one event type.
    pub(in crate::v3) fn is_combined(body: Verified<'_>) -> bool {
        body.parse::<Peek>().is_ok_and(|peek| peek.combine_out_trade_no.is_some())
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
    /// Returns whether the sub-order was paid; true also if it was refunded since.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        matches!(self.trade_state, Some(TradeState::Success | TradeState::Refund))
    }

    /// Returns the evidence of payment, if the sub-order was paid.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        let payment = if self.is_paid() { self.payment() } else { None };
        payment.map(|payment| Evidence::new(self.out_trade_no.clone(), payment))
    }

    /// Returns the payment. The price is the sum of the amount that the payer paid and the discount by coupons.
    fn payment(&self) -> Option<Payment> {
        let Amount { total_amount, payer_amount, .. } = self.amount.as_ref()?;
        let paid = payer_amount.unwrap_or(*total_amount);
        let discount = total_amount.checked_sub(paid)?;
        Some(Payment::new(self.transaction_id.clone()?, paid, discount, self.success_time?))
    }
}

#[cfg(test)]
pub(in crate::v3) mod tests {
    use super::*;
    use crate::v3::fake;
    use alloc::format;

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
        assert!(Transaction::is_combined(fake::verified(&text)));
        let printed = format!("{transaction:?}");
        assert!(printed.contains("20150806-1") && !printed.contains("深圳分店"), "{printed}");
    }

    #[test]
    fn an_unpaid_sub_order_gives_no_evidence_and_a_paid_one_needs_a_transaction_id() {
        let read =
            |state, options| Transaction::read(fake::verified(&combined("1900007291", state, options)));
        assert_eq!(read("NOTPAY", "").unwrap().evidence().count(), 0);
        assert!(read("SUCCESS", "").is_err());
        assert!(!Transaction::is_combined(fake::verified(r#"{"mchid":"1900007291","out_trade_no":"1"}"#)));
        assert!(!Transaction::is_combined(fake::verified("[]")));
    }
}

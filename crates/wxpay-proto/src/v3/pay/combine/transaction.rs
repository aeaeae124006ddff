//! What became of combined orders: the same object in queries and in notices.

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

/// What became of combined orders. Only a [verified](Verified) reply or notice makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transaction {
    /// The app.
    pub combine_appid: Option<AppId>,
    /// The merchant that combined them.
    pub combine_mchid: MchId,
    /// The merchant's number of the whole.
    pub combine_out_trade_no: OutTradeNo,
    /// WeChat Pay's number of the whole, once it is paid.
    pub combine_transaction_id: Option<TransactionId>,
    /// The payer, under the app.
    pub openid: Option<OpenId>,
    /// The merchant's device.
    pub device_id: Option<String>,
    /// What kind of trade it is.
    pub trade_scenario: Option<String>,
    /// How the payer pays by instalments.
    pub installment_info: Option<InstallmentInfo>,
    /// The orders.
    pub sub_orders: Vec<SubTransaction>,
}

/// How the payer pays by instalments.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct InstallmentInfo {
    /// The merchant pays of the interest.
    pub use_subsidy: bool,
    /// How many instalments.
    pub selected_installment_number: u32,
}

/// What became of one of the orders. `Debug` shows numbers, amounts and where it stands; texts may name people.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct SubTransaction {
    /// Whose it is: the merchant, or the partner whose sub-merchant it is.
    pub mchid: MchId,
    /// The sub-merchant.
    pub sub_mchid: Option<MchId>,
    /// The sub-merchant's app.
    pub sub_appid: Option<AppId>,
    /// The payer, under the sub-merchant's app.
    pub sub_openid: Option<OpenId>,
    /// The number of the authorization, in trades between people.
    pub individual_auth_id: Option<String>,
    /// The merchant's number.
    pub out_trade_no: OutTradeNo,
    /// WeChat Pay's number, once it is paid.
    pub transaction_id: Option<TransactionId>,
    /// How it was paid.
    pub trade_type: Option<TradeType>,
    /// Where it stands.
    pub trade_state: Option<TradeState>,
    /// Where the money came from. An open set.
    pub bank_type: Option<String>,
    /// The merchant's own text.
    pub attach: Option<String>,
    /// When it was paid.
    #[serde(default, deserialize_with = "time::deserialize_option")]
    pub success_time: Option<UnixTime>,
    /// How much.
    pub amount: Option<Amount>,
    /// Which coupons were used.
    #[serde(default)]
    pub promotion_detail: Vec<Promotion>,
}

/// How much, in fen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct Amount {
    /// The price.
    pub total_amount: Fen,
    /// What the payer paid: the price less coupons.
    pub payer_amount: Option<Fen>,
    /// `CNY`.
    pub currency: Option<String>,
    /// What the payer paid in.
    pub payer_currency: Option<String>,
    /// The rate of exchange, times 10⁸.
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

/// Enough of what a payment's notice says to tell whether it is of combined orders.
#[derive(serde::Deserialize)]
struct Peek {
    combine_out_trade_no: Option<String>,
}

impl Transaction {
    /// Reads it.
    pub(in crate::v3) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let wire: Wire = body.parse()?;
        // What says that it is paid must say by what, when and how much, or nothing follows from it.
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

    /// Whether a payment's notice is of combined orders: their event type is that of single ones.
    pub(in crate::v3) fn is_told_by(body: Verified<'_>) -> bool {
        body.parse::<Peek>().is_ok_and(|peek| peek.combine_out_trade_no.is_some())
    }

    /// What it proves: which of the orders were paid.
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
    /// Whether it was paid, refunded since or not.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        matches!(self.trade_state, Some(TradeState::Success | TradeState::Refund))
    }

    /// What it proves: that the order was paid, if it was.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        let payment = if self.is_paid() { self.payment() } else { None };
        payment.map(|payment| Evidence::new(self.out_trade_no.clone(), payment))
    }

    /// The price is what the payer paid and what coupons took off.
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
    use crate::v3::toy;
    use alloc::format;

    /// Two orders, of which the first is in that state.
    pub(in crate::v3) fn told(combine_mchid: &str, state: &str, more: &str) -> String {
        format!(
            r#"{{"combine_appid":"wxd678efh567hg6787","combine_mchid":"{combine_mchid}","combine_out_trade_no":"P20150806",
            "combine_transaction_id":"1009660380201506130728806387","scene_info":{{"device_id":"POS1"}},
            "combine_payer_info":{{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}},
            "installment_info":{{"use_subsidy":true,"selected_installment_number":3}},"sub_orders":[
            {{"mchid":"1900000109","sub_mchid":"1900000120","trade_type":"JSAPI","trade_state":"{state}","bank_type":"CMC",
            "attach":"深圳分店","out_trade_no":"20150806-1","success_time":"2018-06-08T10:34:56+08:00",
            "promotion_detail":[{{"coupon_id":"109519","amount":1,"goods_detail":[{{"goods_id":"1","quantity":1,"unit_price":10}}]}}],
            "amount":{{"total_amount":10,"payer_amount":9,"currency":"CNY","payer_currency":"CNY"}}{more}}},
            {{"mchid":"1900000110","trade_state":"NOTPAY","out_trade_no":"20150806-2"}}]}}"#
        )
    }

    const PAID: &str = r#","transaction_id":"4200000000000000000000000001""#;

    #[test]
    fn each_order_proves_its_own_payment() {
        let text = told("1900007291", "SUCCESS", PAID);
        let transaction = Transaction::read(toy::verified(&text)).unwrap();
        assert_eq!(transaction.installment_info.as_ref().unwrap().selected_installment_number, 3);
        let evidence: Vec<_> = transaction.evidence().collect();
        let number = "4200000000000000000000000001".parse().unwrap();
        let payment = Payment::new(number, Fen::new(9), Fen::new(1), UnixTime::from_secs(1_528_425_296));
        assert_eq!(evidence, [Evidence::new("20150806-1".parse().unwrap(), payment)]);
        assert!(Transaction::is_told_by(toy::verified(&text)));
        let shown = format!("{transaction:?}");
        assert!(shown.contains("20150806-1") && !shown.contains("深圳分店"), "{shown}");
    }

    #[test]
    fn what_is_not_paid_proves_nothing_and_what_says_so_must_say_by_what() {
        let read = |state, more| Transaction::read(toy::verified(&told("1900007291", state, more)));
        assert_eq!(read("NOTPAY", "").unwrap().evidence().count(), 0);
        assert!(read("SUCCESS", "").is_err());
        assert!(!Transaction::is_told_by(toy::verified(r#"{"mchid":"1900007291","out_trade_no":"1"}"#)));
        assert!(!Transaction::is_told_by(toy::verified("[]")));
    }
}

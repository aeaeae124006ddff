//! A sub-order of a combined order.

use crate::{
    id::{AppId, InvalidField, MchId, OutTradeNo},
    money::Fen,
    prelude::*,
    v3::{field, party::Party},
};
use core::fmt;

/// A sub-order of a combined order. `Debug` shows merchant, number and price only: texts may contain personal data.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubOrder {
    /// The merchant that the sub-order belongs to, or the partner of the sub-merchant.
    pub mchid: MchId,
    /// The sub-merchant.
    pub sub_mchid: Option<MchId>,
    /// The sub-merchant's app.
    pub sub_appid: Option<AppId>,
    /// The merchant's number of the sub-order: 6 to 32 of `0-9 A-Z a-z _ - *`.
    pub out_trade_no: OutTradeNo,
    /// The price, in fen.
    pub total_amount: Fen,
    /// The description that the payer sees: 1 to 127 characters.
    pub description: String,
    /// The merchant's own data, returned in queries and notifications: 1 to 128 characters.
    pub attach: String,
    /// The goods, for coupons on single goods: 1 to 6000 characters.
    pub detail: Option<String>,
    /// The coupon tag: 1 to 32 characters.
    pub goods_tag: Option<String>,
    /// Set to freeze the paid amount for profit sharing.
    pub profit_sharing: Option<bool>,
    /// The subsidy that the platform adds to the sub-merchant's income, in fen.
    pub subsidy_amount: Option<Fen>,
    /// The selling person, in trades between individuals.
    pub individual: Option<Individual>,
}

/// A selling person in trades between individuals. `Debug` omits the name.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Individual {
    /// The number of the person's authorization: 1 to 64 characters.
    pub auth_id: String,
    /// The person's name as the payer sees it: 1 to 64 characters.
    pub name: Option<String>,
}

impl Individual {
    /// Creates a person from the number of the authorization.
    pub fn new(auth_id: impl Into<String>) -> Self {
        Self { auth_id: auth_id.into(), name: None }
    }
}

impl fmt::Debug for Individual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Individual").field("auth_id", &self.auth_id).finish_non_exhaustive()
    }
}

impl SubOrder {
    /// Creates a sub-order of a merchant from its required fields.
    pub fn new(
        mchid: MchId,
        out_trade_no: OutTradeNo,
        total_amount: Fen,
        description: impl Into<String>,
        attach: impl Into<String>,
    ) -> Self {
        Self {
            mchid,
            sub_mchid: None,
            sub_appid: None,
            out_trade_no,
            total_amount,
            description: description.into(),
            attach: attach.into(),
            detail: None,
            goods_tag: None,
            profit_sharing: None,
            subsidy_amount: None,
            individual: None,
        }
    }

    /// Sets the party that is paid: a sub-merchant. The default is the merchant itself.
    #[must_use]
    pub fn party(self, party: &Party) -> Self {
        Self { sub_mchid: party.sub_mchid().cloned(), sub_appid: party.sub_appid().cloned(), ..self }
    }

    pub(super) fn check(&self) -> Result<(), InvalidField> {
        field::out_trade_no(&self.out_trade_no, "out_trade_no")?;
        field::amount(self.total_amount, "total_amount")?;
        field::description(&self.description)?;
        field::attach(&self.attach)?;
        self.goods_tag.as_deref().map(field::goods_tag).transpose()?;
        let rule = InvalidField::new("detail", "must be 1 to 6000 characters");
        field::text_opt(self.detail.as_deref(), 6000, rule)?;
        if let Some(Individual { auth_id, name }) = &self.individual {
            let rule = InvalidField::new("individual_auth_id", "must be 1 to 64 characters");
            field::text(auth_id, 64, rule)?;
            let rule = InvalidField::new("individual_name", "must be 1 to 64 characters");
            field::text_opt(name.as_deref(), 64, rule)?;
        }
        Ok(())
    }
}

impl fmt::Debug for SubOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubOrder")
            .field("mchid", &self.mchid)
            .field("out_trade_no", &self.out_trade_no)
            .field("total_amount", &self.total_amount)
            .finish_non_exhaustive()
    }
}

/// The sub-order, as on the wire.
#[derive(serde::Serialize)]
pub(super) struct SubOrderBody<'a> {
    mchid: &'a MchId,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<&'a MchId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_appid: Option<&'a AppId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_service_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    individual_auth_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    individual_name: Option<&'a str>,
    out_trade_no: &'a OutTradeNo,
    amount: Amount,
    attach: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goods_tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settle_info: Option<SettleInfo>,
}

#[derive(serde::Serialize)]
struct Amount {
    total_amount: Fen,
    currency: &'static str,
}

#[derive(serde::Serialize)]
struct SettleInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    profit_sharing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subsidy_amount: Option<Fen>,
}

impl SubOrder {
    pub(super) fn body(&self, order_service_type: Option<&'static str>) -> SubOrderBody<'_> {
        let (profit_sharing, subsidy_amount) = (self.profit_sharing, self.subsidy_amount);
        let has_settle_info = profit_sharing.is_some() || subsidy_amount.is_some();
        SubOrderBody {
            mchid: &self.mchid,
            sub_mchid: self.sub_mchid.as_ref(),
            sub_appid: self.sub_appid.as_ref(),
            order_service_type,
            individual_auth_id: self.individual.as_ref().map(|individual| individual.auth_id.as_str()),
            individual_name: self.individual.as_ref().and_then(|individual| individual.name.as_deref()),
            out_trade_no: &self.out_trade_no,
            amount: Amount { total_amount: self.total_amount, currency: "CNY" },
            attach: &self.attach,
            description: &self.description,
            detail: self.detail.as_deref(),
            goods_tag: self.goods_tag.as_deref(),
            settle_info: has_settle_info.then_some(SettleInfo { profit_sharing, subsidy_amount }),
        }
    }
}

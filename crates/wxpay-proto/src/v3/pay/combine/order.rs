//! The combined order, independent of the payment method.

pub use super::{
    sub_order::{Individual, SubOrder},
    subsidy::{Subsidy, SubsidyPeriod, SubsidyPlan},
};

use super::query::QueryOrder;
use crate::{
    id::{AppId, NotifyUrl, OpenId, OutTradeNo},
    v3::{
        pay::{
            H5Info, IdentityKind,
            order::{LimitPay, reject_fields},
            payer::PayerInfo,
        },
        prelude::*,
    },
};
use alloc::collections::BTreeSet;
use core::net::IpAddr;

body! {
    /// A combined order: several sub-orders, paid at once. [`new`](Self::new) takes the fields that every payment
    /// method requires; the rest is optional.
    ///
    /// `Debug` shows numbers and prices only: texts may contain personal data.
    #[derive(Clone)]
    pub struct Order {
        /// Sets the combining merchant's app. The default is the [merchant's](crate::v3::Builder::appid).
        pub(super) optional combine_appid: AppId = appid_or_default,
        computed combine_mchid: MchId = mchid,
        required combine_out_trade_no: OutTradeNo,
        pub(super) object scene_info: SceneInfo,
        pub(super) list sub_orders: SubOrder,
        object combine_payer_info: PayerInfo,
        /// Sets the time at which the order was placed.
        optional time_start: UnixTime,
        /// Sets the time until which the order can be paid.
        optional time_expire: UnixTime,
        /// Sets the notification URL. The default is the [merchant's](crate::v3::Builder::notify_url).
        optional notify_url: NotifyUrl = notify_url_or_default,
        /// Sets the kind of trade, such as `RECOMMERCE` for used goods: 1 to 32 characters.
        text trade_scenario: Chars<32>,
        /// Sets restrictions of the funds that may pay.
        list limit_pay: LimitPay,
        object subsidy_info: SubsidyInfo,
    }
    Debug { combine_out_trade_no, sub_orders }
}

body! {
    /// The object `scene_info`.
    #[derive(Clone, Default)]
    pub(super) struct SceneInfo {
        /// Sets the id of the merchant's device.
        pub(super) text device_id: Chars<32>,
        pub(super) optional payer_client_ip: IpAddr,
        pub(super) optional h5_info: H5Info,
    }
    Debug {}
}

body! {
    /// The object `subsidy_info`.
    #[derive(Clone, Default)]
    struct SubsidyInfo {
        list subsidy_detail: Subsidy,
    }
    Debug { subsidy_detail }
}

/// The maximum number of sub-orders.
const MAX_SUB_ORDERS: usize = 50;

impl Order {
    /// Creates a combined order from the merchant's number of it (6 to 32 of `0-9 A-Z a-z _ - *`), and 1 to 50
    /// sub-orders. The app and the notification URL are required, too, unless the
    /// [merchant has defaults](crate::v3::Builder::appid).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if a field violates its rule, two sub-orders of one merchant have the same number, or
    /// the sum of the prices is too large.
    pub fn new(combine_out_trade_no: OutTradeNo, sub_orders: Vec<SubOrder>) -> Result<Self, InvalidField> {
        field::out_trade_no(&combine_out_trade_no, "combine_out_trade_no")?;
        if !(1..=MAX_SUB_ORDERS).contains(&sub_orders.len()) {
            return Err(InvalidField::new("sub_orders", "must have 1 to 50 entries"));
        }
        let numbers: BTreeSet<_> =
            sub_orders.iter().map(|order| (&order.mchid, order.out_trade_no())).collect();
        if numbers.len() != sub_orders.len() {
            return Err(InvalidField::new(
                "out_trade_no",
                "must be unique among the sub-orders of one mchid",
            ));
        }
        let total = sub_orders.iter().map(SubOrder::total_amount);
        let total = total.fold(Fen::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(sum));
        field::amount(total, "the sum of total_amount")?;
        Ok(Self { sub_orders, ..Self::required(combine_out_trade_no) })
    }

    /// Sets the IP address of the payer's device.
    pub fn payer_client_ip(mut self, address: IpAddr) -> Self {
        self.scene_info.payer_client_ip = Some(address);
        self
    }

    /// Sets the id of the merchant's device, such as a till: 1 to 32 characters. Requires
    /// [`payer_client_ip`](Self::payer_client_ip).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the text violates this rule.
    pub fn device_id(self, device_id: impl AsRef<str>) -> Result<Self, InvalidField> {
        Ok(Self { scene_info: self.scene_info.device_id(device_id)?, ..self })
    }

    /// Sets the payer's openid for `combine_appid`.
    pub fn openid(mut self, openid: OpenId) -> Self {
        self.combine_payer_info.openid = Some(openid);
        self
    }

    /// Sets the payer's openid for the sub-merchants' app.
    pub fn sub_openid(mut self, sub_openid: OpenId) -> Self {
        self.combine_payer_info.sub_openid = Some(sub_openid);
        self
    }

    /// Restricts payment to this person. The merchant needs a separate permission for it.
    pub fn identity(self, kind: IdentityKind, number: Sensitive, name: Sensitive) -> Self {
        Self { combine_payer_info: self.combine_payer_info.identity(kind, number, name), ..self }
    }

    /// Sets the interest subsidies that the merchant pays if the payer pays by instalments.
    pub fn subsidy_detail(mut self, subsidy_detail: Vec<Subsidy>) -> Self {
        self.subsidy_info.subsidy_detail = subsidy_detail;
        self
    }

    /// Returns the merchant's number of the combined order.
    pub fn combine_out_trade_no(&self) -> &OutTradeNo {
        &self.combine_out_trade_no
    }

    /// Returns the sub-orders.
    pub fn sub_orders(&self) -> &[SubOrder] {
        &self.sub_orders
    }
}

impl Order {
    /// Returns the pending operation to resolve if the outcome is unknown.
    pub(super) fn pending_operation(&self) -> Option<PendingOperation> {
        QueryOrder::combine_out_trade_no(self.combine_out_trade_no.clone()).pending()
    }

    /// Returns the combined order's app, or else the merchant's default.
    pub(super) fn appid_for<'a>(&'a self, merchant: &'a Merchant) -> Result<&'a AppId, Error> {
        merchant.appid_or_default(self.combine_appid.as_ref())
    }

    /// Returns the sub-merchants' app if the payer's openid belongs to it (`sub_openid`), and `None` if the openid
    /// belongs to the combining merchant's app.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if neither openid is set, or if only `sub_openid` is set and the sub-orders do not have
    /// exactly one `sub_appid`.
    pub(super) fn payers_sub_appid(&self) -> Result<Option<AppId>, InvalidField> {
        if self.combine_payer_info.openid.is_some() {
            return Ok(None);
        }
        if self.combine_payer_info.sub_openid.is_none() {
            return Err(InvalidField::new("openid", "is required for this payment method"));
        }
        let apps: BTreeSet<_> = self.sub_orders.iter().filter_map(SubOrder::sub_appid).collect();
        match (apps.len(), apps.first()) {
            (1, Some(appid)) => Ok(Some((*appid).clone())),
            _ => Err(InvalidField::new("sub_openid", "requires exactly one sub_appid in the sub-orders")),
        }
    }

    /// Rejects fields that a payment method does not accept, and a `device_id` without `payer_client_ip`, which none
    /// accepts.
    pub(super) fn reject_fields(&self, fields: &[&str]) -> Result<(), InvalidField> {
        if self.scene_info.device_id.is_some() && self.scene_info.payer_client_ip.is_none() {
            return Err(InvalidField::new("payer_client_ip", "is required with device_id"));
        }
        let payer = &self.combine_payer_info;
        let any = |is_set: fn(&SubOrder) -> bool| self.sub_orders.iter().any(is_set);
        reject_fields(
            fields,
            &[
                ("openid", payer.openid.is_some()),
                ("sub_openid", payer.sub_openid.is_some()),
                ("identity", payer.identity.is_some()),
                ("time_start", self.time_start.is_some()),
                ("limit_pay", !self.limit_pay.is_empty()),
                ("trade_scenario", self.trade_scenario.is_some()),
                ("subsidy_info", !self.subsidy_info.subsidy_detail.is_empty()),
                ("sub_mchid", any(|order| order.sub_mchid().is_some())),
                ("sub_appid", any(|order| order.sub_appid().is_some())),
                ("detail", any(|order| order.detail.is_some())),
                ("goods_tag", any(|order| order.goods_tag.is_some())),
                ("settle_info", any(SubOrder::has_settle_info)),
                ("individual_auth_id", any(|order| order.individual.is_some())),
            ],
        )
    }
}

#[cfg(test)]
mod tests;

//! What is ordered together, in whatever way it will be paid.

pub use super::{
    sub_order::{Individual, SubOrder},
    subsidy::{Subsidy, SubsidyPeriod, SubsidyPlan},
};

use crate::{
    clock::UnixTime,
    error::Debt,
    id::{AppId, Invalid, NotifyUrl, OpenId, OutTradeNo},
    money::Fen,
    v3::{
        field,
        pay::{IdentityKind, jsapi::Identity, order::LimitPay},
        seal::Sensitive,
    },
};
use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::{fmt, net::IpAddr};

/// Several orders to be paid at once. What every way of paying needs is asked for by [`builder`](Self::builder), the rest
/// may be added.
///
/// `Debug` shows its number and how many orders are in it; texts may name people.
#[derive(Clone)]
pub struct Order {
    pub(super) combine_appid: AppId,
    pub(super) combine_out_trade_no: OutTradeNo,
    pub(super) sub_orders: Vec<SubOrder>,
    pub(super) notify_url: NotifyUrl,
    pub(super) openid: Option<OpenId>,
    pub(super) sub_openid: Option<OpenId>,
    pub(super) identity: Option<Identity>,
    pub(super) payer_client_ip: Option<IpAddr>,
    pub(super) device_id: Option<String>,
    pub(super) time_start: Option<UnixTime>,
    pub(super) time_expire: Option<UnixTime>,
    pub(super) limit_pay: Vec<LimitPay>,
    pub(super) trade_scenario: Option<String>,
    pub(super) subsidy_detail: Vec<Subsidy>,
}

/// What may be told of the orders beyond what must be; see [`Order::builder`].
#[derive(Debug)]
pub struct Builder(Order);

/// How many orders may be paid at once.
const MOST: usize = 50;

impl Order {
    /// Begins with what must be told: the app, the merchant's number of the whole (6 to 32 of `0-9 A-Z a-z _ - *`), where
    /// WeChat Pay sends its notice, and the orders: at most 50.
    #[must_use]
    pub fn builder(
        combine_appid: AppId,
        combine_out_trade_no: OutTradeNo,
        notify_url: NotifyUrl,
        sub_orders: Vec<SubOrder>,
    ) -> Builder {
        Builder(Self {
            combine_appid,
            combine_out_trade_no,
            sub_orders,
            notify_url,
            openid: None,
            sub_openid: None,
            identity: None,
            payer_client_ip: None,
            device_id: None,
            time_start: None,
            time_expire: None,
            limit_pay: Vec::new(),
            trade_scenario: None,
            subsidy_detail: Vec::new(),
        })
    }

    /// The merchant's number of the whole.
    #[must_use]
    pub fn combine_out_trade_no(&self) -> &OutTradeNo {
        &self.combine_out_trade_no
    }

    /// The orders.
    #[must_use]
    pub fn sub_orders(&self) -> &[SubOrder] {
        &self.sub_orders
    }

    /// What is owed if it is not known what became of it.
    pub(super) fn debt(&self) -> Debt {
        Debt::Combine { combine_out_trade_no: self.combine_out_trade_no.clone() }
    }

    /// The app that the payer is under: that of `openid`, or the sub-merchant's of `sub_openid`.
    ///
    /// # Errors
    ///
    /// When there is no payer, or the payer is under the sub-merchant's app and the orders know none, or several.
    pub(super) fn payers_appid(&self) -> Result<AppId, Invalid> {
        if self.openid.is_some() {
            return Ok(self.combine_appid.clone());
        }
        if self.sub_openid.is_none() {
            return Err(Invalid::new("openid", "must be told for this way of paying"));
        }
        let apps: BTreeSet<_> = self.sub_orders.iter().filter_map(|order| order.sub_appid.as_ref()).collect();
        match (apps.len(), apps.first()) {
            (1, Some(appid)) => Ok((*appid).clone()),
            _ => Err(Invalid::new("sub_openid", "must be with one sub_appid")),
        }
    }

    /// Refuses what a way of paying does not take.
    pub(super) fn without(&self, fields: &[&'static str]) -> Result<(), Invalid> {
        match self.told().find(|told| fields.contains(told)) {
            Some(field) => Err(Invalid::new(field, "must not be told for this way of paying")),
            None => Ok(()),
        }
    }

    /// The fields that were told beyond what must be, as far as not every way of paying takes them.
    fn told(&self) -> impl Iterator<Item = &'static str> {
        let any = |told: fn(&SubOrder) -> bool| self.sub_orders.iter().any(told);
        [
            ("openid", self.openid.is_some()),
            ("sub_openid", self.sub_openid.is_some()),
            ("identity", self.identity.is_some()),
            ("time_start", self.time_start.is_some()),
            ("limit_pay", !self.limit_pay.is_empty()),
            ("trade_scenario", self.trade_scenario.is_some()),
            ("subsidy_info", !self.subsidy_detail.is_empty()),
            ("sub_mchid", any(|order| order.sub_mchid.is_some())),
            ("sub_appid", any(|order| order.sub_appid.is_some())),
            ("detail", any(|order| order.detail.is_some())),
            ("goods_tag", any(|order| order.goods_tag.is_some())),
            ("settle_info", any(|order| order.profit_sharing.is_some() || order.subsidy_amount.is_some())),
            ("individual_auth_id", any(|order| order.individual.is_some())),
        ]
        .into_iter()
        .filter(|(_, told)| *told)
        .map(|(field, _)| field)
    }

    /// Where the payer and the merchant's device are.
    pub(super) fn scene(&self) -> (Option<IpAddr>, Option<&str>) {
        (self.payer_client_ip, self.device_id.as_deref())
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("combine_out_trade_no", &self.combine_out_trade_no)
            .field("sub_orders", &self.sub_orders.len())
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// The payer, under the app.
    #[must_use]
    pub fn openid(mut self, openid: OpenId) -> Self {
        self.0.openid = Some(openid);
        self
    }

    /// The payer, under the sub-merchants' app.
    #[must_use]
    pub fn sub_openid(mut self, sub_openid: OpenId) -> Self {
        self.0.sub_openid = Some(sub_openid);
        self
    }

    /// Lets this person pay alone. Needs a permission of its own.
    #[must_use]
    pub fn identity(mut self, kind: IdentityKind, number: Sensitive, name: Sensitive) -> Self {
        self.0.identity = Some(Identity { kind, number, name });
        self
    }

    /// The address of the payer's device.
    #[must_use]
    pub fn payer_client_ip(mut self, address: IpAddr) -> Self {
        self.0.payer_client_ip = Some(address);
        self
    }

    /// The merchant's device, such as a till: at most 32 characters. Goes with the address of the payer's.
    #[must_use]
    pub fn device_id(mut self, device_id: impl Into<String>) -> Self {
        self.0.device_id = Some(device_id.into());
        self
    }

    /// When it was ordered.
    #[must_use]
    pub fn time_start(mut self, time_start: UnixTime) -> Self {
        self.0.time_start = Some(time_start);
        self
    }

    /// Until when it can be paid.
    #[must_use]
    pub fn time_expire(mut self, time_expire: UnixTime) -> Self {
        self.0.time_expire = Some(time_expire);
        self
    }

    /// How it may not be paid.
    #[must_use]
    pub fn limit_pay(mut self, limit_pay: Vec<LimitPay>) -> Self {
        self.0.limit_pay = limit_pay;
        self
    }

    /// What kind of trade it is, such as `RECOMMERCE` for used goods.
    #[must_use]
    pub fn trade_scenario(mut self, trade_scenario: impl Into<String>) -> Self {
        self.0.trade_scenario = Some(trade_scenario.into());
        self
    }

    /// What the merchant pays of the interest, if the payer pays by instalments.
    #[must_use]
    pub fn subsidy_detail(mut self, subsidy_detail: Vec<Subsidy>) -> Self {
        self.0.subsidy_detail = subsidy_detail;
        self
    }

    /// The orders, together.
    ///
    /// # Errors
    ///
    /// When a field breaks its rule; it is named.
    pub fn build(self) -> Result<Order, Invalid> {
        let Self(order) = self;
        field::out_trade_no(&order.combine_out_trade_no, "combine_out_trade_no")?;
        if !(1..=MOST).contains(&order.sub_orders.len()) {
            return Err(Invalid::new("sub_orders", "must be 1 to 50"));
        }
        order.sub_orders.iter().try_for_each(SubOrder::check)?;
        let numbers: BTreeSet<_> =
            order.sub_orders.iter().map(|order| (&order.mchid, &order.out_trade_no)).collect();
        if numbers.len() != order.sub_orders.len() {
            return Err(Invalid::new("out_trade_no", "must be of one order only"));
        }
        let total = order.sub_orders.iter().map(|order| order.total_amount);
        let total = total.fold(Fen::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(sum));
        field::amount(total, "the sum of total_amount")?;
        order.device_id.as_deref().map(field::device_id).transpose()?;
        if order.device_id.is_some() && order.payer_client_ip.is_none() {
            return Err(Invalid::new("payer_client_ip", "must be told with device_id"));
        }
        let rule = Invalid::new("trade_scenario", "must be 1 to 32 characters");
        field::text_if(order.trade_scenario.as_deref(), 32, rule)?;
        Ok(order)
    }
}

#[cfg(test)]
mod tests;

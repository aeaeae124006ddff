//! The combined order, independent of the payment method.

pub use super::{
    sub_order::{Individual, SubOrder},
    subsidy::{Subsidy, SubsidyPeriod, SubsidyPlan},
};

use crate::{
    clock::UnixTime,
    error::{Error, PendingOperation},
    id::{AppId, InvalidField, NotifyUrl, OpenId, OutTradeNo},
    money::Fen,
    prelude::*,
    v3::{
        field,
        merchant::Merchant,
        pay::{IdentityKind, jsapi::Identity, order::LimitPay},
        seal::Sensitive,
    },
};
use alloc::collections::BTreeSet;
use core::{fmt, net::IpAddr};

/// A combined order: several sub-orders, paid at once. [`builder`](Self::builder) takes the fields that every payment
/// method requires; the rest is optional.
///
/// `Debug` shows the number and the count of sub-orders only: texts may contain personal data.
#[derive(Clone)]
pub struct Order {
    pub(super) combine_appid: Option<AppId>,
    pub(super) combine_out_trade_no: OutTradeNo,
    pub(super) sub_orders: Vec<SubOrder>,
    pub(super) notify_url: Option<NotifyUrl>,
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

/// The builder of a combined order; see [`Order::builder`].
#[derive(Debug)]
#[must_use]
pub struct Builder(Order);

/// The maximum number of sub-orders.
const MAX_SUB_ORDERS: usize = 50;

impl Order {
    /// Begins a combined order with its required fields: the merchant's number of the combined order (6 to 32 of
    /// `0-9 A-Z a-z _ - *`), and 1 to 50 sub-orders. The app and the notification URL are required, too, unless the
    /// [merchant has defaults](crate::v3::Builder::appid).
    pub fn builder(combine_out_trade_no: OutTradeNo, sub_orders: Vec<SubOrder>) -> Builder {
        Builder(Self {
            combine_appid: None,
            combine_out_trade_no,
            sub_orders,
            notify_url: None,
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

    /// Returns the merchant's number of the combined order.
    pub fn combine_out_trade_no(&self) -> &OutTradeNo {
        &self.combine_out_trade_no
    }

    /// Returns the sub-orders.
    pub fn sub_orders(&self) -> &[SubOrder] {
        &self.sub_orders
    }

    /// Returns the pending operation to resolve if the outcome is unknown.
    pub(super) fn pending_operation(&self) -> PendingOperation {
        PendingOperation::CombinedOrder { combine_out_trade_no: self.combine_out_trade_no.clone() }
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
        if self.openid.is_some() {
            return Ok(None);
        }
        if self.sub_openid.is_none() {
            return Err(InvalidField::new("openid", "is required for this payment method"));
        }
        let apps: BTreeSet<_> = self.sub_orders.iter().filter_map(|order| order.sub_appid.as_ref()).collect();
        match (apps.len(), apps.first()) {
            (1, Some(appid)) => Ok(Some((*appid).clone())),
            _ => Err(InvalidField::new("sub_openid", "requires exactly one sub_appid in the sub-orders")),
        }
    }

    /// Rejects fields that a payment method does not accept.
    pub(super) fn reject_fields(&self, fields: &[&'static str]) -> Result<(), InvalidField> {
        match self.set_fields().find(|field| fields.contains(field)) {
            Some(field) => Err(InvalidField::new(field, "must not be set for this payment method")),
            None => Ok(()),
        }
    }

    /// Returns those optional fields that are set and that some payment method does not accept.
    fn set_fields(&self) -> impl Iterator<Item = &'static str> {
        let any = |is_set: fn(&SubOrder) -> bool| self.sub_orders.iter().any(is_set);
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
        .filter(|(_, is_set)| *is_set)
        .map(|(field, _)| field)
    }

    /// Returns the address of the payer's device, and the id of the merchant's device.
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
    /// Sets the combining merchant's app. The default is the [merchant's](crate::v3::Builder::appid).
    pub fn combine_appid(mut self, combine_appid: AppId) -> Self {
        self.0.combine_appid = Some(combine_appid);
        self
    }

    /// Sets the notification URL. The default is the [merchant's](crate::v3::Builder::notify_url).
    pub fn notify_url(mut self, notify_url: NotifyUrl) -> Self {
        self.0.notify_url = Some(notify_url);
        self
    }

    /// Sets the payer's openid for `combine_appid`.
    pub fn openid(mut self, openid: OpenId) -> Self {
        self.0.openid = Some(openid);
        self
    }

    /// Sets the payer's openid for the sub-merchants' app.
    pub fn sub_openid(mut self, sub_openid: OpenId) -> Self {
        self.0.sub_openid = Some(sub_openid);
        self
    }

    /// Restricts payment to this person. The merchant needs a separate permission for it.
    pub fn identity(mut self, kind: IdentityKind, number: Sensitive, name: Sensitive) -> Self {
        self.0.identity = Some(Identity { kind, number, name });
        self
    }

    /// Sets the IP address of the payer's device.
    pub fn payer_client_ip(mut self, address: IpAddr) -> Self {
        self.0.payer_client_ip = Some(address);
        self
    }

    /// Sets the id of the merchant's device, such as a till: 1 to 32 characters. Requires
    /// [`payer_client_ip`](Self::payer_client_ip).
    pub fn device_id(mut self, device_id: impl Into<String>) -> Self {
        self.0.device_id = Some(device_id.into());
        self
    }

    /// Sets the time at which the order was placed.
    pub fn time_start(mut self, time_start: UnixTime) -> Self {
        self.0.time_start = Some(time_start);
        self
    }

    /// Sets the time until which the order can be paid.
    pub fn time_expire(mut self, time_expire: UnixTime) -> Self {
        self.0.time_expire = Some(time_expire);
        self
    }

    /// Sets restrictions of the funds that may pay.
    pub fn limit_pay(mut self, limit_pay: Vec<LimitPay>) -> Self {
        self.0.limit_pay = limit_pay;
        self
    }

    /// Sets the kind of trade, such as `RECOMMERCE` for used goods: 1 to 32 characters.
    pub fn trade_scenario(mut self, trade_scenario: impl Into<String>) -> Self {
        self.0.trade_scenario = Some(trade_scenario.into());
        self
    }

    /// Sets the interest subsidies that the merchant pays if the payer pays by instalments.
    pub fn subsidy_detail(mut self, subsidy_detail: Vec<Subsidy>) -> Self {
        self.0.subsidy_detail = subsidy_detail;
        self
    }

    /// Builds the combined order.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if a field is invalid; the error names it.
    pub fn build(self) -> Result<Order, InvalidField> {
        let Self(order) = self;
        field::out_trade_no(&order.combine_out_trade_no, "combine_out_trade_no")?;
        if !(1..=MAX_SUB_ORDERS).contains(&order.sub_orders.len()) {
            return Err(InvalidField::new("sub_orders", "must have 1 to 50 entries"));
        }
        order.sub_orders.iter().try_for_each(SubOrder::check)?;
        let numbers: BTreeSet<_> =
            order.sub_orders.iter().map(|order| (&order.mchid, &order.out_trade_no)).collect();
        if numbers.len() != order.sub_orders.len() {
            return Err(InvalidField::new(
                "out_trade_no",
                "must be unique among the sub-orders of one mchid",
            ));
        }
        let total = order.sub_orders.iter().map(|order| order.total_amount);
        let total = total.fold(Fen::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(sum));
        field::amount(total, "the sum of total_amount")?;
        order.device_id.as_deref().map(field::device_id).transpose()?;
        if order.device_id.is_some() && order.payer_client_ip.is_none() {
            return Err(InvalidField::new("payer_client_ip", "is required with device_id"));
        }
        let rule = InvalidField::new("trade_scenario", "must be 1 to 32 characters");
        field::text_opt(order.trade_scenario.as_deref(), 32, rule)?;
        Ok(order)
    }
}

#[cfg(test)]
mod tests;

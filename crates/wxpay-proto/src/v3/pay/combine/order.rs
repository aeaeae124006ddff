//! What is ordered together, in whatever way it will be paid.

use crate::{
    clock::UnixTime,
    error::{Debt, Error},
    id::{AppId, Invalid, MchId, NotifyUrl, OpenId, OutTradeNo},
    money::Fen,
    v3::{
        field,
        party::Party,
        pay::{
            IdentityKind,
            jsapi::{Identity, IdentityBody},
            order::LimitPay,
        },
        seal::{Pen, Sensitive},
    },
    wire::time,
};
use alloc::{
    collections::BTreeSet,
    string::{String, ToString as _},
    vec::Vec,
};
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
    notify_url: NotifyUrl,
    openid: Option<OpenId>,
    sub_openid: Option<OpenId>,
    identity: Option<Identity>,
    payer_client_ip: Option<IpAddr>,
    device_id: Option<String>,
    time_start: Option<UnixTime>,
    time_expire: Option<UnixTime>,
    limit_pay: Vec<LimitPay>,
    trade_scenario: Option<String>,
    subsidy_detail: Vec<Subsidy>,
}

/// One of the orders. `Debug` shows its number and price; texts may name people.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubOrder {
    /// Whose it is: the merchant, or the partner whose sub-merchant it is.
    pub mchid: MchId,
    /// The sub-merchant.
    pub sub_mchid: Option<MchId>,
    /// The sub-merchant's app.
    pub sub_appid: Option<AppId>,
    /// The merchant's number: 6 to 32 of `0-9 A-Z a-z _ - *`.
    pub out_trade_no: OutTradeNo,
    /// The price.
    pub total_amount: Fen,
    /// What the payer reads: at most 127 characters.
    pub description: String,
    /// A text of the merchant's own that comes back in queries and notices: at most 128 characters.
    pub attach: String,
    /// What is bought: at most 6000 characters, for coupons on single goods.
    pub detail: Option<String>,
    /// Marks it for coupons: at most 32 characters.
    pub goods_tag: Option<String>,
    /// Freezes what is paid, so that it can be shared.
    pub profit_sharing: Option<bool>,
    /// How much the platform adds to what the sub-merchant gets.
    pub subsidy_amount: Option<Fen>,
    /// The person whose trade it is, in trades between people.
    pub individual: Option<Individual>,
}

/// A person whose trade it is. `Debug` does not show the name.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Individual {
    /// The number of the person's authorization.
    pub auth_id: String,
    /// The person's name, as the payer shall read it.
    pub name: Option<String>,
}

impl Individual {
    /// A person by the number of the authorization.
    #[must_use]
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
    /// An order of a merchant's.
    #[must_use]
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

    /// For a sub-merchant. Without it, for the merchant itself.
    #[must_use]
    pub fn party(self, party: &Party) -> Self {
        Self { sub_mchid: party.sub_mchid().cloned(), sub_appid: party.sub_appid().cloned(), ..self }
    }

    fn check(&self) -> Result<(), Invalid> {
        field::out_trade_no(&self.out_trade_no, "out_trade_no")?;
        field::amount(self.total_amount, "total_amount")?;
        field::description(&self.description)?;
        field::attach(&self.attach)?;
        self.goods_tag.as_deref().map(field::goods_tag).transpose()?;
        let rule = Invalid::new("detail", "must be 1 to 6000 characters");
        field::text_if(self.detail.as_deref(), 6000, rule)?;
        if let Some(Individual { auth_id, name }) = &self.individual {
            let rule = Invalid::new("individual_auth_id", "must be 1 to 64 characters");
            field::text(auth_id, 64, rule)?;
            let rule = Invalid::new("individual_name", "must be 1 to 64 characters");
            field::text_if(name.as_deref(), 64, rule)?;
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

/// What the merchant pays of the interest, if the payer pays by instalments.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Subsidy {
    /// How interest is counted.
    pub subsidy_period_type: SubsidyPeriod,
    /// By numbers of instalments.
    pub subsidy_plan: Vec<SubsidyPlan>,
}

/// How interest is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum SubsidyPeriod {
    /// By days.
    Daily,
    /// By instalments.
    Period,
}

/// How much the merchant pays of the interest, with so many instalments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct SubsidyPlan {
    /// How many instalments: 3, 6 or 12.
    pub subsidy_installment_num: u32,
    /// How much of the interest: 0 or 100 percent.
    pub subsidy_percent: u32,
}

impl Subsidy {
    /// By this count of interest, these plans.
    #[must_use]
    pub fn new(subsidy_period_type: SubsidyPeriod, subsidy_plan: Vec<SubsidyPlan>) -> Self {
        Self { subsidy_period_type, subsidy_plan }
    }
}

impl SubsidyPlan {
    /// With so many instalments, so much of the interest.
    #[must_use]
    pub fn new(subsidy_installment_num: u32, subsidy_percent: u32) -> Self {
        Self { subsidy_installment_num, subsidy_percent }
    }
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

/// The fields of the orders that every way of paying has, as the wire has them. `S` is what one way says of the scene.
#[derive(serde::Serialize)]
pub(super) struct Body<'a, S> {
    combine_appid: &'a AppId,
    combine_mchid: MchId,
    combine_out_trade_no: &'a OutTradeNo,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene_info: Option<S>,
    sub_orders: Vec<SubOrderBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    combine_payer_info: Option<PayerInfo<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_expire: Option<String>,
    notify_url: &'a NotifyUrl,
    #[serde(skip_serializing_if = "Option::is_none")]
    trade_scenario: Option<&'a str>,
    #[serde(skip_serializing_if = "<[LimitPay]>::is_empty")]
    limit_pay: &'a [LimitPay],
    #[serde(skip_serializing_if = "Option::is_none")]
    subsidy_info: Option<SubsidyInfo<'a>>,
}

#[derive(serde::Serialize)]
struct SubOrderBody<'a> {
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

#[derive(serde::Serialize)]
struct PayerInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    openid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_openid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<IdentityBody>,
}

#[derive(serde::Serialize)]
struct SubsidyInfo<'a> {
    subsidy_detail: &'a [Subsidy],
}

/// `scene_info`, as most ways of paying have it.
#[derive(serde::Serialize)]
pub(super) struct SceneInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    payer_client_ip: String,
}

impl Order {
    /// The orders' body. `order_service_type` is what one way of paying says of each order.
    pub(super) fn body<'a, S>(
        &'a self,
        pen: &mut Pen<'_, '_>,
        scene_info: Option<S>,
        order_service_type: Option<&'static str>,
    ) -> Result<Body<'a, S>, Error> {
        Ok(Body {
            combine_appid: &self.combine_appid,
            combine_mchid: pen.me().mchid().clone(),
            combine_out_trade_no: &self.combine_out_trade_no,
            scene_info,
            sub_orders: self.sub_orders.iter().map(|order| order.body(order_service_type)).collect(),
            combine_payer_info: self.payer_info(pen)?,
            time_start: self.time_start.map(time::rfc3339),
            time_expire: self.time_expire.map(time::rfc3339),
            notify_url: &self.notify_url,
            trade_scenario: self.trade_scenario.as_deref(),
            limit_pay: &self.limit_pay,
            subsidy_info: (!self.subsidy_detail.is_empty())
                .then_some(SubsidyInfo { subsidy_detail: &self.subsidy_detail }),
        })
    }

    fn payer_info(&self, pen: &mut Pen<'_, '_>) -> Result<Option<PayerInfo<'_>>, Error> {
        let identity = self.identity.as_ref().map(|identity| identity.body(pen)).transpose()?;
        let (openid, sub_openid) = (self.openid.as_ref(), self.sub_openid.as_ref());
        let told = openid.is_some() || sub_openid.is_some() || identity.is_some();
        let (openid, sub_openid) = (openid.map(OpenId::as_str), sub_openid.map(OpenId::as_str));
        Ok(told.then_some(PayerInfo { openid, sub_openid, identity }))
    }

    pub(super) fn scene_info(&self) -> Option<SceneInfo<'_>> {
        let device_id = self.device_id.as_deref();
        self.payer_client_ip.map(|address| SceneInfo { device_id, payer_client_ip: address.to_string() })
    }
}

impl SubOrder {
    fn body(&self, order_service_type: Option<&'static str>) -> SubOrderBody<'_> {
        let (profit_sharing, subsidy_amount) = (self.profit_sharing, self.subsidy_amount);
        let is_settled = profit_sharing.is_some() || subsidy_amount.is_some();
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
            settle_info: is_settled.then_some(SettleInfo { profit_sharing, subsidy_amount }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn sub_order(number: &str) -> SubOrder {
        let mchid = "1900000109".parse().unwrap();
        SubOrder::new(mchid, number.parse().unwrap(), Fen::new(10), "大米", "深圳分店")
    }

    fn order(sub_orders: Vec<SubOrder>) -> Builder {
        let appid = "wxd678efh567hg6787".parse().unwrap();
        let url = "https://shop.example/combined".parse().unwrap();
        Order::builder(appid, "P20150806".parse().unwrap(), url, sub_orders)
    }

    #[test]
    fn what_breaks_a_rule_is_refused_by_field_and_rule() {
        let short = Order::builder(
            "wxd678efh567hg6787".parse().unwrap(),
            "P2015".parse().unwrap(),
            "https://shop.example/combined".parse().unwrap(),
            vec![sub_order("20150806")],
        );
        let with = |change: fn(&mut SubOrder)| {
            let mut sub_order = sub_order("20150806");
            change(&mut sub_order);
            order(vec![sub_order])
        };
        for (builder, error) in [
            (short, "combine_out_trade_no must be 6 to 32 of 0-9 A-Z a-z _ - *"),
            (order(vec![]), "sub_orders must be 1 to 50"),
            (order(vec![sub_order("20150806"); 51]), "sub_orders must be 1 to 50"),
            (order(vec![sub_order("20150806"); 2]), "out_trade_no must be of one order only"),
            (order(vec![sub_order("2015")]), "out_trade_no must be 6 to 32 of 0-9 A-Z a-z _ - *"),
            (with(|order| order.total_amount = Fen::ZERO), "total_amount must be 1 to 2147483647 fen"),
            (
                with(|order| order.attach = String::new()),
                "attach must be 1 to 128 characters, none beyond the basic plane",
            ),
            (
                with(|order| order.description = "米".repeat(128)),
                "description must be 1 to 127 characters, none beyond the basic plane",
            ),
            (with(|order| order.detail = Some(String::new())), "detail must be 1 to 6000 characters"),
            (
                with(|order| order.individual = Some(Individual::new(""))),
                "individual_auth_id must be 1 to 64 characters",
            ),
            (
                order(vec![sub_order("20150806")]).device_id("POS1"),
                "payer_client_ip must be told with device_id",
            ),
        ] {
            assert_eq!(builder.build().unwrap_err().to_string(), error);
        }
        let dear = |number| SubOrder { total_amount: Fen::new(2_147_483_647), ..sub_order(number) };
        let error = order(vec![dear("20150806"), dear("20150807")]).build().unwrap_err();
        assert_eq!(error.field(), "the sum of total_amount");
    }

    #[test]
    fn texts_are_not_printed() {
        let mut named = sub_order("20150806");
        named.individual = Some(Individual { name: Some("张三".into()), ..Individual::new("1") });
        let order = order(vec![named]);
        let printed =
            alloc::format!("{order:?} {:?} {:?}", order.0.sub_orders, order.0.sub_orders[0].individual);
        assert!(
            !printed.contains("大米") && !printed.contains("分店") && !printed.contains("张三"),
            "{printed}"
        );
    }
}

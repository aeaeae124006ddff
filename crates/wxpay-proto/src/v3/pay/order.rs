//! What is ordered, in whatever way it will be paid.

use crate::{
    clock::UnixTime,
    error::Debt,
    id::{AppId, Invalid, NotifyUrl, OutTradeNo},
    money::Fen,
    v3::{
        field,
        merchant::Merchant,
        party::{Ordering, Party},
    },
    wire::time,
};
use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};
use core::{fmt, net::IpAddr};

/// An order. What every way of paying needs is asked for by [`builder`](Self::builder), the rest may be added.
///
/// `Debug` shows its number and price; texts may name people.
#[derive(Clone, PartialEq, Eq)]
pub struct Order {
    appid: AppId,
    party: Party,
    out_trade_no: OutTradeNo,
    description: String,
    total: Fen,
    notify_url: NotifyUrl,
    time_expire: Option<UnixTime>,
    attach: Option<String>,
    goods_tag: Option<String>,
    limit_pay: Vec<LimitPay>,
    support_fapiao: Option<bool>,
    detail: Option<Detail>,
    scene: Scene,
    profit_sharing: Option<bool>,
}

/// How an order may not be paid, or may be paid alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LimitPay {
    /// Not from the balance.
    NoBalance,
    /// Not by credit card.
    NoCredit,
    /// Not by debit card.
    NoDebit,
    /// From the balance alone.
    BalanceOnly,
}

/// What is bought, for coupons on single goods.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Detail {
    /// The price before any discount of the merchant's own, in fen: lets a coupon apply once per purchase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_price: Option<Fen>,
    /// The merchant's receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<String>,
    /// The goods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goods_detail: Vec<Goods>,
}

impl Detail {
    /// These goods.
    #[must_use]
    pub fn of(goods_detail: Vec<Goods>) -> Self {
        Self { goods_detail, ..Self::default() }
    }
}

/// One kind of goods.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Goods {
    /// The merchant's own number: 1 to 32 letters, digits, `-`, `_`.
    pub merchant_goods_id: String,
    /// WeChat Pay's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechatpay_goods_id: Option<String>,
    /// A name: at most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goods_name: Option<String>,
    /// How many.
    pub quantity: u32,
    /// The price of one, in fen.
    pub unit_price: Fen,
}

impl Goods {
    /// So many of one kind, at a price each.
    #[must_use]
    pub fn new(merchant_goods_id: impl Into<String>, quantity: u32, unit_price: Fen) -> Self {
        let merchant_goods_id = merchant_goods_id.into();
        Self { merchant_goods_id, wechatpay_goods_id: None, goods_name: None, quantity, unit_price }
    }
}

/// Where it is bought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Scene {
    payer_client_ip: Option<IpAddr>,
    device_id: Option<String>,
    store: Option<Store>,
}

/// A shop.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Store {
    /// The merchant's own number of it: at most 32 characters.
    pub id: String,
    /// Its name: at most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The area's code: at most 32 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area_code: Option<String>,
    /// Its address: at most 512 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Store {
    /// A shop by its number.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), name: None, area_code: None, address: None }
    }
}

/// What may be told of an order beyond what must be; see [`Order::builder`].
#[derive(Debug)]
pub struct Builder {
    order: Order,
    description: String,
    attach: Option<String>,
    goods_tag: Option<String>,
    device_id: Option<String>,
}

impl Order {
    /// Begins with what must be told: the app, the merchant's number (6 to 32 of `0-9 A-Z a-z _ - *`), the price,
    /// what the payer reads (at most 127 characters), and where WeChat Pay sends its notice.
    pub fn builder(
        appid: AppId,
        out_trade_no: OutTradeNo,
        total: Fen,
        description: impl Into<String>,
        notify_url: NotifyUrl,
    ) -> Builder {
        let order = Self {
            appid,
            party: Party::Own,
            out_trade_no,
            description: String::new(),
            total,
            notify_url,
            time_expire: None,
            attach: None,
            goods_tag: None,
            limit_pay: Vec::new(),
            support_fapiao: None,
            detail: None,
            scene: Scene::default(),
            profit_sharing: None,
        };
        let description = description.into();
        Builder { order, description, attach: None, goods_tag: None, device_id: None }
    }

    /// The app.
    #[must_use]
    pub fn appid(&self) -> &AppId {
        &self.appid
    }

    /// For whom.
    #[must_use]
    pub fn party(&self) -> &Party {
        &self.party
    }

    /// The merchant's number.
    #[must_use]
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// The price.
    #[must_use]
    pub fn total(&self) -> Fen {
        self.total
    }

    /// What is owed if it is not known what became of it.
    pub(in crate::v3) fn debt(&self) -> Debt {
        let sub_mchid = self.party.sub_mchid().cloned();
        Debt::Order { out_trade_no: self.out_trade_no.clone(), sub_mchid }
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("out_trade_no", &self.out_trade_no)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// For a sub-merchant. Without it, for the merchant itself.
    #[must_use]
    pub fn party(mut self, party: Party) -> Self {
        self.order.party = party;
        self
    }

    /// Until when it can be paid. Two hours after the order at the latest, for the `prepay_id` ends then.
    #[must_use]
    pub fn time_expire(mut self, time_expire: UnixTime) -> Self {
        self.order.time_expire = Some(time_expire);
        self
    }

    /// A text of the merchant's own that comes back in queries and notices: at most 128 characters.
    #[must_use]
    pub fn attach(mut self, attach: impl Into<String>) -> Self {
        self.attach = Some(attach.into());
        self
    }

    /// Marks it for coupons: at most 32 characters.
    #[must_use]
    pub fn goods_tag(mut self, goods_tag: impl Into<String>) -> Self {
        self.goods_tag = Some(goods_tag.into());
        self
    }

    /// How it may not be paid.
    #[must_use]
    pub fn limit_pay(mut self, limit_pay: Vec<LimitPay>) -> Self {
        self.order.limit_pay = limit_pay;
        self
    }

    /// Whether the payer may ask for an electronic receipt.
    #[must_use]
    pub fn support_fapiao(mut self, support_fapiao: bool) -> Self {
        self.order.support_fapiao = Some(support_fapiao);
        self
    }

    /// What is bought.
    #[must_use]
    pub fn detail(mut self, detail: Detail) -> Self {
        self.order.detail = Some(detail);
        self
    }

    /// The address of the payer's device. H5 needs it.
    #[must_use]
    pub fn payer_client_ip(mut self, address: IpAddr) -> Self {
        self.order.scene.payer_client_ip = Some(address);
        self
    }

    /// The merchant's device, such as a till: at most 32 characters.
    #[must_use]
    pub fn device_id(mut self, device_id: impl Into<String>) -> Self {
        self.device_id = Some(device_id.into());
        self
    }

    /// The shop.
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.order.scene.store = Some(store);
        self
    }

    /// Freezes what is paid, so that it can be shared.
    #[must_use]
    pub fn profit_sharing(mut self, profit_sharing: bool) -> Self {
        self.order.profit_sharing = Some(profit_sharing);
        self
    }

    /// The order.
    ///
    /// # Errors
    ///
    /// When a field breaks its rule; it is named.
    pub fn build(self) -> Result<Order, Invalid> {
        let Self { mut order, description, attach, goods_tag, device_id } = self;
        field::out_trade_no(&order.out_trade_no, "out_trade_no")?;
        field::amount(order.total, "total")?;
        order.description = field::description(&description)?;
        order.attach = attach.as_deref().map(field::attach).transpose()?;
        order.goods_tag = goods_tag.as_deref().map(field::goods_tag).transpose()?;
        order.scene.device_id = device_id.as_deref().map(field::device_id).transpose()?;
        if let Some(detail) = &order.detail {
            detail.check()?;
        }
        if let Some(store) = &order.scene.store {
            store.check()?;
        }
        Ok(order)
    }
}

impl Detail {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        self.goods_detail.iter().try_for_each(Goods::check)
    }
}

impl Goods {
    fn check(&self) -> Result<(), Invalid> {
        field::goods_id(&self.merchant_goods_id)?;
        if self.quantity == 0 {
            return Err(Invalid::new("quantity", "must be at least 1"));
        }
        if let Some(name) = &self.goods_name {
            field::text(name, 256, Invalid::new("goods_name", "must be 1 to 256 characters"))?;
        }
        Ok(())
    }
}

impl Store {
    fn check(&self) -> Result<(), Invalid> {
        field::text(&self.id, 32, Invalid::new("store_info.id", "must be 1 to 32 characters"))?;
        for (value, most, rule) in [
            (&self.name, 256, Invalid::new("store_info.name", "must be 1 to 256 characters")),
            (&self.area_code, 32, Invalid::new("store_info.area_code", "must be 1 to 32 characters")),
            (&self.address, 512, Invalid::new("store_info.address", "must be 1 to 512 characters")),
        ] {
            if let Some(value) = value {
                field::text(value, most, rule)?;
            }
        }
        Ok(())
    }
}

/// The fields of an order that every way of paying has, as the wire has them; `E` are those that one way adds.
#[derive(serde::Serialize)]
pub(super) struct Body<'a, P, S> {
    #[serde(flatten)]
    who: Ordering<'a>,
    description: &'a str,
    out_trade_no: &'a OutTradeNo,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_expire: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attach: Option<&'a str>,
    notify_url: &'a NotifyUrl,
    #[serde(skip_serializing_if = "Option::is_none")]
    goods_tag: Option<&'a str>,
    #[serde(skip_serializing_if = "<[LimitPay]>::is_empty")]
    limit_pay: &'a [LimitPay],
    #[serde(skip_serializing_if = "Option::is_none")]
    support_fapiao: Option<bool>,
    amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer: Option<P>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a Detail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene_info: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settle_info: Option<SettleInfo>,
}

#[derive(serde::Serialize)]
struct Amount {
    total: Fen,
    currency: &'static str,
}

#[derive(serde::Serialize)]
struct SettleInfo {
    profit_sharing: bool,
}

/// `scene_info`, as the wire has it.
#[derive(serde::Serialize)]
pub(super) struct SceneInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    payer_client_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store_info: Option<&'a Store>,
}

impl Order {
    /// The order's body for a merchant. `payer` and `scene_info` are what the way of paying has.
    pub(super) fn body<'a, P, S>(
        &'a self,
        me: &'a Merchant,
        payer: Option<P>,
        scene_info: Option<S>,
    ) -> Body<'a, P, S> {
        Body {
            who: Ordering::of(me, &self.appid, &self.party),
            description: &self.description,
            out_trade_no: &self.out_trade_no,
            time_expire: self.time_expire.map(time::rfc3339),
            attach: self.attach.as_deref(),
            notify_url: &self.notify_url,
            goods_tag: self.goods_tag.as_deref(),
            limit_pay: &self.limit_pay,
            support_fapiao: self.support_fapiao,
            amount: Amount { total: self.total, currency: "CNY" },
            payer,
            detail: self.detail.as_ref(),
            scene_info,
            settle_info: self.profit_sharing.map(|profit_sharing| SettleInfo { profit_sharing }),
        }
    }

    pub(super) fn scene_info(&self) -> Option<SceneInfo<'_>> {
        let Scene { payer_client_ip, device_id, store } = &self.scene;
        (self.scene != Scene::default()).then(|| SceneInfo {
            payer_client_ip: payer_client_ip.map(|address| address.to_string()),
            device_id: device_id.as_deref(),
            store_info: store.as_ref(),
        })
    }

    pub(super) fn has_payer_client_ip(&self) -> bool {
        self.scene.payer_client_ip.is_some()
    }

    pub(super) fn has_store(&self) -> bool {
        self.scene.store.is_some()
    }

    /// Whether more is told of the store than its number.
    pub(super) fn describes_store(&self) -> bool {
        self.scene
            .store
            .as_ref()
            .is_some_and(|store| store.name.is_some() || store.area_code.is_some() || store.address.is_some())
    }

    pub(super) fn limits_pay(&self) -> bool {
        !self.limit_pay.is_empty()
    }
}

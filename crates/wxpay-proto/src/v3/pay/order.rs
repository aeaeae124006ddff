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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::{
        endpoint::Endpoint,
        pay::{App, H5, H5Info, Jsapi, Native, Payer},
        seal::Sensitive,
        toy,
    };
    use alloc::format;

    fn builder() -> Builder {
        let (appid, number) = ("wxd678efh567hg6787".parse().unwrap(), "1217752501-1".parse().unwrap());
        let notify_url = "https://shop.example/notify".parse().unwrap();
        Order::builder(appid, number, Fen::new(100), "Image形象店", notify_url)
    }

    fn full() -> Builder {
        let mut goods = Goods::new("1246464644", 1, Fen::new(52_8800));
        goods.wechatpay_goods_id = Some("1001".into());
        goods.goods_name = Some("iPhoneX 256G".into());
        let mut detail = Detail::of(Vec::from([goods]));
        detail.cost_price = Some(Fen::new(60_8800));
        detail.invoice_id = Some("微信123".into());
        let mut store = Store::new("0001");
        store.name = Some("腾讯大厦分店".into());
        store.area_code = Some("440305".into());
        store.address = Some("深南大道10000号".into());
        builder()
            .time_expire(UnixTime::from_secs(1_528_425_296))
            .attach("自定义数据")
            .goods_tag("WXG")
            .limit_pay(Vec::from([LimitPay::NoCredit]))
            .support_fapiao(true)
            .detail(detail)
            .payer_client_ip([14, 23, 150, 211].into())
            .device_id("013467007045764")
            .store(store)
            .profit_sharing(false)
    }

    fn written(endpoint: &dyn Endpoint<Output = String>) -> (String, serde_json::Value) {
        let (target, body) = toy::written(endpoint);
        (target, serde_json::from_str(&body).unwrap())
    }

    #[test]
    fn the_least_order_says_what_must_be_said_and_no_more() {
        let (target, body) = toy::written(&Native::new(builder().build().unwrap()));
        assert_eq!(target, "POST /v3/pay/transactions/native");
        let least = r#"{"appid":"wxd678efh567hg6787","mchid":"1900007291","description":"Image形象店","out_trade_no":"1217752501-1","notify_url":"https://shop.example/notify","amount":{"total":100,"currency":"CNY"}}"#;
        assert_eq!(body, least);
    }

    #[test]
    fn a_full_order_has_every_field_in_its_place() {
        let (target, body) = written(&H5::new(full().build().unwrap(), H5Info::wap()).unwrap());
        assert_eq!(target, "POST /v3/pay/transactions/h5");
        let expected = serde_json::json!({
            "appid": "wxd678efh567hg6787", "mchid": "1900007291", "description": "Image形象店",
            "out_trade_no": "1217752501-1", "time_expire": "2018-06-08T10:34:56+08:00", "attach": "自定义数据",
            "notify_url": "https://shop.example/notify", "goods_tag": "WXG", "limit_pay": ["no_credit"],
            "support_fapiao": true, "amount": { "total": 100, "currency": "CNY" },
            "detail": { "cost_price": 608_800, "invoice_id": "微信123", "goods_detail": [{
                "merchant_goods_id": "1246464644", "wechatpay_goods_id": "1001", "goods_name": "iPhoneX 256G",
                "quantity": 1, "unit_price": 528_800,
            }] },
            "scene_info": {
                "payer_client_ip": "14.23.150.211", "device_id": "013467007045764",
                "store_info": {
                    "id": "0001", "name": "腾讯大厦分店", "area_code": "440305", "address": "深南大道10000号",
                },
                "h5_info": { "type": "Wap" },
            },
            "settle_info": { "profit_sharing": false },
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_partner_orders_for_its_sub_merchant_and_owes_in_its_name() {
        let sub_mchid: crate::id::MchId = "1900000109".parse().unwrap();
        let sub_appid = "wxd678efh567hg6999".parse().unwrap();
        let party = Party::Partner { sub_mchid: sub_mchid.clone(), sub_appid: Some(sub_appid) };
        let order = builder().party(party).build().unwrap();
        let payer = Payer::under_sub_appid("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".parse().unwrap());
        let jsapi = Jsapi::new(order.clone(), payer.clone()).unwrap();
        let (target, body) = toy::written(&jsapi);
        assert_eq!(target, "POST /v3/pay/partner/transactions/jsapi");
        for part in [
            r#""sp_appid":"wxd678efh567hg6787","sp_mchid":"1900007291""#,
            r#""sub_appid":"wxd678efh567hg6999","sub_mchid":"1900000109""#,
            r#""payer":{"sub_openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}"#,
        ] {
            assert!(body.contains(part), "{body}");
        }
        let owed =
            Debt::Order { out_trade_no: "1217752501-1".parse().unwrap(), sub_mchid: Some(sub_mchid.clone()) };
        let reply = r#"{"prepay_id":"wx201410272009395522657a690389285100"}"#;
        let params = toy::read(&jsapi, reply).unwrap();
        assert_eq!(params.app_id.as_str(), "wxd678efh567hg6999", "the payer's app signs");
        let mini_program = Jsapi::mini_program(order.clone(), payer).unwrap();
        let native = Native::new(order.clone());
        for debt in [jsapi.debt(), mini_program.debt(), native.debt(), App::new(order.clone()).debt()] {
            assert_eq!(debt.as_ref(), Some(&owed));
        }
        let (target, _) = toy::written(&mini_program);
        assert_eq!(target, "POST /v3/pay/partner/transactions/miniprogram");
        let params = toy::read(&App::new(order), reply).unwrap();
        assert_eq!((params.appid.as_str(), params.partnerid), ("wxd678efh567hg6999", sub_mchid));
    }

    #[test]
    fn who_the_payer_must_be_is_sealed_and_not_printed() {
        let sensitive = |text: &str| Sensitive::new(text.into()).unwrap();
        let payer = Payer::new("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".parse().unwrap()).with_identity(
            crate::v3::pay::IdentityKind::Idcard,
            sensitive("planted-number"),
            sensitive("planted-name"),
        );
        let jsapi = Jsapi::new(full().build().unwrap(), payer).unwrap();
        let (_, body) = toy::written(&jsapi);
        assert!(body.contains(r#""identity":{"type":"IDCARD","number":""#), "{body}");
        assert!(body.contains(&toy::sealed("planted-name")));
        assert!(!body.contains("planted"));
        let shown = format!("{jsapi:?} {:?}", full());
        assert!(!shown.contains("planted") && !shown.contains("oUpF8uMuAJO"), "{shown}");
    }

    #[test]
    fn the_parameters_for_the_payers_side_are_those_that_are_signed() {
        let reply = r#"{"prepay_id":"wx201410272009395522657a690389285100"}"#;
        let order = builder().build().unwrap();
        let payer = Payer::new("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".parse().unwrap());
        let page = toy::read(&Jsapi::new(order.clone(), payer).unwrap(), reply).unwrap();
        let shown = serde_json::to_value(&page).unwrap();
        assert_eq!(shown["package"], "prepay_id=wx201410272009395522657a690389285100");
        assert_eq!((&shown["signType"], &shown["appId"]), (&"RSA".into(), &"wxd678efh567hg6787".into()));
        assert_eq!(shown["timeStamp"], toy::NOW.as_secs().to_string());
        let app = serde_json::to_value(toy::read(&App::new(order), reply).unwrap()).unwrap();
        assert_eq!(app["package"], "Sign=WXPay");
        assert_eq!(app["prepayid"], "wx201410272009395522657a690389285100");
        assert_eq!(app["partnerid"], "1900007291");
    }

    #[test]
    fn what_breaks_a_rule_is_refused_by_its_field() {
        let field = |builder: Builder| builder.build().unwrap_err().field();
        assert_eq!(field(builder().attach("")), "attach");
        assert_eq!(field(builder().attach("😀")), "attach");
        assert_eq!(field(builder().goods_tag("x".repeat(33))), "goods_tag");
        assert_eq!(field(builder().device_id("x".repeat(33))), "device_id");
        assert_eq!(field(builder().store(Store::new(""))), "store_info.id");
        let goods = |id: &str, quantity| Detail::of(Vec::from([Goods::new(id, quantity, Fen::new(1))]));
        assert_eq!(field(builder().detail(goods("货", 1))), "merchant_goods_id");
        assert_eq!(field(builder().detail(goods("1", 0))), "quantity");
        let other = |number: &str, total, description: &str| {
            let number = number.parse().unwrap();
            let notify_url = "https://shop.example/n".parse().unwrap();
            Order::builder(
                "wxd678efh567hg6787".parse().unwrap(),
                number,
                Fen::new(total),
                description,
                notify_url,
            )
        };
        assert_eq!(field(other("12345", 1, "x")), "out_trade_no");
        assert_eq!(field(other("12345|", 1, "x")), "out_trade_no");
        assert_eq!(field(other("123456", 0, "x")), "total");
        assert_eq!(field(other("123456", 2_147_483_648, "x")), "total");
        assert_eq!(field(other("123456", 1, &"x".repeat(128))), "description");
        let order = || builder().build().unwrap();
        assert_eq!(H5::new(order(), H5Info::ios()).unwrap_err().field(), "payer_client_ip");
        let payer = Payer::under_sub_appid("oUpF8uMuAJO".parse().unwrap());
        assert_eq!(Jsapi::new(order(), payer).unwrap_err().field(), "sub_openid");
    }
}

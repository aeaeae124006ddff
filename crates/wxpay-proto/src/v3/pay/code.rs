//! Code pay: the merchant scans the payer's code.
//!
//! `POST /v3/pay/transactions/codepay`, `POST /v3/pay/partner/transactions/codepay`.

use super::{
    order::{Detail, Goods},
    transaction::{TradeState, Transaction},
};
use crate::{
    error::{Debt, Error},
    id::{AppId, Invalid, OutTradeNo},
    money::Fen,
    refusal::{Code, Refusal},
    secret::Secret,
    v3::{
        endpoint::{Draft, Endpoint, Repeat},
        field,
        merchant::Merchant,
        party::{Ordering, Party},
        seal::Pen,
        verify::{Verified, malformed},
    },
    world::World,
};
use alloc::{
    boxed::Box,
    string::{String, ToString as _},
    sync::Arc,
    vec::Vec,
};
use core::{fmt, net::IpAddr, str::FromStr};

/// Charges a payer's code, once. The answer may be that the payer is typing a password: the charge is not over then.
/// [`charge_code`](crate::v3::Merchant::charge_code) stays with it until it is.
///
/// It is not repeated when its answer is lost: the code is good for one charge, and what a second one would say tells
/// nothing of the first. Ask after the order.
///
/// `Debug` shows its number and price; texts may name people, and the code is money.
#[derive(Clone)]
pub struct CodePay {
    appid: AppId,
    party: Party,
    out_trade_no: OutTradeNo,
    total: Fen,
    description: String,
    auth_code: AuthCode,
    shop: Shop,
    attach: Option<String>,
    goods_tag: Option<String>,
    support_fapiao: Option<bool>,
    device_id: Option<String>,
    device_ip: Option<IpAddr>,
    detail: Option<Detail>,
    profit_sharing: Option<bool>,
}

/// What the payer's code says: 18 digits, by the document. Opaque here: 1 to 128 visible ASCII characters. Whoever has it
/// can charge the payer for a minute, so it is never printed, and wiped when dropped; copies share one.
#[derive(Clone)]
pub struct AuthCode(Arc<Secret<String>>);

/// # Errors
///
/// When the text breaks the type's rule.
impl FromStr for AuthCode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let good = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if good {
            Ok(Self(Arc::new(Secret::new(text.into()))))
        } else {
            Err(Invalid::new("auth_code", "must be 1 to 128 visible ASCII characters"))
        }
    }
}

impl AuthCode {
    /// Lets it out.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for AuthCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[auth_code]")
    }
}

/// The shop in which a payer is charged, by one of its numbers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "a shop has two numbers")]
pub enum Shop {
    /// WeChat Pay's number of it: at most 32 characters.
    Id(String),
    /// The merchant's own number of it: at most 256 characters.
    OutId(String),
}

impl Shop {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let (text, most, rule) = match self {
            Self::Id(id) => (id, 32, Invalid::new("store_info.id", "must be 1 to 32 characters")),
            Self::OutId(id) => (id, 256, Invalid::new("store_info.out_id", "must be 1 to 256 characters")),
        };
        field::text(text, most, rule).map(|_| ())
    }
}

/// What may be told of a charge beyond what must be; see [`CodePay::builder`].
#[derive(Debug)]
pub struct Builder(CodePay);

impl CodePay {
    /// Begins with what must be told: the app, the merchant's number (6 to 32 of `0-9 A-Z a-z _ - *`), the price, what
    /// the payer reads (at most 127 characters), the payer's code, and the shop.
    pub fn builder(
        appid: AppId,
        out_trade_no: OutTradeNo,
        total: Fen,
        description: impl Into<String>,
        auth_code: AuthCode,
        shop: Shop,
    ) -> Builder {
        Builder(Self {
            appid,
            party: Party::Own,
            out_trade_no,
            total,
            description: description.into(),
            auth_code,
            shop,
            attach: None,
            goods_tag: None,
            support_fapiao: None,
            device_id: None,
            device_ip: None,
            detail: None,
            profit_sharing: None,
        })
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

    pub(super) fn order(&self) -> Debt {
        let sub_mchid = self.party.sub_mchid().cloned();
        Debt::Order { out_trade_no: self.out_trade_no.clone(), sub_mchid }
    }
}

impl fmt::Debug for CodePay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodePay")
            .field("out_trade_no", &self.out_trade_no)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// For a sub-merchant. Without it, for the merchant itself.
    #[must_use]
    pub fn party(mut self, party: Party) -> Self {
        self.0.party = party;
        self
    }

    /// A text of the merchant's own that comes back in answers: at most 128 characters.
    #[must_use]
    pub fn attach(mut self, attach: impl Into<String>) -> Self {
        self.0.attach = Some(attach.into());
        self
    }

    /// Marks it for coupons: at most 32 characters.
    #[must_use]
    pub fn goods_tag(mut self, goods_tag: impl Into<String>) -> Self {
        self.0.goods_tag = Some(goods_tag.into());
        self
    }

    /// Whether the payer may ask for an electronic receipt.
    #[must_use]
    pub fn support_fapiao(mut self, support_fapiao: bool) -> Self {
        self.0.support_fapiao = Some(support_fapiao);
        self
    }

    /// The merchant's device, such as a till: at most 32 characters.
    #[must_use]
    pub fn device_id(mut self, device_id: impl Into<String>) -> Self {
        self.0.device_id = Some(device_id.into());
        self
    }

    /// The device's address.
    #[must_use]
    pub fn device_ip(mut self, device_ip: IpAddr) -> Self {
        self.0.device_ip = Some(device_ip);
        self
    }

    /// What is bought: at least one kind of goods.
    #[must_use]
    pub fn detail(mut self, detail: Detail) -> Self {
        self.0.detail = Some(detail);
        self
    }

    /// Freezes what is paid, so that it can be shared.
    #[must_use]
    pub fn profit_sharing(mut self, profit_sharing: bool) -> Self {
        self.0.profit_sharing = Some(profit_sharing);
        self
    }

    /// The charge.
    ///
    /// # Errors
    ///
    /// When a field breaks its rule; it is named.
    pub fn build(self) -> Result<CodePay, Invalid> {
        let Self(pay) = self;
        field::out_trade_no(&pay.out_trade_no, "out_trade_no")?;
        field::amount(pay.total, "total")?;
        field::description(&pay.description)?;
        pay.shop.check()?;
        pay.attach.as_deref().map(field::attach).transpose()?;
        pay.goods_tag.as_deref().map(field::goods_tag).transpose()?;
        pay.device_id.as_deref().map(field::device_id).transpose()?;
        if let Some(detail) = &pay.detail {
            detail.check()?;
            if detail.goods_detail.is_empty() {
                return Err(Invalid::new("goods_detail", "must be at least one"));
            }
        }
        Ok(pay)
    }
}

/// What was answered to a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "it is over, or it is not")]
pub enum Scanned {
    /// It is over: see where it stands.
    Known(Box<Transaction>),
    /// The payer is typing a password: ask after the order, about every five seconds.
    UserPaying,
}

#[derive(serde::Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    who: Ordering<'a>,
    description: &'a str,
    out_trade_no: &'a OutTradeNo,
    #[serde(skip_serializing_if = "Option::is_none")]
    attach: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goods_tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_fapiao: Option<bool>,
    payer: Payer<'a>,
    amount: Amount,
    scene_info: SceneInfo<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<DetailBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settle_info: Option<SettleInfo>,
}

#[derive(serde::Serialize)]
struct Payer<'a> {
    auth_code: &'a str,
}

#[derive(serde::Serialize)]
struct Amount {
    total: Fen,
    currency: &'static str,
}

#[derive(serde::Serialize)]
struct SceneInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_ip: Option<String>,
    store_info: &'a Shop,
}

#[derive(serde::Serialize)]
struct SettleInfo {
    profit_sharing: bool,
}

#[derive(serde::Serialize)]
struct DetailBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_price: Option<Fen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_id: Option<&'a str>,
    goods_detail: Vec<GoodsBody<'a>>,
}

/// Code pay alone spells WeChat Pay's number of goods like this.
#[derive(serde::Serialize)]
struct GoodsBody<'a> {
    merchant_goods_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wxpay_goods_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goods_name: Option<&'a str>,
    quantity: u32,
    unit_price: Fen,
}

impl<'a> DetailBody<'a> {
    fn of(detail: &'a Detail) -> Self {
        let goods = |goods: &'a Goods| GoodsBody {
            merchant_goods_id: &goods.merchant_goods_id,
            wxpay_goods_id: goods.wechatpay_goods_id.as_deref(),
            goods_name: goods.goods_name.as_deref(),
            quantity: goods.quantity,
            unit_price: goods.unit_price,
        };
        Self {
            cost_price: detail.cost_price,
            invoice_id: detail.invoice_id.as_deref(),
            goods_detail: detail.goods_detail.iter().map(goods).collect(),
        }
    }
}

impl Endpoint for CodePay {
    type Output = Scanned;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let path = self.party.choose("/v3/pay/transactions/codepay", "/v3/pay/partner/transactions/codepay");
        let body = Body {
            who: Ordering::of(pen.me(), &self.appid, &self.party),
            description: &self.description,
            out_trade_no: &self.out_trade_no,
            attach: self.attach.as_deref(),
            goods_tag: self.goods_tag.as_deref(),
            support_fapiao: self.support_fapiao,
            payer: Payer { auth_code: self.auth_code.expose() },
            amount: Amount { total: self.total, currency: "CNY" },
            scene_info: SceneInfo {
                device_id: self.device_id.as_deref(),
                device_ip: self.device_ip.map(|address| address.to_string()),
                store_info: &self.shop,
            },
            detail: self.detail.as_ref().map(DetailBody::of),
            settle_info: self.profit_sharing.map(|profit_sharing| SettleInfo { profit_sharing }),
        };
        Ok(Draft::post("v3.pay.code", path, &body))
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, _: &mut World<'_>) -> Result<Scanned, Error> {
        let transaction = Transaction::read(reply)?;
        let is_ours = transaction.out_trade_no == self.out_trade_no
            && transaction.mchid == *me.mchid()
            && transaction.sub_mchid.as_ref() == self.party.sub_mchid();
        if !is_ours {
            return Err(
                malformed().caused_by(Invalid::new("out_trade_no", "must be of the order that is charged"))
            );
        }
        Ok(if transaction.trade_state == TradeState::UserPaying {
            Scanned::UserPaying
        } else {
            Scanned::Known(Box::new(transaction))
        })
    }

    /// It comes as 202, too.
    fn refused(&self, refusal: &Refusal) -> Option<Scanned> {
        (refusal.code == Code::USERPAYING).then_some(Scanned::UserPaying)
    }

    fn repeat(&self) -> Repeat {
        Repeat::Never
    }

    fn debt(&self) -> Option<Debt> {
        Some(self.order())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{error::ErrorKind, v3::toy};
    use alloc::{format, vec};

    pub(in crate::v3::pay) fn minimal() -> Builder {
        CodePay::builder(
            "wxd678efh567hg6787".parse().unwrap(),
            "1217752501".parse().unwrap(),
            Fen::new(100),
            "大米",
            "130061098828009406".parse().unwrap(),
            Shop::OutId("till-1".into()),
        )
    }

    fn partner() -> Party {
        let (sub_mchid, sub_appid) = ("1900000109".parse().unwrap(), "wxd678efh567hg6999".parse().unwrap());
        Party::Partner { sub_mchid, sub_appid: Some(sub_appid) }
    }

    #[test]
    fn a_code_is_charged_with_what_must_be_told_and_no_more() {
        let (line, body) = toy::written(&minimal().build().unwrap());
        assert_eq!(line, "POST /v3/pay/transactions/codepay");
        assert_eq!(
            body,
            concat!(
                r#"{"appid":"wxd678efh567hg6787","mchid":"1900007291","description":"大米","out_trade_no":"1217752501","#,
                r#""payer":{"auth_code":"130061098828009406"},"amount":{"total":100,"currency":"CNY"},"#,
                r#""scene_info":{"store_info":{"out_id":"till-1"}}}"#,
            )
        );
    }

    #[test]
    fn a_partner_charges_with_all_that_may_be_told() {
        let goods = Goods {
            wechatpay_goods_id: Some("1001".into()),
            goods_name: Some("大米".into()),
            ..Goods::new("rice-1", 2, Fen::new(50))
        };
        let detail = Detail {
            cost_price: Some(Fen::new(120)),
            invoice_id: Some("A1".into()),
            ..Detail::of(vec![goods])
        };
        let mut pay = minimal()
            .party(partner())
            .attach("自定义数据")
            .goods_tag("WXG")
            .support_fapiao(true)
            .device_id("013467007045764")
            .device_ip("14.23.150.211".parse().unwrap())
            .detail(detail)
            .profit_sharing(true)
            .build()
            .unwrap();
        pay.shop = Shop::Id("0001".into());
        let (line, body) = toy::written(&pay);
        assert_eq!(line, "POST /v3/pay/partner/transactions/codepay");
        assert_eq!(
            body,
            concat!(
                r#"{"sp_appid":"wxd678efh567hg6787","sp_mchid":"1900007291","sub_appid":"wxd678efh567hg6999","#,
                r#""sub_mchid":"1900000109","description":"大米","out_trade_no":"1217752501","attach":"自定义数据","#,
                r#""goods_tag":"WXG","support_fapiao":true,"payer":{"auth_code":"130061098828009406"},"#,
                r#""amount":{"total":100,"currency":"CNY"},"scene_info":{"device_id":"013467007045764","#,
                r#""device_ip":"14.23.150.211","store_info":{"id":"0001"}},"detail":{"cost_price":120,"#,
                r#""invoice_id":"A1","goods_detail":[{"merchant_goods_id":"rice-1","wxpay_goods_id":"1001","#,
                r#""goods_name":"大米","quantity":2,"unit_price":50}]},"settle_info":{"profit_sharing":true}}"#,
            )
        );
    }

    #[test]
    fn what_breaks_a_rule_is_refused_by_field_and_rule() {
        for (builder, field) in [
            (minimal().attach(""), "attach"),
            (minimal().goods_tag("x".repeat(33)), "goods_tag"),
            (minimal().device_id("x".repeat(33)), "device_id"),
            (minimal().detail(Detail::default()), "goods_detail"),
            (minimal().detail(Detail::of(vec![Goods::new("", 1, Fen::new(1))])), "merchant_goods_id"),
        ] {
            assert_eq!(builder.build().unwrap_err().field(), field);
        }
        let mut builder = minimal();
        builder.0.shop = Shop::Id(String::new());
        let error = builder.build().unwrap_err();
        assert_eq!(error.to_string(), "store_info.id must be 1 to 32 characters");
        for text in ["", "13006109 8828009406", "付款码", &"1".repeat(129)] {
            assert_eq!(text.parse::<AuthCode>().unwrap_err().field(), "auth_code");
        }
    }

    #[test]
    fn the_code_is_not_printed() {
        let printed = format!("{:?} {:?}", minimal(), minimal().build().unwrap().auth_code);
        assert!(!printed.contains("130061098828009406") && !printed.contains("大米"), "{printed}");
    }

    #[test]
    fn that_the_payer_is_typing_is_an_answer_however_it_comes() {
        let pay = minimal().build().unwrap();
        let transaction = |state: &str| {
            format!(
                r#"{{"appid":"wxd678efh567hg6787","mchid":"1900007291","out_trade_no":"1217752501",
                "trade_state":"{state}","trade_state_desc":"x","amount":{{"total":100}}}}"#
            )
        };
        assert_eq!(toy::read(&pay, &transaction("USERPAYING")).unwrap(), Scanned::UserPaying);
        for code in ["USERPAYING", "USER_PAYING"] {
            let refusal = Refusal::new(202, Code::from(String::from(code)), "");
            assert_eq!(pay.refused(&refusal), Some(Scanned::UserPaying));
        }
        assert_eq!(pay.refused(&Refusal::new(403, Code::NOT_ENOUGH, "")), None);
        let Scanned::Known(transaction) = toy::read(&pay, &transaction("PAYERROR")).unwrap() else {
            panic!("it is over");
        };
        assert_eq!(transaction.trade_state, TradeState::PayError);
    }

    #[test]
    fn an_answer_about_another_order_is_no_answer() {
        let pay = minimal().build().unwrap();
        for (mchid, number) in [("1900007292", "1217752501"), ("1900007291", "1217752502")] {
            let body = format!(
                r#"{{"mchid":"{mchid}","out_trade_no":"{number}","trade_state":"NOTPAY","amount":{{"total":100}}}}"#
            );
            assert_eq!(toy::read(&pay, &body).unwrap_err().kind(), ErrorKind::Malformed);
        }
    }
}

//! Code pay: the merchant scans the payer's code.
//!
//! `POST /v3/pay/transactions/codepay`, `POST /v3/pay/partner/transactions/codepay`.

pub use super::shop::Shop;

use super::{
    goods::DetailBody,
    more::{Amount, More, SettleInfo},
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
    out_trade_no: OutTradeNo,
    total: Fen,
    description: String,
    auth_code: AuthCode,
    shop: Shop,
    device_ip: Option<IpAddr>,
    more: More,
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

/// What may be told of a charge beyond what must be; see [`CodePay::builder`].
pub type Builder = super::Builder<CodePay>;

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
        Builder::new(Self {
            appid,
            out_trade_no,
            total,
            description: description.into(),
            auth_code,
            shop,
            device_ip: None,
            more: More::default(),
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
        &self.more.party
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
        let sub_mchid = self.more.party.sub_mchid().cloned();
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
    /// The device's address.
    #[must_use]
    pub fn device_ip(mut self, device_ip: IpAddr) -> Self {
        self.begun.device_ip = Some(device_ip);
        self
    }

    /// The charge.
    ///
    /// # Errors
    ///
    /// When a field breaks its rule; it is named.
    pub fn build(self) -> Result<CodePay, Invalid> {
        let Self { begun, more } = self;
        let pay = CodePay { more, ..begun };
        field::out_trade_no(&pay.out_trade_no, "out_trade_no")?;
        field::amount(pay.total, "total")?;
        field::description(&pay.description)?;
        pay.shop.check()?;
        pay.more.check()?;
        if pay.more.detail.as_ref().is_some_and(|detail| detail.goods_detail.is_empty()) {
            return Err(Invalid::new("goods_detail", "must be at least one"));
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
struct SceneInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_ip: Option<String>,
    store_info: &'a Shop,
}

impl Endpoint for CodePay {
    type Output = Scanned;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let path =
            self.more.party.choose("/v3/pay/transactions/codepay", "/v3/pay/partner/transactions/codepay");
        let body = Body {
            who: Ordering::of(pen.me(), &self.appid, &self.more.party),
            description: &self.description,
            out_trade_no: &self.out_trade_no,
            attach: self.more.attach.as_deref(),
            goods_tag: self.more.goods_tag.as_deref(),
            support_fapiao: self.more.support_fapiao,
            payer: Payer { auth_code: self.auth_code.expose() },
            amount: Amount::of(self.total),
            scene_info: SceneInfo {
                device_id: self.more.device_id.as_deref(),
                device_ip: self.device_ip.map(|address| address.to_string()),
                store_info: &self.shop,
            },
            detail: self.more.detail.as_ref().map(DetailBody::of),
            settle_info: self.more.settle_info(),
        };
        Ok(Draft::post("v3.pay.code", path, &body))
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, _: &mut World<'_>) -> Result<Scanned, Error> {
        let transaction = Transaction::read(reply)?;
        let is_ours = transaction.out_trade_no == self.out_trade_no
            && transaction.mchid == *me.mchid()
            && transaction.sub_mchid.as_ref() == self.more.party.sub_mchid();
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
pub(super) mod tests;

//! What is ordered, in whatever way it will be paid.

pub use super::{
    goods::{Detail, Goods},
    shop::Store,
};

use super::more::{Amount, More, SettleInfo};
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
    out_trade_no: OutTradeNo,
    description: String,
    total: Fen,
    notify_url: NotifyUrl,
    time_expire: Option<UnixTime>,
    limit_pay: Vec<LimitPay>,
    payer_client_ip: Option<IpAddr>,
    store: Option<Store>,
    more: More,
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

/// What may be told of an order beyond what must be; see [`Order::builder`].
pub type Builder = super::Builder<Order>;

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
        Builder::new(Self {
            appid,
            out_trade_no,
            description: description.into(),
            total,
            notify_url,
            time_expire: None,
            limit_pay: Vec::new(),
            payer_client_ip: None,
            store: None,
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

    /// What is owed if it is not known what became of it.
    pub(in crate::v3) fn debt(&self) -> Debt {
        let sub_mchid = self.more.party.sub_mchid().cloned();
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
    /// Until when it can be paid. Two hours after the order at the latest, for the `prepay_id` ends then.
    #[must_use]
    pub fn time_expire(mut self, time_expire: UnixTime) -> Self {
        self.begun.time_expire = Some(time_expire);
        self
    }

    /// How it may not be paid.
    #[must_use]
    pub fn limit_pay(mut self, limit_pay: Vec<LimitPay>) -> Self {
        self.begun.limit_pay = limit_pay;
        self
    }

    /// The address of the payer's device. H5 needs it.
    #[must_use]
    pub fn payer_client_ip(mut self, address: IpAddr) -> Self {
        self.begun.payer_client_ip = Some(address);
        self
    }

    /// The shop.
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.begun.store = Some(store);
        self
    }

    /// The order.
    ///
    /// # Errors
    ///
    /// When a field breaks its rule; it is named.
    pub fn build(self) -> Result<Order, Invalid> {
        let Self { begun, more } = self;
        let order = Order { more, ..begun };
        field::out_trade_no(&order.out_trade_no, "out_trade_no")?;
        field::amount(order.total, "total")?;
        field::description(&order.description)?;
        order.more.check()?;
        order.store.as_ref().map_or(Ok(()), Store::check)?;
        Ok(order)
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
            who: Ordering::of(me, &self.appid, &self.more.party),
            description: &self.description,
            out_trade_no: &self.out_trade_no,
            time_expire: self.time_expire.map(time::rfc3339),
            attach: self.more.attach.as_deref(),
            notify_url: &self.notify_url,
            goods_tag: self.more.goods_tag.as_deref(),
            limit_pay: &self.limit_pay,
            support_fapiao: self.more.support_fapiao,
            amount: Amount::of(self.total),
            payer,
            detail: self.more.detail.as_ref(),
            scene_info,
            settle_info: self.more.settle_info(),
        }
    }

    pub(super) fn scene_info(&self) -> Option<SceneInfo<'_>> {
        let device_id = self.more.device_id.as_deref();
        let told = self.payer_client_ip.is_some() || device_id.is_some() || self.store.is_some();
        told.then(|| SceneInfo {
            payer_client_ip: self.payer_client_ip.map(|address| address.to_string()),
            device_id,
            store_info: self.store.as_ref(),
        })
    }

    pub(super) fn has_payer_client_ip(&self) -> bool {
        self.payer_client_ip.is_some()
    }

    pub(super) fn has_store(&self) -> bool {
        self.store.is_some()
    }

    /// Whether more is told of the store than its number.
    pub(super) fn describes_store(&self) -> bool {
        self.store
            .as_ref()
            .is_some_and(|store| store.name.is_some() || store.area_code.is_some() || store.address.is_some())
    }

    pub(super) fn limits_pay(&self) -> bool {
        !self.limit_pay.is_empty()
    }
}

#[cfg(test)]
mod tests;

//! The order, independent of the payment method.

pub use super::{
    goods::{Detail, Goods},
    store::Store,
};

use super::{
    jsapi::{Payer, PayerBody},
    options::{Amount, OrderOptions, SettleInfo},
};
use crate::{
    clock::UnixTime,
    error::{Error, PendingOperation},
    id::{AppId, InvalidField, NotifyUrl, OutTradeNo},
    money::Fen,
    prelude::*,
    v3::{
        field,
        merchant::Merchant,
        party::{OrderParty, Party},
        seal::RequestWriter,
    },
    wire::time,
};
use core::{fmt, net::IpAddr};

/// An order. [`builder`](Self::builder) takes the fields that every payment method requires; the rest is optional.
///
/// `Debug` shows number and price only: texts may contain personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Order {
    appid: Option<AppId>,
    out_trade_no: OutTradeNo,
    description: String,
    total: Fen,
    notify_url: Option<NotifyUrl>,
    time_expire: Option<UnixTime>,
    limit_pay: Vec<LimitPay>,
    payer_client_ip: Option<IpAddr>,
    store: Option<Store>,
    options: OrderOptions,
}

/// A restriction of the funds that may pay an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LimitPay {
    /// Excludes the balance.
    NoBalance,
    /// Excludes credit cards.
    NoCredit,
    /// Excludes debit cards.
    NoDebit,
    /// Allows the balance only.
    BalanceOnly,
}

/// The builder of an order; see [`Order::builder`].
pub type Builder = super::Builder<Order>;

impl Order {
    /// Begins an order with its required fields: the merchant's number (6 to 32 of `0-9 A-Z a-z _ - *`), the price in
    /// fen, and the description that the payer sees (1 to 127 characters). The app and the notification URL are
    /// required, too, unless the [merchant has defaults](crate::v3::Builder::appid).
    pub fn builder(out_trade_no: OutTradeNo, total: Fen, description: impl Into<String>) -> Builder {
        Builder::new(Self {
            appid: None,
            out_trade_no,
            description: description.into(),
            total,
            notify_url: None,
            time_expire: None,
            limit_pay: Vec::new(),
            payer_client_ip: None,
            store: None,
            options: OrderOptions::default(),
        })
    }

    /// Returns the order's own app, if it was set.
    pub fn appid(&self) -> Option<&AppId> {
        self.appid.as_ref()
    }

    /// Returns the party that is paid: the merchant itself, or a sub-merchant.
    pub fn party(&self) -> &Party {
        &self.options.party
    }

    /// Returns the merchant's order number.
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// Returns the price, in fen.
    pub fn total(&self) -> Fen {
        self.total
    }

    /// Returns the pending operation to resolve if the outcome is unknown.
    pub(in crate::v3) fn pending_operation(&self) -> PendingOperation {
        let sub_mchid = self.options.party.sub_mchid().cloned();
        PendingOperation::Order { out_trade_no: self.out_trade_no.clone(), sub_mchid }
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
    /// Sets the app. The default is the [merchant's](crate::v3::Builder::appid).
    pub fn appid(mut self, appid: AppId) -> Self {
        self.required.appid = Some(appid);
        self
    }

    /// Sets the notification URL. The default is the [merchant's](crate::v3::Builder::notify_url).
    pub fn notify_url(mut self, notify_url: NotifyUrl) -> Self {
        self.required.notify_url = Some(notify_url);
        self
    }

    /// Sets the time until which the order can be paid: at most two hours ahead, because the `prepay_id` expires then.
    pub fn time_expire(mut self, time_expire: UnixTime) -> Self {
        self.required.time_expire = Some(time_expire);
        self
    }

    /// Sets restrictions of the funds that may pay.
    pub fn limit_pay(mut self, limit_pay: Vec<LimitPay>) -> Self {
        self.required.limit_pay = limit_pay;
        self
    }

    /// Sets the IP address of the payer's device. H5 requires it.
    pub fn payer_client_ip(mut self, address: IpAddr) -> Self {
        self.required.payer_client_ip = Some(address);
        self
    }

    /// Sets the store.
    pub fn store(mut self, store: Store) -> Self {
        self.required.store = Some(store);
        self
    }

    /// Builds the order.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if a field is invalid; the error names it.
    pub fn build(self) -> Result<Order, InvalidField> {
        let Self { required, options } = self;
        let order = Order { options, ..required };
        field::out_trade_no(&order.out_trade_no, "out_trade_no")?;
        field::amount(order.total, "total")?;
        field::description(&order.description)?;
        order.options.check()?;
        order.store.as_ref().map_or(Ok(()), Store::check)?;
        Ok(order)
    }
}

/// The body of an order, as on the wire. `S` is the type of `scene_info`, which depends on the payment method.
#[derive(serde::Serialize)]
pub(super) struct Body<'a, S> {
    #[serde(flatten)]
    ids: OrderParty<'a>,
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
    payer: Option<PayerBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a Detail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene_info: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settle_info: Option<SettleInfo>,
}

/// The object `scene_info`, as on the wire.
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
    /// Returns the order's app, or else the merchant's default.
    pub(super) fn appid_for<'a>(&'a self, merchant: &'a Merchant) -> Result<&'a AppId, Error> {
        merchant.appid_or_default(self.appid.as_ref())
    }

    /// Returns the order's body, with the `payer` and `scene_info` of the payment method.
    #[allow(single_use_lifetimes, reason = "the bound of 'm needs its name")]
    pub(super) fn body<'a, 'm: 'a, S>(
        &'a self,
        writer: &mut RequestWriter<'m, '_>,
        payer: Option<&'a Payer>,
        scene_info: Option<S>,
    ) -> Result<Body<'a, S>, Error> {
        let merchant = writer.merchant();
        // Before the payer is sealed, which may fetch a key: nothing is sent for an order that lacks a field.
        let ids = OrderParty::of(merchant, self.appid_for(merchant)?, &self.options.party);
        let notify_url = merchant.notify_url_or_default(self.notify_url.as_ref())?;
        Ok(Body {
            ids,
            description: &self.description,
            out_trade_no: &self.out_trade_no,
            time_expire: self.time_expire.map(time::format_rfc3339),
            attach: self.options.attach.as_deref(),
            notify_url,
            goods_tag: self.options.goods_tag.as_deref(),
            limit_pay: &self.limit_pay,
            support_fapiao: self.options.support_fapiao,
            amount: Amount::of(self.total),
            payer: payer.map(|payer| payer.body(&self.options.party, writer)).transpose()?,
            detail: self.options.detail.as_ref(),
            scene_info,
            settle_info: self.options.settle_info(),
        })
    }

    pub(super) fn scene_info(&self) -> Option<SceneInfo<'_>> {
        let device_id = self.options.device_id.as_deref();
        let is_present = self.payer_client_ip.is_some() || device_id.is_some() || self.store.is_some();
        is_present.then(|| SceneInfo {
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

    /// Returns whether the store has fields other than `id`.
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

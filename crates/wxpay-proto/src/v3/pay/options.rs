//! The optional fields that orders and code payments share.

use super::goods::Detail;
use crate::{
    id::InvalidField,
    money::Fen,
    prelude::*,
    v3::{field, party::Party},
};
use core::fmt;

/// The builder of an order or of a code payment: see [`Order::builder`](super::Order::builder) and
/// [`CodePayment::builder`](super::CodePayment::builder). `Debug` shows the same fields as for those.
#[must_use]
pub struct Builder<T> {
    pub(super) required: T,
    pub(super) options: OrderOptions,
}

/// The optional fields of orders and code payments. There is no `Debug`: texts may contain personal data.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct OrderOptions {
    pub(super) party: Party,
    pub(super) attach: Option<String>,
    pub(super) goods_tag: Option<String>,
    pub(super) support_fapiao: Option<bool>,
    pub(super) device_id: Option<String>,
    pub(super) detail: Option<Detail>,
    profit_sharing: Option<bool>,
}

impl<T> Builder<T> {
    pub(super) fn new(required: T) -> Self {
        Self { required, options: OrderOptions::default() }
    }

    /// Sets the party that is paid: a sub-merchant. The default is the merchant itself.
    pub fn party(mut self, party: Party) -> Self {
        self.options.party = party;
        self
    }

    /// Sets the merchant's own data, returned in replies, queries and notifications: 1 to 128 characters.
    pub fn attach(mut self, attach: impl Into<String>) -> Self {
        self.options.attach = Some(attach.into());
        self
    }

    /// Sets the coupon tag: 1 to 32 characters.
    pub fn goods_tag(mut self, goods_tag: impl Into<String>) -> Self {
        self.options.goods_tag = Some(goods_tag.into());
        self
    }

    /// Sets whether the payer may request an electronic invoice (fapiao).
    pub fn support_fapiao(mut self, support_fapiao: bool) -> Self {
        self.options.support_fapiao = Some(support_fapiao);
        self
    }

    /// Sets the goods. A code payment requires at least one entry in `goods_detail`.
    pub fn detail(mut self, detail: Detail) -> Self {
        self.options.detail = Some(detail);
        self
    }

    /// Sets the id of the merchant's device, such as a till: 1 to 32 characters.
    pub fn device_id(mut self, device_id: impl Into<String>) -> Self {
        self.options.device_id = Some(device_id.into());
        self
    }

    /// Sets whether the paid amount is frozen for profit sharing.
    pub fn profit_sharing(mut self, profit_sharing: bool) -> Self {
        self.options.profit_sharing = Some(profit_sharing);
        self
    }
}

impl<T: fmt::Debug> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Builder").field(&self.required).finish()
    }
}

impl OrderOptions {
    pub(super) fn check(&self) -> Result<(), InvalidField> {
        self.attach.as_deref().map(field::attach).transpose()?;
        self.goods_tag.as_deref().map(field::goods_tag).transpose()?;
        self.device_id.as_deref().map(field::device_id).transpose()?;
        self.detail.as_ref().map_or(Ok(()), Detail::check)
    }

    pub(super) fn settle_info(&self) -> Option<SettleInfo> {
        self.profit_sharing.map(|profit_sharing| SettleInfo { profit_sharing })
    }
}

/// The object `amount`, as on the wire.
#[derive(serde::Serialize)]
pub(super) struct Amount {
    total: Fen,
    currency: &'static str,
}

impl Amount {
    pub(super) fn of(total: Fen) -> Self {
        Self { total, currency: "CNY" }
    }
}

/// The object `settle_info`, as on the wire.
#[derive(serde::Serialize)]
pub(super) struct SettleInfo {
    profit_sharing: bool,
}

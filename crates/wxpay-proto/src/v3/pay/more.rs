//! What may be told of an order beyond what must be, whether the payer pays it or is charged.

use super::goods::Detail;
use crate::{
    id::Invalid,
    money::Fen,
    v3::{field, party::Party},
};
use alloc::string::String;
use core::fmt;

/// An order or a charge that has begun with what must be told: see [`Order::builder`](super::Order::builder) and
/// [`CodePay::builder`](super::CodePay::builder). `Debug` shows what those show.
pub struct Builder<T> {
    pub(super) begun: T,
    pub(super) more: More,
}

/// What may be told of both. Texts may name people.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct More {
    pub(super) party: Party,
    pub(super) attach: Option<String>,
    pub(super) goods_tag: Option<String>,
    pub(super) support_fapiao: Option<bool>,
    pub(super) device_id: Option<String>,
    pub(super) detail: Option<Detail>,
    profit_sharing: Option<bool>,
}

impl<T> Builder<T> {
    pub(super) fn new(begun: T) -> Self {
        Self { begun, more: More::default() }
    }

    /// For a sub-merchant. Without it, for the merchant itself.
    #[must_use]
    pub fn party(mut self, party: Party) -> Self {
        self.more.party = party;
        self
    }

    /// A text of the merchant's own that comes back in answers, queries and notices: at most 128 characters.
    #[must_use]
    pub fn attach(mut self, attach: impl Into<String>) -> Self {
        self.more.attach = Some(attach.into());
        self
    }

    /// Marks it for coupons: at most 32 characters.
    #[must_use]
    pub fn goods_tag(mut self, goods_tag: impl Into<String>) -> Self {
        self.more.goods_tag = Some(goods_tag.into());
        self
    }

    /// Whether the payer may ask for an electronic receipt.
    #[must_use]
    pub fn support_fapiao(mut self, support_fapiao: bool) -> Self {
        self.more.support_fapiao = Some(support_fapiao);
        self
    }

    /// What is bought. A charge needs at least one kind of goods.
    #[must_use]
    pub fn detail(mut self, detail: Detail) -> Self {
        self.more.detail = Some(detail);
        self
    }

    /// The merchant's device, such as a till: at most 32 characters.
    #[must_use]
    pub fn device_id(mut self, device_id: impl Into<String>) -> Self {
        self.more.device_id = Some(device_id.into());
        self
    }

    /// Freezes what is paid, so that it can be shared.
    #[must_use]
    pub fn profit_sharing(mut self, profit_sharing: bool) -> Self {
        self.more.profit_sharing = Some(profit_sharing);
        self
    }
}

impl<T: fmt::Debug> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Builder").field(&self.begun).finish()
    }
}

impl More {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        self.attach.as_deref().map(field::attach).transpose()?;
        self.goods_tag.as_deref().map(field::goods_tag).transpose()?;
        self.device_id.as_deref().map(field::device_id).transpose()?;
        self.detail.as_ref().map_or(Ok(()), Detail::check)
    }

    pub(super) fn settle_info(&self) -> Option<SettleInfo> {
        self.profit_sharing.map(|profit_sharing| SettleInfo { profit_sharing })
    }
}

/// `amount`, as the wire has it.
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

/// `settle_info`, as the wire has it.
#[derive(serde::Serialize)]
pub(super) struct SettleInfo {
    profit_sharing: bool,
}

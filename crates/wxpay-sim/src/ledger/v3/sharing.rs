//! What was shared of payments, what came back, and who may get a part.

use super::OrderKey;
use serde_json::Value;
use std::collections::BTreeMap;
use wxpay_proto::{Fen, UnixTime, id::MchId};

/// Every sharing, every return, every receiver. Numbers are the merchant's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sharings {
    pub(crate) all: BTreeMap<(MchId, String), Sharing>,
    pub(crate) returns: BTreeMap<(MchId, String), GivenBack>,
    /// The hash of the name that each was added under, if one was told.
    pub(crate) receivers: BTreeMap<Receiver, Option<String>>,
}

/// Who may get a part, and of whose payments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Receiver {
    pub(crate) mchid: MchId,
    pub(crate) sub_mchid: Option<MchId>,
    /// `MERCHANT_ID`, `PERSONAL_OPENID`, `PERSONAL_SUB_OPENID`.
    pub(crate) kind: String,
    pub(crate) account: String,
}

/// One sharing, or what was unfrozen.
#[derive(Clone, Debug)]
pub(crate) struct Sharing {
    pub(crate) order: OrderKey,
    pub(crate) out_order_no: String,
    pub(crate) order_id: String,
    /// The request, names hashed: one that says something else under its number is refused.
    pub(crate) asked: Value,
    pub(crate) parts: Vec<Part>,
    /// What of it goes to others than the payment's merchant.
    pub(crate) shared: u64,
    /// Whether nothing more of the payment can be shared.
    pub(crate) ends: bool,
    pub(crate) created: UnixTime,
    /// When every part was with its receiver.
    pub(crate) finished: Option<UnixTime>,
}

/// What one receiver gets.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) kind: String,
    pub(crate) account: String,
    pub(crate) amount: Fen,
    pub(crate) description: String,
    pub(crate) detail_id: String,
}

/// What a receiver gives back of a sharing.
#[derive(Clone, Debug)]
pub(crate) struct GivenBack {
    /// The merchant's number of the sharing.
    pub(crate) out_order_no: String,
    pub(crate) return_id: String,
    pub(crate) return_mchid: String,
    pub(crate) amount: Fen,
    pub(crate) description: String,
    /// The request: one that says something else under its number is refused.
    pub(crate) asked: Value,
    pub(crate) created: UnixTime,
    pub(crate) finished: Option<UnixTime>,
}

impl Sharings {
    /// What was made of an order.
    pub(crate) fn of<'a>(&'a self, order: &'a OrderKey) -> impl Iterator<Item = &'a Sharing> {
        self.all.values().filter(move |sharing| sharing.order == *order)
    }

    /// What others got of an order, or are about to.
    pub(crate) fn shared(&self, order: &OrderKey) -> u64 {
        self.of(order).fold(0, |sum, sharing| sum.saturating_add(sharing.shared))
    }

    pub(crate) fn is_ended(&self, order: &OrderKey) -> bool {
        self.of(order).any(|sharing| sharing.ends)
    }

    /// What a merchant gave back of a sharing, or is about to.
    pub(crate) fn returned(&self, mchid: &MchId, out_order_no: &str, return_mchid: &str) -> u64 {
        let returns = self.returns.iter().filter(|((owner, _), back)| {
            owner == mchid && back.out_order_no == out_order_no && back.return_mchid == return_mchid
        });
        returns.fold(0, |sum, (_, back)| sum.saturating_add(back.amount.get()))
    }
}

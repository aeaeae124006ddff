//! Keys: the shard of a number, and the subject that tasks, events and cases name.

use super::table::{Cell, ColumnKind, Value, named, text_cells};
use crate::merchants::MerchantName;
use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};
use wxpay_proto::id::{OutRefundNo, OutTradeNo};

/// A virtual partition of numbers: the first byte of SHA-256(merchant ‖ 0 ‖ number), modulo 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shard(u8);

impl Shard {
    /// The number of shards. It never changes: the shard is part of stored keys.
    pub(crate) const COUNT: u8 = 64;

    /// Returns the shard of a merchant's number.
    pub(crate) fn of(merchant: &MerchantName, number: &str) -> Self {
        let digest =
            Sha256::new().chain_update(merchant.as_str()).chain_update([0]).chain_update(number).finalize();
        let first = digest.first().copied().unwrap_or_default();
        Self(first.checked_rem(Self::COUNT).unwrap_or_default())
    }

    /// Returns every shard.
    pub(crate) fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// Returns the number of the shard, 0 to 63.
    pub(crate) fn number(self) -> u8 {
        self.0
    }
}

impl Cell for Shard {
    const KIND: ColumnKind = ColumnKind::Int;

    fn to_value(&self) -> Value {
        Value::Int(self.0.into())
    }

    fn from_value(value: Value) -> Option<Self> {
        let number = u8::try_from(i64::from_value(value)?).ok()?;
        (number < Self::COUNT).then_some(Self(number))
    }
}

/// The identity of an order: the shop's number, per merchant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OrderKey {
    /// The merchant.
    pub(crate) merchant: MerchantName,
    /// The merchant's order number.
    pub(crate) out_trade_no: OutTradeNo,
}

impl OrderKey {
    /// Creates the key.
    pub(crate) fn new(merchant: MerchantName, out_trade_no: OutTradeNo) -> Self {
        Self { merchant, out_trade_no }
    }

    /// Returns the shard of everything that hangs on the order.
    pub(crate) fn shard(&self) -> Shard {
        Shard::of(&self.merchant, self.out_trade_no.as_str())
    }

    /// Returns the subject.
    pub(crate) fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Order, self.merchant.clone(), self.out_trade_no.as_str())
    }
}

named! {
    /// The kind of a subject.
    SubjectKind {
        /// An order.
        Order = "order",
        /// A refund.
        Refund = "refund",
        /// A webhook endpoint.
        Endpoint = "endpoint",
        /// A case of a merchant that hangs on no number.
        Merchant = "merchant",
    }
}

/// The thing that a task, an event or a case is about: `kind:merchant:number`, such as `order:shop1:A1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    kind: SubjectKind,
    merchant: MerchantName,
    text: String,
}

impl Subject {
    /// Creates a subject.
    pub(crate) fn new(kind: SubjectKind, merchant: MerchantName, number: &str) -> Self {
        let text = format!("{kind}:{merchant}:{number}");
        Self { kind, merchant, text }
    }

    /// Returns the subject of a refund.
    pub(crate) fn refund(merchant: MerchantName, out_refund_no: &OutRefundNo) -> Self {
        Self::new(SubjectKind::Refund, merchant, out_refund_no.as_str())
    }

    /// Returns the kind.
    pub(crate) fn kind(&self) -> SubjectKind {
        self.kind
    }

    /// Returns the merchant.
    pub(crate) fn merchant(&self) -> &MerchantName {
        &self.merchant
    }

    /// Returns the number.
    pub(crate) fn number(&self) -> &str {
        self.text.splitn(3, ':').nth(2).unwrap_or_default()
    }

    /// Returns the text form.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the key of the order, if the subject is one.
    pub(crate) fn order(&self) -> Option<OrderKey> {
        let is_order = self.kind == SubjectKind::Order;
        let number = is_order.then(|| self.number().parse().ok()).flatten()?;
        Some(OrderKey::new(self.merchant.clone(), number))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Subject {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, ':');
        let (Some(kind), Some(merchant), Some(number)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(());
        };
        Ok(Self::new(kind.parse()?, merchant.parse().map_err(|_| ())?, number))
    }
}

text_cells!(Subject);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_depends_on_merchant_and_number_with_a_separator() {
        let merchant = |name: &str| name.parse::<MerchantName>().unwrap();
        // Computed with Python: hashlib.sha256(b"shop1\0A1").digest()[0] % 64
        assert_eq!(Shard::of(&merchant("shop1"), "A1").number(), SHOP1_A1);
        assert_ne!(Shard::of(&merchant("shop1"), "A1"), Shard::of(&merchant("shop"), "1A1"));
    }

    const SHOP1_A1: u8 = 42;

    #[test]
    fn a_subject_survives_its_text_form_and_numbers_may_hold_colons() {
        let subject = Subject::new(SubjectKind::Refund, "shop1".parse().unwrap(), "a:b");
        assert_eq!(subject.to_string(), "refund:shop1:a:b");
        let read: Subject = subject.as_str().parse().unwrap();
        assert_eq!((read.kind(), read.number()), (SubjectKind::Refund, "a:b"));
        assert_eq!(read, subject);
        assert!("order:shop1".parse::<Subject>().is_err());
    }
}

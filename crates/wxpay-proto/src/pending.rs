//! Operations whose outcome is unknown, and the keys to store them by.
//!
//! A [`PendingOperation`] is the key of any operation, of this crate or of another: a label and numbers. No list of
//! products exists here. The query of each product states its own label and numbers: see
//! [`v3::Resolver`](crate::v3::Resolver).

use crate::{id::InvalidField, prelude::*, wire::form};
use core::{fmt, str::FromStr};

/// The key of an operation: its label, and the numbers to query by. Store it, and
/// [resolve](crate::v3::Merchant::resolve_pending) the operation after a crash.
///
/// Its text is one line of ASCII, the same in every version of this crate:
///
/// ```
/// use wxpay_proto::pending::PendingOperation;
///
/// let pending = PendingOperation::new("v3.refund").with("out_refund_no", "R1").with("sub_mchid", "1900000109");
/// assert_eq!(pending.to_string(), "v3.refund?out_refund_no=R1&sub_mchid=1900000109");
/// assert_eq!(pending.to_string().parse(), Ok(pending));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PendingOperation(String);

/// An operation whose outcome is unknown. It must be resolved by a query.
///
/// The type is not `Clone`, and can only be resolved. A retry under a *new* number, which could pay twice, is therefore
/// a deliberate act.
///
/// It also records what its key does not: whether every attempt was answered, so that none can still be on its way, and
/// whether money moves if a "not found" is wrong.
#[must_use = "an operation of unknown fate must be resolved by a query"]
#[derive(Debug, PartialEq, Eq)]
pub struct Unresolved {
    operation: PendingOperation,
    is_answered: bool,
    moves_money: bool,
}

impl PendingOperation {
    /// Creates a key without numbers. The label is lower-case letters, digits, `.` and `_`, such as `v3.refund`.
    pub fn new(label: &str) -> Self {
        let mut text = String::new();
        form::escape(label.as_bytes(), &mut text);
        Self(text)
    }

    /// Adds a number under its name in the protocol, such as `out_refund_no`.
    #[must_use]
    pub fn with(mut self, name: &str, number: impl fmt::Display) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        form::escape(name.as_bytes(), &mut self.0);
        self.0.push('=');
        form::escape(number.to_string().as_bytes(), &mut self.0);
        self
    }

    /// Adds a number if there is one.
    #[must_use]
    pub fn with_opt(self, name: &str, number: Option<impl fmt::Display>) -> Self {
        match number {
            Some(number) => self.with(name, number),
            None => self,
        }
    }

    /// Returns the label, such as `v3.refund`.
    pub fn label(&self) -> &str {
        self.0.split('?').next().unwrap_or_default()
    }

    /// Returns the number under this name. Returns `None` if there is none, or if it violates the rule of its type.
    pub fn number<T: FromStr>(&self, name: &str) -> Option<T> {
        let (_, numbers) = self.0.split_once('?')?;
        let (_, number) =
            numbers.split('&').filter_map(|pair| pair.split_once('=')).find(|pair| pair.0 == name)?;
        form::unescape(number)?.parse().ok()
    }
}

impl fmt::Display for PendingOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// # Errors
///
/// Returns [`InvalidField`] if the text is not one that `Display` writes.
impl FromStr for PendingOperation {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        const RULE: InvalidField = InvalidField::new(
            "pending operation",
            "must be a label and numbers, such as v3.refund?out_refund_no=R1",
        );
        let (label, numbers) = text.split_once('?').filter(|(label, _)| !label.is_empty()).ok_or(RULE)?;
        let rewritten = numbers.split('&').try_fold(Self::new(label), |key, pair| {
            let (name, number) = pair.split_once('=')?;
            Some(key.with(name, form::unescape(number)?))
        });
        rewritten.filter(|key| key.0 == text).ok_or(RULE)
    }
}

impl Unresolved {
    /// Creates the operation from its key alone, like one that was stored. The key does not know more, so the worst is
    /// assumed: attempts may be on their way, and money moves.
    pub(crate) fn new(operation: PendingOperation) -> Self {
        Self { operation, is_answered: false, moves_money: true }
    }

    /// Sets whether every attempt was answered.
    pub(crate) fn answered(self, is_answered: bool) -> Self {
        Self { is_answered, ..self }
    }

    /// Sets whether money moves if the operation is wrongly taken as not carried out.
    pub(crate) fn moving_money(self, moves_money: bool) -> Self {
        Self { moves_money, ..self }
    }

    /// Returns whether every attempt was answered: none was lost, and none can still be on its way.
    pub(crate) fn is_answered(&self) -> bool {
        self.is_answered
    }

    /// Returns whether money moves if the operation is wrongly taken as not carried out.
    pub(crate) fn moves_money(&self) -> bool {
        self.moves_money
    }

    /// Returns the key of the operation.
    pub fn pending_operation(&self) -> &PendingOperation {
        &self.operation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{MchId, TransactionId};
    use proptest::prelude::*;

    #[test]
    fn a_key_returns_its_label_and_its_numbers() {
        let pending =
            PendingOperation::new("v3.x").with("transaction_id", "a=b?c%&d").with_opt("mchid", None::<MchId>);
        assert_eq!(pending.to_string(), "v3.x?transaction_id=a%3Db%3Fc%25%26d");
        assert_eq!(pending.label(), "v3.x");
        assert_eq!(pending.number::<String>("transaction_id").unwrap(), "a=b?c%&d");
        assert_eq!(pending.number::<TransactionId>("transaction_id"), None, "an id has no &");
        assert_eq!(pending.number::<String>("transaction"), None);
        assert_eq!(PendingOperation::new("v3.x").number::<String>(""), None);
    }

    #[test]
    fn a_text_that_no_key_has_is_rejected() {
        for bad in [
            "",
            "v3.x",
            "?a=1",
            "v3.x?",
            "v3.x?a",
            "v3.x?a=1&",
            "v3.x?a=1&&b=2",
            "v3.x?a=%31",
            "v3.x?a=%2a",
            "v3.x?a=%2",
            "v3.x?a=%FF",
            "v3.x?a=*",
            "v3 x?a=1",
            "v3.x?a=1\n",
            "v3.x?a=订单",
        ] {
            assert_eq!(bad.parse::<PendingOperation>().unwrap_err().field(), "pending operation", "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_parsed_from_its_text(
            label in "[a-z0-9._]{1,24}",
            numbers in proptest::collection::vec(("[a-z_]{1,16}", any::<String>()), 1..4),
        ) {
            let key = numbers.iter().fold(PendingOperation::new(&label), |key, (name, number)| key.with(name, number));
            prop_assert!(key.to_string().bytes().all(|byte| matches!(byte, b'!'..=b'~')));
            prop_assert_eq!(key.to_string().parse(), Ok(key.clone()));
            prop_assert_eq!(key.label(), &label);
            let (name, number) = numbers[0].clone();
            prop_assert_eq!(key.number(&name), Some(number));
        }

        #[test]
        fn any_text_is_a_key_with_this_text_or_none(text in "[a-b]?\\PC{0,2}\\??[a-b]?[=&%]{0,2}\\PC*") {
            if let Ok(key) = text.parse::<PendingOperation>() {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }
}

//! Claims of numbers that must be unique per merchant: refund numbers and transactions.

use super::{
    Changes, Context, Corrupt, Decision, Load, Operation, Rows, Shard, Subject,
    rows::number::{NumberKind, NumberRow},
};
use crate::merchants::MerchantName;

/// Claims a number for an owner, unless it is claimed already. Returns the owner.
///
/// The claim is a transaction of its own, before the one that uses the number, and is never undone: the first claim
/// decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimNumber {
    /// The merchant.
    pub(crate) merchant: MerchantName,
    /// The kind.
    pub(crate) kind: NumberKind,
    /// The number.
    pub(crate) number: String,
    /// The owner if nobody has claimed the number.
    pub(crate) owner: Subject,
}

impl Operation for ClaimNumber {
    type Output = Subject;

    fn loads(&self) -> Vec<Load> {
        vec![NumberRow::of(&self.merchant, self.kind, &self.number).load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Subject>, Corrupt> {
        if let Some(claimed) = rows.one::<NumberRow>()? {
            return Ok(Decision::unchanged(claimed.owner));
        }
        let mut changes = Changes::default();
        changes.insert(&NumberRow {
            shard: Shard::of(&self.merchant, &self.number),
            merchant: self.merchant.clone(),
            kind: self.kind,
            number: self.number.clone(),
            owner: self.owner.clone(),
            claimed_at: context.now,
        });
        Ok(Decision { changes, output: self.owner.clone() })
    }
}

//! The audit of a ledger.

use super::Console;
use crate::{
    audit,
    engine::{Ledger, LedgerError},
    ledger::{OrderKey, Prefix, Shard, rows::order::OrderRow},
    server::StartError,
};
use std::fmt;

/// An order whose stored state does not follow from its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The merchant.
    pub merchant: String,
    /// The shop's number of the order.
    pub out_trade_no: String,
    /// The rule that is violated.
    pub rule: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "order:{}:{}: {}", self.merchant, self.out_trade_no, self.rule)
    }
}

impl Console {
    /// Computes every order again from its evidence, and compares.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read, or a row is corrupt.
    pub async fn audit(&self) -> Result<Vec<Violation>, StartError> {
        Ok(violations(self.api.app().ledger()).await?)
    }
}

/// Returns the violations of all orders of a ledger.
pub(super) async fn violations(ledger: &Ledger) -> Result<Vec<Violation>, LedgerError> {
    let mut violations = Vec::new();
    for shard in Shard::all() {
        let orders: Vec<OrderKey> = {
            let rows = ledger.load(Prefix::<OrderRow>::all().and(&shard)).await?;
            rows.iter().map(OrderRow::key).collect()
        };
        for key in orders {
            let found = audit::violations(ledger, &key).await?;
            violations.extend(found.into_iter().map(|(_, rule)| Violation {
                merchant: key.merchant.to_string(),
                out_trade_no: key.out_trade_no.to_string(),
                rule,
            }));
        }
    }
    Ok(violations)
}

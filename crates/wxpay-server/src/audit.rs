//! The audit of one order, as read from the ledger.

use crate::{
    engine::{Ledger, LedgerError},
    ledger::{OrderKey, order::OrderState},
};

/// Returns the rules that an order violates, each with the invariant that it belongs to, by its name in the metrics.
///
/// # Errors
///
/// If the ledger cannot be read, or a row is corrupt.
pub(crate) async fn violations(
    ledger: &Ledger,
    key: &OrderKey,
) -> Result<Vec<(&'static str, &'static str)>, LedgerError> {
    let mut rows = ledger.read(OrderState::audit_loads(key)).await?;
    let cases = OrderState::audit_case_loads(&rows)?;
    if !cases.is_empty() {
        rows.append(ledger.read(cases).await?);
    }
    Ok(OrderState::violations(&rows)?)
}

//! The order that each transaction belongs to.

use super::{Failure, Ledger, column};
use rusqlite::{Connection, OptionalExtension as _, params};
use wxpay_proto::{
    UnixTime,
    id::{OutTradeNo, TransactionId},
    payment::Evidence,
};

impl Ledger {
    /// Claims the transaction of the evidence for its order number, unless it is claimed already: the first claim
    /// decides, and is never undone.
    ///
    /// The claim is on disk before the payment is learned, in a transaction of its own: whatever happens to the latter,
    /// no other number can be paid by this transaction.
    pub(super) async fn claim_transaction(&self, evidence: &Evidence, now: UnixTime) -> Result<(), Failure> {
        let evidence = evidence.clone();
        self.writer().write(move |db| claim(db, &evidence, now)).await
    }
}

fn claim(db: &Connection, evidence: &Evidence, now: UnixTime) -> Result<(), Failure> {
    db.prepare_cached(
        "INSERT INTO transaction_owners (transaction_id, out_trade_no, claimed_at) VALUES (?1, ?2, ?3)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        evidence.payment().transaction_id().as_str(),
        evidence.out_trade_no().as_str(),
        column::from_time(now),
    ])?;
    Ok(())
}

/// Returns the owner of a claimed transaction.
pub(super) fn owner(db: &Connection, transaction_id: &TransactionId) -> Result<OutTradeNo, Failure> {
    let mut select =
        db.prepare_cached("SELECT out_trade_no FROM transaction_owners WHERE transaction_id = ?1")?;
    let owner: Option<String> = select.query_row([transaction_id.as_str()], |row| row.get(0)).optional()?;
    // Every payment in the ledger was claimed before it was written.
    let owner = owner.ok_or(Failure::corrupt("transaction_id"))?;
    column::to_value(&owner, "out_trade_no")
}

//! The order that each payment belongs to.

use super::Evidence;
use crate::id::{OutTradeNo, TransactionId};
use alloc::collections::{BTreeMap, btree_map::Entry};

/// The owners of one merchant's transactions: each `transaction_id` belongs to one order number, the first that claims
/// it.
///
/// Without this check, two verified messages that name one `transaction_id` would pay two orders with the same money.
/// [`PaymentState::merge`](super::PaymentState::merge) therefore takes the owner: evidence under any other number is an
/// [`Anomaly`](super::Anomaly) and pays nothing.
///
/// The first claim decides, so the claims must outlive the process. A shop that keeps its orders in a database claims
/// there instead: it inserts the pair under a unique `transaction_id`, commits, then reads the stored number. This type
/// is that table for a shop that keeps its orders in memory, and for tests.
///
/// ```
/// use wxpay_proto::{Fen, UnixTime, payment::{Evidence, Payment, PaymentState, PaymentStatus, TransactionOwners}};
///
/// let payment = Payment::new("1900000109201405083141592653".parse()?, Fen::new(100), Fen::ZERO, UnixTime::from_secs(1_399_515_000));
/// let mut owners = TransactionOwners::default();
/// let mut pay = |number: &str| -> Result<PaymentStatus, Box<dyn std::error::Error>> {
///     let mut state = PaymentState::new(number.parse()?, Fen::new(100));
///     let evidence = Evidence::from_storage(number.parse()?, payment.clone());
///     state.merge(&evidence, owners.claim(&evidence))?;
///     Ok(state.status())
/// };
/// assert_eq!(pay("ORDER1")?, PaymentStatus::Paid(payment.clone()));
/// assert_eq!(pay("ORDER2")?, PaymentStatus::Anomalous);
/// assert_eq!(pay("ORDER1")?, PaymentStatus::Paid(payment.clone()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionOwners(BTreeMap<TransactionId, OutTradeNo>);

impl TransactionOwners {
    /// Claims the transaction for the order of the evidence, unless it is claimed already. Returns its owner.
    pub fn claim(&mut self, evidence: &Evidence) -> &OutTradeNo {
        match self.0.entry(evidence.payment.transaction_id.clone()) {
            Entry::Occupied(claimed) => claimed.into_mut(),
            Entry::Vacant(unclaimed) => unclaimed.insert(evidence.out_trade_no.clone()),
        }
    }

    /// Returns the owner of a transaction, if it is claimed.
    pub fn owner(&self, transaction_id: &TransactionId) -> Option<&OutTradeNo> {
        self.0.get(transaction_id)
    }
}

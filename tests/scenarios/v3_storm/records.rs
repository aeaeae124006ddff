//! What the shop has stored: its numbers, and the evidence that was verified.

use super::shop::ACCOUNTS;
use crate::rng::Rng;
use std::collections::HashMap;
use wxpay_proto::{
    Fen,
    id::{OutBillNo, OutOrderNo, OutRefundNo, OutTradeNo, TransactionId},
    payment::{Evidence, PaymentState, RefundEvidence, TransactionOwners, Transition},
    v3::{Party, transfer::TransferState},
};

/// An order: the index of its merchant, and its number. Merchants use the same numbers.
pub(super) type OrderKey = (usize, OutTradeNo);

/// One thing that is to be paid once: the serial number of its life, and of the item.
pub(super) type Purchase = (usize, usize);

/// All records of a shop.
pub(super) struct Records {
    /// The randomness of deliveries.
    pub(super) courier: Rng,
    /// The order that each transaction pays, by merchant.
    owners: [TransactionOwners; ACCOUNTS],
    pub(super) orders: HashMap<OrderKey, OrderRecord>,
    pub(super) transfers: HashMap<(usize, OutBillNo), TransferRecord>,
}

/// The record of one order.
pub(super) struct OrderRecord {
    pub(super) party: Party,
    /// The payer's purchase. It has several orders if the first ones came to nothing.
    pub(super) purchase: Purchase,
    /// The number of the combined order that this one is part of.
    pub(super) combined: Option<OutTradeNo>,
    pub(super) state: PaymentState,
    pub(super) transitions: Vec<Transition>,
    /// The number of times that the payer was made to pay again.
    pub(super) second_payments: usize,
    /// True while the shop knows for certain that the gateway does not have the order.
    pub(super) is_absent: bool,
    pub(super) refunds: Vec<RefundIntent>,
    pub(super) shared: Option<Shared>,
}

/// An amount that the shop wants to give back once, under one number or, if that came to nothing, another.
pub(super) struct RefundIntent {
    pub(super) amount: Fen,
    /// The numbers, and whether the gateway has the refund; the last one is not known while it is requested.
    pub(super) attempts: Vec<(OutRefundNo, Option<bool>)>,
}

/// A profit sharing of an order.
pub(super) struct Shared {
    pub(super) number: OutOrderNo,
    pub(super) paid: TransactionId,
    pub(super) amount: Fen,
    /// Whether the gateway has it, once that is known.
    pub(super) exists: Option<bool>,
}

/// The record of one transfer.
pub(super) struct TransferRecord {
    /// The sum that the shop owes somebody. It has several transfers if the first ones came to nothing.
    pub(super) payout: usize,
    pub(super) amount: Fen,
    /// True once the shop knows for certain that the gateway does not have the transfer.
    pub(super) is_absent: bool,
    /// The final state, once it is known.
    pub(super) state: Option<TransferState>,
}

impl OrderRecord {
    pub(super) fn new(purchase: Purchase, number: OutTradeNo, price: Fen, party: Party) -> Self {
        Self {
            party,
            purchase,
            combined: None,
            state: PaymentState::new(number, price),
            transitions: Vec::new(),
            second_payments: 0,
            is_absent: false,
            refunds: Vec::new(),
            shared: None,
        }
    }

    pub(super) fn merge_refund(&mut self, evidence: &RefundEvidence) {
        self.change(|state| state.merge_refund(evidence).unwrap());
    }

    fn change(&mut self, change: impl FnOnce(&mut PaymentState)) {
        let before = self.state.clone();
        change(&mut self.state);
        self.transitions.extend(self.state.transitions_since(&before));
    }
}

impl Records {
    pub(super) fn new(courier: Rng) -> Self {
        Self { courier, owners: Default::default(), orders: HashMap::new(), transfers: HashMap::new() }
    }

    pub(super) fn order(&mut self, key: &OrderKey) -> &mut OrderRecord {
        self.orders.get_mut(key).expect("the shop stores a number before it uses it")
    }

    /// Merges evidence of a payment of one of a merchant's orders.
    pub(super) fn merge(&mut self, account: usize, evidence: &Evidence) {
        let owner = self.owners[account].claim(evidence).clone();
        let record = self.order(&(account, evidence.out_trade_no().clone()));
        record.change(|state| state.merge(evidence, &owner).unwrap());
    }

    /// Applies the final state of a transfer. It must not change any more.
    pub(super) fn finish_transfer(&mut self, key: &(usize, OutBillNo), state: &TransferState) {
        let record = self.transfers.get_mut(key).expect("the shop stores a number before it uses it");
        if state.is_final() {
            let known = record.state.get_or_insert_with(|| state.clone());
            assert_eq!(known, state, "{key:?}: a final state has changed");
        }
    }
}

//! The comparison of the shop's records with the gateway's books.

use super::{life::Life, records::OrderKey, shop::Shop};
use std::{collections::HashMap, rc::Rc};
use wxpay_proto::{
    Fen, UnixTime,
    id::OutBillNo,
    payment::{Anomaly, Payment, PaymentState, PaymentStatus, Transition},
    v3::transfer::TransferState,
};
use wxpay_sim::ledger::{OrderRecord, RefundStatus, TradeState, TransferState as RecordedState};

impl Shop {
    /// Checks what must hold as soon as the notifications have been delivered: the shop knows every payment and every
    /// refund, without a query.
    pub(super) fn check_after_notifications(&self) {
        let records = self.records.borrow();
        for (key, record) in &records.orders {
            let Some(recorded) = self.recorded(key) else { continue };
            if recorded.trade_state == TradeState::Revoked {
                continue;
            }
            assert_eq!(
                payments_known(&record.state),
                payments_in_books(&recorded),
                "{key:?}: a payment is lost"
            );
            assert_eq!(
                refunded_known(&record.state),
                refunded_in_books(&recorded),
                "{key:?}: a refund is lost"
            );
        }
    }

    /// Queries every order, refund and transfer, and compares the replies with the books.
    pub(super) async fn check_by_queries(self: Rc<Self>, mut life: Life) {
        let mut orders: Vec<_> = self.records.borrow().orders.keys().cloned().collect();
        orders.sort();
        for key in orders {
            life.account = key.0;
            let (party, combined) = {
                let mut records = self.records.borrow_mut();
                let record = records.order(&key);
                (record.party.clone(), record.combined.clone())
            };
            let is_answered = match combined {
                Some(number) => life.query_combined(&number).await.is_some(),
                None => life.query_order(&key, &party).await.is_some(),
            };
            assert!(is_answered, "{key:?}: a query fails although nothing else does");
            life.query_refunds(&key).await;
        }
        let mut transfers: Vec<_> = self.records.borrow().transfers.keys().cloned().collect();
        transfers.sort();
        for key in transfers {
            life.account = key.0;
            life.query_transfer(&key).await;
        }
    }

    /// Compares the shop's records with the books.
    pub(super) fn check_books(&self) {
        let records = self.records.borrow();
        let mut paid_orders: HashMap<(usize, usize), usize> = HashMap::new();
        for (key, record) in &records.orders {
            let recorded = self.recorded(key);
            assert!(!record.is_absent || recorded.is_none(), "{key:?}: known to be absent, but it exists");
            let Some(recorded) = recorded else {
                assert_eq!(
                    record.state.payments().next(),
                    None,
                    "{key:?}: paid, but the order does not exist"
                );
                continue;
            };
            let is_paid = matches!(recorded.trade_state, TradeState::Success | TradeState::Refund);
            *paid_orders.entry(record.purchase).or_default() += usize::from(is_paid);
            self.check_payments(key, &recorded, is_paid);
            self.check_refunds(key, &recorded);
            self.check_sharing(key);
        }
        for (purchase, count) in paid_orders {
            assert!(count <= 1, "the payer paid {count} orders of purchase {purchase:?}");
        }
        self.check_transfers();
    }

    fn check_payments(&self, key: &OrderKey, recorded: &OrderRecord, is_paid: bool) {
        let records = self.records.borrow();
        let record = &records.orders[key];
        let (known, booked) = (payments_known(&record.state), payments_in_books(recorded));
        if recorded.trade_state == TradeState::Revoked {
            // The money went back, so the shop need not know of the payment.
            assert!(known.iter().all(|payment| booked.contains(payment)), "{key:?}: not the booked payments");
            return;
        }
        assert_eq!(known, booked, "{key:?}: the payments differ");
        assert_eq!(booked.len(), usize::from(is_paid) + record.second_payments, "{key:?}: charged twice");
        assert_eq!(matches!(record.state.status(), PaymentStatus::Paid(_)), is_paid, "{key:?}");
        let count = |wanted: fn(&Transition) -> bool| {
            record.transitions.iter().filter(|transition| wanted(transition)).count()
        };
        let paid = count(|transition| matches!(transition, Transition::Paid(_)));
        assert_eq!(paid, usize::from(is_paid), "{key:?}: became paid {paid} times");
        let second = count(|transition| matches!(transition, Transition::Anomaly(Anomaly::SecondPayment(_))));
        assert_eq!(
            record.state.anomalies().len(),
            record.second_payments,
            "{key:?}: {:?}",
            record.state.anomalies()
        );
        assert!(second >= record.second_payments, "{key:?}: a second payment was not reported");
    }

    /// Every refund that the shop wanted was paid out at most once, with the amount it wanted, and nothing else was.
    fn check_refunds(&self, key: &OrderKey, recorded: &OrderRecord) {
        let records = self.records.borrow();
        let record = &records.orders[key];
        let mut wanted = 0;
        for intent in &record.refunds {
            let mut paid_out = 0;
            for (number, exists) in &intent.attempts {
                let booked = recorded.refunds.iter().find(|refund| refund.out_refund_no == *number);
                assert_eq!(*exists, Some(booked.is_some()), "{number}: resolved wrongly");
                if let Some(booked) = booked {
                    assert_eq!(booked.refund, intent.amount, "{number}");
                    paid_out += 1;
                }
            }
            assert!(paid_out <= 1, "{key:?}: refunded twice");
            wanted += paid_out;
        }
        assert_eq!(recorded.refunds.len(), wanted, "{key:?}: a refund that nobody wanted");
        let (known, booked) = (refunded_known(&record.state), refunded_in_books(recorded));
        assert_eq!(known, booked, "{key:?}: the refunds differ");
        let total: u64 = booked.iter().map(|(_, amount)| amount.get()).sum();
        assert_eq!(record.state.refunded_total(), Some(Fen::new(total)), "{key:?}");
        let told = record
            .transitions
            .iter()
            .filter(|transition| matches!(transition, Transition::Refunded(_)))
            .count();
        assert_eq!(told, booked.len(), "{key:?}: each refund must have one transition");
        let mut sum = self.total.borrow_mut();
        sum.refunds += booked.len();
        sum.partly_refunded += usize::from(booked.len() > 1);
    }

    fn check_sharing(&self, key: &OrderKey) {
        let records = self.records.borrow();
        let Some(shared) = &records.orders[key].shared else { return };
        let recorded = self.recorded_sharing(key.0, &shared.number);
        assert_eq!(recorded.is_some(), shared.exists.unwrap(), "{}: resolved wrongly", shared.number);
        let Some(recorded) = recorded else { return };
        assert_eq!(
            recorded,
            (shared.paid.clone(), shared.amount),
            "{}: another payment or amount",
            shared.number
        );
        self.total.borrow_mut().shared += 1;
    }

    fn check_transfers(&self) {
        let records = self.records.borrow();
        let mut payouts: HashMap<usize, usize> = HashMap::new();
        for (key, record) in &records.transfers {
            let recorded = self.recorded_transfer(key);
            assert!(!record.is_absent || recorded.is_none(), "{key:?}: known to be absent, but it exists");
            let Some((state, amount)) = recorded else { continue };
            assert_eq!(amount, record.amount, "{key:?}: another amount");
            assert_eq!(record.state, final_state(state), "{key:?}: the final states differ");
            let is_paid = state == RecordedState::Success;
            *payouts.entry(record.payout).or_default() += usize::from(is_paid);
            self.total.borrow_mut().transfers += usize::from(is_paid);
        }
        for (payout, count) in payouts {
            assert!(count <= 1, "the payee of payout {payout} got it {count} times");
        }
        let mut booked: Vec<OutBillNo> = {
            let transfers = self.sim.borrow_mut().gateway.transfers(self.time.now());
            transfers.into_iter().map(|transfer| transfer.out_bill_no).collect()
        };
        booked.retain(|number| !records.transfers.keys().any(|(_, known)| known == number));
        assert!(booked.is_empty(), "transfers that nobody wanted: {booked:?}");
    }
}

type KnownPayment = (String, Fen, Fen, UnixTime);

fn payments_known(state: &PaymentState) -> Vec<KnownPayment> {
    let known = |paid: &Payment| {
        (paid.transaction_id().to_string(), paid.total_fee(), paid.discount(), paid.time_end())
    };
    let mut payments: Vec<_> = state.payments().map(known).collect();
    payments.sort();
    payments
}

fn payments_in_books(recorded: &OrderRecord) -> Vec<KnownPayment> {
    let paid = recorded.payments.iter().map(|paid| {
        let time = UnixTime::from_secs(paid.success_at);
        (paid.transaction_id.to_string(), paid.payer_total, paid.discount, time)
    });
    let mut payments: Vec<_> = paid.collect();
    payments.sort();
    payments
}

fn refunded_known(state: &PaymentState) -> Vec<(String, Fen)> {
    let mut refunds: Vec<_> =
        state.refunds().map(|refund| (refund.out_refund_no().to_string(), refund.refund())).collect();
    refunds.sort();
    refunds
}

fn refunded_in_books(recorded: &OrderRecord) -> Vec<(String, Fen)> {
    let succeeded = recorded.refunds.iter().filter(|refund| refund.status == RefundStatus::Success);
    let mut refunds: Vec<_> =
        succeeded.map(|refund| (refund.out_refund_no.to_string(), refund.refund)).collect();
    refunds.sort();
    refunds
}

fn final_state(state: RecordedState) -> Option<TransferState> {
    match state {
        RecordedState::Success => Some(TransferState::Success),
        RecordedState::Fail => Some(TransferState::Fail),
        RecordedState::Cancelled => Some(TransferState::Cancelled),
        _ => None,
    }
}

//! The rules after healing: the ledger, the gateway's books and the shop's books agree.

use super::World;
use crate::ledger::{
    OrderKey,
    rows::{
        case::{CaseKind, CaseRow},
        inbox::InboxRow,
        order::{ApiVersion, OrderRow, OrderStatus},
        payment::PaymentRow,
        refund::{RefundRow, RefundStatus},
    },
};
use std::collections::{BTreeMap, BTreeSet};
use wxpay_proto::Fen;
use wxpay_sim::ledger::{OrderRecord, RefundStatus as RecordedStatus, TradeState};

/// Everything that the ledger has of orders.
struct Books {
    orders: BTreeMap<OrderKey, OrderRow>,
    payments: BTreeMap<OrderKey, Vec<PaymentRow>>,
    refunds: BTreeMap<OrderKey, Vec<RefundRow>>,
    cases: BTreeMap<OrderKey, Vec<CaseRow>>,
}

impl World {
    /// Checks everything.
    pub(super) async fn audit(&self) {
        let books = self.books().await;
        self.check_told(&books);
        let recorded = self.recorded();
        for (key, record) in &recorded {
            assert!(
                books.orders.contains_key(key),
                "{}: the gateway's order is not in the ledger",
                shown(key)
            );
            let totals: BTreeSet<_> = record.prepays.iter().map(|prepay| prepay.total).collect();
            assert!(totals.len() <= 1, "{}: the number has several prices: {totals:?}", shown(key));
        }
        for (key, order) in &books.orders {
            let record = recorded.get(key);
            if let Some(record) = record {
                assert_eq!(order.total, Some(record.total), "{}: the number has two prices", shown(key));
            }
            self.check_payments(key, order, record, &books);
            let reported = record.is_some_and(|record| !record.deliveries.is_empty());
            let is_told = self.records().told_deliveries.contains(key);
            assert!(reported || !is_told, "{}: the delivery report is lost", shown(key));
            check_refunds(key, record, &books);
        }
        let received: u64 = self.rows::<InboxRow>().await.iter().map(|row| row.count).sum();
        assert!(
            received >= self.counted("acknowledgements"),
            "an acknowledged notification is not in the inbox"
        );
        self.check_events(&books.orders).await;
        for running in self.running() {
            let text = running.app.metrics().render();
            let violations = text.lines().filter(|line| line.starts_with("wxpay_invariant_violations{"));
            for line in violations {
                assert!(line.ends_with(" 0"), "{line}");
            }
        }
    }

    /// Returns the gateway's records of all orders.
    pub(super) fn recorded(&self) -> BTreeMap<OrderKey, OrderRecord> {
        let now = self.now();
        let records: Vec<OrderRecord> = self.gateway(|gateway| gateway.orders(now).collect());
        let key = |record: &OrderRecord| {
            let account = self.accounts.iter().find(|account| account.mchid == record.mchid);
            // In APIv1 the merchant's number is its partner.
            let name = &account.unwrap_or(&self.accounts[0]).name;
            OrderKey::new(name.clone(), record.out_trade_no.clone())
        };
        records.into_iter().map(|record| (key(&record), record)).collect()
    }

    async fn books(&self) -> Books {
        let mut books = Books {
            orders: BTreeMap::new(),
            payments: BTreeMap::new(),
            refunds: BTreeMap::new(),
            cases: BTreeMap::new(),
        };
        for row in self.rows::<OrderRow>().await {
            books.orders.insert(row.key(), row);
        }
        for row in self.rows::<PaymentRow>().await {
            let key = OrderKey::new(row.merchant.clone(), row.out_trade_no.clone());
            books.payments.entry(key).or_default().push(row);
        }
        for row in self.rows::<RefundRow>().await {
            let key = OrderKey::new(row.merchant.clone(), row.out_trade_no.clone());
            books.refunds.entry(key).or_default().push(row);
        }
        for row in self.rows::<CaseRow>().await {
            if let Some(key) = row.subject.order() {
                books.cases.entry(key).or_default().push(row);
            }
        }
        books
    }

    /// Checks that every order and every refund of a reply to the shop is there, with the price of the reply.
    fn check_told(&self, books: &Books) {
        let records = self.records();
        for (key, total) in &records.told {
            let order = books.orders.get(key);
            let order =
                order.unwrap_or_else(|| panic!("{}: the shop was told of it, and it is lost", shown(key)));
            if let Some(total) = total {
                assert_eq!(order.total, Some(*total), "{}: the price is another", shown(key));
            }
        }
        for (key, number) in &records.told_refunds {
            let is_known = books
                .refunds
                .get(key)
                .is_some_and(|refunds| refunds.iter().any(|refund| refund.out_refund_no == *number));
            assert!(is_known, "{}: the shop was told of refund {number}, and it is lost", shown(key));
        }
    }

    fn check_payments(&self, key: &OrderKey, order: &OrderRow, record: Option<&OrderRecord>, books: &Books) {
        let shown = shown(key);
        if order.is_code() {
            let outcome = match order.status {
                OrderStatus::Paid => "code orders paid",
                OrderStatus::Reversed => "code orders reversed",
                OrderStatus::Failed => "code orders failed",
                OrderStatus::Expired => "code orders that never existed",
                OrderStatus::Unplaced
                | OrderStatus::Open
                | OrderStatus::Closing
                | OrderStatus::Closed
                | OrderStatus::Reversing
                | OrderStatus::Anomalous => "code orders with another end",
            };
            self.count(outcome);
        }
        let known: BTreeSet<(String, Fen)> =
            books.payments.get(key).into_iter().flatten().map(known).collect();
        let booked: BTreeSet<(String, Fen)> = record.into_iter().flat_map(booked).collect();
        // The payment of a charge that was reversed may never become known: it was returned.
        let is_returned = record.is_some_and(|record| record.trade_state == TradeState::Revoked);
        if is_returned {
            assert!(known.is_subset(&booked), "{shown}: a phantom payment");
            assert_eq!(order.status, OrderStatus::Reversed, "{shown}: its payment was returned");
            return;
        }
        assert_eq!(known, booked, "{shown}: the payments differ");
        let has_case = |kinds: &[CaseKind]| {
            books.cases.get(key).into_iter().flatten().any(|case| kinds.contains(&case.kind))
        };
        let allowed = 1 + usize::from(self.records().second_payments.contains(key));
        assert!(booked.len() <= allowed, "{shown}: the payer is charged twice because of us");
        if booked.len() > 1 {
            assert!(has_case(&[CaseKind::SecondPayment, CaseKind::PaidAfterClose]), "{shown}: no case");
        }
        let pays = booked.iter().any(|(_, total)| order.total == Some(*total));
        match order.status {
            OrderStatus::Paid => assert!(pays, "{shown}: a phantom payment"),
            OrderStatus::Anomalous => {
                assert!(!booked.is_empty(), "{shown}: anomalous without a payment");
                let kinds =
                    [CaseKind::PaidAfterClose, CaseKind::SecondPayment, CaseKind::ContradictoryEvidence];
                assert!(has_case(&kinds), "{shown}: anomalous without a case");
                assert!(
                    !pays || has_case(&[CaseKind::PaidAfterClose]),
                    "{shown}: it is paid with the right amount, and was never closed"
                );
            }
            OrderStatus::Closed | OrderStatus::Expired | OrderStatus::Failed => {
                assert!(booked.is_empty(), "{shown}: paid, and the ledger says {}", order.status);
                let state = record.map(|record| record.trade_state);
                if order.api_version == Some(ApiVersion::V3) {
                    let failed = (order.status == OrderStatus::Failed).then_some(TradeState::PayError);
                    assert!(
                        matches!(state, None | Some(TradeState::Closed)) || state == failed,
                        "{shown}: the ledger says {}, the gateway {state:?}: the payer can still pay",
                        order.status
                    );
                }
            }
            // The charge never arrived, or WeChat Pay has revoked it: see above.
            OrderStatus::Reversed => {
                assert!(record.is_none(), "{shown}: reversed, and the gateway says otherwise");
            }
            OrderStatus::Unplaced | OrderStatus::Open | OrderStatus::Closing | OrderStatus::Reversing => {
                panic!("{shown}: it ended as {}", order.status)
            }
        }
    }
}

fn known(row: &PaymentRow) -> (String, Fen) {
    (row.transaction_id.to_string(), row.total)
}

fn booked(record: &OrderRecord) -> Vec<(String, Fen)> {
    let total = |payer: Fen, discount: Fen| payer.checked_add(discount).unwrap();
    let payments = record.payments.iter();
    payments
        .map(|payment| (payment.transaction_id.to_string(), total(payment.payer_total, payment.discount)))
        .collect()
}

fn check_refunds(key: &OrderKey, record: Option<&OrderRecord>, books: &Books) {
    let shown = shown(key);
    let no_refunds = Vec::new();
    let known = books.refunds.get(key).unwrap_or(&no_refunds);
    let booked = record.map(|record| record.refunds.as_slice()).unwrap_or_default();
    let has_case = |kind: CaseKind| books.cases.get(key).into_iter().flatten().any(|case| case.kind == kind);
    for refund in booked {
        let row = known.iter().find(|row| row.out_refund_no == refund.out_refund_no);
        let row = row.unwrap_or_else(|| panic!("{shown}: refund {} is lost", refund.out_refund_no));
        let number = &row.out_refund_no;
        let expected = match refund.status {
            RecordedStatus::Success => RefundStatus::Success,
            RecordedStatus::Closed => RefundStatus::Closed,
            RecordedStatus::Abnormal => RefundStatus::Abnormal,
            RecordedStatus::Processing | _ => {
                panic!("{shown}: refund {number} is {:?} at the gateway", refund.status)
            }
        };
        assert_eq!(row.status, expected, "{shown}: refund {number}");
        if row.amount != refund.refund {
            assert!(has_case(CaseKind::ContradictoryEvidence), "{shown}: refund {number} has another amount");
        }
        if row.status == RefundStatus::Abnormal {
            assert!(has_case(CaseKind::RefundAbnormal), "{shown}: no case of the abnormal refund {number}");
        }
    }
    for row in known {
        let exists = booked.iter().any(|refund| refund.out_refund_no == row.out_refund_no);
        assert!(
            exists || row.status == RefundStatus::Closed,
            "{shown}: refund {} is {}, and the gateway does not have it",
            row.out_refund_no,
            row.status
        );
    }
    for payment in books.payments.get(key).into_iter().flatten() {
        let sum = |status: &[RefundStatus]| -> u64 {
            let rows = known.iter().filter(|row| row.transaction_id == payment.transaction_id);
            rows.filter(|row| status.contains(&row.status)).map(|row| row.amount.get()).sum()
        };
        assert_eq!(payment.refunded.get(), sum(&[RefundStatus::Success]), "{shown}: the sum of refunds");
        let exceeds = sum(&[RefundStatus::Success, RefundStatus::Abnormal]) > payment.total.get();
        assert!(
            !exceeds || has_case(CaseKind::RefundExceedsPayment) || has_case(CaseKind::ContradictoryEvidence),
            "{shown}: more is refunded than paid"
        );
    }
}

/// Returns an order in a message. Trace it to see how it came about.
pub(super) fn shown(key: &OrderKey) -> String {
    format!("{}/{}", key.merchant, key.out_trade_no)
}

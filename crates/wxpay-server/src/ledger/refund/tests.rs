//! A paid order and its refunds.

mod calls;
mod properties;
mod reports;
mod reserve;

use super::{
    BeginRefundCall, BegunRefundCall, EndRefundCall, LearnRefund, LearnedRefund, RecordRefundQuery,
    RefundAnswer, RefundCall, RefundQueried, RefundReport, ReserveRefund, Reserved,
};
use crate::{
    engine::model::Store,
    ledger::{
        Changes, Context, Operation, OrderKey, Scan, Subject,
        order::OrderState,
        rows::{
            case::{CaseKind, CaseRow},
            event::{EventType, OutboxRow},
            order::{OrderRow, OrderStatus},
            payment::{PaymentRow, Source},
            refund::{RefundRow, RefundStatus},
            task::{TaskKind, TaskRow},
        },
    },
};
use std::time::Duration;
use wxpay_proto::{
    Fen, UnixTime,
    id::{OutRefundNo, TransactionId},
};

#[derive(Clone, Debug)]
struct World {
    store: Store,
    now: UnixTime,
}

impl World {
    /// Creates an order `A1` with payments of these amounts: transactions `T0`, `T1`, …
    fn paid(totals: &[u64]) -> Self {
        let mut changes = Changes::default();
        let now = UnixTime::from_secs(1_700_000_000);
        let order = OrderRow {
            version: 1,
            status: OrderStatus::Paid,
            total: Some(Fen::new(totals[0])),
            currency: Some("CNY".into()),
            ..OrderRow::unplaced(&key(), now)
        };
        changes.insert(&order);
        for (index, total) in totals.iter().enumerate() {
            changes.insert(&PaymentRow {
                shard: key().shard(),
                merchant: key().merchant,
                out_trade_no: key().out_trade_no,
                transaction_id: transaction(index),
                total: Fen::new(*total),
                payer_total: None,
                currency: "CNY".into(),
                appid: None,
                bank_type: None,
                success_at: now,
                refund_reserved: Fen::ZERO,
                refunded: Fen::ZERO,
            });
        }
        let mut store = Store::default();
        store.apply(&changes).unwrap();
        Self { store, now }
    }

    fn run<O: Operation>(&mut self, operation: &O) -> O::Output {
        self.store.run(operation, &Context { now: self.now, random: 0 }).unwrap()
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    fn reserve(&mut self, number: &str, amount: u64) -> Reserved {
        self.reserve_of(number, amount, Some(transaction(0)))
    }

    fn reserve_of(&mut self, number: &str, amount: u64, transaction_id: Option<TransactionId>) -> Reserved {
        let terms_digest = format!("{amount}");
        self.run(&ReserveRefund {
            key: key(),
            out_refund_no: refund_no(number),
            transaction_id,
            amount: Fen::new(amount),
            reason: None,
            detail: None,
            terms_digest,
            requested_by: Some("key_1".into()),
            call_until: self.call_until(),
        })
    }

    fn begin(&mut self, number: &str) -> BegunRefundCall {
        let out_refund_no = refund_no(number);
        self.run(&BeginRefundCall { key: key(), out_refund_no, call_until: self.call_until() })
    }

    /// Ends the last call.
    fn end(&mut self, number: &str, result: RefundCall) -> OrderState {
        let call = self.state().refund_call(&refund_no(number));
        self.end_of(number, call, result)
    }

    fn end_of(&mut self, number: &str, call: u64, result: RefundCall) -> OrderState {
        self.run(&EndRefundCall { key: key(), out_refund_no: refund_no(number), call, result })
    }

    fn learn(&mut self, report: &RefundReport) -> LearnedRefund {
        self.run(&LearnRefund {
            key: key(),
            report: report.clone(),
            source: Source::Notification,
            inbox: None,
        })
    }

    /// Queries a refund that WeChat Pay does not have. The reply is signed now.
    fn query_absent(&mut self, number: &str) -> RefundQueried {
        let last_call = self.state().refund_call(&refund_no(number));
        self.query(number, RefundAnswer::NotFound { signed_at: self.now, last_call })
    }

    fn query_failed(&mut self, number: &str) -> RefundQueried {
        self.query(number, RefundAnswer::Failed { error: "timeout".into() })
    }

    fn query(&mut self, number: &str, answer: RefundAnswer) -> RefundQueried {
        let out_refund_no = refund_no(number);
        self.run(&RecordRefundQuery { key: key(), out_refund_no, answer, call_until: self.call_until() })
    }

    fn call_until(&self) -> UnixTime {
        self.now.after(Duration::from_secs(30))
    }

    fn state(&self) -> OrderState {
        OrderState {
            order: self.store.load(OrderRow::of(&key())).pop().unwrap(),
            payments: self.store.load(PaymentRow::of(&key())),
            refunds: self.store.load(RefundRow::of(&key())),
        }
    }

    fn refund(&self, number: &str) -> RefundRow {
        self.state().refund(&refund_no(number)).unwrap().clone()
    }

    /// Returns the reserved and the refunded amount of the first payment.
    fn sums(&self) -> (u64, u64) {
        let payment = self.state().payments[0].clone();
        (payment.refund_reserved.get(), payment.refunded.get())
    }

    fn task(&self, number: &str) -> Option<TaskRow> {
        let subject = Subject::refund(key().merchant, &refund_no(number));
        self.store.load(TaskRow::of(key().shard(), TaskKind::Refund, &subject)).pop()
    }

    fn events(&self) -> Vec<EventType> {
        self.store.scan(&Scan::<OutboxRow>::of("", 1000)).iter().map(|event| event.event_type).collect()
    }

    fn cases(&self) -> Vec<CaseRow> {
        self.store.scan(&Scan::<CaseRow>::of("", 1000))
    }

    fn case(&self, kind: CaseKind) -> CaseRow {
        let cases: Vec<CaseRow> = self.cases().into_iter().filter(|case| case.kind == kind).collect();
        assert_eq!(cases.len(), 1, "{kind}");
        cases[0].clone()
    }
}

fn key() -> OrderKey {
    OrderKey::new("shop1".parse().unwrap(), "A1".parse().unwrap())
}

fn transaction(index: usize) -> TransactionId {
    format!("T{index}").parse().unwrap()
}

fn refund_no(number: &str) -> OutRefundNo {
    number.parse().unwrap()
}

fn report(number: &str, amount: u64, status: RefundStatus) -> RefundReport {
    RefundReport {
        out_refund_no: refund_no(number),
        refund_id: Some(format!("WX{number}").parse().unwrap()),
        transaction_id: transaction(0),
        amount: Fen::new(amount),
        status,
        success_at: (status == RefundStatus::Success).then(|| UnixTime::from_secs(1_700_000_500)),
    }
}

fn refused(is_final: bool) -> RefundCall {
    RefundCall::Refused { code: "INVALID_REQUEST".into(), message: "no".into(), is_final }
}

//! Tests of the laws of orders, on the model engine.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "tests"
)]

mod audits;
mod closing;
mod codes;
mod codes_in_doubt;
mod payments;
mod permutations;
mod placing;
mod queries;

use super::{
    OrderState,
    close::{BeginClose, BegunClose, CloseCall, CloseKind, CloseResult, EndClose},
    learn::{LearnPayment, Learned, LearnedPayment},
    place::{PlaceOrder, Placed, PlacedTerms},
    prepay::{BeginPrepay, BegunPrepay, EndPrepay, PrepayCall, PrepayResult},
    query::{CallBegun, Queried, QueryAnswer, RecordQuery},
};
use crate::{
    engine::model::Store,
    ledger::{
        Context, Operation, OrderKey, Prefix, Subject,
        number::ClaimNumber,
        rows::{
            case::{CaseKind, CaseRow, CaseStatus},
            event::{EventType, OutboxRow},
            number::NumberKind,
            order::{ApiVersion, OrderStatus},
            payment::Source,
            task::{TaskKind, TaskRow},
        },
        schedule::Schedule,
    },
};
use std::{collections::BTreeSet, time::Duration};
use wxpay_proto::{Fen, UnixTime};

/// The time at which every test begins.
const START: UnixTime = UnixTime::from_secs(1_800_000_000);
const LIFETIME: Duration = Duration::from_hours(2);
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// A ledger with a clock, and WeChat Pay's clock.
#[derive(Clone, Debug)]
struct Book {
    store: Store,
    /// Our clock.
    now: UnixTime,
    /// The clock that WeChat Pay signs with.
    signed: UnixTime,
}

fn key(number: &str) -> OrderKey {
    key_of("shop1", number)
}

fn key_of(merchant: &str, number: &str) -> OrderKey {
    OrderKey::new(merchant.parse().unwrap(), number.parse().unwrap())
}

fn terms(total: u64) -> PlacedTerms {
    PlacedTerms {
        json: format!(r#"{{"total":{total}}}"#),
        digest: format!("digest of {total}"),
        api_version: ApiVersion::V3,
        channel: "native".into(),
        appid: Some("wxd678efh567hg6787".into()),
        sub_mchid: None,
        total: Fen::new(total),
        currency: "CNY".into(),
        payer: None,
    }
}

/// A payment of 100 fen. Transactions are told apart by their serial, which is also the time of payment.
fn payment(serial: u64) -> LearnedPayment {
    LearnedPayment {
        transaction_id: format!("42000000000000000000000000{serial:02}").parse().unwrap(),
        total: Fen::new(100),
        payer_total: Some(Fen::new(90)),
        currency: "CNY".into(),
        appid: None,
        bank_type: Some("OTHERS".into()),
        payer: Some("openid of the payer".into()),
        success_at: START.after(Duration::from_secs(serial)),
    }
}

impl Book {
    fn new() -> Self {
        Self { store: Store::default(), now: START, signed: START }
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
        self.signed = self.signed.after(Duration::from_secs(seconds));
    }

    fn run<O: Operation>(&mut self, operation: &O) -> O::Output {
        self.store.run(operation, &Context { now: self.now, random: 0 }).unwrap()
    }

    /// Places an order. The call that this begins, if any, is certainly not sent.
    fn place(&mut self, key: &OrderKey, terms: PlacedTerms) -> Placed {
        let placed = self.begin_placing(key, terms);
        if let Placed::Created { call: Some(call), .. } | Placed::Existing { call: Some(call), .. } = &placed
        {
            self.end_prepay(key, call, PrepayResult::NotSent);
        }
        placed
    }

    /// Places an order and begins its prepay call.
    fn begin_placing(&mut self, key: &OrderKey, terms: PlacedTerms) -> Placed {
        let (expires_at, call_until) = (self.now.after(LIFETIME), self.now.after(CALL_DEADLINE));
        self.run(&PlaceOrder {
            key: key.clone(),
            terms,
            metadata: None,
            expires_at,
            call_until,
            schedule: Schedule::default(),
        })
    }

    fn begin_prepay(&mut self, key: &OrderKey, terms: &PlacedTerms) -> BegunPrepay {
        let call_until = self.now.after(CALL_DEADLINE);
        self.run(&BeginPrepay {
            key: key.clone(),
            terms_digest: terms.digest.clone(),
            call_until,
            schedule: Schedule::default(),
        })
    }

    /// Begins a prepay call that must begin.
    fn send_prepay(&mut self, key: &OrderKey, terms: &PlacedTerms) -> PrepayCall {
        match self.begin_prepay(key, terms) {
            BegunPrepay::Begun { call, .. } => call,
            other => panic!("{other:?}"),
        }
    }

    fn end_prepay(&mut self, key: &OrderKey, call: &PrepayCall, result: PrepayResult) -> OrderState {
        self.run(&EndPrepay { key: key.clone(), call: call.clone(), result, schedule: Schedule::default() })
            .unwrap()
    }

    fn prepared(&self) -> PrepayResult {
        PrepayResult::Prepared { prepay: "{}".into(), expires_at: self.now.after(LIFETIME) }
    }

    /// Places an order and ends its prepay call with success.
    fn open(&mut self, key: &OrderKey) {
        self.place(key, terms(100));
        let call = self.send_prepay(key, &terms(100));
        let prepared = self.prepared();
        self.end_prepay(key, &call, prepared);
    }

    /// Claims the transaction, then learns the payment.
    fn learn(&mut self, key: &OrderKey, payment: &LearnedPayment, source: Source) -> Learned {
        let owner = self.run(&ClaimNumber {
            merchant: key.merchant.clone(),
            kind: NumberKind::Transaction,
            number: payment.transaction_id.as_str().into(),
            owner: key.subject(),
        });
        self.learn_owned(key, payment, owner, source)
    }

    fn learn_owned(
        &mut self,
        key: &OrderKey,
        payment: &LearnedPayment,
        owner: Subject,
        source: Source,
    ) -> Learned {
        self.run(&LearnPayment {
            key: key.clone(),
            payment: payment.clone(),
            owner,
            source,
            begun: None,
            inbox: None,
            schedule: Schedule::default(),
        })
    }

    fn begin_call(&self, key: &OrderKey) -> CallBegun {
        self.state(key).begin_call()
    }

    /// Queries at once: the answer is signed now.
    fn query(&mut self, key: &OrderKey, answer: QueryAnswer) -> Queried {
        let begun = self.begin_call(key);
        self.answer(key, begun, answer)
    }

    fn answer(&mut self, key: &OrderKey, begun: CallBegun, answer: QueryAnswer) -> Queried {
        let signed_at = Some(self.signed);
        let (steady_at, schedule) = (self.signed, Schedule::default());
        self.run(&RecordQuery { key: key.clone(), begun, answer, signed_at, steady_at, schedule })
    }

    fn begin_close(&mut self, key: &OrderKey, kind: CloseKind, requested: bool) -> BegunClose {
        let (signed_at, schedule) = (Some(self.signed), Schedule::default());
        self.run(&BeginClose { key: key.clone(), kind, requested, signed_at, schedule })
    }

    /// Begins a close call that must begin.
    fn send_close(&mut self, key: &OrderKey, kind: CloseKind) -> CloseCall {
        match self.begin_close(key, kind, true) {
            BegunClose::Begun { call, .. } => call,
            other => panic!("{other:?}"),
        }
    }

    fn end_close(&mut self, key: &OrderKey, call: CloseCall, result: CloseResult) -> OrderState {
        let signed_at = Some(self.signed);
        self.run(&EndClose { key: key.clone(), call, result, signed_at, schedule: Schedule::default() })
            .unwrap()
    }

    fn state(&self, key: &OrderKey) -> OrderState {
        let order = self.store.load(crate::ledger::rows::order::OrderRow::of(key)).pop().unwrap();
        let payments = self.store.load(crate::ledger::rows::payment::PaymentRow::of(key));
        OrderState { order, payments, refunds: Vec::new() }
    }

    fn status(&self, key: &OrderKey) -> OrderStatus {
        self.state(key).order.status
    }

    fn may_exist(&self, key: &OrderKey) -> bool {
        self.state(key).order.may_exist_upstream
    }

    /// Returns the types of the events of an order, in their order.
    fn events(&self, key: &OrderKey) -> Vec<EventType> {
        let prefix: Prefix<OutboxRow> = Prefix::all().and(&key.shard()).and(&key.subject());
        let rows = self.store.load(prefix);
        let seqs: Vec<u64> = rows.iter().map(|row| row.seq).collect();
        let expected: Vec<u64> = (1..=u64::try_from(rows.len()).unwrap()).collect();
        assert_eq!(seqs, expected, "the events of an order are numbered without gaps");
        rows.into_iter().map(|row| row.event_type).collect()
    }

    fn count(&self, key: &OrderKey, event_type: EventType) -> usize {
        self.events(key).into_iter().filter(|each| *each == event_type).count()
    }

    /// Returns kind and transaction of the open cases of an order.
    fn open_cases(&self, key: &OrderKey) -> BTreeSet<(CaseKind, Option<String>)> {
        let cases = self.store.load(Prefix::<CaseRow>::all());
        let about =
            cases.into_iter().filter(|case| case.subject == key.subject() && case.status == CaseStatus::Open);
        let transaction = |case: &CaseRow| {
            let data: serde_json::Value = serde_json::from_str(&case.data).unwrap();
            data["transaction_id"].as_str().map(Into::into)
        };
        about.map(|case| (case.kind, transaction(&case))).collect()
    }

    fn open_kinds(&self, key: &OrderKey) -> Vec<CaseKind> {
        self.open_cases(key).into_iter().map(|(kind, _)| kind).collect()
    }

    fn task(&self, key: &OrderKey) -> Option<TaskRow> {
        self.store.load(TaskRow::of(key.shard(), TaskKind::Order, &key.subject())).pop()
    }
}

fn unpaid() -> QueryAnswer {
    QueryAnswer::Unpaid { trade_state: "NOTPAY".into() }
}

//! Many orders with at least three network failures each, in virtual time.
//!
//! Whatever the network does: every flow ends; no error has the fate `NotSent` or `Refused` if the gateway has the order
//! or the refund; unverified data changes nothing; and in the end the merged evidence equals the gateway's ledger.
//! `WXPAY_ORDERS` sets the number of orders; CI uses 100 000.

mod network;
mod notifications;
mod sharing;

use network::{FailingNetwork, NetworkFailure};
use sharing::Shared;
use std::time::Duration;
use wxpay_proto::{
    Error, Fate, Fen, UnixTime,
    error::PendingOperation,
    id::{AppId, OutRefundNo, OutTradeNo},
    payment::{Evidence, PaymentState, PaymentStatus, Transition},
    v3::{
        Ack, Event, Merchant, Party, Resolved,
        pay::{
            AppOrder, CloseOrder, H5Info, H5Order, JsapiOrder, NativeOrder, Order, OrderLookup,
            Payer as WillPay, QueryOrder,
        },
        refund,
    },
};
use wxpay_sim::{
    Settings,
    faults::{Fault, FaultRule, Operation},
    gateway::{OrderRef, Payer},
    keys::KeySource,
    ledger::v3::{TradeState, TransactionRecord},
    notifications::DeliveryResult,
};
use wxpay_testkit::{
    drive::Driver,
    network::{SimNetwork, v3},
};

/// The number of orders per gateway.
const BATCH: usize = 500;

/// A seeded random number generator: the same seed gives the same failures.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    fn failures(&mut self, at_least: u64, at_most: u64) -> Vec<NetworkFailure> {
        let count = at_least + self.below(at_most - at_least + 1);
        (0..count).map(|_| NetworkFailure::ALL[usize::try_from(self.below(15)).unwrap()]).collect()
    }
}

#[allow(clippy::print_stdout, reason = "prints a summary of the run")]
#[test]
fn network_failures_lose_no_order_and_charge_no_payer_twice() {
    let wanted: usize = std::env::var("WXPAY_ORDERS").map_or(2_000, |orders| orders.parse().unwrap());
    let batches = wanted.div_ceil(BATCH);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let totals: Vec<Total> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mut total = Total::default();
                    for batch in (thread..batches).step_by(threads) {
                        run_batch(u64::try_from(batch).unwrap(), &mut total);
                    }
                    total
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let sum = |of: fn(&Total) -> usize| totals.iter().map(of).sum::<usize>();
    assert_eq!(sum(|total| total.orders), batches * BATCH);
    println!(
        "{} orders, {} failures, {} paid, {} refunded, {} shared, {} resolved, {} notifications rejected",
        sum(|total| total.orders),
        sum(|total| total.failures),
        sum(|total| total.paid),
        sum(|total| total.refunded),
        sum(|total| total.shared),
        sum(|total| total.resolved),
        sum(|total| total.rejected),
    );
    for (what, count) in [
        ("paid", sum(|total| total.paid)),
        ("resolved", sum(|total| total.resolved)),
        ("rejected", sum(|total| total.rejected)),
        ("paid twice", sum(|total| total.paid_twice)),
        ("refunded", sum(|total| total.refunded)),
        ("shared", sum(|total| total.shared)),
    ] {
        assert!(count > 0, "a run in which nothing is {what} proves nothing");
    }
}

#[derive(Default)]
struct Total {
    orders: usize,
    failures: usize,
    paid: usize,
    paid_twice: usize,
    refunded: usize,
    shared: usize,
    resolved: usize,
    rejected: usize,
}

/// One shop and its gateway.
struct Shop {
    lab: Driver,
    storm: FailingNetwork,
    me: Merchant,
    appid: AppId,
    chance: Rng,
    books: Vec<OrderRecord>,
}

/// The shop's record of one order.
struct OrderRecord {
    number: OutTradeNo,
    state: PaymentState,
    effects: Vec<Transition>,
    shared: Option<Shared>,
}

impl OrderRecord {
    fn merge(&mut self, evidence: &Evidence) {
        let before = self.state.clone();
        self.state.merge(evidence).unwrap();
        self.effects.extend(self.state.transitions_since(&before));
    }
}

fn run_batch(batch: u64, total: &mut Total) {
    let mut shop = Shop::open(batch);
    shop.add_receiver();
    for serial in 0..BATCH {
        shop.order(serial, total);
    }
    shop.receive_notifications(total);
    for index in 0..BATCH {
        shop.query_until_failures_are_used_up(index);
        match shop.chance.below(4) {
            0 => shop.refund(index, total),
            1 => shop.close(index, total),
            2 => shop.share(index, total),
            _ => {}
        }
    }
    shop.receive_notifications(total);
    shop.stop_failures_and_compare(total);
}

impl Shop {
    fn open(batch: u64) -> Self {
        let mut settings = Settings::default();
        settings.v3.key_source = KeySource::Quick;
        settings.v3.probes_per_mille = 20;
        let wire = SimNetwork::new(settings, batch);
        let known = wire.gateway.merchant().clone();
        let me = v3::public_key_builder(&wire.gateway, &known).build();
        let mut lab = Driver::default();
        lab.now = UnixTime::from_secs(1_795_500_000);
        let appid = known.appids()[0].clone();
        Self { lab, storm: FailingNetwork::over(wire), me, appid, chance: Rng(batch), books: Vec::new() }
    }

    fn order(&mut self, serial: usize, total: &mut Total) {
        let number: OutTradeNo = format!("STORM{serial:08}").parse().unwrap();
        let price = Fen::new(100 + self.chance.below(10_000));
        let script = self.chance.failures(1, 5);
        self.storm.await_for(number.as_str(), script);
        self.add_notification_faults(&number);

        let placed = self.place(&number, price);
        let held = self.recorded(&number);
        self.books.push(OrderRecord {
            number: number.clone(),
            state: PaymentState::new(number.clone(), price),
            effects: Vec::new(),
            shared: None,
        });
        let exists = held.is_some();
        let pending_operation = PendingOperation::Order { out_trade_no: number.clone(), sub_mchid: None };
        self.check_result(placed, &pending_operation, exists, total);
        if exists && !self.chance.one_in(4) {
            self.pay(&number, price, total);
        }
        self.lab.wait(Duration::from_millis(self.chance.below(4_000)));
        total.orders += 1;
    }

    /// Places an order with a random payment method.
    fn place(&mut self, number: &OutTradeNo, price: Fen) -> Result<(), Error> {
        let notify_url = "https://shop.example/notify/v3".parse().unwrap();
        let order = Order::builder(self.appid.clone(), number.clone(), price, "千足金箍棒", notify_url)
            .attach("basket")
            .profit_sharing(true)
            .payer_client_ip([203, 0, 113, 7].into())
            .build()
            .unwrap();
        let (lab, storm, me) = (&mut self.lab, &mut self.storm, &self.me);
        match self.chance.below(4) {
            0 => {
                let payer = WillPay::new(storm.wire.gateway.payer().clone());
                lab.run(me.call(JsapiOrder::new(order, payer).unwrap()), storm).map(drop)
            }
            1 => lab.run(me.call(AppOrder::new(order)), storm).map(drop),
            2 => lab.run(me.call(NativeOrder::new(order)), storm).map(drop),
            _ => lab.run(me.call(H5Order::new(order, H5Info::wap()).unwrap()), storm).map(drop),
        }
    }

    /// Compares a result with the gateway's records, and resolves an unknown outcome.
    fn check_result(
        &mut self,
        result: Result<(), Error>,
        owed: &PendingOperation,
        held: bool,
        total: &mut Total,
    ) {
        let mut error = match result {
            Ok(()) => return assert!(held, "{owed:?} succeeded, but the gateway does not have it"),
            Err(error) => error,
        };
        let pending_operation = error.unresolved();
        match error.fate() {
            Fate::NotSent | Fate::Refused => {
                assert!(!held, "{owed:?}: {error:?}, but the gateway has it");
                return assert!(pending_operation.is_none());
            }
            Fate::Unknown => {}
        }
        let mut pending_operation =
            pending_operation.expect("an unknown outcome must have an unresolved operation");
        assert_eq!(pending_operation.pending_operation(), owed);
        // The failures may outlast one resolve; then the operation stays unresolved.
        for _ in 0..5 {
            match self.lab.run(self.me.resolve(pending_operation), &mut self.storm) {
                Ok(settled) => {
                    total.resolved += 1;
                    let known = !matches!(settled, Resolved::NotFound);
                    return assert_eq!(known, held, "{owed:?}: resolved wrongly");
                }
                Err(mut error) => {
                    assert_eq!(error.fate(), Fate::Unknown);
                    pending_operation =
                        error.unresolved().expect("a failed resolve must keep the operation unresolved");
                }
            }
        }
        panic!("{owed:?}: not resolved after five attempts");
    }

    /// Refunds part of a paid order.
    fn refund(&mut self, index: usize, total: &mut Total) {
        let book = &self.books[index];
        let (order, ordered) = (book.number.clone(), book.state.ordered());
        if !matches!(book.state.status(), PaymentStatus::Paid(_)) {
            return;
        }
        let number: OutRefundNo = format!("BACK{order}").parse().unwrap();
        let script = self.chance.failures(1, 4);
        self.storm.await_for(number.as_str(), script);
        let part = Fen::new(1 + self.chance.below(ordered.get()));
        let create =
            refund::CreateRefund::builder(order.clone(), number.clone(), part, ordered).build().unwrap();
        let result = self.lab.run(self.me.call(create), &mut self.storm).map(drop);
        let back: Vec<_> = self.recorded(&order).unwrap().refunds;
        assert!(back.len() <= 1, "{order} was refunded twice");
        let held = back.iter().any(|record| record.out_refund_no == number && record.refund == part);
        total.refunded += usize::from(held);
        self.check_result(
            result,
            &PendingOperation::Refund { out_refund_no: number, sub_mchid: None },
            held,
            total,
        );
    }

    /// Closes an order; a paid order must stay paid.
    fn close(&mut self, index: usize, total: &mut Total) {
        let number = self.books[index].number.clone();
        let Some(before) = self.recorded(&number) else { return };
        let script = self.chance.failures(1, 4);
        self.storm.await_for(number.as_str(), script);
        let result =
            self.lab.run(self.me.call(CloseOrder::new(number.clone(), Party::Direct)), &mut self.storm);
        let after = self.recorded(&number).unwrap().trade_state;
        let paid = before.trade_state == TradeState::Success;
        match &result {
            Ok(()) => assert_eq!(after, TradeState::Closed, "{number} was not closed"),
            Err(error) if error.fate() != Fate::Unknown => {
                assert_ne!(after, TradeState::Closed, "{number}: {error:?}, but it is closed");
            }
            Err(_) => {}
        }
        assert_eq!(after == TradeState::Success, paid, "{number}: closing changed what was paid");
        if let Err(error) = result
            && error.fate() == Fate::Unknown
        {
            // Closed or not, the order exists, so it must be found.
            let owed = PendingOperation::Order { out_trade_no: number, sub_mchid: None };
            self.check_result(Err(error), &owed, true, total);
        }
    }

    fn pay(&mut self, number: &OutTradeNo, price: Fen, total: &mut Total) {
        let gateway = &mut self.storm.wire.gateway;
        let discount =
            if self.chance.one_in(3) { Fen::new(self.chance.below(price.get())) } else { Fen::ZERO };
        let payer = Payer::default().with_discount(discount);
        let named = OrderRef::OutTradeNo(number.clone());
        gateway.pay_transaction(&named, &payer, self.lab.now).unwrap();
        total.paid += 1;
        if self.chance.one_in(20) {
            gateway.inject(
                FaultRule::new(Fault::SecondPayment)
                    .for_operation(Operation::Pay)
                    .for_order(number.clone())
                    .at_most(1),
            );
            gateway.pay_transaction(&named, &Payer::default(), self.lab.now).unwrap();
            total.paid_twice += 1;
        }
    }

    /// Adds random notification faults for an order.
    fn add_notification_faults(&mut self, number: &OutTradeNo) {
        const TROUBLES: [Fault; 4] = [
            Fault::NotificationLost,
            Fault::NotificationDuplicated,
            Fault::NotificationReordered,
            Fault::NotificationForged,
        ];
        for trouble in TROUBLES {
            if self.chance.one_in(3) {
                let rule = FaultRule::new(trouble)
                    .for_operation(Operation::Notification)
                    .for_order(number.clone())
                    .at_most(1);
                self.storm.wire.gateway.inject(rule);
            }
        }
    }

    /// Receives all notifications. Some are tampered with first, and some get no response.
    fn receive_notifications(&mut self, total: &mut Total) {
        while let Some(due) = self.storm.wire.gateway.next_due() {
            self.lab.now = self.lab.now.max(due);
            for delivery in self.storm.wire.gateway.due_deliveries(self.lab.now) {
                let tampered = self.chance.one_in(10);
                let received = if tampered {
                    let mut body = delivery.body().to_vec();
                    let at = body.len() / 2;
                    body[at] ^= 1;
                    delivery
                        .headers()
                        .iter()
                        .fold(wxpay_proto::v3::RawNotification::new(body), |received, (name, value)| {
                            received.header(name, value.as_bytes())
                        })
                } else {
                    v3::received(&delivery)
                };
                let ack = match self.lab.run(self.me.verify_notification(received), &mut self.storm) {
                    Ok(notification) => {
                        assert!(!tampered && !delivery.is_forged(), "a tampered notification was accepted");
                        self.apply_event(notification.event().unwrap())
                    }
                    Err(error) => {
                        total.rejected += 1;
                        Ack::for_error(&error)
                    }
                };
                let reply = ack.response();
                let result = if self.chance.one_in(10) {
                    DeliveryResult::NoResponse
                } else {
                    DeliveryResult::Response { status: reply.status(), body: reply.body().to_vec() }
                };
                self.storm.wire.gateway.record_delivery(delivery.id(), &result, self.lab.now);
            }
        }
    }

    fn apply_event(&mut self, event: Event) -> Ack {
        let transaction = match event {
            Event::Transaction(transaction) => transaction,
            Event::Refund(told) => {
                let held = self.recorded(&told.out_trade_no).unwrap();
                assert!(held.refunds.iter().any(|record| record.out_refund_no == told.out_refund_no));
                return Ack::Success;
            }
            Event::ProfitSharing(told) => {
                self.check_profit_sharing_notification(&told);
                return Ack::Success;
            }
            other => panic!("unexpected event: {other:?}"),
        };
        let evidence =
            transaction.evidence().expect("a notification of success must be evidence of a payment");
        let book = self.books.iter_mut().find(|book| book.number == *evidence.out_trade_no()).unwrap();
        book.merge(&evidence);
        if self.chance.one_in(8) { Ack::Fail } else { Ack::Success }
    }

    /// Queries until all failures of the order have occurred, at least three.
    fn query_until_failures_are_used_up(&mut self, index: usize) {
        let number = self.books[index].number.clone();
        let struck = self.storm.struck.get(number.as_str()).copied().unwrap_or_default();
        let missing = 3_usize.saturating_sub(struck + self.storm.coming(number.as_str()));
        let missing = u64::try_from(missing).unwrap();
        let script = self.chance.failures(missing, missing + 1);
        self.storm.await_for(number.as_str(), script);
        while self.storm.coming(number.as_str()) > 0 {
            self.query(index).ok();
        }
    }

    fn query(&mut self, index: usize) -> Result<(), Error> {
        let number = self.books[index].number.clone();
        let queried = self
            .lab
            .run(self.me.call(QueryOrder::out_trade_no(number.clone(), Party::Direct)), &mut self.storm)?;
        let held = self.recorded(&number);
        assert_eq!(matches!(queried, OrderLookup::Found(_)), held.is_some(), "{number}");
        if let Some(evidence) = queried.evidence() {
            self.books[index].merge(&evidence);
        }
        Ok(())
    }

    fn recorded(&self, number: &OutTradeNo) -> Option<TransactionRecord> {
        self.storm.wire.gateway.transaction(&OrderRef::OutTradeNo(number.clone()), self.lab.now)
    }

    /// Stops all failures, queries once more, and compares the shop's records with the gateway's ledger.
    fn stop_failures_and_compare(&mut self, total: &mut Total) {
        self.storm.calm();
        self.storm.wire.gateway.settings_mut().v3.probes_per_mille = 0;
        for index in 0..self.books.len() {
            self.query(index).unwrap();
            self.compare_profit_sharing(index);
            let book = &self.books[index];
            let struck = self.storm.struck.get(book.number.as_str()).copied().unwrap_or_default();
            assert!(struck >= 3, "{}: only {struck} failures", book.number);
            total.failures += struck;
            let Some(held) = self.recorded(&book.number) else {
                assert!(
                    book.state.payments().next().is_none(),
                    "{}: paid, but the gateway has no such order",
                    book.number
                );
                continue;
            };
            let known: Vec<_> = book
                .state
                .payments()
                .map(|paid| {
                    (paid.transaction_id().clone(), paid.total_fee(), paid.discount(), paid.time_end())
                })
                .collect();
            let mut charged: Vec<_> = held
                .payments
                .iter()
                .map(|paid| {
                    let time = UnixTime::from_secs(paid.success_at);
                    (paid.transaction_id.clone(), paid.payer_total, paid.discount, time)
                })
                .collect();
            charged.sort_by(|one, other| (one.3, &one.0).cmp(&(other.3, &other.0)));
            assert_eq!(
                known, charged,
                "{}: the shop's records differ from the gateway's ledger",
                book.number
            );
            let paid = matches!(held.trade_state, TradeState::Success | TradeState::Refund);
            assert_eq!(matches!(book.state.status(), PaymentStatus::Paid(_)), paid, "{}", book.number);
            let told = book.effects.iter().filter(|effect| matches!(effect, Transition::Paid(_))).count();
            assert_eq!(
                told,
                usize::from(paid),
                "{}: the payment had {told} transitions to paid",
                book.number
            );
            assert_eq!(
                book.effects.len(),
                charged.len(),
                "{}: each payment must have one effect",
                book.number
            );
        }
    }
}

//! Many orders with at least three network failures each, in virtual time.
//!
//! These rules hold for every failure of the network:
//! * every flow ends;
//! * no error has the fate `NotSent` or `Refused` if the gateway has the order or the refund;
//! * unverified data changes nothing;
//! * in the end, the merged evidence equals the gateway's ledger.
//!
//! `WXPAY_ORDERS` sets the number of orders; CI uses 100 000.

mod network;
mod notifications;
mod profit_sharing;

use network::{FailingNetwork, NetworkFailure};
use profit_sharing::Shared;
use std::time::Duration;
use wxpay_proto::{
    Error, Fate, Fen, UnixTime,
    error::PendingOperation,
    id::{AppId, OutRefundNo, OutTradeNo},
    payment::{Evidence, PaymentState, PaymentStatus, TransactionOwners, Transition},
    v3::{
        Ack, Event, Merchant, Party, Resolved,
        pay::{
            AppOrder, CloseOrder, H5Info, H5Order, JsapiOrder, NativeOrder, Order, OrderLookup,
            Payer as OrderPayer, QueryOrder,
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
    let orders: usize = std::env::var("WXPAY_ORDERS").map_or(2_000, |orders| orders.parse().unwrap());
    let batches = orders.div_ceil(BATCH);
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
    for (outcome, count) in [
        ("paid", sum(|total| total.paid)),
        ("resolved", sum(|total| total.resolved)),
        ("rejected", sum(|total| total.rejected)),
        ("paid twice", sum(|total| total.paid_twice)),
        ("refunded", sum(|total| total.refunded)),
        ("shared", sum(|total| total.shared)),
    ] {
        assert!(count > 0, "nothing was {outcome}, so this run does not test that case");
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
    driver: Driver,
    network: FailingNetwork,
    merchant: Merchant,
    appid: AppId,
    rng: Rng,
    records: Vec<OrderRecord>,
    owners: TransactionOwners,
}

/// The shop's record of one order.
struct OrderRecord {
    number: OutTradeNo,
    state: PaymentState,
    transitions: Vec<Transition>,
    shared: Option<Shared>,
}

impl OrderRecord {
    fn merge(&mut self, evidence: &Evidence, owners: &mut TransactionOwners) {
        let before = self.state.clone();
        self.state.merge(evidence, owners.claim(evidence)).unwrap();
        self.transitions.extend(self.state.transitions_since(&before));
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
        match shop.rng.below(4) {
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
        settings.v3.key_source = KeySource::Fake;
        settings.v3.probes_per_mille = 20;
        let sim = SimNetwork::new(settings, batch);
        let merchant = sim.gateway.merchant().clone();
        let me = v3::public_key_builder(&sim.gateway, &merchant).build();
        let mut driver = Driver::default();
        driver.now = UnixTime::from_secs(1_795_500_000);
        let appid = merchant.appids()[0].clone();
        Self {
            driver,
            network: FailingNetwork::new(sim),
            merchant: me,
            appid,
            rng: Rng(batch),
            records: Vec::new(),
            owners: TransactionOwners::default(),
        }
    }

    fn order(&mut self, serial: usize, total: &mut Total) {
        let number: OutTradeNo = format!("STORM{serial:08}").parse().unwrap();
        let price = Fen::new(100 + self.rng.below(10_000));
        let failures = self.rng.failures(1, 5);
        self.network.add_failures(number.as_str(), failures);
        self.add_notification_faults(&number);

        let result = self.place(&number, price);
        let recorded = self.recorded(&number);
        self.records.push(OrderRecord {
            number: number.clone(),
            state: PaymentState::new(number.clone(), price),
            transitions: Vec::new(),
            shared: None,
        });
        let exists = recorded.is_some();
        let pending_operation = PendingOperation::Order { out_trade_no: number.clone(), sub_mchid: None };
        self.check_result(result, &pending_operation, exists, total);
        if exists && !self.rng.one_in(4) {
            self.pay(&number, price, total);
        }
        self.driver.wait(Duration::from_millis(self.rng.below(4_000)));
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
        let (driver, network, merchant) = (&mut self.driver, &mut self.network, &self.merchant);
        match self.rng.below(4) {
            0 => {
                let payer = OrderPayer::new(network.sim.gateway.payer().clone());
                driver.run(merchant.call(JsapiOrder::new(order, payer).unwrap()), network).map(drop)
            }
            1 => driver.run(merchant.call(AppOrder::new(order)), network).map(drop),
            2 => driver.run(merchant.call(NativeOrder::new(order)), network).map(drop),
            _ => driver.run(merchant.call(H5Order::new(order, H5Info::wap()).unwrap()), network).map(drop),
        }
    }

    /// Compares a result with the gateway's records, and resolves an unknown outcome.
    fn check_result(
        &mut self,
        result: Result<(), Error>,
        operation: &PendingOperation,
        recorded: bool,
        total: &mut Total,
    ) {
        let mut error = match result {
            Ok(()) => return assert!(recorded, "{operation:?} succeeded, but the gateway does not have it"),
            Err(error) => error,
        };
        let unresolved = error.unresolved();
        match error.fate() {
            Some(Fate::NotSent | Fate::Refused) => {
                assert!(!recorded, "{operation:?}: {error:?}, but the gateway has it");
                return assert!(unresolved.is_none());
            }
            Some(Fate::Unknown) => {}
            None => panic!("{operation:?} is no read, but its error has no fate"),
        }
        let mut unresolved = unresolved.expect("an unknown outcome must have an unresolved operation");
        assert_eq!(unresolved.pending_operation(), operation);
        // The failures may outlast one resolve; then the operation stays unresolved.
        for _ in 0..5 {
            match self.driver.run(self.merchant.resolve(unresolved), &mut self.network) {
                Ok(resolved) => {
                    total.resolved += 1;
                    let exists = !matches!(resolved, Resolved::NotFound);
                    return assert_eq!(exists, recorded, "{operation:?}: resolved wrongly");
                }
                Err(mut error) => {
                    assert_eq!(error.fate(), Some(Fate::Unknown));
                    unresolved =
                        error.unresolved().expect("a failed resolve must keep the operation unresolved");
                }
            }
        }
        panic!("{operation:?}: not resolved after five attempts");
    }

    /// Refunds part of a paid order.
    fn refund(&mut self, index: usize, total: &mut Total) {
        let record = &self.records[index];
        let (order, ordered) = (record.number.clone(), record.state.ordered());
        if !matches!(record.state.status(), PaymentStatus::Paid(_)) {
            return;
        }
        let number: OutRefundNo = format!("REFUND{order}").parse().unwrap();
        let failures = self.rng.failures(1, 4);
        self.network.add_failures(number.as_str(), failures);
        let amount = Fen::new(1 + self.rng.below(ordered.get()));
        let create =
            refund::CreateRefund::builder(order.clone(), number.clone(), amount, ordered).build().unwrap();
        let result = self.driver.run(self.merchant.call(create), &mut self.network).map(drop);
        let refunds: Vec<_> = self.recorded(&order).unwrap().refunds;
        assert!(refunds.len() <= 1, "{order} was refunded twice");
        let recorded = refunds.iter().any(|record| record.out_refund_no == number && record.refund == amount);
        total.refunded += usize::from(recorded);
        self.check_result(
            result,
            &PendingOperation::Refund { out_refund_no: number, sub_mchid: None },
            recorded,
            total,
        );
    }

    /// Closes an order; a paid order must stay paid.
    fn close(&mut self, index: usize, total: &mut Total) {
        let number = self.records[index].number.clone();
        let Some(before) = self.recorded(&number) else { return };
        let failures = self.rng.failures(1, 4);
        self.network.add_failures(number.as_str(), failures);
        let result = self
            .driver
            .run(self.merchant.call(CloseOrder::new(number.clone(), Party::Direct)), &mut self.network);
        let after = self.recorded(&number).unwrap().trade_state;
        let paid = before.trade_state == TradeState::Success;
        match &result {
            Ok(()) => assert_eq!(after, TradeState::Closed, "{number} was not closed"),
            Err(error) if error.fate() != Some(Fate::Unknown) => {
                assert_ne!(after, TradeState::Closed, "{number}: {error:?}, but it is closed");
            }
            Err(_) => {}
        }
        assert_eq!(after == TradeState::Success, paid, "{number}: closing changed what was paid");
        if let Err(error) = result
            && error.fate() == Some(Fate::Unknown)
        {
            // Closed or not, the order exists, so it must be found.
            let operation = PendingOperation::Order { out_trade_no: number, sub_mchid: None };
            self.check_result(Err(error), &operation, true, total);
        }
    }

    fn pay(&mut self, number: &OutTradeNo, price: Fen, total: &mut Total) {
        let gateway = &mut self.network.sim.gateway;
        let discount = if self.rng.one_in(3) { Fen::new(self.rng.below(price.get())) } else { Fen::ZERO };
        let payer = Payer::default().with_discount(discount);
        let order = OrderRef::OutTradeNo(number.clone());
        gateway.pay_transaction(&order, &payer, self.driver.now).unwrap();
        total.paid += 1;
        if self.rng.one_in(20) {
            gateway.inject(
                FaultRule::new(Fault::SecondPayment)
                    .for_operation(Operation::Pay)
                    .for_order(number.clone())
                    .at_most(1),
            );
            gateway.pay_transaction(&order, &Payer::default(), self.driver.now).unwrap();
            total.paid_twice += 1;
        }
    }

    /// Adds random notification faults for an order.
    fn add_notification_faults(&mut self, number: &OutTradeNo) {
        const FAULTS: [Fault; 4] = [
            Fault::NotificationLost,
            Fault::NotificationDuplicated,
            Fault::NotificationReordered,
            Fault::NotificationForged,
        ];
        for fault in FAULTS {
            if self.rng.one_in(3) {
                let rule = FaultRule::new(fault)
                    .for_operation(Operation::Notification)
                    .for_order(number.clone())
                    .at_most(1);
                self.network.sim.gateway.inject(rule);
            }
        }
    }

    /// Receives all notifications. Some are tampered with before they arrive, and some get no response.
    fn receive_notifications(&mut self, total: &mut Total) {
        while let Some(due) = self.network.sim.gateway.next_due() {
            self.driver.now = self.driver.now.max(due);
            for delivery in self.network.sim.gateway.due_deliveries(self.driver.now) {
                let is_tampered = self.rng.one_in(10);
                let raw = if is_tampered {
                    let mut body = delivery.body().to_vec();
                    let at = body.len() / 2;
                    body[at] ^= 1;
                    delivery
                        .headers()
                        .iter()
                        .fold(wxpay_proto::v3::RawNotification::new(body), |raw, (name, value)| {
                            raw.header(name, value.as_bytes())
                        })
                } else {
                    v3::raw_notification(&delivery)
                };
                let ack = match self.driver.run(self.merchant.verify_notification(raw), &mut self.network) {
                    Ok(notification) => {
                        assert!(
                            !is_tampered && !delivery.is_forged(),
                            "a tampered notification was accepted"
                        );
                        self.apply_event(notification.event().unwrap())
                    }
                    Err(error) => {
                        total.rejected += 1;
                        Ack::for_error(&error)
                    }
                };
                let reply = ack.response();
                let result = if self.rng.one_in(10) {
                    DeliveryResult::NoResponse
                } else {
                    DeliveryResult::Response { status: reply.status(), body: reply.body().to_vec() }
                };
                self.network.sim.gateway.record_delivery(delivery.id(), &result, self.driver.now);
            }
        }
    }

    fn apply_event(&mut self, event: Event) -> Ack {
        let transaction = match event {
            Event::Transaction(transaction) => transaction,
            Event::Refund(refund) => {
                let recorded = self.recorded(&refund.out_trade_no).unwrap();
                assert!(recorded.refunds.iter().any(|record| record.out_refund_no == refund.out_refund_no));
                return Ack::Success;
            }
            Event::ProfitSharing(event) => {
                self.check_profit_sharing_notification(&event);
                return Ack::Success;
            }
            other => panic!("unexpected event: {other:?}"),
        };
        let evidence =
            transaction.evidence().expect("a notification of success must be evidence of a payment");
        let record =
            self.records.iter_mut().find(|record| record.number == *evidence.out_trade_no()).unwrap();
        record.merge(&evidence, &mut self.owners);
        if self.rng.one_in(8) { Ack::Fail } else { Ack::Success }
    }

    /// Queries until all failures of the order have occurred, at least three.
    fn query_until_failures_are_used_up(&mut self, index: usize) {
        let number = self.records[index].number.clone();
        let injected = self.network.injected.get(number.as_str()).copied().unwrap_or_default();
        let missing = 3_usize.saturating_sub(injected + self.network.remaining(number.as_str()));
        let missing = u64::try_from(missing).unwrap();
        let failures = self.rng.failures(missing, missing + 1);
        self.network.add_failures(number.as_str(), failures);
        while self.network.remaining(number.as_str()) > 0 {
            self.query(index).ok();
        }
    }

    fn query(&mut self, index: usize) -> Result<(), Error> {
        let number = self.records[index].number.clone();
        let queried = self.driver.run(
            self.merchant.call(QueryOrder::out_trade_no(number.clone(), Party::Direct)),
            &mut self.network,
        )?;
        let recorded = self.recorded(&number);
        assert_eq!(matches!(queried, OrderLookup::Found(_)), recorded.is_some(), "{number}");
        if let Some(evidence) = queried.evidence() {
            self.records[index].merge(&evidence, &mut self.owners);
        }
        Ok(())
    }

    fn recorded(&self, number: &OutTradeNo) -> Option<TransactionRecord> {
        self.network.sim.gateway.transaction(&OrderRef::OutTradeNo(number.clone()), self.driver.now)
    }

    /// Stops all failures, queries once more, and compares the shop's records with the gateway's ledger.
    fn stop_failures_and_compare(&mut self, total: &mut Total) {
        self.network.clear();
        self.network.sim.gateway.settings_mut().v3.probes_per_mille = 0;
        for index in 0..self.records.len() {
            self.query(index).unwrap();
            self.compare_profit_sharing(index);
            let record = &self.records[index];
            let injected = self.network.injected.get(record.number.as_str()).copied().unwrap_or_default();
            assert!(injected >= 3, "{}: only {injected} failures", record.number);
            total.failures += injected;
            let Some(recorded) = self.recorded(&record.number) else {
                assert!(
                    record.state.payments().next().is_none(),
                    "{}: paid, but the gateway has no such order",
                    record.number
                );
                continue;
            };
            let in_shop: Vec<_> = record
                .state
                .payments()
                .map(|paid| {
                    (paid.transaction_id().clone(), paid.total_fee(), paid.discount(), paid.time_end())
                })
                .collect();
            let mut at_gateway: Vec<_> = recorded
                .payments
                .iter()
                .map(|paid| {
                    let time = UnixTime::from_secs(paid.success_at);
                    (paid.transaction_id.clone(), paid.payer_total, paid.discount, time)
                })
                .collect();
            at_gateway.sort_by(|one, other| (one.3, &one.0).cmp(&(other.3, &other.0)));
            assert_eq!(
                in_shop, at_gateway,
                "{}: the shop's records differ from the gateway's ledger",
                record.number
            );
            let paid = matches!(recorded.trade_state, TradeState::Success | TradeState::Refund);
            assert_eq!(matches!(record.state.status(), PaymentStatus::Paid(_)), paid, "{}", record.number);
            let paid_transitions = record
                .transitions
                .iter()
                .filter(|transition| matches!(transition, Transition::Paid(_)))
                .count();
            assert_eq!(
                paid_transitions,
                usize::from(paid),
                "{}: the payment had {paid_transitions} transitions to paid",
                record.number
            );
            assert_eq!(
                record.transitions.len(),
                at_gateway.len(),
                "{}: each payment must have one transition",
                record.number
            );
        }
    }
}

//! The life of a purchase by a single order: placed, paid or closed, refunded or shared.

use super::{
    life::Life,
    records::{OrderKey, OrderRecord},
    shop::{Shop, notify_url},
};
use std::{cell::Cell, rc::Rc, time::Duration};
use wxpay_proto::{
    Fate, Fen,
    id::OutTradeNo,
    payment::PaymentStatus,
    v3::{
        Lookup, Party,
        pay::{
            AppOrder, CloseOrder, H5Info, H5Order, JsapiOrder, NativeOrder, Order, Payer, QueryOrder,
            Transaction,
        },
    },
};
use wxpay_sim::{
    faults::{Fault, FaultRule, Operation},
    ledger::TradeState,
};
use wxpay_testkit::drive::Ended;

/// The number of orders that a purchase may have.
pub(super) const MAX_ATTEMPTS: usize = 4;

/// The type of an order: it must not change when the same number is placed again.
#[derive(Clone, Copy)]
enum Method {
    Jsapi,
    App,
    Native,
    H5,
}

/// A purchase: what is to be paid once.
#[derive(Clone)]
struct Purchase {
    price: Fen,
    party: Party,
    /// Every number that the purchase has had.
    numbers: Vec<OutTradeNo>,
}

impl Purchase {
    fn order(&self, life: &Life) -> Order {
        let number = self.numbers.last().unwrap().clone();
        let url = notify_url(life.account);
        Order::new(number, self.price, "千足金箍棒")
            .unwrap()
            .appid(life.account().appid.clone())
            .notify_url(url)
            .attach("basket")
            .unwrap()
            .party(self.party.clone())
            .profit_sharing(true)
            .payer_client_ip([203, 0, 113, 7].into())
    }

    fn payer(&self, life: &Life) -> Payer {
        match self.party {
            Party::Direct => Payer::new(life.shop.openid()),
            Party::Partner { .. } => Payer::under_sub_appid(life.shop.openid()),
        }
    }

    fn key(&self, life: &Life) -> OrderKey {
        (life.account, self.numbers.last().unwrap().clone())
    }
}

/// Returns the query that resolves an order's placing or closing.
pub(super) fn query_order(key: &OrderKey, party: &Party) -> QueryOrder {
    QueryOrder::out_trade_no(key.1.clone()).party(party.clone())
}

pub(super) async fn live(mut life: Life) {
    let price = Fen::new(100 + life.rng.below(10_000));
    let party = if life.rng.one_in(3) { life.account().partner.clone() } else { Party::Direct };
    let method = life.rng.pick(&[Method::Jsapi, Method::App, Method::Native, Method::H5]);
    let mut purchase = Purchase { price, party, numbers: Vec::new() };
    while purchase.numbers.len() < MAX_ATTEMPTS {
        life.add_order_number(&mut purchase);
        if !life.place(&purchase, method).await {
            life.shop.total.borrow_mut().renumbered += 1;
            continue;
        }
        if life.rng.one_in(6) && life.close(&purchase).await {
            life.shop.total.borrow_mut().renumbered += 1;
            continue;
        }
        break;
    }
    // The payer pays once, late or never: with the order that the shop shows, or with one that it believes is not there.
    if !life.rng.one_in(6) {
        life.pause(Duration::from_mins(1)).await;
        let discount = if life.rng.one_in(3) { Fen::new(life.rng.below(price.get())) } else { Fen::ZERO };
        for number in purchase.numbers.iter().rev() {
            let key = (life.account, number.clone());
            if life.shop.pay(&key, discount) {
                let by_partner = purchase.party != Party::Direct;
                life.shop.total.borrow_mut().paid_by_partner += usize::from(by_partner);
                life.pay_again(&key);
            }
        }
    }
    life.pause(Duration::from_mins(2)).await;
    let key = purchase.key(&life);
    life.query_order(&key, &purchase.party).await;
    match life.rng.below(4) {
        0 | 1 => life.refund(&key).await,
        2 => {
            life.close(&purchase).await;
        }
        _ => life.share(&key).await,
    }
    life.use_up_failures(|| QueryOrder::out_trade_no(key.1.clone()).party(purchase.party.clone())).await;
}

impl Life {
    /// Stores a new number for a purchase, and adds faults of the gateway for it.
    fn add_order_number(&mut self, purchase: &mut Purchase) {
        let number: OutTradeNo = self.number("STORM", purchase.numbers.len()).parse().unwrap();
        let record =
            OrderRecord::new((self.serial, 0), number.clone(), purchase.price, purchase.party.clone());
        self.shop.records.borrow_mut().orders.insert((self.account, number.clone()), record);
        self.add_faults(&number);
        purchase.numbers.push(number);
    }

    /// Adds faults of the gateway for an order, at random.
    pub(super) fn add_faults(&mut self, number: &OutTradeNo) {
        const NOTIFICATION: Operation = Operation::Notification;
        let close = Operation::from_name("v3.pay.close").unwrap();
        let faults = [
            (Fault::NotificationLost, NOTIFICATION),
            (Fault::NotificationDuplicated, NOTIFICATION),
            (Fault::NotificationReordered, NOTIFICATION),
            (Fault::NotificationDelayed { millis: 200_000 }, NOTIFICATION),
            (Fault::NotificationForged, NOTIFICATION),
            (Fault::NotificationUnknownSerial, NOTIFICATION),
            (Fault::NotificationStale, NOTIFICATION),
            (Fault::PaidDuringClose, close),
            (Fault::Early, Operation::Pay),
        ];
        for (fault, operation) in faults {
            if self.rng.one_in(5) {
                let rule = FaultRule::new(fault)
                    .for_operation(operation)
                    .for_merchant(self.account().merchant.mchid())
                    .for_order(number.clone())
                    .at_most(1);
                self.shop.sim.borrow_mut().gateway.inject(rule);
            }
        }
    }

    /// Places an order until it is certain whether the gateway has it.
    async fn place(&mut self, purchase: &Purchase, method: Method) -> bool {
        let key = purchase.key(self);
        let query = query_order(&key, &purchase.party);
        let is_recorded = |shop: &Shop| shop.recorded(&key).is_some();
        let exists = if self.rng.one_in(8) {
            // Two servers place it at once. Neither knows what the other does, so the outcome is certain only afterwards.
            let rival = self.begin_rival(purchase, method);
            let result = self.place_once(purchase, method).await;
            assert!(
                result.is_err() || is_recorded(&self.shop),
                "{key:?}: placed, but the gateway has it not"
            );
            while !rival.get() {
                self.shop.time.sleep(Duration::from_secs(1)).await;
            }
            self.resolve(&query, is_recorded).await.is_some()
        } else {
            self.place_certainly(purchase, method, &query, is_recorded).await
        };
        self.shop.records.borrow_mut().order(&key).is_absent = !exists;
        exists
    }

    async fn place_certainly(
        &mut self,
        purchase: &Purchase,
        method: Method,
        query: &QueryOrder,
        is_recorded: impl Fn(&Shop) -> bool,
    ) -> bool {
        let (merchant, order) = (self.account().merchant.clone(), purchase.order(self));
        match method {
            Method::Jsapi => {
                let call = merchant.call(JsapiOrder::new(order, purchase.payer(self)).unwrap());
                self.carry_out(call, query, is_recorded).await.exists()
            }
            Method::App => {
                self.carry_out(merchant.call(AppOrder::new(order)), query, is_recorded).await.exists()
            }
            Method::Native => {
                self.carry_out(merchant.call(NativeOrder::new(order)), query, is_recorded).await.exists()
            }
            Method::H5 => {
                let call = merchant.call(H5Order::new(order, H5Info::wap()).unwrap());
                self.carry_out(call, query, is_recorded).await.exists()
            }
        }
    }

    async fn place_once(&mut self, purchase: &Purchase, method: Method) -> Result<(), Ended> {
        let order = purchase.order(self);
        match method {
            Method::Jsapi => self.call(JsapiOrder::new(order, purchase.payer(self)).unwrap()).await.map(drop),
            Method::App => self.call(AppOrder::new(order)).await.map(drop),
            Method::Native => self.call(NativeOrder::new(order)).await.map(drop),
            Method::H5 => self.call(H5Order::new(order, H5Info::wap()).unwrap()).await.map(drop),
        }
    }

    /// Lets another server place the same order. Returns a flag that is set when it has ended.
    fn begin_rival(&mut self, purchase: &Purchase, method: Method) -> Rc<Cell<bool>> {
        let (purchase, has_ended) = (purchase.clone(), Rc::new(Cell::new(false)));
        let mut rival = Self::new(Rc::clone(&self.shop), self.serial, self.rng.fork());
        let flag = Rc::clone(&has_ended);
        self.shop.time.spawn(async move {
            rival.pause(Duration::from_secs(2)).await;
            rival.place_once(&purchase, method).await.ok();
            flag.set(true);
        });
        has_ended
    }

    /// Closes an order. Returns `true` if it is certain that it can no longer be paid.
    async fn close(&mut self, purchase: &Purchase) -> bool {
        let key = purchase.key(self);
        let Some(before) = self.shop.recorded(&key) else { return false };
        let was_paid = matches!(before.trade_state, TradeState::Success | TradeState::Refund);
        let result = self.call(CloseOrder::new(key.1.clone()).party(purchase.party.clone())).await;
        let after = self.shop.recorded(&key).unwrap().trade_state;
        assert!(
            !was_paid || matches!(after, TradeState::Success | TradeState::Refund),
            "{key:?}: no longer paid"
        );
        match result {
            Ok(()) => {
                assert_eq!(after, TradeState::Closed, "{key:?} was not closed");
                self.shop.total.borrow_mut().closed += 1;
                true
            }
            Err(Ended::Failed(error)) if error.fate() != Some(Fate::Unknown) => {
                assert_ne!(after, TradeState::Closed, "{key:?}: {error:?}, but it is closed");
                false
            }
            Err(_) => {
                // Closed or not, the order exists, so it must be found.
                let query = query_order(&key, &purchase.party);
                let found = self.resolve(&query, |shop| shop.recorded(&key).is_some()).await;
                let found = found.unwrap_or_else(|| panic!("{key:?}: not found after closing"));
                found.trade_state == wxpay_proto::v3::pay::TradeState::Closed
            }
        }
    }

    /// Makes the payer pay a paid order once more, now and then.
    fn pay_again(&mut self, key: &OrderKey) {
        let total = &self.shop.total;
        total.borrow_mut().paid += 1;
        if !self.rng.one_in(20) {
            return;
        }
        let rule = FaultRule::new(Fault::SecondPayment)
            .for_operation(Operation::Pay)
            .for_merchant(self.account().merchant.mchid())
            .for_order(key.1.clone())
            .at_most(1);
        self.shop.sim.borrow_mut().gateway.inject(rule);
        if self.shop.pay(key, Fen::ZERO) {
            total.borrow_mut().paid_twice += 1;
            self.shop.records.borrow_mut().order(key).second_payments += 1;
        }
    }

    /// Queries an order, and merges what the reply proves.
    pub(super) async fn query_order(&mut self, key: &OrderKey, party: &Party) -> Option<Lookup<Transaction>> {
        let query = QueryOrder::out_trade_no(key.1.clone()).party(party.clone());
        let lookup = self.call(query).await.ok()?;
        let is_found = matches!(lookup, Lookup::Found(_));
        assert_eq!(is_found, self.shop.recorded(key).is_some(), "{key:?}");
        if let Some(evidence) = lookup.evidence() {
            self.shop.records.borrow_mut().merge(key.0, &evidence);
        }
        Some(lookup)
    }

    /// Returns the payment of an order, if the shop has evidence of it.
    pub(super) fn known_payment(&self, key: &OrderKey) -> Option<wxpay_proto::payment::Payment> {
        match self.shop.records.borrow_mut().order(key).state.status() {
            PaymentStatus::Paid(payment) => Some(payment),
            _ => None,
        }
    }
}

//! The life of a purchase at a till: the payer's code is charged until the outcome is certain, and reversed if need be.

use super::{
    life::Life,
    orders::{MAX_ATTEMPTS, query_order},
    records::{OrderKey, OrderRecord},
};
use std::{rc::Rc, time::Duration};
use wxpay_proto::{
    Fate, Fen,
    id::OutTradeNo,
    v3::{
        Party, Resolver,
        pay::{
            ChargeOutcome, CodePayment, Order, QueryOrder, ReverseOrder, StoreId, TradeState, Transaction,
        },
    },
};
use wxpay_sim::ledger::TradeState as RecordedState;
use wxpay_testkit::drive::Ended;

/// The last digits of the codes, which choose what the payer does: pays at once, types a password, cannot pay, …
const PAYERS: [&str; 9] = ["10", "10", "11", "01", "02", "03", "04", "05", "06"];

/// What is certain about a charge.
enum Certain {
    Paid(Box<Transaction>),
    /// The payer paid nothing, or got it back.
    NotPaid,
    /// The gateway has no such order.
    Absent,
}

pub(super) async fn live(mut life: Life) {
    let price = Fen::new(100 + life.rng.below(10_000));
    let party = if life.rng.one_in(3) { life.account().partner.clone() } else { Party::Direct };
    let mut key = None;
    for attempt in 0..MAX_ATTEMPTS {
        let number: OutTradeNo = life.number("CODE", attempt).parse().unwrap();
        let record = OrderRecord::new((life.serial, 0), number.clone(), price, party.clone());
        let order = (life.account, number);
        life.shop.records.borrow_mut().orders.insert(order.clone(), record);
        let certain = life.charge(&order, price, &party).await;
        let recorded = life.shop.recorded(&order).map(|order| order.trade_state);
        let is_paid = matches!(recorded, Some(RecordedState::Success | RecordedState::Refund));
        key = Some(order.clone());
        match certain {
            Certain::Paid(transaction) => {
                assert!(is_paid, "{order:?}: said to be paid, but it is {recorded:?}");
                let evidence = transaction.evidence().unwrap();
                life.shop.records.borrow_mut().merge(life.account, &evidence);
                life.shop.total.borrow_mut().paid_by_code += 1;
                break;
            }
            Certain::NotPaid => assert!(!is_paid, "{order:?}: said not to be paid, but it is {recorded:?}"),
            Certain::Absent => {
                assert_eq!(recorded, None, "{order:?}: said not to exist");
                life.shop.records.borrow_mut().order(&order).is_absent = true;
            }
        }
        life.shop.total.borrow_mut().renumbered += 1;
        if life.rng.one_in(3) {
            break;
        }
    }
    let key = key.unwrap();
    if life.rng.one_in(4) {
        life.refund(&key).await;
    }
    life.use_up_failures(|| QueryOrder::out_trade_no(key.1.clone()).party(party.clone())).await;
}

impl Life {
    async fn charge(&mut self, key: &OrderKey, price: Fen, party: &Party) -> Certain {
        let code = format!("1300000000000000{}", self.rng.pick(&PAYERS)).parse().unwrap();
        let order = Order::new(key.1.clone(), price, "一双筷子").unwrap();
        let order = order.appid(self.account().appid.clone()).party(party.clone());
        let payment = CodePayment::new(order, code, StoreId::id("1").unwrap()).unwrap();
        let payment = payment.device_ip([203, 0, 113, 7].into());
        self.type_password_later(key);
        let charge = self.account().merchant.charge_by_code(payment);
        match self.drive(charge).await {
            Ok(ChargeOutcome::Paid(transaction)) => Certain::Paid(transaction),
            Ok(ChargeOutcome::NotPaid(_)) => Certain::NotPaid,
            Ok(ChargeOutcome::Reversed) => {
                self.shop.total.borrow_mut().reversed += 1;
                Certain::NotPaid
            }
            Ok(ChargeOutcome::NotFound) => Certain::Absent,
            Ok(other) => panic!("{key:?}: {other:?}"),
            Err(Ended::Failed(error)) if error.fate() != Some(Fate::Unknown) => Certain::Absent,
            Err(Ended::Failed(mut error)) => {
                let unresolved = error.take_unresolved().expect("an unknown outcome must be resolvable");
                assert_eq!(Some(unresolved.pending_operation()), query_order(key, party).pending().as_ref());
                self.settle_charge(key, party).await
            }
            Err(Ended::Dropped) => self.settle_charge(key, party).await,
        }
    }

    /// Ends a charge after a crash or an unknown outcome, as documented: queries the order, and reverses it unless its
    /// state is final.
    async fn settle_charge(&mut self, key: &OrderKey, party: &Party) -> Certain {
        let query = query_order(key, party);
        for _ in 0..50 {
            let found = self.resolve(&query, |shop| shop.recorded(key).is_some()).await;
            let Some(transaction) = found else { return Certain::Absent };
            match transaction.trade_state {
                TradeState::Success | TradeState::Refund => return Certain::Paid(transaction.into()),
                TradeState::Closed | TradeState::Revoked | TradeState::PayError => return Certain::NotPaid,
                _ => {}
            }
            let reverse =
                ReverseOrder::new(key.1.clone()).party(party.clone()).appid(self.account().appid.clone());
            if self.call(reverse).await.is_ok() {
                let recorded = self.shop.recorded(key).map(|order| order.trade_state);
                assert_eq!(recorded, Some(RecordedState::Revoked), "{key:?}: said to be reversed");
                self.shop.total.borrow_mut().reversed += 1;
                return Certain::NotPaid;
            }
        }
        panic!("{key:?}: not settled after fifty attempts")
    }

    /// Lets the payer type a password after a while, which comes too late at times.
    fn type_password_later(&mut self, key: &OrderKey) {
        let (shop, key) = (Rc::clone(&self.shop), key.clone());
        let delay = Duration::from_millis(self.rng.below(80_000));
        self.shop.time.spawn(async move {
            shop.time.sleep(delay).await;
            shop.pay(&key, Fen::ZERO);
        });
    }
}

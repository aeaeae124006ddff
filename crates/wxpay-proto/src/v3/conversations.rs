//! Money over a faulty network, in virtual time: for each seed one operation, three faults, and the resolution of what is
//! left in doubt. What the merchant concludes is compared with what the gateway did.
//!
//! `WXPAY_SEEDS` sets the number of seeds.

#![allow(
    clippy::disallowed_methods,
    clippy::arithmetic_side_effects,
    reason = "a test: it reads the number of seeds from the environment, and counts requests"
)]

extern crate std;

mod gateway;

use super::{
    Lookup, Resolver,
    fake::{self, Harness},
    pay::{ChargeOutcome, CloseOrder, CodePayment, NativeOrder, Order, QueryOrder, StoreId},
    refund::{CreateRefund, QueryRefund, RefundAmount},
    transfer::{CreateTransfer, QueryTransfer, TransferBill, TransferScene},
};
use crate::{
    entropy::Entropy,
    error::{Error, Fate},
    exchange::{Flow, Reply, Transmit},
    money::Fen,
    prelude::*,
};
use alloc::collections::BTreeMap;
use core::time::Duration;
use gateway::{Fault, Gateway, NUMBER};

const DEFAULT_SEEDS: u64 = 500;
/// The requests that faults are spread over.
const MAX_REQUEST: u32 = 8;
/// The time after which everything that was on its way has arrived.
const SETTLED: Duration = Duration::from_secs(3600);

/// One conversation: the merchant's side, the network and the gateway.
struct Conversation {
    harness: Harness,
    gateway: Gateway,
    faults: BTreeMap<u32, Fault>,
    requests: u32,
    /// The end of each write so far: whether nothing left the merchant, and whether the reply proved the write.
    writes: Vec<(&'static str, bool, bool)>,
}

impl Conversation {
    fn new(seed: u64) -> Self {
        let mut entropy_seed = [0x5e; 32];
        for (to, from) in entropy_seed.iter_mut().zip(seed.to_be_bytes()) {
            *to = from;
        }
        let mut entropy = Entropy::new(entropy_seed);
        let mut faults = BTreeMap::new();
        for _ in 0..3 {
            let at = entropy.below(MAX_REQUEST);
            faults.insert(at, Fault::pick(&mut entropy));
        }
        let gateway = Gateway::new(&mut entropy);
        Self { harness: Harness::new(), gateway, faults, requests: 0, writes: Vec::new() }
    }

    fn run<F: Flow>(&mut self, flow: F) -> Result<F::Output, Error> {
        let Self { harness, gateway, faults, requests, writes } = self;
        harness.run(flow, |transmit, now| -> Reply {
            let fault = faults.get(requests).copied();
            *requests += 1;
            assert_may_send(transmit, writes);
            let (reply, is_proof) = gateway.exchange(transmit, fault, *now);
            if transmit.label.rsplit('.').next() != Some("query") {
                writes.push((transmit.label, fault == Some(Fault::NotSent), is_proof));
            }
            reply
        })
    }

    /// Lets everything arrive that is on its way, and returns whether the operation has taken effect.
    fn has_effect(&mut self) -> bool {
        self.gateway.advance(self.harness.now.after(SETTLED));
        self.gateway.has_effect
    }

    /// Compares the end of a call with the effect, and resolves it if it is in doubt.
    fn conclude<Q: Resolver>(&mut self, result: Result<impl Sized, Error>, must_end: bool) {
        let Err(mut error) = result else {
            return assert!(self.gateway.has_effect, "a success without an effect");
        };
        let unresolved = error.take_unresolved();
        if error.fate() != Some(Fate::Unknown) {
            assert_eq!(unresolved, None);
            return assert!(!self.has_effect(), "{error:?}, but it took effect");
        }
        let mut unresolved = unresolved.expect("a pending operation");
        for _ in 0..4 {
            match self.run(fake::merchant().resolve::<Q>(unresolved)) {
                Ok(resolved) if must_end => {
                    let exists = !matches!(resolved, Lookup::NotFound);
                    return assert_eq!(exists, self.has_effect(), "resolved wrongly: {resolved:?}");
                }
                Ok(resolved) => return assert!(!matches!(resolved, Lookup::NotFound)),
                Err(mut error) => {
                    assert_eq!(error.fate(), Some(Fate::Unknown));
                    unresolved = error.take_unresolved().expect("a pending operation");
                }
            }
        }
        panic!("not resolved");
    }
}

/// Checks that no write is sent again after proof, and no charge in doubt.
fn assert_may_send(transmit: &Transmit, writes: &[(&'static str, bool, bool)]) {
    for (label, not_sent, is_proof) in writes.iter().filter(|(label, ..)| *label == transmit.label) {
        assert!(!is_proof, "{label} was sent again after proof");
        assert!(*not_sent || *label != "v3.pay.codepay", "{label} was sent again in doubt");
    }
}

fn converse(seed: u64) {
    let mut conversation = Conversation::new(seed);
    let merchant = fake::merchant();
    let (appid, number) = ("wxd678efh567hg6787".parse().unwrap(), || NUMBER.parse().unwrap());
    match seed % 5 {
        0 => {
            let url = "https://example.com/notify".parse().unwrap();
            let order = Order::new(number(), Fen::new(100), "大米").unwrap();
            let order = NativeOrder::new(order.appid(appid).notify_url(url));
            let result = conversation.run(merchant.call(order));
            conversation.conclude::<QueryOrder>(result, true);
        }
        1 => {
            let result = conversation.run(merchant.call(CloseOrder::new(number())));
            // The order exists, closed or not.
            conversation.gateway.has_order = true;
            conversation.conclude::<QueryOrder>(result, false);
        }
        2 => {
            let amount = RefundAmount::new(Fen::new(1), Fen::new(2)).unwrap();
            let create = CreateRefund::new(number(), NUMBER.parse().unwrap(), amount);
            let result = conversation.run(merchant.call(create));
            conversation.conclude::<QueryRefund>(result, true);
        }
        3 => {
            let scene = TransferScene::new("1000", "活动名称", "新会员有礼").unwrap();
            let bill = TransferBill::new(NUMBER.parse().unwrap(), Fen::new(1), "报销", scene).unwrap();
            let payee = "o-MYE42l80oelYMDE34nYD456Xoy".parse().unwrap();
            let result = conversation.run(merchant.call(CreateTransfer::new(bill.appid(appid), payee)));
            conversation.conclude::<QueryTransfer>(result, true);
        }
        _ => {
            let (code, store) = ("130061098828009406".parse().unwrap(), StoreId::out_id("1").unwrap());
            let order = Order::new(number(), Fen::new(100), "大米").unwrap().appid(appid);
            let payment = CodePayment::new(order, code, store).unwrap();
            let result = conversation.run(merchant.charge_by_code(payment));
            conclude_charge(&mut conversation, result);
        }
    }
}

fn conclude_charge(conversation: &mut Conversation, result: Result<ChargeOutcome, Error>) {
    match result {
        Ok(ChargeOutcome::Paid(_)) => assert!(conversation.has_effect(), "paid, but no money was taken"),
        Ok(outcome) => assert!(!conversation.has_effect(), "{outcome:?}, but money was taken"),
        Err(mut error) => {
            let is_unknown = error.fate() == Some(Fate::Unknown);
            assert_eq!(error.take_unresolved().is_some(), is_unknown);
            assert!(is_unknown || !conversation.has_effect(), "{error:?}, but money was taken");
        }
    }
}

#[test]
fn no_three_faults_make_the_merchant_conclude_what_the_gateway_did_not_do() {
    let seeds = std::env::var("WXPAY_SEEDS").map_or(DEFAULT_SEEDS, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        let result = std::panic::catch_unwind(|| converse(seed));
        assert!(result.is_ok(), "seed {seed}: the message is above");
    }
}

//! Refunds that the payer's account does not take, and payments of a direct merchant in every way.

use super::{
    number,
    shop::{Shop, notify_url, sensitive},
};
use core::net::Ipv4Addr;
use serde_json::json;
use wxpay_proto::{
    Fate, Fen,
    v3::{
        Event, Party,
        pay::{App, Close, H5, H5Info, Jsapi, Native, Payer, Queried, Query, TradeState},
        refund::{self, ApplyAbnormal, Create, Refund, RefundStatus},
    },
};
use wxpay_sim::ledger::v3::RefundStatus as Becomes;

/// A refund that got stuck, and was told so.
fn abnormal(shop: &mut Shop, serial: u32, refund_no: &str) -> Refund {
    shop.ask(Native::new(shop.order(&number(serial), 100).build().unwrap()));
    shop.pay(&number(serial));
    let create = Create::builder(number(serial), refund_no.parse().unwrap(), Fen::new(100), Fen::new(100));
    let refund = shop.ask(create.notify_url(notify_url()).build().unwrap());
    let (mchid, now) = (shop.me.mchid().clone(), shop.lab.now);
    let becomes = shop.wire.gateway.refund_becomes(&mchid, &refund.out_refund_no, Becomes::Abnormal, now);
    assert!(becomes.is_some());
    assert_eq!(told(shop), RefundStatus::Abnormal);
    refund
}

/// What is told of a refund within a minute.
fn told(shop: &mut Shop) -> RefundStatus {
    let notices = shop.heard();
    let mut told = notices.iter().filter_map(|notice| match notice.event().unwrap() {
        Event::Refund(told) => Some(told.refund_status),
        _ => None,
    });
    let status = told.next().unwrap();
    assert_eq!(told.next(), None);
    status
}

fn query(shop: &mut Shop, refund: &Refund) -> RefundStatus {
    match shop.ask(refund::Query::new(refund.out_refund_no.clone(), Party::Own)) {
        refund::Queried::Known(refund) => refund.status,
        refund::Queried::NoSuchRefund => panic!("it was asked for"),
    }
}

/// Refunds that get stuck go to a card of the payer's, and to the merchant's own.
pub(super) fn conversation() -> Shop {
    let mut shop = Shop::open();
    let refund = abnormal(&mut shop, 1, "F1");
    let (id, number) = (refund.refund_id.clone(), refund.out_refund_no.clone());
    let (card, name) = (sensitive("6226000000000000"), sensitive("张三"));
    let to_user = ApplyAbnormal::to_user(id, number, Party::Own, "CMB_DEBIT", card, name).unwrap();
    assert_eq!(shop.ask(to_user).status, RefundStatus::Processing);
    assert_eq!(told(&mut shop), RefundStatus::Success);
    assert_eq!(query(&mut shop, &refund), RefundStatus::Success);

    let refund = abnormal(&mut shop, 2, "F2");
    assert_eq!(query(&mut shop, &refund), RefundStatus::Abnormal);
    let (id, number) = (refund.refund_id.clone(), refund.out_refund_no.clone());
    shop.ask(ApplyAbnormal::to_merchant(id.clone(), number.clone(), Party::Own));
    assert_eq!(told(&mut shop), RefundStatus::Success);
    let error = shop.fail(ApplyAbnormal::to_merchant(id, number, Party::Own));
    assert_eq!(error.fate(), Fate::Refused, "it is not stuck any more");
    shop
}

#[test]
fn a_refund_that_is_stuck_goes_to_another_card() {
    let shop = conversation();
    assert_eq!(shop.lab.count("v3.refund.create"), 2);
}

/// A direct merchant orders in every way, is paid, asks by both numbers, and closes what is not paid.
pub(super) fn orders() -> Shop {
    let mut shop = Shop::open();
    let ordered = |shop: &Shop, serial| {
        let order = shop.order(&number(serial), 100);
        order.payer_client_ip(Ipv4Addr::new(203, 0, 113, 7).into()).build().unwrap()
    };
    let payer = Payer::new(shop.openid());
    let params = shop.ask(Jsapi::new(ordered(&shop, 1), payer.clone()).unwrap());
    shop.tap(&json!(params));
    let params = shop.ask(Jsapi::mini_program(ordered(&shop, 2), payer).unwrap());
    shop.tap(&json!(params));
    let params = shop.ask(App::new(ordered(&shop, 3)));
    shop.tap(&json!(params));
    shop.ask(Native::new(ordered(&shop, 4)));
    shop.pay(&number(4));
    shop.ask(H5::new(ordered(&shop, 5), H5Info::wap()).unwrap());
    shop.pay(&number(5));
    assert_eq!(shop.heard().len(), 5);
    for serial in 1..=5 {
        let asked = shop.ask(Query::out_trade_no(number(serial), Party::Own));
        let Queried::Known(paid) = &asked else { panic!("it was ordered") };
        assert_eq!(paid.trade_state, TradeState::Success);
        let id = paid.transaction_id.clone().unwrap();
        assert_eq!(shop.ask(Query::transaction_id(id, Party::Own)), asked);
    }
    shop.ask(Native::new(ordered(&shop, 6)));
    shop.ask(Close::new(number(6), Party::Own));
    shop
}

#[test]
fn every_way_of_paying_is_paid_from_what_the_program_on_the_phone_gets() {
    let shop = orders();
    let records = shop.wire.gateway.transactions(shop.lab.now);
    assert_eq!(records.iter().filter(|record| record.payments.len() == 1).count(), 5);
}

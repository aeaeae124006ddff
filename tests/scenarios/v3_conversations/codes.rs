//! Code payments: charged, polled, reversed.

use super::{number, shop::Shop};
use wxpay_proto::{
    Fen,
    v3::{
        Party,
        pay::{
            ChargeOutcome, CodePayment, CodePaymentReply, OrderLookup, QueryOrder, ReverseOrder, StoreId,
            TradeState,
        },
    },
};
use wxpay_sim::{gateway::OrderRef, ledger::v3::TradeState as Held};

/// Builds a code payment. The last two digits of the code select the payer's behaviour in the simulator.
fn code(shop: &Shop, serial: u32, digits: &str, party: Party) -> CodePayment {
    let auth_code = format!("1300000000000000{digits}").parse().unwrap();
    let till = StoreId::Id("1".into());
    let pay = CodePayment::builder(shop.appid(), number(serial), Fen::new(100), "一双筷子", auth_code, till);
    pay.party(party).device_ip([203, 0, 113, 7].into()).build().unwrap()
}

fn held(shop: &Shop, serial: u32) -> Held {
    shop.wire.gateway.transaction(&OrderRef::OutTradeNo(number(serial)), shop.lab.now).unwrap().trade_state
}

/// Charges one code at once and reverses another charge, as a direct merchant and as a partner.
pub(super) fn conversation() -> Shop {
    let mut shop = Shop::open();
    for (serial, party) in [(1, Party::Direct), (11, shop.partner())] {
        let pay = code(&shop, serial, "10", party.clone());
        let CodePaymentReply::Transaction(paid) = shop.call(pay) else {
            panic!("the payment must not require a password")
        };
        assert_eq!((paid.trade_state, paid.sub_mchid.as_ref()), (TradeState::Success, party.sub_mchid()));

        let pay = code(&shop, serial + 1, "02", party.clone());
        assert_eq!(shop.call(pay), CodePaymentReply::UserPaying);
        shop.call(ReverseOrder::new(shop.appid(), number(serial + 1), party.clone()));
        assert_eq!(held(&shop, serial + 1), Held::Revoked);
        let asked = shop.call(QueryOrder::out_trade_no(number(serial + 1), party));
        assert!(matches!(asked, OrderLookup::Found(order) if order.trade_state == TradeState::Revoked));
    }
    shop
}

#[test]
fn code_payment_is_charged_and_reversed_in_both_modes() {
    let shop = conversation();
    assert_eq!(shop.lab.count("v3.pay.reverse"), 2);
}

#[test]
fn charge_by_code_polls_for_the_password_and_reverses_on_timeout() {
    let mut shop = Shop::open();
    let pay = code(&shop, 1, "10", Party::Direct);
    assert!(matches!(shop.run(shop.me.charge_by_code(pay)), Ok(ChargeOutcome::Paid(_))));
    let pay = code(&shop, 2, "01", Party::Direct);
    let before = shop.lab.now;
    let Ok(ChargeOutcome::Paid(paid)) = shop.run(shop.me.charge_by_code(pay)) else {
        panic!("the charge must succeed after the password")
    };
    assert_eq!(paid.trade_state, TradeState::Success);
    assert!((10..45).contains(&shop.lab.now.since(before).as_secs()), "after ten seconds");
    let pay = code(&shop, 3, "02", Party::Direct);
    assert_eq!(shop.run(shop.me.charge_by_code(pay)).unwrap(), ChargeOutcome::Reversed);
    assert_eq!(held(&shop, 3), Held::Revoked);
    let pay = code(&shop, 4, "04", Party::Direct);
    assert!(
        matches!(shop.run(shop.me.charge_by_code(pay)), Ok(ChargeOutcome::NotPaid(_))),
        "the payer cancelled"
    );
    assert_eq!(shop.lab.count("v3.pay.reverse"), 1);
}

#[test]
fn charge_by_code_with_lost_replies_returns_the_gateways_outcome() {
    let mut shop = Shop::open();
    shop.lose_replies("v3.pay.codepay");
    let pay = code(&shop, 1, "10", Party::Direct);
    assert!(matches!(shop.run(shop.me.charge_by_code(pay)), Ok(ChargeOutcome::Paid(_))));
    assert_eq!(held(&shop, 1), Held::Success);
}

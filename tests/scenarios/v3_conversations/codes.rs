//! Code payments: charged, polled, reversed.

use super::{number, shop::Shop};
use wxpay_proto::{
    Fen,
    v3::{
        Lookup, Party,
        pay::{
            ChargeOutcome, CodePayment, CodePaymentReply, Order, QueryOrder, ReverseOrder, StoreId,
            TradeState,
        },
    },
};
use wxpay_sim::{gateway::OrderRef, ledger::TradeState as RecordedState};

/// Builds a code payment. The last two digits of the code select the payer's behaviour in the simulator.
fn code(shop: &Shop, serial: u32, digits: &str, party: Party) -> CodePayment {
    let auth_code = format!("1300000000000000{digits}").parse().unwrap();
    let order = Order::new(number(serial), Fen::new(100), "一双筷子").unwrap();
    let order = order.appid(shop.appid()).party(party);
    let payment = CodePayment::new(order, auth_code, StoreId::id("1").unwrap()).unwrap();
    payment.device_ip([203, 0, 113, 7].into())
}

fn recorded_state(shop: &Shop, serial: u32) -> RecordedState {
    shop.network.gateway.order(&OrderRef::OutTradeNo(number(serial)), shop.driver.now).unwrap().trade_state
}

/// Charges one code at once and reverses another charge, as a direct merchant and as a partner.
pub(super) fn conversation() -> Shop {
    let mut shop = Shop::open();
    for (serial, party) in [(1, Party::Direct), (11, shop.partner())] {
        let payment = code(&shop, serial, "10", party.clone());
        let CodePaymentReply::Transaction(paid) = shop.call(payment) else {
            panic!("the payment must not require a password")
        };
        assert_eq!((paid.trade_state, paid.sub_mchid.as_ref()), (TradeState::Success, party.sub_mchid()));

        let payment = code(&shop, serial + 1, "02", party.clone());
        assert_eq!(shop.call(payment), CodePaymentReply::UserPaying);
        shop.call(ReverseOrder::new(number(serial + 1)).party(party.clone()).appid(shop.appid()));
        assert_eq!(recorded_state(&shop, serial + 1), RecordedState::Revoked);
        let queried = shop.call(QueryOrder::out_trade_no(number(serial + 1)).party(party));
        assert!(matches!(queried, Lookup::Found(order) if order.trade_state == TradeState::Revoked));
    }
    shop
}

#[test]
fn code_payment_is_charged_and_reversed_in_both_modes() {
    let shop = conversation();
    assert_eq!(shop.driver.count("v3.pay.reverse"), 2);
}

#[test]
fn charge_by_code_polls_for_the_password_and_reverses_on_timeout() {
    let mut shop = Shop::open();
    let payment = code(&shop, 1, "10", Party::Direct);
    assert!(matches!(shop.run(shop.merchant.charge_by_code(payment)), Ok(ChargeOutcome::Paid(_))));
    let payment = code(&shop, 2, "01", Party::Direct);
    let start = shop.driver.now;
    let Ok(ChargeOutcome::Paid(paid)) = shop.run(shop.merchant.charge_by_code(payment)) else {
        panic!("the charge must succeed after the password")
    };
    assert_eq!(paid.trade_state, TradeState::Success);
    assert!((10..45).contains(&shop.driver.now.since(start).as_secs()), "after ten seconds");
    let payment = code(&shop, 3, "02", Party::Direct);
    assert_eq!(shop.run(shop.merchant.charge_by_code(payment)).unwrap(), ChargeOutcome::Reversed);
    assert_eq!(recorded_state(&shop, 3), RecordedState::Revoked);
    let payment = code(&shop, 4, "04", Party::Direct);
    assert!(
        matches!(shop.run(shop.merchant.charge_by_code(payment)), Ok(ChargeOutcome::NotPaid(_))),
        "the payer cancelled"
    );
    assert_eq!(shop.driver.count("v3.pay.reverse"), 1);
}

#[test]
fn charge_by_code_with_lost_replies_returns_the_gateways_outcome() {
    let mut shop = Shop::open();
    shop.lose_replies("v3.pay.codepay");
    let payment = code(&shop, 1, "10", Party::Direct);
    assert!(matches!(shop.run(shop.merchant.charge_by_code(payment)), Ok(ChargeOutcome::Paid(_))));
    assert_eq!(recorded_state(&shop, 1), RecordedState::Success);
}

//! Orders of a direct merchant by every payment method.

use super::{number, shop::Shop};
use core::net::Ipv4Addr;
use serde_json::json;
use wxpay_proto::v3::{
    Lookup,
    pay::{AppOrder, CloseOrder, H5Info, H5Order, JsapiOrder, NativeOrder, Payer, QueryOrder, TradeState},
};

/// Places orders by every payment method, pays them, queries them by both numbers, and closes an unpaid one.
pub(super) fn conversation() -> Shop {
    let mut shop = Shop::open();
    let order = |shop: &Shop, serial| {
        let order = shop.order(&number(serial), 100);
        order.payer_client_ip(Ipv4Addr::new(203, 0, 113, 7).into())
    };
    let payer = Payer::new(shop.openid());
    let params = shop.call(JsapiOrder::new(order(&shop, 1), payer.clone()).unwrap());
    shop.pay_with_params(&json!(params));
    let params = shop.call(JsapiOrder::mini_program(order(&shop, 2), payer).unwrap());
    shop.pay_with_params(&json!(params));
    let params = shop.call(AppOrder::new(order(&shop, 3)));
    shop.pay_with_params(&json!(params));
    shop.call(NativeOrder::new(order(&shop, 4)));
    shop.pay(&number(4));
    shop.call(H5Order::new(order(&shop, 5), H5Info::wap()).unwrap());
    shop.pay(&number(5));
    assert_eq!(shop.receive_notifications().len(), 5);
    for serial in 1..=5 {
        let queried = shop.call(QueryOrder::out_trade_no(number(serial)));
        let Lookup::Found(paid) = &queried else { panic!("the order must be found") };
        assert_eq!(paid.trade_state, TradeState::Success);
        let id = paid.transaction_id.clone().unwrap();
        assert_eq!(shop.call(QueryOrder::transaction_id(id)), queried);
    }
    shop.call(NativeOrder::new(order(&shop, 6)));
    shop.call(CloseOrder::new(number(6)));
    shop
}

#[test]
fn orders_of_every_payment_method_are_paid_with_their_parameters() {
    let shop = conversation();
    let records = shop.network.gateway.orders(shop.driver.now);
    assert_eq!(records.filter(|record| record.payments.len() == 1).count(), 5);
}

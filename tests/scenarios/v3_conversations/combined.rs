//! Combined orders.

use super::{
    number, refund_of,
    shop::{Shop, notify_url},
};
use core::net::Ipv4Addr;
use serde_json::json;
use wxpay_proto::{
    Fate, Fen,
    v3::{
        Event, Lookup,
        pay::{
            H5Info, TradeState,
            combine::{
                AppOrder, CloseOrder, H5Order, JsapiOrder, MiniProgramOrder, NativeOrder, Order, QueryOrder,
                SubOrder, Transaction, order::Individual,
            },
        },
    },
};

/// Returns two sub-orders: one of the shop itself and one of a sub-merchant.
fn two_sub_orders(shop: &Shop, serial: u32) -> Vec<SubOrder> {
    let order = |serial, fen, description| {
        SubOrder::new(shop.merchant.mchid().clone(), number(serial), Fen::new(fen), description, "甲")
            .unwrap()
    };
    vec![order(serial + 1, 300, "米"), order(serial + 2, 200, "面").party(shop.partner())]
}

fn combined_order(shop: &Shop, serial: u32, orders: Vec<SubOrder>) -> Order {
    Order::new(number(serial), orders)
        .unwrap()
        .combine_appid(shop.appid())
        .notify_url(notify_url())
        .payer_client_ip(Ipv4Addr::new(203, 0, 113, 7).into())
        .device_id("till-1")
        .unwrap()
}

fn query(shop: &mut Shop, query: QueryOrder) -> Transaction {
    shop.call(query).found().expect("the order must be found")
}

/// Checks that both sub-orders are paid, and that the notification equals the queries by both numbers.
fn assert_paid(shop: &mut Shop, serial: u32) {
    let notifications = shop.receive_notifications();
    let [notification] = &notifications[..] else {
        panic!("expected one notification for the combined order, not {}", notifications.len())
    };
    let Event::Combine(notified) = notification.event().unwrap() else {
        panic!("expected a combined payment event")
    };
    let queried = query(shop, QueryOrder::combine_out_trade_no(number(serial)));
    assert_eq!(notified.combine_out_trade_no, number(serial));
    assert!(notified.sub_orders.iter().all(|order| order.trade_state == Some(TradeState::Success)));
    assert_eq!((notified.sub_orders.len(), notified.evidence().count()), (2, 2));
    for (notified, queried) in notified.sub_orders.iter().zip(&queried.sub_orders) {
        assert_eq!((&notified.transaction_id, &notified.amount), (&queried.transaction_id, &queried.amount));
    }
    let by_id =
        query(shop, QueryOrder::combine_transaction_id(queried.combine_transaction_id.clone().unwrap()));
    assert_eq!(by_id, queried);
}

/// Places combined orders by every payment method, pays them, and closes an unpaid one.
pub(super) fn conversation() -> Shop {
    let mut shop = Shop::open();
    let openid = shop.openid();
    let order = combined_order(&shop, 10, two_sub_orders(&shop, 10)).openid(openid.clone());
    let params = shop.call(JsapiOrder::new(order).unwrap());
    shop.pay_with_params(&json!(params));
    assert_paid(&mut shop, 10);

    let order = combined_order(&shop, 20, two_sub_orders(&shop, 20));
    let params = shop.call(AppOrder::new(order).unwrap());
    shop.pay_with_params(&json!(params));
    assert_paid(&mut shop, 20);

    let order = combined_order(&shop, 30, two_sub_orders(&shop, 30));
    let url = shop.call(H5Order::new(order, H5Info::wap()).unwrap());
    assert!(url.starts_with("https://wx.tenpay.com/"), "{url}");
    shop.pay(&number(30));
    assert_paid(&mut shop, 30);

    let order = combined_order(&shop, 40, two_sub_orders(&shop, 40));
    let code = shop.call(NativeOrder::new(order).unwrap());
    assert!(code.starts_with("weixin://wxpay/bizpayurl"), "{code}");
    shop.pay(&number(40));
    assert_paid(&mut shop, 40);

    let of_individual = |(auth_id, serial)| {
        let (mchid, price) = (shop.merchant.mchid().clone(), Fen::new(200));
        let sub_order = SubOrder::new(mchid, number(serial), price, "面", "甲").unwrap();
        sub_order.individual(Individual::new(auth_id).unwrap())
    };
    let sub_orders = [("1", 51), ("2", 52)].map(of_individual).to_vec();
    let order = combined_order(&shop, 50, sub_orders).openid(openid).trade_scenario("RECOMMERCE").unwrap();
    let params = shop.call(MiniProgramOrder::new(order).unwrap());
    shop.pay_with_params(&json!(params));
    assert_paid(&mut shop, 50);

    let order = combined_order(&shop, 60, two_sub_orders(&shop, 60));
    shop.call(NativeOrder::new(order.clone()).unwrap());
    shop.call(CloseOrder::of_order(&order));
    let closed = query(&mut shop, QueryOrder::combine_out_trade_no(number(60)));
    assert!(closed.sub_orders.iter().all(|order| order.trade_state == Some(TradeState::Closed)));
    shop
}

#[test]
fn combined_orders_of_every_payment_method_are_paid_and_queried() {
    let mut shop = conversation();
    assert_eq!(shop.call(QueryOrder::combine_out_trade_no(number(99))), Lookup::NotFound);
    let paid = combined_order(&shop, 10, two_sub_orders(&shop, 10)).openid(shop.openid());
    let error = shop.call_err(CloseOrder::of_order(&paid));
    assert_eq!(error.fate(), Some(Fate::Refused), "a paid order must not be closed");
}

#[test]
fn sub_orders_are_refunded_separately() {
    let mut shop = Shop::open();
    let order = combined_order(&shop, 10, two_sub_orders(&shop, 10));
    shop.call(NativeOrder::new(order).unwrap());
    shop.pay(&number(10));
    assert_paid(&mut shop, 10);
    shop.call(refund_of(number(12), "F1", 50, 200).party(shop.partner()));
    let after = query(&mut shop, QueryOrder::combine_out_trade_no(number(10)));
    let states: Vec<_> = after.sub_orders.into_iter().map(|order| order.trade_state.unwrap()).collect();
    assert_eq!(states, [TradeState::Success, TradeState::Refund]);
}

#[test]
fn combined_order_with_lost_replies_is_resolved_by_query() {
    let mut shop = Shop::open();
    shop.lose_replies("v3.combine.native");
    let order = combined_order(&shop, 10, two_sub_orders(&shop, 10));
    let unresolved = shop.call_err(NativeOrder::new(order).unwrap()).take_unresolved().unwrap();
    let Ok(Lookup::Found(resolved)) = shop.run(shop.merchant.resolve::<QueryOrder>(unresolved)) else {
        panic!("must resolve to the combined order")
    };
    assert_eq!(resolved.combine_out_trade_no, number(10));
    assert!(resolved.sub_orders.iter().all(|order| order.trade_state == Some(TradeState::NotPay)));
}

//! A partner (service provider) acts for a sub-merchant.

use super::{number, refund_of, shop::Shop};
use core::net::Ipv4Addr;
use serde_json::json;
use wxpay_proto::{
    Fate, Fen,
    id::OutTradeNo,
    v3::{
        Event, Lookup, Party,
        pay::{
            AppOrder, CloseOrder, H5Info, H5Order, JsapiOrder, JsapiParams, NativeOrder, Payer, QueryOrder,
            ScannedPosOrder, StoreId, TradeState, Transaction,
        },
        refund::{self, RefundStatus},
    },
};
use wxpay_sim::gateway::OrderRef;

fn query(shop: &mut Shop, number: &OutTradeNo, party: &Party) -> Transaction {
    let query = QueryOrder::out_trade_no(number.clone()).party(party.clone());
    shop.call(query).found().expect("the order must be found")
}

/// Checks that the order is paid, and that the notification and the queries name both merchants.
fn assert_paid(shop: &mut Shop, number: &OutTradeNo, party: &Party) {
    let notifications = shop.receive_notifications();
    let [notification] = &notifications[..] else { panic!("expected one notification") };
    let Event::Transaction(notified) = notification.event().unwrap() else {
        panic!("expected a payment event")
    };
    let queried = query(shop, number, party);
    assert_eq!(notified.transaction_id, queried.transaction_id);
    for transaction in [&*notified, &queried] {
        assert_eq!(transaction.trade_state, TradeState::Success);
        assert_eq!(&transaction.mchid, shop.merchant.mchid());
        assert_eq!(transaction.sub_mchid.as_ref(), party.sub_mchid());
        assert_eq!(transaction.sub_appid.as_ref(), party.sub_appid());
    }
    let by_id = QueryOrder::transaction_id(queried.transaction_id.clone().unwrap()).party(party.clone());
    assert_eq!(shop.call(by_id), Lookup::Found(queried));
}

/// Places orders by every payment method and pays them; closes one and refunds one.
pub(super) fn conversation() -> Shop {
    let mut shop = Shop::open();
    let party = shop.partner();
    let address = Ipv4Addr::new(203, 0, 113, 7);
    let order = |shop: &Shop, serial| {
        let order = shop.order(&number(serial), 100).party(party.clone());
        order.payer_client_ip(address.into())
    };
    let (payer, openid) = (Payer::under_sub_appid(shop.openid()), shop.openid());

    let params = shop.call(JsapiOrder::new(order(&shop, 1), payer.clone()).unwrap());
    assert_eq!(
        Some(&params.app_id),
        party.sub_appid(),
        "the payment parameters must name the sub-merchant's app"
    );
    assert_eq!(shop.pay_with_params(&json!(params)).payments[0].sub_openid, Some(openid));
    assert_paid(&mut shop, &number(1), &party);

    let params = shop.call(JsapiOrder::mini_program(order(&shop, 2), payer.clone()).unwrap());
    shop.pay_with_params(&json!(params));
    assert_paid(&mut shop, &number(2), &party);

    let params = shop.call(AppOrder::new(order(&shop, 3)));
    shop.pay_with_params(&json!(params));
    assert_paid(&mut shop, &number(3), &party);

    let code_url = shop.call(NativeOrder::new(order(&shop, 4)));
    assert!(code_url.starts_with("weixin://wxpay/bizpayurl"), "{code_url}");
    shop.pay(&number(4));
    assert_paid(&mut shop, &number(4), &party);

    let h5_url = shop.call(H5Order::new(order(&shop, 5), H5Info::wap()).unwrap());
    assert!(h5_url.starts_with("https://wx.tenpay.com/"), "{h5_url}");
    shop.pay(&number(5));
    assert_paid(&mut shop, &number(5), &party);

    let pos_order = ScannedPosOrder::new(order(&shop, 6), payer, StoreId::out_id("shop-1").unwrap()).unwrap();
    let prepay_id = shop.call(pos_order);
    let appid = party.sub_appid().unwrap().clone();
    let params =
        JsapiParams::sign(&shop.merchant, appid, &prepay_id, shop.driver.now, "nonce".into()).unwrap();
    shop.pay_with_params(&json!(params));
    assert_paid(&mut shop, &number(6), &party);

    shop.call(NativeOrder::new(order(&shop, 7)));
    shop.call(CloseOrder::new(number(7)).party(party.clone()));
    assert_eq!(query(&mut shop, &number(7), &party).trade_state, TradeState::Closed);

    let create = refund_of(number(1), "F1", 30, 100);
    let create = create.party(party.clone()).notify_url(super::shop::notify_url());
    assert_eq!(shop.call(create).status, RefundStatus::Processing);
    let notifications = shop.receive_notifications();
    let [notification] = &notifications[..] else { panic!("expected one notification") };
    let Event::Refund(event) = notification.event().unwrap() else { panic!("expected a refund event") };
    assert_eq!((event.refund_status, event.sub_mchid.as_ref()), (RefundStatus::Success, party.sub_mchid()));
    let queried = shop.call(refund::QueryRefund::new("F1".parse().unwrap()).party(party));
    let refund = queried.found().expect("the refund must be found");
    assert_eq!((refund.status, refund.amount.refund), (RefundStatus::Success, Fen::new(30)));
    shop
}

#[test]
fn partner_places_queries_closes_and_refunds_orders_of_a_sub_merchant() {
    let mut shop = conversation();
    let party = shop.partner();
    let queried = shop.call(QueryOrder::out_trade_no(number(99)).party(party));
    assert_eq!(queried, Lookup::NotFound);
    let record = shop.network.gateway.order(&OrderRef::OutTradeNo(number(1)), shop.driver.now).unwrap();
    assert_eq!(record.sub_mchid, Some(shop.sub_mchid()));
}

#[test]
fn order_of_a_sub_merchant_belongs_to_no_other_party() {
    let mut shop = conversation();
    for party in [Party::Direct, Party::partner("1900000109".parse().unwrap())] {
        let error = shop.call_err(QueryOrder::out_trade_no(number(1)).party(party.clone()));
        assert!(error.refusal().is_some(), "{error:?}");
        let error = shop.call_err(refund_of(number(2), "F2", 30, 100).party(party));
        assert_eq!(error.fate(), Some(Fate::Refused));
    }
    let record = shop.network.gateway.order(&OrderRef::OutTradeNo(number(2)), shop.driver.now).unwrap();
    assert_eq!(record.refunds, []);
}

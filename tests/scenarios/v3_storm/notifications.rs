//! Many notifications of one gateway.

use super::{Driver, KeySource, Settings, SimNetwork, v3};
use std::collections::BTreeMap;
use wxpay_proto::{
    Fen, UnixTime,
    v3::pay::{NativeOrder, Order},
};
use wxpay_sim::{
    gateway::{OrderRef, Payer},
    notifications::{DeliveryResult, NotificationState},
};

const ORDERS: usize = 5_000;
/// The number of deliveries per notification: the last one is acknowledged.
const DELIVERIES: usize = 4;

#[test]
fn five_thousand_notifications_are_delivered_in_order_until_acknowledged() {
    let mut settings = Settings::default();
    settings.v3.key_source = KeySource::Quick;
    let mut wire = SimNetwork::new(settings, 7);
    let me = v3::public_key_builder(&wire.gateway, &wire.gateway.merchant().clone()).build();
    let appid = wire.gateway.merchant().appids()[0].clone();
    let mut lab = Driver::default();
    lab.now = UnixTime::from_secs(1_795_500_000);
    let notify_url: wxpay_proto::id::NotifyUrl = "https://shop.example/notify/v3".parse().unwrap();
    for serial in 0..ORDERS {
        let number = format!("MANY{serial:08}").parse().unwrap();
        let order = Order::builder(appid.clone(), number, Fen::new(100), "千足金箍棒", notify_url.clone());
        lab.run(me.call(NativeOrder::new(order.build().unwrap())), &mut wire).unwrap();
    }
    // Ten are paid in each second.
    for serial in 0..ORDERS {
        let named = OrderRef::OutTradeNo(format!("MANY{serial:08}").parse().unwrap());
        let at = lab.now.after(std::time::Duration::from_secs(u64::try_from(serial / 10).unwrap()));
        wire.gateway.pay_transaction(&named, &Payer::default(), at).unwrap();
    }
    let (mut told, mut last) = (BTreeMap::<String, usize>::new(), lab.now);
    while let Some(due) = wire.gateway.next_due() {
        assert!(due >= last, "the time must not decrease");
        last = due;
        for delivery in wire.gateway.due_deliveries(due) {
            let times = told.entry(delivery.out_trade_no().to_owned()).or_default();
            *times += 1;
            let status = if *times < DELIVERIES { 500 } else { 204 };
            let result = DeliveryResult::Response { status, body: Vec::new() };
            wire.gateway.record_delivery(delivery.id(), &result, due);
        }
    }
    assert_eq!(told.len(), ORDERS);
    assert!(told.values().all(|times| *times == DELIVERIES));
    let records = wire.gateway.notifications();
    assert!(
        records.iter().all(|record| record.state == NotificationState::Accepted && record.next_at.is_none())
    );
    let one = wire.gateway.transaction(&OrderRef::OutTradeNo("MANY00000003".parse().unwrap()), last).unwrap();
    assert_eq!(
        one.notifications.iter().map(|notification| notification.deliveries.len()).collect::<Vec<_>>(),
        [DELIVERIES]
    );
}

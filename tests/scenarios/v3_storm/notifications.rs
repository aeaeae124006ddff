//! Many notifications of one gateway.

use std::collections::BTreeMap;
use wxpay_proto::{
    Fen, UnixTime,
    v3::pay::{NativeOrder, Order},
};
use wxpay_sim::{
    Settings,
    gateway::{OrderRef, Payer},
    keys::KeySource,
    notifications::{DeliveryResult, NotificationState},
};
use wxpay_testkit::{
    drive::Driver,
    network::{SimNetwork, v3},
};

const ORDERS: usize = 5_000;
/// The number of deliveries per notification: the last one is acknowledged.
const DELIVERIES: usize = 4;

#[test]
fn five_thousand_notifications_are_delivered_in_order_until_acknowledged() {
    let mut settings = Settings::default();
    settings.v3.key_source = KeySource::Fake;
    let mut network = SimNetwork::new(settings, 7);
    let merchant = v3::public_key_builder(&network.gateway, &network.gateway.merchant().clone()).build();
    let appid = network.gateway.merchant().appids()[0].clone();
    let mut driver = Driver::default();
    driver.now = UnixTime::from_secs(1_795_500_000);
    let notify_url: wxpay_proto::id::NotifyUrl = "https://shop.example/notify/v3".parse().unwrap();
    for serial in 0..ORDERS {
        let number = format!("MANY{serial:08}").parse().unwrap();
        let order = Order::new(number, Fen::new(100), "千足金箍棒")
            .unwrap()
            .appid(appid.clone())
            .notify_url(notify_url.clone());
        driver.run(merchant.call(NativeOrder::new(order)), &mut network).unwrap();
    }
    // The payers pay ten orders per second.
    for serial in 0..ORDERS {
        let order = OrderRef::OutTradeNo(format!("MANY{serial:08}").parse().unwrap());
        let at = driver.now.after(std::time::Duration::from_secs(u64::try_from(serial / 10).unwrap()));
        network.gateway.pay(&order, &Payer::default(), at).unwrap();
    }
    let (mut deliveries, mut last) = (BTreeMap::<String, usize>::new(), driver.now);
    while let Some(due) = network.gateway.next_due() {
        assert!(due >= last, "the time must not decrease");
        last = due;
        for delivery in network.gateway.due_deliveries(due) {
            let count = deliveries.entry(delivery.out_trade_no().to_owned()).or_default();
            *count += 1;
            let status = if *count < DELIVERIES { 500 } else { 204 };
            let result = DeliveryResult::Response { status, body: Vec::new() };
            network.gateway.record_delivery(delivery.id(), &result, due);
        }
    }
    assert_eq!(deliveries.len(), ORDERS);
    assert!(deliveries.values().all(|count| *count == DELIVERIES));
    let mut records = network.gateway.notifications();
    assert!(records.all(|record| record.state == NotificationState::Accepted && record.next_at.is_none()));
    let transaction =
        network.gateway.order(&OrderRef::OutTradeNo("MANY00000003".parse().unwrap()), last).unwrap();
    assert_eq!(
        transaction
            .notifications
            .iter()
            .map(|notification| notification.deliveries.len())
            .collect::<Vec<_>>(),
        [DELIVERIES]
    );
}

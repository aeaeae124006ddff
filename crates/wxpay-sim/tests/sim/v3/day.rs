//! A day of business on two clocks: business time passes hour by hour, the wall clock by a second a request.

use super::shop::{BASE, NOTIFY, ParsedReply, Shop, parse_reply};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use wxpay_proto::{UnixTime, http::Method};
use wxpay_sim::{
    Outcome,
    clock::Now,
    gateway::{OrderRef, Payer},
    notifications::{DeliveryResult, NotificationState},
};

const HOUR: Duration = Duration::from_secs(3600);

/// A shop whose program knows the wall clock alone.
struct Day {
    shop: Shop,
    business: UnixTime,
    /// The number of deliveries about each order.
    deliveries: BTreeMap<String, usize>,
}

impl Day {
    fn now(&self) -> Now {
        Now { business: self.business, wall: self.shop.now }
    }

    /// Sends a request that is signed by the wall clock. Its reply is signed by the wall clock too.
    fn send(&mut self, method: Method, target: &str, body: &Value) -> ParsedReply {
        self.shop.wait(1);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = self.shop.request(method, target, &body);
        let now = self.now();
        let Outcome::Reply(reply) = self.shop.gateway.answer(&request, now) else {
            panic!("no fault is injected")
        };
        if reply.header("content-type").is_some_and(|kind| kind.starts_with(b"application/json")) {
            assert_eq!(reply.header("wechatpay-timestamp"), Some(now.wall.to_string().as_bytes()));
            assert!(self.shop.verifies_reply(&reply), "{target}");
        }
        parse_reply(&reply)
    }

    /// Sends the notifications that fall due in an hour. The merchant accepts all but those of the order `REFUSED0`.
    fn pass_an_hour(&mut self) {
        let end = self.business.after(HOUR);
        while let Some(due) = self.shop.gateway.next_due().filter(|due| *due <= end) {
            self.business = self.business.max(due);
            let now = self.now();
            for delivery in self.shop.gateway.due_deliveries(now) {
                let signed_at =
                    delivery.headers().iter().find(|(name, _)| *name == "wechatpay-timestamp").unwrap();
                assert_eq!(signed_at.1, now.wall.to_string());
                *self.deliveries.entry(delivery.out_trade_no().into()).or_default() += 1;
                let status = if delivery.out_trade_no() == "REFUSED0" { 500 } else { 204 };
                let result = DeliveryResult::Response { status, body: Vec::new() };
                self.shop.gateway.record_delivery(delivery.id(), &result, now);
            }
        }
        self.business = end;
    }

    fn place_and_pay(&mut self, number: &str) {
        // The program computes the time from its own clock.
        let expire = self.shop.now.after(Duration::from_secs(1800)).to_string();
        let expire = expire.parse().map(jiff::Timestamp::from_second).unwrap().unwrap().to_string();
        let goods = self.shop.goods_with(number, &json!({ "time_expire": expire }));
        let reply = self.send(Method::Post, "/v3/pay/transactions/native", &goods);
        assert_eq!(reply.status, 200, "{reply:?}");
        let order_ref = OrderRef::OutTradeNo(number.parse().unwrap());
        self.shop.gateway.pay(&order_ref, &Payer::default(), self.business).unwrap();
    }
}

#[test]
fn day_of_business_passes_while_the_wall_clock_hardly_moves() {
    let shop = Shop::open();
    let business = shop.now;
    let mut day = Day { shop, business, deliveries: BTreeMap::new() };
    day.place_and_pay("REFUSED0");
    for hour in 0..24 {
        let number = format!("HOURLY{hour:02}");
        day.place_and_pay(&number);
        let refund = json!({ "out_trade_no": number, "out_refund_no": format!("R{hour}"), "notify_url": NOTIFY,
            "amount": { "refund": 1, "total": 1999, "currency": "CNY" } });
        assert_eq!(day.send(Method::Post, "/v3/refund/domestic/refunds", &refund).status, 200);
        // Three seconds of business later the refund has succeeded.
        day.pass_an_hour();
        let reply = day.send(Method::Get, &format!("/v3/refund/domestic/refunds/R{hour}"), &Value::Null);
        assert_eq!(reply.body["status"], "SUCCESS");
    }
    day.pass_an_hour();
    // The first delivery and fifteen retries in 24 hours and 4 minutes; one delivery of a payment and one of a refund.
    assert_eq!(day.deliveries.remove("REFUSED0"), Some(16));
    assert_eq!(day.deliveries.values().copied().collect::<Vec<_>>(), [2; 24]);
    let states: Vec<_> = day.shop.gateway.notifications().map(|notification| notification.state).collect();
    assert_eq!(states.iter().filter(|state| **state == NotificationState::Stopped).count(), 1);

    // At ten in the morning of the next day of business there is a bill of the day before.
    for _ in 0..10 {
        day.pass_an_hour();
    }
    let target = "/v3/bill/tradebill?bill_date=2026-05-29&bill_type=SUCCESS";
    let reply = day.send(Method::Get, target, &Value::Null);
    let url = reply.body["download_url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    day.shop.wait(1);
    let request = day.shop.request(Method::Get, &url, "");
    let now = day.now();
    let Outcome::Reply(file) = day.shop.gateway.answer(&request, now) else { panic!("no fault is injected") };
    let rows = str::from_utf8(file.body()).unwrap().matches("NATIVE").count();
    // The first order, and those of the hours from 04:26 to 23:26.
    assert_eq!(rows, 1 + 20);
    assert!(day.shop.now.since(business) < HOUR, "the wall clock hardly moved");
}

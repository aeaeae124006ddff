//! Interoperability of the client library's core with the simulator, which were written independently from the same
//! documents.

use crate::support::{START, Shop};
use std::time::Duration;
use wxpay_proto::{
    Fen, UnixTime,
    entropy::Entropy,
    exchange::{Failure, Flow, Step},
    memory::Memory,
    v1::{self, Merchant, Order, QueryOutcome, RawNotification},
    wire::charset::Charset,
    world::World,
};
use wxpay_sim::{
    Gateway, Outcome, Settings,
    faults::{Fault, FaultRule, Operation},
    gateway::Payer,
    payer::PaymentRequest,
};

fn merchant(gateway: &Gateway) -> Merchant {
    let merchant = gateway.credentials();
    let secret = merchant.app_secret().expose().clone();
    let (pay_sign_key, partner_key) =
        (merchant.pay_sign_key().expose().clone(), merchant.partner_key().expose().clone());
    Merchant::builder(
        merchant.appid().clone(),
        v1::AppSecret::new(secret).unwrap(),
        v1::PaySignKey::new(pay_sign_key).unwrap(),
        merchant.partner().clone(),
        v1::PartnerKey::new(partner_key).unwrap(),
    )
    .build()
}

/// Runs a flow against the gateway in virtual time.
fn run<F: Flow>(
    flow: F,
    gateway: &mut Gateway,
    memory: &mut Memory,
    now: &mut UnixTime,
) -> Result<F::Output, wxpay_proto::Error> {
    let mut counter = 0;
    let mut entropy = || {
        counter += 1;
        Entropy::new([counter; 32])
    };
    let mut step = Step::begin(flow, World::new(*now, entropy(), memory));
    for _ in 0..100 {
        step = match step {
            Step::Send(transmit, awaiting) => {
                let lost = || Failure::Lost("the network broke".into());
                let reply = match gateway.answer(&transmit.request, *now) {
                    Outcome::Reply(reply) | Outcome::AfterNotifications(reply) | Outcome::Slow(reply, _) => {
                        Ok(reply)
                    }
                    Outcome::Delayed(reply, delay) => {
                        *now = now.after(delay);
                        if delay < transmit.timeout { Ok(reply) } else { Err(lost()) }
                    }
                    Outcome::Truncated(..)
                    | Outcome::ConnectionClosed { .. }
                    | Outcome::ConnectionReset { .. }
                    | Outcome::ConnectionRefused(_) => Err(lost()),
                };
                *now = now.after(Duration::from_millis(20));
                awaiting.resume(reply, World::new(*now, entropy(), memory))
            }
            Step::Wait(until, waiting) => {
                *now = until.max(*now);
                waiting.resume(World::new(*now, entropy(), memory))
            }
            Step::Done(result) => return result,
        };
    }
    panic!("the flow did not end within 100 steps");
}

fn order(number: &str, charset: Charset) -> Order {
    Order::builder(
        number.parse().unwrap(),
        Fen::new(1999),
        "支付 测试+1",
        "http://shop.example/notify".parse().unwrap(),
        std::net::Ipv4Addr::new(203, 0, 113, 7),
    )
    .charset(charset)
    .attach("附言 a+b")
    .build()
    .unwrap()
}

#[test]
fn payment_completes_in_both_charsets() {
    for charset in [Charset::Utf8, Charset::Gbk] {
        let mut gateway = Gateway::new(Settings::default(), 3);
        let (merchant, mut memory, mut now) = (merchant(&gateway), Memory::default(), START);
        let params = run(merchant.prepay(order("A1", charset)), &mut gateway, &mut memory, &mut now).unwrap();
        let unpaid = run(merchant.query("A1".parse().unwrap()), &mut gateway, &mut memory, &mut now).unwrap();
        assert!(matches!(unpaid, QueryOutcome::Unpaid), "{unpaid:?}");
        let unknown =
            run(merchant.query("A2".parse().unwrap()), &mut gateway, &mut memory, &mut now).unwrap();
        assert!(matches!(unknown, QueryOutcome::NotFound), "{unknown:?}");

        let params = serde_json::to_vec(&params).unwrap();
        let request = PaymentRequest::parse(&mut gateway, &params, now).unwrap();
        assert_eq!((request.total, request.description.as_str()), (Fen::new(1999), "支付 测试+1"));
        let payer = Payer::default().with_discount(Fen::new(9));
        request.pay(&mut gateway, &payer, now).unwrap();

        let delivery = gateway.due_deliveries(now).remove(0);
        let raw = RawNotification::new("POST", delivery.query().as_bytes(), delivery.body());
        let notification = merchant.verify_notification(&raw).unwrap();
        assert_eq!(notification.attach(), Some("附言 a+b"));
        assert_eq!((notification.total_fee(), notification.discount()), (Fen::new(1990), Fen::new(9)));
        let paid = run(merchant.query("A1".parse().unwrap()), &mut gateway, &mut memory, &mut now).unwrap();
        assert_eq!(paid.evidence().unwrap().payment(), notification.evidence().unwrap().payment());
        assert!(gateway.warnings().next().is_none(), "{:?}", gateway.warnings().collect::<Vec<_>>());
    }
}

#[test]
fn invalid_token_is_fetched_again() {
    for fault in [Fault::TokenReplaced, Fault::TokenExpired] {
        let mut gateway = Gateway::new(Settings::default(), 3);
        gateway.inject(FaultRule::new(fault).for_operation(Operation::Genprepay).at_most(1));
        let (merchant, mut memory, mut now) = (merchant(&gateway), Memory::default(), START);
        run(merchant.prepay(order("A1", Charset::Utf8)), &mut gateway, &mut memory, &mut now).unwrap();
    }
}

#[test]
fn forged_notification_of_every_kind_is_rejected() {
    for seed in 0..20 {
        let mut shop = Shop::seeded(Settings::default(), seed);
        let merchant = merchant(&shop.gateway);
        shop.gateway.inject(FaultRule::new(Fault::NotificationForged));
        shop.order("A1");
        shop.pay("A1");
        for delivery in shop.due() {
            let raw = RawNotification::new("POST", delivery.query().as_bytes(), delivery.body());
            assert_eq!(merchant.verify_notification(&raw).is_err(), delivery.is_forged());
        }
    }
}

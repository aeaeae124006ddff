//! The simulator behind a good signature: any request gets a reply that a merchant can verify and read.

use super::NONCE;
use crate::null::NullProvider;
use serde_json::Value;
use std::time::Duration;
use wxpay_proto::{
    UnixTime,
    crypto::CryptoProvider as _,
    http::{Method, Request, Response},
    secret::Secret,
    v3::Authorization,
    wire::base64,
};
use wxpay_sim::{
    Clock, Gateway, Outcome, Settings, control::Simulation, keys::KeySource, ledger::RefundStatus,
    merchant::Merchant,
};

/// Runs a session of signed requests, separated by lines `---`. A request is a line `METHOD target`, followed by a
/// body. `{mchid}` and `{appid}` stand for the merchant's values. Targets that begin with `/_sim` steer the simulator.
pub fn v3_gateway(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let now = UnixTime::from_secs(1_780_000_000);
    let mut settings = Settings::default();
    settings.v3.key_source = KeySource::Fake;
    let mut simulation = Simulation {
        gateway: Gateway::new(settings, 7),
        clock: Clock::frozen(now).with_virtual_signatures(),
    };
    let merchant = simulation.gateway.merchant().clone();
    let (mchid, appid) = (merchant.mchid().as_str(), merchant.appids()[0].as_str());
    for request in text.split("\n---\n").take(16) {
        let request = request.replace("{mchid}", mchid).replace("{appid}", appid);
        let (head, body) = request.split_once('\n').unwrap_or((&request, ""));
        let (method, target) = head.split_once(' ').unwrap_or(("POST", head));
        if target.starts_with("/_sim") {
            let response = simulation.control(method, target, body.as_bytes(), now);
            assert!((200..600).contains(&response.status));
        } else if target.starts_with("/v3/") {
            send(&mut simulation, &merchant, method, target, body, now);
        }
    }
    simulation.clock.advance(Duration::from_secs(3600));
    let now = simulation.clock.business(now);
    for order in simulation.gateway.orders(now) {
        let refunds = order.refunds.iter().filter(|refund| refund.status != RefundStatus::Closed);
        let refunded: u64 = refunds.map(|refund| refund.refund.get()).sum();
        assert!(refunded <= order.total.get(), "more was refunded than paid");
        assert!(
            order.refunds.is_empty() || !order.payments.is_empty(),
            "an order that nobody paid was refunded"
        );
    }
}

fn send(
    simulation: &mut Simulation,
    merchant: &Merchant,
    method: &str,
    target: &str,
    body: &str,
    real: UnixTime,
) {
    let method = if method == "GET" { Method::Get } else { Method::Post };
    let body = if method == Method::Get { "" } else { body };
    let (now, orders) = (simulation.clock.business(real), simulation.gateway.orders(real).len());
    let request =
        Request::new(method, format!("https://api.mch.weixin.qq.com{target}"), body.as_bytes().to_vec())
            .with_header("accept", "application/json")
            .with_header("content-type", "application/json")
            .with_header("user-agent", "wxpay-testkit")
            .with_header("wechatpay-serial", merchant.platform().public_key().unwrap().id.to_string())
            .with_header("authorization", authorization(merchant, method, target, body, now));
    // The control interface may have injected a fault.
    let has_faults = !simulation.gateway.fault_rules().is_empty();
    let Outcome::Reply(reply) = simulation.gateway.answer(&request, now) else {
        return assert!(has_faults, "a fault that was not injected");
    };
    if has_faults {
        return;
    }
    assert!((200..500).contains(&reply.status()), "status {} without a fault", reply.status());
    assert_signed(&reply, merchant, now);
    if reply.status() >= 400 {
        let refusal: Value = serde_json::from_slice(reply.body()).unwrap();
        assert!(refusal["code"].is_string() && refusal["message"].is_string(), "{refusal}");
        let count = simulation.gateway.orders(now).len();
        assert_eq!(count, orders, "a request that was refused placed an order");
    }
}

/// Checks the signature of a reply. A refusal may be unsigned.
fn assert_signed(reply: &Response, merchant: &Merchant, now: UnixTime) {
    let text = |name| reply.header(name).map(|value| String::from_utf8(value.to_vec()).unwrap());
    let (Some(timestamp), Some(nonce), Some(signature), Some(serial)) = (
        text("wechatpay-timestamp"),
        text("wechatpay-nonce"),
        text("wechatpay-signature"),
        text("wechatpay-serial"),
    ) else {
        return assert!(reply.status() >= 400, "an unsigned success");
    };
    let platform = merchant.platform();
    let certificates =
        platform.certificates(now).map(|each| (each.certificate.serial().to_string(), &each.key_pair));
    let public_keys = platform.public_key().into_iter().map(|key| (key.id.to_string(), &key.key_pair));
    let (_, pair) =
        certificates.chain(public_keys).find(|(id, _)| *id == serial).expect("a key of the platform");
    let message = [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", reply.body(), b"\n"].concat();
    let key = NullProvider.public_key(&pair.public().der()).unwrap();
    assert!(
        key.verify(&message, &base64::decode(signature.as_bytes()).unwrap()).is_ok(),
        "an invalid signature"
    );
}

fn authorization(merchant: &Merchant, method: Method, target: &str, body: &str, now: UnixTime) -> String {
    let api_key = merchant.api_keys().last().unwrap();
    let key = NullProvider.private_key(&Secret::new(api_key.key_pair.private_der())).unwrap();
    let timestamp = now.as_secs();
    let message = format!("{method}\n{target}\n{timestamp}\n{NONCE}\n{body}\n");
    let signature = base64::encode(&key.sign(message.as_bytes()).unwrap());
    let (mchid, serial) = (merchant.mchid(), api_key.certificate.serial());
    let text = format!(
        "WECHATPAY2-SHA256-RSA2048 mchid=\"{mchid}\",nonce_str=\"{NONCE}\",signature=\"{signature}\",\
         timestamp=\"{timestamp}\",serial_no=\"{serial}\""
    );
    assert!(text.parse::<Authorization>().is_ok());
    text
}

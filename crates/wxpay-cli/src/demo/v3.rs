//! An APIv3 payment through all its steps: order, payment, notification, webhook, query, refund, ledger.

use super::{
    listener::WebhookListener,
    shop::{member, parsed},
    show,
    stage::{Stage, expect},
    tap::Exchange,
};
use crate::{Failure, args::DemoApi, dev::Dev, input, seal};
use serde_json::{Value, json};
use wxpay_proto::v3::{Authorization, message};
use wxpay_sim::faults::{Fault, FaultRule};

const NUMBER: &str = "20261129000001";
const LOST_NUMBER: &str = "20261129000002";
const REFUND_NUMBER: &str = "R20261129000001";
const PREPAY_PATH: &str = "/v3/pay/transactions/native";
const REFUND_PATH: &str = "/v3/refund/domestic/refunds";

/// The headers by which WeChat Pay signs replies and notifications.
const SIGNATURE_HEADERS: [&str; 4] =
    ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature"];

pub(super) async fn run() -> Result<(), Failure> {
    let mut stage = Stage::start(DemoApi::V3).await?;
    let mut webhooks = WebhookListener::start().await?;
    show::title("   ", "one payment of 19.99 yuan by APIv3, entirely on this machine")?;
    show::line("payment server", &stage.shop.server)?;
    show::line("gateway", format_args!("{} (simulated)", stage.shop.gateway))?;
    show::line("shop", webhooks.url())?;

    add_endpoint(&stage, &webhooks).await?;
    place(&mut stage).await?;
    pay(&mut stage).await?;
    let event = webhook(&mut webhooks, "4 of 7", "order.paid", "paid").await?;
    query(&mut stage, &mut webhooks).await?;
    refund(&mut stage, &mut webhooks).await?;
    ledger(&stage, &event).await?;
    stage.finish().await
}

/// Registers the shop's endpoint for webhooks.
async fn add_endpoint(stage: &Stage, webhooks: &WebhookListener) -> Result<(), Failure> {
    let endpoints = format!("{}/api/webhook-endpoints", stage.shop.server);
    let endpoint = stage.shop.post(&endpoints, &json!({ "url": webhooks.url() })).await?;
    webhooks.trust(member(&endpoint, "secret").as_str().unwrap_or_default())
}

/// Runs step 1: the order.
async fn place(stage: &mut Stage) -> Result<(), Failure> {
    let Stage { dev, shop, calls, .. } = stage;
    let order = order(NUMBER, 1999);
    show::title("1 of 7", "the shop places an order; the server signs a request to WeChat Pay")?;
    show::line("shop →", format_args!("POST /api/orders {order}"))?;
    let placed = shop.place(&order).await?;
    show_call(dev, &calls.next(PREPAY_PATH).await?)?;
    show::line("→ shop", &placed)?;
    expect(member(member(&placed, "order"), "status") == "open", "the new order must be open")?;
    let code_url = member(member(&placed, "pay"), "code_url").as_str().unwrap_or_default();
    expect(code_url.starts_with("weixin://"), "the order must have a code_url")
}

/// Runs steps 2 and 3: the payer pays, WeChat Pay notifies, the server acknowledges.
async fn pay(stage: &mut Stage) -> Result<(), Failure> {
    let Stage { dev, shop, notifications, .. } = stage;
    show::title("2 of 7", "the payer scans the code and pays")?;
    let paid = shop.post(&format!("{}/_sim/v1/orders/{NUMBER}/pay", shop.gateway), &json!({})).await?;
    show::line("trade state", member(&paid, "trade_state"))?;
    show::title("3 of 7", "WeChat Pay notifies the server, which commits the payment, then acknowledges")?;
    let exchange = notifications.next("/notify/default/payment").await?;
    let payment = show_notification(dev, &exchange)?;
    expect(member(&payment, "trade_state") == "SUCCESS", "the notification must report the payment")?;
    let order = shop.order(NUMBER).await?;
    expect(member(&order, "status") == "paid", "the notification must pay the order")
}

/// Waits for a webhook about the order and shows it. Returns the event.
async fn webhook(
    webhooks: &mut WebhookListener,
    step: &str,
    kind: &str,
    verb: &str,
) -> Result<Value, Failure> {
    show::title(step, &format!("the shop learns by a signed webhook that the order is {verb}"))?;
    let event = webhooks.next(kind).await?;
    let object = member(member(&event, "data"), "object");
    expect(member(object, "out_trade_no") == NUMBER, "the webhook must be about the order")?;
    Ok(event)
}

/// Runs step 5: a second order, whose notification is lost and which is queried.
async fn query(stage: &mut Stage, webhooks: &mut WebhookListener) -> Result<(), Failure> {
    let Stage { dev, shop, calls, .. } = stage;
    show::title(
        "5 of 7",
        "notifications are not guaranteed: this one is lost, and the server queries the order",
    )?;
    shop.place(&order(LOST_NUMBER, 100)).await?;
    dev.simulator.with(|simulation, _| simulation.gateway.inject(FaultRule::new(Fault::NotificationLost)));
    shop.post(&format!("{}/_sim/v1/orders/{LOST_NUMBER}/pay", shop.gateway), &json!({})).await?;
    let queried = shop.post(&format!("{}/api/orders/{LOST_NUMBER}/query", shop.server), &json!({})).await?;
    show_call(dev, &calls.next(&format!("/v3/pay/transactions/out-trade-no/{LOST_NUMBER}")).await?)?;
    expect(member(&queried, "status") == "paid", "the query must pay the order")?;
    dev.simulator.with(|simulation, _| simulation.gateway.clear_faults());
    let event = webhooks.next("order.paid").await?;
    let object = member(member(&event, "data"), "object");
    expect(member(object, "out_trade_no") == LOST_NUMBER, "the webhook must be about the queried order")
}

/// Runs step 6: a refund, which WeChat Pay reports some seconds later.
async fn refund(stage: &mut Stage, webhooks: &mut WebhookListener) -> Result<(), Failure> {
    let Stage { dev, shop, calls, notifications, .. } = stage;
    let terms =
        json!({ "out_refund_no": REFUND_NUMBER, "amount": { "refund": 999 }, "reason": "one returned" });
    show::title("6 of 7", "the shop refunds 9.99 yuan; the payer has them some seconds later")?;
    show::line("shop →", format_args!("POST /api/orders/{NUMBER}/refunds {terms}"))?;
    let refunds = format!("/api/orders/{NUMBER}/refunds");
    let refund = shop.post(&format!("{}{refunds}", shop.server), &terms).await?;
    show_call(dev, &calls.next(REFUND_PATH).await?)?;
    show::line("→ shop", &refund)?;
    let exchange = notifications.next("/notify/default/refund").await?;
    let report = show_notification(dev, &exchange)?;
    expect(member(&report, "refund_status") == "SUCCESS", "the notification must report the refund")?;
    let path = format!("{refunds}/{REFUND_NUMBER}");
    let succeeded = |refund: &Value| member(refund, "status") == "success";
    shop.wait(&path, "the refund must succeed", succeeded).await?;
    webhook(webhooks, "6 of 7", "refund.succeeded", "refunded").await.map(drop)
}

/// Runs step 7: shows the ledger.
async fn ledger(stage: &Stage, paid: &Value) -> Result<(), Failure> {
    let shop = &stage.shop;
    let order = shop.order(NUMBER).await?;
    show::title("7 of 7", "the ledger: the order as stored, and the events")?;
    for (name, value) in order.as_object().into_iter().flatten() {
        show::line(name, value)?;
    }
    let events = shop.get(&format!("{}/api/events", shop.server)).await?;
    let events = member(&events, "data").as_array().map(Vec::as_slice).unwrap_or_default();
    for event in events {
        let object = member(member(event, "data"), "object");
        let number = member(object, "out_trade_no");
        show::line("event", format_args!("{} {} {number}", member(event, "id"), member(event, "type")))?;
    }
    expect(member(&order, "status") == "paid", "the ledger must show the order as paid")?;
    let refunds = member(&order, "refunds");
    expect(member(refunds, "succeeded") == 999, "the ledger must show the refund")?;
    expect(member(refunds, "reserved") == 0, "nothing must stay reserved")?;
    expect(events.contains(paid), "the event log must have the event of the webhook")?;
    let count = |kind: &str| events.iter().filter(|event| member(event, "type") == kind).count();
    expect(count("order.paid") == 2, "each payment must have one event")?;
    expect(count("refund.succeeded") == 1, "the refund must have one event")
}

fn order(number: &str, total: u64) -> Value {
    json!({
        "channel": "native", "out_trade_no": number, "description": "千足金箍棒", "amount": { "total": total },
    })
}

/// Shows a signed request and its signed reply, and verifies both signatures again.
fn show_call(dev: &Dev, exchange: &Exchange) -> Result<(), Failure> {
    let merchant = dev.merchant();
    let header = exchange.headers.get("authorization").and_then(|header| header.to_str().ok());
    let authorization: Authorization =
        header.unwrap_or_default().parse().map_err(|fault| Failure::failed(format_args!("{fault}")))?;
    let target = exchange.target();
    let string = message::request(
        input::method(&exchange.method)?,
        &target,
        authorization.timestamp,
        &authorization.nonce_str,
        &exchange.body,
    );
    show::line("→ WeChat Pay", format_args!("{} {target}", exchange.method))?;
    show::line("", format_args!("Authorization: {authorization}"))?;
    if !exchange.body.is_empty() {
        show::line("", String::from_utf8_lossy(&exchange.body))?;
    }
    show::string_to_sign("SHA256-RSA of", &string)?;
    let key = merchant.api_keys().iter().find(|key| *key.certificate.serial() == authorization.serial_no);
    let is_valid = key.is_some_and(|key| key.key_pair.public().verifies(&string, &authorization.signature));
    expect(is_valid, "the signature of the request must be the merchant's")?;
    show::line(
        "← WeChat Pay",
        format_args!("{} {}", exchange.status, String::from_utf8_lossy(&exchange.reply)),
    )?;
    show::headers(&exchange.reply_headers, &SIGNATURE_HEADERS)?;
    verify_platform(dev, &exchange.reply_headers, &exchange.reply)
}

/// Shows a notification with the string that WeChat Pay signed, and its decrypted resource, which is returned.
fn show_notification(dev: &Dev, exchange: &Exchange) -> Result<Value, Failure> {
    show::line("WeChat Pay →", format_args!("{} {}", exchange.method, exchange.path))?;
    show::headers(&exchange.headers, &SIGNATURE_HEADERS)?;
    show::line("", String::from_utf8_lossy(&exchange.body))?;
    verify_platform(dev, &exchange.headers, &exchange.body)?;
    let merchant = dev.merchant();
    let api_v3_key = merchant.api_v3_key().ok_or_else(|| Failure::failed("the merchant has no APIv3 key"))?;
    let opened = seal::open_with(api_v3_key, member(&parsed(&exchange.body)?, "resource"))?;
    let resource = parsed(opened.expose())?;
    show::line("AES-256-GCM key", "[secret]")?;
    show::line("decrypted", &resource)?;
    show::line(
        "→ WeChat Pay",
        format_args!("{} {}", exchange.status, String::from_utf8_lossy(&exchange.reply)),
    )?;
    expect((200..300).contains(&exchange.status), "the server must acknowledge the notification")?;
    Ok(resource)
}

/// Shows the string that WeChat Pay signed, and verifies its signature.
fn verify_platform(dev: &Dev, headers: &hyper::HeaderMap, body: &[u8]) -> Result<(), Failure> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let string = message::reply(header("Wechatpay-Timestamp"), header("Wechatpay-Nonce"), body);
    show::string_to_sign("SHA256-RSA of", &string)?;
    let signature = wxpay_proto::wire::base64::decode(header("Wechatpay-Signature").as_bytes());
    let merchant = dev.merchant();
    let key = merchant.platform().public_key();
    let is_valid = key.zip(signature.ok()).is_some_and(|(key, signature)| {
        header("Wechatpay-Serial") == key.id.as_str() && key.key_pair.public().verifies(&string, &signature)
    });
    expect(is_valid, "the signature must be WeChat Pay's")
}

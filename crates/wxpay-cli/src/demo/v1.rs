//! An APIv1 payment through all its steps.

use super::{
    shop::{member, parsed},
    show,
    stage::{Stage, expect},
};
use crate::{Failure, args::DemoApi, dev::Dev};
use serde_json::{Value, json};
use wxpay_proto::v1::{AppSecret, Merchant, PartnerKey, PaySignKey, RawNotification, notification};
use wxpay_sim::faults::{Fault, FaultRule};

const NUMBER: &str = "20140508000001";
const LOST_NUMBER: &str = "20140508000002";
const NOTIFY_PATH: &str = "/notify/default/v1";

pub(super) async fn run() -> Result<(), Failure> {
    let mut stage = Stage::start(DemoApi::V1).await?;
    show::title("   ", "one payment of 19.99 yuan by APIv1, entirely on this machine")?;
    show::line("payment server", &stage.shop.server)?;
    show::line("gateway", format_args!("{} (simulated)", stage.shop.gateway))?;

    let params = place(&mut stage).await?;
    pay(&mut stage, &params).await?;
    query(&mut stage).await?;
    notify_delivery(&mut stage).await?;

    let paid = stage.shop.order(NUMBER).await?;
    show::title("the ledger", "the order as stored")?;
    for (name, value) in paid.as_object().into_iter().flatten() {
        show::line(name, value)?;
    }
    expect(member(&paid, "status") == "paid", "the ledger must show the order as paid")?;
    stage.finish().await
}

/// Runs steps 1 to 5: places the order and returns the app payment parameters.
async fn place(stage: &mut Stage) -> Result<Value, Failure> {
    let Stage { dev, shop, calls, .. } = stage;
    let (pay_sign_key, partner_key) = keys(dev)?;
    let placed = shop.place(&order(NUMBER, 1999)).await?;
    let params = member(member(&placed, "pay"), "params").clone();

    show::title("1 of 8", "the access token, valid for 7200 seconds and cached")?;
    show::exchange(&calls.next("/cgi-bin/token").await?)?;

    let call = calls.next("/pay/genprepay").await?;
    let message = parsed(&call.body)?;
    show::title("2 of 8", "the package: the order, signed by MD5 with the partnerKey")?;
    show::md5(member(&message, "package").as_str().unwrap_or_default(), &partner_key)?;
    show::title("3 of 8", "the call with the package, signed by SHA-1 with the paySignKey")?;
    show::sha1(&message, "app_signature", &pay_sign_key)?;
    show::title("4 of 8", "the prepayid")?;
    show::exchange(&call)?;
    show::title("5 of 8", "seven parameters for the app, signed by SHA-1")?;
    show::sha1(&params, "sign", &pay_sign_key)?;
    show::line("to the app", &params)?;
    Ok(params)
}

/// Runs steps 6 and 7: the payer pays, WeChat Pay notifies, the server acknowledges.
async fn pay(stage: &mut Stage, params: &Value) -> Result<(), Failure> {
    let Stage { dev, shop, notifications, .. } = stage;
    show::title(
        "6 of 8",
        "the payer's client checks the parameters and pays; WeChat Pay notifies the server",
    )?;
    let paid = shop.post(&format!("{}/_sim/v1/payer/pay", shop.gateway), params).await?;
    show::line("bill", member(&paid, "payment_request"))?;
    show::line("returned to app", member(&paid, "resp"))?;
    let exchange = notifications.next(NOTIFY_PATH).await?;
    let raw = RawNotification::new(&exchange.method, exchange.query.as_bytes(), &exchange.body);
    let merchant = merchant(dev)?;
    let [query_string, body_string] =
        notification::strings_to_sign(&merchant, &raw).map_err(Failure::usage)?;
    show::line("→", format_args!("{} {}?{}", exchange.method, exchange.path, exchange.query))?;
    show::line("", String::from_utf8_lossy(&exchange.body).replace('\n', "\n                   "))?;
    show::line("MD5 of", query_string)?;
    show::line("SHA-1 of", body_string)?;
    let notification = merchant.verify_notification(&raw).map_err(|rejected| Failure::error(&rejected))?;
    show::line(
        "verified",
        format_args!("{} paid {} yuan", notification.out_trade_no(), notification.total_fee().yuan()),
    )?;
    show::title("7 of 8", "the acknowledgement, sent after the payment is committed to the ledger")?;
    show::line("←", format_args!("{} {}", exchange.status, String::from_utf8_lossy(&exchange.reply)))?;
    expect(
        exchange.status == 200 && exchange.reply == "success",
        "the server must answer the notification with success",
    )?;
    expect(member(&shop.order(NUMBER).await?, "status") == "paid", "the notification must pay the order")
}

/// Runs step 8: a second order, whose notification is lost and which is queried.
async fn query(stage: &mut Stage) -> Result<(), Failure> {
    let Stage { dev, shop, calls, .. } = stage;
    let (pay_sign_key, partner_key) = keys(dev)?;
    show::title(
        "8 of 8",
        "notifications are not guaranteed: this one is lost, and the server queries the order",
    )?;
    shop.place(&order(LOST_NUMBER, 100)).await?;
    dev.simulator.with(|simulation, _| simulation.gateway.inject(FaultRule::new(Fault::NotificationLost)));
    shop.post(&format!("{}/_sim/v1/orders/{LOST_NUMBER}/pay", shop.gateway), &json!({})).await?;
    show::line(
        "the app reports",
        format_args!("{LOST_NUMBER} is paid; the server queries WeChat Pay instead"),
    )?;
    let queried = shop.post(&format!("{}/api/orders/{LOST_NUMBER}/query", shop.server), &json!({})).await?;
    let call = calls.next("/pay/orderquery").await?;
    let message = parsed(&call.body)?;
    show::md5(member(&message, "package").as_str().unwrap_or_default(), &partner_key)?;
    show::sha1(&message, "app_signature", &pay_sign_key)?;
    show::exchange(&call)?;
    expect(member(&queried, "status") == "paid", "the query must pay the order")
}

/// Reports the delivery of the goods.
async fn notify_delivery(stage: &mut Stage) -> Result<(), Failure> {
    let Stage { dev, shop, calls, .. } = stage;
    let (pay_sign_key, _) = keys(dev)?;
    show::title("afterwards", "the delivery is reported to WeChat Pay")?;
    shop.post(&format!("{}/api/orders/{NUMBER}/delivered", shop.server), &json!({ "status": "ok" })).await?;
    let call = calls.next("/pay/delivernotify").await?;
    show::sha1(&parsed(&call.body)?, "app_signature", &pay_sign_key)?;
    show::exchange(&call)?;
    Ok(())
}

fn keys(dev: &Dev) -> Result<(PaySignKey, PartnerKey), Failure> {
    Ok((
        PaySignKey::new(dev.credentials.pay_sign_key().expose().clone()).map_err(Failure::usage)?,
        PartnerKey::new(dev.credentials.partner_key().expose().clone()).map_err(Failure::usage)?,
    ))
}

fn merchant(dev: &Dev) -> Result<Merchant, Failure> {
    let (pay_sign_key, partner_key) = keys(dev)?;
    let app_secret = AppSecret::new(dev.credentials.app_secret().expose().clone()).map_err(Failure::usage)?;
    let (appid, partner) = (dev.credentials.appid().clone(), dev.credentials.partner().clone());
    Ok(Merchant::builder(appid, app_secret, pay_sign_key, partner, partner_key).build())
}

fn order(number: &str, total: u64) -> Value {
    json!({
        "channel": "app", "out_trade_no": number, "description": "千足金箍棒", "amount": { "total": total },
        "scene_info": { "payer_client_ip": "203.0.113.7" },
    })
}

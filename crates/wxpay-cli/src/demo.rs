//! `wxpay demo`: one APIv1 payment through all its steps, with every message shown.
//!
//! ```text
//!   shop and app ──▶ payment server ──tap──▶ simulated gateway ◀── payer
//!                         ▲                         │
//!                         └─── tap ◀ notification ──┘
//! ```

mod show;
mod tap;

use crate::{Failure, serve::Dev};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use std::time::Duration;
use tap::Tap;
use wxpay_proto::v1::{AppSecret, Merchant, PartnerKey, PaySignKey, RawNotification, notification};
use wxpay_server::{Server, config::Sources};
use wxpay_sim::faults::{Fault, FaultRule};

const NUMBER: &str = "20140508000001";
const LOST_NUMBER: &str = "20140508000002";
const NOTIFY_PATH: &str = "/notify/v1";

pub(crate) async fn run() -> Result<(), Failure> {
    let dev = Dev::start().await?;
    let (mut calls, mut notifications) = (Tap::start().await?, Tap::start().await?);
    calls.forward_to(dev.simulator.url());
    let settings = [
        ("gateway_base_url", calls.url()),
        ("public_base_url", notifications.url()),
        ("listen", "127.0.0.1:0"),
    ];
    let sources = dev.add_to(Sources::default());
    let sources = settings.into_iter().fold(sources, |sources, (name, value)| sources.setting(name, value));
    let config = sources.check().map_err(|error| Failure::error(&error))?;
    let server = Server::start(config).await.map_err(|error| Failure::error(&error))?;
    let shop = Shop::new(format!("http://{}", server.local_addr()), dev.simulator.url());
    notifications.forward_to(shop.server.clone());

    show::title("   ", "one payment of 19.99 yuan, entirely on this machine")?;
    show::line("payment server", &shop.server)?;
    show::line("gateway", format_args!("{} (simulated)", shop.gateway))?;

    let params = place(&dev, &shop, &mut calls).await?;
    pay(&dev, &shop, &mut notifications, &params).await?;
    query(&dev, &shop, &mut calls).await?;
    notify_delivery(&dev, &shop, &mut calls).await?;

    let paid = shop.order(NUMBER).await?;
    show::title("the ledger", "the order as stored")?;
    for (name, value) in paid.as_object().into_iter().flatten() {
        show::line(name, value)?;
    }
    expect(member(&paid, "status") == "paid", "the ledger must show the order as paid")?;
    expect(server.shutdown().await, "the server must shut down cleanly")
}

/// Runs steps 1 to 5: places the order and returns the app payment parameters.
async fn place(dev: &Dev, shop: &Shop, calls: &mut Tap) -> Result<Value, Failure> {
    let (pay_sign_key, partner_key) = keys(dev)?;
    let placed = shop.place(NUMBER, 1999).await?;
    let params = member(&placed, "app").clone();

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
async fn pay(dev: &Dev, shop: &Shop, notifications: &mut Tap, params: &Value) -> Result<(), Failure> {
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
async fn query(dev: &Dev, shop: &Shop, calls: &mut Tap) -> Result<(), Failure> {
    let (pay_sign_key, partner_key) = keys(dev)?;
    show::title(
        "8 of 8",
        "notifications are not guaranteed: this one is lost, and the server queries the order",
    )?;
    shop.place(LOST_NUMBER, 100).await?;
    dev.simulator.with(|simulation, _| simulation.gateway.inject(FaultRule::new(Fault::NotificationLost)));
    shop.post(&format!("{}/_sim/v1/orders/{LOST_NUMBER}/pay", shop.gateway), &json!({})).await?;
    show::line(
        "the app reports",
        format_args!("{LOST_NUMBER} is paid; the server queries WeChat Pay instead"),
    )?;
    shop.post(&format!("{}/api/orders/{LOST_NUMBER}/query", shop.server), &json!({})).await?;
    let call = calls.next("/pay/orderquery").await?;
    let message = parsed(&call.body)?;
    show::md5(member(&message, "package").as_str().unwrap_or_default(), &partner_key)?;
    show::sha1(&message, "app_signature", &pay_sign_key)?;
    show::exchange(&call)?;
    for _ in 0..100 {
        if member(&shop.order(LOST_NUMBER).await?, "status") == "paid" {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Failure::failed("the query must pay the order"))
}

/// Reports the delivery of the goods.
async fn notify_delivery(dev: &Dev, shop: &Shop, calls: &mut Tap) -> Result<(), Failure> {
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

fn parsed(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(Failure::doing("a message is not JSON"))
}

fn member<'a>(message: &'a Value, name: &str) -> &'a Value {
    message.get(name).unwrap_or(&Value::Null)
}

fn expect(condition: bool, rule: &str) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(Failure::failed(rule)) }
}

/// The shop: a client of the payment server and of the simulator's control interface.
struct Shop {
    server: String,
    gateway: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Shop {
    fn new(server: String, gateway: String) -> Self {
        Self { server, gateway, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    async fn place(&self, number: &str, total_fee: u64) -> Result<Value, Failure> {
        let order = json!({
            "out_trade_no": number, "total_fee": total_fee, "body": "千足金箍棒", "spbill_create_ip": "203.0.113.7",
        });
        self.post(&format!("{}/api/orders", self.server), &order).await
    }

    async fn order(&self, number: &str) -> Result<Value, Failure> {
        self.send(Method::GET, &format!("{}/api/orders/{number}", self.server), Bytes::new()).await
    }

    async fn post(&self, url: &str, message: &Value) -> Result<Value, Failure> {
        self.send(Method::POST, url, message.to_string().into()).await
    }

    async fn send(&self, method: Method, url: &str, body: Bytes) -> Result<Value, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| Failure::error(&error))?;
        let reply = self.client.request(request).await.map_err(|error| Failure::error(&error))?;
        let status = reply.status();
        let body = reply.into_body().collect().await.map_err(|error| Failure::error(&error))?.to_bytes();
        if !status.is_success() {
            return Err(Failure::failed(format!(
                "{url} returned {status}: {}",
                String::from_utf8_lossy(&body)
            )));
        }
        parsed(&body)
    }
}

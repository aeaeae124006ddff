//! `wxpay demo`: one payment through all its steps, every message shown.
//!
//! ```text
//!   shop and app ──▶ payment server ──tap──▶ simulated gateway ◀── phone
//!                         ▲                         │
//!                         └──────────tap── notification ──┘
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
use wxpay_sim::faults::{Rule, Trouble};

const NUMBER: &str = "20140508000001";
const UNHEARD: &str = "20140508000002";
const NOTIFY_PATH: &str = "/notify/v1";

pub(crate) async fn run() -> Result<(), Failure> {
    let dev = Dev::start().await?;
    let (mut calls, mut notifications) = (Tap::start().await?, Tap::start().await?);
    calls.forward_to(dev.simulator.url());
    let mut sources = Sources::default();
    for (name, value) in dev.settings() {
        sources = sources.setting(name, value).map_err(|error| Failure::broken(&error))?;
    }
    let own = [
        ("gateway_base_url", calls.url()),
        ("public_base_url", notifications.url()),
        ("listen", "127.0.0.1:0"),
    ];
    for (name, value) in own {
        sources = sources.setting(name, value).map_err(|error| Failure::broken(&error))?;
    }
    let config = sources.check().map_err(|error| Failure::broken(&error))?;
    let server = Server::start(config).await.map_err(|error| Failure::broken(&error))?;
    let shop = Shop::new(format!("http://{}", server.local_addr()), dev.simulator.url());
    notifications.forward_to(shop.server.clone());

    show::title("   ", "one payment of 19.99 yuan, on this machine alone")?;
    show::line("payment server", &shop.server)?;
    show::line("gateway", format_args!("{} (simulated)", shop.gateway))?;

    let params = place(&dev, &shop, &mut calls).await?;
    pay(&dev, &shop, &mut notifications, &params).await?;
    ask(&dev, &shop, &mut calls).await?;
    notify_delivery(&dev, &shop, &mut calls).await?;

    let paid = shop.order(NUMBER).await?;
    show::title("the ledger", "what the shop can rely on")?;
    for (name, value) in paid.as_object().into_iter().flatten() {
        show::line(name, value)?;
    }
    expect(member(&paid, "status") == "paid", "the order must be paid in the ledger")?;
    expect(server.shutdown().await, "the server must end in good order")
}

/// Steps 1 to 5: the order, up to the parameters for the phone.
async fn place(dev: &Dev, shop: &Shop, calls: &mut Tap) -> Result<Value, Failure> {
    let (pay_sign_key, partner_key) = keys(dev)?;
    let placed = shop.place(NUMBER, 1999).await?;
    let params = member(&placed, "app").clone();

    show::title("1 of 8", "the access token, good for 7200 seconds and kept")?;
    show::exchange(&calls.next("/cgi-bin/token").await?)?;

    let call = calls.next("/pay/genprepay").await?;
    let message: Value = serde_json::from_slice(&call.body)?;
    show::title("2 of 8", "the package: what is sold, signed by MD5 with the partnerKey")?;
    show::md5(member(&message, "package").as_str().unwrap_or_default(), &partner_key)?;
    show::title("3 of 8", "the call around it, signed by SHA-1 with the paySignKey")?;
    show::sha1(&message, "app_signature", &pay_sign_key)?;
    show::title("4 of 8", "the prepayid")?;
    show::exchange(&call)?;
    show::title("5 of 8", "seven parameters for the phone, signed again by SHA-1")?;
    show::sha1(&params, "sign", &pay_sign_key)?;
    show::line("to the app", &params)?;
    Ok(params)
}

/// Steps 6 and 7: the phone, the notice, and the answer to it.
async fn pay(dev: &Dev, shop: &Shop, notifications: &mut Tap, params: &Value) -> Result<(), Failure> {
    show::title("6 of 8", "the phone checks the parameters and pays; WeChat tells the shop")?;
    let paid = shop.post(&format!("{}/_sim/v1/phone/pay", shop.gateway), params).await?;
    show::line("it shows", member(&paid, "bill"))?;
    show::line("it returns", member(&paid, "resp"))?;
    let heard = notifications.next(NOTIFY_PATH).await?;
    let received = RawNotification::new(&heard.method, heard.query.as_bytes(), &heard.body);
    let me = merchant(dev)?;
    let [of_query, of_body] = notification::strings_to_sign(&me, &received).map_err(Failure::input)?;
    show::line("→", format_args!("{} {}?{}", heard.method, heard.path, heard.query))?;
    show::line("", String::from_utf8_lossy(&heard.body).replace('\n', "\n                   "))?;
    show::line("MD5 of", of_query)?;
    show::line("SHA-1 of", of_body)?;
    let notification = me.verify_notification(&received).map_err(|rejected| Failure::broken(&rejected))?;
    show::line(
        "verified",
        format_args!("{} paid {} yuan", notification.out_trade_no(), notification.total_fee().yuan()),
    )?;
    show::title("7 of 8", "the answer, once the payment is safely in the ledger")?;
    show::line("←", format_args!("{} {}", heard.status, String::from_utf8_lossy(&heard.reply)))?;
    expect(heard.status == 200 && heard.reply == "success", "the notice must be answered success")?;
    expect(member(&shop.order(NUMBER).await?, "status") == "paid", "the notice must pay the order")
}

/// Step 8: a second order, whose notice gets lost, and which is asked after.
async fn ask(dev: &Dev, shop: &Shop, calls: &mut Tap) -> Result<(), Failure> {
    let (pay_sign_key, partner_key) = keys(dev)?;
    show::title("8 of 8", "notices are not guaranteed: this one is lost, and the order is asked after")?;
    shop.place(UNHEARD, 100).await?;
    dev.simulator.with(|simulation, _| simulation.gateway.trouble(Rule::new(Trouble::NotificationLost)));
    shop.post(&format!("{}/_sim/v1/orders/{UNHEARD}/pay", shop.gateway), &json!({})).await?;
    show::line("the app says", format_args!("{UNHEARD} is paid; it is not believed, but checked"))?;
    shop.post(&format!("{}/api/orders/{UNHEARD}/paid", shop.server), &json!({})).await?;
    let call = calls.next("/pay/orderquery").await?;
    let message: Value = serde_json::from_slice(&call.body)?;
    show::md5(member(&message, "package").as_str().unwrap_or_default(), &partner_key)?;
    show::sha1(&message, "app_signature", &pay_sign_key)?;
    show::exchange(&call)?;
    for _ in 0..100 {
        if member(&shop.order(UNHEARD).await?, "status") == "paid" {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Failure::failed("the query must pay the order"))
}

/// And the goods.
async fn notify_delivery(dev: &Dev, shop: &Shop, calls: &mut Tap) -> Result<(), Failure> {
    let (pay_sign_key, _) = keys(dev)?;
    show::title("and then", "WeChat is told that the goods are on their way")?;
    shop.post(&format!("{}/api/orders/{NUMBER}/delivered", shop.server), &json!({ "status": "ok" })).await?;
    let call = calls.next("/pay/delivernotify").await?;
    show::sha1(&serde_json::from_slice(&call.body)?, "app_signature", &pay_sign_key)?;
    show::exchange(&call)?;
    Ok(())
}

fn keys(dev: &Dev) -> Result<(PaySignKey, PartnerKey), Failure> {
    Ok((
        PaySignKey::new(dev.credentials.pay_sign_key().expose().clone()).map_err(Failure::input)?,
        PartnerKey::new(dev.credentials.partner_key().expose().clone()).map_err(Failure::input)?,
    ))
}

fn merchant(dev: &Dev) -> Result<Merchant, Failure> {
    let (pay_sign_key, partner_key) = keys(dev)?;
    let app_secret = AppSecret::new(dev.credentials.app_secret().expose().clone()).map_err(Failure::input)?;
    let (appid, partner) = (dev.credentials.appid().clone(), dev.credentials.partner().clone());
    Ok(Merchant::builder(appid, app_secret, pay_sign_key, partner, partner_key).build())
}

fn member<'a>(message: &'a Value, name: &str) -> &'a Value {
    message.get(name).unwrap_or(&Value::Null)
}

fn expect(holds: bool, rule: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::failed(rule)) }
}

/// The shop's side: a client of the payment server, and of the simulator's control interface.
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
            .map_err(|error| Failure::broken(&error))?;
        let reply = self.client.request(request).await.map_err(|error| Failure::broken(&error))?;
        let status = reply.status();
        let body = reply.into_body().collect().await.map_err(|error| Failure::broken(&error))?.to_bytes();
        if !status.is_success() {
            return Err(Failure::failed(format!(
                "{url} answered {status}: {}",
                String::from_utf8_lossy(&body)
            )));
        }
        Ok(serde_json::from_slice(&body)?)
    }
}

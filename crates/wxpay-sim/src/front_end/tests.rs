//! A third front end, of one page, on the same ledger: proof that a new API version needs nothing but the traits of this
//! module. It speaks lines of text, signs its notifications by a sign type of each order, and sends them as forms.

use super::{Directory, Draft, Exchange, FrontEnd, OrderForm};
use crate::{
    clock::Now,
    credentials::{App, Credentials},
    faults::{ApiVersion, Fault, FaultContext, Operation},
    gateway::{Gateway, OrderRef, Outcome, Payer},
    ledger::{Currency, NewOrder, Order, Party, PlacedFor, RequestDigest, Terms, TradeType},
    notifications::{
        DeliveryContext, DeliveryResult, Message, NotificationState, Tampering, UnsignedDelivery,
    },
    rng::Rng,
    settings::Settings,
    v1,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{sync::Arc, time::Duration};
use wxpay_proto::{
    Fen, UnixTime,
    http::{Request, Response},
    id::{MchId, TransactionId},
};

const NOW: UnixTime = UnixTime::from_secs(1_780_000_000);

/// The front end: `POST /lines` with `place NUMBER FEN SIGN_TYPE` or `query NUMBER`.
#[derive(Debug)]
struct Lines;

impl FrontEnd for Lines {
    fn serves(&self, path: &str) -> bool {
        path == "/lines"
    }

    fn read<'a>(&self, request: &'a Request, _: &Directory, now: Now) -> Box<dyn Exchange + 'a> {
        Box::new(Line { text: std::str::from_utf8(request.body()).unwrap(), now })
    }
}

struct Line<'a> {
    text: &'a str,
    now: Now,
}

impl Exchange for Line<'_> {
    fn claims(&self) -> FaultContext {
        let (operation, path) = (Operation::V3("v3.pay.query"), String::from("/lines"));
        FaultContext { api_version: ApiVersion::V3, operation, path, mchid: None, numbers: Vec::new() }
    }

    fn execute(&mut self, gateway: &mut Gateway, _: Option<Fault>) -> Draft {
        let mchid = gateway.merchant().mchid().clone();
        let words: Vec<&str> = self.text.split(' ').collect();
        let body = match words[..] {
            ["place", number, fen, sign_type] => {
                let handle = format!("lines:{number}");
                let order = NewOrder {
                    party: Party { mchid, appid: gateway.merchant().appids()[0].clone(), sub_merchant: None },
                    out_trade_no: number.parse().unwrap(),
                    combined: None,
                    trade_type: TradeType::Jsapi,
                    handle: Some(handle.clone()),
                    expires_at: self.now.business.after(Duration::from_secs(7200)),
                    closes_at: self.now.business.after(Duration::from_secs(86_400)),
                    awaits_password: false,
                    terms: Terms {
                        total: Fen::new(fen.parse().unwrap()),
                        currency: Currency::Cny,
                        description: "一杯茶".into(),
                        attach: None,
                        device_id: None,
                        placed_for: PlacedFor::default(),
                        is_profit_sharing: false,
                        notify_url: Some("http://shop.example/lines".into()),
                        request: RequestDigest([0; 32]),
                        form: Arc::new(LineForm { sign_type: sign_type.into() }),
                    },
                };
                gateway.place(order, self.now.business);
                handle
            }
            ["query", number] => {
                let order = gateway.ledger.order(&(mchid, number.parse().unwrap())).unwrap();
                format!("{} {}", order.state(self.now.business).as_str(), order.total())
            }
            _ => panic!("{}", self.text),
        };
        let body = body.into_bytes();
        Draft {
            status: 200,
            headers: Vec::new(),
            body,
            is_success: true,
            signature: None,
            accept_encoding: None,
        }
    }

    fn substitute(&mut self, gateway: &mut Gateway, _: Fault) -> Draft {
        self.execute(gateway, None)
    }

    fn discard(&mut self, _: &mut Gateway, _: Fault) {}
}

/// The part of an order that the front end keeps: the sign type of its notifications.
#[derive(Debug)]
struct LineForm {
    sign_type: String,
}

impl OrderForm for LineForm {
    fn api_version(&self) -> ApiVersion {
        ApiVersion::V3
    }

    fn transaction_id(&self, _: &MchId, serial: u64, _: &mut Rng, _: UnixTime) -> Option<TransactionId> {
        format!("LINES{serial:010}").parse().ok()
    }

    fn default_bank_type(&self) -> &'static str {
        "LINES"
    }

    fn payment_message(&self, _: &Gateway, order: &Order, _: UnixTime) -> Option<Arc<dyn Message>> {
        let body = format!(
            "out_trade_no={}&fee_type={}&sign_type={}",
            order.out_trade_no,
            order.terms().currency.as_str(),
            self.sign_type
        );
        let url = order.terms().notify_url.as_deref()?.into();
        Some(Arc::new(LineMessage { mchid: order.mchid().clone(), url, body }))
    }
}

#[derive(Debug)]
struct LineMessage {
    mchid: MchId,
    url: String,
    body: String,
}

impl Message for LineMessage {
    fn api_version(&self) -> ApiVersion {
        ApiVersion::V3
    }

    fn mchid(&self) -> &str {
        self.mchid.as_str()
    }

    fn event_type(&self) -> Option<&'static str> {
        None
    }

    fn new_id(&self, rng: &mut Rng) -> String {
        rng.text(b"0123456789", 10)
    }

    fn schedule<'a>(&'a self, settings: &'a Settings) -> &'a [Duration] {
        &settings.v1.notify_schedule
    }

    fn prepare(&self, _: &str, _: Option<Tampering>, _: &mut DeliveryContext<'_>) -> UnsignedDelivery {
        let body = self.body.clone().into_bytes();
        UnsignedDelivery { url: self.url.clone(), headers: Vec::new(), body, signature: None }
    }

    fn acceptance_rule(&self) -> &'static str {
        "the body must be OK"
    }

    fn is_accepted(&self, _: u16, body: &[u8], _: &str, _: &mut DeliveryContext<'_>) -> bool {
        body == b"OK"
    }
}

fn gateway() -> Gateway {
    let mut gateway = Gateway::new(Settings::default(), 7);
    gateway.add_front_end(&Lines);
    gateway
}

fn text(gateway: &mut Gateway, request: &Request) -> String {
    let Outcome::Reply(reply) = gateway.answer(request, NOW) else { panic!("no fault is injected") };
    String::from_utf8(reply.body().to_vec()).unwrap()
}

fn line(gateway: &mut Gateway, line: &str) -> String {
    text(gateway, &Request::post("http://gateway/lines".into(), "text/plain", line.into()))
}

/// Sends a signed APIv3 request of the default merchant.
fn v3(gateway: &mut Gateway, method: &str, target: &str, body: &str) -> Response {
    let (merchant, seconds) = (gateway.merchant().clone(), NOW.as_secs());
    let key = &merchant.api_keys()[0];
    let signature = key.key_pair.sign(format!("{method}\n{target}\n{seconds}\nn\n{body}\n").as_bytes());
    let authorization = format!(
        "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"n\",signature=\"{}\",timestamp=\"{seconds}\",serial_no=\"{}\"",
        merchant.mchid(),
        STANDARD.encode(signature),
        key.certificate.serial(),
    );
    let url = format!("http://gateway{target}");
    let request =
        if method == "GET" { Request::get(url) } else { Request::post(url, "application/json", body.into()) };
    let request = request
        .with_header("accept", "application/json")
        .with_header("user-agent", "test")
        .with_header("authorization", authorization);
    let Outcome::Reply(reply) = gateway.answer(&request, NOW) else { panic!("no fault is injected") };
    reply
}

#[test]
fn order_of_a_new_front_end_is_paid_and_notified_in_its_own_form() {
    let mut gateway = gateway();
    let handle = line(&mut gateway, "place LINES1 1999 HMAC-SHA256");
    assert_eq!(line(&mut gateway, "query LINES1"), "NOTPAY 1999");
    let paid = gateway.pay(&OrderRef::Handle(handle), &Payer::default(), NOW).unwrap().order;
    assert_eq!(paid.payments[0].transaction_id.as_str().get(..5), Some("LINES"));
    assert_eq!(paid.payments[0].bank_type, "LINES");
    let delivery = gateway.due_deliveries(NOW).remove(0);
    assert_eq!(delivery.body(), b"out_trade_no=LINES1&fee_type=CNY&sign_type=HMAC-SHA256");
    let result = DeliveryResult::Response { status: 500, body: b"OK".to_vec() };
    gateway.record_delivery(delivery.id(), &result, NOW);
    assert_eq!(gateway.notifications().next().unwrap().state, NotificationState::Accepted);
    assert_eq!(line(&mut gateway, "query LINES1"), "SUCCESS 1999");
}

#[test]
fn orders_are_shared_with_the_front_end_of_api_v3() {
    let mut gateway = gateway();
    let (mchid, appid) = (gateway.merchant().mchid().clone(), gateway.merchant().appids()[0].clone());
    line(&mut gateway, "place LINES1 1999 MD5");
    let target = format!("/v3/pay/transactions/out-trade-no/LINES1?mchid={mchid}");
    let reply: serde_json::Value =
        serde_json::from_slice(v3(&mut gateway, "GET", &target, "").body()).unwrap();
    assert_eq!((&reply["trade_state"], &reply["amount"]["total"]), (&"NOTPAY".into(), &1999.into()));
    let close = format!("{{\"mchid\":\"{mchid}\"}}");
    let target = "/v3/pay/transactions/out-trade-no/LINES1/close";
    assert_eq!(v3(&mut gateway, "POST", target, &close).status(), 204);
    assert_eq!(line(&mut gateway, "query LINES1"), "CLOSED 1999");
    let goods = format!(
        "{{\"appid\":\"{appid}\",\"mchid\":\"{mchid}\",\"description\":\"茶\",\"out_trade_no\":\"NATIVE1\",\
         \"notify_url\":\"https://shop.example/n\",\"amount\":{{\"total\":5}}}}"
    );
    assert_eq!(v3(&mut gateway, "POST", "/v3/pay/transactions/native", &goods).status(), 200);
    assert_eq!(line(&mut gateway, "query NATIVE1"), "NOTPAY 5");
}

/// Sends a signed APIv1 query of an app of the default merchant. Returns its reply.
fn v1_query(gateway: &mut Gateway, number: &str) -> serde_json::Value {
    let partner = gateway.merchant().mchid().as_str().parse().unwrap();
    let appid = String::from("wx0123456789abcdef");
    let (secret, app_key, partner_key) = ("s".repeat(32), "a".repeat(128), "p".repeat(32));
    let credentials = Credentials::new(
        appid.parse().unwrap(),
        secret.clone(),
        app_key.clone(),
        partner,
        partner_key.clone(),
    );
    gateway.register(App::new(credentials));
    let token = format!("/cgi-bin/token?grant_type=client_credential&appid={appid}&secret={secret}");
    let token: serde_json::Value =
        serde_json::from_str(&text(gateway, &Request::get(format!("https://gateway{token}")))).unwrap();
    let partner = gateway.merchant().mchid().to_string();
    let pairs = [("out_trade_no", number.as_bytes().to_vec()), ("partner", partner.as_bytes().to_vec())];
    let sign = v1::sign::md5(&pairs, &partner_key);
    let package = format!("out_trade_no={number}&partner={partner}&sign={sign}");
    let seconds = NOW.to_string();
    let signed = [("appid", appid.as_str()), ("package", &package), ("timestamp", &seconds)];
    let body = serde_json::json!({
        "appid": appid, "package": package, "timestamp": seconds, "sign_method": "sha1",
        "app_signature": v1::sign::sha1(&signed, &app_key),
    });
    let token = token["access_token"].as_str().unwrap();
    let url = format!("https://gateway/pay/orderquery?access_token={token}");
    serde_json::from_str(&text(gateway, &Request::post(url, "application/json", body.to_string().into())))
        .unwrap()
}

#[test]
fn orders_are_shared_with_the_front_end_of_api_v1() {
    let mut gateway = gateway();
    let handle = line(&mut gateway, "place LINES1 1999 MD5");
    gateway.pay(&OrderRef::Handle(handle), &Payer::default(), NOW).unwrap();
    let order = &v1_query(&mut gateway, "LINES1")["order_info"];
    let members = ["ret_code", "trade_state", "total_fee", "fee_type", "bank_type"];
    assert_eq!(
        members.map(|name| order[name].clone()),
        [serde_json::json!(0), "0".into(), "1999".into(), "1".into(), "LINES".into()]
    );
}

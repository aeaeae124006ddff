//! The simulator: any sequence of requests gets responses.

use serde_json::{Map, Value};
use std::time::Duration;
use wxpay_proto::{
    UnixTime,
    http::Request,
    v1::{Package, PartnerKey, PaySignKey, signature::sign_sha1},
    wire::{charset::Charset, form::Form},
};
use wxpay_sim::{Clock, Gateway, Outcome, Settings, control::Simulation, notifications::DeliveryResult};

/// Runs a session of requests, separated by lines `---`. A request is a line `METHOD target`, followed by a body.
///
/// `{token}`, `{appid}`, `{secret}` and `{partner}` stand for the gateway's values. A JSON body whose `app_signature`
/// is `?` is signed first, and so is its package.
pub fn gateway(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let now = UnixTime::from_secs(1_399_514_976);
    let mut simulation = Simulation {
        gateway: Gateway::new(Settings::default(), 7),
        clock: Clock::frozen(now).with_virtual_signatures(),
    };
    let token = token(&mut simulation.gateway, now);
    for request in text.split("\n---\n").take(32) {
        let (head, body) = request.split_once('\n').unwrap_or((request, ""));
        let (method, target) = head.split_once(' ').unwrap_or(("POST", head));
        let fill = |text: &str| fill(text, &simulation.gateway, &token);
        let (target, body) = (fill(target), sign(&fill(body), &simulation.gateway));
        send(&mut simulation, method, &target, body.into_bytes(), now);
        deliver(&mut simulation, now);
    }
    simulation.clock.advance(Duration::from_secs(3600));
    deliver(&mut simulation, now);
    drop(simulation.gateway.orders(now));
}

fn send(simulation: &mut Simulation, method: &str, target: &str, body: Vec<u8>, real: UnixTime) {
    if target.starts_with("/_sim") {
        let response = simulation.control(method, target, &body, real);
        assert!((200..600).contains(&response.status));
        return;
    }
    let url = format!("https://api.weixin.qq.com{target}");
    let request = match method {
        "GET" => Request::get(url),
        _ => Request::post(url, "application/json", body),
    };
    let now = simulation.clock.business(real);
    if let Outcome::Reply(reply) = simulation.gateway.answer(&request, now) {
        assert!(!reply.body().is_empty());
    }
}

/// Delivers the due notifications. Accepts every second delivery.
fn deliver(simulation: &mut Simulation, real: UnixTime) {
    let now = simulation.clock.business(real);
    for (index, delivery) in simulation.gateway.due_deliveries(now).into_iter().enumerate() {
        let body = if index % 2 == 0 { b"success".to_vec() } else { b"fail".to_vec() };
        let result = DeliveryResult::Response { status: 200, body };
        simulation.gateway.record_delivery(delivery.id(), &result, now);
    }
}

fn token(gateway: &mut Gateway, now: UnixTime) -> String {
    let target = "/cgi-bin/token?grant_type=client_credential&appid={appid}&secret={secret}";
    let url = format!("https://api.weixin.qq.com{}", fill(target, gateway, ""));
    let Outcome::Reply(reply) = gateway.answer(&Request::get(url), now) else {
        panic!("unexpected outcome: no fault is injected")
    };
    let json: Value = serde_json::from_slice(reply.body()).unwrap();
    json["access_token"].as_str().unwrap().into()
}

fn fill(text: &str, gateway: &Gateway, token: &str) -> String {
    let credentials = gateway.credentials();
    text.replace("{token}", token)
        .replace("{appid}", credentials.appid().as_str())
        .replace("{secret}", credentials.app_secret().expose())
        .replace("{partner}", credentials.partner().as_str())
}

fn sign(body: &str, gateway: &Gateway) -> String {
    let Ok(mut members) = serde_json::from_str::<Map<String, Value>>(body) else { return body.into() };
    if members.get("app_signature") != Some(&Value::from("?")) {
        return body.into();
    }
    let credentials = gateway.credentials();
    if let Some(Value::String(package)) = members.get_mut("package") {
        let key = PartnerKey::new(credentials.partner_key().expose().clone()).unwrap();
        *package = sign_package(package, &key).unwrap_or_else(|| package.clone());
    }
    let fields: Vec<(String, String)> = members
        .iter()
        .filter_map(|(name, value)| match value {
            Value::String(text) => Some((name.clone(), text.clone())),
            Value::Number(number) => Some((name.clone(), number.to_string())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        })
        .collect();
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let key = PaySignKey::new(credentials.pay_sign_key().expose().clone()).unwrap();
    members.insert("app_signature".into(), sign_sha1(&fields, &key).0.as_str().into());
    Value::Object(members).to_string()
}

/// Signs a package. The input is escaped UTF-8; the signature is over its `input_charset`.
fn sign_package(package: &str, key: &PartnerKey) -> Option<String> {
    let form = Form::parse(package.as_bytes()).ok()?;
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let fields: Option<Vec<(&str, &str)>> =
        form.iter().map(|(name, value)| Some((text(name)?, text(value)?))).collect();
    let charset = form.value("input_charset").and_then(Charset::from_name).unwrap_or(Charset::Gbk);
    let package = Package::from_fields(&fields?, charset, key).ok()?;
    Some(package.as_str().into())
}

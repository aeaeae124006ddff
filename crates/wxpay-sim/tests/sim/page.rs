//! The page over HTTP: messages as they are shown, the payer without the control token, and the log.

use crate::{
    http::{Reply, exchange, raw},
    v3::shop::{BASE, Shop},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{net::TcpListener, time::timeout};
use wxpay_catalogue::Catalogue;
use wxpay_explain::{Explainer, Key, Keys, Kind, Message, Owner};
use wxpay_proto::{
    http::{Method, Request},
    secret::Secret,
};
use wxpay_sim::{
    Clock,
    control::Access,
    serve::{
        Options, Server,
        log::{Entries, Entry, Log},
    },
};

const SOON: Duration = Duration::from_secs(20);

async fn start(shop: &Shop, access: Access) -> (Server, Entries) {
    let (log, entries) = Log::bounded(100);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options::default().with_log(log).with_access(access);
    let clock = Clock::frozen(shop.now).with_virtual_signatures();
    (Server::start_with(listener, shop.gateway.clone(), clock, options).unwrap(), entries)
}

async fn next(entries: &mut Entries) -> Entry {
    timeout(SOON, entries.next()).await.unwrap().unwrap()
}

/// Sends a signed request with one more header.
async fn send(server: &Server, request: &Request, more: &str) -> Reply {
    let target = request.url().strip_prefix(BASE).unwrap();
    let mut headers = vec![String::from("Host: localhost"), more.into()];
    headers.extend(request.headers().iter().map(|(name, value)| format!("{name}: {value}")));
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    raw(server.address(), request.method().as_str(), target, &headers, &body).await.unwrap()
}

async fn place(server: &Server, shop: &mut Shop, number: &str, more: &str) -> Reply {
    let goods = shop.goods_with(number, &json!({ "notify_url": "http://127.0.0.1:9/notify" }));
    let request = shop.request(Method::Post, "/v3/pay/transactions/native", &goods.to_string());
    let reply = send(server, &request, more).await;
    assert_eq!(reply.status, 200, "{}", reply.head);
    reply
}

async fn get(server: &Server, target: &str) -> String {
    String::from_utf8(exchange(server, "GET", target, "").await.unwrap().body).unwrap()
}

/// Returns the text of an element, by its id.
fn text_of(html: &str, id: &str) -> String {
    let start = html.split(&format!("<pre id=\"{id}\" tabindex=\"0\">")).nth(1).unwrap();
    let text = start.split("</pre>").next().unwrap();
    [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
        .into_iter()
        .fold(text.to_owned(), |text, (escape, letter)| text.replace(escape, letter))
}

/// Explains a text of the page by the keys of the merchant and of the platform. Returns its kind and the first cause.
fn explained(shop: &Shop, text: &str) -> (Kind, Option<String>) {
    // An editor adds a line feed.
    let message = Message::parse(format!("{text}\n").as_bytes()).unwrap();
    let mut keys = Keys::default();
    let platform = shop.merchant.platform();
    for listed in platform.certificates(shop.now) {
        let key = Key::from_spki(&listed.certificate.public_key().der()).unwrap();
        keys.add(key.with_serial(listed.certificate.serial().to_string()).owned_by(Owner::Platform));
    }
    let own = &shop.merchant.api_keys()[0].certificate;
    let key = Key::from_spki(&own.public_key().der()).unwrap();
    keys.add(key.with_serial(own.serial().to_string()).owned_by(Owner::Merchant));
    let explanation = Explainer::new(keys).explain(&message, Some(shop.now.as_secs()));
    let cause = explanation.causes.first().map(|cause| cause.id.as_str().to_owned());
    assert_eq!(explanation.valid, cause.is_none(), "{text}");
    (message.kind, cause)
}

#[tokio::test]
async fn texts_of_the_page_are_accepted_by_the_explainer() {
    let mut shop = Shop::open();
    let (server, _entries) = start(&shop, Access::default()).await;
    for (more, note) in [
        ("accept-encoding: identity", None),
        ("accept-encoding: gzip, deflate", Some("The body was sent as deflate, ")),
        ("accept-encoding: gzip", Some("The body was sent as gzip, ")),
    ] {
        let reply = place(&server, &mut shop, "PAGE-1", more).await;
        let log = get(&server, "/_page/log").await;
        let id = log.split("/_page/message?id=").nth(1).unwrap().split('"').next().unwrap();
        let html = get(&server, &format!("/_page/message?id={id}")).await;
        let (request, text) = (text_of(&html, "raw-1"), text_of(&html, "raw-2"));
        assert!(request.starts_with("POST /v3/pay/transactions/native HTTP/1.1\n"), "{request}");
        assert_eq!(explained(&shop, &request), (Kind::Request, None));
        assert!(text.starts_with("HTTP/1.1 200\n") && text.contains("\"code_url\":\"weixin://"), "{text}");
        assert_eq!(explained(&shop, &text), (Kind::Reply, None));
        assert!(text_of(&html, "signed-2").contains("{\"code_url\":\"weixin://"), "{html}");
        assert_eq!(html.contains("The body was sent as"), note.is_some());
        if let Some(note) = note {
            assert!(html.contains(&format!("{note}{} bytes", reply.body.len())), "{html}");
        }
    }
    let paid = exchange(&server, "POST", "/_sim/v1/orders/PAGE-1/pay", "").await.unwrap();
    assert_eq!(paid.status, 200);
    let order = loop {
        let order = get(&server, &format!("/_page/order?mchid={}&out_trade_no=PAGE-1", shop.mchid())).await;
        if order.contains("connection refused") {
            break order;
        }
    };
    assert!(order.contains("<code>code_url</code>"), "{order}");
    let link = order.split("<a href=\"/_page/message?id=").nth(1).unwrap();
    let (id, rest) = link.split_once("\">").unwrap();
    assert!(rest.starts_with("connection refused</a>"), "{rest}");
    let text = text_of(&get(&server, &format!("/_page/message?id={id}")).await, "raw-1");
    assert!(text.starts_with("POST /notify HTTP/1.1\nhost: 127.0.0.1:9\n"), "{text}");
    assert_eq!(explained(&shop, &text), (Kind::Notification, None));
}

#[tokio::test]
async fn refused_signature_is_explained_in_the_language_of_the_page() {
    let mut shop = Shop::open();
    let (server, _entries) = start(&shop, Access::default()).await;
    let target = "/v3/pay/transactions/native";
    let request = Request::new(Method::Post, format!("{BASE}{target}"), b"{\"a\":1}".to_vec())
        .with_header("accept", "application/json")
        .with_header("user-agent", "a shop")
        .with_header("authorization", shop.authorization(Method::Post, target, "{\"a\": 1}"));
    assert_eq!(send(&server, &request, "x: y").await.status, 401);
    let log = get(&server, "/_page/log").await;
    let id = log.split("/_page/message?id=").nth(1).unwrap().split('"').next().unwrap();
    for (language, refused) in
        [("en", "The signature is not accepted: body_res"), ("zh", "签名未被接受： body_res")]
    {
        let html = get(&server, &format!("/_page/message?id={id}&lang={language}")).await;
        assert!(html.contains(refused), "{html}");
        assert!(!html.contains("the signature does not match"), "{html}");
    }
}

#[tokio::test]
async fn string_to_be_signed_of_an_upload_has_the_part_meta_alone() {
    let mut shop = Shop::open();
    let (server, _entries) = start(&shop, Access::default()).await;
    let (target, meta) = ("/v3/merchant/media/upload", r#"{"filename":"a.png","sha256":"00"}"#);
    let part = |name: &str, content: &str| {
        format!(
            "--x1\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a.png\"\r\n\r\n{content}\r\n"
        )
    };
    let body = format!("{}{}--x1--\r\n", part("meta", meta), part("file", "bytes of the file"));
    let authorization = shop.authorization(Method::Post, target, meta);
    let request = Request::new(Method::Post, format!("{BASE}{target}"), body.into_bytes())
        .with_header("accept", "application/json")
        .with_header("user-agent", "a shop")
        .with_header("content-type", "multipart/form-data; boundary=x1")
        .with_header("authorization", authorization);
    send(&server, &request, "x: y").await;
    let log = get(&server, "/_page/log").await;
    let id = log.split("/_page/message?id=").nth(1).unwrap().split('"').next().unwrap();
    let html = get(&server, &format!("/_page/message?id={id}")).await;
    let signed = text_of(&html, "signed-1");
    assert!(signed.contains(meta) && !signed.contains("bytes of the file"), "{signed}");
}

/// Returns the path of the phone page of an order, which a visitor with the token sees.
async fn phone(server: &Server, shop: &Shop, number: &str, cookie: &str) -> String {
    let target = format!("/_page/order?mchid={}&out_trade_no={number}", shop.mchid());
    let reply = raw(server.address(), "GET", &target, &["Host: localhost", cookie], "").await.unwrap();
    let html = String::from_utf8(reply.body).unwrap();
    let path = html.split("class=\"button\" href=\"/_pay").nth(1).unwrap().split('"').next().unwrap();
    format!("/_pay{}", path.replace("&#38;", "&"))
}

#[tokio::test]
async fn key_of_the_qr_code_lets_a_phone_act_on_its_order_alone() {
    let mut shop = Shop::open();
    let access = Access::default().with_token(Secret::new("s3cr3t-s3cr3t-s3cr3t".into())).unwrap();
    let (server, _entries) = start(&shop, access).await;
    for number in ["PAGE-1", "PAGE-2"] {
        place(&server, &mut shop, number, "x: y").await;
    }
    let signed_in = exchange(&server, "POST", "/_page/sign-in", "token=s3cr3t-s3cr3t-s3cr3t").await.unwrap();
    let cookie = signed_in.head.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap();
    let cookie = format!("Cookie: {cookie}");
    let one = phone(&server, &shop, "PAGE-1", &cookie).await;
    let other = phone(&server, &shop, "PAGE-2", &cookie).await;
    let (code, key) = one.split_once("&key=").unwrap();
    let (other_code, other_key) = other.split_once("&key=").unwrap();
    assert!(key.len() == 64 && key != other_key && !one.contains("s3cr3t"), "{one}");

    // The phone sees the page of its order, and nothing else.
    let shown = exchange(&server, "GET", &one, "").await.unwrap();
    let html = String::from_utf8(shown.body).unwrap();
    assert!(shown.status == 200 && html.contains("¥19.99") && !html.contains("/_page/order"), "{html}");
    for refused in [
        code.into(),
        format!("{code}&key="),
        format!("{code}&key={other_key}"),
        format!("{other_code}&key={key}"),
        format!("/_pay?code=unknown&key={key}"),
        format!("/?key={key}"),
        format!("/_page/merchants?key={key}"),
        format!("/_page/order?mchid={}&out_trade_no=PAGE-1&key={key}", shop.mchid()),
    ] {
        let reply = exchange(&server, "GET", &refused, "").await.unwrap();
        assert_eq!(reply.status, 401, "{refused}");
        assert!(!String::from_utf8(reply.body).unwrap().contains("PAGE-1"), "{refused}");
    }
    let form = |act: &str, number: &str, key: &str, back: &str| {
        format!("act={act}&mchid={}&out_trade_no={number}&key={key}&back={back}", shop.mchid())
    };
    let back = code.replace('%', "%25").replace('?', "%3F");
    let back = format!("{back}%26key%3D{key}");
    for (refused, case) in [
        (form("pay", "PAGE-1", "", &back), "without the key"),
        (form("pay", "PAGE-2", key, &back), "with the key of another order"),
        (form("refund", "PAGE-1", key, &back), "an act of the merchant"),
        (form("reset", "PAGE-1", key, &back), "an act on everything"),
    ] {
        assert_eq!(exchange(&server, "POST", "/_page/do", &refused).await.unwrap().status, 401, "{case}");
    }
    let act = form("wrong_password", "PAGE-1", key, &back);
    assert_eq!(exchange(&server, "POST", "/_page/do", &act).await.unwrap().status, 303);
    let paid = exchange(&server, "POST", "/_page/do", &form("pay", "PAGE-1", key, &back)).await.unwrap();
    assert!(paid.status == 303 && paid.head.contains(&format!("location: {one}&done=pay")), "{}", paid.head);
    // A refused act returns to a view: only to one that the key opens.
    for (back, status) in [(back.as_str(), 409), ("%2F_page%2Fmerchants", 401)] {
        let again = exchange(&server, "POST", "/_page/do", &form("pay", "PAGE-1", key, back)).await.unwrap();
        assert_eq!(again.status, status, "{back}");
    }
    let states = server.with(|simulation, now| {
        simulation.gateway.orders(now.business).map(|order| order.trade_state.as_str()).collect::<Vec<_>>()
    });
    assert_eq!(states, ["SUCCESS", "NOTPAY"]);
}

#[tokio::test]
async fn page_says_which_address_a_phone_reaches() {
    let mut shop = Shop::open();
    let (server, _entries) = start(&shop, Access::default()).await;
    place(&server, &mut shop, "PAGE-1", "x: y").await;
    let target = format!("/_page/order?mchid={}&out_trade_no=PAGE-1", shop.mchid());
    for (host, is_loopback) in
        [("Host: 127.0.0.1:8", true), ("Host: localhost", true), ("Host: 192.0.2.7:8", false)]
    {
        let html = raw(server.address(), "GET", &target, &[host], "").await.unwrap().body;
        let html = String::from_utf8(html).unwrap();
        assert_eq!(html.contains("with --listen and an address of your network"), is_loopback, "{html}");
        assert_eq!(html.contains("Scan it with any phone"), !is_loopback, "{html}");
        assert!(!html.contains("&#38;key="), "no token is required: {html}");
    }
    let unknown = exchange(&server, "GET", "/_pay?code=unknown", "").await.unwrap();
    assert_eq!(unknown.status, 404);
    assert!(String::from_utf8(unknown.body).unwrap().contains("No order has this code"));
}

#[tokio::test]
async fn parameters_that_the_bridge_refuses_are_logged_with_their_cause() {
    let mut shop = Shop::open();
    let goods = shop.goods_with("A12345", &json!({ "payer": { "openid": "oX99MDgNcgwnz3zFN3DNmo8uwa-w" } }));
    let prepay_id = shop.post("/v3/pay/transactions/jsapi", &goods).body["prepay_id"].clone();
    let package = format!("prepay_id={}", prepay_id.as_str().unwrap());
    let (appid, time) = (shop.appid(), shop.now.as_secs().to_string());
    let sign = shop.sign(&format!("{appid}\n{time}\nn1\n{}\n", prepay_id.as_str().unwrap()));
    let (server, mut entries) = start(&shop, Access::default()).await;
    let parameters = json!({
        "appId": appid, "timeStamp": time, "nonceStr": "n1", "package": package, "signType": "RSA", "paySign": sign,
    });
    let mut reasons = Vec::new();
    for target in ["/_pay/bridge?act=show&lang=zh", "/_sim/v1/payer/show"] {
        let refused = exchange(&server, "POST", target, &parameters.to_string()).await.unwrap();
        assert_eq!(refused.status, 422);
        let Entry::Control(entry) = next(&mut entries).await else { panic!("another entry") };
        assert_eq!(entry.status, 422);
        reasons.push(entry.reason.unwrap());
    }
    assert_eq!(reasons[0], reasons[1]);
    assert!(
        reasons[0].starts_with("paySign must be ")
            && reasons[0].ends_with(": prepay_id_prefix (line 4, byte 1)"),
        "{reasons:?}"
    );
    assert!(!reasons[0].contains(&sign), "{reasons:?}");
    exchange(&server, "GET", "/_page/clock", "").await.unwrap();
    let Entry::Control(entry) = next(&mut entries).await else { panic!("another entry") };
    assert_eq!((entry.status, entry.reason), (200, None));
}

#[tokio::test]
async fn warning_about_a_broken_description_is_logged_and_shown_with_its_request() {
    let mut shop = Shop::open();
    let description = json!({"swagger": "2.0", "paths": {"/v3/lamps": {"post": {
        "parameters": [{"name": "_", "in": "body", "schema": {"type": "object", "properties": {
            "floor": {"type": "integer", "maximum": 99},
        }}}],
        "responses": {"200": {"schema": {"type": "object", "properties": {"floor": {"type": "integer"}}}}},
    }}}});
    let (catalogue, _) = Catalogue::read(description.to_string().as_bytes()).unwrap();
    shop.gateway.set_catalogue(Some(catalogue));
    let (server, mut entries) = start(&shop, Access::default()).await;
    for (floor, is_warned) in [(100, true), (99, false)] {
        let body = json!({ "floor": floor }).to_string();
        let request = shop.request(Method::Post, "/v3/lamps", &body);
        assert_eq!(send(&server, &request, "x: y").await.status, 200);
        let Entry::Request(entry) = next(&mut entries).await else { panic!("another entry") };
        let reason = entry.record.reason.unwrap_or_default();
        assert_eq!(reason.starts_with("warning: POST /v3/lamps /body/floor: "), is_warned, "{reason}");
        assert_eq!(reason.is_empty(), !is_warned, "{reason}");
    }
    let html = get(&server, "/_page/message?id=1").await;
    assert!(html.contains("warning: POST /v3/lamps /body/floor: "), "{html}");
    assert!(get(&server, "/_page/state").await.contains("broken_description"));
    let requests: Value = serde_json::from_str(&get(&server, "/_sim/v1/requests").await).unwrap();
    assert!(requests[0]["reason"].as_str().unwrap().starts_with("warning: "), "{requests}");
    assert_eq!((&requests[0]["code"], &requests[1]["reason"]), (&Value::Null, &Value::Null));
}

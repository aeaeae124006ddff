//! The page against hostile bytes, other sites and other languages.

use super::*;
use crate::{
    Clock, Gateway, Settings,
    faults::ApiVersion,
    gateway::RequestRecord,
    merchant::KeyMode,
    payer::ParameterCause,
    traffic::{Captured, KeptBody, RefusedParameters, RequestTraffic, Traffic},
    warnings::Kind,
};
use proptest::prelude::*;
use wxpay_proto::{http::Request, secret::Secret};

const NOW: UnixTime = UnixTime::from_secs(1_780_000_000);

fn simulation() -> Simulation {
    Simulation { gateway: Gateway::new(Settings::default(), 1), clock: Clock::frozen(NOW) }
}

const REQUEST: PageRequest<'_> = PageRequest {
    method: "GET",
    path: "/",
    query: "",
    base_url: "http://127.0.0.1:1",
    body: &[],
    cookie: "",
    accept_language: "",
    signed_in: true,
    access: &OPEN,
    real: NOW,
};

static OPEN: Access = Access::open();

fn header<'a>(response: &'a PageResponse, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

fn get(simulation: &mut Simulation, traffic: &TrafficLog, target: &str) -> (u16, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let response = answer(simulation, traffic, &PageRequest { path, query, ..REQUEST });
    assert_eq!(header(&response, "content-security-policy"), Some(POLICY), "{target}");
    (response.status, String::from_utf8(response.body).unwrap())
}

fn post(simulation: &mut Simulation, form: &str) -> PageResponse {
    let traffic = TrafficLog::default();
    let request = PageRequest { method: "POST", path: ACT, body: form.as_bytes(), ..REQUEST };
    answer(simulation, &traffic, &request)
}

/// Records a request with these bytes.
fn record(traffic: &TrafficLog, start: &str, value: &[u8], body: &[u8]) {
    let request = Request::get(format!("http://sim{start}"));
    let new = RequestRecord::new(ApiVersion::V3, &request, start.into(), NOW);
    let captured = Captured::new(format!("POST {start}"), [("authorization", value)].into_iter(), body);
    let traffic_of = RequestTraffic {
        record: RequestRecord { reason: Some(String::from_utf8_lossy(body).into_owned()), ..new },
        request: captured.clone(),
        reply: Some(captured),
    };
    traffic.add((NOW, NOW), Traffic::Request(Box::new(traffic_of)));
}

#[test]
fn every_view_has_a_language_and_the_policy() {
    let (mut simulation, traffic) = (simulation(), TrafficLog::default());
    record(&traffic, "/v3/certificates", b"x", b"");
    let mchid = simulation.gateway.merchant().mchid().clone();
    for view in [
        "/",
        "/_page/log",
        "/_page/message?id=1",
        "/_page/clock",
        "/_page/faults",
        "/_page/merchants",
        &format!("/_page/merchant?mchid={mchid}"),
        "/_page/state",
        "/_pay?code=x",
    ] {
        let separator = if view.contains('?') { '&' } else { '?' };
        for (name, tag) in [("en", "en"), ("zh", "zh-CN")] {
            let (status, html) = get(&mut simulation, &traffic, &format!("{view}{separator}lang={name}"));
            // No order has this code.
            assert_eq!(status, if view.starts_with(PHONE) { 404 } else { 200 }, "{view}");
            assert!(html.contains(&format!("<html lang=\"{tag}\">")), "{view}");
            assert!(html.contains("<h1"), "{view}");
            assert!(
                !html.contains("style=") && !html.contains("<style") && !html.contains("onclick"),
                "{view}"
            );
        }
    }
    assert_eq!(get(&mut simulation, &traffic, "/_page/none").0, 404);
    assert_eq!(get(&mut simulation, &traffic, "/_page/order?mchid=1&out_trade_no=X").0, 404);
    assert_eq!(get(&mut simulation, &traffic, "/_page/message?id=99").0, 404);
}

#[test]
fn causes_are_in_the_language_of_the_page() {
    let (mut simulation, traffic) = (simulation(), TrafficLog::default());
    record(&traffic, "/v3/certificates", b"x", b"");
    let cause = ParameterCause {
        id: "client_sign_type",
        is_proved: true,
        message: "signType is not RSA".into(),
        chinese: "signType 不是 RSA".into(),
    };
    let (reason, parameters) = (String::new(), KeptBody::new(b"{}"));
    let refused = RefusedParameters { reason, causes: vec![cause], parameters };
    traffic.add((NOW, NOW), Traffic::Parameters(Box::new(refused)));
    for (id, english, chinese) in [
        (
            1,
            "a header is missing or malformed (Authorization must begin with",
            "HTTP 头缺失或格式有误（Authorization 必须以",
        ),
        (2, "signType is not RSA", "signType 不是 RSA"),
    ] {
        for (language, own, other) in [("en", english, chinese), ("zh", chinese, english)] {
            let (_, html) =
                get(&mut simulation, &traffic, &format!("/_page/message?id={id}&lang={language}"));
            assert!(html.contains(own) && !html.contains(other), "{html}");
        }
    }
}

#[test]
fn setup_lines_are_shown_for_every_language_and_name_the_base_url() {
    let (mut simulation, traffic) = (simulation(), TrafficLog::default());
    let mchid = simulation.gateway.merchant().mchid().clone();
    let (_, html) = get(&mut simulation, &traffic, &format!("/_page/merchant?mchid={mchid}"));
    for name in ["Shell", "PowerShell", "Rust", "Java", "Go", "PHP", "Python", "Node.js"] {
        assert!(html.contains(&format!("<summary>{name}</summary>")), "{name}");
    }
    for (name, text) in merchants::PROGRAMS.map(|(_, name, text)| (name, text)) {
        assert!(text.contains("WXPAY_BASE_URL") || text.contains("from_env"), "{name}");
    }
}

#[test]
fn visitor_who_has_not_signed_in_sees_and_does_nothing() {
    let (mut simulation, traffic) = (simulation(), TrafficLog::default());
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/_page/merchants"),
        ("POST", ACT),
        ("GET", "/_pay"),
        ("GET", H5),
        ("POST", BRIDGE),
    ] {
        let request =
            PageRequest { method, path, query: "act=pay", body: b"act=freeze", signed_in: false, ..REQUEST };
        assert_eq!(answer(&mut simulation, &traffic, &request).status, 401, "{path}");
    }
    let access = with_token();
    let wrong = sign_in(&PageRequest { body: b"token=x", ..REQUEST }, &access);
    assert_eq!((wrong.status, header(&wrong, "set-cookie")), (401, None));
    let right = sign_in(&PageRequest { body: b"token=s3cr3t-s3cr3t-s3cr3t", ..REQUEST }, &access);
    let set = header(&right, "set-cookie").unwrap();
    assert!(set.ends_with("SameSite=Strict; HttpOnly") && !set.contains("s3cr3t"), "{set}");
    let session = cookie(set, SESSION);
    assert!(access.is_signed_in(session) && !access.is_signed_in(None) && !access.is_signed_in(Some("")));
    assert!(Access::default().is_signed_in(None));
}

fn with_token() -> Access {
    Access::default().with_token(Secret::new("s3cr3t-s3cr3t-s3cr3t".into())).unwrap()
}

#[test]
fn sign_in_names_the_option_of_the_token() {
    let (mut simulation, traffic) = (simulation(), TrafficLog::default());
    for query in ["lang=en", "lang=zh"] {
        let request = PageRequest { query, signed_in: false, ..REQUEST };
        let html = String::from_utf8(answer(&mut simulation, &traffic, &request).body).unwrap();
        assert!(html.contains("--control-token-file"), "{html}");
    }
}

/// Records a reply or a notification that is signed with the key of this serial number.
fn record_signed(traffic: &TrafficLog, mchid: &str, serial: &str) {
    let new =
        RequestRecord::new(ApiVersion::V3, &Request::get("http://sim/v3/x".into()), "/v3/x".into(), NOW);
    let new = RequestRecord { mchid: Some(mchid.into()), ..new };
    let headers = || {
        let values = [("wechatpay-serial", serial), ("wechatpay-timestamp", "1"), ("wechatpay-nonce", "n")];
        values.map(|(name, value)| (name, value.as_bytes())).into_iter()
    };
    let request = Captured::new("GET /v3/x".into(), std::iter::empty(), b"");
    let reply = Some(Captured::new("200".into(), headers(), b"{}"));
    traffic.add((NOW, NOW), Traffic::Request(Box::new(RequestTraffic { record: new, request, reply })));
}

#[test]
fn key_that_signed_a_reply_is_named_with_its_variable() {
    let mut simulation = simulation();
    let mchid = simulation.gateway.merchant().mchid().clone();
    let platform = simulation.gateway.merchant().platform().clone();
    let certificate = platform.certificates(NOW).next().unwrap().certificate.serial().to_string();
    let public_key = platform.public_key().unwrap().id.to_string();
    let header = format!("Wechatpay-Serial: {public_key}");
    for (mode, serial, name, variable, names_header) in [
        (
            KeyMode::Either,
            &*certificate,
            "the platform certificate",
            Some("WXPAY_PLATFORM_CERTIFICATE_FILE"),
            true,
        ),
        (KeyMode::Either, &public_key, "the WeChat Pay public key", Some("WXPAY_PUBLIC_KEY_FILE"), false),
        (
            KeyMode::Certificates,
            &certificate,
            "the platform certificate",
            Some("WXPAY_PLATFORM_CERTIFICATE_FILE"),
            false,
        ),
        (KeyMode::Either, "7777", "this merchant has no key with this serial number", None, false),
    ] {
        let traffic = TrafficLog::default();
        record_signed(&traffic, mchid.as_str(), serial);
        simulation.gateway.merchant_mut(&mchid).unwrap().platform_mut().set_mode(mode);
        let (_, html) = get(&mut simulation, &traffic, "/_page/message?id=1");
        let shown = html.split("Signed with the key").nth(1).unwrap().split("<h3>").next().unwrap();
        assert!(shown.contains(serial) && shown.contains(name), "{shown}");
        for known in ["WXPAY_PLATFORM_CERTIFICATE_FILE", "WXPAY_PUBLIC_KEY_FILE"] {
            assert_eq!(shown.contains(known), variable == Some(known), "{shown}");
        }
        assert_eq!(shown.contains(&header), names_header, "{shown}");
    }
}

#[test]
fn compressed_reply_is_shown_decoded_with_what_was_sent() {
    let (mut simulation, traffic) = (simulation(), TrafficLog::default());
    let record =
        RequestRecord::new(ApiVersion::V3, &Request::get("http://sim/v3/x".into()), "/v3/x".into(), NOW);
    let headers = [("wechatpay-timestamp", "1"), ("wechatpay-nonce", "n"), ("content-encoding", "deflate")];
    let headers = headers.map(|(name, value)| (name, value.as_bytes())).into_iter();
    let reply = Captured::new("200".into(), headers, b"{\"a\":1}").sent_as("deflate", 136);
    let request = Captured::new("GET /v3/x".into(), std::iter::empty(), b"");
    traffic
        .add((NOW, NOW), Traffic::Request(Box::new(RequestTraffic { record, request, reply: Some(reply) })));
    let (_, html) = get(&mut simulation, &traffic, "/_page/message?id=1");
    assert!(html.contains("The body was sent as deflate, 136 bytes"), "{html}");
    assert!(html.contains("1\\n\nn\\n\n{&#34;a&#34;:1}\\n"), "{html}");
    assert!(
        html.contains("HTTP/1.1 200\nwechatpay-timestamp: 1\nwechatpay-nonce: n\ncontent-length: 7\n\n{"),
        "{html}"
    );
    assert!(html.contains("String to be signed") && !html.contains("content-encoding:"), "{html}");
}

#[test]
fn text_with_escapes_says_that_it_is_not_exact() {
    let (mut simulation, traffic) = (simulation(), TrafficLog::default());
    record(&traffic, "/v3/x", b"x", b"{}");
    record(&traffic, "/v3/x", b"x", b"\xff");
    for (id, has_escapes) in [(1, false), (2, true)] {
        let (_, html) = get(&mut simulation, &traffic, &format!("/_page/message?id={id}"));
        assert_eq!(html.contains("is not the exact message"), has_escapes, "{html}");
    }
}

#[test]
fn refused_parameters_have_headings_of_their_own() {
    let (mut simulation, traffic) = (simulation(), TrafficLog::default());
    let parameters = KeptBody::new(b"{}");
    let refused = RefusedParameters { reason: String::new(), causes: Vec::new(), parameters };
    traffic.add((NOW, NOW), Traffic::Parameters(Box::new(refused)));
    let (_, html) = get(&mut simulation, &traffic, "/_page/message?id=1");
    assert!(html.contains(">Payment parameters</h2>") && html.matches("Raw bytes").count() == 1, "{html}");
    assert!(html.contains("Beijing time"), "{html}");
}

#[test]
fn connect_leads_to_the_only_merchant_or_to_the_choice() {
    let (mut simulation, traffic) = (simulation(), TrafficLog::default());
    let mchid = simulation.gateway.merchant().mchid().clone();
    let (_, html) = get(&mut simulation, &traffic, "/");
    assert!(
        html.contains(&format!("href=\"/_page/merchant?mchid={mchid}\">How to connect a program")),
        "{html}"
    );
    let (_, html) = get(&mut simulation, &traffic, &format!("/_page/merchant?mchid={mchid}"));
    assert!(html.contains("source sim.env") && html.contains("the lines under Shell"), "{html}");
    post(&mut simulation, "act=add_merchant&back=%2F");
    let (_, html) = get(&mut simulation, &traffic, "/");
    assert!(html.contains("href=\"/_page/merchants\">How to connect a program"), "{html}");
    assert!(get(&mut simulation, &traffic, "/_page/merchants").1.contains("Choose a merchant"));
}

#[test]
fn missing_value_of_a_form_is_required() {
    let mut simulation = simulation();
    for (form, name) in [
        ("act=pay&out_trade_no=A1", "mchid"),
        ("act=refund&mchid=1", "out_trade_no"),
        ("act=resend", "notify_id"),
        ("act=load&name=", "name"),
    ] {
        let refused = post(&mut simulation, form);
        let html = String::from_utf8(refused.body).unwrap();
        assert!(refused.status == 409 && html.contains(&format!("{name} is required")), "{html}");
    }
}

#[test]
fn state_shows_the_latest_warnings() {
    let (mut simulation, traffic) = (simulation(), TrafficLog::default());
    assert!(!get(&mut simulation, &traffic, "/_page/state").1.contains("The latest warnings"));
    for number in 0..12 {
        simulation.gateway.warn(NOW, Kind::Refused, Some("A1"), format!("refusal-{number}."));
    }
    let (_, html) = get(&mut simulation, &traffic, "/_page/state");
    assert!(
        html.contains("The latest warnings") && html.contains("<td data-name=\"Type\">refused</td>"),
        "{html}"
    );
    assert!(html.find("refusal-11.").unwrap() < html.find("refusal-2.").unwrap(), "{html}");
    assert!(!html.contains("refusal-1."), "{html}");
}

#[test]
fn acts_of_other_sites_are_refused_and_links_are_not() {
    let access = Access::default();
    let refusal = |is_act, headers: &[(&str, &'static str)]| {
        let find = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        access.page_refusal(is_act, find).map(|refusal| refusal.status)
    };
    let other =
        [("host", "127.0.0.1:1"), ("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")];
    assert_eq!(refusal(true, &other), Some(403));
    assert_eq!(refusal(false, &other), None);
    assert_eq!(refusal(true, &[("host", "127.0.0.1:1"), ("sec-fetch-site", "cross-site")]), Some(403));
    assert_eq!(refusal(true, &[("host", "127.0.0.1:1"), ("origin", "http://127.0.0.1:1")]), None);
    // DNS rebinding.
    assert_eq!(refusal(false, &[("host", "evil.example")]), Some(403));
}

#[test]
fn act_returns_to_its_view_and_a_refusal_is_shown() {
    let mut simulation = simulation();
    let advanced = post(&mut simulation, "act=advance&seconds=60&back=%2F_page%2Fclock");
    assert_eq!((advanced.status, header(&advanced, "location")), (303, Some("/_page/clock?done=advance")));
    assert_eq!(simulation.clock.business(NOW), UnixTime::from_secs(1_780_000_060));
    let refused = post(&mut simulation, "act=advance&seconds=%3Cb%3E&back=%2F_page%2Fclock");
    let html = String::from_utf8(refused.body).unwrap();
    assert_eq!(refused.status, 409);
    assert!(html.contains("role=\"alert\"") && html.contains("advance_seconds"), "{html}");
    assert_eq!(post(&mut simulation, "act=destroy&back=%2F").status, 409);
    for back in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "%2F_page%2Fdo",
        "%2F%0d%0ax",
        "",
    ] {
        let response = post(&mut simulation, &format!("act=freeze&back={back}"));
        assert_eq!(header(&response, "location"), Some("/?done=freeze"), "{back}");
    }
}

#[test]
fn bridge_is_shared_with_all_sites_and_other_answers_with_none() {
    let (mut simulation, traffic) = (simulation(), TrafficLog::default());
    let request =
        PageRequest { method: "POST", path: BRIDGE, query: "act=pay", body: b"{\"paySign\":1}", ..REQUEST };
    let refused = answer(&mut simulation, &traffic, &request);
    assert_eq!((refused.status, header(&refused, "access-control-allow-origin")), (422, Some("*")));
    assert!(refused.refused_parameters.is_some());
    for query in ["act=refund", ""] {
        assert_eq!(answer(&mut simulation, &traffic, &PageRequest { query, ..request }).status, 400);
    }
    let page = answer(&mut simulation, &traffic, &REQUEST);
    assert_eq!(header(&page, "access-control-allow-origin"), None);
}

#[test]
fn views_are_bounded() {
    let (mut simulation, traffic) = (simulation(), TrafficLog::default());
    for number in 0..60 {
        record(&traffic, &format!("/v3/x{number}"), b"", &vec![b'x'; 100_000]);
    }
    let (_, html) = get(&mut simulation, &traffic, "/_page/log");
    assert_eq!(html.matches("/_page/message?id=").count(), MAX_ROWS);
    assert!(html.contains("/_page/log?before=11\""), "{html}");
    let (_, html) = get(&mut simulation, &traffic, "/_page/log?before=11");
    assert_eq!(html.matches("/_page/message?id=").count(), 10);
}

#[test]
fn kept_state_is_loaded_with_its_clock() {
    let mut simulation = simulation();
    post(&mut simulation, "act=save&name=one&back=%2F");
    post(&mut simulation, "act=advance&seconds=60&back=%2F");
    post(&mut simulation, "act=add_merchant&back=%2F");
    assert_eq!(simulation.gateway.merchants().count(), 2);
    assert_eq!(post(&mut simulation, "act=load&name=one&back=%2F").status, 303);
    assert_eq!((simulation.gateway.merchants().count(), simulation.clock.business(NOW)), (1, NOW));
    assert_eq!(simulation.gateway.snapshots().count(), 1);
    assert_eq!(post(&mut simulation, "act=load&name=two&back=%2F").status, 409);
}

proptest! {
    /// Whatever bytes arrive: no view panics, and nothing of them becomes markup.
    #[test]
    fn hostile_bytes_stay_text(
        start in "\\PC{0,40}",
        value in prop::collection::vec(any::<u8>(), 0..60),
        body in prop::collection::vec(any::<u8>(), 0..200),
        query in "[ -~]{0,60}",
    ) {
        let (mut simulation, traffic) = (simulation(), TrafficLog::default());
        let marked = [b"<script>alert(1)</script>\"'><img src=x onerror=1>".as_slice(), &body].concat();
        record(&traffic, &format!("/v3/<script>{start}"), &[b"<script>".as_slice(), &value].concat(), &marked);
        let causes = vec![ParameterCause { id: "x", is_proved: true, message: String::from_utf8_lossy(&marked).into(), chinese: String::from_utf8_lossy(&marked).into() }];
        let parameters = KeptBody::new(&marked);
        let refused = RefusedParameters { reason: String::from_utf8_lossy(&marked).into(), causes, parameters };
        traffic.add((NOW, NOW), Traffic::Parameters(Box::new(refused)));
        let targets = ["/_page/log", "/_page/message?id=1", "/_page/message?id=2"].map(String::from);
        let hostile = ["/", "/_pay", H5, "/_page/order", "/_page/merchant", "/_page/x", "/_page/log"]
            .map(|path| format!("{path}?code=<script>&{query}"));
        for target in targets.iter().chain(&hostile) {
            let (_, html) = get(&mut simulation, &traffic, target);
            // The page has one script of its own.
            prop_assert_eq!(html.matches("<script").count(), 1, "{}", html);
            prop_assert!(!html.contains("<img"), "{}", html);
        }
        let form = format!("act=pay&mchid=1&out_trade_no=%3Cscript%3E&back=/%3Fcode=%3Cscript%3E&{query}");
        let html = String::from_utf8_lossy(&post(&mut simulation, &form).body).into_owned();
        prop_assert!(html.matches("<script").count() <= 1, "{}", html);
    }
}

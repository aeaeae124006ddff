use super::*;
use serde_json::{Value, json};
use std::{collections::BTreeSet, net::Ipv4Addr};
use wxpay_proto::{
    Fen, UnixTime,
    entropy::Entropy,
    exchange::{Failure, Flow, Reply, Step},
    http::Response,
    memory::Memory,
    v1::{self, AppSecret, Merchant, PartnerKey, PaySignKey},
    world::World,
};

/// Returns one problem of every constructor.
fn all() -> Vec<Problem> {
    let second = Duration::from_secs(1);
    vec![
        Problem::unreadable(&wxpay_openapi::parse_object(b"planted", 4).unwrap_err()),
        Problem::unauthorized(true),
        Problem::missing_scope("orders:read"),
        Problem::other_merchant(),
        Problem::unknown_path(),
        Problem::not_found("order"),
        Problem::method_not_allowed(&["GET", "POST"]),
        Problem::body_timeout(second),
        Problem::conflict("order_closed", "The order is closed", "use a new number"),
        Problem::differs("order", "amount.total"),
        Problem::in_progress(),
        Problem::idempotency_key_reused(),
        Problem::body_too_large(65536),
        Problem::unsupported_media_type(),
        Problem::invalid_field("amount.total", "is required"),
        Problem::rate_limited(second),
        Problem::ledger_unavailable(),
        Problem::interrupted(),
    ]
}

#[test]
fn every_problem_has_the_declared_members_and_a_declared_status() {
    let allowed: BTreeSet<&str> = [
        "type",
        "title",
        "status",
        "detail",
        "code",
        "field",
        "rule",
        "fate",
        "refusal",
        "wechat_request_id",
        "request_id",
        "retryable",
    ]
    .into();
    for problem in all() {
        let problem = problem.with_request_id("req_1");
        let body: Value = serde_json::from_slice(&problem.to_json()).unwrap();
        let names: BTreeSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(names.is_subset(&allowed), "{names:?}");
        for name in ["type", "title", "status", "detail", "code", "request_id", "retryable"] {
            assert!(names.contains(name), "{name}: {body}");
        }
        assert_eq!(names.contains("field"), names.contains("rule"), "{body}");
        assert!(
            [400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 503, 504]
                .contains(&problem.status().as_u16()),
            "{body}"
        );
        assert_eq!(body["type"], format!("urn:wxpay:problem:{}", problem.code()));
        assert!(!body.to_string().contains("planted"));
    }
}

#[test]
fn problem_of_a_wait_has_retry_after_in_whole_seconds() {
    for (problem, seconds) in [
        (Problem::rate_limited(Duration::from_millis(1)), "1"),
        (Problem::rate_limited(Duration::from_millis(1001)), "2"),
        (Problem::ledger_unavailable(), "2"),
    ] {
        let response = problem.into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], seconds);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
    assert_eq!(
        Problem::method_not_allowed(&["GET", "PUT"]).into_response().headers()[header::ALLOW],
        "GET, PUT"
    );
    let response = Problem::unauthorized(false).into_response();
    assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"wxpay\"");
}

#[test]
fn unknown_field_is_repeated_only_if_its_name_is_harmless() {
    let problem = Problem::from(Invalid::unknown("amount.price"));
    assert_eq!(problem.field(), Some("amount.price"));
    for name in ["a\nb".to_owned(), "单价".to_owned(), "x".repeat(129)] {
        let problem = Problem::from(Invalid::unknown(name.clone()));
        assert_eq!(problem.field(), Some("body"), "{name}");
        assert!(!String::from_utf8(problem.to_json()).unwrap().contains(&name));
    }
}

#[test]
fn rule_of_the_core_becomes_an_invalid_field() {
    let problem = Problem::from("a b".parse::<wxpay_proto::id::OutTradeNo>().unwrap_err());
    let body: Value = serde_json::from_slice(&problem.to_json()).unwrap();
    assert_eq!((&body["status"], &body["field"]), (&json!(422), &json!("out_trade_no")));
}

/// Runs a call of APIv1 against replies: the first one is for the access token, the last one is repeated.
fn fail<F: Flow>(flow: impl FnOnce(&Merchant) -> F, reply: impl Fn() -> Reply) -> Error {
    const NOW: UnixTime = UnixTime::from_secs(1_780_000_000);
    let secret = || "0123456789abcdef0123456789abcdef".to_owned();
    let merchant = Merchant::builder(
        "wxd930ea5d5a258f4f".parse().unwrap(),
        AppSecret::new(secret()).unwrap(),
        PaySignKey::new(secret().repeat(4)).unwrap(),
        "1900000109".parse().unwrap(),
        PartnerKey::new(secret()).unwrap(),
    )
    .build();
    let mut memory = Memory::default();
    let mut now = NOW;
    let mut step = Step::begin(flow(&merchant), World::new(now, Entropy::new([1; 32]), &mut memory));
    for _ in 0..100 {
        step = match step {
            Step::Done(result) => return result.err().unwrap(),
            Step::Wait(until, waiting) => {
                now = until;
                waiting.resume(World::new(now, Entropy::new([2; 32]), &mut memory))
            }
            Step::Send(transmit, awaiting) => {
                let token = r#"{"access_token":"TOKEN","expires_in":7200}"#;
                let reply = match transmit.label {
                    "v1.token" => Ok(Response::new(200, token.into())),
                    _ => reply(),
                };
                awaiting.resume(reply, World::new(now, Entropy::new([3; 32]), &mut memory))
            }
        };
    }
    panic!("the flow does not end")
}

fn prepay(merchant: &Merchant) -> v1::Call<v1::CreatePrepay> {
    let notify_url = "https://shop.example/notify".parse().unwrap();
    let order =
        v1::Order::builder("A1".parse().unwrap(), Fen::new(1), "socks", notify_url, Ipv4Addr::LOCALHOST);
    merchant.prepay(order.build().unwrap())
}

fn body(error: &Error) -> Value {
    serde_json::from_slice(&Problem::from_error(error).to_json()).unwrap()
}

#[test]
fn failed_call_is_answered_by_its_fate() {
    let lost = || Err(Failure::Lost("planted".into()));
    let unsent = || Err(Failure::NotSent("planted".into()));
    let refused = || Ok(Response::new(200, br#"{"errcode":40013,"errmsg":"invalid appid"}"#.to_vec()));
    for (error, status, code, fate, retryable) in [
        (fail(prepay, unsent), 503, "not_sent", json!("not_sent"), true),
        (fail(prepay, lost), 504, "outcome_unknown", json!("unknown"), true),
        (fail(prepay, refused), 422, "refused", json!("refused"), false),
        (
            fail(|merchant| merchant.query("A1".parse().unwrap()), lost),
            503,
            "wechat_pay_unavailable",
            Value::Null,
            true,
        ),
        (fail(|merchant| merchant.query("A1".parse().unwrap()), refused), 422, "refused", Value::Null, false),
    ] {
        let body = body(&error);
        assert_eq!(body["status"], status, "{body}");
        assert_eq!(
            (&body["code"], &body["fate"], &body["retryable"]),
            (&json!(code), &fate, &json!(retryable))
        );
        assert!(!body.to_string().contains("planted"), "{body}");
        if code == "refused" {
            assert_eq!(body["refusal"], json!({ "code": "40013", "message": "invalid appid" }));
        }
        let has_retry_after =
            Problem::from_error(&error).into_response().headers().contains_key(header::RETRY_AFTER);
        assert_eq!(has_retry_after, status == 503, "{body}");
    }
}

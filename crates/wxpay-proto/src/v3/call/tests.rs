use super::*;
use crate::{
    clock::UnixTime,
    crypto::{InvalidSignature, PrivateKey, Unavailable},
    error::Fate,
    exchange::{Failure, Step},
    pending::PendingOperation,
    retry::Policy,
    secret::Secret,
    v3::{
        Authorization, Raw, RawNotification, Resolver as _,
        fake::{self, Harness, SigningKey},
        message,
        pay::{QueryOrder, code::tests::minimal},
    },
};
use core::{
    error::Error as _,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

mod fate;

/// An operation like a refund, with planted secrets in target, request and reply.
#[derive(Clone, Copy, Debug)]
struct Probe {
    idempotency: Idempotency,
    trusts_field_check: bool,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct ProbeReply {
    planted: u32,
}

impl Endpoint for Probe {
    type Output = u32;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        Ok(Draft::post("v3.probe", "/v3/probe?planted=1", &ProbeReply { planted: 7 }))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<u32, Error> {
        reply.parse().map(|ProbeReply { planted }| planted)
    }

    fn idempotency(&self) -> Idempotency {
        self.idempotency
    }

    fn trusts_field_check(&self) -> bool {
        self.trusts_field_check
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(PendingOperation::new("v3.probe").with("out_trade_no", "1217752501"))
    }
}

const PROBE: Probe = Probe { idempotency: Idempotency::ByNumber, trusts_field_check: false };

/// The outcome of an attempt.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    NotSent,
    Lost,
    Signed(u16, &'static str),
    Unsigned(u16, &'static str),
    /// A reply whose signature covers other bytes.
    Altered(u16, &'static str),
}
use Outcome::{Altered, Lost, NotSent, Signed, Unsigned};

const GOOD: &str = r#"{"planted":7}"#;
const PARAM_ERROR: &str = r#"{"code":"PARAM_ERROR","message":"参数错误"}"#;
const USED: &str = r#"{"code":"OUT_TRADE_NO_USED","message":"商户订单号重复"}"#;
const USERPAYING: &str = r#"{"code":"USER_PAYING","message":"用户支付中"}"#;
const BUSY: &str = r#"{"code":"SYSTEM_ERROR","message":"系统错误"}"#;
const OFTEN: &str = r#"{"code":"FREQUENCY_LIMITED","message":"频率超限"}"#;

impl Outcome {
    fn reply(self, now: UnixTime) -> Reply {
        let signer = SigningKey::public_key();
        match self {
            NotSent => Err(Failure::NotSent("connection refused".into())),
            Lost => Err(Failure::Lost("connection reset".into())),
            Signed(status, body) => Ok(signer.reply(status, body, now)),
            Unsigned(status, body) => Ok(Response::new(status, body.as_bytes().to_vec())),
            Altered(status, body) => {
                let reply = Response::new(status, body.as_bytes().to_vec());
                let headers = signer.headers(b"other bytes", now);
                Ok(headers
                    .iter()
                    .fold(reply, |reply, (name, value)| reply.with_header(name, value.as_bytes())))
            }
        }
    }
}

/// Calls with these outcomes of the attempts, in order; the last one repeats.
fn call<E: Endpoint>(endpoint: E, outcomes: &[Outcome]) -> (Result<E::Output, Error>, Harness) {
    let (mut harness, mut attempts) = (Harness::new(), outcomes.iter());
    let mut last = Lost;
    let result = harness.run(fake::merchant().call(endpoint), |_, now| {
        last = attempts.next().copied().unwrap_or(last);
        last.reply(*now)
    });
    (result, harness)
}

/// Returns kind and fate of a failed call, and the number of attempts.
fn failed(endpoint: Probe, outcomes: &[Outcome]) -> (ErrorKind, Fate, usize) {
    let (result, harness) = call(endpoint, outcomes);
    let mut error = result.unwrap_err();
    // There is a pending operation exactly if the outcome is unknown.
    let fate = error.fate().unwrap();
    assert_eq!(error.take_unresolved().is_some(), fate == Fate::Unknown, "{outcomes:?}");
    (error.kind(), fate, harness.sent.len())
}

#[test]
fn every_attempt_sends_the_same_bytes_with_a_new_signature() {
    let (_, harness) = call(PROBE, &[Lost]);
    let merchant = fake::merchant();
    let mut nonces = Vec::new();
    for request in &harness.sent {
        assert_eq!(request.body(), br#"{"planted":7}"#);
        let authorization: Authorization = request.header("authorization").unwrap().parse().unwrap();
        let Authorization { nonce_str, signature, timestamp, .. } = authorization;
        let message =
            message::request(Method::Post, "/v3/probe?planted=1", timestamp, &nonce_str, request.body());
        assert_eq!(signature, merchant.sign(&message).unwrap());
        assert_eq!(request.header("wechatpay-serial"), Some("PUB_KEY_ID_0119"));
        nonces.push((nonce_str, timestamp));
    }
    assert_eq!(nonces.len(), 4);
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 4, "each attempt has its own nonce");
    assert!(
        nonces.iter().any(|(_, timestamp)| *timestamp > fake::NOW.as_secs()),
        "each attempt has its own time"
    );
}

#[test]
fn the_hosts_alternate_only_after_failures_of_network_or_gateway() {
    let hosts = |outcomes: &[Outcome]| -> Vec<&'static str> {
        let (_, harness) = call(PROBE, outcomes);
        let host = |url: &str| if url.starts_with("https://api2.") { "backup" } else { "main" };
        harness.sent.iter().map(|request| host(request.url())).collect()
    };
    let turns = ["main", "backup", "main", "backup"];
    for outcome in [NotSent, Lost, Signed(500, BUSY), Unsigned(502, "")] {
        assert_eq!(hosts(&[outcome]), turns, "{outcome:?}");
    }
    for outcome in [Signed(429, OFTEN), Signed(202, BUSY), Unsigned(200, GOOD), Signed(200, "")] {
        assert_eq!(hosts(&[outcome]), ["main"; 4], "{outcome:?}");
    }
    assert_eq!(hosts(&[Lost, Signed(429, OFTEN), Signed(200, GOOD)]), ["main", "backup", "backup"]);
}

#[test]
fn no_attempt_begins_or_lasts_beyond_the_deadline() {
    let policy = Policy { max_attempts: 100, ..Policy::default() };
    let (mut harness, mut requests) = (Harness::new(), Vec::new());
    let merchant = fake::builder().retry(policy).build();
    let result = harness.run(merchant.call(PROBE), |transmit, now| {
        requests.push((*now, transmit.timeout));
        *now = now.after(transmit.timeout);
        Lost.reply(*now)
    });
    assert_eq!(result.unwrap_err().fate(), Some(Fate::Unknown));
    let end = fake::NOW.after(policy.deadline);
    assert!(requests.len() == 3 && harness.now.since(end) <= Duration::from_millis(100), "{requests:?}");
    for (sent_at, timeout) in requests {
        assert!(sent_at <= end && timeout <= policy.timeout, "{sent_at:?} {timeout:?}");
        assert!(
            sent_at.after(timeout) <= end || timeout == Duration::from_millis(100),
            "{sent_at:?} {timeout:?}"
        );
    }
}

#[test]
fn a_call_resumed_after_its_deadline_sends_nothing_more() {
    for (outcome, fate) in [(NotSent, Fate::NotSent), (Lost, Fate::Unknown)] {
        let mut harness = Harness::new();
        let Step::Send(_, sent) = Step::begin(fake::merchant().call(PROBE), harness.world()) else {
            panic!("expected Step::Send")
        };
        let Step::Wait(_, waiting) = sent.resume(outcome.reply(fake::NOW), harness.world()) else {
            panic!("expected Step::Wait")
        };
        harness.now = fake::NOW.after(Duration::from_secs(300));
        let Step::Done(Err(error)) = waiting.resume(harness.world()) else {
            panic!("expected Step::Done with an error")
        };
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Exhausted, Some(fate)), "{outcome:?}");
    }
}

/// A private key that is available for a limited number of signatures.
#[derive(Debug)]
struct LimitedKey(AtomicUsize, Arc<dyn PrivateKey>);

impl PrivateKey for LimitedKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        let Self(left, key) = self;
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .map_err(|_| Unavailable)?;
        key.sign(message)
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        self.1.open(sealed)
    }
}

#[test]
fn an_unavailable_private_key_means_not_sent_before_and_unknown_after_an_attempt() {
    let jsapi = || {
        let order = crate::v3::pay::Order::new(
            "1217752501201407033233368018".parse().unwrap(),
            crate::Fen::new(100),
            "Image形象店",
        )
        .unwrap()
        .appid("wxd678efh567hg6787".parse().unwrap())
        .notify_url("https://example.com/notify".parse().unwrap());
        let payer = crate::v3::pay::Payer::new("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".parse().unwrap());
        crate::v3::pay::JsapiOrder::new(order, payer).unwrap()
    };
    let prepaid = r#"{"prepay_id":"wx201410272009395522657a690389285100"}"#;
    for (signatures, outcomes, fate, sent) in [
        (0, &[Signed(200, prepaid)][..], Fate::NotSent, 0),
        (1, &[NotSent], Fate::NotSent, 1),
        (1, &[Lost], Fate::Unknown, 1),
        // The order exists; only the parameters for the payer's client cannot be signed.
        (1, &[Signed(200, prepaid)], Fate::Unknown, 1),
    ] {
        let key = LimitedKey(AtomicUsize::new(signatures), fake::merchant_key());
        let (mut harness, mut attempts) = (Harness::new(), outcomes.iter());
        let result = harness.run(fake::builder_with(Arc::new(key)).build().call(jsapi()), |_, now| {
            attempts.next().unwrap().reply(*now)
        });
        let mut error = result.unwrap_err();
        assert_eq!(
            (error.kind(), error.fate(), harness.sent.len()),
            (ErrorKind::Unavailable, Some(fate), sent)
        );
        assert_eq!(error.take_unresolved().is_some(), fate == Fate::Unknown);
    }
}

#[test]
fn a_raw_call_leaves_no_pending_operation() {
    let raw = Raw::new(Method::Post, "/v3/x").unwrap();
    let mut error = call(raw, &[Lost]).0.unwrap_err();
    assert_eq!(error.fate(), Some(Fate::Unknown));
    assert_eq!(error.take_unresolved(), None);
}

#[test]
fn a_refusal_contains_the_field_and_the_string_wechat_pay_signed() {
    let refusal = |body: &'static str| {
        let reply = SigningKey::public_key()
            .reply(401, body, fake::NOW)
            .with_header("Request-ID", b"08F78BB5AF-268443699");
        let result = Harness::new().run(fake::merchant().call(PROBE), |_, _| Ok(reply.clone()));
        result.unwrap_err().refusal().unwrap().clone()
    };
    let sign = refusal(
        r#"{"code":"SIGN_ERROR","message":"签名错误","detail":{"detail":{"issue":"sign not match"},"field":"signature","location":"authorization","sign_information":{"method":"POST","sign_message_length":77,"truncated_sign_message":"POST\n/v3/probe\n"}}}"#,
    );
    assert_eq!(sign.internal_number(), Some(268_443_699));
    let detail = sign.detail.unwrap();
    assert_eq!(detail.field.as_deref(), Some("signature"));
    assert_eq!(detail.issue.as_deref(), Some("sign not match"));
    assert_eq!(
        detail.truncated_sign_message.as_deref(),
        Some("POST\\n/v3/probe\\n"),
        "line feeds are escaped, so no log line can be forged"
    );
    assert_eq!(detail.sign_message_length, Some(77));
    let field = refusal(
        r#"{"code":"PARAM_ERROR","message":"参数错误","detail":{"field":"/amount/currency","value":"planted","issue":"x","location":"body"}}"#,
    );
    assert_eq!(field.detail.as_ref().unwrap().location.as_deref(), Some("body"));
    assert!(!format!("{field:?}").contains("planted"), "the offending value is not kept");
}

#[test]
fn no_state_of_a_call_prints_requests_or_replies() {
    let mut harness = Harness::new();
    let signer = SigningKey::certificate(1);
    let merchant = fake::with_certificates().build();
    let first = Step::begin(merchant.call(PROBE), harness.world());
    let mut printed = vec![format!("{first:?}")];
    let Step::Send(_, sent) = first else { panic!("expected Step::Send") };
    let fetching = sent.resume(Ok(signer.reply(200, r#"{"planted":8}"#, fake::NOW)), harness.world());
    printed.push(format!("{fetching:?}"));
    let Step::Send(_, sent) = fetching else { panic!("expected a key fetch") };
    let waiting = sent.resume(Lost.reply(fake::NOW), harness.world());
    printed.push(format!("{waiting:?}"));
    let Step::Wait(..) = waiting else { panic!("expected Step::Wait") };
    for text in printed {
        assert!(!text.contains("planted") && !text.contains("PRIVATE") && text.len() < 2000, "{text}");
    }
}

#[test]
fn an_error_names_its_cause_and_not_the_body() {
    let error = call(PROBE, &[Altered(200, r#"{"planted":9}"#)]).0.unwrap_err();
    assert_eq!(error.to_string(), "verification failed");
    assert_eq!(error.source().unwrap().to_string(), "the signature does not match the bytes received");
    assert!(!format!("{error:?}").contains("planted"));
}

/// A private key that may block, such as one in a KMS.
#[derive(Debug)]
struct BlockingKey(Arc<dyn PrivateKey>);

impl PrivateKey for BlockingKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        self.0.sign(message)
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        self.0.open(sealed)
    }

    fn may_block(&self) -> bool {
        true
    }
}

#[test]
fn every_flow_may_block_if_its_merchants_key_may() {
    let number = || "1217752501".parse().unwrap();
    let blocking = fake::builder_with(Arc::new(BlockingKey(fake::merchant_key()))).build();
    for (merchant, expected) in [(blocking, true), (fake::merchant(), false)] {
        let query = QueryOrder::out_trade_no(number());
        let pending = query.pending().unwrap();
        assert_eq!(merchant.call(query).may_block(), expected);
        assert_eq!(merchant.resolve_pending::<QueryOrder>(pending).may_block(), expected);
        assert_eq!(merchant.charge_by_code(minimal()).may_block(), expected);
        assert_eq!(merchant.refresh_platform_keys().may_block(), expected);
        assert_eq!(merchant.verify_notification(RawNotification::new(Vec::new())).may_block(), expected);
    }
}

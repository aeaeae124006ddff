//! Time of an explanation: at most a millisecond for bodies up to 4 KB.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "it measures time")]
#![allow(clippy::print_stdout, clippy::float_arithmetic, reason = "it prints the result")]

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use divan::Bencher;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use wxpay_explain::{Explainer, Explanation, Key, Keys, Kind, Message};

const NONCE: &str = "5K8264ILTKCH16CQ2502SI8ZNMTM67VS";
const TARGET: Duration = Duration::from_millis(1);

/// An explainer, and a request whose signed string differs from what was sent.
struct Bench {
    explainer: Explainer,
    message: Message,
}

impl Bench {
    /// `change` makes the signed string from the one that should have been signed.
    fn new(body_bytes: usize, change: impl Fn(&str) -> String) -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let body = format!(
            r#"{{"appid":"wxd678efh567hg6787","mchid":"1900007291","description":"{}","notify_url":"https://www.example.com/n","amount":{{"total":100,"currency":"CNY"}}}}"#,
            "商品a/".repeat(body_bytes.saturating_sub(150) / 8)
        );
        let expected = format!("POST\n/v3/pay/transactions/jsapi\n1700000000\n{NONCE}\n{body}\n");
        let mut signature = vec![0; key.public_modulus_len()];
        let random = SystemRandom::new();
        key.sign(&RSA_PKCS1_SHA256, &random, change(&expected).as_bytes(), &mut signature).unwrap();
        let authorization = format!(
            r#"WECHATPAY2-SHA256-RSA2048 mchid="1900007291",nonce_str="{NONCE}",signature="{}",timestamp="1700000000",serial_no="AB""#,
            STANDARD.encode(signature)
        );
        let message = Message {
            kind: Kind::Request,
            method: "POST".into(),
            url: "https://api.mch.weixin.qq.com/v3/pay/transactions/jsapi".into(),
            headers: vec![("Authorization".into(), authorization)],
            body: body.into_bytes(),
        };
        let spki = key.public_key().as_der().unwrap();
        let keys = Keys::from_iter([Key::from_spki(spki.as_ref()).unwrap().with_serial("AB")]);
        Self { explainer: Explainer::new(keys), message }
    }

    fn explain(&self) -> Explanation {
        self.explainer.explain(&self.message, Some(1_700_000_000))
    }
}

/// Makes the signed string from the one that should have been signed.
type Change = fn(&str) -> String;

fn same(text: &str) -> String {
    text.to_owned()
}

/// A string that nothing tried leads to: the longest search.
fn unknown(_: &str) -> String {
    "something else".into()
}

fn main() {
    let cases: [(&str, usize, Change, bool); 7] = [
        ("valid, 500 bytes", 500, same, false),
        ("one cause, 500 bytes", 500, |text| text.replace("\n{", "\r\n{"), true),
        (
            "body serialised again, 4 KB",
            4096,
            |text| text.replace("\":", "\": ").replace(",\"", ", \""),
            true,
        ),
        ("unknown, no body", 0, unknown, true),
        ("unknown, 500 bytes", 500, unknown, true),
        ("unknown, 1 KB", 1024, unknown, true),
        ("unknown, 4 KB", 4096, unknown, true),
    ];
    for (name, body_bytes, change, is_wrong) in cases {
        let bench = Bench::new(body_bytes, change);
        let first = bench.explain().causes.first().map(|cause| cause.id);
        assert_eq!(first.is_some(), is_wrong, "{name}");
        let times = (0..200).map(|_| {
            let start = Instant::now();
            black_box(bench.explain());
            start.elapsed()
        });
        let time = times.min().unwrap();
        let verdict = if time <= TARGET { "met" } else { "MISSED" };
        println!("{name}: {:.1} us, first answer {first:?}: {verdict}", time.as_secs_f64() * 1e6);
    }
    divan::main();
}

#[divan::bench]
fn valid(bencher: Bencher<'_, '_>) {
    let bench = Bench::new(500, same);
    bencher.bench_local(|| bench.explain());
}

#[divan::bench(args = [0, 500, 1024, 4096])]
fn unknown_string(bencher: Bencher<'_, '_>, body_bytes: usize) {
    let bench = Bench::new(body_bytes, unknown);
    bencher.bench_local(|| bench.explain());
}

//! No secret of APIv3 calls, notifications or bills is logged, neither by this crate nor, at the trace level, by its
//! dependencies.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]

mod common;

use common::{
    PLANTED, assert_no_secret,
    log::Log,
    peer, read_request,
    v3::{
        API_V3_KEY, MCHID, PUBLIC_KEY_ID, Platform, certificates_at, merchant, merchant_with_public_key, paid,
    },
};
use http::{Request, StatusCode};
use http_body_util::Full;
use std::{sync::Arc, time::Duration};
use tokio::io::AsyncWriteExt as _;
use wxpay_aws_lc::AwsLc;
use wxpay_hyper::{Client, WxPay};
use wxpay_proto::{
    crypto::CryptoProvider as _,
    http::Method,
    v3::{
        Merchant, Raw,
        bill::{BillReply, TradeBill},
    },
};

/// Returns a merchant with a gateway that replies to everything with this body, signed.
async fn at_gateway(body: impl Fn(&str) -> String + Send + Sync + 'static) -> Merchant {
    let body = Arc::new(body);
    let address = peer(move |mut stream| {
        let body = Arc::clone(&body);
        async move {
            loop {
                let request = read_request(&mut stream).await;
                if request.is_empty() {
                    return;
                }
                let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
                let reply = Platform::with_public_key().reply("200 OK", &body(host));
                if stream.write_all(reply.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    merchant_at(&format!("http://{address}"))
}

fn merchant_at(base_url: &str) -> Merchant {
    let key = AwsLc.public_key(&Platform::with_public_key().spki).unwrap();
    merchant(MCHID, API_V3_KEY, base_url).public_key(PUBLIC_KEY_ID.parse().unwrap(), key).build()
}

fn call() -> Raw {
    let target = format!("/v3/pay/partner?openid={PLANTED}");
    Raw::new(Method::Post, &target).unwrap().json(format!(r#"{{"name":"{PLANTED}"}}"#).as_bytes()).unwrap()
}

async fn calls(client: &Client) {
    let good = at_gateway(|_| format!(r#"{{"prepay_id":"{PLANTED}"}}"#)).await;
    assert!(client.run(good.call(call())).await.is_ok());

    let forged = peer(|mut stream| async move {
        read_request(&mut stream).await;
        let body = format!(r#"{{"prepay_id":"{PLANTED}"}}"#);
        let signed = Platform::with_certificate(2).reply("200 OK", &body).replace("5A02", PUBLIC_KEY_ID);
        stream.write_all(signed.as_bytes()).await.unwrap();
    })
    .await;
    let closing = peer(|mut stream| async move {
        read_request(&mut stream).await;
    })
    .await;
    for base_url in
        [format!("http://{forged}"), format!("http://{closing}"), "http://no-such-host.invalid".into()]
    {
        let error = client.run(merchant_at(&base_url).call(call())).await.unwrap_err();
        assert_no_secret(&error);
    }
}

async fn notifications(client: &Client) {
    let known = Platform::with_certificate(2);
    let (gateway, _) = certificates_at(vec![known.clone()], Duration::ZERO).await;
    let fetching = merchant(MCHID, API_V3_KEY, &format!("http://{gateway}")).build();
    let fetched = WxPay::new(client.clone(), fetching).notifications(|_| async { Ok::<(), &str>(()) });
    let fails = WxPay::new(client.clone(), merchant_with_public_key(MCHID, API_V3_KEY))
        .notifications(|notification| async move { Err::<(), _>(format!("{notification:?}")) });
    let body = paid(MCHID, API_V3_KEY, PLANTED.get(..32).unwrap());
    for (notifications, platform, status) in [
        (&fetched, known, StatusCode::NO_CONTENT),
        (&fails, Platform::with_public_key(), StatusCode::INTERNAL_SERVER_ERROR),
        (&fetched, Platform::with_certificate(3), StatusCode::UNAUTHORIZED),
    ] {
        let mut request = Request::post("/notify");
        for (name, value) in platform.signature_headers(common::now().as_secs(), &body) {
            request = request.header(name, value);
        }
        let response =
            notifications.handle(request.body(Full::<bytes::Bytes>::from(body.clone())).unwrap()).await;
        assert_eq!(response.status(), status);
    }
}

async fn bills(client: &Client) {
    let merchant = at_gateway(|host| {
        let sha1 = "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33";
        format!(r#"{{"hash_type":"SHA1","hash_value":"{sha1}","download_url":"http://{host}/v3/billdownload/file?token={PLANTED}"}}"#)
    })
    .await;
    let bill = TradeBill::of("2026-11-23".parse().unwrap());
    let BillReply::Ready(bill_file) = client.run(merchant.call(bill)).await.unwrap() else { panic!() };
    let download = client.run(merchant.prepare_download(&bill_file)).await.unwrap();
    let error = client.download(download, tokio::io::sink()).await.unwrap_err();
    assert_no_secret(&error);
}

#[tokio::test]
async fn trace_log_contains_no_secret_of_calls_notifications_or_bills() {
    let log = Log::capture();
    let client = Client::builder().build().unwrap();
    calls(&client).await;
    notifications(&client).await;
    bills(&client).await;

    let log = log.text();
    for expected in ["v3.raw", "v3.certificates", "v3.notification", "v3.download", "08F1A2-0"] {
        assert!(log.contains(expected), "{expected} must be logged");
    }
    for line in log.lines() {
        for secret in [PLANTED.get(..32).unwrap(), API_V3_KEY, "nonce_str", "oUpF8uMuAJO"] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

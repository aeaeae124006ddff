//! A merchant that uses `wxpay-rs` (crates.io), unmodified: orders, queries, a close, a refund, and the
//! notifications of both.
//!
//! Prints one line per step; exits with 0 only if every step succeeded.

mod merchant;

use async_trait::async_trait;
use merchant::{ATTACH, Notifications, OPENID, Received, content, environment, mode, number};
use std::sync::Arc;
use tokio::runtime::Handle;
use wxpay_rs::{
    WxPayClient, WxPayConfig, WxPayError, WxPayResult,
    auth::Sha256RsaSigner,
    cert::{CertDownloader, CertManager, CertificateDownloader as _},
    http::{HttpClient, ReqwestHttpClient, client::HttpResponse},
    notify::{
        NotifyHandler, NotifyHeaders, PaymentExpectation, RefundExpectation,
        handler::{PaymentNotifyData, RefundNotifyData},
    },
    services::{
        payments::{
            PaymentOptions,
            jsapi::{Amount, JsapiRequest, Payer},
            native::NativeRequest,
        },
        refund::{RefundAmount, RefundRequest},
    },
};

/// The client's own HTTP client, redirected to the simulator.
struct Redirected {
    http: ReqwestHttpClient,
    origin: String,
}

impl Redirected {
    fn new() -> Self {
        let http = ReqwestHttpClient::builder().timeout(10).max_retries(0).build().unwrap();
        Self { http, origin: environment("WXPAY_BASE_URL") }
    }

    fn url(&self, url: &str) -> String {
        let target =
            url.strip_prefix("https://api.mch.weixin.qq.com").or_else(|| url.strip_prefix(&self.origin));
        format!("{}{}", self.origin, target.unwrap_or_else(|| panic!("{url}: not a URL of the gateway")))
    }
}

type Headers = Vec<(String, String)>;

#[async_trait]
impl HttpClient for Redirected {
    async fn get(&self, url: &str, headers: Headers) -> WxPayResult<HttpResponse> {
        self.http.get(&self.url(url), headers).await
    }

    async fn post(&self, url: &str, headers: Headers, body: &str) -> WxPayResult<HttpResponse> {
        self.http.post(&self.url(url), headers, body).await
    }

    async fn put(&self, url: &str, headers: Headers, body: &str) -> WxPayResult<HttpResponse> {
        self.http.put(&self.url(url), headers, body).await
    }

    async fn delete(&self, url: &str, headers: Headers) -> WxPayResult<HttpResponse> {
        self.http.delete(&self.url(url), headers).await
    }

    async fn patch(&self, url: &str, headers: Headers, body: &str) -> WxPayResult<HttpResponse> {
        self.http.patch(&self.url(url), headers, body).await
    }
}

enum Content {
    Payment(PaymentNotifyData),
    Refund(RefundNotifyData),
}

#[tokio::main]
async fn main() {
    let mode = mode();
    let step = |text: &str| println!("wxpay-rs {}, {mode}: {text}", wxpay_rs::version());
    let [paid_no, closed_no, refund_no] = ['P', 'C', 'R'].map(number);
    let (mchid, appid) = (environment("WXPAY_MCHID"), environment("WXPAY_APPID"));

    let manager = Arc::new(CertManager::new());
    let config = WxPayConfig::builder()
        .app_id(&appid)
        .merchant_id(&mchid)
        .api_v3_key(environment("WXPAY_API_V3_KEY"))
        .private_key(content("WXPAY_PRIVATE_KEY_FILE").into_bytes())
        .cert_serial_number(environment("WXPAY_SERIAL_NO"))
        .max_retries(0);
    let config = if mode == "certificates" {
        let signer = Sha256RsaSigner::new(
            &mchid,
            content("WXPAY_PRIVATE_KEY_FILE").as_bytes(),
            &environment("WXPAY_SERIAL_NO"),
        )
        .unwrap();
        let http = Arc::new(Redirected::new());
        let base_url = environment("WXPAY_BASE_URL");
        let downloaded = CertDownloader::new(base_url, &mchid, Arc::new(signer), http, Arc::clone(&manager))
            .with_api_v3_key(environment("WXPAY_API_V3_KEY"))
            .download()
            .await
            .unwrap();
        let serials: Vec<_> = downloaded.into_iter().map(|(serial, _)| serial).collect();
        assert!(serials.contains(&environment("WXPAY_PLATFORM_SERIAL_NO")), "{serials:?}");
        step(&format!("downloaded, decrypted and verified the platform certificates {}", serials.join(", ")));
        config
    } else {
        step(&format!("uses the public key {} and downloads nothing", environment("WXPAY_PUBLIC_KEY_ID")));
        config.platform_public_key(
            environment("WXPAY_PUBLIC_KEY_ID"),
            content("WXPAY_PUBLIC_KEY_FILE").into_bytes(),
        )
    };
    let wxpay = WxPayClient::builder()
        .config(config.build().unwrap())
        .http_client(Redirected::new())
        .cert_manager(manager)
        .build()
        .await
        .unwrap();
    let (handler, runtime) = (wxpay.notify_handler().unwrap(), Handle::current());
    let notifications = Notifications::listen(move |notification| {
        runtime.block_on(open_notification(&handler, notification))
    });

    let order = JsapiRequest {
        appid: appid.clone(),
        mchid: mchid.clone(),
        description: "一双筷子".to_owned(),
        out_trade_no: paid_no.clone(),
        amount: Some(Amount { total: 1999, currency: Some("CNY".to_owned()) }),
        payer: Some(Payer { openid: OPENID.to_owned() }),
        notify_url: Some(format!("{}/payments", notifications.url)),
    };
    let options = PaymentOptions { attach: Some(ATTACH.to_owned()), ..PaymentOptions::default() };
    let placed = wxpay.jsapi().create_order_with_options(&order, &options).await.unwrap();
    step(&format!("placed the JSAPI order {paid_no}"));

    let unpaid = wxpay.query_order_by_out_trade_no(&paid_no).await.unwrap();
    assert_eq!((unpaid.trade_state.as_str(), unpaid.amount.unwrap().total), ("NOTPAY", 1999));
    assert!(unpaid.transaction_id.is_none());
    step("the order query returned NOTPAY");

    let parameters = wxpay.jsapi().generate_pay_params(&placed.prepay_id).await.unwrap();
    merchant::open_and_cancel(&serde_json::to_value(parameters).unwrap(), 1999);
    step("signed the payment parameters; the payer's client accepted them");

    merchant::pay(&paid_no);
    let (event, notification) = notifications.next("/payments");
    let Content::Payment(event) = event else { panic!("a refund notification arrived at /payments") };
    let expected = PaymentExpectation {
        appid: &appid,
        mchid: &mchid,
        out_trade_no: &paid_no,
        total: 1999,
        currency: "CNY",
    };
    event.validate_order(expected).unwrap();
    assert_eq!(event.attach.as_deref(), Some(ATTACH));
    assert_eq!(event.payer.unwrap().openid, OPENID);
    step("the order was paid; received the notification");

    let paid = wxpay.query_order_by_out_trade_no(&paid_no).await.unwrap();
    assert_eq!(paid.trade_state, "SUCCESS");
    assert_eq!(paid.transaction_id.as_ref(), Some(&event.transaction_id));
    let same = wxpay.query_order_by_id(&event.transaction_id).await.unwrap();
    assert_eq!((same.out_trade_no.as_ref(), same.trade_state.as_str()), (Some(&paid_no), "SUCCESS"));
    step("the order query returned SUCCESS, by either number");

    let modified = Received {
        body: notification.body.replace("\"summary\"", "\"summery\""),
        path: notification.path,
        headers: notification.headers,
        content: Err(String::new()),
    };
    assert!(open_notification(&wxpay.notify_handler().unwrap(), &modified).await.is_err());
    step("rejected the notification after one letter was changed");

    let order = NativeRequest {
        appid,
        mchid: mchid.clone(),
        description: "第二".to_owned(),
        out_trade_no: closed_no.clone(),
        amount: Some(Amount { total: 1, currency: None }),
        notify_url: Some(format!("{}/payments", notifications.url)),
    };
    assert!(wxpay.native().create_order(&order).await.unwrap().code_url.starts_with("weixin://"));
    wxpay.query().close(&closed_no).await.unwrap();
    assert_eq!(wxpay.query_order_by_out_trade_no(&closed_no).await.unwrap().trade_state, "CLOSED");
    step(&format!("placed the Native order {closed_no} and closed it"));

    let refund = RefundRequest {
        transaction_id: Some(event.transaction_id.clone()),
        out_trade_no: None,
        out_refund_no: refund_no.clone(),
        reason: Some("少了一根".to_owned()),
        amount: RefundAmount { refund: 999, total: 1999, currency: "CNY".to_owned() },
        notify_url: Some(format!("{}/refunds", notifications.url)),
    };
    let requested = wxpay.refund().create(&refund).await.unwrap();
    assert!(matches!(requested.status.as_str(), "PROCESSING" | "SUCCESS"), "{}", requested.status);
    assert_eq!((&requested.out_trade_no, requested.amount.unwrap().refund), (&paid_no, 999));
    step(&format!("requested the refund {refund_no}"));

    let (event, _) = notifications.next("/refunds");
    let Content::Refund(event) = event else { panic!("a payment notification arrived at /refunds") };
    let expected = RefundExpectation {
        mchid: &mchid,
        out_trade_no: &paid_no,
        out_refund_no: &refund_no,
        total: 1999,
        refund: 999,
    };
    event.validate_order(expected).unwrap();
    assert_eq!((event.refund_status.as_str(), &event.refund_id), ("SUCCESS", &requested.refund_id));
    step("the refund succeeded; received the notification");

    let found = wxpay.query_by_out_refund_no(&refund_no).await.unwrap();
    assert_eq!((found.status.as_str(), &found.refund_id), ("SUCCESS", &requested.refund_id));
    assert_eq!(wxpay.query_order_by_out_trade_no(&paid_no).await.unwrap().trade_state, "REFUND");
    step("the refund query returned SUCCESS");

    match wxpay.query_order_by_out_trade_no(&number('N')).await {
        Err(WxPayError::ApiError { code, .. })
            if matches!(code.as_str(), "ORDER_NOT_EXIST" | "ORDERNOTEXIST") => {}
        other => panic!("{other:?}"),
    }
    step("a refusal said that an order does not exist");

    assert!(notifications.is_empty());
}

async fn open_notification(
    handler: &NotifyHandler,
    notification: &Received<Content>,
) -> Result<Content, String> {
    let headers = NotifyHeaders {
        timestamp: notification.header("Wechatpay-Timestamp"),
        nonce: notification.header("Wechatpay-Nonce"),
        serial: notification.header("Wechatpay-Serial"),
        signature: notification.header("Wechatpay-Signature"),
    };
    let open = async {
        let request = handler.verify_and_parse(headers, notification.body.as_bytes()).await?;
        if request.request().notify_type == "TRANSACTION.SUCCESS" {
            handler.handle_verified_payment_notify(&request).await.map(Content::Payment)
        } else {
            handler.handle_verified_refund_notify(&request).await.map(Content::Refund)
        }
    };
    open.await.map_err(|error: WxPayError| error.to_string())
}

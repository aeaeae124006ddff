//! A merchant that uses `wechatpay-v3` (crates.io), unmodified: orders, queries, a close, a refund, and the
//! notifications of both.
//!
//! Prints one line per step; exits with 0 only if every step succeeded.

mod merchant;

use merchant::{ATTACH, Notifications, OPENID, Received, content, environment, mode, number};
use std::sync::Arc;
use wechatpay_v3::{
    error::PayError,
    model::{
        JsapiParams, NativeParams, RefundsParams, WechatPayDecodeData, WechatPayNotify,
        WechatPayRefundDecodeData,
    },
    notify::NotifyHeaders,
    pay::{PayNotifyTrait as _, ResponseVerify, WechatPay, WechatPayConfig},
};

enum Content {
    Payment(WechatPayDecodeData),
    Refund(WechatPayRefundDecodeData),
}

fn main() {
    let mode = mode();
    let step = |text: &str| println!("wechatpay-v3 0.4.0, {mode}: {text}");
    let [paid_no, closed_no, refund_no] = ['P', 'C', 'R'].map(number);
    let by_certificates = mode == "certificates";

    // The client needs the endpoint's URL as its notify_url, and the endpoint needs the client to verify.
    let client = Arc::new(std::sync::OnceLock::<WechatPay>::new());
    let shared = Arc::clone(&client);
    let notifications =
        Notifications::listen(move |notification| open_notification(shared.get().unwrap(), notification));
    let config = |private_key: String| WechatPayConfig {
        appid: environment("WXPAY_APPID"),
        mch_id: environment("WXPAY_MCHID"),
        private_key,
        serial_no: environment("WXPAY_SERIAL_NO"),
        v3_key: environment("WXPAY_API_V3_KEY"),
        notify_url: format!("{}/payments", notifications.url),
        response_verify: ResponseVerify::Required,
    };
    let wxpay = WechatPay::from_config(config(content("WXPAY_PRIVATE_KEY_FILE")))
        .with_base_url(environment("WXPAY_BASE_URL"));
    let wxpay = if by_certificates {
        let keys = wxpay.refresh_platform_keys().unwrap();
        assert!(
            keys.serials().contains(&environment("WXPAY_PLATFORM_SERIAL_NO").as_str()),
            "{:?}",
            keys.serials()
        );
        step(&format!(
            "downloaded, decrypted and verified the platform certificates {}",
            keys.serials().join(", ")
        ));
        wxpay
    } else {
        step(&format!("uses the public key {} and downloads nothing", environment("WXPAY_PUBLIC_KEY_ID")));
        wxpay.with_platform_public_key(environment("WXPAY_PUBLIC_KEY_ID"), content("WXPAY_PUBLIC_KEY_FILE"))
    };
    let wxpay = client.get_or_init(|| wxpay);

    let mut order = JsapiParams::new("一双筷子", &paid_no, 1999.into(), OPENID.into());
    order.attach = Some(ATTACH.to_owned());
    let placed = wxpay.jsapi_pay(order).unwrap();
    step(&format!("placed the JSAPI order {paid_no}"));

    let unpaid = wxpay.query_order(&paid_no).unwrap();
    assert_eq!(unpaid.trade_state, "NOTPAY");
    assert_eq!(unpaid.amount.unwrap().total, Some(1999));
    assert!(unpaid.transaction_id.is_none() && unpaid.payer.is_none());
    step("the order query returned NOTPAY");

    merchant::open_and_cancel(&serde_json::to_value(placed.sign_data.unwrap()).unwrap(), 1999);
    step("signed the payment parameters; the payer's client accepted them");

    merchant::pay(&paid_no);
    let (event, notification) = notifications.next("/payments");
    let Content::Payment(event) = event else { panic!("a refund notification arrived at /payments") };
    assert_eq!((event.trade_state.as_str(), event.out_trade_no.as_str()), ("SUCCESS", paid_no.as_str()));
    assert_eq!((event.attach.as_deref(), event.amount.total), (Some(ATTACH), 1999));
    assert_eq!(event.payer.openid, OPENID);
    step("the order was paid; received the notification");

    let paid = wxpay.query_order(&paid_no).unwrap();
    assert_eq!(paid.trade_state, "SUCCESS");
    assert_eq!(paid.transaction_id.as_deref(), Some(event.transaction_id.as_str()));
    assert_eq!(paid.success_time.as_deref(), Some(event.success_time.as_str()));
    step("the order query returned SUCCESS");

    let modified = Received {
        body: notification.body.replace("\"summary\"", "\"summery\""),
        path: notification.path,
        headers: notification.headers,
        content: Err(String::new()),
    };
    assert!(open_notification(wxpay, &modified).is_err());
    step("rejected the notification after one letter was changed");

    let placed = wxpay.native_pay(NativeParams::new("第二", &closed_no, 1.into())).unwrap();
    assert!(placed.code_url.unwrap().starts_with("weixin://"));
    wxpay.close_order(&closed_no).unwrap();
    assert_eq!(wxpay.query_order(&closed_no).unwrap().trade_state, "CLOSED");
    step(&format!("placed the Native order {closed_no} and closed it"));

    let mut refund = RefundsParams::new(&refund_no, 1999, 999, None, Some(&paid_no));
    refund.reason = Some("少了一根".to_owned());
    refund.notify_url = Some(format!("{}/refunds", notifications.url));
    let requested = wxpay.refunds(refund).unwrap();
    assert!(matches!(requested.status.as_str(), "PROCESSING" | "SUCCESS"), "{}", requested.status);
    assert_eq!((requested.amount.refund, requested.amount.total), (999, 1999));
    assert_eq!(requested.transaction_id, event.transaction_id);
    step(&format!("requested the refund {refund_no}"));

    let (event, _) = notifications.next("/refunds");
    let Content::Refund(event) = event else { panic!("a payment notification arrived at /refunds") };
    assert_eq!((event.refund_status.as_str(), event.out_refund_no.as_str()), ("SUCCESS", refund_no.as_str()));
    assert_eq!((event.refund_id.as_str(), event.amount.refund), (requested.refund_id.as_str(), 999));
    step("the refund succeeded; received the notification");

    let found = wxpay.query_refund(&refund_no).unwrap();
    assert_eq!((found.status.as_str(), found.refund_id), ("SUCCESS", requested.refund_id));
    assert_eq!(wxpay.query_order(&paid_no).unwrap().trade_state, "REFUND");
    step("the refund query returned SUCCESS");

    // This client also verifies the signature of refusals.
    match wxpay.query_order(&number('N')) {
        Err(PayError::ApiError { status: 404, response, .. }) => {
            assert!(
                matches!(response.code.as_deref(), Some("ORDER_NOT_EXIST" | "ORDERNOTEXIST")),
                "{response}"
            );
        }
        other => panic!("{other:?}"),
    }
    step("a signed refusal said that an order does not exist");

    assert!(notifications.is_empty());
}

fn open_notification(client: &WechatPay, notification: &Received<Content>) -> Result<Content, String> {
    let pairs = notification.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let headers = NotifyHeaders::from_pairs(pairs).map_err(|error| error.to_string())?;
    client.platform_keys().verify_notify(&headers, &notification.body).map_err(|error| error.to_string())?;
    let envelope: WechatPayNotify =
        serde_json::from_str(&notification.body).map_err(|error| error.to_string())?;
    match (envelope.event_type.as_str(), envelope.resource_type.as_str()) {
        ("TRANSACTION.SUCCESS", "encrypt-resource") => {
            client.decrypt_notify(&envelope.resource).map(Content::Payment)
        }
        ("REFUND.SUCCESS", "encrypt-resource") => {
            client.decrypt_refund_notify(&envelope.resource).map(Content::Refund)
        }
        other => return Err(format!("{other:?}")),
    }
    .map_err(|error| error.to_string())
}

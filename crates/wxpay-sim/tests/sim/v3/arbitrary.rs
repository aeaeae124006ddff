//! Arbitrary input: nothing panics, every reply is signed, and a refused request places no order.

use super::shop::{BASE, Shop, bare};
use proptest::prelude::*;
use serde_json::{Value, json};
use wxpay_proto::http::{Method, Request};
use wxpay_sim::payer::PaymentRequest;

/// Returns arbitrary JSON of limited size.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,140}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_unsigned_request_gets_a_signed_refusal(
        target in "/v3/\\PC{0,60}",
        authorization in "(WECHATPAY2-SHA256-RSA2048 )?([a-z_]{1,9}=\"?[0-9A-Za-z+/=]{0,12}\"?,){0,6}\\PC{0,30}",
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut shop = Shop::open();
        let request = Request::new(Method::Post, format!("{BASE}{target}"), body)
            .with_header("accept", "*/*")
            .with_header("user-agent", "x")
            .with_header("authorization", authorization);
        let reply = shop.reply(&request);
        prop_assert!((400..500).contains(&reply.status()));
        prop_assert!(shop.verifies_reply(&reply));
    }

    /// Signed requests: an arbitrary body, and an arbitrary value of any member.
    #[test]
    fn arbitrary_signed_body_gets_a_signed_reply(
        path in prop::sample::select(vec!["native", "jsapi", "app", "h5", "codepay"]),
        member in prop::sample::select(vec![
            "appid", "mchid", "description", "out_trade_no", "notify_url", "amount", "attach", "detail", "payer",
            "scene_info", "time_expire", "limit_pay", "other",
        ]),
        value in any_json(),
        garbage in "\\PC{0,80}",
    ) {
        let mut shop = Shop::open();
        let target = format!("/v3/pay/transactions/{path}");
        prop_assert!(shop.call(Method::Post, &target, &garbage).status >= 400);
        let goods = shop.goods_with("A12345", &json!({ member: value }));
        let reply = shop.post(&target, &goods);
        let placed_count = shop.gateway.orders(shop.now).len();
        prop_assert!([200, 400, 403].contains(&reply.status), "{reply:?}");
        prop_assert_eq!(placed_count, usize::from(reply.status == 200));
        let members = reply.body.as_object().unwrap();
        prop_assert!(reply.status == 200 || members.contains_key("code") && members.contains_key("message"));
    }

    /// All kinds of transfers: a refused request creates no transfer and pays nobody.
    #[test]
    fn arbitrary_transfer_gets_a_signed_reply(
        path in prop::sample::select(vec![
            "transfer-bills", "transfer-bills/pre-transfer-with-authorization", "transfer-bills/transfer",
            "transfer-to-qq-wallet-bills", "user-confirm-authorization", "elecsign/out-bill-no",
            "elecsign/transfer-bill-no",
        ]),
        member in prop::sample::select(vec![
            "appid", "out_bill_no", "openid", "user_name", "transfer_amount", "transfer_remark", "notify_url",
            "transfer_scene_id", "transfer_scene_report_infos", "authorization_info", "sponsor_mchid",
            "authorization_id", "out_authorization_no", "user_display_name", "authorization_notify_url",
            "scene_info", "user_qq", "transfer_bill_no", "other",
        ]),
        value in any_json(),
    ) {
        let mut shop = Shop::open();
        shop.wechatpay_serial = Some(shop.public_key_id());
        let target = format!("/v3/fund-app/mch-transfer/{path}");
        let mut body = json!({
            "appid": shop.appid(), "out_bill_no": "T1", "openid": "oX99MDgNcgwnz3zFN3DNmo8uwa-w",
            "transfer_amount": 1000, "transfer_remark": "报销", "transfer_scene_id": "1000",
            "transfer_scene_report_infos": [{ "info_type": "活动名称", "info_content": "新会员有礼" }],
        });
        if path == "transfer-to-qq-wallet-bills" {
            body["transfer_scene_id"] = "1401".into();
        }
        body[member] = value;
        let reply = shop.post(&target, &body);
        prop_assert!([200, 400, 403, 404].contains(&reply.status), "{reply:?}");
        let created_count = shop.gateway.transfers(shop.now).len();
        prop_assert_eq!(created_count, usize::from(reply.status == 200));
        let members = reply.body.as_object().unwrap();
        prop_assert!(reply.status == 200 || members.contains_key("code") && members.contains_key("message"));
    }

    #[test]
    fn arbitrary_signed_target_gets_a_signed_reply(tail in "[a-z0-9/?&=%{}.*_-]{0,60}") {
        let mut shop = Shop::open();
        for root in ["/v3/", "/v3/pay/transactions/", "/v3/refund/domestic/refunds/", "/v3/fund-app/mch-transfer/"] {
            let target = format!("{root}{tail}");
            let reply = shop.get(&target);
            prop_assert!([200, 400, 404, 405].contains(&reply.status), "{reply:?}");
        }
    }

    #[test]
    fn arbitrary_payment_parameters_are_checked_by_the_payer(parameters in any_json(), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut shop = Shop::open();
        prop_assert!(PaymentRequest::parse(&mut shop.gateway, parameters.to_string().as_bytes(), shop.now).is_err());
        prop_assert!(PaymentRequest::parse(&mut shop.gateway, &bytes, shop.now).is_err());
    }
}

#[test]
fn same_seed_gives_the_same_bytes() {
    let run = || {
        let mut shop = Shop::open();
        let mut bytes = Vec::new();
        let goods = shop.goods("A12345").to_string();
        for request in [
            shop.request(Method::Post, "/v3/pay/transactions/native", &goods),
            shop.request(Method::Get, "/v3/certificates", ""),
            bare(Method::Get, "/v3/certificates", ""),
        ] {
            let reply = shop.reply(&request);
            bytes.extend_from_slice(format!("{:?}", reply.headers().collect::<Vec<_>>()).as_bytes());
            bytes.extend_from_slice(reply.body());
        }
        shop.pay("A12345");
        for delivery in shop.due() {
            bytes.extend_from_slice(format!("{:?}", delivery.headers()).as_bytes());
            bytes.extend_from_slice(delivery.body());
        }
        bytes
    };
    assert_eq!(run(), run());
}

//! Refusals as the real gateway sends them, compared with public replies.

use super::shop::{NOTIFY, Shop, bare, parse_reply};
use serde_json::{Value, json};
use wxpay_proto::http::{Method, Response};
use wxpay_sim::settings::LengthUnit;

const NATIVE: &str = "/v3/pay/transactions/native";
const REFUNDS: &str = "/v3/refund/domestic/refunds";
const TRANSFERS: &str = "/v3/fund-app/mch-transfer/transfer-bills";

fn header<'a>(reply: &'a Response, name: &str) -> Option<&'a str> {
    reply.header(name).map(|value| str::from_utf8(value).unwrap())
}

/// Sends a body and returns the raw reply.
fn send(shop: &mut Shop, method: Method, target: &str, body: &str) -> Response {
    let request = shop.request(method, target, body);
    shop.reply(&request)
}

/// The bodies of public replies, letter for letter, each with a request that causes it here.
#[test]
fn field_refusals_are_the_public_replies_to_the_byte() {
    let mut shop = Shop::open();
    let order = |change: Value| shop.goods_with("A12345", &change).to_string();
    let close = json!({ "mchid": shop.mchid() }).to_string();
    let jsapi = "/v3/pay/transactions/jsapi";
    let long_number = "X".repeat(35);
    let cases: [(&str, &str, String, &str); 11] = [
        // w7corp/easywechat#2954
        (
            NATIVE,
            "268435461",
            order(json!({ "out_trade_no": "1" })),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":1},"message":"输入源“/body/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字节数 1，小于最小值 6"}"#,
        ),
        // ArtisanCloud/PowerWeChat#5
        (
            REFUNDS,
            "270924358",
            json!({ "amount": { "currency": "CNY", "refund": 1, "total": 1 }, "appid": "ww16143ea0101327cc",
                "mchid": "1611854988", "out_refund_no": "551977893977339565922219",
                "transaction_id": "4200001207202108286046087111" })
            .to_string(),
            r#"{"code":"PARAM_ERROR","detail":{"location":null,"value":["/body/appid","/body/mchid"]},"message":"请求中含有未在API文档中定义的参数"}"#,
        ),
        // TheNorthMemory/wechatpay-axios-plugin#38: the wrong type comes before an undefined member
        (
            NATIVE,
            "268435461",
            order(json!({ "amount": { "total": 0.01, "currency": "CNY" }, "mch_id": "1" })),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":0.01},"message":"无法将 JSON 输入源“/body/amount/total”映射到目标字段“总金额”中，此字段需要一个合法的 64 位有符号整数"}"#,
        ),
        // a reply with the expression of notify_url: v3.md 17.4
        (
            NATIVE,
            "268435461",
            order(json!({ "notify_url": " https://www.weixin.qq.com/wxpay/pay.php" })),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":" https://www.weixin.qq.com/wxpay/pay.php"},"message":"输入源“/body/notify_url”映射到值字段“通知地址”字符串规则校验失败，字符串必须匹配正则表达式“^https?://([^\\s/?#\\[\\]\\@]+\\@)?([^\\s/?#\\@:]+)(?::\\d{2,5})?([^\\s?#\\[\\]]*)$”"}"#,
        ),
        // a reply of wechat-pay-nodejs's documentation
        (
            NATIVE,
            "268435461",
            order(json!({ "out_trade_no": "订单号" })),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":"订单号"},"message":"输入源“/body/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字符串必须匹配正则表达式“^[0-9a-zA-Z_\\-\\|\\*]+$”"}"#,
        ),
        // a reply with attach counted in bytes
        (
            NATIVE,
            "268435461",
            order(json!({ "attach": format!("{}ab", "附".repeat(67)) })),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":203},"message":"输入源“/body/attach”映射到值字段“附加数据”字符串规则校验失败，字节数 203，大于最大值 128"}"#,
        ),
        // guzzle/psr7#588, with another field
        (
            jsapi,
            "268435461",
            order(json!({ "payer": {} })),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":""},"message":"输入源“/body/payer/openid”映射到字段“用户标识”必填性规则校验失败，此字段为必填项"}"#,
        ),
        // a reply with an openid that is not a text
        (
            jsapi,
            "268435461",
            order(json!({ "payer": { "openid": 4 } })),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":4},"message":"无法将 JSON 输入源“/body/payer/openid”映射到目标字段“用户标识”中，此字段需要一个 string 类型的 Json 值"}"#,
        ),
        // the documents' FAQ 4012791869
        (
            NATIVE,
            "268435464",
            order(json!({ "amount": { "total": 0 } })),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":0},"message":"输入源“/body/amount/total”映射到数值字段“总金额”规则校验失败，值低于最小值 1"}"#,
        ),
        // a reply to a close with a number that is too long
        (
            &format!("/v3/pay/transactions/out-trade-no/{long_number}/close"),
            "268435461",
            close,
            r#"{"code":"PARAM_ERROR","detail":{"location":"uri_template","value":35},"message":"输入源“/uri_template/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字节数 35，大于最大值 32"}"#,
        ),
        // a receiver without an account: characters, not bytes
        (
            "/v3/profitsharing/orders",
            "268435461",
            json!({ "transaction_id": "4200000000000000000000000000", "out_order_no": "P1", "unfreeze_unsplit": false,
                "receivers": [{ "type": "PERSONAL_OPENID", "account": "", "amount": 1, "description": "分账" }] })
            .to_string(),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":0},"message":"输入源“/body/receivers/0/account”映射到值字段“分账接收方帐号”字符串规则校验失败，字符数 0，小于最小值 1"}"#,
        ),
    ];
    for (target, number, body, expected) in cases {
        let reply = send(&mut shop, Method::Post, target, &body);
        assert_eq!((reply.status(), str::from_utf8(reply.body()).unwrap()), (400, expected), "{body}");
        assert!(header(&reply, "request-id").unwrap().ends_with(&format!("-{number}")), "{body}");
        let signed = reply.headers().find(|(name, _)| name.starts_with("wechatpay-"));
        assert_eq!(signed, None, "v3.md 17.1: {body}");
    }
    assert!(shop.gateway.orders(shop.now).len() == 0, "no order is placed");
}

/// wechatpay-php#64
#[test]
fn undefined_parameter_of_a_query_is_named_by_its_pointer() {
    let mut shop = Shop::open();
    let target = format!("/v3/pay/transactions/out-trade-no/A12345?mchid={}&sub_mch_id=1", shop.mchid());
    let reply = send(&mut shop, Method::Get, &target, "");
    assert_eq!(
        str::from_utf8(reply.body()).unwrap(),
        r#"{"code":"PARAM_ERROR","detail":{"location":null,"value":["/query/sub_mch_id"]},"message":"请求中含有未在API文档中定义的参数"}"#
    );
}

/// binarywang/WxJava#3023, with another parameter
#[test]
fn repeated_parameter_of_a_query_is_refused() {
    let mut shop = Shop::open();
    let reply = shop.get("/v3/certificates?algorithm_type=RSA&algorithm_type=SM2");
    assert_eq!(
        reply.message(),
        "无法将输入源“/query/algorithm_type#2”映射到目标字段“证书算法版本”中，此字段并非多重字段但被输入源“/query/algorithm_type”映射过了"
    );
    assert_eq!(reply.body["detail"], json!({ "location": "query", "value": "SM2" }));
}

/// wechatpay-php#126, with the number of a transfer in place of that of a batch
#[test]
fn number_of_a_transfer_in_a_path_may_have_letters_and_digits_only() {
    let mut shop = Shop::open();
    let reply = send(&mut shop, Method::Get, &format!("{TRANSFERS}/out-bill-no/-c-t620000000"), "");
    assert_eq!(
        str::from_utf8(reply.body()).unwrap(),
        r#"{"code":"PARAM_ERROR","detail":{"location":"uri_template","value":"-c-t620000000"},"message":"输入源“/uri_template/out_bill_no”映射到值字段“商户单号”字符串规则校验失败，字符串只能是数字和字母"}"#
    );
}

#[test]
fn body_that_is_not_a_json_object_is_refused_unsigned() {
    let mut shop = Shop::open();
    for body in ["", "{", "[]", "1", "null", "{}{}"] {
        let reply = shop.call(Method::Post, NATIVE, body);
        assert!(reply.is_field_refusal(), "{body}: {reply:?}");
        assert_eq!(reply.refusal(), (400, "PARAM_ERROR", 268_435_461));
    }
}

/// v3.md 17.1: 403 `NOT_ENOUGH`, 400 `受理机构必须传入sub_mch_id` and 204 are signed; so are other business refusals.
#[test]
fn business_refusals_and_204_are_signed() {
    let mut shop = Shop::open();
    shop.order("A12345");
    let close = "/v3/pay/transactions/out-trade-no/A12345/close";
    let closed = send(&mut shop, Method::Post, close, &json!({ "mchid": "1" }).to_string());
    assert_eq!(parse_reply(&closed).refusal(), (400, "INVALID_REQUEST", 268_447_843));
    assert!(shop.verifies_reply(&closed));
    let no_content = shop.close("A12345");
    assert_eq!(no_content.status, 204);
    let partner = json!({ "sp_appid": shop.appid(), "sp_mchid": shop.mchid(), "description": "d",
        "out_trade_no": "B12345", "notify_url": NOTIFY, "amount": { "total": 1 } });
    let reply = send(&mut shop, Method::Post, "/v3/pay/partner/transactions/native", &partner.to_string());
    assert!(shop.verifies_reply(&reply));
    assert_eq!(parse_reply(&reply).message(), "受理机构必须传入sub_mch_id");
    let mut code = shop.goods_with(
        "C12345",
        &json!({ "payer": { "auth_code": "130000000000000003" },
        "scene_info": { "store_info": { "id": "1" } } }),
    );
    code.as_object_mut().unwrap().remove("notify_url");
    let reply = send(&mut shop, Method::Post, "/v3/pay/transactions/codepay", &code.to_string());
    assert!(shop.verifies_reply(&reply));
    assert_eq!(parse_reply(&reply).refusal(), (403, "NOT_ENOUGH", 268_435_461));
    let again = shop.goods("A12345").to_string();
    let reply = send(&mut shop, Method::Post, NATIVE, &again);
    assert!(shop.verifies_reply(&reply));
    assert_eq!(parse_reply(&reply).code(), "ORDER_CLOSED");
}

#[test]
fn signature_of_401_follows_its_setting() {
    for is_signed in [true, false] {
        let mut shop = Shop::with(|settings| settings.v3.sign_unauthorized = is_signed);
        let reply = shop.reply(&bare(Method::Get, "/v3/certificates", ""));
        assert_eq!((reply.status(), shop.verifies_reply(&reply)), (401, is_signed));
        assert_eq!(header(&reply, "wechatpay-serial").is_some(), is_signed);
    }
}

/// v3.md 17.3: whether `description` is counted in bytes is open.
#[test]
fn unit_of_the_description_follows_its_setting() {
    let description = "商".repeat(127);
    for (length_unit, status) in [(LengthUnit::Characters, 200), (LengthUnit::Bytes, 400)] {
        let mut shop = Shop::with(|settings| settings.v3.length_unit = length_unit);
        let goods = shop.goods_with("A12345", &json!({ "description": description }));
        assert_eq!(shop.post(NATIVE, &goods).status, status);
    }
}

/// v3.md 17.12
#[test]
fn time_expire_in_utc_with_milliseconds_is_accepted() {
    let mut shop = Shop::open();
    let goods = shop.goods_with("A12345", &json!({ "time_expire": "2026-06-08T02:34:56.789Z" }));
    assert_eq!(shop.post(NATIVE, &goods).status, 200);
}

/// v3.md 17.13; yansongda/pay#546 and #554, wechatpay-java#200.
#[test]
fn operations_and_fields_that_require_wechatpay_serial_are_refused_without_it() {
    let mut shop = Shop::open();
    let transfer = json!({ "appid": shop.appid(), "out_bill_no": "T1", "openid": "oX99MDgNcgwnz3zFN3DNmo8uwa-w",
        "transfer_amount": 1, "transfer_remark": "r", "transfer_scene_id": "1000",
        "transfer_scene_report_infos": [{ "info_type": "t", "info_content": "c" }] });
    let mut to_qq = transfer.clone();
    to_qq["transfer_scene_id"] = "1401".into();
    to_qq["user_qq"] = "1".into();
    let mut by_authorization = transfer.clone();
    by_authorization.as_object_mut().unwrap().remove("openid");
    let receiver =
        json!({ "appid": shop.appid(), "type": "PERSONAL_OPENID", "account": "o1", "relation_type": "USER" });
    let mut named_receiver = receiver.clone();
    named_receiver["name"] = "c2VhbGVk".into();
    let sharing = |name: Option<&str>| {
        let mut receiver =
            json!({ "type": "PERSONAL_OPENID", "account": "o1", "amount": 1, "description": "d" });
        if let Some(name) = name {
            receiver["name"] = name.into();
        }
        json!({ "appid": shop.appid(), "transaction_id": "4200000000000000000000000000", "out_order_no": "P1",
            "unfreeze_unsplit": false, "receivers": [receiver] })
    };
    let (unnamed_sharing, named_sharing) = (sharing(None), sharing(Some("c2VhbGVk")));
    let missing = "HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)";
    let unknown = "平台证书序列号Wechatpay-Serial错误";
    let own_serial = shop.serial();
    for (target, body) in [
        (String::from(TRANSFERS), &transfer),
        (format!("{TRANSFERS}/pre-transfer-with-authorization"), &transfer),
        (format!("{TRANSFERS}/transfer"), &by_authorization),
        ("/v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills".into(), &to_qq),
        ("/v3/profitsharing/orders".into(), &named_sharing),
        ("/v3/profitsharing/receivers/add".into(), &named_receiver),
    ] {
        for (serial, message) in [
            (None, missing),
            (Some(""), missing),
            (Some("nonsense"), unknown),
            (Some("PUB_KEY_ID_0000000000"), unknown),
            (Some(own_serial.as_str()), unknown),
        ] {
            shop.wechatpay_serial = serial.map(String::from);
            let reply = shop.post(&target, body);
            assert_eq!(
                (reply.refusal(), reply.message()),
                ((400, "PARAM_ERROR", 268_435_461), message),
                "{target}"
            );
            assert_eq!(reply.body.get("detail"), None, "{target}");
        }
    }
    // Without an encrypted field the header is ignored elsewhere: some programs name their own certificate.
    for serial in [None, Some(own_serial)] {
        shop.wechatpay_serial = serial;
        assert_eq!(
            shop.post("/v3/profitsharing/orders", &unnamed_sharing).refusal().1,
            "RESOURCE_NOT_EXISTS"
        );
        assert_eq!(shop.post("/v3/profitsharing/receivers/add", &receiver).status, 200);
        let goods = shop.goods("A12345");
        assert_eq!(shop.post(NATIVE, &goods).status, 200);
    }
}

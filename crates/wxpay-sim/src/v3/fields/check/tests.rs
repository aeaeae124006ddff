use super::*;
use crate::v3::fields::{bytes, characters, optional, required, text};
use serde_json::json;

const FIELDS: &[Field] = &[
    required("number", "商户订单号", Kind::Text(bytes(6, 32), Alphabet::OrderNumber)),
    required(
        "amount",
        "订单金额",
        Kind::Object(&[
            required("total", "总金额", Kind::Number(1, 100)),
            optional("currency", "货币类型", Kind::OneOf(&["CNY"])),
        ]),
    ),
    optional("when", "时间", Kind::Time),
    optional("url", "通知地址", Kind::Url),
    optional("flag", "标识", Kind::Boolean),
    optional("name", "姓名", Kind::Encrypted),
    optional("remark", "备注", Kind::Text(characters(1, 4), Alphabet::Any)),
    optional("description", "商品描述", text(6)),
    optional("list", "列表", Kind::List(&Kind::Object(&[required("id", "编号", text(4))]), 1, 2)),
];

fn check(body: &Value, length_unit: LengthUnit) -> Result<Vec<String>, Refusal> {
    Check::new(length_unit).object(body.as_object().unwrap(), &[FIELDS], "body").finish()
}

/// Returns the result code, `detail.value` and the message of the refusal of a body with these changes.
fn refused(change: &Value) -> Option<(u64, Value, String)> {
    let mut body = json!({ "number": "123456", "amount": { "total": 1 } });
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let refusal = check(&body, LengthUnit::Characters).err()?;
    assert!(!refusal.is_signed, "{change}");
    let body = refusal.body();
    let detail = body["detail"].as_object().unwrap();
    assert!(detail.keys().eq(["location", "value"]), "{change}");
    let is_undefined = detail["value"].is_array();
    assert_eq!(detail["location"], if is_undefined { Value::Null } else { json!("body") }, "{change}");
    Some((refusal.result_code, detail["value"].clone(), body["message"].as_str().unwrap().into()))
}

#[test]
fn check_accepts_a_body_that_matches_its_fields() {
    for body in [
        json!({ "number": "A_1-*|z", "amount": { "total": 1 } }),
        json!({
            "number": "123456", "amount": { "total": 100, "currency": "CNY" }, "flag": false, "remark": "四个汉字",
            "when": "2026-06-08T02:34:56.789Z", "url": "https://h/p", "list": [{ "id": "支付" }, { "id": "b" }],
            "description": "六个汉字以内",
        }),
    ] {
        assert_eq!(check(&body, LengthUnit::Characters).ok(), Some(Vec::new()), "{body}");
    }
    let encrypted = json!({ "number": "123456", "amount": { "total": 1 }, "name": "c2VjcmV0" });
    assert_eq!(check(&encrypted, LengthUnit::Bytes).ok(), Some(vec![String::from("/name")]));
}

#[test]
fn each_violated_rule_has_its_value_and_its_words() {
    let string = "映射到值字段“商户订单号”字符串规则校验失败，";
    for (change, value, message) in [
        (json!({ "number": "1" }), json!(1), format!("输入源“/body/number”{string}字节数 1，小于最小值 6")),
        (
            json!({ "number": "支付支付支付支付支付支付" }),
            json!(36),
            format!("输入源“/body/number”{string}字节数 36，大于最大值 32"),
        ),
        (
            json!({ "number": "支付支付" }),
            json!("支付支付"),
            format!("输入源“/body/number”{string}字符串必须匹配正则表达式“{}”", r"^[0-9a-zA-Z_\-\|\*]+$"),
        ),
        (
            json!({ "remark": "五个字太多" }),
            json!(5),
            "输入源“/body/remark”映射到值字段“备注”字符串规则校验失败，字符数 5，大于最大值 4".into(),
        ),
        (
            json!({ "remark": "😀" }),
            json!("😀"),
            "输入源“/body/remark”映射到值字段“备注”字符串规则校验失败，字符串不能含有 4 字节的 UTF-8 字符"
                .into(),
        ),
        (
            json!({ "amount": {} }),
            json!(""),
            "输入源“/body/amount/total”映射到字段“总金额”必填性规则校验失败，此字段为必填项".into(),
        ),
        (
            json!({ "amount": { "total": 1, "currency": "XYZ" } }),
            json!("XYZ"),
            "输入源“/body/amount/currency”映射到值字段“货币类型”字符串规则校验失败，取值不在枚举范围内"
                .into(),
        ),
        (
            json!({ "when": "2026-06-08" }),
            json!("2026-06-08"),
            "输入源“/body/when”映射到值字段“时间”字符串规则校验失败，字符串必须是 RFC 3339 格式的时间".into(),
        ),
        (
            json!({ "url": format!("https://h/{}", "p".repeat(256)) }),
            json!(266),
            "输入源“/body/url”映射到值字段“通知地址”字符串规则校验失败，字节数 266，大于最大值 256".into(),
        ),
        (
            json!({ "list": [{ "id": "a" }, { "id": "long one" }] }),
            json!(8),
            "输入源“/body/list/1/id”映射到值字段“编号”字符串规则校验失败，字符数 8，大于最大值 4".into(),
        ),
        (
            json!({ "list": [] }),
            json!(0),
            "输入源“/body/list”映射到数组字段“列表”规则校验失败，元素个数 0，小于最小值 1".into(),
        ),
        (
            json!({ "list": [{ "id": "a" }, { "id": "b" }, { "id": "c" }] }),
            json!(3),
            "输入源“/body/list”映射到数组字段“列表”规则校验失败，元素个数 3，大于最大值 2".into(),
        ),
    ] {
        assert_eq!(refused(&change), Some((268_435_461, value, message)), "{change}");
    }
}

#[test]
fn number_outside_its_range_has_the_documented_result_code() {
    for (total, bound) in
        [(json!(0), "值低于最小值 1"), (json!(-1), "值低于最小值 1"), (json!(101), "值高于最大值 100")]
    {
        let message = format!("输入源“/body/amount/total”映射到数值字段“总金额”规则校验失败，{bound}");
        let change = json!({ "amount": { "total": total } });
        assert_eq!(refused(&change), Some((268_435_464, total, message)));
    }
}

#[test]
fn value_of_another_json_type_is_named_with_the_type_it_should_have() {
    let integer = "合法的 64 位有符号整数";
    for (change, pointer, title, value, needed) in [
        (json!({ "amount": { "total": 0.01 } }), "/amount/total", "总金额", json!(0.01), integer),
        (json!({ "amount": { "total": "1" } }), "/amount/total", "总金额", json!("1"), integer),
        (json!({ "amount": { "total": u64::MAX } }), "/amount/total", "总金额", json!(u64::MAX), integer),
        (json!({ "amount": { "total": 1e30 } }), "/amount/total", "总金额", json!(1e30), integer),
        (json!({ "number": 123_456 }), "/number", "商户订单号", json!(123_456), " string 类型的 Json 值"),
        (json!({ "number": null }), "/number", "商户订单号", Value::Null, " string 类型的 Json 值"),
        (json!({ "flag": "true" }), "/flag", "标识", json!("true"), " bool 类型的 Json 值"),
        (json!({ "amount": [1] }), "/amount", "订单金额", json!(""), " object 类型的 Json 值"),
        (json!({ "list": {} }), "/list", "列表", json!(""), " array 类型的 Json 值"),
    ] {
        let message =
            format!("无法将 JSON 输入源“/body{pointer}”映射到目标字段“{title}”中，此字段需要一个{needed}");
        assert_eq!(refused(&change), Some((268_435_461, value, message)), "{change}");
    }
}

#[test]
fn all_undefined_members_are_listed_after_types_and_before_rules() {
    let undefined = json!({ "appid": "wx", "number": "1", "amount": { "total": 1, "fen": 1 }, "list": [{ "id": "a", "x": 1 }] });
    let pointers = json!(["/body/amount/fen", "/body/list/0/x", "/body/appid"]);
    let message = String::from("请求中含有未在API文档中定义的参数");
    assert_eq!(refused(&undefined), Some((270_924_358, pointers, message)));
    let mistyped = json!({ "appid": "wx", "amount": { "total": 0.01 } });
    assert_eq!(refused(&mistyped).unwrap().1, json!(0.01));
}

#[test]
fn unit_of_open_lengths_follows_the_setting() {
    let body = json!({ "number": "123456", "amount": { "total": 1 }, "description": "汉字。" });
    assert!(check(&body, LengthUnit::Characters).is_ok());
    let refusal = check(&body, LengthUnit::Bytes).err().unwrap().body();
    assert_eq!(refusal["detail"]["value"], 9);
    let rule = "映射到值字段“商品描述”字符串规则校验失败，字节数 9，大于最大值 6";
    assert_eq!(refusal["message"], format!("输入源“/body/description”{rule}"));
}

use super::*;
use crate::v3::{
    fake,
    refund::{
        RefundStatus,
        refund::{Channel, Promotion},
    },
};

fn order() -> OutTradeNo {
    "1217752501201407033233368018".parse().unwrap()
}

fn amount() -> RefundAmount {
    RefundAmount::new(Fen::new(888), Fen::new(1000)).unwrap()
}

fn minimal() -> CreateRefund {
    CreateRefund::new(order(), "1217752501".parse().unwrap(), amount())
}

#[test]
fn a_minimal_refund_has_the_required_fields_only() {
    let (line, body) = fake::drafted(&minimal());
    assert_eq!(line, "POST /v3/refund/domestic/refunds");
    assert_eq!(
        body,
        r#"{"out_trade_no":"1217752501201407033233368018","out_refund_no":"1217752501","amount":{"refund":888,"total":1000,"currency":"CNY"}}"#
    );
}

#[test]
fn a_refund_is_not_notified_to_the_merchants_default_url() {
    let me = fake::builder().notify_url("https://shop.example/orders".parse().unwrap()).build();
    let (_, body) = fake::drafted_by(&me, &minimal()).unwrap();
    assert_eq!(body, fake::drafted(&minimal()).1);
}

#[test]
fn a_full_refund_has_every_field() {
    let number: TransactionId = "4200000000000000000000000001".parse().unwrap();
    let goods = RefundGoods::new("rice-1", Fen::new(444), Fen::new(888), 2).unwrap();
    let goods = goods.wechatpay_goods_id("1001").unwrap().goods_name("大米").unwrap();
    let sources = vec![
        FundsSource::new(FundsAccount::Available, Fen::new(444)),
        FundsSource::new(FundsAccount::Unavailable, Fen::new(444)),
    ];
    let amount = amount().from(sources).unwrap();
    let create = CreateRefund::new(number, "1217752501".parse().unwrap(), amount)
        .party(Party::partner("1900000109".parse().unwrap()))
        .reason("商品已售完")
        .unwrap()
        .notify_url("https://shop.example/refunds".parse().unwrap())
        .funds_account(FundsAccount::Available)
        .goods_detail(vec![goods]);
    let (_, body) = fake::drafted(&create);
    assert_eq!(
        body,
        concat!(
            r#"{"sub_mchid":"1900000109","transaction_id":"4200000000000000000000000001","out_refund_no":"1217752501","#,
            r#""reason":"商品已售完","notify_url":"https://shop.example/refunds","funds_account":"AVAILABLE","#,
            r#""amount":{"refund":888,"from":[{"account":"AVAILABLE","amount":444},{"account":"UNAVAILABLE","amount":444}],"total":1000,"currency":"CNY"},"#,
            r#""goods_detail":[{"merchant_goods_id":"rice-1","wechatpay_goods_id":"1001","goods_name":"大米","unit_price":444,"refund_amount":888,"refund_quantity":2}]}"#,
        )
    );
    assert_eq!(
        create.pending_operation().unwrap().to_string(),
        "v3.refund?out_refund_no=1217752501&sub_mchid=1900000109"
    );
    assert!(!format!("{create:?}").contains("售完"));
}

#[test]
fn an_invalid_refund_is_rejected_with_field_and_rule() {
    let amounts = |refund, total| RefundAmount::new(Fen::new(refund), Fen::new(total)).map(drop);
    let goods = |id, pieces| RefundGoods::new(id, Fen::new(1), Fen::new(1), pieces);
    let reason = |text: &str| minimal().reason(text).map(drop);
    for (result, error) in [
        (amounts(0, 1), "refund must be 1 to 2147483647 fen"),
        (amounts(1, 2_147_483_648), "total must be 1 to 2147483647 fen"),
        (amounts(2, 1), "refund must not exceed total"),
        (reason(""), "reason must be 1 to 80 characters, none beyond U+FFFF"),
        (reason(&"退".repeat(81)), "reason must be 1 to 80 characters, none beyond U+FFFF"),
        (
            amount().from(vec![FundsSource::new(FundsAccount::Available, Fen::new(887))]).map(drop),
            "from must add up to refund",
        ),
        (goods("大米", 1).map(drop), "merchant_goods_id must be 1 to 32 letters, digits, - and _"),
        (goods("rice", 0).map(drop), "refund_quantity must be at least 1"),
        (
            goods("rice", 1).unwrap().wechatpay_goods_id("").map(drop),
            "wechatpay_goods_id must be 1 to 32 characters, none beyond U+FFFF",
        ),
    ] {
        assert_eq!(result.unwrap_err().to_string(), error);
    }
    assert!(reason(&"退".repeat(80)).is_ok());
}

/// Returns a reply with every field.
fn reply_body(out_refund_no: &str, out_trade_no: &str) -> String {
    format!(
        r#"{{"refund_id":"50000000382019052709732678859","out_refund_no":"{out_refund_no}",
            "transaction_id":"4200000000000000000000000001","out_trade_no":"{out_trade_no}","channel":"ORIGINAL",
            "user_received_account":"招商银行信用卡0403","success_time":"2018-06-08T10:34:56+08:00",
            "create_time":"2018-06-08T10:34:50+08:00","status":"SUCCESS","funds_account":"UNSETTLED",
            "amount":{{"total":1000,"refund":888,"from":[{{"account":"AVAILABLE","amount":888}}],"payer_total":900,
            "payer_refund":800,"settlement_refund":888,"settlement_total":1000,"discount_refund":88,"currency":"CNY",
            "refund_fee":2}},"promotion_detail":[{{"promotion_id":"109519","scope":"SINGLE","type":"DISCOUNT",
            "amount":5,"refund_amount":4,"goods_detail":[{{"merchant_goods_id":"rice-1","unit_price":444,
            "refund_amount":888,"refund_quantity":2}}]}}],"a_new_field":{{"x":1}}}}"#
    )
}

#[test]
fn only_a_successful_refund_is_evidence_that_money_went_back() {
    let create = minimal();
    for status in ["PROCESSING", "CLOSED", "ABNORMAL", "PENDING", "success", ""] {
        let reply = reply_body("1217752501", order().as_str()).replace("SUCCESS", status);
        let evidence = fake::read(&create, &reply).ok().and_then(|refund| refund.evidence());
        assert_eq!(evidence, None, "{status}");
    }
}

#[test]
fn a_refund_reply_is_read_in_full() {
    let create = minimal();
    let refund = fake::read(&create, &reply_body("1217752501", order().as_str())).unwrap();
    assert_eq!(refund.status, RefundStatus::Success);
    assert_eq!(refund.evidence().unwrap().refunded().refund(), Fen::new(888));
    assert_eq!(refund.channel, Some(Channel::Original));
    assert_eq!(refund.funds_account, Some(FundsAccount::Unsettled));
    assert_eq!(refund.create_time.unwrap().as_secs(), 1_528_425_290);
    assert_eq!(refund.success_time.unwrap().as_secs(), 1_528_425_296);
    assert_eq!(refund.user_received_account.as_ref().unwrap().as_str(), "招商银行信用卡0403");
    assert_eq!((refund.amount.refund, refund.amount.refund_fee), (Fen::new(888), Some(Fen::new(2))));
    let [Promotion { refund_amount, goods_detail, .. }] = &refund.promotion_detail[..] else {
        panic!("expected one promotion");
    };
    assert_eq!((*refund_amount, goods_detail.len()), (Fen::new(4), 1));
    assert!(!format!("{refund:?}").contains("招商"));
}

#[test]
fn a_reply_for_another_refund_or_payment_is_malformed() {
    let create = minimal();
    for body in
        [reply_body("1217752502", order().as_str()), reply_body("1217752501", "another-order"), "{}".into()]
    {
        let error = fake::read(&create, &body).unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::Malformed);
    }
}

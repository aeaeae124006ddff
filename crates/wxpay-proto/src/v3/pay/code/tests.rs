use super::*;
use crate::{
    error::{ErrorKind, Fate},
    money::Fen,
    v3::{
        Party, fake,
        pay::order::{Goods, LimitPay, Store},
    },
};

fn order() -> Order {
    let order = Order::new("1217752501".parse().unwrap(), Fen::new(100), "大米").unwrap();
    order.appid("wxd678efh567hg6787".parse().unwrap())
}

fn charge(order: Order, store: StoreId) -> Result<CodePayment, InvalidField> {
    CodePayment::new(order, "130061098828009406".parse().unwrap(), store)
}

pub(in crate::v3) fn minimal() -> CodePayment {
    charge(order(), StoreId::out_id("till-1").unwrap()).unwrap()
}

fn partner() -> Party {
    let (sub_mchid, sub_appid) = ("1900000109".parse().unwrap(), "wxd678efh567hg6999".parse().unwrap());
    Party::Partner { sub_mchid, sub_appid: Some(sub_appid) }
}

#[test]
fn a_minimal_code_payment_has_the_required_fields_only() {
    let (line, body) = fake::drafted(&minimal());
    assert_eq!(line, "POST /v3/pay/transactions/codepay");
    assert_eq!(
        body,
        concat!(
            r#"{"appid":"wxd678efh567hg6787","mchid":"1900007291","description":"大米","out_trade_no":"1217752501","#,
            r#""payer":{"auth_code":"130061098828009406"},"amount":{"total":100,"currency":"CNY"},"#,
            r#""scene_info":{"store_info":{"out_id":"till-1"}}}"#,
        )
    );
}

#[test]
fn a_full_partner_code_payment_has_every_field() {
    let goods = Goods::new("rice-1", 2, Fen::new(50)).unwrap();
    let goods = goods.wechatpay_goods_id("1001").unwrap().goods_name("大米").unwrap();
    let detail = Detail::new(vec![goods]).cost_price(Fen::new(120)).invoice_id("A1").unwrap();
    let order = order()
        .party(partner())
        .attach("自定义数据")
        .unwrap()
        .goods_tag("WXG")
        .unwrap()
        .support_fapiao(true)
        .device_id("013467007045764")
        .unwrap()
        .detail(detail)
        .profit_sharing(true);
    let pay = charge(order, StoreId::id("0001").unwrap()).unwrap();
    let (line, body) = fake::drafted(&pay.device_ip("14.23.150.211".parse().unwrap()));
    assert_eq!(line, "POST /v3/pay/partner/transactions/codepay");
    assert_eq!(
        body,
        concat!(
            r#"{"sp_appid":"wxd678efh567hg6787","sp_mchid":"1900007291","sub_appid":"wxd678efh567hg6999","#,
            r#""sub_mchid":"1900000109","description":"大米","out_trade_no":"1217752501","attach":"自定义数据","#,
            r#""goods_tag":"WXG","support_fapiao":true,"payer":{"auth_code":"130061098828009406"},"#,
            r#""amount":{"total":100,"currency":"CNY"},"scene_info":{"device_id":"013467007045764","#,
            r#""device_ip":"14.23.150.211","store_info":{"id":"0001"}},"detail":{"cost_price":120,"#,
            r#""invoice_id":"A1","goods_detail":[{"merchant_goods_id":"rice-1","wxpay_goods_id":"1001","#,
            r#""goods_name":"大米","quantity":2,"unit_price":50}]},"settle_info":{"profit_sharing":true}}"#,
        )
    );
}

#[test]
fn a_code_payment_names_field_and_rule_of_an_error() {
    let url = "https://shop.example/notify".parse().unwrap();
    for (order, field) in [
        (order().detail(Detail::new(Vec::new())), "goods_detail"),
        (order().time_expire(fake::NOW), "time_expire"),
        (order().notify_url(url), "notify_url"),
        (order().limit_pay(vec![LimitPay::NoCredit]), "limit_pay"),
        (order().payer_client_ip([14, 23, 150, 211].into()), "payer_client_ip"),
        (order().store(Store::new("1").unwrap()), "store_info"),
    ] {
        assert_eq!(charge(order, StoreId::id("1").unwrap()).unwrap_err().field(), field);
    }
    let error = StoreId::id("").unwrap_err();
    assert_eq!(error.to_string(), "store_info.id must be 1 to 32 characters, none beyond U+FFFF");
    for text in ["", "13006109 8828009406", "付款码", &"1".repeat(129)] {
        assert_eq!(text.parse::<AuthCode>().unwrap_err().field(), "auth_code");
    }
}

#[test]
fn a_code_payment_prints_neither_code_nor_texts() {
    let printed = format!("{:?} {:?}", minimal(), minimal().auth_code);
    assert!(!printed.contains("130061098828009406") && !printed.contains("大米"), "{printed}");
}

#[test]
fn userpaying_is_a_result_in_every_form() {
    let pay = minimal();
    let transaction = |state: &str| {
        format!(
            r#"{{"appid":"wxd678efh567hg6787","mchid":"1900007291","out_trade_no":"1217752501",
                "trade_state":"{state}","trade_state_desc":"x","amount":{{"total":100}}}}"#
        )
    };
    assert_eq!(fake::read(&pay, &transaction("USERPAYING")).unwrap(), CodePaymentReply::UserPaying);
    for code in ["USERPAYING", "USER_PAYING"] {
        let refusal = Refusal::new(202, Code::from(String::from(code)), "");
        assert_eq!(pay.read_refusal(&refusal), Some(CodePaymentReply::UserPaying));
    }
    assert_eq!(pay.read_refusal(&Refusal::new(403, Code::NOT_ENOUGH, "")), None);
    let CodePaymentReply::Transaction(transaction) = fake::read(&pay, &transaction("PAYERROR")).unwrap()
    else {
        panic!("expected a known outcome");
    };
    assert_eq!(transaction.trade_state, TradeState::PayError);
}

#[test]
fn a_code_payment_refused_as_paid_used_or_invalid_may_have_been_paid() {
    let refused = |code: &str| {
        let (mut harness, signer) = (fake::Harness::new(), fake::SigningKey::public_key());
        let call = fake::merchant().call(minimal());
        let body = format!(r#"{{"code":"{code}","message":"x"}}"#);
        harness.run(call, |_, now| Ok(signer.reply(400, &body, *now))).unwrap_err()
    };
    for code in ["INVALID_REQUEST", "ORDERPAID", "ORDER_PAID", "OUT_TRADE_NO_USED"] {
        let mut error = refused(code);
        assert_eq!(error.fate(), Some(Fate::Unknown), "{code}");
        assert!(error.take_unresolved().unwrap().is_answered(), "{code}");
    }
    for code in ["AUTH_CODE_EXPIRED", "NOT_ENOUGH", "ORDER_CLOSED"] {
        assert_eq!(refused(code).fate(), Some(Fate::Refused), "{code}");
    }
}

#[test]
fn a_code_payment_reply_about_another_order_is_malformed() {
    let pay = minimal();
    for (mchid, number) in [("1900007292", "1217752501"), ("1900007291", "1217752502")] {
        let body = format!(
            r#"{{"mchid":"{mchid}","out_trade_no":"{number}","trade_state":"NOTPAY","amount":{{"total":100}}}}"#
        );
        assert_eq!(fake::read(&pay, &body).unwrap_err().kind(), ErrorKind::Malformed);
    }
}

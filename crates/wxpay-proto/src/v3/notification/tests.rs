use super::*;
use crate::{
    error::ErrorKind,
    v3::{fake, pay::combine::transaction::tests::combined},
};

const TRANSFER: &str = r#"{"out_bill_no":"plfk2020042013","transfer_bill_no":"1330000071100999991182020050700019480001","state":"SUCCESS","mch_id":"1900007291","transfer_amount":2000,"openid":"o-MYE42l80oelYMDE34nYD456Xoy","create_time":"2015-05-20T13:29:35+08:00","update_time":"2015-05-20T13:29:36+08:00"}"#;

#[test]
fn a_combined_payment_is_recognized_by_its_fields() {
    let paid = r#","transaction_id":"4200000000000000000000000001""#;
    let event = |mchid, state, fields| {
        fake::notification("TRANSACTION.SUCCESS", "transaction", &combined(mchid, state, fields)).event()
    };
    let Event::Combine(transaction) = event("1900007291", "SUCCESS", paid).unwrap() else {
        panic!("expected Event::Combine");
    };
    assert_eq!(transaction.evidence().count(), 1);
    assert!(event("1900000109", "SUCCESS", paid).is_err());
    assert!(event("1900007291", "SUCCESS", "").is_err());
}

#[test]
fn a_profit_sharing_event_may_belong_to_another_merchants_payment() {
    let resource = r#"{"sp_mchid":"1900000100","sub_mchid":"1900000109","transaction_id":"4200000000000000000000000001",
            "order_id":"1217752501201407033233368018","out_order_no":"P20150806125346","receiver":{"type":"MERCHANT_ID",
            "account":"1900007291","amount":888,"description":"运费"},"success_time":"2018-06-08T10:34:56+08:00"}"#;
    let event = |event_type| fake::notification(event_type, "profitsharing", resource).event().unwrap();
    let Event::ProfitSharing(notification) = event("PROFITSHARING.SUCCESS") else {
        panic!("expected Event::ProfitSharing")
    };
    assert_eq!((notification.mchid.as_str(), notification.amount.get()), ("1900000100", 888));
    assert_eq!(
        notification.account,
        crate::v3::profitsharing::Account::Merchant("1900007291".parse().unwrap())
    );
    assert_eq!(event("PROFITSHARING.RETURN"), Event::ProfitSharingReturn(notification));
    let without_mchid = resource.replace("sp_mchid", "x");
    assert!(fake::notification("PROFITSHARING.SUCCESS", "profitsharing", &without_mchid).event().is_err());
}

#[test]
fn a_finished_transfer_is_read_by_its_product() {
    let notification = fake::notification("MCHTRANSFER.BILL.FINISHED", "mch_payment", TRANSFER);
    let Event::Transfer(transfer) = notification.event().unwrap() else { panic!("expected Event::Transfer") };
    assert!(transfer.is_paid());
    assert_eq!(transfer.out_bill_no, "plfk2020042013".parse().unwrap());
    let notification = fake::notification("MCHTRANSFER.QQWALLETBILL.FINISHED", "mch_payment", TRANSFER);
    assert_eq!(notification.event().unwrap(), Event::QqTransfer(transfer));
}

#[test]
fn a_confirmed_and_a_closed_authorization_are_read_alike() {
    let confirmed = r#"{"mchid":"1900007291","appid":"wxf636efh567hg4356","out_authorization_no":"plfk2020042013","authorization_id":"165465465465","state":"TAKING_EFFECT","openid":"o-MYE42l80oelYMDE34nYD456Xoy","user_display_name":"wx_123456","authorize_time":"2015-05-20T13:29:35+08:00"}"#;
    let closed = r#"{"out_authorization_no":"plfk2020042013","state":"CLOSED","close_info":{"close_time":"2015-05-20T13:29:36+08:00","close_reason":"USER_CLOSE"}}"#;
    for (event_type, resource, state) in [
        ("MCHTRANSFER.AUTHORIZATION.CONFIRMED", confirmed, "TAKING_EFFECT"),
        ("MCHTRANSFER.AUTHORIZATION.CLOSED", closed, "CLOSED"),
    ] {
        let event = fake::notification(event_type, "mch_payment", resource).event().unwrap();
        let Event::Authorization(authorization) = event else { panic!("expected Event::Authorization") };
        assert_eq!(
            (authorization.out_authorization_no.as_str(), authorization.state.as_str()),
            ("plfk2020042013", state)
        );
    }
}

#[test]
fn an_event_of_another_merchant_is_malformed() {
    for (event_type, original_type, resource) in [
        ("MCHTRANSFER.BILL.FINISHED", "mch_payment", TRANSFER),
        (
            "TRANSACTION.SUCCESS",
            "transaction",
            r#"{"mchid":"1900007291","out_trade_no":"1217752501201407033233368018","trade_state":"NOTPAY"}"#,
        ),
        (
            "MCHTRANSFER.AUTHORIZATION.CLOSED",
            "mch_payment",
            r#"{"mchid":"1900007291","out_authorization_no":"1","state":"CLOSED"}"#,
        ),
    ] {
        assert!(fake::notification(event_type, original_type, resource).event().is_ok());
        let of_another_merchant = resource.replace("1900007291", "1900007292");
        let error = fake::notification(event_type, original_type, &of_another_merchant).event().unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Malformed, None), "{event_type}");
    }
}

#[test]
fn an_event_without_a_type_remains_readable() {
    let resource = r#"{"complaint_id":"200201820200101080076610000","action_type":"CREATE_COMPLAINT"}"#;
    let notification = fake::notification("COMPLAINT.CREATE", "complaint", resource);
    assert_eq!(notification.event().unwrap(), Event::Other);
    assert_eq!(
        (notification.event_type(), notification.original_type()),
        ("COMPLAINT.CREATE", Some("complaint"))
    );
    assert_eq!(notification.resource().bytes(), resource.as_bytes());
    assert!(notification.read::<serde_json::Value>().is_ok());
    assert!(!format!("{notification:?}").contains("200201820200101080076610000"));
}

#[test]
fn a_redelivered_notification_has_the_same_deduplication_key() {
    let notification = |event_type, resource| fake::notification(event_type, "mch_payment", resource);
    let key = notification("MCHTRANSFER.BILL.FINISHED", TRANSFER);
    assert_eq!(key.dedup_key(), notification("MCHTRANSFER.BILL.FINISHED", TRANSFER).dedup_key());
    assert_ne!(key.dedup_key(), notification("MCHTRANSFER.QQWALLETBILL.FINISHED", TRANSFER).dedup_key());
    assert_ne!(key.dedup_key(), notification("MCHTRANSFER.BILL.FINISHED", "{}").dedup_key());
}

#[test]
fn a_refund_event_of_another_merchant_is_rejected() {
    let event = |mchid: &str| {
        let resource = format!(
            r#"{{"mchid":"{mchid}","out_trade_no":"20150806125346","transaction_id":"1008450740201411110005820873",
                "out_refund_no":"7752501","refund_id":"50200207182018070300011301001","refund_status":"ABNORMAL",
                "user_received_account":"支付用户零钱","amount":{{"total":999,"refund":999}}}}"#
        );
        fake::notification("REFUND.ABNORMAL", "refund", &resource).event()
    };
    assert!(
        matches!(event("1900007291"), Ok(Event::Refund(refund)) if refund.amount.refund == refund.amount.total)
    );
    let error = event("1900000109").unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Malformed, None));
}

const PAID: &str = r#"{"mchid":"1900007291","out_trade_no":"1217752501201407033233368018","trade_state":"SUCCESS",
    "transaction_id":"4200000000000000000000000001","success_time":"2018-06-08T10:34:56+08:00","amount":{"total":100}}"#;

/// Reads a `TRANSACTION.SUCCESS` with this `original_type`, or without one.
fn payment_event(original_type: Option<serde_json::Value>, resource: &str) -> Result<Event, Error> {
    let body = fake::envelope(fake::API_V3_KEY, "TRANSACTION.SUCCESS", "transaction", resource);
    let mut body: serde_json::Value = serde_json::from_str(&body).unwrap();
    match original_type {
        Some(original_type) => body["resource"]["original_type"] = original_type,
        None => drop(body["resource"].as_object_mut().unwrap().remove("original_type")),
    }
    let raw = fake::SigningKey::public_key().notification(&body.to_string(), fake::NOW);
    let verify = fake::merchant().verify_notification(raw);
    fake::Harness::new().run(verify, |_, _| panic!("expected no request")).unwrap().event()
}

#[test]
fn a_payment_is_recognized_by_its_members_whatever_its_original_type() {
    let paid = r#","transaction_id":"4200000000000000000000000001""#;
    let combined = combined("1900007291", "SUCCESS", paid);
    let shared = r#"{"mchid":"1900000100","transaction_id":"4200000000000000000000000001","order_id":"1","out_order_no":"P1",
        "receiver":{"type":"MERCHANT_ID","account":"1900007291","amount":888}}"#;
    let types = ["null", r#""""#, r#""profitsharing""#, r#""transaction""#, r#""x""#, "7", "[{}]"];
    let types = types.map(|text| Some(serde_json::from_str::<serde_json::Value>(text).unwrap()));
    for original_type in types.into_iter().chain([None]) {
        let event = |resource| payment_event(original_type.clone(), resource).unwrap();
        assert!(matches!(event(PAID), Event::Transaction(order) if order.evidence().is_some()));
        assert!(matches!(event(&combined), Event::Combine(order) if order.evidence().count() == 1));
        assert!(matches!(event(shared), Event::ProfitSharing(shared) if shared.amount.get() == 888));
    }
}

#[test]
fn a_payment_that_cannot_be_read_is_an_error_that_names_the_member() {
    // A payment of the parking product has no `transaction_id` in other people's samples.
    let parking = r#"{"sp_mchid":"1900007291","out_trade_no":"20150806125346","trade_state":"SUCCESS","amount":{"total":1},
        "success_time":"2018-06-08T10:34:56+08:00","parking_info":{"parking_id":"5K8264ILTKCH16CQ250"}}"#;
    for (resource, cause) in [
        (parking, "transaction_id: is missing"),
        ("{}", "out_trade_no: is missing"),
        ("[]", "the JSON text: must be an object"),
        (
            &PAID.replace(r#"{"total":100}"#, r#"{"total":"100"}"#),
            "amount.total: must be a whole number of fen, not negative",
        ),
        (
            &PAID.replace(r#"{"total":100}"#, r#"{"total":100,"payer_total":101}"#),
            "amount.payer_total: must not exceed total",
        ),
        (
            &PAID.replace(r#"{"total":100}"#, r#"{"total":100,"payer_total":"99"}"#),
            "amount.payer_total: must be a whole number of fen, not negative",
        ),
        (
            &PAID.replace("2018-06-08T10:34:56+08:00", "0000"),
            "success_time: must be a time of the form 2018-06-08T10:34:56+08:00",
        ),
        (&combined("1900007291", "SUCCESS", ""), "sub_orders[0].transaction_id: is missing"),
        (r#"{"out_order_no":"P1"}"#, "transaction_id: is missing"),
    ] {
        let error = payment_event(None, resource).unwrap_err();
        assert_eq!(core::error::Error::source(&error).unwrap().to_string(), cause);
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Malformed, None));
    }
}

#[test]
fn an_empty_or_misshapen_optional_member_is_absent() {
    let members = r#","payer":{"sp_openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o","sub_openid":""},"promotion_detail":[{"amount":1,
        "goods_detail":null},7],"attach":null,"bank_type":{},"scene_info":[],"device":1}"#;
    let resource = PAID.strip_suffix('}').unwrap().to_owned() + members;
    let Event::Transaction(order) = payment_event(None, &resource).unwrap() else {
        panic!("expected an order")
    };
    assert!(order.openid.is_some() && order.sub_openid.is_none() && order.bank_type.is_none());
    assert_eq!((order.promotion_detail.len(), order.promotion_detail[0].goods_detail.len()), (1, 0));
    let repeated = PAID.replace("{\"total\":100}", r#"{"total":100,"total":1}"#);
    let error = payment_event(None, &repeated).unwrap_err();
    assert!(core::error::Error::source(&error).unwrap().to_string().starts_with("JSON repeats a member"));
}

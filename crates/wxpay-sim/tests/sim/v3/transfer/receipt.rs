//! Receipts: apply, generate, download.

use super::make;
use crate::v3::shop::{BASE, ParsedReply, Shop};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use wxpay_proto::{http::Method, wire::time::format_rfc3339};
use wxpay_sim::ledger::v3::ReceiptState;

const RECEIPTS: &str = "/v3/fund-app/mch-transfer/elecsign";

/// Returns a shop with a transfer to a named payee, and WeChat Pay's number of the transfer.
fn paid(number: &str) -> (Shop, String) {
    let mut shop = Shop::open();
    shop.wechatpay_serial = Some(shop.public_key_id());
    let named = json!({ "user_name": shop.sealed("张三") });
    let id = make(&mut shop, number, &named).body["transfer_bill_no"].as_str().unwrap().to_owned();
    confirm(&mut shop, number);
    (shop, id)
}

fn confirm(shop: &mut Shop, number: &str) {
    let mchid = shop.me.mchid().clone();
    assert!(shop.gateway.confirm_transfer(&mchid, &number.parse().unwrap(), shop.now));
}

fn apply(shop: &mut Shop, number: &str) -> ParsedReply {
    shop.post(&format!("{RECEIPTS}/out-bill-no"), &json!({ "out_bill_no": number }))
}

fn query(shop: &mut Shop, number: &str) -> ParsedReply {
    shop.get(&format!("{RECEIPTS}/out-bill-no/{number}"))
}

fn target(said: &ParsedReply) -> String {
    said.body["download_url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned()
}

fn download(shop: &mut Shop, target: &str) -> Vec<u8> {
    let request = shop.request(Method::Get, target, "");
    let reply = shop.reply(&request);
    assert_eq!((reply.status(), reply.header("wechatpay-signature")), (200, None));
    reply.body().to_vec()
}

#[test]
fn receipt_is_requested_and_downloaded_by_either_number() {
    let (mut shop, id) = paid("T1");
    let asked = format_rfc3339(shop.now);
    let generating = json!({ "state": "GENERATING", "create_time": asked });
    assert_eq!(apply(&mut shop, "T1").body, generating);
    shop.wait(2);
    let by_id = shop.post(&format!("{RECEIPTS}/transfer-bill-no"), &json!({ "transfer_bill_no": id }));
    assert_eq!(by_id.body, generating, "both numbers return the same receipt");
    let early = json!({ "state": "GENERATING", "create_time": asked, "update_time": asked });
    assert_eq!(query(&mut shop, "T1").body, early);
    shop.wait(1);
    let said = shop.get(&format!("{RECEIPTS}/transfer-bill-no/{id}"));
    assert_eq!((&said.body["state"], &said.body["hash_type"]), (&json!("FINISHED"), &json!("SHA256")));
    assert_eq!(
        (&said.body["create_time"], &said.body["update_time"]),
        (&json!(asked), &json!(format_rfc3339(shop.now)))
    );
    let file = download(&mut shop, &target(&said));
    assert_eq!(said.body["hash_value"], hex::encode(digest(&SHA256, &file)));
    let text = String::from_utf8(file).unwrap();
    assert!(text.starts_with("%PDF-1.4\n") && text.ends_with("%%EOF\n"));
    let units =
        |text: &str| hex::encode_upper(text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>());
    for line in [format!("微信转账单号 {id}"), "收款人 张三".into(), "金额 10.00 元".into()] {
        assert!(text.contains(&format!("<{}> Tj", units(&line))), "{line}");
    }
    let again = query(&mut shop, "T1");
    assert_eq!(again.body["hash_value"], said.body["hash_value"], "the file is reproducible");
    assert_ne!(again.body["download_url"], said.body["download_url"]);
    let mchid = shop.me.mchid().clone();
    let record = shop.gateway.transfer(&mchid, &"T1".parse().unwrap(), shop.now).unwrap();
    assert_eq!(record.receipt.unwrap().state, ReceiptState::Finished);
}

#[test]
fn receipt_url_works_for_ten_minutes_on_its_own_path() {
    let (mut shop, _) = paid("T1");
    apply(&mut shop, "T1");
    shop.wait(3);
    let said = query(&mut shop, "T1");
    let target = target(&said);
    shop.wait(599);
    download(&mut shop, &target);
    let bill = target.replace("/v3/transferdownload/signfile", "/v3/billdownload/file");
    assert_eq!(shop.get(&bill).refusal(), (400, "INVALID_REQUEST", 268_435_461));
    shop.wait(1);
    assert_eq!(shop.get(&target).refusal(), (400, "INVALID_REQUEST", 268_435_461));
    let target = self::target(&query(&mut shop, "T1"));
    download(&mut shop, &target);
}

#[test]
fn receipt_requires_a_recent_named_successful_transfer() {
    let (mut shop, _) = paid("T1");
    make(&mut shop, "T2", &json!({}));
    let refused = |said: &ParsedReply, message: &str| {
        assert_eq!(said.refusal(), (400, "INVALID_REQUEST", 268_435_461));
        assert_eq!(said.body["message"], message);
    };
    refused(&apply(&mut shop, "T2"), "仅支持付款成功的转账单据申请电子回单");
    confirm(&mut shop, "T2");
    refused(&apply(&mut shop, "T2"), "仅支持传入姓名的转账单据申请电子回单");
    for said in [apply(&mut shop, "T3"), query(&mut shop, "T1"), query(&mut shop, "T3")] {
        assert_eq!(said.refusal(), (404, "NOT_FOUND", 268_512_771));
    }
    let by_id = shop.post(&format!("{RECEIPTS}/transfer-bill-no"), &json!({ "transfer_bill_no": "1" }));
    assert_eq!((by_id.status, shop.get(&format!("{RECEIPTS}/transfer-bill-no/1")).status), (404, 404));
    let field: Value = apply(&mut shop, "T-1").body["detail"]["field"].clone();
    assert_eq!(field, "/out_bill_no");
    shop.wait(183 * 86_400);
    assert_eq!(apply(&mut shop, "T1").status, 200, "183 days count as six months");
    shop.wait(3 + 90 * 86_400);
    assert_eq!(query(&mut shop, "T1").body["state"], "FINISHED");
    shop.wait(1);
    assert_eq!(query(&mut shop, "T1").status, 404, "a receipt is kept for 90 days");
    refused(&apply(&mut shop, "T1"), "仅支持六个月内的转账单据申请电子回单");
}

#[test]
fn failed_receipt_shows_its_reason_and_can_be_requested_again() {
    let (mut shop, _) = paid("T1");
    let (mchid, number) = (shop.me.mchid().clone(), "T1".parse().unwrap());
    assert!(!shop.gateway.fail_receipt(&mchid, &number, "系统异常", shop.now), "no receipt was requested");
    apply(&mut shop, "T1");
    assert!(shop.gateway.fail_receipt(&mchid, &number, "系统异常", shop.now));
    shop.wait(3);
    let failed = query(&mut shop, "T1").body;
    assert_eq!((&failed["state"], &failed["fail_reason"]), (&json!("FAILED"), &json!("系统异常")));
    assert_eq!(failed.get("download_url"), None);
    assert_eq!(apply(&mut shop, "T1").body["state"], "GENERATING");
    shop.wait(3);
    assert_eq!(query(&mut shop, "T1").body["state"], "FINISHED");
    assert!(!shop.gateway.fail_receipt(&mchid, &number, "系统异常", shop.now), "the receipt is finished");
}

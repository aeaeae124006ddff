//! Receipts: apply, generate, download.

use super::create;
use crate::v3::shop::{BASE, ParsedReply, Shop};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;
use wxpay_proto::{http::Method, wire::time::format_rfc3339};
use wxpay_sim::ledger::ReceiptState;

const RECEIPTS: &str = "/v3/fund-app/mch-transfer/elecsign";

/// Returns a shop with a transfer to a named payee, and WeChat Pay's number of the transfer.
fn shop_with_transfer(number: &str) -> (Shop, String) {
    let mut shop = Shop::open();
    shop.wechatpay_serial = Some(shop.public_key_id());
    let with_name = json!({ "user_name": shop.encrypt("张三") });
    let id = create(&mut shop, number, &with_name).body["transfer_bill_no"].as_str().unwrap().to_owned();
    confirm(&mut shop, number);
    (shop, id)
}

fn confirm(shop: &mut Shop, number: &str) {
    let mchid = shop.merchant.mchid().clone();
    assert!(shop.gateway.confirm_transfer(&mchid, &number.parse().unwrap(), shop.now));
}

fn apply(shop: &mut Shop, number: &str) -> ParsedReply {
    shop.post(&format!("{RECEIPTS}/out-bill-no"), &json!({ "out_bill_no": number }))
}

fn query(shop: &mut Shop, number: &str) -> ParsedReply {
    shop.get(&format!("{RECEIPTS}/out-bill-no/{number}"))
}

fn download_target(reply: &ParsedReply) -> String {
    reply.body["download_url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned()
}

fn download(shop: &mut Shop, target: &str) -> Vec<u8> {
    let request = shop.request(Method::Get, target, "");
    let reply = shop.reply(&request);
    assert_eq!((reply.status(), reply.header("wechatpay-signature")), (200, None));
    reply.body().to_vec()
}

#[test]
fn receipt_is_requested_and_downloaded_by_either_number() {
    let (mut shop, id) = shop_with_transfer("T1");
    let created_at = format_rfc3339(shop.now);
    let generating = json!({ "state": "GENERATING", "create_time": created_at });
    assert_eq!(apply(&mut shop, "T1").body, generating);
    shop.wait(2);
    let by_id = shop.post(&format!("{RECEIPTS}/transfer-bill-no"), &json!({ "transfer_bill_no": id }));
    assert_eq!(by_id.body, generating, "both numbers return the same receipt");
    let pending = json!({ "state": "GENERATING", "create_time": created_at, "update_time": created_at });
    assert_eq!(query(&mut shop, "T1").body, pending);
    shop.wait(1);
    let reply = shop.get(&format!("{RECEIPTS}/transfer-bill-no/{id}"));
    assert_eq!((&reply.body["state"], &reply.body["hash_type"]), (&json!("FINISHED"), &json!("SHA256")));
    assert_eq!(
        (&reply.body["create_time"], &reply.body["update_time"]),
        (&json!(created_at), &json!(format_rfc3339(shop.now)))
    );
    let file = download(&mut shop, &download_target(&reply));
    assert_eq!(reply.body["hash_value"], hex::encode(digest(&SHA256, &file)));
    let text = String::from_utf8(file).unwrap();
    assert!(text.starts_with("%PDF-1.4\n") && text.ends_with("%%EOF\n"));
    let units =
        |text: &str| hex::encode_upper(text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>());
    for line in [format!("微信转账单号 {id}"), "收款人 张三".into(), "金额 10.00 元".into()] {
        assert!(text.contains(&format!("<{}> Tj", units(&line))), "{line}");
    }
    let again = query(&mut shop, "T1");
    assert_eq!(again.body["hash_value"], reply.body["hash_value"], "the file is reproducible");
    assert_ne!(again.body["download_url"], reply.body["download_url"]);
    let mchid = shop.merchant.mchid().clone();
    let record = shop.gateway.transfer(&mchid, &"T1".parse().unwrap(), shop.now).unwrap();
    assert_eq!(record.receipt.unwrap().state, ReceiptState::Finished);
}

#[test]
fn receipt_url_works_for_ten_minutes_on_its_own_path() {
    let (mut shop, _) = shop_with_transfer("T1");
    apply(&mut shop, "T1");
    shop.wait(3);
    let reply = query(&mut shop, "T1");
    let download_target = download_target(&reply);
    shop.wait(599);
    download(&mut shop, &download_target);
    let bill = download_target.replace("/v3/transferdownload/signfile", "/v3/billdownload/file");
    assert_eq!(shop.get(&bill).refusal(), (400, "INVALID_REQUEST", 268_435_461));
    shop.wait(1);
    assert_eq!(shop.get(&download_target).refusal(), (400, "INVALID_REQUEST", 268_435_461));
    let download_target = self::download_target(&query(&mut shop, "T1"));
    download(&mut shop, &download_target);
}

#[test]
fn receipt_requires_a_recent_named_successful_transfer() {
    let (mut shop, _) = shop_with_transfer("T1");
    create(&mut shop, "T2", &json!({}));
    let assert_refused = |reply: &ParsedReply, message: &str| {
        assert_eq!(reply.refusal(), (400, "INVALID_REQUEST", 268_435_461));
        assert_eq!(reply.body["message"], message);
    };
    assert_refused(&apply(&mut shop, "T2"), "仅支持付款成功的转账单据申请电子回单");
    confirm(&mut shop, "T2");
    assert_refused(&apply(&mut shop, "T2"), "仅支持传入姓名的转账单据申请电子回单");
    for reply in [apply(&mut shop, "T3"), query(&mut shop, "T1"), query(&mut shop, "T3")] {
        assert_eq!(reply.refusal(), (404, "NOT_FOUND", 268_512_771));
    }
    let by_id = shop.post(&format!("{RECEIPTS}/transfer-bill-no"), &json!({ "transfer_bill_no": "1" }));
    assert_eq!((by_id.status, shop.get(&format!("{RECEIPTS}/transfer-bill-no/1")).status), (404, 404));
    assert_eq!(apply(&mut shop, "T-1").field(), "/body/out_bill_no");
    shop.wait(183 * 86_400);
    assert_eq!(apply(&mut shop, "T1").status, 200, "183 days count as six months");
    shop.wait(3 + 90 * 86_400);
    assert_eq!(query(&mut shop, "T1").body["state"], "FINISHED");
    shop.wait(1);
    assert_eq!(query(&mut shop, "T1").status, 404, "a receipt is kept for 90 days");
    assert_refused(&apply(&mut shop, "T1"), "仅支持六个月内的转账单据申请电子回单");
}

#[test]
fn failed_receipt_shows_its_reason_and_can_be_requested_again() {
    let (mut shop, _) = shop_with_transfer("T1");
    let (mchid, number) = (shop.merchant.mchid().clone(), "T1".parse().unwrap());
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

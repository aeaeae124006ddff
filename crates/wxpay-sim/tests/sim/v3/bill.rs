//! Bills: request, download, check the totals.

use super::shop::{BASE, NOTIFY, ParsedReply, Shop, bare};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest::{SHA1_FOR_LEGACY_USE_ONLY, digest},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use serde_json::json;
use std::io::Read as _;
use wxpay_proto::{Fen, http::Method};
use wxpay_sim::{gateway::Payer, settings::GzipPlace};

/// 2026-05-29 in China, 04:26:40: `date -d @1780000000`.
const DAY: &str = "2026-05-29";

/// Creates a shop after a day with two payments and a refund. The time is past ten o'clock of the next day.
fn shop_with_trades() -> Shop {
    let mut shop = Shop::open();
    let sub_mchid = shop.merchant.sub_merchants().first_key_value().unwrap().0.to_string();
    let goods = shop.goods_with("A12345", &json!({ "attach": "a,b", "description": "米" }));
    shop.post("/v3/pay/transactions/native", &goods);
    let partner_order = json!({ "sp_appid": shop.appid(), "sp_mchid": shop.mchid(), "sub_mchid": sub_mchid,
        "description": "面", "out_trade_no": "B12345", "notify_url": NOTIFY, "amount": { "total": 10_000 } });
    shop.post("/v3/pay/partner/transactions/native", &partner_order);
    shop.pay_as("A12345", &Payer::default().with_discount(Fen::new(99)));
    shop.pay("B12345");
    let refund = json!({ "out_trade_no": "A12345", "out_refund_no": "R1",
        "amount": { "refund": 1000, "total": 1999, "currency": "CNY" } });
    assert_eq!(shop.post("/v3/refund/domestic/refunds", &refund).status, 200);
    shop.wait(3600);
    shop.due();
    // Until 10:00 of the 30th.
    shop.wait(86_400 + 5 * 3600 + 1999 - 3600 + 1);
    shop
}

fn request_bill(shop: &mut Shop, more: &str) -> ParsedReply {
    shop.get(&format!("/v3/bill/{more}"))
}

/// Downloads the file of a bill. The reply has no signature.
fn download(shop: &mut Shop, url: &str) -> Vec<u8> {
    let target = url.strip_prefix(BASE).unwrap().to_owned();
    let request = shop.request(Method::Get, &target, "");
    let reply = shop.reply(&request);
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.header("wechatpay-signature"), None);
    reply.body().to_vec()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut content).unwrap();
    content
}

fn bill(shop: &mut Shop, more: &str) -> String {
    bill_at(shop, &format!("/v3/bill/{more}"))
}

/// Requests and downloads a bill and checks its digest.
pub(super) fn bill_at(shop: &mut Shop, target: &str) -> String {
    let reply = shop.get(target);
    assert_eq!((reply.status, &reply.body["hash_type"]), (200, &json!("SHA1")), "{reply:?}");
    let bytes = download(shop, reply.body["download_url"].as_str().unwrap());
    assert_eq!(reply.body["hash_value"], hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes)));
    String::from_utf8(bytes).unwrap()
}

#[test]
fn trade_bill_lists_payments_and_refunds() {
    let mut shop = shop_with_trades();
    let csv = bill(&mut shop, &format!("tradebill?bill_date={DAY}"));
    let lines: Vec<&str> = csv.split("\r\n").collect();
    let [header, first, second, third, summary_header, summary, ""] = lines.as_slice() else {
        panic!("{csv}")
    };
    let columns: Vec<&str> = header.split(',').collect();
    let cell = |line: &str, column: &str| {
        let at = columns.iter().position(|name| *name == column).unwrap();
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), columns.len(), "{line}");
        cells[at].strip_prefix('`').unwrap().to_owned()
    };
    assert_eq!(cell(first, "商户订单号"), "A12345");
    assert_eq!(cell(first, "特约商户号"), "0");
    assert_eq!(cell(first, "应结订单金额"), "19.99");
    assert_eq!(cell(first, "代金券金额"), "0.99");
    assert_eq!(cell(first, "商户数据包"), "a b");
    assert_eq!(cell(first, "手续费"), "0.12");
    assert_eq!(cell(first, "交易时间"), "2026-05-29 04:26:40");
    assert_eq!(
        cell(second, "特约商户号"),
        shop.merchant.sub_merchants().first_key_value().unwrap().0.as_str()
    );
    assert_eq!(cell(second, "手续费"), "0.60");
    let refund = shop.record("A12345").refunds[0].clone();
    assert_eq!((cell(third, "交易状态"), cell(third, "退款状态")), ("REFUND".into(), "SUCCESS".into()));
    assert_eq!(cell(third, "微信退款单号"), refund.refund_id.as_str());
    assert_eq!((cell(third, "退款金额"), cell(third, "手续费")), ("10.00".into(), "-0.06".into()));
    assert!(summary_header.starts_with("总交易单数,"));
    assert_eq!(*summary, "`3,`119.99,`10.00,`0.00,`0.66,`119.99,`10.00");

    let payments = bill(&mut shop, &format!("tradebill?bill_date={DAY}&bill_type=SUCCESS"));
    assert_eq!(payments.lines().count(), 5);
    let refunds = bill(&mut shop, &format!("tradebill?bill_date={DAY}&bill_type=REFUND"));
    assert_eq!(refunds.lines().count(), 4);
    let sub_mchid = shop.merchant.sub_merchants().first_key_value().unwrap().0.clone();
    let sub_merchant_bill = bill(&mut shop, &format!("tradebill?bill_date={DAY}&sub_mchid={sub_mchid}"));
    assert!(sub_merchant_bill.contains("`B12345") && !sub_merchant_bill.contains("`A12345"));
}

#[test]
fn fund_flow_bill_ends_at_the_account_balance() {
    let mut shop = shop_with_trades();
    let csv = bill(&mut shop, &format!("fundflowbill?bill_date={DAY}&account_type=BASIC"));
    let lines: Vec<&str> = csv.lines().collect();
    let [_, income, fee, refund, _, summary] = lines.as_slice() else { panic!("{csv}") };
    let cells = |line: &str| line.split(',').map(String::from).collect::<Vec<_>>()[5..8].join(" ");
    assert_eq!(cells(income), "`收入 `19.99 `19.99");
    assert_eq!(cells(fee), "`支出 `0.12 `19.87");
    assert_eq!(cells(refund), "`支出 `9.94 `9.93");
    assert_eq!(*summary, "`3,`1,`19.99,`2,`10.06");
    let none = request_bill(&mut shop, &format!("fundflowbill?bill_date={DAY}&account_type=FEES"));
    assert_eq!(none.refusal(), (400, "NO_STATEMENT_EXIST", 268_435_461));
}

#[test]
fn bill_digest_is_over_the_uncompressed_content() {
    let mut shop = shop_with_trades();
    let uncompressed = bill(&mut shop, &format!("tradebill?bill_date={DAY}"));
    let reply = request_bill(&mut shop, &format!("tradebill?bill_date={DAY}&tar_type=GZIP"));
    let url = reply.body["download_url"].as_str().unwrap();
    // v3.md 17.11
    assert!(url.ends_with("&tartype=gzip"), "{url}");
    let target = url.strip_prefix(BASE).unwrap();
    let request = shop.request(Method::Get, target, "");
    assert_eq!(shop.reply(&request).header("content-type"), Some(&b"application/x-gzip"[..]));
    // The end of the URL is signed like the rest.
    let unsigned_end = shop.authorization(Method::Get, target.strip_suffix("&tartype=gzip").unwrap(), "");
    let refused = shop.reply(&bare(Method::Get, target, "").with_header("authorization", unsigned_end));
    assert_eq!(refused.status(), 401);
    let compressed = download(&mut shop, url);
    let csv = gunzip(&compressed);
    assert_eq!(csv, uncompressed.as_bytes());
    assert_eq!(reply.body["hash_value"], hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &csv)));
}

#[test]
fn sub_merchant_bill_is_encrypted_for_the_partner() {
    let mut shop = shop_with_trades();
    let sub_mchid = shop.merchant.sub_merchants().first_key_value().unwrap().0.clone();
    let target = format!(
        "sub-merchant-fundflowbill?bill_date={DAY}&sub_mchid={sub_mchid}&account_type=BASIC&algorithm=AEAD_AES_256_GCM"
    );
    for (place, is_compressed) in [
        (GzipPlace::InsideCipher, false),
        (GzipPlace::InsideCipher, true),
        // WxJava#3619
        (GzipPlace::OutsideCipher, true),
    ] {
        shop.gateway.settings_mut().v3.sub_merchant_bill_gzip = place;
        let end = if is_compressed { "&tar_type=GZIP" } else { "" };
        let body = request_bill(&mut shop, &format!("{target}{end}")).body;
        assert_eq!(body["download_bill_count"], 1);
        let file = &body["download_bill_list"][0];
        let bytes = download(&mut shop, file["download_url"].as_str().unwrap());
        let is_outside = place == GzipPlace::OutsideCipher;
        let mut bytes = if is_outside { gunzip(&bytes) } else { bytes };
        let ciphertext = STANDARD.decode(file["encrypt_key"].as_str().unwrap()).unwrap();
        let key = shop.merchant.api_keys()[0].key_pair.open(&ciphertext).unwrap();
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(file["nonce"].as_str().unwrap().as_bytes()).unwrap();
        let content = key.open_in_place(nonce, Aad::empty(), &mut bytes).unwrap().to_vec();
        let content = if is_compressed && !is_outside { gunzip(&content) } else { content };
        assert_eq!(file["hash_value"], hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &content)));
        let csv = std::str::from_utf8(&content).unwrap();
        assert!(csv.contains("`100.00,`100.00") && csv.contains("`B12345") && !csv.contains("`A12345"));
    }
}

#[test]
fn bill_is_available_from_ten_the_next_day_for_three_months() {
    let mut shop = shop_with_trades();
    for (date, refusal) in [
        ("2026-05-28", (400, "NO_STATEMENT_EXIST")),
        ("2026-05-30", (400, "INVALID_REQUEST")),
        ("2026-02-28", (400, "INVALID_REQUEST")),
        ("2026-02-30", (400, "INVALID_REQUEST")),
        ("20260529", (400, "INVALID_REQUEST")),
    ] {
        let reply = request_bill(&mut shop, &format!("tradebill?bill_date={date}"));
        assert_eq!((reply.status, reply.code()), refusal, "{date}");
    }
    shop.now = shop.now.before(std::time::Duration::from_secs(2));
    let reply = request_bill(&mut shop, &format!("tradebill?bill_date={DAY}"));
    assert_eq!((reply.status, reply.code()), (400, "STATEMENT_CREATING"));
    shop.gateway.settings_mut().v3.bill_delay = std::time::Duration::ZERO;
    assert_eq!(request_bill(&mut shop, &format!("tradebill?bill_date={DAY}")).status, 200);
    shop.wait(93 * 86_400);
    let reply = request_bill(&mut shop, &format!("tradebill?bill_date={DAY}"));
    assert_eq!((reply.status, reply.code()), (400, "INVALID_REQUEST"));
}

#[test]
fn bill_url_works_for_its_requester_for_five_minutes() {
    let mut shop = shop_with_trades();
    let reply = request_bill(&mut shop, &format!("tradebill?bill_date={DAY}"));
    let target = reply.body["download_url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    let unsigned = shop.send(&bare(Method::Get, &target, ""));
    assert_eq!(unsigned.refusal().1, "SIGN_ERROR");
    let other = shop.gateway.new_merchant();
    let (now, serial) = (shop.now.as_secs(), other.api_keys()[0].certificate.serial().clone());
    let signature = other.api_keys()[0].key_pair.sign(format!("GET\n{target}\n{now}\nn\n\n").as_bytes());
    let authorization = format!(
        "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"n\",signature=\"{}\",timestamp=\"{now}\",serial_no=\"{serial}\"",
        other.mchid(),
        STANDARD.encode(signature),
    );
    let request = bare(Method::Get, &target, "").with_header("authorization", authorization);
    assert_eq!(shop.reply(&request).status(), 403);
    shop.wait(299);
    download(&mut shop, &format!("{BASE}{target}"));
    shop.wait(1);
    assert_eq!(shop.get(&target).refusal(), (400, "INVALID_REQUEST", 268_435_461));
    assert_eq!(shop.get("/v3/billdownload/file?token=x").refusal().0, 400);
}

//! Bills: requested, downloaded, checked by their digest, and compared with the day's trades.

use super::{number, refund_of, shop::Shop};
use std::collections::BTreeMap;
use wxpay_proto::{
    Error, ErrorKind, Fen,
    exchange::{Reply, Transmit},
    http::Response,
    id::OutOrderNo,
    v3::{
        BillFile, Party,
        bill::{
            AccountType, BillDate, BillReply, BillType, FundFlowBill, ProfitSharingBill, SealedPart,
            SubMerchantFundFlowBill, TradeBill,
        },
        pay::NativeOrder,
        profitsharing::{
            Account, AddReceiver, CreateProfitSharing, ReceiverAmount, RelationType, Remainder, ReturnAmount,
            ReturnProfitSharing,
        },
    },
    wire::bill::{Line, Reader, SignedAmount},
};
use wxpay_testkit::drive::Network as _;

/// Opens a shop and lets it trade for a day: three paid orders (two of a sub-merchant), a profit sharing with a return,
/// and a refund. Returns the day, at noon of the next one.
fn shop_with_trades() -> (Shop, BillDate) {
    let mut shop = Shop::open();
    let day = BillDate::of(shop.driver.now);
    let party = shop.partner();
    let mut transaction_ids = Vec::new();
    for (serial, fen, party) in [(1, 1999, Party::Direct), (2, 10_000, party.clone()), (3, 50, party.clone())]
    {
        let order =
            shop.order(&number(serial), fen).party(party).attach("a,`b").unwrap().profit_sharing(serial == 2);
        shop.call(NativeOrder::new(order));
        transaction_ids.push(shop.pay(&number(serial)));
    }
    let supplier = Account::Merchant("1900000109".parse().unwrap());
    let add = AddReceiver::new(supplier.clone(), RelationType::Supplier).unwrap();
    let add = add.appid(shop.appid()).party(party.clone());
    shop.call(add.name(super::shop::sensitive("某某")));
    shop.wait(60);
    let out_order_no: OutOrderNo = "P1".parse().unwrap();
    let receivers = vec![ReceiverAmount::new(supplier, Fen::new(1500), "货款").unwrap()];
    let (payment, remainder) = (transaction_ids[1].clone(), Remainder::KeepFrozen);
    let create = CreateProfitSharing::new(payment, out_order_no.clone(), receivers, remainder).unwrap();
    shop.call(create.appid(shop.appid()).party(party.clone()));
    shop.wait(10);
    let amount = ReturnAmount::new("1900000109".parse().unwrap(), Fen::new(250), "退货").unwrap();
    let create_return = ReturnProfitSharing::new(out_order_no, "R1".parse().unwrap(), amount);
    shop.call(create_return.party(party));
    shop.call(refund_of(number(1), "F1", 1000, 1999));
    shop.receive_notifications();
    shop.wait_for_bills();
    (shop, day)
}

fn ready<S>(reply: BillReply<S>) -> S {
    match reply {
        BillReply::Ready(bill) => bill,
        BillReply::Generating | BillReply::NoData => panic!("the bill must be ready"),
    }
}

fn yuan(fen: u64) -> SignedAmount {
    SignedAmount::Positive(Fen::new(fen))
}

/// Returns the cells of two columns, for every row; and the summary.
fn read(text: &str, name: &str, amount: &str) -> (Vec<(String, SignedAmount)>, BTreeMap<String, String>) {
    let (mut reader, mut rows, mut sums) = (Reader::new(), Vec::new(), BTreeMap::new());
    // In pieces, as from a network.
    for piece in text.as_bytes().chunks(100) {
        reader.push(piece);
        while let Some(line) = reader.next_line().unwrap() {
            match line {
                Line::Row(row) => {
                    let amount = row.amount(amount).unwrap().unwrap();
                    rows.push((row.cell(name).unwrap().to_owned(), amount));
                }
                Line::Summary(sum) => {
                    sums.extend(sum.columns().map(String::from).zip(sum.cells().map(String::from)));
                }
            }
        }
    }
    assert!(reader.finish().unwrap().is_none());
    (rows, sums)
}

/// Compares all bills of the day, plain and gzipped, with the trades.
pub(super) fn conversation() -> Shop {
    let (mut shop, day) = shop_with_trades();
    let download = |shop: &mut Shop, plain: BillFile, zipped: BillFile| {
        let text = shop.download(&plain).unwrap();
        assert_eq!(shop.download(&zipped).unwrap(), text);
        text
    };

    let plain = ready(shop.call(TradeBill::of(day).bill_type(BillType::Success)));
    let zipped = ready(shop.call(TradeBill::of(day).bill_type(BillType::Success).gzip()));
    let text = download(&mut shop, plain, zipped);
    let (rows, sums) = read(&text, "商户订单号", "订单金额");
    let recorded: Vec<_> = shop
        .network
        .gateway
        .orders(shop.driver.now)
        .map(|record| (record.out_trade_no.to_string(), SignedAmount::Positive(record.total)))
        .collect();
    assert_eq!(rows, recorded);
    assert_eq!(sums["订单总金额"], "120.49");

    let sub_mchid = shop.sub_mchid();
    let plain = ready(shop.call(TradeBill::of(day).sub_mchid(sub_mchid.clone())));
    let zipped = ready(shop.call(TradeBill::of(day).sub_mchid(sub_mchid.clone()).gzip()));
    let text = download(&mut shop, plain, zipped);
    assert_eq!(
        read(&text, "商户订单号", "订单金额").0,
        [(number(2).to_string(), yuan(10_000)), (number(3).to_string(), yuan(50))]
    );
    let plain = ready(shop.call(TradeBill::of(day).bill_type(BillType::Refund)));
    let text = shop.download(&plain).unwrap();
    assert_eq!(read(&text, "商户退款单号", "退款金额").0, [("F1".into(), yuan(1000))]);

    let plain = ready(shop.call(FundFlowBill::of(day)));
    let zipped = ready(shop.call(FundFlowBill::of(day).account_type(AccountType::Basic).gzip()));
    let text = download(&mut shop, plain, zipped);
    let (rows, sums) = read(&text, "业务类型", "收支金额(元)");
    // A refund also returns its share of the fee.
    let expected = [("交易", 1999), ("扣除交易手续费", 12), ("退款", 994)];
    assert_eq!(rows, expected.map(|(kind, fen)| (kind.into(), yuan(fen))));
    assert_eq!(sums["收入金额"], "19.99");

    let plain = ready(shop.call(ProfitSharingBill::of(day)));
    let zipped = ready(shop.call(ProfitSharingBill::of(day).sub_mchid(sub_mchid.clone()).gzip()));
    let text = download(&mut shop, plain, zipped);
    let (rows, _) = read(&text, "商户分账/回退单号", "分账金额");
    assert_eq!(rows, [("P1".into(), yuan(1500)), ("R1".into(), yuan(250))]);

    for is_gzip in [false, true] {
        let request = SubMerchantFundFlowBill::new(sub_mchid.clone(), day, AccountType::Basic);
        let parts = ready(shop.call(if is_gzip { request.gzip() } else { request }));
        let text: Vec<u8> = parts.iter().flat_map(|part| open_part(&mut shop, part).unwrap()).collect();
        let (rows, _) = read(std::str::from_utf8(&text).unwrap(), "业务类型", "收支金额(元)");
        let expected = [
            ("交易", 10_000),
            ("扣除交易手续费", 60),
            ("交易", 50),
            ("扣除交易手续费", 0),
            ("分账", 1500),
            ("分账回退", 250),
        ];
        assert_eq!(rows, expected.map(|(kind, fen)| (kind.into(), yuan(fen))));
    }
    shop
}

fn open_part(shop: &mut Shop, part: &SealedPart) -> Result<Vec<u8>, Error> {
    shop.run(shop.merchant.open_bill_part(part)).map(|part| part.bytes)
}

#[test]
fn bills_list_the_trades_of_the_day() {
    let shop = conversation();
    assert_eq!(shop.driver.count("v3.bill.profitsharing"), 2);
}

#[test]
fn bill_download_rejects_modified_truncated_and_extended_files() {
    let (mut shop, day) = shop_with_trades();
    for gzip in [false, true] {
        let request = if gzip { ProfitSharingBill::of(day).gzip() } else { ProfitSharingBill::of(day) };
        let modifications: [fn(Vec<u8>) -> Vec<u8>; 3] = [
            |mut bytes| {
                let at = bytes.windows(5).position(|window| window == b"15.00").unwrap();
                bytes[at] = b'9';
                bytes
            },
            |mut bytes| {
                bytes.pop();
                bytes
            },
            |mut bytes| {
                bytes.push(b'\n');
                bytes
            },
        ];
        for modify in modifications {
            let bill_file = ready(shop.call(request.clone()));
            let error = shop.download_modified(&bill_file, modify).unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Signature, None));
        }
        let bill_file = ready(shop.call(request));
        assert!(shop.download(&bill_file).is_ok());
    }
}

#[test]
fn open_bill_rejects_a_modified_part() {
    let (mut shop, day) = shop_with_trades();
    let parts = ready(shop.call(SubMerchantFundFlowBill::new(shop.sub_mchid(), day, AccountType::Basic)));
    let (merchant, network) = (shop.merchant.clone(), &mut shop.network);
    let mut tampering = |transmit: Transmit, now| -> (Reply, _) {
        let (reply, elapsed) = network.send(transmit, now);
        let reply = reply.map(|reply| {
            let mut body = reply.body().to_vec();
            body[10] ^= 1;
            Response::new(reply.status(), body)
        });
        (reply, elapsed)
    };
    let error = shop.driver.run(merchant.open_bill_part(&parts[0]), &mut tampering).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Signature, None));
}

#[test]
fn bill_is_generated_by_ten_and_has_no_data_without_trades() {
    let mut shop = Shop::open();
    let day = BillDate::of(shop.driver.now);
    shop.call(NativeOrder::new(shop.order(&number(1), 100)));
    shop.pay(&number(1));
    let error = shop.call_err(TradeBill::of(day));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, None), "there must be no bill for today");
    while BillDate::of(shop.driver.now) == day {
        shop.wait(3600);
    }
    assert_eq!(shop.call(TradeBill::of(day)), BillReply::Generating);
    shop.wait(10 * 3600);
    assert!(matches!(shop.call(TradeBill::of(day)), BillReply::Ready(_)));
    assert_eq!(shop.call(ProfitSharingBill::of(day)), BillReply::NoData);
    assert_eq!(shop.call(TradeBill::of("2026-11-20".parse().unwrap())), BillReply::NoData);
}

#[test]
fn bill_download_url_expires_and_is_bound_to_the_merchant() {
    let (mut shop, day) = shop_with_trades();
    let bill_file = ready(shop.call(TradeBill::of(day)));
    let other = shop.network.gateway.new_merchant();
    let other_merchant =
        wxpay_testkit::network::v3::public_key_builder(&shop.network.gateway, &other).build();
    let merchant = std::mem::replace(&mut shop.merchant, other_merchant);
    let error = shop.download(&bill_file).unwrap_err();
    assert_eq!(
        (error.kind(), error.fate()),
        (ErrorKind::Refused, None),
        "a download URL must not be valid for another merchant"
    );
    shop.merchant = merchant;
    shop.wait(301);
    let error = shop.download(&bill_file).unwrap_err();
    assert_eq!(
        (error.kind(), error.fate()),
        (ErrorKind::Refused, None),
        "a download URL must expire after five minutes"
    );
}

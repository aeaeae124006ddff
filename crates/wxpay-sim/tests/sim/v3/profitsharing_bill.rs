//! The profit-sharing bill, and the effect of sharing on the other bills.

use super::{
    bill::bill_at,
    profitsharing::{ORDERS, RETURNS, SHOP, sharing_request, shop_with_paid_order},
    shop::Shop,
};
use serde_json::json;
use wxpay_proto::wire::bill::{Line, Reader};
use wxpay_sim::ledger::{ReturnFailure, SharingDetailFailure};

/// 2026-05-29 in China, 04:26:40: `date -d @1780000000`.
const DAY: &str = "2026-05-29";

/// Creates a shop after a day with profit sharing, in yuan: 4.00 shared, 1.00 closed, 0.50 returned, a failed return of
/// 0.01, and the remainder unfrozen. The time is past ten o'clock of the next day, when bills are ready.
fn shop_with_sharings() -> Shop {
    let (mut shop, id) = shop_with_paid_order();
    let (mchid, person) = (shop.merchant.mchid().clone(), "oPerson");
    shop.wait(60);
    let mut body = sharing_request(&shop, &id, "P1", SHOP, 400);
    body["receivers"]
        .as_array_mut()
        .unwrap()
        .push(sharing_request(&shop, &id, "P1", person, 100)["receivers"][0].clone());
    assert_eq!(shop.post(ORDERS, &body).status, 200);
    let now = shop.now;
    let reason = SharingDetailFailure::ReceiverHighRisk;
    assert!(shop.gateway.close_receiver_amount(&mchid, "P1", person, reason, now).is_some());
    shop.wait(3);
    for (number, amount) in [("R1", 50), ("R2", 1)] {
        let body = json!({
            "out_order_no": "P1", "out_return_no": number, "return_mchid": SHOP, "amount": amount,
            "description": "退回,一些",
        });
        assert_eq!(shop.post(RETURNS, &body).status, 200);
    }
    let now = shop.now;
    assert!(shop.gateway.fail_return(&mchid, "R2", ReturnFailure::BalanceNotEnough, now).is_some());
    let body = json!({ "transaction_id": id, "out_order_no": "U1", "description": "解冻" });
    assert_eq!(shop.post(&format!("{ORDERS}/unfreeze"), &body).status, 200);
    shop.wait(3);
    shop.due();
    shop.wait(86_400 + 6 * 3600);
    shop
}

/// Returns the given cells of every row, and of the summary.
fn cells(text: &str, columns: &[&str], summary_columns: &[&str]) -> (Vec<Vec<String>>, Vec<String>) {
    let (mut reader, mut rows, mut summary) = (Reader::new(), Vec::new(), Vec::new());
    reader.push(text.as_bytes());
    while let Some(line) = reader.next_line().unwrap() {
        match line {
            Line::Row(row) => {
                rows.push(columns.iter().map(|name| row.cell(name).unwrap().to_owned()).collect());
            }
            Line::Summary(row) => {
                summary = summary_columns.iter().map(|name| row.cell(name).unwrap().to_owned()).collect();
            }
        }
    }
    assert!(reader.finish().unwrap().is_none());
    (rows, summary)
}

#[test]
fn profit_sharing_bill_lists_sharings_and_returns_but_no_failures() {
    let mut shop = shop_with_sharings();
    let mchid = shop.mchid();
    let text = bill_at(&mut shop, &format!("/v3/profitsharing/bills?bill_date={DAY}"));
    let columns = ["商户分账/回退单号", "分账方", "分账接收方", "分账金额", "业务类型", "分账描述"];
    let (rows, summary) = cells(&text, &columns, &["总笔数", "分账总金额", "回退总金额"]);
    let expected = [
        ["P1", &mchid, SHOP, "4.00", "分账", "分给"],
        ["R1", &mchid, SHOP, "0.50", "分账回退", "退回 一些"],
        ["U1", &mchid, &mchid, "15.99", "分账", "解冻"],
    ];
    assert_eq!(rows, expected.map(|row| row.map(String::from).to_vec()), "{text}");
    assert_eq!(summary, ["3", "19.99", "0.50"]);
    let record = &shop.gateway.sharings(shop.now)[0];
    assert!(text.contains(&record.receivers[0].detail_id) && text.contains(&record.order_id));
    assert!(!text.contains(&record.receivers[1].detail_id));
}

#[test]
fn profit_sharing_is_in_the_fund_flow_bill_but_not_in_the_trade_bill() {
    let mut shop = shop_with_sharings();
    let trades = bill_at(&mut shop, &format!("/v3/bill/tradebill?bill_date={DAY}"));
    let (rows, summary) = cells(&trades, &["商户订单号"], &["总交易单数"]);
    assert_eq!((rows, summary), (vec![vec![String::from("A12345")]], vec![String::from("1")]));
    let flow = bill_at(&mut shop, &format!("/v3/bill/fundflowbill?bill_date={DAY}"));
    let columns = ["业务类型", "收支类型", "收支金额(元)", "账户结余(元)"];
    let (rows, summary) = cells(&flow, &columns, &["收入金额", "支出金额"]);
    let expected = [
        ["交易", "收入", "19.99", "19.99"],
        ["扣除交易手续费", "支出", "0.12", "19.87"],
        ["分账", "支出", "4.00", "15.87"],
        ["分账回退", "收入", "0.50", "16.37"],
    ];
    assert_eq!(rows, expected.map(|row| row.map(String::from).to_vec()), "{flow}");
    assert_eq!(summary, ["20.49", "4.12"]);
}

#[test]
fn profit_sharing_bill_of_a_day_without_sharings_does_not_exist() {
    let (mut shop, _) = shop_with_paid_order();
    shop.wait(86_400 + 6 * 3600);
    let reply = shop.get(&format!("/v3/profitsharing/bills?bill_date={DAY}"));
    assert_eq!(reply.refusal().1, "NO_STATEMENT_EXIST");
    let sub_mchid = shop.merchant.sub_merchants().first_key_value().unwrap().0.to_string();
    let mut shop = shop_with_sharings();
    let of_sub_merchant = shop.get(&format!("/v3/profitsharing/bills?bill_date={DAY}&sub_mchid={sub_mchid}"));
    assert_eq!(
        of_sub_merchant.refusal().1,
        "NO_STATEMENT_EXIST",
        "the sharing belongs to the partner itself"
    );
    let today = shop.get("/v3/profitsharing/bills?bill_date=2026-05-30");
    assert_eq!(today.refusal().1, "INVALID_REQUEST");
}

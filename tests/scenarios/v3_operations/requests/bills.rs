//! Samples: bills.

use super::SUB_MCHID;
use crate::v3_operations::sample::{Sample, merchant, run_with_reply};
use wxpay_proto::{
    http::Request,
    v3::bill::{
        AccountType, BillDate, BillReply, BillType, FundFlowBill, ProfitSharingBill, SubMerchantFundFlowBill,
        TradeBill,
    },
};

pub(super) fn samples() -> Vec<Sample> {
    let day: BillDate = "2026-11-24".parse().unwrap();
    let sub_mchid = || SUB_MCHID.parse().unwrap();
    vec![
        Sample::of(
            "GET /v3/bill/tradebill",
            TradeBill::of(day).sub_mchid(sub_mchid()).bill_type(BillType::All).gzip(),
        ),
        Sample::of(
            "GET /v3/bill/fundflowbill",
            FundFlowBill::of(day).sub_mchid(sub_mchid()).account_type(AccountType::Basic).gzip(),
        ),
        Sample::of("GET /v3/profitsharing/bills", ProfitSharingBill::of(day).sub_mchid(sub_mchid()).gzip()),
        Sample::of(
            "GET /v3/bill/sub-merchant-fundflowbill",
            SubMerchantFundFlowBill::new(sub_mchid(), day, AccountType::Basic).gzip(),
        ),
        Sample::without_json_reply("GET /v3/billdownload/file", prepare_download(day)),
    ]
}

/// Returns the request that downloads a gzipped bill.
fn prepare_download(day: BillDate) -> Request {
    let reply = serde_json::json!({
        "hash_type": "SHA1",
        "hash_value": "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33",
        "download_url": "https://api.mch.weixin.qq.com/v3/billdownload/file?token=t&tartype=gzip",
    })
    .to_string();
    let Ok(BillReply::Ready(bill_file)) = run_with_reply(merchant().call(TradeBill::of(day).gzip()), &reply)
    else {
        panic!("the bill must be ready")
    };
    run_with_reply(merchant().prepare_download(&bill_file), &reply).unwrap().transmit.request
}

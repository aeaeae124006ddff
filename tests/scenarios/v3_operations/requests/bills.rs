//! Certificates and bills.

use super::SUB_MCHID;
use crate::v3_operations::sample::{Sample, me, output};
use wxpay_proto::{
    http::Request,
    v3::bill::{
        AccountType, BillDate, BillType, FundFlow, Outcome, ProfitSharing, SubMerchantFundFlow, Trade,
    },
};

pub(super) fn samples() -> Vec<Sample> {
    let day: BillDate = "2026-11-24".parse().unwrap();
    let sub_mchid = || SUB_MCHID.parse().unwrap();
    vec![
        Sample::of(
            "GET /v3/bill/tradebill",
            Trade::of(day).sub_mchid(sub_mchid()).bill_type(BillType::All).gzip(),
        ),
        Sample::of(
            "GET /v3/bill/fundflowbill",
            FundFlow::of(day).sub_mchid(sub_mchid()).account_type(AccountType::Basic).gzip(),
        ),
        Sample::of("GET /v3/profitsharing/bills", ProfitSharing::of(day).sub_mchid(sub_mchid()).gzip()),
        Sample::of(
            "GET /v3/bill/sub-merchant-fundflowbill",
            SubMerchantFundFlow::new(sub_mchid(), day, AccountType::Basic).gzip(),
        ),
        Sample::sent_alone("GET /v3/billdownload/file", download(day)),
    ]
}

/// What is sent to download a zipped bill.
fn download(day: BillDate) -> Request {
    let told = serde_json::json!({
        "hash_type": "SHA1",
        "hash_value": "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33",
        "download_url": "https://api.mch.weixin.qq.com/v3/billdownload/file?token=t&tartype=gzip",
    });
    let Ok(Outcome::Ready(statement)) = output(me().call(Trade::of(day).gzip()), &told) else {
        panic!("it is ready")
    };
    output(me().download(&statement), &told).unwrap().hop.request
}

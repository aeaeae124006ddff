//! The future of [`Client::run`] is `Send` for each flow of APIv3.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{any::type_name, collections::BTreeSet, fs, path::Path};
use wxpay_hyper::Client;
use wxpay_proto::{
    exchange::Flow,
    v3::{self, Call, bill, media, pay, pay::combine, profitsharing, refund, transfer},
};

/// Compiles only if the future that runs the flow is `Send`. The flow is never created.
macro_rules! sendable {
    ($($flow:ty),+ $(,)?) => {
        [$({
            let _: fn(&Client, $flow) = |client, flow| is_send(&client.run(flow));
            name::<$flow>()
        }),+]
    };
}

/// Checks [`Call`] of each operation.
macro_rules! sendable_calls {
    ($($operation:ty),+ $(,)?) => {
        [$({
            sendable![Call<$operation>];
            name_of::<$operation>()
        }),+]
    };
}

fn is_send(_: &impl Send) {}

fn name<F: Flow>() -> &'static str {
    name_of::<F>()
}

/// Returns the path of a type without its parameters.
fn name_of<T>() -> &'static str {
    type_name::<T>().split('<').next().unwrap()
}

/// Flows that the lists below omit: parts of listed flows, and the generic `Call`.
const INNER_FLOWS: [&str; 4] = [
    "wxpay_proto::v3::call::Call",
    "wxpay_proto::v3::certificates::FetchPlatformKeys",
    "wxpay_proto::v3::pay::charge::ChargeOperation",
    "wxpay_proto::v3::platform_key::ObtainKey",
];

#[test]
fn run_future_is_send_for_every_flow_and_operation() {
    let flows = sendable![
        v3::VerifyNotification,
        v3::RefreshPlatformKeys,
        v3::download::PrepareDownload,
        bill::OpenBillPart,
        pay::ChargeByCode,
        Call<Box<dyn v3::Endpoint<Output = v3::RawReply>>>,
    ];
    // One flow of all API versions, so it is none of these modules.
    let _: [&str; 1] = sendable![v3::Resolve<refund::QueryRefund>];
    let operations = sendable_calls![
        v3::Certificates,
        v3::Raw,
        v3::security::Echo,
        bill::FundFlowBill,
        bill::ProfitSharingBill,
        bill::SubMerchantFundFlowBill,
        bill::TradeBill,
        media::UploadImage,
        media::UploadVideo,
        pay::AppOrder,
        pay::CloseOrder,
        pay::CodePayment,
        pay::H5Order,
        pay::JsapiOrder,
        pay::NativeOrder,
        pay::PrepayOrder,
        pay::QueryOrder,
        pay::ReverseOrder,
        pay::ScannedPosOrder,
        combine::AppOrder,
        combine::CloseOrder,
        combine::H5Order,
        combine::JsapiOrder,
        combine::MiniProgramOrder,
        combine::NativeOrder,
        combine::QueryOrder,
        profitsharing::AddReceiver,
        profitsharing::DeleteReceiver,
        profitsharing::ReturnProfitSharing,
        profitsharing::QueryMaxRatio,
        profitsharing::QueryProfitSharing,
        profitsharing::QueryProfitSharingReturn,
        profitsharing::CreateProfitSharing,
        profitsharing::UnfreezeRemainder,
        profitsharing::QueryUnsplitAmount,
        refund::ApplyAbnormalRefund,
        refund::CreateRefund,
        refund::QueryRefund,
        transfer::CreateAuthorizedTransfer,
        transfer::CancelTransfer,
        transfer::CreateTransfer,
        transfer::CreatePreTransfer,
        transfer::QueryTransfer,
        transfer::authorization::ApplyAuthorization,
        transfer::authorization::CloseAuthorization,
        transfer::authorization::QueryAuthorization,
        transfer::elecsign::ApplyReceipt,
        transfer::elecsign::QueryReceipt,
        transfer::qq_wallet::CancelQqTransfer,
        transfer::qq_wallet::CreateQqTransfer,
        transfer::qq_wallet::QueryQqTransfer,
    ];
    let checked = flows.into_iter().chain(operations).chain(INNER_FLOWS).map(String::from).collect();
    let mut found = BTreeSet::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wxpay-proto/src/v3");
    collect_flows(&sources, "wxpay_proto::v3", &mut found);
    assert_eq!(found.symmetric_difference(&checked).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Collects every type that implements `Flow` or `Endpoint` in these sources.
fn collect_flows(folder: &Path, module: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            collect_flows(&path, &format!("{module}::{stem}"), found);
            continue;
        }
        let module_path = if stem == "mod" { module.to_owned() } else { format!("{module}::{stem}") };
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap().lines();
        let types = code
            .filter(|line| line.starts_with("impl") && stem != "tests" && stem != "fake")
            .filter_map(|line| line.split_once(" Endpoint for ").or_else(|| line.split_once(" Flow for ")))
            .filter_map(|(_, implementor)| implementor.split(['<', ' ']).next())
            .filter(|implementor| *implementor != "Box");
        found.extend(types.map(|implementor| format!("{module_path}::{implementor}")));
    }
}

//! Samples: transfers.

use super::{
    APPID, NOTIFY_URL, OPENID, OUT_AUTHORIZATION_NO, OUT_BILL_NO, SUB_MCHID, TRANSFER_BILL_NO, sensitive,
};
use crate::v3_operations::sample::Sample;
use core::net::Ipv4Addr;
use wxpay_proto::{
    Fen,
    v3::transfer::{
        CancelTransfer, CreateAuthorizedTransfer, CreatePreTransfer, CreateTransfer, QueryTransfer,
        TransferBill, UserRecvStyle,
        authorization::{self, DeviceType},
        bill, elecsign, qq_wallet,
    },
};

pub(super) fn samples() -> Vec<Sample> {
    let openid = || OPENID.parse().unwrap();
    let out_bill_no = || OUT_BILL_NO.parse().unwrap();
    let transfer_bill_no = || TRANSFER_BILL_NO.parse().unwrap();
    let full = || bill("1000").user_recv_perception("现金奖励").build().unwrap();
    let sponsor = || SUB_MCHID.parse().unwrap();
    let [authorization_no, url] = [OUT_AUTHORIZATION_NO, NOTIFY_URL];
    vec![
        Sample::of(
            "POST /v3/fund-app/mch-transfer/transfer-bills",
            CreateTransfer::new(full(), openid()).user_recv_style(UserRecvStyle::RedPacket),
        ),
        Sample::of(
            "POST /v3/fund-app/mch-transfer/transfer-bills/pre-transfer-with-authorization",
            CreatePreTransfer::new(full(), openid())
                .authorization_info(authorization_no.parse().unwrap(), "张三", url.parse().unwrap())
                .unwrap()
                .sponsor_mchid(sponsor()),
        ),
        Sample::of(
            "POST /v3/fund-app/mch-transfer/transfer-bills/transfer",
            CreateAuthorizedTransfer::out_authorization_no(full(), authorization_no.parse().unwrap())
                .sponsor_mchid(sponsor()),
        ),
        Sample::of(
            "POST /v3/fund-app/mch-transfer/transfer-bills/transfer",
            CreateAuthorizedTransfer::authorization_id(full(), "1".parse().unwrap()),
        ),
        Sample::of(
            "GET /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}",
            QueryTransfer::out_bill_no(out_bill_no()),
        ),
        Sample::of(
            "GET /v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no}",
            QueryTransfer::transfer_bill_no(transfer_bill_no()),
        ),
        Sample::of(
            "POST /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel",
            CancelTransfer::new(out_bill_no()),
        ),
        Sample::of(
            "POST /v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills",
            qq_wallet::CreateQqTransfer::new(bill("1401").build().unwrap(), openid())
                .unwrap()
                .user_qq("10001")
                .unwrap(),
        ),
        Sample::of(
            "GET /v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills/{out_bill_no}",
            qq_wallet::QueryQqTransfer::new(out_bill_no()),
        ),
        Sample::of(
            "POST /v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills/{out_bill_no}/cancel",
            qq_wallet::CancelQqTransfer::new(out_bill_no()),
        ),
        Sample::of(
            "POST /v3/fund-app/mch-transfer/elecsign/out-bill-no",
            elecsign::ApplyReceipt::out_bill_no(out_bill_no()),
        ),
        Sample::of(
            "POST /v3/fund-app/mch-transfer/elecsign/transfer-bill-no",
            elecsign::ApplyReceipt::transfer_bill_no(transfer_bill_no()),
        ),
        Sample::of(
            "GET /v3/fund-app/mch-transfer/elecsign/out-bill-no/{out_bill_no}",
            elecsign::QueryReceipt::out_bill_no(out_bill_no()),
        ),
        Sample::of(
            "GET /v3/fund-app/mch-transfer/elecsign/transfer-bill-no/{transfer_bill_no}",
            elecsign::QueryReceipt::transfer_bill_no(transfer_bill_no()),
        ),
        Sample::of("POST /v3/fund-app/mch-transfer/user-confirm-authorization", apply()),
        Sample::of(
            "GET /v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no}",
            authorization::QueryAuthorization::new(authorization_no.parse().unwrap()).display_authorization(),
        ),
        Sample::of(
            "POST /v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no}/close",
            authorization::CloseAuthorization::new(authorization_no.parse().unwrap()),
        ),
    ]
}

fn bill(scene: &str) -> bill::Builder {
    let [appid, out_bill_no] = [APPID, OUT_BILL_NO];
    TransferBill::builder(
        appid.parse().unwrap(),
        out_bill_no.parse().unwrap(),
        Fen::new(400_000),
        "报销",
        scene,
    )
    .report("活动名称", "新会员有礼")
    .user_name(sensitive("张三"))
    .notify_url(NOTIFY_URL.parse().unwrap())
}

fn apply() -> authorization::ApplyAuthorization {
    authorization::ApplyAuthorization::builder(
        OUT_AUTHORIZATION_NO.parse().unwrap(),
        APPID.parse().unwrap(),
        OPENID.parse().unwrap(),
        "1000",
        "张三",
        NOTIFY_URL.parse().unwrap(),
    )
    .user_recv_perception("现金奖励")
    .client_ip(Ipv4Addr::new(203, 0, 113, 7).into())
    .device_id("013467007045764")
    .device_type(DeviceType::Harmony)
    .build()
    .unwrap()
}

//! Samples: transfers.

use super::{
    APPID, NOTIFY_URL, OPENID, OUT_AUTHORIZATION_NO, OUT_BILL_NO, SUB_MCHID, TRANSFER_BILL_NO, sensitive,
};
use crate::v3_operations::sample::Sample;
use core::net::Ipv4Addr;
use wxpay_proto::{
    Fen,
    v3::transfer::{
        AuthorizationInfo, CancelTransfer, CreateAuthorizedTransfer, CreatePreTransfer, CreateTransfer,
        QueryTransfer, TransferBill, TransferScene, UserRecvStyle,
        authorization::{self, DeviceType, SceneInfo},
        elecsign, qq_wallet,
    },
};

pub(super) fn samples() -> Vec<Sample> {
    let openid = || OPENID.parse().unwrap();
    let out_bill_no = || OUT_BILL_NO.parse().unwrap();
    let transfer_bill_no = || TRANSFER_BILL_NO.parse().unwrap();
    let full = || bill("1000").user_recv_perception("现金奖励").unwrap();
    let sponsor = || SUB_MCHID.parse().unwrap();
    let authorization_no = OUT_AUTHORIZATION_NO;
    let info = AuthorizationInfo::new(authorization_no.parse().unwrap(), "张三").unwrap();
    vec![
        Sample::of(
            "POST /v3/fund-app/mch-transfer/transfer-bills",
            CreateTransfer::new(full(), openid()).user_recv_style(UserRecvStyle::RedPacket),
        ),
        Sample::of(
            "POST /v3/fund-app/mch-transfer/transfer-bills/pre-transfer-with-authorization",
            CreatePreTransfer::new(full(), openid())
                .authorization_info(info.authorization_notify_url(NOTIFY_URL.parse().unwrap()))
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
            qq_wallet::CreateQqTransfer::new(bill("1401"), openid()).unwrap().user_qq("10001").unwrap(),
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

fn bill(scene: &str) -> TransferBill {
    let scene = TransferScene::new(scene, "活动名称", "新会员有礼").unwrap();
    TransferBill::new(OUT_BILL_NO.parse().unwrap(), Fen::new(400_000), "报销", scene)
        .unwrap()
        .appid(APPID.parse().unwrap())
        .user_name(sensitive("张三"))
        .notify_url(NOTIFY_URL.parse().unwrap())
}

fn apply() -> authorization::ApplyAuthorization {
    let device = SceneInfo::new()
        .client_ip(Ipv4Addr::new(203, 0, 113, 7).into())
        .device_id("013467007045764")
        .unwrap()
        .device_type(DeviceType::Harmony);
    let (number, openid) = (OUT_AUTHORIZATION_NO.parse().unwrap(), OPENID.parse().unwrap());
    authorization::ApplyAuthorization::new(number, openid, "1000", "张三")
        .unwrap()
        .appid(APPID.parse().unwrap())
        .user_recv_perception("现金奖励")
        .unwrap()
        .authorization_notify_url(NOTIFY_URL.parse().unwrap())
        .scene_info(device)
}

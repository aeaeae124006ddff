//! Samples: profit sharing.

use super::{APPID, OPENID, OUT_ORDER_NO, OUT_RETURN_NO, SUB_MCHID, TRANSACTION_ID, partner, sensitive};
use crate::v3_operations::sample::Sample;
use wxpay_proto::{
    Fen,
    v3::profitsharing::{
        Account, AddReceiver, CreateProfitSharing, DeleteReceiver, QueryMaxRatio, QueryProfitSharing,
        QueryProfitSharingReturn, QueryUnsplitAmount, ReceiverAmount, RelationType, Remainder, ReturnAmount,
        ReturnProfitSharing, UnfreezeRemainder,
    },
};

pub(super) fn samples() -> Vec<Sample> {
    let appid = || APPID.parse().unwrap();
    let transaction_id = || TRANSACTION_ID.parse().unwrap();
    let out_order_no = || OUT_ORDER_NO.parse().unwrap();
    let sub_mchid = || SUB_MCHID.parse().unwrap();
    let merchant = || Account::Merchant(sub_mchid());
    let person = || Account::PersonalSubOpenid(OPENID.parse().unwrap());
    let receiver_amount = ReceiverAmount::new(person(), Fen::new(1), "佣金").unwrap().name(sensitive("张三"));
    let create = CreateProfitSharing::new(
        transaction_id(),
        out_order_no(),
        vec![receiver_amount],
        Remainder::KeepFrozen,
    );
    let create_return = || {
        let amount = ReturnAmount::new(sub_mchid(), Fen::new(1), "退货").unwrap();
        ReturnProfitSharing::new(out_order_no(), OUT_RETURN_NO.parse().unwrap(), amount).party(partner())
    };
    let add = |receiver: AddReceiver, name| receiver.appid(appid()).party(partner()).name(sensitive(name));
    let custom = AddReceiver::with_custom_relation(person(), "网红").unwrap();
    let store = AddReceiver::new(merchant(), RelationType::Store).unwrap();
    vec![
        Sample::of("POST /v3/profitsharing/orders", create.unwrap().appid(appid()).party(partner())),
        Sample::of(
            "POST /v3/profitsharing/orders/unfreeze",
            UnfreezeRemainder::new(transaction_id(), out_order_no(), "完结").unwrap().party(partner()),
        ),
        Sample::of(
            "GET /v3/profitsharing/orders/{out_order_no}",
            QueryProfitSharing::new(transaction_id(), out_order_no()).party(partner()),
        ),
        Sample::of("POST /v3/profitsharing/return-orders", create_return()),
        Sample::of(
            "POST /v3/profitsharing/return-orders",
            create_return().order_id("3008450740201411110007820472").unwrap(),
        ),
        Sample::of(
            "GET /v3/profitsharing/return-orders/{out_return_no}",
            QueryProfitSharingReturn::new(out_order_no(), OUT_RETURN_NO.parse().unwrap()).party(partner()),
        ),
        Sample::of("POST /v3/profitsharing/receivers/add", add(custom, "张三")),
        Sample::of("POST /v3/profitsharing/receivers/add", add(store, "示例商户")),
        Sample::of(
            "POST /v3/profitsharing/receivers/delete",
            DeleteReceiver::new(merchant()).appid(appid()).party(partner()),
        ),
        Sample::of(
            "GET /v3/profitsharing/transactions/{transaction_id}/amounts",
            QueryUnsplitAmount::of(transaction_id()),
        ),
        Sample::of("GET /v3/profitsharing/merchant-configs/{sub_mchid}", QueryMaxRatio::of(sub_mchid())),
    ]
}

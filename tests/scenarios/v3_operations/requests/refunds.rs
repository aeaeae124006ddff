//! Samples: refunds.

use super::{NOTIFY_URL, OUT_REFUND_NO, OUT_TRADE_NO, REFUND_ID, TRANSACTION_ID, partner, sensitive};
use crate::v3_operations::sample::Sample;
use wxpay_proto::{
    Fen,
    id::{OutTradeNo, TransactionId},
    v3::refund::{
        ApplyAbnormalRefund, BankCard, CreateRefund, FundsAccount, FundsSource, QueryRefund, RefundAmount,
        RefundGoods, RefundOf,
    },
};

pub(super) fn samples() -> Vec<Sample> {
    let number = || OUT_REFUND_NO.parse().unwrap();
    let card = BankCard::new("CMB_DEBIT", sensitive("6226000000000000"), sensitive("张三")).unwrap();
    let abnormal = "POST /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund";
    vec![
        Sample::of(
            "POST /v3/refund/domestic/refunds",
            create(OUT_TRADE_NO.parse::<OutTradeNo>().unwrap().into()),
        ),
        Sample::of(
            "POST /v3/refund/domestic/refunds",
            create(TRANSACTION_ID.parse::<TransactionId>().unwrap().into()),
        ),
        Sample::of(
            "GET /v3/refund/domestic/refunds/{out_refund_no}",
            QueryRefund::new(number()).party(partner()),
        ),
        Sample::of(
            abnormal,
            ApplyAbnormalRefund::to_user(REFUND_ID.parse().unwrap(), number(), card).party(partner()),
        ),
        Sample::of(
            abnormal,
            ApplyAbnormalRefund::to_merchant(REFUND_ID.parse().unwrap(), number()).party(partner()),
        ),
    ]
}

fn create(paid: RefundOf) -> CreateRefund {
    let goods = RefundGoods::new("g-1", Fen::new(100), Fen::new(100), 1).unwrap();
    let goods = goods.wechatpay_goods_id("1001").unwrap().goods_name("筷子").unwrap();
    let sources = vec![FundsSource::new(FundsAccount::Available, Fen::new(100))];
    let amount = RefundAmount::new(Fen::new(100), Fen::new(200)).unwrap().from(sources).unwrap();
    CreateRefund::new(paid, OUT_REFUND_NO.parse().unwrap(), amount)
        .party(partner())
        .reason("断了")
        .unwrap()
        .notify_url(NOTIFY_URL.parse().unwrap())
        .funds_account(FundsAccount::Available)
        .goods_detail(vec![goods])
}

//! Samples: refunds.

use super::{NOTIFY_URL, OUT_REFUND_NO, OUT_TRADE_NO, REFUND_ID, TRANSACTION_ID, partner, sensitive};
use crate::v3_operations::sample::Sample;
use wxpay_proto::{
    Fen,
    id::{OutTradeNo, TransactionId},
    v3::refund::{
        ApplyAbnormalRefund, CreateRefund, FundsAccount, QueryRefund, RefundOf,
        refund::{FundsSource, Goods},
    },
};

pub(super) fn samples() -> Vec<Sample> {
    let number = || OUT_REFUND_NO.parse().unwrap();
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
        Sample::of("GET /v3/refund/domestic/refunds/{out_refund_no}", QueryRefund::new(number(), partner())),
        Sample::of(
            abnormal,
            ApplyAbnormalRefund::to_user(
                REFUND_ID.parse().unwrap(),
                number(),
                partner(),
                "CMB_DEBIT",
                sensitive("6226000000000000"),
                sensitive("张三"),
            )
            .unwrap(),
        ),
        Sample::of(
            abnormal,
            ApplyAbnormalRefund::to_merchant(REFUND_ID.parse().unwrap(), number(), partner()),
        ),
    ]
}

fn create(paid: RefundOf) -> CreateRefund {
    let mut goods = Goods::new("g-1", Fen::new(100), Fen::new(100), 1);
    goods.wechatpay_goods_id = Some("1001".into());
    goods.goods_name = Some("筷子".into());
    CreateRefund::builder(paid, OUT_REFUND_NO.parse().unwrap(), Fen::new(100), Fen::new(200))
        .party(partner())
        .reason("断了")
        .notify_url(NOTIFY_URL.parse().unwrap())
        .funds_account(FundsAccount::Available)
        .from(vec![FundsSource::new(FundsAccount::Available, Fen::new(100))])
        .goods_detail(vec![goods])
        .build()
        .unwrap()
}

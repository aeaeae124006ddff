//! Samples: combined orders.

use super::{
    APPID, COMBINE_TRANSACTION_ID, NOTIFY_URL, OPENID, OUT_TRADE_NO, partner, pay::h5_info, sensitive,
};
use crate::v3_operations::sample::Sample;
use core::net::Ipv4Addr;
use wxpay_proto::{
    Fen, UnixTime,
    v3::pay::{
        IdentityKind,
        combine::{
            AppOrder, CloseOrder, CloseSubOrder, H5Order, JsapiOrder, MiniProgramOrder, NativeOrder, Order,
            QueryOrder, SubOrder,
            order::{self, Individual, Subsidy, SubsidyPeriod, SubsidyPlan},
        },
        order::LimitPay,
    },
};
use wxpay_testkit::keys::v3::MCHID;

pub(super) fn samples() -> Vec<Sample> {
    let number = || OUT_TRADE_NO.parse().unwrap();
    let app = with_subsidy(full_order(vec![with_detail(with_individual(full_sub_order()))]))
        .trade_scenario("RECOMMERCE");
    let [openid, sub_openid] = [OPENID, OPENID];
    let jsapi = || with_subsidy(full_order(vec![with_detail(full_sub_order())]));
    let mini_program = minimal_order(vec![with_individual(minimal_sub_order())])
        .openid(openid.parse().unwrap())
        .trade_scenario("RECOMMERCE");
    let mut to_close = CloseSubOrder::from(&with_individual(full_sub_order()));
    to_close.individual_auth_id = Some("1".into());
    vec![
        Sample::of("POST /v3/combine-transactions/app", AppOrder::new(app.build().unwrap()).unwrap()),
        Sample::of(
            "POST /v3/combine-transactions/jsapi",
            JsapiOrder::new(jsapi().openid(openid.parse().unwrap()).build().unwrap()).unwrap(),
        ),
        Sample::of(
            "POST /v3/combine-transactions/jsapi",
            JsapiOrder::new(jsapi().sub_openid(sub_openid.parse().unwrap()).build().unwrap()).unwrap(),
        ),
        Sample::of(
            "POST /v3/combine-transactions/h5",
            H5Order::new(with_openids(full_order(vec![full_sub_order()])).build().unwrap(), h5_info())
                .unwrap(),
        ),
        Sample::of(
            "POST /v3/combine-transactions/native",
            NativeOrder::new(with_openids(full_order(vec![full_sub_order()])).build().unwrap()).unwrap(),
        ),
        Sample::of(
            "POST /v3/combine-transactions/miniprogram",
            MiniProgramOrder::new(mini_program.build().unwrap()).unwrap(),
        ),
        Sample::of(
            "GET /v3/combine-transactions/out-trade-no/{combine_out_trade_no}",
            QueryOrder::combine_out_trade_no(number()),
        ),
        Sample::of(
            "GET /v3/combine-transactions/id/{combine_transaction_id}",
            QueryOrder::combine_transaction_id(COMBINE_TRANSACTION_ID.parse().unwrap()),
        ),
        Sample::of(
            "POST /v3/combine-transactions/out-trade-no/{combine_out_trade_no}/close",
            CloseOrder::new(number(), vec![to_close]).combine_appid(APPID.parse().unwrap()),
        ),
    ]
}

fn minimal_sub_order() -> SubOrder {
    SubOrder::new(MCHID.parse().unwrap(), OUT_TRADE_NO.parse().unwrap(), Fen::new(200), "一双筷子", "甲")
}

fn full_sub_order() -> SubOrder {
    let mut order = minimal_sub_order().party(&partner());
    order.goods_tag = Some("tag-1".into());
    order.profit_sharing = Some(true);
    order.subsidy_amount = Some(Fen::new(1));
    order
}

fn with_detail(mut order: SubOrder) -> SubOrder {
    order.detail = Some("{}".into());
    order
}

fn with_individual(mut order: SubOrder) -> SubOrder {
    let mut individual = Individual::new("1");
    individual.name = Some("张三".into());
    order.individual = Some(individual);
    order
}

/// Returns an order with the fields that every payment method has.
fn minimal_order(sub_orders: Vec<SubOrder>) -> order::Builder {
    let [appid, number, url] = [APPID, OUT_TRADE_NO, NOTIFY_URL];
    Order::builder(number.parse().unwrap(), sub_orders)
        .combine_appid(appid.parse().unwrap())
        .notify_url(url.parse().unwrap())
        .payer_client_ip(Ipv4Addr::new(203, 0, 113, 7).into())
        .device_id("till-1")
        .time_expire(UnixTime::from_secs(1_795_603_600))
}

fn full_order(sub_orders: Vec<SubOrder>) -> order::Builder {
    minimal_order(sub_orders)
        .time_start(UnixTime::from_secs(1_795_600_000))
        .limit_pay(vec![LimitPay::NoDebit])
        .identity(IdentityKind::Idcard, sensitive("110101199003070038"), sensitive("张三"))
}

fn with_openids(order: order::Builder) -> order::Builder {
    order.openid(OPENID.parse().unwrap()).sub_openid(OPENID.parse().unwrap())
}

fn with_subsidy(order: order::Builder) -> order::Builder {
    order.subsidy_detail(vec![Subsidy::new(SubsidyPeriod::Daily, vec![SubsidyPlan::new(3, 100)])])
}

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
            order::{Individual, Subsidy, SubsidyPeriod, SubsidyPlan},
        },
        order::LimitPay,
    },
};
use wxpay_testkit::keys::v3::MCHID;

pub(super) fn samples() -> Vec<Sample> {
    let number = || OUT_TRADE_NO.parse().unwrap();
    let app = with_subsidy(full_order(vec![with_detail(with_individual(full_sub_order()))]))
        .trade_scenario("RECOMMERCE")
        .unwrap();
    let [openid, sub_openid] = [OPENID, OPENID];
    let jsapi = || with_subsidy(full_order(vec![with_detail(full_sub_order())]));
    let mini_program = minimal_order(vec![with_individual(minimal_sub_order())])
        .openid(openid.parse().unwrap())
        .trade_scenario("RECOMMERCE")
        .unwrap();
    let to_close = CloseSubOrder::from(&with_individual(full_sub_order()));
    vec![
        Sample::of("POST /v3/combine-transactions/app", AppOrder::new(app).unwrap()),
        Sample::of(
            "POST /v3/combine-transactions/jsapi",
            JsapiOrder::new(jsapi().openid(openid.parse().unwrap())).unwrap(),
        ),
        Sample::of(
            "POST /v3/combine-transactions/jsapi",
            JsapiOrder::new(jsapi().sub_openid(sub_openid.parse().unwrap())).unwrap(),
        ),
        Sample::of(
            "POST /v3/combine-transactions/h5",
            H5Order::new(with_openids(full_order(vec![full_sub_order()])), h5_info()).unwrap(),
        ),
        Sample::of(
            "POST /v3/combine-transactions/native",
            NativeOrder::new(with_openids(full_order(vec![full_sub_order()]))).unwrap(),
        ),
        Sample::of("POST /v3/combine-transactions/miniprogram", MiniProgramOrder::new(mini_program).unwrap()),
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
        .unwrap()
}

fn full_sub_order() -> SubOrder {
    let order = minimal_sub_order().party(partner()).goods_tag("tag-1").unwrap();
    order.profit_sharing(true).subsidy_amount(Fen::new(1))
}

fn with_detail(order: SubOrder) -> SubOrder {
    order.detail("{}").unwrap()
}

fn with_individual(order: SubOrder) -> SubOrder {
    order.individual(Individual::new("1").unwrap().name("张三").unwrap())
}

/// Returns an order with the fields that every payment method has.
fn minimal_order(sub_orders: Vec<SubOrder>) -> Order {
    let [appid, number, url] = [APPID, OUT_TRADE_NO, NOTIFY_URL];
    Order::new(number.parse().unwrap(), sub_orders)
        .unwrap()
        .combine_appid(appid.parse().unwrap())
        .notify_url(url.parse().unwrap())
        .payer_client_ip(Ipv4Addr::new(203, 0, 113, 7).into())
        .device_id("till-1")
        .unwrap()
        .time_expire(UnixTime::from_secs(1_795_603_600))
}

fn full_order(sub_orders: Vec<SubOrder>) -> Order {
    minimal_order(sub_orders)
        .time_start(UnixTime::from_secs(1_795_600_000))
        .limit_pay(vec![LimitPay::NoDebit])
        .identity(IdentityKind::Idcard, sensitive("110101199003070038"), sensitive("张三"))
}

fn with_openids(order: Order) -> Order {
    order.openid(OPENID.parse().unwrap()).sub_openid(OPENID.parse().unwrap())
}

fn with_subsidy(order: Order) -> Order {
    order.subsidy_detail(vec![Subsidy::new(SubsidyPeriod::Daily, vec![SubsidyPlan::new(3, 100)])])
}

//! Samples: payments.

use super::{APPID, NOTIFY_URL, OPENID, OUT_TRADE_NO, TRANSACTION_ID, partner, sensitive};
use crate::v3_operations::sample::Sample;
use core::net::Ipv4Addr;
use wxpay_proto::{
    Fen, UnixTime,
    v3::{
        Party,
        pay::{
            AppOrder, CloseOrder, CodePayment, H5Info, H5Order, IdentityKind, JsapiOrder, NativeOrder, Order,
            Payer, QueryOrder, ReverseOrder, ScannedPosOrder, StoreId, code,
            order::{self, Detail, Goods, LimitPay, Store},
        },
    },
};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    samples.extend(orders());
    samples.extend(codes());
    for (is_direct, party) in [(true, Party::Direct), (false, partner())] {
        let name = |direct_name, partner_name| if is_direct { direct_name } else { partner_name };
        let number = || OUT_TRADE_NO.parse().unwrap();
        samples.push(Sample::of(
            name(
                "GET /v3/pay/transactions/out-trade-no/{out_trade_no}",
                "GET /v3/pay/partner/transactions/out-trade-no/{out_trade_no}",
            ),
            QueryOrder::out_trade_no(number(), party.clone()),
        ));
        samples.push(Sample::of(
            name(
                "GET /v3/pay/transactions/id/{transaction_id}",
                "GET /v3/pay/partner/transactions/id/{transaction_id}",
            ),
            QueryOrder::transaction_id(TRANSACTION_ID.parse().unwrap(), party.clone()),
        ));
        samples.push(Sample::of(
            name(
                "POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close",
                "POST /v3/pay/partner/transactions/out-trade-no/{out_trade_no}/close",
            ),
            CloseOrder::new(number(), party.clone()),
        ));
        samples.push(Sample::of(
            name(
                "POST /v3/pay/transactions/out-trade-no/{out_trade_no}/reverse",
                "POST /v3/pay/partner/transactions/out-trade-no/{out_trade_no}/reverse",
            ),
            ReverseOrder::new(number(), party).appid(APPID.parse().unwrap()),
        ));
    }
    samples
}

fn orders() -> Vec<Sample> {
    let direct_order = || full_order(Party::Direct).build().unwrap();
    let partner_order = || full_order(partner()).build().unwrap();
    let payer = || with_identity(Payer::new(OPENID.parse().unwrap()));
    let sub_payer = || with_identity(Payer::under_sub_appid(OPENID.parse().unwrap()));
    let mini_program = || minimal_order(partner()).store(Store::new("1")).build().unwrap();
    let [payer_of_partner, payer_of_sub_merchant] =
        [Payer::new(OPENID.parse().unwrap()), Payer::under_sub_appid(OPENID.parse().unwrap())];
    let store = || StoreId::OutId("shop-1".into());
    let scanned =
        |payer, store| ScannedPosOrder::new(minimal_order(partner()).build().unwrap(), payer, store).unwrap();
    vec![
        Sample::of("POST /v3/pay/transactions/jsapi", JsapiOrder::new(direct_order(), payer()).unwrap()),
        Sample::of(
            "POST /v3/pay/partner/transactions/jsapi",
            JsapiOrder::new(partner_order(), payer()).unwrap(),
        ),
        Sample::of(
            "POST /v3/pay/partner/transactions/jsapi",
            JsapiOrder::new(partner_order(), sub_payer()).unwrap(),
        ),
        Sample::of(
            "POST /v3/pay/partner/transactions/miniprogram",
            JsapiOrder::mini_program(mini_program(), payer_of_partner.clone()).unwrap(),
        ),
        Sample::of(
            "POST /v3/pay/partner/transactions/miniprogram",
            JsapiOrder::mini_program(mini_program(), payer_of_sub_merchant.clone()).unwrap(),
        ),
        Sample::of("POST /v3/pay/transactions/app", AppOrder::new(direct_order())),
        Sample::of("POST /v3/pay/partner/transactions/app", AppOrder::new(partner_order())),
        Sample::of("POST /v3/pay/transactions/native", NativeOrder::new(direct_order())),
        Sample::of("POST /v3/pay/partner/transactions/native", NativeOrder::new(partner_order())),
        Sample::of("POST /v3/pay/transactions/h5", H5Order::new(direct_order(), h5_info()).unwrap()),
        Sample::of("POST /v3/pay/partner/transactions/h5", H5Order::new(partner_order(), h5_info()).unwrap()),
        Sample::of("POST /v3/pay/partner/transactions/scannedpos", scanned(payer_of_partner, store())),
        Sample::of(
            "POST /v3/pay/partner/transactions/scannedpos",
            scanned(payer_of_sub_merchant, StoreId::Id("1".into())),
        ),
    ]
}

/// Returns an order with the fields that every payment method has.
fn minimal_order(party: Party) -> order::Builder {
    let mut goods = Goods::new("g-1", 2, Fen::new(100));
    goods.wechatpay_goods_id = Some("1001".into());
    goods.goods_name = Some("筷子".into());
    let mut detail = Detail::of(vec![goods]);
    detail.cost_price = Some(Fen::new(300));
    detail.invoice_id = Some("i-1".into());
    Order::builder(OUT_TRADE_NO.parse().unwrap(), Fen::new(200), "一双筷子")
        .appid(APPID.parse().unwrap())
        .notify_url(NOTIFY_URL.parse().unwrap())
        .party(party)
        .time_expire(UnixTime::from_secs(1_795_603_600))
        .attach("甲")
        .goods_tag("tag-1")
        .support_fapiao(true)
        .detail(detail)
        .payer_client_ip(ADDRESS.into())
        .device_id("till-1")
        .profit_sharing(true)
}

fn full_order(party: Party) -> order::Builder {
    let mut store = Store::new("1");
    store.name = Some("腾讯大厦分店".into());
    store.area_code = Some("440305".into());
    store.address = Some("深南大道10000号".into());
    minimal_order(party).limit_pay(vec![LimitPay::NoCredit]).store(store)
}

/// WeChat Pay refuses a request with an unknown field, so undocumented fields must not be sent.
#[test]
fn mini_program_order_of_a_sub_merchant_rejects_undocumented_fields() {
    let payer = || Payer::new(OPENID.parse().unwrap());
    let rejected_field = |order, payer| JsapiOrder::mini_program(order, payer).unwrap_err().field();
    assert_eq!(rejected_field(full_order(partner()).build().unwrap(), payer()), "limit_pay");
    let mut store = Store::new("1");
    store.address = Some("深南大道10000号".into());
    assert_eq!(rejected_field(minimal_order(partner()).store(store).build().unwrap(), payer()), "store_info");
    assert_eq!(rejected_field(minimal_order(partner()).build().unwrap(), with_identity(payer())), "identity");
    assert!(
        JsapiOrder::mini_program(full_order(Party::Direct).build().unwrap(), with_identity(payer())).is_ok()
    );
}

fn with_identity(payer: Payer) -> Payer {
    payer.with_identity(IdentityKind::Idcard, sensitive("110101199003070038"), sensitive("张三"))
}

pub(super) fn h5_info() -> H5Info {
    let mut info = H5Info::wap();
    info.app_name = Some("商店".into());
    info.app_url = Some("https://shop.example".into());
    info.bundle_id = Some("example.shop".into());
    info.package_name = Some("example.shop".into());
    info
}

fn codes() -> Vec<Sample> {
    vec![
        Sample::of("POST /v3/pay/transactions/codepay", code(Party::Direct, StoreId::Id("1".into()))),
        Sample::of("POST /v3/pay/transactions/codepay", code(Party::Direct, StoreId::OutId("shop-1".into()))),
        Sample::of("POST /v3/pay/partner/transactions/codepay", code(partner(), StoreId::Id("1".into()))),
        Sample::of(
            "POST /v3/pay/partner/transactions/codepay",
            code(partner(), StoreId::OutId("shop-1".into())),
        ),
    ]
}

fn code(party: Party, store: StoreId) -> CodePayment {
    let mut goods = Goods::new("g-1", 2, Fen::new(100));
    goods.wechatpay_goods_id = Some("1001".into());
    goods.goods_name = Some("筷子".into());
    let mut detail = Detail::of(vec![goods]);
    detail.cost_price = Some(Fen::new(300));
    detail.invoice_id = Some("i-1".into());
    let pay: code::Builder = CodePayment::builder(
        OUT_TRADE_NO.parse().unwrap(),
        Fen::new(200),
        "一双筷子",
        "130000000000000000".parse().unwrap(),
        store,
    )
    .appid(APPID.parse().unwrap());
    pay.party(party)
        .attach("甲")
        .goods_tag("tag-1")
        .support_fapiao(true)
        .device_id("till-1")
        .device_ip(ADDRESS.into())
        .detail(detail)
        .profit_sharing(true)
        .build()
        .unwrap()
}

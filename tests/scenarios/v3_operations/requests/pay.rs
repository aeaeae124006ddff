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
    for (own, party) in [(true, Party::Direct), (false, partner())] {
        let name = |own_name, partner_name| if own { own_name } else { partner_name };
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
            ReverseOrder::new(APPID.parse().unwrap(), number(), party),
        ));
    }
    samples
}

fn orders() -> Vec<Sample> {
    let own = || full(Party::Direct).build().unwrap();
    let for_sub_merchant = || full(partner()).build().unwrap();
    let payer = || identified(Payer::new(OPENID.parse().unwrap()));
    let sub_payer = || identified(Payer::under_sub_appid(OPENID.parse().unwrap()));
    let program = || short(partner()).store(Store::new("1")).build().unwrap();
    let [a, b] = [Payer::new(OPENID.parse().unwrap()), Payer::under_sub_appid(OPENID.parse().unwrap())];
    let shop = || StoreId::OutId("shop-1".into());
    let till = |payer, shop| ScannedPosOrder::new(short(partner()).build().unwrap(), payer, shop).unwrap();
    vec![
        Sample::of("POST /v3/pay/transactions/jsapi", JsapiOrder::new(own(), payer()).unwrap()),
        Sample::of(
            "POST /v3/pay/partner/transactions/jsapi",
            JsapiOrder::new(for_sub_merchant(), payer()).unwrap(),
        ),
        Sample::of(
            "POST /v3/pay/partner/transactions/jsapi",
            JsapiOrder::new(for_sub_merchant(), sub_payer()).unwrap(),
        ),
        Sample::of(
            "POST /v3/pay/partner/transactions/miniprogram",
            JsapiOrder::mini_program(program(), a.clone()).unwrap(),
        ),
        Sample::of(
            "POST /v3/pay/partner/transactions/miniprogram",
            JsapiOrder::mini_program(program(), b.clone()).unwrap(),
        ),
        Sample::of("POST /v3/pay/transactions/app", AppOrder::new(own())),
        Sample::of("POST /v3/pay/partner/transactions/app", AppOrder::new(for_sub_merchant())),
        Sample::of("POST /v3/pay/transactions/native", NativeOrder::new(own())),
        Sample::of("POST /v3/pay/partner/transactions/native", NativeOrder::new(for_sub_merchant())),
        Sample::of("POST /v3/pay/transactions/h5", H5Order::new(own(), browser()).unwrap()),
        Sample::of(
            "POST /v3/pay/partner/transactions/h5",
            H5Order::new(for_sub_merchant(), browser()).unwrap(),
        ),
        Sample::of("POST /v3/pay/partner/transactions/scannedpos", till(a, shop())),
        Sample::of("POST /v3/pay/partner/transactions/scannedpos", till(b, StoreId::Id("1".into()))),
    ]
}

/// Returns an order with the fields that every payment method has.
fn short(party: Party) -> order::Builder {
    let mut goods = Goods::new("g-1", 2, Fen::new(100));
    goods.wechatpay_goods_id = Some("1001".into());
    goods.goods_name = Some("筷子".into());
    let mut detail = Detail::of(vec![goods]);
    detail.cost_price = Some(Fen::new(300));
    detail.invoice_id = Some("i-1".into());
    Order::builder(
        APPID.parse().unwrap(),
        OUT_TRADE_NO.parse().unwrap(),
        Fen::new(200),
        "一双筷子",
        NOTIFY_URL.parse().unwrap(),
    )
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

fn full(party: Party) -> order::Builder {
    let mut store = Store::new("1");
    store.name = Some("腾讯大厦分店".into());
    store.area_code = Some("440305".into());
    store.address = Some("深南大道10000号".into());
    short(party).limit_pay(vec![LimitPay::NoCredit]).store(store)
}

/// WeChat Pay refuses a request with an unknown field, so undocumented fields must not be sent.
#[test]
fn mini_program_order_of_a_sub_merchant_rejects_undocumented_fields() {
    let payer = || Payer::new(OPENID.parse().unwrap());
    let refused = |order, payer| JsapiOrder::mini_program(order, payer).unwrap_err().field();
    assert_eq!(refused(full(partner()).build().unwrap(), payer()), "limit_pay");
    let mut store = Store::new("1");
    store.address = Some("深南大道10000号".into());
    assert_eq!(refused(short(partner()).store(store).build().unwrap(), payer()), "store_info");
    assert_eq!(refused(short(partner()).build().unwrap(), identified(payer())), "identity");
    assert!(JsapiOrder::mini_program(full(Party::Direct).build().unwrap(), identified(payer())).is_ok());
}

fn identified(payer: Payer) -> Payer {
    payer.with_identity(IdentityKind::Idcard, sensitive("110101199003070038"), sensitive("张三"))
}

pub(super) fn browser() -> H5Info {
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

fn code(party: Party, shop: StoreId) -> CodePayment {
    let mut goods = Goods::new("g-1", 2, Fen::new(100));
    goods.wechatpay_goods_id = Some("1001".into());
    goods.goods_name = Some("筷子".into());
    let mut detail = Detail::of(vec![goods]);
    detail.cost_price = Some(Fen::new(300));
    detail.invoice_id = Some("i-1".into());
    let pay: code::Builder = CodePayment::builder(
        APPID.parse().unwrap(),
        OUT_TRADE_NO.parse().unwrap(),
        Fen::new(200),
        "一双筷子",
        "130000000000000000".parse().unwrap(),
        shop,
    );
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

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
            Payer, QueryOrder, ReverseOrder, ScannedPosOrder, StoreId,
            order::{Detail, Goods, LimitPay, Store},
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
            QueryOrder::out_trade_no(number()).party(party.clone()),
        ));
        samples.push(Sample::of(
            name(
                "GET /v3/pay/transactions/id/{transaction_id}",
                "GET /v3/pay/partner/transactions/id/{transaction_id}",
            ),
            QueryOrder::transaction_id(TRANSACTION_ID.parse().unwrap()).party(party.clone()),
        ));
        samples.push(Sample::of(
            name(
                "POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close",
                "POST /v3/pay/partner/transactions/out-trade-no/{out_trade_no}/close",
            ),
            CloseOrder::new(number()).party(party.clone()),
        ));
        samples.push(Sample::of(
            name(
                "POST /v3/pay/transactions/out-trade-no/{out_trade_no}/reverse",
                "POST /v3/pay/partner/transactions/out-trade-no/{out_trade_no}/reverse",
            ),
            ReverseOrder::new(number()).party(party).appid(APPID.parse().unwrap()),
        ));
    }
    samples
}

fn orders() -> Vec<Sample> {
    let direct_order = || full_order(Party::Direct);
    let partner_order = || full_order(partner());
    let payer = || with_identity(Payer::new(OPENID.parse().unwrap()));
    let sub_payer = || with_identity(Payer::under_sub_appid(OPENID.parse().unwrap()));
    let mini_program = || minimal_order(partner()).store(Store::new("1").unwrap());
    let [payer_of_partner, payer_of_sub_merchant] =
        [Payer::new(OPENID.parse().unwrap()), Payer::under_sub_appid(OPENID.parse().unwrap())];
    let store = || StoreId::out_id("shop-1").unwrap();
    let scanned = |payer, store| ScannedPosOrder::new(minimal_order(partner()), payer, store).unwrap();
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
            scanned(payer_of_sub_merchant, StoreId::id("1").unwrap()),
        ),
    ]
}

/// Returns an order with the fields that every payment method has.
fn minimal_order(party: Party) -> Order {
    common_order(party)
        .time_expire(UnixTime::from_secs(1_795_603_600))
        .payer_client_ip(ADDRESS.into())
        .notify_url(NOTIFY_URL.parse().unwrap())
}

/// Returns an order with the fields that code payment has, too.
fn common_order(party: Party) -> Order {
    let goods = Goods::new("g-1", 2, Fen::new(100)).unwrap();
    let goods = goods.wechatpay_goods_id("1001").unwrap().goods_name("筷子").unwrap();
    let detail = Detail::new(vec![goods]).cost_price(Fen::new(300)).invoice_id("i-1").unwrap();
    Order::new(OUT_TRADE_NO.parse().unwrap(), Fen::new(200), "一双筷子")
        .unwrap()
        .appid(APPID.parse().unwrap())
        .party(party)
        .attach("甲")
        .unwrap()
        .goods_tag("tag-1")
        .unwrap()
        .support_fapiao(true)
        .detail(detail)
        .device_id("till-1")
        .unwrap()
        .profit_sharing(true)
}

fn full_order(party: Party) -> Order {
    let store = Store::new("1").unwrap().name("腾讯大厦分店").unwrap();
    let store = store.area_code("440305").unwrap().address("深南大道10000号").unwrap();
    minimal_order(party).limit_pay(vec![LimitPay::NoCredit]).store(store)
}

/// WeChat Pay refuses a request with an unknown field, so undocumented fields must not be sent.
#[test]
fn mini_program_order_of_a_sub_merchant_rejects_undocumented_fields() {
    let payer = || Payer::new(OPENID.parse().unwrap());
    let rejected_field = |order, payer| JsapiOrder::mini_program(order, payer).unwrap_err().field();
    assert_eq!(rejected_field(full_order(partner()), payer()), "limit_pay");
    let store = Store::new("1").unwrap().address("深南大道10000号").unwrap();
    assert_eq!(rejected_field(minimal_order(partner()).store(store), payer()), "store_info");
    assert_eq!(rejected_field(minimal_order(partner()), with_identity(payer())), "identity");
    assert!(JsapiOrder::mini_program(full_order(Party::Direct), with_identity(payer())).is_ok());
}

fn with_identity(payer: Payer) -> Payer {
    payer.identity(IdentityKind::Idcard, sensitive("110101199003070038"), sensitive("张三"))
}

pub(super) fn h5_info() -> H5Info {
    let info = H5Info::wap().app_name("商店").unwrap().app_url("https://shop.example").unwrap();
    info.bundle_id("example.shop").unwrap().package_name("example.shop").unwrap()
}

fn codes() -> Vec<Sample> {
    vec![
        Sample::of("POST /v3/pay/transactions/codepay", code(Party::Direct, StoreId::id("1").unwrap())),
        Sample::of(
            "POST /v3/pay/transactions/codepay",
            code(Party::Direct, StoreId::out_id("shop-1").unwrap()),
        ),
        Sample::of("POST /v3/pay/partner/transactions/codepay", code(partner(), StoreId::id("1").unwrap())),
        Sample::of(
            "POST /v3/pay/partner/transactions/codepay",
            code(partner(), StoreId::out_id("shop-1").unwrap()),
        ),
    ]
}

fn code(party: Party, store: StoreId) -> CodePayment {
    let code = "130000000000000000".parse().unwrap();
    CodePayment::new(common_order(party), code, store).unwrap().device_ip(ADDRESS.into())
}

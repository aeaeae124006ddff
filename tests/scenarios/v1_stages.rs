//! APIv1 against the test vectors of this repository (`tests/vectors`), compared stage by stage.

use super::stages::Case;
use core::net::Ipv4Addr;
use wxpay_proto::{
    v1::{
        AppParams, AppSecret, DeliveryReport, Merchant, Order, Package, PartnerKey, PaySignKey,
        RawNotification, SignedDelivery, SignedPrepay, SignedQuery, notification, order,
    },
    wire::{charset::Charset, time},
};

/// The input of an APIv1 case.
impl Case {
    fn merchant(&self) -> Merchant {
        Merchant::builder(
            self.text("appid").parse().unwrap(),
            AppSecret::new("0".repeat(32)).unwrap(),
            PaySignKey::new(self.text("pay_sign_key").into()).unwrap(),
            self.text("partner").parse().unwrap(),
            PartnerKey::new(self.text("partner_key").into()).unwrap(),
        )
        .build()
    }

    fn order(&self) -> Order {
        let field = |name: &str| self.context["order"][name].as_str();
        let needed = |name: &str| field(name).unwrap();
        let moment = |text: &str| time::parse_compact(text.as_bytes()).unwrap();
        let address: Ipv4Addr = needed("spbill_create_ip").parse().unwrap();
        let mut order = Order::builder(
            needed("out_trade_no").parse().unwrap(),
            needed("total_fee").parse().unwrap(),
            needed("body"),
            needed("notify_url").parse().unwrap(),
            address,
        )
        .charset(Charset::from_name(self.text("charset").as_bytes()).unwrap())
        .traceid(self.text("traceid"));
        order = field("attach").into_iter().fold(order, order::Builder::attach);
        order = field("goods_tag").into_iter().fold(order, order::Builder::goods_tag);
        order = field("time_start").into_iter().fold(order, |order, start| order.time_start(moment(start)));
        order =
            field("time_expire").into_iter().fold(order, |order, expire| order.time_expire(moment(expire)));
        if let (Some(transport), Some(product)) = (field("transport_fee"), field("product_fee")) {
            order = order.fees(transport.parse().unwrap(), product.parse().unwrap());
        }
        order.build().unwrap()
    }
}

#[test]
fn prepay_signs_the_package_and_the_request() {
    for case in Case::all("v1", "genprepay") {
        let (me, order) = (case.merchant(), case.order());
        case.stage("package-string-to-sign.bin", Package::string_to_sign(&order, &me).expose());
        case.stage("package-sign.txt", Package::from_order(&order, &me).sign().as_str());
        case.stage("package.txt", Package::from_order(&order, &me).as_str());
        let signed = SignedPrepay::sign(&me, &order, case.at(), case.text("noncestr").into());
        case.stage("string-to-sign.txt", signed.string_to_sign(&me).expose());
        case.stage("app-signature.txt", signed.app_signature().as_str());
        case.stage("body.json", signed.body());
    }
}

#[test]
fn app_params_have_seven_signed_parameters() {
    for case in Case::all("v1", "phone") {
        let me = case.merchant();
        let params = AppParams::sign(
            &me,
            case.text("prepayid").parse().unwrap(),
            case.at(),
            case.text("noncestr").into(),
        );
        case.stage("string-to-sign.txt", params.string_to_sign(&me).expose());
        case.stage("sign.txt", params.sign.as_str());
        case.stage("params.json", serde_json::to_vec(&params).unwrap());
    }
}

#[test]
fn query_signs_the_package_and_the_request() {
    for case in Case::all("v1", "orderquery") {
        let (me, number) = (case.merchant(), case.text("out_trade_no").parse().unwrap());
        let signed = SignedQuery::sign(&me, &number, case.at());
        case.stage("package-string-to-sign.bin", SignedQuery::package_string_to_sign(&me, &number).expose());
        case.stage("package.txt", signed.package());
        case.stage("string-to-sign.txt", signed.string_to_sign(&me).expose());
        case.stage("app-signature.txt", signed.app_signature().as_str());
        case.stage("body.json", signed.body());
    }
}

#[test]
fn delivery_is_signed_for_success_and_failure() {
    for case in Case::all("v1", "delivernotify") {
        let me = case.merchant();
        let [openid, transid, number] = ["openid", "transid", "out_trade_no"].map(|name| case.text(name));
        let mut delivery = DeliveryReport::succeeded(
            openid.parse().unwrap(),
            transid.parse().unwrap(),
            number.parse().unwrap(),
        );
        if let Some(reason) = case.context["failure"].as_str() {
            delivery = delivery.failed(reason).unwrap();
        }
        let signed = SignedDelivery::sign(&me, &delivery, case.at());
        case.stage("string-to-sign.txt", signed.string_to_sign(&me).expose());
        case.stage("app-signature.txt", signed.app_signature().as_str());
        case.stage("body.json", signed.body());
    }
}

#[test]
fn notification_signatures_are_verified_and_fields_parsed() {
    for case in Case::all("v1", "notice") {
        let me = case.merchant();
        let [query, body] = ["query.txt", "body.xml"].map(|name| case.file(name));
        let received = RawNotification::new("POST", &query, &body);
        let [of_query, of_body] = notification::strings_to_sign(&me, &received).unwrap();
        case.stage("query-string-to-sign.bin", of_query.expose());
        case.stage("body-string-to-sign.txt", of_body.expose());
        let heard = me.verify_notification(&received).unwrap();
        let told = |name: &str| case.context["told"][name].as_str().filter(|value| !value.is_empty());
        assert_eq!(Some(heard.out_trade_no().as_str()), told("out_trade_no"));
        assert_eq!(Some(heard.transaction_id().as_str()), told("transaction_id"));
        assert_eq!(Some(heard.total_fee().to_string().as_str()), told("total_fee"));
        assert_eq!(Some(heard.discount().to_string().as_str()), told("discount"));
        assert_eq!(Some(time::format_compact(heard.time_end()).as_str()), told("time_end"));
        assert_eq!(Some(heard.notify_id().as_str()), told("notify_id"));
        assert_eq!(Some(heard.bank_type()), told("bank_type"));
        assert_eq!(heard.bank_billno(), told("bank_billno"));
        assert_eq!(heard.attach(), told("attach"));
        assert_eq!((heard.openid().as_str(), heard.sent_at()), (case.text("openid"), case.at()));
        assert!(heard.is_paid() && !heard.is_subscribe());
    }
}

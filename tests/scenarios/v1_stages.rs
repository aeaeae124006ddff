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
        let required = |name: &str| field(name).unwrap();
        let time_of = |text: &str| time::parse_compact(text.as_bytes()).unwrap();
        let address: Ipv4Addr = required("spbill_create_ip").parse().unwrap();
        let mut order = Order::builder(
            required("out_trade_no").parse().unwrap(),
            required("total_fee").parse().unwrap(),
            required("body"),
            required("notify_url").parse().unwrap(),
            address,
        )
        .charset(Charset::from_name(self.text("charset").as_bytes()).unwrap())
        .traceid(self.text("traceid"));
        order = field("attach").into_iter().fold(order, order::Builder::attach);
        order = field("goods_tag").into_iter().fold(order, order::Builder::goods_tag);
        order = field("time_start").into_iter().fold(order, |order, start| order.time_start(time_of(start)));
        order =
            field("time_expire").into_iter().fold(order, |order, expire| order.time_expire(time_of(expire)));
        if let (Some(transport), Some(product)) = (field("transport_fee"), field("product_fee")) {
            order = order.fees(transport.parse().unwrap(), product.parse().unwrap());
        }
        order.build().unwrap()
    }
}

#[test]
fn prepay_signs_the_package_and_the_request() {
    for case in Case::all("v1", "genprepay") {
        let (merchant, order) = (case.merchant(), case.order());
        case.stage("package-string-to-sign.bin", Package::string_to_sign(&order, &merchant).expose());
        case.stage("package-sign.txt", Package::from_order(&order, &merchant).sign().as_str());
        case.stage("package.txt", Package::from_order(&order, &merchant).as_str());
        let signed = SignedPrepay::sign(&merchant, &order, case.at(), case.text("noncestr").into());
        case.stage("string-to-sign.txt", signed.string_to_sign(&merchant).expose());
        case.stage("app-signature.txt", signed.app_signature().as_str());
        case.stage("body.json", signed.body());
    }
}

#[test]
fn app_params_have_seven_signed_parameters() {
    for case in Case::all("v1", "app_params") {
        let merchant = case.merchant();
        let params = AppParams::sign(
            &merchant,
            case.text("prepayid").parse().unwrap(),
            case.at(),
            case.text("noncestr").into(),
        );
        case.stage("string-to-sign.txt", params.string_to_sign(&merchant).expose());
        case.stage("sign.txt", params.sign.as_str());
        case.stage("params.json", serde_json::to_vec(&params).unwrap());
    }
}

#[test]
fn query_signs_the_package_and_the_request() {
    for case in Case::all("v1", "orderquery") {
        let (merchant, number) = (case.merchant(), case.text("out_trade_no").parse().unwrap());
        let signed = SignedQuery::sign(&merchant, &number, case.at());
        case.stage(
            "package-string-to-sign.bin",
            SignedQuery::package_string_to_sign(&merchant, &number).expose(),
        );
        case.stage("package.txt", signed.package());
        case.stage("string-to-sign.txt", signed.string_to_sign(&merchant).expose());
        case.stage("app-signature.txt", signed.app_signature().as_str());
        case.stage("body.json", signed.body());
    }
}

#[test]
fn delivery_is_signed_for_success_and_failure() {
    for case in Case::all("v1", "delivernotify") {
        let merchant = case.merchant();
        let [openid, transid, number] = ["openid", "transid", "out_trade_no"].map(|name| case.text(name));
        let mut delivery = DeliveryReport::succeeded(
            openid.parse().unwrap(),
            transid.parse().unwrap(),
            number.parse().unwrap(),
        );
        if let Some(reason) = case.context["failure"].as_str() {
            delivery = delivery.failed(reason).unwrap();
        }
        let signed = SignedDelivery::sign(&merchant, &delivery, case.at());
        case.stage("string-to-sign.txt", signed.string_to_sign(&merchant).expose());
        case.stage("app-signature.txt", signed.app_signature().as_str());
        case.stage("body.json", signed.body());
    }
}

#[test]
fn notification_signatures_are_verified_and_fields_parsed() {
    for case in Case::all("v1", "notification") {
        let merchant = case.merchant();
        let [query, body] = ["query.txt", "body.xml"].map(|name| case.file(name));
        let raw = RawNotification::new("POST", &query, &body);
        let [query_string, body_string] = notification::strings_to_sign(&merchant, &raw).unwrap();
        case.stage("query-string-to-sign.bin", query_string.expose());
        case.stage("body-string-to-sign.txt", body_string.expose());
        let notification = merchant.verify_notification(&raw).unwrap();
        let field = |name: &str| case.context["fields"][name].as_str().filter(|value| !value.is_empty());
        assert_eq!(Some(notification.out_trade_no().as_str()), field("out_trade_no"));
        assert_eq!(Some(notification.transaction_id().as_str()), field("transaction_id"));
        assert_eq!(Some(notification.total_fee().to_string().as_str()), field("total_fee"));
        assert_eq!(Some(notification.discount().to_string().as_str()), field("discount"));
        assert_eq!(Some(time::format_compact(notification.time_end()).as_str()), field("time_end"));
        assert_eq!(Some(notification.notify_id().as_str()), field("notify_id"));
        assert_eq!(Some(notification.bank_type()), field("bank_type"));
        assert_eq!(notification.bank_billno(), field("bank_billno"));
        assert_eq!(notification.attach(), field("attach"));
        assert_eq!(
            (notification.openid().as_str(), notification.sent_at()),
            (case.text("openid"), case.at())
        );
        assert!(notification.is_paid() && !notification.is_subscribe());

        for at in 0..query.len() {
            let mut changed = query.clone();
            changed[at] ^= 1;
            if let Ok(accepted) = merchant.verify_notification(&RawNotification::new("POST", &changed, &body))
            {
                // The letter case of a signature and of a percent-encoded byte has no meaning.
                assert!(changed.eq_ignore_ascii_case(&query) && accepted == notification, "at {at}");
            }
        }
    }
}

//! Arbitrary input: nothing panics, and no order is created or paid.

use crate::{
    control::{Control, fixture},
    support::{BASE, START, Shop},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;
use wxpay_proto::http::Request;
use wxpay_sim::{Outcome, Settings, payer::PaymentRequest};

const PATHS: [&str; 4] = ["/cgi-bin/token", "/pay/genprepay", "/pay/orderquery", "/pay/delivernotify"];

/// Paths of the control interface, as regular expressions.
const CONTROL_PATHS: &[&str] = &[
    "orders(/A1(/pay|/cancel|/fail|/combined|/\\PC{0,5})?)?",
    "clock(/run|/freeze)?",
    "faults(/1|/kinds)?",
    "payer/pay",
    "merchants(/1900000109(/environment|/certificates|/apps/\\PC{0,9}|/api_v3_key)?)?",
    "merchants/1900000109/platform(/rotate|/migrate|/mode)?",
    "(notifications(/1(/resend|/cancel)?)?|settings|state|requests|transfers|profitsharing|authorizations)",
    "\\PC{0,20}",
];

proptest! {
    #[test]
    fn any_body_gets_a_reply(path in 0..4_usize, body in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut shop = Shop::open(Settings::default());
        let request = Request::post(shop.url(PATHS[path]), "", body);
        prop_assert!(matches!(shop.gateway.answer(&request, START), Outcome::Reply(_)));
        prop_assert!(shop.gateway.orders(START).len() == 0);
    }

    #[test]
    fn any_url_gets_a_reply(url in "\\PC{0,80}", query in "\\PC{0,80}") {
        let mut shop = Shop::open(Settings::default());
        for url in [url, format!("{BASE}/cgi-bin/token?{query}"), format!("{BASE}/pay/genprepay?{query}")] {
            let is_reply = matches!(shop.gateway.answer(&Request::get(url), START), Outcome::Reply(_));
            prop_assert!(is_reply);
        }
    }

    /// Arbitrary packages with a valid outer signature.
    #[test]
    fn arbitrary_package_is_refused(package in "[a-z_=&%+0-9A-F\\PC]{0,120}") {
        let mut shop = Shop::open(Settings::default());
        let body = shop.prepay_of(&package);
        let reply = shop.call("/pay/genprepay", &body);
        prop_assert_ne!(&reply["errcode"], &Value::from(0));
        prop_assert!(shop.gateway.orders(START).len() == 0);
    }

    /// Arbitrary bytes in any field, with both signatures valid.
    #[test]
    fn any_field_value_gets_a_known_errcode(
        field in 0..9_usize,
        value in prop::collection::vec(any::<u8>(), 0..140),
        extra in "[a-z_]{1,12}",
    ) {
        let mut shop = Shop::open(Settings::default());
        let mut goods = shop.goods("A1");
        let name = goods.keys().nth(field).copied().unwrap();
        goods.insert(name, value.clone());
        goods.insert(extra.leak(), value);
        let body = shop.prepay_body(&goods);
        let code = shop.errcode("/pay/genprepay", &body);
        prop_assert!([0, 40033, 40035, 49010, 268_500_741].contains(&code), "{}", code);
        prop_assert_eq!(shop.gateway.orders(START).len(), usize::from(code == 0));
    }

    #[test]
    fn control_responses_conform_to_the_document(
        method in "GET|POST|PUT|PATCH|DELETE|\\PC{0,8}",
        path in prop::sample::select(CONTROL_PATHS).prop_flat_map(|path| path),
        query in "(\\?(mchid|state|limit|records)=[0-9A-Z_]{0,12})?",
        body in prop_oneof![
            r#"\{("(kind|millis|step|mode|key|now|advance_seconds|openid|rate_limits|[a-z_]{1,12})":("(early|cut|switch|either|[0-9a-z-]{1,6})"|true|null|[0-9]{1,6})){0,1}\}"#.prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..60),
        ],
    ) {
        static CONTROL: LazyLock<Control> = LazyLock::new(|| {
            let mut interface = fixture().interface;
            interface.succeed("POST", "merchants", &json!({ "mchid": "1900000109" }));
            interface
        });
        let (mut interface, path) = (CONTROL.clone(), format!("{path}{query}"));
        let response = interface.simulation.control(&method, &format!("/_sim/v1/{path}"), &body, START);
        prop_assert!([200, 201, 400, 404, 405, 409, 422].contains(&response.status));
        if ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
            interface.document.assert_conforms(&method, &path, &response);
        }
    }

    #[test]
    fn arbitrary_payment_parameters_are_rejected(parameters in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut shop = Shop::open(Settings::default());
        prop_assert!(PaymentRequest::parse(&mut shop.gateway, &parameters, START).is_err());
    }
}

//! APIv1 access tokens.

use super::{Fixture, fixture};
use serde_json::Value;

#[test]
fn tokens_are_expired_and_replaced() {
    for (path, expected) in [("tokens/expire", 42001), ("tokens/replace", 40001)] {
        let Fixture { mut shop, mut interface, .. } = fixture();
        assert_eq!(interface.call("POST", path, &Value::Null).status, 200);
        shop.gateway = interface.simulation.gateway;
        let body = shop.query_body("A1");
        assert_eq!(shop.errcode("/pay/orderquery", &body), expected);
    }
}

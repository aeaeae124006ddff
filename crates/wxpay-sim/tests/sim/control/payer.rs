//! The payer's client, driven by payment parameters.

use super::{Fixture, fixture};
use serde_json::json;

#[test]
fn payer_pays_by_the_seven_v1_parameters() {
    let Fixture { shop, prepayid, mut interface } = fixture();
    let mut parameters = shop.app_params(&prepayid, "Sign=WXPay");
    let cancelled = interface.call("POST", "payer/cancel", &parameters);
    assert_eq!(cancelled.body["resp"]["errCode"], -2);
    let paid = interface.call("POST", "payer/pay", &parameters);
    assert_eq!(paid.body["payment_request"]["total"], 1999);
    assert_eq!(paid.body["resp"]["errCode"], 0);
    assert_eq!(paid.body["order"]["trade_state"], "SUCCESS");
    parameters["noncestr"] = "other".into();
    let rejected = interface.call("POST", "payer/pay", &parameters);
    assert_eq!((rejected.status, &rejected.body["field"]), (422, &json!("sign")));
    assert_eq!(rejected.body["resp"]["errCode"], -1);
}

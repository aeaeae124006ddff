//! Records of the latest requests.

use super::Control;
use crate::v3::shop::Shop;
use serde_json::{Value, json};

#[test]
fn requests_are_filtered_by_merchant_operation_and_status() {
    let mut shop = Shop::open();
    for number in ["A12345", "B12345"] {
        shop.order(number);
    }
    shop.query("C12345");
    let mchid = shop.mchid();
    let mut interface = Control::of(shop.gateway, shop.now);
    let all = interface.get("requests");
    let [one, two, three] = all.as_array().unwrap().as_slice() else { panic!("{all}") };
    assert_eq!((&three["status"], &three["code"]), (&json!(404), &json!("ORDER_NOT_EXIST")));
    assert_eq!(interface.get("requests?operation=v3.pay.native"), json!([one, two]));
    assert_eq!(interface.get("requests?operation=v3.pay.native&limit=1"), json!([two]));
    assert_eq!(interface.get("requests?status=404"), json!([three]));
    assert_eq!(interface.get(&format!("requests?mchid={mchid}")), all);
    assert_eq!(interface.get("requests?mchid=1"), json!([]));
    assert_eq!(interface.rejected("GET", "requests?operation=eat", &Value::Null), (400, "operation".into()));
    assert_eq!(interface.rejected("GET", "requests?limit=-1", &Value::Null), (400, "limit".into()));
    assert_eq!(interface.rejected("GET", "requests?limit=1&limit=2", &Value::Null), (400, "limit".into()));
}

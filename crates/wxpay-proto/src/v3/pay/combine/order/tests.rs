use super::{super::AppOrder, *};

fn sub_order(number: &str) -> SubOrder {
    let mchid = "1900000109".parse().unwrap();
    SubOrder::new(mchid, number.parse().unwrap(), Fen::new(10), "大米", "深圳分店").unwrap()
}

fn order(sub_orders: Vec<SubOrder>) -> Result<Order, InvalidField> {
    Order::new("P20150806".parse().unwrap(), sub_orders)
}

#[test]
fn a_combined_order_names_field_and_rule_of_an_error() {
    let named = |number: &str, total, description: &str, attach| {
        let mchid = "1900000109".parse().unwrap();
        SubOrder::new(mchid, number.parse().unwrap(), Fen::new(total), description, attach).map(drop)
    };
    let with_device_id = order(vec![sub_order("20150806")]).unwrap().device_id("POS1").unwrap();
    for (result, error) in [
        (
            Order::new("P2015".parse().unwrap(), vec![sub_order("20150806")]).map(drop),
            "combine_out_trade_no must be 6 to 32 of 0-9 A-Z a-z _ - *",
        ),
        (order(vec![]).map(drop), "sub_orders must have 1 to 50 entries"),
        (order(vec![sub_order("20150806"); 51]).map(drop), "sub_orders must have 1 to 50 entries"),
        (
            order(vec![sub_order("20150806"); 2]).map(drop),
            "out_trade_no must be unique among the sub-orders of one mchid",
        ),
        (named("2015", 10, "大米", "1"), "out_trade_no must be 6 to 32 of 0-9 A-Z a-z _ - *"),
        (named("20150806", 0, "大米", "1"), "total_amount must be 1 to 2147483647 fen"),
        (named("20150806", 10, "大米", ""), "attach must be 1 to 128 characters, none beyond U+FFFF"),
        (
            named("20150806", 10, &"米".repeat(128), "1"),
            "description must be 1 to 127 characters, none beyond U+FFFF",
        ),
        (
            sub_order("20150806").detail("").map(drop),
            "detail must be 1 to 6000 characters, none beyond U+FFFF",
        ),
        (Individual::new("").map(drop), "individual_auth_id must be 1 to 64 characters, none beyond U+FFFF"),
        (AppOrder::new(with_device_id).map(drop), "payer_client_ip is required with device_id"),
    ] {
        assert_eq!(result.unwrap_err().to_string(), error);
    }
    let expensive = |number: &str| {
        let (mchid, number) = ("1900000109".parse().unwrap(), number.parse().unwrap());
        SubOrder::new(mchid, number, Fen::new(2_147_483_647), "大米", "深圳分店").unwrap()
    };
    let error = order(vec![expensive("20150806"), expensive("20150807")]).unwrap_err();
    assert_eq!(error.field(), "the sum of total_amount");
}

#[test]
fn combined_orders_print_no_texts() {
    let individual = Individual::new("1").unwrap().name("张三").unwrap();
    let order = order(vec![sub_order("20150806").individual(individual)]).unwrap();
    let printed = format!("{order:?} {:?} {:?}", order.sub_orders, order.sub_orders[0].individual);
    assert!(!printed.contains("大米") && !printed.contains("分店") && !printed.contains("张三"), "{printed}");
}

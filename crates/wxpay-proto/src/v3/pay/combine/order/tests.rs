use super::*;

fn sub_order(number: &str) -> SubOrder {
    let mchid = "1900000109".parse().unwrap();
    SubOrder::new(mchid, number.parse().unwrap(), Fen::new(10), "大米", "深圳分店")
}

fn order(sub_orders: Vec<SubOrder>) -> Builder {
    let appid = "wxd678efh567hg6787".parse().unwrap();
    let url = "https://shop.example/combined".parse().unwrap();
    Order::builder("P20150806".parse().unwrap(), sub_orders).combine_appid(appid).notify_url(url)
}

#[test]
fn a_combined_order_names_field_and_rule_of_an_error() {
    let short = Order::builder("P2015".parse().unwrap(), vec![sub_order("20150806")])
        .combine_appid("wxd678efh567hg6787".parse().unwrap())
        .notify_url("https://shop.example/combined".parse().unwrap());
    let with = |change: fn(&mut SubOrder)| {
        let mut sub_order = sub_order("20150806");
        change(&mut sub_order);
        order(vec![sub_order])
    };
    for (builder, error) in [
        (short, "combine_out_trade_no must be 6 to 32 of 0-9 A-Z a-z _ - *"),
        (order(vec![]), "sub_orders must have 1 to 50 entries"),
        (order(vec![sub_order("20150806"); 51]), "sub_orders must have 1 to 50 entries"),
        (
            order(vec![sub_order("20150806"); 2]),
            "out_trade_no must be unique among the sub-orders of one mchid",
        ),
        (order(vec![sub_order("2015")]), "out_trade_no must be 6 to 32 of 0-9 A-Z a-z _ - *"),
        (with(|order| order.total_amount = Fen::ZERO), "total_amount must be 1 to 2147483647 fen"),
        (
            with(|order| order.attach = String::new()),
            "attach must be 1 to 128 characters, none beyond U+FFFF",
        ),
        (
            with(|order| order.description = "米".repeat(128)),
            "description must be 1 to 127 characters, none beyond U+FFFF",
        ),
        (with(|order| order.detail = Some(String::new())), "detail must be 1 to 6000 characters"),
        (
            with(|order| order.individual = Some(Individual::new(""))),
            "individual_auth_id must be 1 to 64 characters",
        ),
        (order(vec![sub_order("20150806")]).device_id("POS1"), "payer_client_ip is required with device_id"),
    ] {
        assert_eq!(builder.build().unwrap_err().to_string(), error);
    }
    let expensive = |number| SubOrder { total_amount: Fen::new(2_147_483_647), ..sub_order(number) };
    let error = order(vec![expensive("20150806"), expensive("20150807")]).build().unwrap_err();
    assert_eq!(error.field(), "the sum of total_amount");
}

#[test]
fn combined_orders_print_no_texts() {
    let mut with_individual = sub_order("20150806");
    with_individual.individual = Some(Individual { name: Some("张三".into()), ..Individual::new("1") });
    let order = order(vec![with_individual]);
    let printed = format!("{order:?} {:?} {:?}", order.0.sub_orders, order.0.sub_orders[0].individual);
    assert!(!printed.contains("大米") && !printed.contains("分店") && !printed.contains("张三"), "{printed}");
}

//! Calls with the merchant's keys that do not go through the server, and genuine notifications to anywhere.

use crate::{
    receiver::{Receiver, Webhook},
    shop::Shop,
};
use std::sync::Arc;
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    Fen,
    crypto::{CryptoProvider as _, pem},
    v3::{
        self, ApiV3Key, Merchant,
        pay::{NativeOrder, Order},
        refund::{CreateRefund, RefundAmount},
    },
};

fn merchant(shop: &Shop) -> Merchant {
    let private_key = pem::private_key(shop.file("WXPAY_PRIVATE_KEY_FILE").as_bytes()).unwrap();
    let private_key = AwsLc.private_key(&private_key).unwrap();
    Merchant::builder(
        Arc::new(AwsLc),
        shop.variable("WXPAY_MCHID").parse().unwrap(),
        shop.variable("WXPAY_SERIAL_NO").parse().unwrap(),
        private_key,
        &ApiV3Key::new(shop.variable("WXPAY_API_V3_KEY").to_owned()).unwrap(),
    )
    .platform_certificates()
    .base_url(&shop.sim.url())
    .unwrap()
    .build()
}

async fn run<E: v3::Endpoint + Send + 'static>(shop: &Shop, request: E) {
    let client = wxpay_hyper::Client::builder().build().unwrap();
    drop(client.run(merchant(shop).call(request)).await.unwrap());
}

/// Refunds a payment as the merchant's console does: the server did not request it, and is notified.
pub(crate) async fn refund(shop: &Shop, transaction_id: &str, number: &str, refund: u64, total: u64) {
    let amount = RefundAmount::new(Fen::new(refund), Fen::new(total)).unwrap();
    let transaction_id: wxpay_proto::id::TransactionId = transaction_id.parse().unwrap();
    let url = format!("{}/notify/default/refund", shop.server.url()).parse().unwrap();
    run(shop, CreateRefund::new(transaction_id, number.parse().unwrap(), amount).notify_url(url)).await;
}

/// Places an order whose notifications go to `url`.
pub(crate) async fn place(shop: &Shop, number: &str, total: u64, url: &str) {
    let order = Order::new(number.parse().unwrap(), Fen::new(total), "elsewhere").unwrap();
    let appid = shop.variable("WXPAY_APPID").parse().unwrap();
    let order = order.appid(appid).notify_url(url.parse().unwrap());
    run(shop, NativeOrder::new(order)).await;
}

/// Returns the genuine notification of the payment of an order that the server does not know.
pub(crate) async fn notification(shop: &Shop, number: &str, total: u64) -> Webhook {
    let receiver = Receiver::start().await;
    place(shop, number, total, &receiver.url()).await;
    shop.pay(number).await;
    receiver.wait_for(1).await[0].clone()
}

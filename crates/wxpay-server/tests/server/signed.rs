//! Notifications with genuine signatures and any content: what the simulated gateway does not send.

use crate::shop::{Reply, Shop, call};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use sha1::Sha1;

/// The content of a notification.
#[derive(Clone, Copy)]
struct Content {
    number: &'static str,
    transaction_id: &'static str,
    trade_state: &'static str,
}

const GENUINE: Content =
    Content { number: "A1", transaction_id: "1900000109201405083141592653", trade_state: "0" };

/// Returns the path with the query, and the body.
fn signed(shop: &Shop, content: Content) -> (String, String) {
    let merchant = shop.credentials();
    let (partner, openid) = (merchant.partner().as_str(), "oDF3iY9P32sK_5GgYiRkjsCo45bk");
    // In alphabetical order, as they are signed.
    let fields = format!(
        "bank_type=CCB_DEBIT&discount=0&fee_type=1&input_charset=UTF-8&notify_id=n1&out_trade_no={}&partner={partner}\
         &product_fee=1999&sign_type=MD5&time_end=20140508101000&total_fee=1999&trade_mode=1&trade_state={}\
         &transaction_id={}&transport_fee=0",
        content.number, content.trade_state, content.transaction_id,
    );
    let sign = Md5::digest(format!("{fields}&key={}", merchant.partner_key().expose()));
    let sign = hex::encode_upper(sign);
    let appid = merchant.appid().as_str();
    let text = format!(
        "appid={appid}&appkey={}&issubscribe=0&noncestr=n&openid={openid}&timestamp=1399515000",
        merchant.pay_sign_key().expose(),
    );
    let signature = hex::encode(Sha1::digest(text));
    let body = format!(
        "<xml><OpenId><![CDATA[{openid}]]></OpenId><AppId><![CDATA[{appid}]]></AppId><IsSubscribe>0</IsSubscribe>\
         <TimeStamp>1399515000</TimeStamp><NonceStr><![CDATA[n]]></NonceStr>\
         <AppSignature><![CDATA[{signature}]]></AppSignature><SignMethod><![CDATA[sha1]]></SignMethod></xml>",
    );
    (format!("/notify/v1?{fields}&sign={sign}"), body)
}

async fn notify(shop: &Shop, content: Content) -> Reply {
    let (path, body) = signed(shop, content);
    call(shop.address(), "POST", &path, &[], body.as_bytes()).await
}

fn is_success(reply: &Reply) -> bool {
    (reply.status, &*reply.body) == (200, b"success")
}

#[tokio::test]
async fn a_transaction_pays_one_order_whichever_notification_arrives_first() {
    for (first, second) in [("A1", "A2"), ("A2", "A1")] {
        let shop = Shop::open().await;
        shop.order("A1", 1999).await;
        shop.order("A2", 1999).await;
        assert!(is_success(&notify(&shop, Content { number: first, ..GENUINE }).await));
        // Stored, so that WeChat Pay does not send it again; it pays nothing.
        assert!(is_success(&notify(&shop, Content { number: second, ..GENUINE }).await));
        let shop = shop.restart().await;
        assert!(is_success(&notify(&shop, Content { number: second, ..GENUINE }).await));
        let (winner, loser) = (shop.view(first).await, shop.view(second).await);
        assert_eq!((&winner["status"], &winner["anomalies"]), (&json!("paid"), &json!([])));
        assert_eq!((&loser["status"], &loser["paid_at"]), (&json!("anomalous"), &Value::Null));
        assert_eq!(loser["anomalies"][0]["anomaly"], "transaction_of_another_order", "{loser}");
        assert_eq!(loser["anomalies"][0]["owner"], first);
        assert_eq!(shop.kinds(first).await, ["order.paid"]);
        assert_eq!(shop.kinds(second).await, ["order.anomalous"]);
        let delivered = shop.post(&format!("/api/orders/{second}/delivered"), &json!({"status": "ok"})).await;
        assert_eq!(delivered.status, 409, "{}", delivered.json());
    }
}

#[tokio::test]
async fn concurrent_notifications_of_one_transaction_pay_one_order() {
    let shop = Shop::open().await;
    let numbers = ["A1", "A2", "A3", "A4"];
    for number in numbers {
        shop.order(number, 1999).await;
    }
    let address = shop.address();
    let requests: Vec<_> = numbers
        .iter()
        .chain(&numbers)
        .map(|number| {
            let (path, body) = signed(&shop, Content { number, ..GENUINE });
            tokio::spawn(async move { call(address, "POST", &path, &[], body.as_bytes()).await })
        })
        .collect();
    for request in requests {
        // A duplicate of one that is still being stored is answered later.
        assert_ne!(request.await.unwrap().status, 400);
    }
    let mut paid = 0;
    for number in numbers {
        let status = shop.view(number).await["status"].clone();
        assert!(status == "paid" || status == "anomalous", "{number} {status}");
        paid += i32::from(status == "paid");
    }
    assert_eq!(paid, 1);
}

#[tokio::test]
async fn a_notification_of_a_payment_that_failed_pays_nothing() {
    let shop = Shop::open().await;
    shop.order("A1", 1999).await;
    notify(&shop, Content { trade_state: "1", ..GENUINE }).await;
    assert_eq!(shop.view("A1").await["status"], "open");
    assert!(shop.events().await.is_empty());
    assert!(is_success(&notify(&shop, GENUINE).await));
    assert_eq!(shop.view("A1").await["status"], "paid");
}

#[tokio::test]
async fn a_notification_that_cannot_be_stored_is_not_answered_success() {
    let shop = Shop::open().await;
    shop.order("A1", 1999).await;
    shop.server.ledger().close().await;
    let refused = notify(&shop, GENUINE).await;
    assert!(refused.status == 500 && refused.body != b"success", "{}", refused.status);
    // It is sent again, and counts.
    let shop = shop.restart().await;
    assert!(is_success(&notify(&shop, GENUINE).await));
    assert_eq!(shop.view("A1").await["status"], "paid");
}

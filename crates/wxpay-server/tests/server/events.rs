//! Events: the list, and the stream.

use crate::{
    http::EventStream,
    shop::{Setup, Shop, native, with},
};
use serde_json::json;

#[tokio::test]
async fn list_continues_from_its_last_cursor() {
    let shop = Shop::open().await;
    let empty = shop.get("/api/events").await.expect(200);
    assert_eq!((&empty["data"], &empty["has_more"]), (&json!([]), &json!(false)));
    let mut cursor = empty["next_cursor"].as_str().unwrap().to_owned();
    for number in ["ORDER1", "ORDER2", "ORDER3"] {
        shop.place(number, 5).await.expect(201);
        let path = format!("/api/events?cursor={cursor}");
        let page = shop.wait_get(&path, |list| !list["data"].as_array().unwrap().is_empty()).await;
        let events = page["data"].as_array().unwrap();
        assert_eq!(events.len(), 1, "{page}");
        assert_eq!((&events[0]["type"], &events[0]["data"]["seq"]), (&json!("order.created"), &json!(1)));
        assert_eq!(events[0]["data"]["object"]["out_trade_no"], number);
        assert!(events[0]["id"].as_str().unwrap().starts_with("evt_"), "{page}");
        cursor = page["next_cursor"].as_str().unwrap().to_owned();
    }
}

#[tokio::test]
async fn stream_sends_new_events_and_resumes_after_the_last_one() {
    let shop = Shop::open().await;
    let authorization = format!("Bearer {}", shop.token);
    let headers = [("authorization", &*authorization)];
    shop.place("ORDER0", 5).await.expect(201);
    shop.wait_for_events("ORDER0", &["order.created"]).await;
    let mut stream = EventStream::open(shop.address(), "/api/events/stream", &headers).await;
    shop.place("ORDER1", 5).await.expect(201);
    let created = stream.next().await;
    assert_eq!(
        (&*created.event, &created.data["data"]["object"]["out_trade_no"]),
        ("order.created", &json!("ORDER1"))
    );
    shop.pay("ORDER1").await;
    let paid = stream.next().await;
    assert_eq!((&*paid.event, &paid.data["type"]), ("order.paid", &json!("order.paid")));
    drop(stream);
    shop.place("ORDER2", 5).await.expect(201);
    // The same events follow the last one that was received, also after a restart.
    let shop = shop.restart().await;
    for last in [&created, &paid] {
        let headers = [("authorization", &*authorization), ("last-event-id", &*last.id)];
        let mut stream = EventStream::open(shop.address(), "/api/events/stream", &headers).await;
        if last.id == created.id {
            let again = stream.next().await;
            assert_eq!((again.id, again.data), (paid.id.clone(), paid.data.clone()));
        }
        let next = stream.next().await;
        assert_eq!(next.data["data"]["object"]["out_trade_no"], "ORDER2");
    }
    let path = format!("/api/events/stream?cursor={}", paid.id);
    let mut stream = EventStream::open(shop.address(), &path, &headers).await;
    assert_eq!(stream.next().await.data["data"]["object"]["out_trade_no"], "ORDER2");
    // The cursors of the list and of the stream are the same.
    let page = shop.get(&format!("/api/events?cursor={}", created.id)).await.expect(200);
    assert_eq!(page["data"][0], paid.data);
}

#[tokio::test]
async fn stream_is_filtered_by_type_and_merchant() {
    let shop = Shop::open().await;
    crate::merchants::create(&shop, "other", "1900000108").await;
    let authorization = format!("Bearer {}", shop.token);
    let headers = [("authorization", &*authorization)];
    let path = "/api/events/stream?types=order.paid,order.closed&merchant=other";
    let mut stream = EventStream::open(shop.address(), path, &headers).await;
    for merchant in ["default", "other"] {
        let order = with(&native("ORDER1", 5), &[("/merchant", json!(merchant))]);
        shop.post("/api/orders", &order).await.expect(201);
        shop.post(&format!("/api/orders/ORDER1/close?merchant={merchant}"), &json!(null)).await.expect(200);
    }
    let closed = stream.next().await;
    assert_eq!(
        (&*closed.event, &closed.data["data"]["object"]["merchant"]),
        ("order.closed", &json!("other"))
    );
}

#[tokio::test]
async fn invalid_position_of_a_stream_is_refused() {
    let shop = Setup::default().open().await;
    for id in ["x", "", "AAAA"] {
        let headers = [("last-event-id", id)];
        let reply = shop.send(&shop.token, "GET", "/api/events/stream", &headers, b"").await;
        let problem = reply.problem(422, "invalid_field");
        assert!(["Last-Event-ID", "cursor"].contains(&problem["field"].as_str().unwrap()), "{id}: {problem}");
    }
}

#[tokio::test]
async fn open_stream_does_not_delay_the_shutdown() {
    let shop = Shop::open().await;
    let authorization = format!("Bearer {}", shop.token);
    let headers = [("authorization", &*authorization)];
    let _stream = EventStream::open(shop.address(), "/api/events/stream", &headers).await;
    let begun = std::time::Instant::now();
    let shop = shop.restart().await;
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    shop.get("/api/events").await.expect(200);
}

use super::*;
use crate::webhooks::testing::{Fixture, NOW, caller, status};
use std::{collections::BTreeSet, time::Duration};

fn only(merchants: &[&str]) -> Caller {
    let names: BTreeSet<_> = merchants.iter().map(|name| name.parse().unwrap()).collect();
    Caller { actor: "key_2".into(), merchants: Merchants::Only(names) }
}

fn new(url: &str) -> NewEndpoint {
    NewEndpoint { url: url.into(), merchant: None, types: Vec::new() }
}

#[tokio::test(start_paused = true)]
async fn endpoint_is_created_shown_changed_and_deleted() {
    let fixture = Fixture::new();
    let endpoints = fixture.endpoints();
    let created = NewEndpoint {
        types: vec![EventType::OrderPaid, EventType::OrderClosed],
        ..new("https://shop.example/")
    };
    let mut record = endpoints.create(&caller(), created).await.unwrap();
    let secret = record.as_object_mut().unwrap().remove("secret").unwrap();
    assert!(secret.as_str().unwrap().starts_with("whsec_"));
    let id = record["endpoint"].as_str().unwrap().to_owned();
    assert_eq!(
        record,
        json!({
            "object": "endpoint", "endpoint": id, "merchant": null, "url": "https://shop.example/",
            "types": ["order.closed", "order.paid"], "status": "enabled", "failing_since": null, "deferred": 0,
            "created_at": format_rfc3339(NOW),
        })
    );
    assert_eq!(endpoints.get(&caller(), &id).await.unwrap(), record, "the secret is shown once");
    let changes =
        EndpointChanges { types: Some(Vec::new()), is_enabled: Some(false), ..EndpointChanges::default() };
    let updated = endpoints.update(&caller(), &id, changes).await.unwrap();
    assert_eq!((&updated["types"], &updated["status"]), (&json!([]), &json!("disabled")));
    assert_eq!(updated["url"], record["url"]);
    endpoints.delete(&caller(), &id).await.unwrap();
    assert!(matches!(endpoints.get(&caller(), &id).await, Err(EndpointError::NoEndpoint)));
    assert!(matches!(endpoints.delete(&caller(), &id).await, Err(EndpointError::NoEndpoint)));
}

#[tokio::test(start_paused = true)]
async fn url_that_breaks_a_rule_is_refused_by_name() {
    let fixture = Fixture::new();
    let (id, _) = fixture.endpoint().await;
    let endpoints = fixture.endpoints();
    for url in ["http://shop.example/", "https://127.0.0.1/", "https://a:b@shop.example/"] {
        let changes = EndpointChanges { url: Some(url.into()), ..EndpointChanges::default() };
        for error in [
            endpoints.create(&caller(), new(url)).await.unwrap_err(),
            endpoints.update(&caller(), &id, changes).await.unwrap_err(),
        ] {
            assert!(matches!(error, EndpointError::Invalid { field: "url", .. }), "{error}");
            assert!(error.to_string().starts_with("url must"), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn caller_for_some_merchants_has_their_endpoints_only() {
    let fixture = Fixture::new();
    let endpoints = fixture.endpoints();
    let (all, _) = fixture.endpoint().await;
    let own = endpoints.create(&only(&["shop1"]), new("https://shop.example/")).await.unwrap();
    assert_eq!(own["merchant"], "shop1", "the only merchant of the caller");
    let own = own["endpoint"].as_str().unwrap();
    let refused = endpoints.create(&only(&["shop1", "shop2"]), new("https://shop.example/")).await;
    assert!(matches!(refused, Err(EndpointError::Invalid { field: "merchant", .. })));
    let other = NewEndpoint { merchant: Some("shop1".parse().unwrap()), ..new("https://shop.example/") };
    assert!(matches!(endpoints.create(&only(&["shop2"]), other).await, Err(EndpointError::OtherMerchant)));
    for hidden in [&all, own] {
        let stranger = only(&["shop2"]);
        assert!(matches!(endpoints.get(&stranger, hidden).await, Err(EndpointError::NoEndpoint)));
        assert!(matches!(endpoints.rotate(&stranger, hidden).await, Err(EndpointError::NoEndpoint)));
        assert!(matches!(endpoints.test(&stranger, hidden).await, Err(EndpointError::NoEndpoint)));
        assert!(matches!(endpoints.delete(&stranger, hidden).await, Err(EndpointError::NoEndpoint)));
        let attempts = endpoints.attempts(&stranger, hidden, None, 10).await;
        assert!(matches!(attempts, Err(EndpointError::NoEndpoint)));
    }
    assert_eq!(endpoints.list(&only(&["shop1"]), None, None, 10).await.unwrap().data.len(), 1);
    assert_eq!(endpoints.list(&caller(), None, None, 10).await.unwrap().data.len(), 2);
    let shop1 = "shop1".parse().unwrap();
    assert_eq!(endpoints.list(&caller(), Some(&shop1), None, 10).await.unwrap().data.len(), 1);
    let refused = endpoints.list(&only(&["shop2"]), Some(&shop1), None, 10).await;
    assert!(matches!(refused, Err(EndpointError::OtherMerchant)));
}

#[tokio::test(start_paused = true)]
async fn pages_of_endpoints_join() {
    let fixture = Fixture::new();
    let mut created = BTreeSet::new();
    for _ in 0..5 {
        created.insert(fixture.endpoint().await.0);
    }
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let page = fixture.endpoints().list(&caller(), None, after, 2).await.unwrap();
        listed.extend(page.data.iter().map(|record| record["endpoint"].as_str().unwrap().to_owned()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, created.into_iter().collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn test_sends_a_signed_message_and_returns_the_result() {
    let fixture = Fixture::new();
    let (id, _) = fixture.endpoint().await;
    fixture.peer.behave(|_| (Duration::from_millis(70), status(500)));
    let result = fixture.endpoints().test(&caller(), &id).await.unwrap();
    assert_eq!(
        result,
        json!({ "success": false, "http_status": 500, "duration_ms": 70, "response": "status 500" })
    );
    let request = fixture.peer.received().pop().unwrap();
    assert!(request.body.contains(r#""type":"endpoint.test""#), "{}", request.body);
    assert!(fixture.attempts().await.is_empty() && fixture.row(&id).await.failing_since.is_none());
}

#[tokio::test(start_paused = true)]
async fn attempts_are_listed_newest_first_with_their_events_of_earlier_months() {
    let fixture = Fixture::new();
    let (id, _) = fixture.endpoint().await;
    fixture.emit_all(&["A1", "A2"], 1..=1).await;
    fixture.advance(Duration::from_hours(45 * 24)).await;
    let _sender = fixture.start();
    fixture.emit_all(&["A3"], 1..=1).await;
    fixture.advance(Duration::from_secs(1)).await;
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let page = fixture.endpoints().attempts(&caller(), &id, after, 2).await.unwrap();
        listed.extend(page.data.iter().map(|record| record["event_id"].as_str().unwrap().to_owned()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let events = fixture.events().await;
    assert_eq!(listed.len(), 3);
    assert_eq!(listed.iter().collect::<BTreeSet<_>>(), events.iter().map(|event| &event.id).collect());
    assert!(events[0].month < events[2].month);
}

#[tokio::test(start_paused = true)]
async fn replay_of_a_time_delivers_its_events_again_in_order() {
    let fixture = Fixture::new();
    let (id, _) = fixture.endpoint().await;
    let _sender = fixture.start();
    for seq in 1..=4 {
        fixture.emit_all(&["A1", "A2"], seq..=seq).await;
        fixture.advance(Duration::from_mins(1)).await;
    }
    fixture.peer.forget();
    let endpoints = fixture.endpoints();
    let after = |secs| NOW.after(Duration::from_secs(secs));
    let between = Replayed::Between { from: after(60), until: Some(after(180)) };
    assert_eq!(endpoints.replay(&caller(), &id, between).await.unwrap(), json!({ "events": 4 }));
    fixture.advance(Duration::from_secs(10)).await;
    let received: Vec<_> =
        fixture.peer.received().into_iter().map(|received| (received.number, received.seq)).collect();
    for number in ["A1", "A2"] {
        let seqs: Vec<_> =
            received.iter().filter(|(other, _)| other == number).map(|(_, seq)| *seq).collect();
        assert_eq!(seqs, [2, 3], "{received:?}");
    }
    assert!(fixture.deferred(&id).await.is_empty());
    let unknown = endpoints.replay(&caller(), &id, Replayed::One("evt_0".into())).await;
    assert!(matches!(unknown, Err(EndpointError::NoEvent)));
}

#[tokio::test(start_paused = true)]
async fn replay_is_bounded_and_changes_nothing_beyond() {
    let fixture = Fixture::new();
    let (id, _) = fixture.endpoint().await;
    for number in 0..10_001 {
        fixture.emit(&format!("A{number}"), 1, EventType::OrderPaid);
    }
    fixture.number().await;
    let all = Replayed::Between { from: NOW, until: Some(NOW.after(Duration::from_secs(1))) };
    let error = fixture.endpoints().replay(&caller(), &id, all).await.unwrap_err();
    assert!(matches!(error, EndpointError::Invalid { field: "from", .. }), "{error}");
    assert!(fixture.deferred(&id).await.is_empty());
}

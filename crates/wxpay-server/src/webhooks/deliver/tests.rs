#![allow(clippy::arithmetic_side_effects, reason = "tests fail by panicking")]

mod failures;
mod restarts;
mod third_party;

use super::*;
use crate::{
    ledger::rows::{
        event::{EVENT_LOG, EventType},
        webhook::CursorRow,
    },
    webhooks::{
        body::event_json,
        endpoints::EndpointChanges,
        secrets::PREVIOUS_SECRET_LIFETIME,
        signature::{SigningSecret, WebhookHeaders},
        testing::{Fixture, Received, caller, status},
    },
};

const SECOND: Duration = Duration::from_secs(1);

/// Returns the orders that were received, in order, with `seq`.
fn received(fixture: &Fixture) -> Vec<(String, u64)> {
    fixture.peer.received().into_iter().map(|received| (received.number, received.seq)).collect()
}

async fn cursor(fixture: &Fixture, endpoint: &str) -> u64 {
    let cursor = fixture.ledger().load(CursorRow::of(endpoint).and(&EVENT_LOG)).await.unwrap();
    cursor.first().map_or(0, |row: &CursorRow| row.position)
}

#[tokio::test(start_paused = true)]
async fn events_are_delivered_signed_and_recorded() {
    let fixture = Fixture::new();
    fixture.emit_all(&["A0"], 1..=1).await;
    let (endpoint, secret) = fixture.endpoint().await;
    let _sender = fixture.start();
    fixture.emit_all(&["A1", "A2"], 1..=2).await;
    fixture.advance(SECOND).await;
    let requests = fixture.peer.received();
    assert_eq!(requests.len(), 4, "an endpoint receives the events after its creation: {requests:?}");
    let secret = SigningSecret::parse(&secret).unwrap();
    for (request, event) in requests.iter().zip(&fixture.events().await[1..]) {
        assert_eq!(request.url, "https://shop.example/hooks");
        assert_eq!(request.body, event_json(event));
        let Received { headers, body, .. } = request;
        assert_eq!(*headers, WebhookHeaders::sign([&secret], &event.id, headers.timestamp, body.as_bytes()));
    }
    fixture.peer.check_order();
    assert_eq!(cursor(&fixture, &endpoint).await, 5);
    let attempts = fixture.attempts().await;
    assert_eq!(attempts.len(), 4);
    assert_eq!((attempts[0].http_status, attempts[0].response.as_deref()), (Some(204), Some("status 204")));
}

#[tokio::test(start_paused = true)]
async fn slow_subject_blocks_no_other_and_its_own_events_wait() {
    let fixture = Fixture::new();
    let (endpoint, _) = fixture.endpoint().await;
    fixture.peer.behave(|received| {
        let delay = if received.number == "A1" { Duration::from_secs(10) } else { Duration::ZERO };
        (delay, status(200))
    });
    let _sender = fixture.start();
    fixture.emit_all(&["A1", "A2", "A3"], 1..=3).await;
    fixture.advance(9 * SECOND).await;
    assert_eq!(received(&fixture).len(), 7);
    let slow = fixture.events().await.into_iter().find(|event| event.subject.number() == "A1").unwrap();
    assert_eq!(cursor(&fixture, &endpoint).await, slow.position - 1, "it stays before the event in progress");
    fixture.advance(30 * SECOND).await;
    fixture.peer.check_order();
    assert_eq!(received(&fixture).len(), 9);
    assert_eq!(cursor(&fixture, &endpoint).await, 9);
}

#[tokio::test(start_paused = true)]
async fn tries_in_progress_are_bounded() {
    let fixture = Fixture::new();
    fixture.endpoint().await;
    fixture.peer.behave(|_| (SECOND, status(200)));
    let _sender = fixture.start();
    let numbers: Vec<String> = (0..600).map(|number| format!("A{number}")).collect();
    fixture.emit_all(&numbers.iter().map(String::as_str).collect::<Vec<_>>(), 1..=1).await;
    fixture.advance(60 * SECOND).await;
    assert_eq!(fixture.peer.accepted().len(), 600);
    assert_eq!(fixture.peer.most_in_progress(), 16);
}

#[tokio::test(start_paused = true)]
async fn endpoint_receives_its_types_and_merchant_only_and_the_cursor_passes_the_rest() {
    let fixture = Fixture::new();
    let (endpoint, _) = fixture.endpoint().await;
    let changes = EndpointChanges { types: Some(vec![EventType::OrderClosed]), ..EndpointChanges::default() };
    fixture.endpoints().update(&caller(), &endpoint, changes).await.unwrap();
    let _sender = fixture.start();
    for number in 0..400 {
        fixture.emit(&format!("A{number}"), 1, EventType::OrderPaid);
    }
    fixture.number().await;
    fixture.advance(3 * SECOND).await;
    assert!(cursor(&fixture, &endpoint).await >= 144, "{}", cursor(&fixture, &endpoint).await);
    fixture.emit("B1", 1, EventType::OrderClosed);
    fixture.number().await;
    fixture.advance(SECOND).await;
    assert_eq!(received(&fixture), [("B1".into(), 1)]);
    assert_eq!(cursor(&fixture, &endpoint).await, 401);
}

#[tokio::test(start_paused = true)]
async fn changes_of_an_endpoint_are_seen_within_two_seconds() {
    let fixture = Fixture::new();
    let (endpoint, _) = fixture.endpoint().await;
    let endpoints = fixture.endpoints();
    let _sender = fixture.start();
    fixture.emit_all(&["A1"], 1..=1).await;
    fixture.advance(SECOND).await;
    let caller = caller();
    let update = |changes| endpoints.update(&caller, &endpoint, changes);
    update(EndpointChanges { url: Some("https://other.example/".into()), ..EndpointChanges::default() })
        .await
        .unwrap();
    fixture.advance(2 * SECOND).await;
    fixture.emit_all(&["A1"], 2..=2).await;
    fixture.advance(SECOND).await;
    assert_eq!(fixture.peer.received()[1].url, "https://other.example/");
    update(EndpointChanges { is_enabled: Some(false), ..EndpointChanges::default() }).await.unwrap();
    fixture.advance(2 * SECOND).await;
    fixture.emit_all(&["A1"], 3..=3).await;
    fixture.advance(10 * SECOND).await;
    assert_eq!(received(&fixture).len(), 2, "it is disabled");
    update(EndpointChanges { is_enabled: Some(true), ..EndpointChanges::default() }).await.unwrap();
    fixture.advance(3 * SECOND).await;
    assert_eq!(received(&fixture).len(), 3, "what occurred meanwhile is delivered");
    endpoints.delete(&caller, &endpoint).await.unwrap();
    fixture.advance(2 * SECOND).await;
    fixture.emit_all(&["A1"], 4..=4).await;
    fixture.advance(10 * SECOND).await;
    assert_eq!(received(&fixture).len(), 3);
    let (second, _) = fixture.endpoint().await;
    fixture.advance(2 * SECOND).await;
    fixture.emit_all(&["A1"], 5..=5).await;
    fixture.advance(SECOND).await;
    assert_eq!(received(&fixture).last(), Some(&("A1".into(), 5)), "{second}");
}

#[tokio::test(start_paused = true)]
async fn rotation_signs_with_both_secrets_for_a_day() {
    let fixture = Fixture::new();
    let (endpoint, old) = fixture.endpoint().await;
    let rotated = fixture.endpoints().rotate(&caller(), &endpoint).await.unwrap();
    let new = rotated["secret"].as_str().unwrap();
    let _sender = fixture.start();
    fixture.emit_all(&["A1"], 1..=1).await;
    fixture.advance(PREVIOUS_SECRET_LIFETIME).await;
    fixture.emit_all(&["A1"], 2..=2).await;
    fixture.advance(SECOND).await;
    let secrets = [new, &old].map(|text| SigningSecret::parse(text).unwrap());
    let requests = fixture.peer.received();
    for (request, secrets) in [(&requests[0], &secrets[..]), (&requests[1], &secrets[..1])] {
        let Received { headers, body, .. } = request;
        assert_eq!(*headers, WebhookHeaders::sign(secrets, &headers.id, headers.timestamp, body.as_bytes()));
    }
    assert_eq!(requests[0].headers.signature.split(' ').count(), 2);
}

#[tokio::test(start_paused = true)]
async fn shutdown_lets_tries_end_for_five_seconds() {
    for (delay, is_recorded) in [(4, true), (8, false)] {
        let fixture = Fixture::new();
        let (endpoint, _) = fixture.endpoint().await;
        fixture.peer.behave(move |_| (delay * SECOND, status(200)));
        let sender = fixture.start();
        fixture.emit_all(&["A1", "A2"], 1..=2).await;
        fixture.advance(Duration::from_millis(10)).await;
        let began = Instant::now();
        assert!(fixture.shutdown.finish().await, "the shutdown waits for deliveries");
        assert!(began.elapsed() <= 6 * SECOND);
        sender.await.unwrap();
        assert_eq!(received(&fixture).len(), 2, "nothing new is begun");
        assert_eq!(fixture.attempts().await.len(), if is_recorded { 2 } else { 0 });
        // The second events were in memory.
        assert_eq!(cursor(&fixture, &endpoint).await, if is_recorded { 2 } else { 0 });
    }
}

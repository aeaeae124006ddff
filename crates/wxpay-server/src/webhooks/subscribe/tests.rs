use super::*;
use crate::{
    ledger::rows::event::EventType,
    webhooks::{filter::Merchants, testing::Fixture},
};
use http_body_util::BodyExt as _;

fn cursor(position: EventPosition) -> String {
    format!("{}.{}", position.month, position.position)
}

async fn subscribe(fixture: &Fixture, types: &[EventType], after: Option<EventPosition>) -> Subscription {
    Subscription::begin(
        fixture.ledger(),
        EventFilter::new(Merchants::All, types),
        after,
        fixture.numbered(),
        fixture.shutdown.clone(),
        cursor,
    )
    .await
    .unwrap()
}

async fn next(subscription: &mut Subscription) -> String {
    String::from_utf8(subscription.next().await.unwrap().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn stream_continues_after_the_last_event_id_and_is_live() {
    let fixture = Fixture::new();
    fixture.emit_all(&["A1"], 1..=3).await;
    let events = fixture.events().await;
    let mut stream = subscribe(&fixture, &[], Some(EventPosition::of(&events[0]))).await;
    assert_eq!(next(&mut stream).await, "retry: 3000\n\n");
    let expected: Vec<String> = events[1..]
        .iter()
        .map(|event| {
            let id = cursor(EventPosition::of(event));
            format!("id: {id}\nevent: order.paid\ndata: {}\n\n", event_json(event))
        })
        .collect();
    assert_eq!(next(&mut stream).await, expected.concat());
    let began = Instant::now();
    let (chunk, ()) = tokio::join!(next(&mut stream), async {
        fixture.advance(Duration::from_millis(700)).await;
        fixture.emit_all(&["A2"], 1..=1).await;
    });
    assert!(chunk.contains("A2"), "{chunk}");
    assert_eq!(began.elapsed(), Duration::from_millis(700), "the stream is woken");
}

#[tokio::test(start_paused = true)]
async fn stream_without_a_cursor_has_new_events_only_and_is_kept_alive() {
    let fixture = Fixture::new();
    fixture.emit_all(&["A1"], 1..=3).await;
    let mut stream = subscribe(&fixture, &[EventType::OrderClosed], None).await;
    next(&mut stream).await;
    let began = Instant::now();
    fixture.emit_all(&["A2"], 1..=1).await;
    assert_eq!(next(&mut stream).await, KEEP_ALIVE);
    assert_eq!(began.elapsed(), KEEP_ALIVE_INTERVAL);
    fixture.emit("A3", 1, EventType::OrderClosed);
    fixture.number().await;
    let chunk = next(&mut stream).await;
    assert!(chunk.contains("event: order.closed\n") && !chunk.contains("A2"), "{chunk}");
}

#[tokio::test(start_paused = true)]
async fn long_stream_is_sent_in_bounded_chunks_without_gap() {
    let fixture = Fixture::new();
    let numbers: Vec<String> = (0..300).map(|number| format!("A{number}")).collect();
    fixture.emit_all(&numbers.iter().map(String::as_str).collect::<Vec<_>>(), 1..=1).await;
    let mut stream = subscribe(&fixture, &[], Some(EventPosition::default())).await;
    next(&mut stream).await;
    let (mut all, mut chunks) = (String::new(), 0);
    while all.matches("data: ").count() < 300 {
        let chunk = next(&mut stream).await;
        assert!(chunk.matches("data: ").count() <= PAGE);
        all.push_str(&chunk);
        chunks += 1;
    }
    assert_eq!(chunks, 5);
    for (event, line) in
        fixture.events().await.iter().zip(all.lines().filter(|line| line.starts_with("data")))
    {
        assert_eq!(line, format!("data: {}", event_json(event)));
    }
}

#[tokio::test(start_paused = true)]
async fn stream_ends_at_the_shutdown_and_when_the_client_is_gone() {
    let fixture = Fixture::new();
    let (sender, body) = crate::serve::Body::stream(1);
    let task = tokio::spawn(subscribe(&fixture, &[], None).await.send_to(sender));
    fixture.advance(Duration::from_secs(1)).await;
    fixture.shutdown.begin_shutdown();
    task.await.unwrap();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "retry: 3000\n\n");

    let fixture = Fixture::new();
    let (sender, body) = crate::serve::Body::stream(1);
    let task = tokio::spawn(subscribe(&fixture, &[], None).await.send_to(sender));
    fixture.advance(Duration::from_secs(1)).await;
    assert!(!task.is_finished());
    drop(body);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn stream_ends_when_the_ledger_fails() {
    let fixture = Fixture::new();
    let mut stream = subscribe(&fixture, &[], None).await;
    next(&mut stream).await;
    fixture.ledger().close().await;
    assert_eq!(stream.next().await, None);
}

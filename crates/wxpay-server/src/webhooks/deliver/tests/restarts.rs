use super::*;
use crate::webhooks::testing::Reply;
use std::collections::BTreeSet;

const NUMBERS: [&str; 3] = ["A1", "A2", "A3"];
const SEQS: u64 = 4;

/// Replies to the first tries of some events with failures, and accepts the others.
fn unreliable(received: &Received) -> Reply {
    let fails = match (received.number.as_str(), received.seq) {
        ("A1", 2) => received.earlier < 2,
        ("A2", 1) | ("A3", 4) => received.earlier < 1,
        _ => false,
    };
    status(if fails { 503 } else { 200 })
}

/// Checks that every event was accepted, in order per subject, under one id each.
fn check_complete(fixture: &Fixture, what: &str) {
    fixture.peer.check_order();
    assert_eq!(fixture.peer.accepted().len(), NUMBERS.len() * 4, "{what}: {:?}", fixture.peer.accepted());
    let received = fixture.peer.received();
    let ids: BTreeSet<_> = received.iter().map(|received| (&received.headers.id, &received.body)).collect();
    assert_eq!(ids.len(), NUMBERS.len() * 4, "{what}");
}

#[tokio::test(start_paused = true)]
async fn events_are_delivered_at_least_once_whatever_await_the_server_stops_at() {
    for step in 0..120 {
        let fixture = Fixture::new();
        let (endpoint, _) = fixture.endpoint().await;
        fixture.peer.reply(unreliable);
        fixture.emit_all(&NUMBERS, 1..=SEQS).await;
        // Each yield lets every task that is ready go on to its next await.
        for _ in 0..3 {
            let sender = fixture.start();
            for _ in 0..step {
                tokio::task::yield_now().await;
            }
            sender.abort();
            assert!(sender.await.unwrap_err().is_cancelled());
        }
        let sender = fixture.start();
        fixture.advance(Duration::from_secs(100)).await;
        check_complete(&fixture, &format!("step {step}"));
        assert_eq!(cursor(&fixture, &endpoint).await, 12);
        assert!(fixture.deferred(&endpoint).await.is_empty());
        sender.abort();
        sender.await.unwrap_err();
        let count = fixture.peer.received().len();
        let _sender = fixture.start();
        fixture.advance(Duration::from_secs(10)).await;
        assert_eq!(fixture.peer.received().len(), count, "what was recorded is not repeated");
    }
}

#[tokio::test(start_paused = true)]
async fn restarts_during_retries_lose_nothing() {
    for millis in (0..12_000).step_by(370) {
        let fixture = Fixture::new();
        fixture.endpoint().await;
        fixture.peer.behave(|received| (Duration::from_millis(250), unreliable(received)));
        fixture.emit_all(&NUMBERS, 1..=SEQS).await;
        for _ in 0..4 {
            let sender = fixture.start();
            fixture.advance(Duration::from_millis(millis)).await;
            sender.abort();
            assert!(sender.await.unwrap_err().is_cancelled());
        }
        let _sender = fixture.start();
        fixture.advance(Duration::from_mins(3)).await;
        check_complete(&fixture, &format!("{millis} ms"));
    }
}

#[tokio::test(start_paused = true)]
async fn results_that_are_lost_or_not_recorded_lose_no_event() {
    for (failing, losing) in [(1, 0), (2, 0), (5, 0), (0, 1), (0, 2), (0, 5)] {
        for after in (0..40).step_by(5) {
            let fixture = Fixture::new();
            fixture.endpoint().await;
            fixture.peer.reply(unreliable);
            fixture.emit_all(&NUMBERS, 1..=SEQS).await;
            let _sender = fixture.start();
            for _ in 0..after {
                tokio::task::yield_now().await;
            }
            fixture.model.fail_next(failing);
            fixture.model.lose_next(losing);
            fixture.advance(Duration::from_mins(10)).await;
            check_complete(&fixture, &format!("{failing} {losing} after {after}"));
        }
    }
}

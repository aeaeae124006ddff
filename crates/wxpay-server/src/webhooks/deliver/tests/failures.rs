use super::*;
use crate::{
    ledger::{
        Prefix,
        rows::case::{CaseKind, CaseRow},
    },
    webhooks::{
        endpoints::Replayed,
        send::{WebhookFailure, WebhookResponse},
        testing::NOW,
    },
};

const DAY: Duration = Duration::from_hours(24);

/// Returns the times of the tries of an event.
fn times(fixture: &Fixture, number: &str, seq: u64) -> Vec<Duration> {
    let is_event = |received: &&Received| received.number == number && received.seq == seq;
    fixture.peer.received().iter().filter(is_event).map(|received| received.after).collect()
}

async fn cases(fixture: &Fixture) -> Vec<CaseRow> {
    fixture.ledger().load(Prefix::all()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn later_events_of_the_subject_wait_for_one_that_failed_and_others_go_on() {
    let fixture = Fixture::new();
    let (endpoint, _) = fixture.endpoint().await;
    fixture.peer.reply(|received| {
        let fails = received.number == "A1" && received.seq == 2 && received.earlier < 3;
        status(if fails { 500 } else { 200 })
    });
    let _sender = fixture.start();
    fixture.emit_all(&["A1", "A2", "A3"], 1..=4).await;
    fixture.advance(SECOND).await;
    let accepted = fixture.peer.accepted();
    assert_eq!(accepted.iter().filter(|(number, _)| number == "A1").count(), 1);
    assert_eq!(accepted.len(), 9);
    assert_eq!(cursor(&fixture, &endpoint).await, 12, "the cursor passes deferred events");
    assert_eq!(fixture.deferred(&endpoint).await.len(), 3);
    let record = fixture.endpoints().get(&caller(), &endpoint).await.unwrap();
    assert_eq!(record["deferred"], 3);
    fixture.advance(10 * 60 * SECOND).await;
    fixture.peer.check_order();
    assert_eq!(fixture.peer.accepted().len(), 12);
    let tries = times(&fixture, "A1", 2);
    assert_eq!(tries.len(), 4);
    for (window, (least, most)) in tries.windows(2).zip([(4500, 5500), (54_000, 66_000), (270_000, 330_000)])
    {
        let delay = window[1].checked_sub(window[0]).unwrap().as_millis();
        assert!((least..=most + 2000).contains(&delay), "{tries:?}");
    }
    assert!(fixture.deferred(&endpoint).await.is_empty());
    assert_eq!(fixture.row(&endpoint).await.failing_since, None);
}

#[tokio::test(start_paused = true)]
async fn event_is_given_up_after_the_last_try_and_later_ones_go_on_and_it_can_be_replayed() {
    let fixture = Fixture::new();
    let (endpoint, _) = fixture.endpoint().await;
    fixture
        .peer
        .reply(|received| status(if received.number == "A1" && received.seq == 1 { 500 } else { 200 }));
    let _sender = fixture.start();
    fixture.emit_all(&["A1"], 1..=3).await;
    fixture.advance(2 * DAY).await;
    assert!(fixture.peer.accepted().is_empty());
    fixture.emit_all(&["A1"], 4..=4).await;
    fixture.advance(2 * DAY).await;
    assert_eq!(times(&fixture, "A1", 1).len(), 11);
    assert_eq!(fixture.peer.accepted(), [("A1".into(), 2), ("A1".into(), 3), ("A1".into(), 4)]);
    let deferred = fixture.deferred(&endpoint).await;
    assert_eq!((deferred.len(), deferred[0].gave_up, deferred[0].attempts), (1, true, 11));
    assert_eq!(deferred[0].last_response.as_deref(), Some("status 500"));
    let attempts = fixture.endpoints().attempts(&caller(), &endpoint, None, 100).await.unwrap();
    assert_eq!(attempts.data.iter().filter(|attempt| attempt["http_status"] == 500).count(), 11);
    // The shop has repaired its endpoint.
    fixture.peer.reply(|_| status(200));
    let id = fixture.events().await[0].id.clone();
    let replayed = fixture.endpoints().replay(&caller(), &endpoint, Replayed::One(id.clone())).await.unwrap();
    assert_eq!(replayed["events"], 1);
    fixture.advance(3 * SECOND).await;
    assert_eq!(fixture.peer.received().last().unwrap().headers.id, id);
    assert!(fixture.deferred(&endpoint).await.is_empty());
    assert_eq!(fixture.row(&endpoint).await.failing_since, None);
}

#[tokio::test(start_paused = true)]
async fn reply_410_disables_and_enabling_delivers_what_waits() {
    let fixture = Fixture::new();
    let (endpoint, _) = fixture.endpoint().await;
    fixture.peer.reply(|received| status(if received.seq == 2 { 410 } else { 200 }));
    let _sender = fixture.start();
    fixture.emit_all(&["A1"], 1..=3).await;
    fixture.advance(10 * SECOND).await;
    assert_eq!(received(&fixture), [("A1".into(), 1), ("A1".into(), 2)]);
    let record = fixture.endpoints().get(&caller(), &endpoint).await.unwrap();
    assert_eq!(record["status"], "disabled");
    let opened = cases(&fixture).await;
    assert_eq!(opened.len(), 1);
    assert_eq!(opened[0].kind, CaseKind::EndpointDisabled);
    fixture.peer.reply(|_| status(200));
    fixture.advance(DAY).await;
    assert_eq!(received(&fixture).len(), 2);
    let changes = EndpointChanges { is_enabled: Some(true), ..EndpointChanges::default() };
    fixture.endpoints().update(&caller(), &endpoint, changes).await.unwrap();
    fixture.advance(5 * SECOND).await;
    assert_eq!(fixture.peer.accepted(), [("A1".into(), 1), ("A1".into(), 2), ("A1".into(), 3)]);
}

#[tokio::test(start_paused = true)]
async fn five_days_without_success_disable_and_open_a_case() {
    let fixture = Fixture::new();
    let (endpoint, _) = fixture.endpoint().await;
    fixture.peer.reply(|_| Err(WebhookFailure::Timeout));
    let _sender = fixture.start();
    for seq in 1..=4 {
        fixture.emit_all(&["A1", "A2"], seq..=seq).await;
        fixture.advance(DAY).await;
    }
    assert_eq!(fixture.row(&endpoint).await.status, EndpointStatus::Enabled);
    assert_eq!(fixture.row(&endpoint).await.failing_since, Some(NOW));
    assert!(cases(&fixture).await.is_empty());
    fixture.advance(2 * DAY).await;
    assert_eq!(fixture.row(&endpoint).await.status, EndpointStatus::Disabled);
    assert_eq!(cases(&fixture).await.len(), 1);
    let last = fixture.attempts().await.iter().map(|attempt| attempt.at.since(NOW)).max().unwrap();
    assert!(last >= 5 * DAY && last < 6 * DAY, "{last:?}");
    let count = received(&fixture).len();
    fixture.advance(2 * DAY).await;
    assert_eq!(received(&fixture).len(), count, "nothing is sent to a disabled endpoint");
}

#[tokio::test(start_paused = true)]
async fn one_success_in_five_days_keeps_the_endpoint() {
    let fixture = Fixture::new();
    let (endpoint, _) = fixture.endpoint().await;
    fixture.peer.reply(|received| status(if received.number == "GOOD" { 200 } else { 500 }));
    let _sender = fixture.start();
    fixture.emit_all(&["A1"], 1..=9).await;
    for seq in 1..=2 {
        fixture.advance(3 * DAY).await;
        fixture.emit_all(&["GOOD"], seq..=seq).await;
    }
    fixture.advance(SECOND).await;
    assert_eq!(fixture.row(&endpoint).await.status, EndpointStatus::Enabled);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_respected() {
    let fixture = Fixture::new();
    fixture.endpoint().await;
    fixture.peer.reply(|received| {
        if received.earlier > 0 {
            return status(200);
        }
        Ok(WebhookResponse { status: 503, retry_after: Some("3600".into()), excerpt: None })
    });
    let _sender = fixture.start();
    fixture.emit_all(&["A1"], 1..=1).await;
    fixture.advance(2 * 3600 * SECOND).await;
    let tries = times(&fixture, "A1", 1);
    let delay = tries[1].checked_sub(tries[0]).unwrap().as_secs();
    assert!(tries.len() == 2 && (3600..=3602).contains(&delay), "{tries:?}");
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_do_not_reply_leave_room_for_the_others() {
    let fixture = Fixture::new();
    for number in 0..40 {
        let (endpoint, _) = fixture.endpoint().await;
        let url = Some(format!("https://dead{number}.example/"));
        let changes = EndpointChanges { url, ..EndpointChanges::default() };
        fixture.endpoints().update(&caller(), &endpoint, changes).await.unwrap();
    }
    fixture.endpoint().await;
    fixture.peer.behave(|received| {
        if received.url.contains("dead") {
            (60 * SECOND, Err(WebhookFailure::Timeout))
        } else {
            (Duration::ZERO, status(200))
        }
    });
    let _sender = fixture.start();
    let numbers: Vec<String> = (0..100).map(|number| format!("A{number}")).collect();
    fixture.emit_all(&numbers.iter().map(String::as_str).collect::<Vec<_>>(), 1..=1).await;
    fixture.advance(90 * SECOND).await;
    assert_eq!(fixture.peer.accepted().len(), 100);
    assert!(fixture.peer.most_in_progress() <= 256);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_while_the_ledger_does_not_accept_writes() {
    let fixture = Fixture::new();
    let (endpoint, _) = fixture.endpoint().await;
    let _sender = fixture.start();
    fixture.advance(SECOND).await;
    fixture.model.fail_next(u64::MAX);
    fixture.emit("A1", 1, EventType::OrderPaid);
    fixture.emit("A2", 1, EventType::OrderPaid);
    // The ledger works for as long as the events take.
    fixture.model.fail_next(0);
    fixture.number().await;
    fixture.model.fail_next(u64::MAX);
    fixture.advance(600 * SECOND).await;
    let sent = received(&fixture).len();
    assert!(sent <= 4, "{sent} requests whose results cannot be recorded");
    fixture.model.fail_next(0);
    fixture.advance(31 * SECOND).await;
    assert_eq!(fixture.peer.accepted().len(), 2);
    assert_eq!(cursor(&fixture, &endpoint).await, 2);
    assert!(fixture.deferred(&endpoint).await.is_empty());
}

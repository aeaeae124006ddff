//! Event positions, with several processes that each believe to hold the event log.

use super::*;
use crate::{
    ledger::{
        Changes, OrderKey, Scan,
        events::{MAX_NUMBERED, NumberEvents, NumberedEvents},
        lease::{LeaseClaim, TakeLeases},
        rows::event::{EventRow, EventType, OutboxRow},
    },
    webhooks::events::{EventPosition, read_events},
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

/// The number of events, unless `WXPAY_EVENTS` sets another.
const EVENTS: u64 = 10_000;
/// The processes that number events, and those that emit them.
const HOLDERS: u64 = 3;
const EMITTERS: u64 = 2;
/// The events that one operation emits.
const EMITTED: u64 = 250;
/// The lease lasts so long by the clock of the processes, which each operation moves by a second.
const DURATION: Duration = Duration::from_secs(5);

fn outbox_row(number: u64) -> OutboxRow {
    // 500 orders, each with events in the order of their numbers.
    let order = number % 500;
    let key = OrderKey::new("shop1".parse().unwrap(), format!("A{order}").parse().unwrap());
    OutboxRow {
        shard: key.shard(),
        subject: key.subject(),
        seq: number / 500 + 1,
        id: format!("evt_{number}"),
        merchant: key.merchant,
        event_type: EventType::OrderPaid,
        data: "{}".into(),
        at: CONTEXT.now,
    }
}

/// Runs an operation, again if the database is too busy.
async fn run<O: Operation>(ledger: &Ledger, operation: &O, context: Context) -> O::Output {
    loop {
        match ledger.run(operation.clone(), context).await {
            Ok(output) => return output,
            Err(LedgerError::Conflict(_)) => {}
            Err(error) if error.cause().contains("SQLSTATE 40") => {}
            Err(error) => panic!("{error:?} {}", error.cause()),
        }
    }
}

/// A process that keeps numbering with every claim that it ever had: it never notices that its lease has ended.
async fn number(
    ledger: Ledger,
    holder: u64,
    time: Arc<AtomicU64>,
    fenced: Arc<AtomicU64>,
    numbered: Arc<AtomicU64>,
    all: u64,
) {
    let context = |random: u64| Context {
        now: CONTEXT.now.after(Duration::from_secs(time.fetch_add(1, Ordering::Relaxed))),
        random: (random + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
    };
    let mut claim: Option<LeaseClaim> = None;
    let mut round = holder;
    while numbered.load(Ordering::Relaxed) < all {
        round += HOLDERS;
        let names = vec!["event_log:0".to_owned()];
        let take = TakeLeases { names, owner: format!("p{holder}"), duration: DURATION };
        if let Some(lease) = run(&ledger, &take, context(round)).await.first() {
            claim = Some(LeaseClaim::to(lease));
        }
        let Some(lease) = claim.clone() else { continue };
        for turn in 0..4 {
            let outbox = ledger.scan(Scan::<OutboxRow>::of("", MAX_NUMBERED)).await.unwrap();
            let number = NumberEvents { outbox, lease: Some(lease.clone()) };
            match run(&ledger, &number, context(round * 7 + turn)).await {
                // Another holder was first. It does the same.
                NumberedEvents::Numbered(events) if events.is_empty() => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                NumberedEvents::Numbered(events) => {
                    numbered.fetch_add(u64::try_from(events.len()).unwrap(), Ordering::Relaxed);
                }
                NumberedEvents::NotHeld => {
                    fenced.fetch_add(1, Ordering::Relaxed);
                    break;
                }
            }
        }
    }
}

/// A reader that follows the log. It must see each position once, and the next one next.
async fn follow(ledger: Ledger, all: u64) -> Vec<(u64, String)> {
    let (mut at, mut seen) = (EventPosition::default(), Vec::new());
    while u64::try_from(seen.len()).unwrap() < all {
        let page = read_events(&ledger, at, 500).await.unwrap();
        for event in &page {
            assert_eq!(event.position, at.position + 1, "a position is missed");
            at = EventPosition::of(event);
            seen.push((event.position, event.id.clone()));
        }
        if page.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_numbered_without_gap_or_double_by_holders_that_are_fenced() {
    let Some(server) = server() else { return };
    let all: u64 = std::env::var("WXPAY_EVENTS").map_or(EVENTS, |text| text.parse().unwrap());
    let url = server.create();
    let began = Instant::now();
    let (time, fenced, numbered) = <(Arc<AtomicU64>, Arc<AtomicU64>, Arc<AtomicU64>)>::default();
    let mut tasks = Vec::new();
    for holder in 0..HOLDERS {
        let isolation = ISOLATIONS[usize::from(holder == 1)];
        let ledger = open(&format!("{url}?{isolation}")).await;
        let shared = (Arc::clone(&time), Arc::clone(&fenced), Arc::clone(&numbered));
        tasks.push(tokio::spawn(number(ledger, holder, shared.0, shared.1, shared.2, all)));
    }
    let next = Arc::new(Mutex::new(0_u64));
    for _ in 0..EMITTERS {
        let (ledger, next) = (open(&url).await, Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            loop {
                let first = {
                    let mut next = next.lock().unwrap();
                    let first = *next;
                    *next = (first + EMITTED).min(all);
                    first
                };
                if first >= all {
                    return;
                }
                let emit = |changes: &mut Changes| {
                    (first..(first + EMITTED).min(all))
                        .for_each(|number| changes.insert(&outbox_row(number)));
                };
                run(&ledger, &Write(changes(emit)), CONTEXT).await;
            }
        }));
    }
    let following = tokio::spawn(follow(open(&url).await, all));
    for task in tasks {
        task.await.unwrap();
    }
    let seen = following.await.unwrap();
    assert_eq!(numbered.load(Ordering::Relaxed), all);
    let mut ids: Vec<&str> = seen.iter().map(|(_, id)| id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(u64::try_from(ids.len()).unwrap(), all, "an event has two positions, or none");
    let ledger = open(&url).await;
    assert!(ledger.scan(Scan::<OutboxRow>::of("", 1)).await.unwrap().is_empty());
    let last = ledger.scan(Scan::<EventRow>::of("", 1).descending()).await.unwrap().remove(0);
    assert_eq!(last.position, all);
    let fenced = fenced.load(Ordering::Relaxed);
    eprintln!("{all} events in {:.1?}, {fenced} times a holder was fenced", began.elapsed());
    assert!(fenced > 0, "the lease never changed hands");
}

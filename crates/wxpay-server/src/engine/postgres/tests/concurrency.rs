//! Several processes on one database: it is as if their operations had run one after another.

use super::*;
use crate::{
    audit,
    ledger::{
        Changes, OrderKey, Scan, Subject, SubjectKind,
        access::{CreateApiKey, RevokeApiKey, TouchApiKey},
        events::{NumberEvents, NumberedEvents},
        idempotency::{BeginIdempotent, BegunIdempotent},
        inbox::RecordNotification,
        lease::{LeaseClaim, TakeLeases},
        merchants::{
            DeleteMerchant, DeletedMerchant, PlaceStoredMerchantsOrder, SaveMerchant, SavedMerchant,
        },
        number::ClaimNumber,
        order::{
            OrderState,
            learn::{LearnPayment, LearnedPayment},
            place::{PlaceOrder, Placed, PlacedTerms},
            query::{CallBegun, QueryAnswer, RecordQuery},
        },
        refund::{ReserveRefund, Reserved},
        rows::{
            access::ApiKeyRow,
            event::{EventRow, EventType, OutboxRow},
            inbox::{InboxResult, InboxRow},
            merchant::MerchantRow,
            number::NumberKind,
            order::{ApiVersion, OrderRow, OrderStatus},
            payment::{PaymentRow, Source},
            webhook::{DeferredRow, EndpointRow, EndpointStatus},
        },
        schedule::Schedule,
        webhook::{DeferEvent, DeleteEndpoint, EventRef, SaveEndpoint},
    },
};
use std::collections::BTreeSet;
use wxpay_proto::{Fen, UnixTime};

/// Three processes on one database.
#[derive(Clone)]
struct Processes(Vec<Ledger>);

impl Processes {
    async fn new(isolations: [&str; 3]) -> Option<Self> {
        let (url, mut ledgers) = (server()?.create(), Vec::new());
        for isolation in isolations {
            ledgers.push(open(&format!("{url}?{isolation}")).await);
        }
        Some(Self(ledgers))
    }

    fn any(&self) -> &Ledger {
        &self.0[0]
    }

    /// Runs operations at once, each in one of the processes. A caller tries again if the database is too busy, as the
    /// shop does.
    async fn run<O: Operation>(&self, operations: Vec<O>) -> Vec<O::Output> {
        let run = |(number, operation): (usize, O)| {
            let ledger = self.0[number % self.0.len()].clone();
            let context = Context {
                random: 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(u64::try_from(number).unwrap() + 1),
                ..CONTEXT
            };
            tokio::spawn(async move {
                for _ in 0..20 {
                    match ledger.run(operation.clone(), context).await {
                        Ok(output) => return output,
                        Err(error) => assert!(is_conflict(&error), "{error:?}"),
                    }
                }
                panic!("too many conflicts");
            })
        };
        let tasks: Vec<_> = operations.into_iter().enumerate().map(run).collect();
        let mut outputs = Vec::new();
        for task in tasks {
            outputs.push(task.await.unwrap());
        }
        outputs
    }
}

fn is_conflict(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Conflict(_)) || error.cause().contains("SQLSTATE 40")
}

/// Carries a test out with each isolation, and with both side by side.
async fn each<F: Future<Output = ()>>(test: impl Fn(Processes) -> F) {
    let [one, other] = ISOLATIONS;
    for isolations in [[one; 3], [other; 3], [one, other, one]] {
        let Some(processes) = Processes::new(isolations).await else { return };
        test(processes).await;
    }
}

fn key(number: &str) -> OrderKey {
    OrderKey::new("shop1".parse().unwrap(), number.parse().unwrap())
}

fn paid(total: u64) -> Write {
    let key = key("A1");
    Write(changes(|changes| {
        changes.insert(&OrderRow {
            version: 1,
            status: OrderStatus::Paid,
            total: Some(Fen::new(total)),
            currency: Some("CNY".into()),
            ..OrderRow::unplaced(&key, CONTEXT.now)
        });
        changes.insert(&PaymentRow {
            shard: key.shard(),
            merchant: key.merchant.clone(),
            out_trade_no: key.out_trade_no.clone(),
            transaction_id: "T1".parse().unwrap(),
            total: Fen::new(total),
            payer_total: None,
            currency: "CNY".into(),
            appid: None,
            bank_type: None,
            success_at: CONTEXT.now,
            refund_reserved: Fen::ZERO,
            refunded: Fen::ZERO,
        });
    }))
}

fn reserve(number: usize, amount: u64) -> ReserveRefund {
    ReserveRefund {
        key: key("A1"),
        out_refund_no: format!("R{number}").parse().unwrap(),
        transaction_id: None,
        amount: Fen::new(amount),
        reason: None,
        detail: None,
        terms_digest: "d".into(),
        requested_by: None,
        call_until: CONTEXT.now,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_reservations_at_once_never_exceed_the_payment() {
    each(|processes| async move {
        processes.any().run(paid(100), CONTEXT).await.unwrap();
        let reserved = processes.run((0..50).map(|number| reserve(number, 3)).collect()).await;
        let created = reserved.iter().filter(|each| matches!(each, Reserved::Created(_))).count();
        let exceeding = reserved.iter().filter(|each| matches!(each, Reserved::Exceeds { .. })).count();
        assert_eq!((created, exceeding), (33, 17));
        let payment = processes.any().load(PaymentRow::of(&key("A1"))).await.unwrap().remove(0);
        assert_eq!((payment.refund_reserved.get(), payment.refunded.get()), (99, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_number_is_reserved_once() {
    each(|processes| async move {
        processes.any().run(paid(100), CONTEXT).await.unwrap();
        let reserved = processes.run((0..20).map(|_| reserve(1, 3)).collect()).await;
        let created = reserved.iter().filter(|each| matches!(each, Reserved::Created(_))).count();
        let existing = reserved.iter().filter(|each| matches!(each, Reserved::Existing(_))).count();
        assert_eq!((created, existing), (1, 19));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_has_one_owner_and_a_lease_one_holder() {
    each(|processes| async move {
        let claim = |number: usize| ClaimNumber {
            merchant: "shop1".parse().unwrap(),
            kind: NumberKind::Refund,
            number: "R1".into(),
            owner: key(&format!("A{number}")).subject(),
        };
        let owners: BTreeSet<_> = processes.run((0..20).map(claim).collect()).await.into_iter().collect();
        assert_eq!(owners.len(), 1);
        let take = |number: usize| TakeLeases {
            names: vec!["shard:2".into(), "shard:1".into()],
            owner: format!("p{number}"),
            duration: Duration::from_secs(10),
        };
        let taken = processes.run((0..20).map(take).collect()).await;
        let mut taken: Vec<String> = taken.into_iter().flatten().map(|lease| lease.name).collect();
        taken.sort_unstable();
        assert_eq!(taken, ["shard:1", "shard:2"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_begins_one_request() {
    each(|processes| async move {
        let request = BeginIdempotent {
            digest: "k".into(),
            request_digest: "d".into(),
            until: CONTEXT.now.after(Duration::from_mins(1)),
        };
        let begun = processes.run(vec![request; 20]).await;
        assert_eq!(begun.iter().filter(|each| **each == BegunIdempotent::Begun).count(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_receipt_of_a_notification_is_counted() {
    each(|processes| async move {
        let inbox = InboxRow {
            month: 202_311,
            digest: "d".into(),
            result: InboxResult::Ignored,
            merchant: None,
            kind: None,
            subject: None,
            headers: "{}".into(),
            body: "{}".into(),
            received_at: CONTEXT.now,
            count: 1,
        };
        let receipts = processes.run(vec![RecordNotification { inbox }; 20]).await;
        let counts: BTreeSet<u64> = receipts.iter().map(|row| row.count).collect();
        assert_eq!(counts, (1..=20).collect());
    })
    .await;
}

fn merchant(name: &str) -> SaveMerchant {
    let row = MerchantRow {
        merchant: name.parse().unwrap(),
        mchid: "1900000001".into(),
        settings: "{}".into(),
        sealed_keys: "s".into(),
        version: 0,
        updated_at: UnixTime::EPOCH,
    };
    SaveMerchant { row, seen: None, actor: "cli".into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchants_number_belongs_to_one_of_those_saved_at_once() {
    each(|processes| async move {
        let saved = processes.run((0..12).map(|number| merchant(&format!("shop{number}"))).collect()).await;
        let is_saved = |each: &&SavedMerchant| matches!(each, SavedMerchant::Saved(_));
        assert_eq!(saved.iter().filter(is_saved).count(), 1);
        assert_eq!(processes.any().load(Prefix::<MerchantRow>::all()).await.unwrap().len(), 1);
    })
    .await;
}

fn place(number: &str) -> PlaceOrder {
    PlaceOrder {
        key: key(number),
        terms: PlacedTerms {
            json: "{}".into(),
            digest: "d".into(),
            api_version: ApiVersion::V3,
            channel: "native".into(),
            appid: None,
            sub_mchid: None,
            total: Fen::new(100),
            currency: "CNY".into(),
            payer: None,
        },
        metadata: None,
        expires_at: CONTEXT.now.after(Duration::from_hours(2)),
        call_until: CONTEXT.now.after(Duration::from_secs(10)),
        schedule: Schedule::default(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchant_that_is_deleted_has_no_order() {
    each(|processes| async move {
        let mut outcomes = BTreeSet::new();
        for round in 0..30 {
            processes.any().run(merchant("shop1"), CONTEXT).await.unwrap();
            let (one, other) = (processes.clone(), processes.clone());
            let delete = DeleteMerchant { merchant: "shop1".parse().unwrap(), actor: "cli".into() };
            let number = format!("A{round}");
            let placing = PlaceStoredMerchantsOrder(place(&number));
            // The one or the other begins later, by more in each round: on a busy machine, a small lead is lost.
            let lead = Duration::from_millis(round);
            let (first, second) =
                if round % 2 == 0 { (Duration::ZERO, lead) } else { (lead, Duration::ZERO) };
            let (deleted, placed) = tokio::join!(
                tokio::spawn(async move {
                    tokio::time::sleep(first).await;
                    one.run(vec![delete]).await.remove(0)
                }),
                tokio::spawn(async move {
                    tokio::time::sleep(second).await;
                    other.run(vec![placing]).await.remove(0)
                }),
            );
            let (is_deleted, is_placed) =
                (deleted.unwrap() == DeletedMerchant::Deleted, placed.unwrap().is_some());
            assert_ne!(is_deleted, is_placed, "either the merchant is there, or it has no order");
            outcomes.insert(is_deleted);
            let remaining = changes(|changes| {
                changes.delete(OrderRow::of(&key(&number)));
                changes.delete(Prefix::<MerchantRow>::all());
            });
            processes.any().run(Write(remaining), CONTEXT).await.unwrap();
        }
        assert_eq!(outcomes.len(), 2, "each of both must be first sometimes");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_api_key_stays_revoked_while_its_use_is_recorded() {
    each(|processes| async move {
        for round in 0..10 {
            let key_id = format!("key_{round}");
            let row = ApiKeyRow {
                key_id: key_id.clone(),
                hash: "h".into(),
                name: "n".into(),
                scopes: String::new(),
                merchants: String::new(),
                created_at: CONTEXT.now,
                last_used_day: None,
                expires_at: None,
                revoked_at: None,
            };
            processes.any().run(CreateApiKey { row, actor: "cli".into() }, CONTEXT).await.unwrap();
            let (one, other) = (processes.clone(), processes.clone());
            let touches = (1..=12).map(|day| TouchApiKey { key_id: key_id.clone(), day }).collect();
            let revoke = RevokeApiKey { key_id: key_id.clone(), actor: "cli".into() };
            let (revoked, recorded) = tokio::join!(
                tokio::spawn(async move { one.run(vec![revoke]).await }),
                tokio::spawn(async move { other.run(touches).await }),
            );
            revoked.unwrap();
            recorded.unwrap();
            let row = processes.any().load(ApiKeyRow::of(&key_id)).await.unwrap().remove(0);
            assert!(row.revoked_at.is_some());
            assert_eq!(row.last_used_day, Some(12));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_numbered_once_by_competing_holders() {
    each(|processes| async move {
        let merchant = || "shop1".parse().unwrap();
        let outbox: Vec<OutboxRow> = (1..=60)
            .map(|seq| OutboxRow {
                shard: key("A1").shard(),
                subject: key("A1").subject(),
                seq,
                id: format!("evt_{seq}"),
                merchant: merchant(),
                event_type: EventType::OrderCreated,
                data: "{}".into(),
                at: CONTEXT.now,
            })
            .collect();
        let insert = changes(|changes| outbox.iter().for_each(|row| changes.insert(row)));
        processes.any().run(Write(insert), CONTEXT).await.unwrap();
        let names = vec!["log".into()];
        let take = TakeLeases { names, owner: "p".into(), duration: Duration::from_secs(10) };
        let lease = processes.any().run(take, CONTEXT).await.unwrap().remove(0);
        let number = NumberEvents { outbox, lease: Some(LeaseClaim::to(&lease)) };
        let numbered = processes.run(vec![number; 6]).await;
        let count = |each: &NumberedEvents| match each {
            NumberedEvents::Numbered(events) => events.len(),
            NumberedEvents::NotHeld => panic!("the lease is held"),
        };
        assert_eq!(numbered.iter().map(count).sum::<usize>(), 60);
        let events = processes.any().scan(Scan::<EventRow>::of("", 100)).await.unwrap();
        let positions: Vec<(u64, u64)> = events.iter().map(|event| (event.position, event.seq)).collect();
        assert_eq!(positions, (1..=60).map(|number| (number, number)).collect::<Vec<_>>());
        assert!(processes.any().scan(Scan::<OutboxRow>::of("", 100)).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_endpoint_leaves_no_deferred_event() {
    each(|processes| async move {
        for round in 0..10 {
            let row = EndpointRow {
                endpoint: format!("we_{round}"),
                merchant: None,
                url: "https://shop.example".into(),
                types: String::new(),
                sealed_secrets: "s".into(),
                status: EndpointStatus::Enabled,
                failing_since: None,
                version: 0,
                created_at: CONTEXT.now,
            };
            let endpoint = row.endpoint.clone();
            processes
                .any()
                .run(SaveEndpoint { row, seen: None, actor: "cli".into() }, CONTEXT)
                .await
                .unwrap();
            let subject = |number| Subject::new(SubjectKind::Order, "shop1".parse().unwrap(), number);
            let defer = |position: u64| DeferEvent {
                endpoint: endpoint.clone(),
                event: EventRef {
                    subject: subject(if position.is_multiple_of(2) { "A1" } else { "A2" }),
                    log: 0,
                    month: 202_311,
                    position,
                },
                failure: None,
            };
            let (one, other) = (processes.clone(), processes.clone());
            let deferrals = (1..=8).map(defer).collect();
            let delete = DeleteEndpoint { endpoint: endpoint.clone(), actor: "cli".into() };
            let (deferred, deleted) = tokio::join!(
                tokio::spawn(async move { one.run(deferrals).await }),
                tokio::spawn(async move { other.run(vec![delete]).await }),
            );
            deferred.unwrap();
            assert_eq!(deleted.unwrap(), [true]);
            assert!(processes.any().load(DeferredRow::of(&endpoint)).await.unwrap().is_empty());
        }
    })
    .await;
}

fn learn(number: &str, transaction: &str) -> LearnPayment {
    LearnPayment {
        key: key(number),
        payment: LearnedPayment {
            transaction_id: transaction.parse().unwrap(),
            total: Fen::new(100),
            payer_total: None,
            currency: "CNY".into(),
            appid: None,
            bank_type: None,
            payer: None,
            success_at: CONTEXT.now,
        },
        owner: key(number).subject(),
        source: Source::Notification,
        begun: None,
        inbox: None,
        schedule: Schedule::default(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_placed_paid_twice_and_queried_at_once_follows_from_its_evidence() {
    each(|processes| async move {
        for round in 0..10 {
            let number = format!("A{round}");
            let query = RecordQuery {
                key: key(&number),
                begun: CallBegun { version: 0, status: OrderStatus::Unplaced },
                answer: QueryAnswer::NotFound,
                signed_at: Some(CONTEXT.now),
                steady_at: CONTEXT.now,
                schedule: Schedule::default(),
            };
            let learns = vec![
                learn(&number, &format!("T{round}")),
                learn(&number, &format!("U{round}")),
                learn(&number, &format!("T{round}")),
            ];
            let spawn = |processes: &Processes| processes.clone();
            let (one, two, three) = (spawn(&processes), spawn(&processes), spawn(&processes));
            let placing = place(&number);
            let (placed, learned, queried) = tokio::join!(
                tokio::spawn(async move { one.run(vec![placing.clone(), placing]).await }),
                tokio::spawn(async move { two.run(learns).await }),
                tokio::spawn(async move { three.run(vec![query]).await }),
            );
            let created =
                placed.unwrap().iter().filter(|each| matches!(each, Placed::Created { .. })).count();
            assert_eq!(created, 1);
            learned.unwrap();
            queried.unwrap();
            let ledger = processes.any();
            let state = OrderState::read(&ledger.read(OrderState::loads(&key(&number))).await.unwrap());
            let state = state.unwrap().unwrap();
            assert_eq!((state.payments.len(), state.order.status), (2, OrderStatus::Paid));
            assert_eq!(audit::violations(ledger, &key(&number)).await.unwrap(), []);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_sees_one_moment_of_several_rows() {
    let Some(processes) = Processes::new([ISOLATIONS[0]; 3]).await else { return };
    let (writer, reader) = (processes.0[0].clone(), processes.0[1].clone());
    let writing = tokio::spawn(async move {
        for version in 1..=100 {
            let both = |changes: &mut Changes| {
                changes.put(&lease("one", version));
                changes.put(&lease("two", version));
            };
            writer.run(Write(changes(both)), CONTEXT).await.unwrap();
        }
    });
    while !writing.is_finished() {
        let rows = reader.read(vec![LeaseRow::of("one").load(), LeaseRow::of("two").load()]).await.unwrap();
        let versions: BTreeSet<u64> = rows.all::<LeaseRow>().unwrap().iter().map(|row| row.version).collect();
        assert!(versions.len() <= 1, "{versions:?}");
    }
    writing.await.unwrap();
}

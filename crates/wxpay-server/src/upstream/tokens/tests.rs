//! Processes that share access tokens, in virtual time with the ledger as the store, and in real time with Redis.

mod servers;

use super::{
    LedgerStore, Store,
    redis::{RedisSettings, RedisStore, RedisUrl},
    store::{LockRequest, StoreError, StoredToken},
};
use crate::{
    actions::ActionError,
    ambient::Ambient as _,
    engine::Ledger,
    ledger::{Prefix, rows::merchant::TokenRow},
    merchants::seal::SealingKeys,
    tasks,
    testing::{NetFault, TestWorld},
};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{id::AppId, secret::Secret};

/// The label of a fetch.
const FETCH: &str = "v1.token";
const SECOND: Duration = Duration::from_secs(1);

fn sealing(byte: u8) -> SealingKeys {
    SealingKeys::new(&AwsLc, &[&Secret::new([byte; 32])])
}

fn ledger_store(world: &TestWorld, process: &str) -> Store {
    Store::Ledger(LedgerStore::new(Ledger::from(world.model.clone()), process.into()))
}

/// Returns a process that shares tokens in the world's ledger.
fn process(world: &TestWorld, name: &str) -> TestWorld {
    world.sharing(name, vec![ledger_store(world, name)], sealing(7))
}

fn processes(world: &TestWorld, count: usize) -> Vec<TestWorld> {
    (0..count).map(|number| process(world, &format!("process{number}"))).collect()
}

/// Places an order in every process at once.
async fn place_in_all(processes: &[TestWorld], prefix: &str) {
    let placing = processes.iter().enumerate().map(|(number, process)| {
        let (process, order) = (process.clone(), format!("{prefix}{number}"));
        tokio::spawn(async move { process.place_v1(&order, 1999).await.map(drop) })
    });
    for placed in placing.collect::<Vec<_>>() {
        placed.await.unwrap().unwrap();
    }
}

async fn place(process: &TestWorld, order: &str) {
    process.place_v1(order, 1999).await.unwrap();
}

fn app_of(process: &TestWorld) -> AppId {
    let merchant = process.app.merchants().all().remove(0);
    merchant.v1().unwrap().appid().clone()
}

async fn follow(process: &TestWorld) {
    process.app.upstream().follow_token(&app_of(process)).await;
}

/// Returns the number of fetches by any process, and of orders that were sent to WeChat Pay, refused ones included.
fn sent(world: &TestWorld) -> (usize, usize) {
    (world.sent(FETCH), world.sent("v1.genprepay"))
}

/// The reason for all of this: each process has a token of its own, and ends that of the other.
#[tokio::test(start_paused = true)]
async fn processes_that_do_not_share_end_each_others_tokens() {
    let world = TestWorld::new();
    let other = world.sharing("other", Vec::new(), SealingKeys::default());
    for number in 0..5 {
        place(&world, &format!("A{number}")).await;
        place(&other, &format!("B{number}")).await;
    }
    assert_eq!(
        sent(&world),
        (10, 18),
        "every order fetches a token, and all but the first two are refused once"
    );
}

#[tokio::test(start_paused = true)]
async fn one_fetch_serves_all_processes() {
    let world = TestWorld::new();
    let processes = processes(&world, 8);
    place_in_all(&processes, "A").await;
    for number in 0..5 {
        place_in_all(&processes, &format!("B{number}N")).await;
    }
    assert_eq!(sent(&world), (1, 48));
    let sources = |source: &str| {
        let line = format!("wxpay_access_token_fetches_total{{source=\"{source}\"}} 1");
        processes.iter().filter(|process| process.app.metrics().render().contains(&line)).count()
    };
    assert_eq!((sources("gateway"), sources("ledger")), (1, 7));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_for_its_lifetime_less_five_minutes() {
    let world = TestWorld::new();
    place(&process(&world, "first"), "A1").await;
    let [row] = &world.rows::<TokenRow>().await[..] else { panic!("there must be one token") };
    let lifetime = row.expires_at.since(world.ambient.now()).as_secs();
    assert!((6898..=6900).contains(&lifetime), "{lifetime}");
    sleep(Duration::from_secs(6890)).await;
    place(&process(&world, "late"), "A2").await;
    assert_eq!(sent(&world).0, 1);
    sleep(Duration::from_secs(15)).await;
    place(&process(&world, "later"), "A3").await;
    assert_eq!(sent(&world), (2, 3), "it was replaced before WeChat Pay refused it");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_replaced_by_one_fetch_of_all_processes() {
    let world = TestWorld::new();
    let processes = processes(&world, 6);
    place_in_all(&processes, "A").await;
    // 40001: another program of the merchant fetched a token. 42001: it expired. 40014: it is unknown.
    let now = || world.ambient.true_now();
    world.gateway(|gateway| gateway.replace_tokens(now()));
    place_in_all(&processes, "B").await;
    assert_eq!(sent(&world), (2, 6 + 12));
    world.gateway(|gateway| gateway.expire_tokens(now()));
    place_in_all(&processes, "C").await;
    assert_eq!(sent(&world), (3, 6 + 12 + 12));
    world.gateway(|gateway| {
        let app = wxpay_sim::App::new(gateway.credentials().clone());
        gateway.register(app);
    });
    place_in_all(&processes, "D").await;
    assert_eq!(sent(&world), (4, 6 + 12 + 12 + 12));
}

#[tokio::test(start_paused = true)]
async fn a_late_rejection_of_an_old_token_does_not_replace_the_newer_one() {
    let world = TestWorld::new();
    let (one, other) = (process(&world, "one"), process(&world, "other"));
    place_in_all(&[one.clone(), other.clone()], "A").await;
    world.gateway(|gateway| gateway.replace_tokens(world.ambient.true_now()));
    place(&one, "B1").await;
    assert_eq!(sent(&world).0, 2);
    // The other one still has the first token, and hears of its rejection only now.
    place(&other, "B2").await;
    place(&one, "B3").await;
    assert_eq!(sent(&world), (2, 2 + 2 + 2 + 1));
}

#[tokio::test(start_paused = true)]
async fn a_refreshed_token_is_followed_by_the_other_processes_before_they_are_refused() {
    let world = TestWorld::new();
    world.gateway(|gateway| gateway.settings_mut().v1.token_overlap = Duration::from_mins(5));
    let (one, other) = (process(&world, "one"), process(&world, "other"));
    place(&one, "A1").await;
    sleep(Duration::from_mins(30)).await;
    place(&other, "A2").await;
    let _tasks = [tasks::start(&one.app), tasks::start(&other.app)];
    for minute in 0..120 {
        sleep(Duration::from_mins(1)).await;
        for (process, name) in [(&one, "B"), (&other, "C")] {
            place(process, &format!("{name}{minute}")).await;
        }
    }
    // At 86 minutes, three quarters of 115, the first one refreshes.
    assert_eq!(sent(&world), (2, 242), "no order was refused");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_while_it_fetches_delays_the_others_until_its_lock_ends() {
    let world = TestWorld::new();
    let dead = ledger_store(&world, "dead");
    let request =
        LockRequest { app: &app_of(&world), seen: 0, duration: Duration::from_secs(8), value: "dead" };
    let context = world.app.context();
    let locked = dead.lock(request, context).await.unwrap().unwrap();
    let began = Instant::now();
    place(&process(&world, "alive"), "A1").await;
    assert!(began.elapsed() >= 8 * SECOND, "{:?}", began.elapsed());
    let known = StoredToken {
        sealed: "late".into(),
        epoch: locked.epoch,
        expires_at: world.ambient.now().after(7000 * SECOND),
    };
    let written = dead.write(&app_of(&world), &known, Some(&locked.lock), context).await;
    assert_eq!(written, Ok(false), "the token of the dead process is not the newest");
    place(&process(&world, "late"), "A2").await;
    assert_eq!(sent(&world), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_whose_caller_left_is_finished_for_the_others() {
    let world = TestWorld::new();
    let one = process(&world, "one");
    let merchant = one.app.merchants().all().remove(0).v1().unwrap().clone();
    let client = one.app.upstream().client().clone();
    let left = tokio::time::timeout(Duration::from_millis(40), client.run(merchant.refresh_token())).await;
    assert!(left.is_err(), "the caller must leave before the reply");
    place(&process(&world, "other"), "A1").await;
    sleep(20 * SECOND).await;
    place(&one, "A2").await;
    assert_eq!(sent(&world), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_failed_fetch_gives_the_lock_back() {
    let world = TestWorld::new();
    let (one, other) = (process(&world, "one"), process(&world, "other"));
    world.inject_many(FETCH, NetFault::NotSent, 4);
    let began = Instant::now();
    one.place_v1("A1", 1999).await.unwrap_err();
    place(&other, "A2").await;
    assert!(began.elapsed() < 10 * SECOND, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stored_token_is_sealed_and_one_of_another_key_is_replaced() {
    let world = TestWorld::new();
    let one = process(&world, "one");
    place(&one, "A1").await;
    let app = app_of(&world);
    let client = one.app.upstream().client().clone();
    let token =
        client.memory(|memory| memory.token(&app, world.ambient.now()).unwrap().0.expose().to_owned());
    let [row] = &world.rows::<TokenRow>().await[..] else { panic!("there must be one token") };
    assert!(row.sealed_token.starts_with("v1:") && !row.sealed_token.contains(&token));
    assert!(!format!("{:?} {row:?}", one.app.upstream()).contains(&token));
    let stranger = world.sharing("stranger", vec![ledger_store(&world, "stranger")], sealing(8));
    place(&stranger, "A2").await;
    assert_eq!(sent(&world), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_process_whose_stores_are_away_fetches_at_most_once_in_five_minutes() {
    let world = TestWorld::new();
    let away = |name: &str| {
        let url = RedisUrl::parse("redis://127.0.0.1:1").unwrap();
        let redis = RedisStore::new(RedisSettings { url, ca: None }).unwrap();
        world.sharing(name, vec![Store::Redis(Box::new(redis))], sealing(7))
    };
    let (one, other) = (away("one"), away("other"));
    place(&one, "A1").await;
    place(&other, "A2").await;
    for number in 0..10 {
        let error = one.place_v1(&format!("B{number}"), 1999).await.unwrap_err();
        assert!(matches!(error, ActionError::Call(_)), "{error:?}");
        // The other one's token is the latest.
        place(&other, &format!("C{number}")).await;
    }
    assert_eq!(sent(&world).0, 2);
    sleep(Duration::from_mins(5)).await;
    place(&one, "D1").await;
    assert_eq!(sent(&world).0, 3);
    // APIv3 needs no token.
    one.place("ORDER1", 1999).await.unwrap();
    one.pay("ORDER1");
    assert_eq!(one.deliver().await, [204]);
}

#[tokio::test]
async fn processes_share_the_token_in_postgresql() {
    let Some(database) = crate::engine::postgres::testing::empty().await else { return };
    let world = TestWorld::new();
    let sharing = |name: &str| {
        let store = Store::Ledger(LedgerStore::new(database.clone(), name.into()));
        world.sharing(name, vec![store], sealing(7))
    };
    let processes: Vec<_> = (0..6).map(|number| sharing(&format!("process{number}"))).collect();
    place_in_all(&processes, "A").await;
    assert_eq!(sent(&world), (1, 6));
    world.gateway(|gateway| gateway.replace_tokens(world.ambient.true_now()));
    place_in_all(&processes, "B").await;
    assert_eq!(sent(&world), (2, 18));
    assert_eq!(database.load(Prefix::<TokenRow>::all()).await.unwrap().len(), 1);
}

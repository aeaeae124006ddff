//! With a real Redis or Valkey, in real time.

use super::*;
use wxpay_testkit::redis::{Server, start};

fn store_at(url: &str, ca: Option<Vec<u8>>) -> RedisStore {
    RedisStore::new(RedisSettings { url: RedisUrl::parse(url).unwrap(), ca }).unwrap()
}

/// Returns a process that shares tokens in Redis, and in the world's ledger.
fn process_at(world: &TestWorld, redis: &Server, name: &str) -> TestWorld {
    let stores = vec![Store::Redis(Box::new(store_at(&redis.url(), None))), ledger_store(world, name)];
    world.sharing(name, stores, sealing(7))
}

fn key(world: &TestWorld) -> String {
    format!("wxpay:{{{}}}:token", app_of(world))
}

fn request<'a>(app: &'a AppId, seen: u64, value: &'a str) -> LockRequest<'a> {
    LockRequest { app, seen, duration: Duration::from_millis(300), value }
}

fn failures(process: &TestWorld) -> bool {
    !process.app.metrics().render().contains("wxpay_access_token_store_failures_total{source=\"redis\"} 0")
}

#[tokio::test]
async fn processes_share_the_token_in_redis() {
    let Some(redis) = start(&[]) else { return };
    let world = TestWorld::new();
    let processes: Vec<_> =
        (0..6).map(|number| process_at(&world, &redis, &format!("process{number}"))).collect();
    place_in_all(&processes, "A").await;
    assert_eq!(sent(&world), (1, 6));
    world.gateway(|gateway| gateway.replace_tokens(world.ambient.true_now()));
    place_in_all(&processes, "B").await;
    assert_eq!(sent(&world), (2, 18));
    let stored = redis.command(&format!("HGETALL {}", key(&world)));
    assert!(stored.contains("v1:") && stored.contains("expires_at"), "{stored}");
    let token =
        processes[0].app.upstream().client().memory(|memory| {
            memory.token(&app_of(&world), world.ambient.now()).unwrap().0.expose().to_owned()
        });
    assert!(!stored.contains(&token));
    let lifetime = redis.command(&format!("TTL {}", key(&world)));
    let lifetime: u64 = lifetime.trim_start_matches(':').lines().next().unwrap().parse().unwrap();
    assert!((6880..=6900).contains(&lifetime), "{lifetime}");
    assert!(redis.command("KEYS *").matches("wxpay:").count() == 1, "nothing else is in Redis");
    assert!(processes.iter().all(|process| !failures(process)));
}

#[tokio::test]
async fn payments_go_on_while_redis_is_killed_and_after_it_is_back() {
    let Some(mut redis) = start(&[]) else { return };
    let world = TestWorld::new();
    let one = process_at(&world, &redis, "one");
    place(&one, "A1").await;
    redis.kill();
    let began = Instant::now();
    place(&one, "A2").await;
    let other = process_at(&world, &redis, "other");
    place(&other, "A3").await;
    assert_eq!(sent(&world), (1, 3), "the other one has the token of the ledger");
    world.gateway(|gateway| gateway.replace_tokens(world.ambient.true_now()));
    place_in_all(&[one.clone(), other.clone()], "B").await;
    assert_eq!(sent(&world), (2, 3 + 4));
    assert!(began.elapsed() < 3 * SECOND, "{:?}", began.elapsed());
    assert!(failures(&one) && failures(&other));
    redis.restart();
    sleep(6 * SECOND).await;
    follow(&one).await;
    assert!(redis.command(&format!("HGETALL {}", key(&world))).contains("v1:"), "it has the token again");
    place(&process_at(&world, &redis, "third"), "C1").await;
    assert_eq!(sent(&world), (2, 8));
}

#[tokio::test]
async fn a_flushed_redis_is_filled_from_the_ledger_without_a_fetch() {
    let Some(redis) = start(&[]) else { return };
    let world = TestWorld::new();
    let one = process_at(&world, &redis, "one");
    place(&one, "A1").await;
    redis.command("FLUSHALL");
    place(&one, "A2").await;
    place(&process_at(&world, &redis, "other"), "A3").await;
    assert!(redis.command(&format!("HGETALL {}", key(&world))).contains("v1:"));
    redis.command("FLUSHALL");
    world.gateway(|gateway| gateway.replace_tokens(world.ambient.true_now()));
    place(&one, "A4").await;
    assert_eq!(sent(&world), (2, 5), "an epoch does not begin again");
}

#[tokio::test]
async fn a_frozen_redis_delays_one_payment_by_half_a_second() {
    let Some(redis) = start(&[]) else { return };
    let world = TestWorld::new();
    let (one, other) = (process_at(&world, &redis, "one"), process_at(&world, &redis, "other"));
    place_in_all(&[one.clone(), other.clone()], "A").await;
    redis.freeze();
    let took = |began: Instant| began.elapsed();
    let began = Instant::now();
    place(&one, "B1").await;
    assert!(took(began) < 2 * SECOND / 5, "the copy of the process is used: {:?}", took(began));
    world.gateway(|gateway| gateway.replace_tokens(world.ambient.true_now()));
    let began = Instant::now();
    place(&one, "B2").await;
    assert!(took(began) < 2 * SECOND, "{:?}", took(began));
    world.gateway(|gateway| gateway.replace_tokens(world.ambient.true_now()));
    let began = Instant::now();
    place(&one, "B3").await;
    assert!(took(began) < SECOND, "Redis is not asked again at once: {:?}", took(began));
    assert_eq!(sent(&world).0, 3);
    one.place("ORDER1", 1999).await.unwrap();
    redis.thaw();
    // Redis has the first token, which the other process has, too. It is refused, and the ledger has the newest.
    place(&other, "C1").await;
    assert_eq!(sent(&world).0, 3);
    let row = world.rows::<TokenRow>().await.remove(0);
    let stored = redis.command(&format!("HGET {} epoch", key(&world)));
    assert!(stored.contains(&row.version.to_string()), "{stored} {}", row.version);
}

#[tokio::test]
async fn the_late_token_of_a_process_that_lost_its_lock_in_redis_is_refused() {
    let Some(redis) = start(&[]) else { return };
    let (store, app): (_, AppId) = (store_at(&redis.url(), None), "wxd930ea5d5a258f4f".parse().unwrap());
    let now = crate::testing::START;
    let token = |epoch| StoredToken { sealed: "v1:x".into(), epoch, expires_at: now.after(60 * SECOND) };
    let lost = store.lock(request(&app, 0, "lost"), now).await.unwrap().unwrap();
    assert!(store.lock(request(&app, 0, "next"), now).await.unwrap().is_none());
    assert!(store.lock(request(&app, 0, "lost"), now).await.unwrap().is_some(), "a repeated attempt");
    sleep(Duration::from_millis(400)).await;
    let next = store.lock(request(&app, 0, "next"), now.after(SECOND)).await.unwrap().unwrap();
    assert!(next.epoch > lost.epoch);
    assert_eq!(store.write(&app, &token(lost.epoch), Some("lost"), now).await, Ok(false));
    assert_eq!(store.read(&app).await.unwrap(), None);
    assert_eq!(store.write(&app, &token(next.epoch), Some("next"), now).await, Ok(true));
    assert_eq!(store.write(&app, &token(lost.epoch), Some("lost"), now).await, Ok(false));
    assert_eq!(store.write(&app, &token(lost.epoch), None, now).await, Ok(false), "it is older");
    assert_eq!(store.read(&app).await.unwrap(), Some(token(next.epoch)));
    // The lock was given back, and is taken by whoever saw the token; not by others.
    assert!(store.lock(request(&app, 0, "late"), now).await.unwrap().is_none());
    store.unlock(&app, "other").await.unwrap();
    let third = store.lock(request(&app, next.epoch, "third"), now).await.unwrap().unwrap();
    assert_eq!(third.epoch, next.epoch + 1, "although the clock is behind");
    store.unlock(&app, "third").await.unwrap();
    assert!(store.lock(request(&app, next.epoch, "fourth"), now).await.unwrap().is_some());
}

#[tokio::test]
async fn a_wrong_password_and_missing_rights_are_named() {
    let Some(redis) = start(&["--requirepass", "planted"]) else { return };
    let check = async |login: &str| {
        let store = store_at(&format!("redis://{login}127.0.0.1:{}", redis.port), None);
        store.check("value").await
    };
    let setting = |result: Result<(), StoreError>| match result.unwrap_err() {
        StoreError::Setting(reason) => reason,
        error @ (StoreError::Failed(_) | StoreError::NotAsked) => panic!("{error:?}"),
    };
    assert_eq!(check(":planted@").await, Ok(()));
    let missing = setting(check("").await);
    assert!(missing.contains("requires a password: set redis_password"), "{missing}");
    let wrong = setting(check(":other@").await);
    assert!(wrong.contains("refuses the user or the password") && !wrong.contains("other"), "{wrong}");
    redis
        .command("AUTH planted\r\nACL SETUSER reader on >planted ~wxpay:* +eval +evalsha +script|load +hget");
    let forbidden = setting(check("reader:planted@").await);
    assert!(forbidden.contains("does not permit"), "{forbidden}");
    redis.command(
        "AUTH planted\r\nACL SETUSER pay on >planted ~wxpay:* +eval +evalsha +script|load +hget +hset +hmget +get \
         +set +del +pexpire",
    );
    assert_eq!(check("pay:planted@").await, Ok(()));
    let away = store_at("redis://127.0.0.1:1", None).check("value").await.unwrap_err();
    assert!(
        matches!(&away, StoreError::Failed(reason) if reason.contains("redis://127.0.0.1:1/0")),
        "{away:?}"
    );
}

#[tokio::test]
async fn tls_trusts_only_the_authorities_of_the_settings() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let certificate = file("cert.pem", certified.cert.pem());
    let key = file("key.pem", certified.signing_key.serialize_pem());
    let options = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-auth-clients", "no"];
    let options = [&options[..], &["--tls-ca-cert-file", &certificate]].concat();
    let Some(redis) = start(&options) else { return };
    let url = format!("rediss://localhost:{}", redis.port);
    let ca = certified.cert.pem().into_bytes();
    assert_eq!(store_at(&url, Some(ca.clone())).check("value").await, Ok(()));
    let untrusted = store_at(&url, None).check("value").await.unwrap_err();
    assert!(matches!(&untrusted, StoreError::Failed(_)), "{untrusted:?}");
    let other_name = format!("rediss://127.0.0.1:{}", redis.port);
    assert!(store_at(&other_name, Some(ca)).check("value").await.is_err());
    let plain = format!("redis://localhost:{}", redis.port);
    assert!(store_at(&plain, None).check("value").await.is_err());
}

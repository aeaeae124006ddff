//! Flows that share a memory: notifications whose key must be fetched, and APIv1 calls that need a token.

use super::{Clock, MAX_CHECKS, explore, run_callers};
use shuttle::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use std::{error::Error as _, fmt::Debug, time::Duration};
use wxpay_proto::{
    Error, UnixTime,
    crypto::CryptoProvider as _,
    entropy::Entropy,
    exchange::{Failure, Flow, Reply, Step, Transmit},
    http::Response,
    memory::{AccessToken, Memory, MemoryAccess},
    secret::Secret,
    v3::{Ack, ApiV3Key, KeyError, KeyProblem, Merchant, RawNotification, message},
    wire::base64,
    world::World,
};
use wxpay_testkit::{
    keys::{
        self,
        v3::{API_V3_KEY, MCHID, PLATFORM, SERIAL_NO, certificate},
    },
    null::{NullProvider, private_key, private_key_of},
};

/// A memory behind a mutex, with a clock and a network.
struct Shared {
    clock: Clock,
    memory: Mutex<Memory>,
    fetching: AtomicUsize,
    fetches: AtomicUsize,
}

/// Access as the adapter has it: the guard of the mutex, from each lock to its unlock.
struct Access<'a> {
    mutex: &'a Mutex<Memory>,
    guard: Option<MutexGuard<'a, Memory>>,
}

impl MemoryAccess for Access<'_> {
    fn lock(&mut self) -> &mut Memory {
        self.guard.insert(self.mutex.lock().unwrap())
    }

    fn unlock(&mut self) {
        self.guard = None;
    }
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            clock: Clock::new(),
            memory: Mutex::new(Memory::default()),
            fetching: AtomicUsize::new(0),
            fetches: AtomicUsize::new(0),
        })
    }

    fn step<F: Flow>(&self, step: impl FnOnce(World<'_>) -> Step<F>) -> Step<F> {
        let mut access = Access { mutex: &self.memory, guard: None };
        step(World::new(self.clock.now(), Entropy::new([7; 32]), &mut access))
    }

    /// Runs a flow. `respond` returns the replies. Only one flow at a time may fetch.
    fn run<F: Flow<Output: Debug>>(
        &self,
        flow: F,
        respond: impl Fn(&Transmit, UnixTime) -> Reply,
    ) -> Result<F::Output, Error> {
        let mut step = self.step(|world| Step::begin(flow, world));
        for _ in 0..MAX_CHECKS {
            step = match step {
                Step::Send(transmit, awaiting) => {
                    let fetches = usize::from(["v1.token", "v3.certificates"].contains(&transmit.label));
                    let others = self.fetching.fetch_add(fetches, Ordering::SeqCst);
                    assert!(fetches == 0 || others == 0, "two fetches at a time");
                    self.fetches.fetch_add(fetches, Ordering::SeqCst);
                    thread::yield_now();
                    let reply = respond(&transmit, self.clock.now());
                    self.fetching.fetch_sub(fetches, Ordering::SeqCst);
                    self.step(|world| awaiting.resume(reply, world))
                }
                Step::Wait(until, waiting) => {
                    self.clock.wait_until(until);
                    self.step(|world| waiting.resume(world))
                }
                Step::Done(result) => return result,
            };
        }
        panic!("a flow waits for ever");
    }
}

fn merchant() -> Merchant {
    Merchant::builder(
        Arc::new(NullProvider),
        MCHID.parse().unwrap(),
        SERIAL_NO.parse().unwrap(),
        NullProvider.private_key(&private_key("merchant")).unwrap(),
        &ApiV3Key::new(API_V3_KEY.into()).unwrap(),
    )
    .build()
}

/// Returns the signature headers of the first platform certificate.
fn headers(body: &[u8], at: UnixTime) -> [(&'static str, String); 4] {
    let der = private_key_of(certificate(PLATFORM[0].certificate).spki());
    let signed = message::reply(&at.to_string(), "593BEC0C930BF1AF", body);
    let signature = NullProvider.private_key(&der).unwrap().sign(&signed).unwrap();
    [
        ("Wechatpay-Timestamp", at.to_string()),
        ("Wechatpay-Nonce", "593BEC0C930BF1AF".into()),
        ("Wechatpay-Signature", base64::encode(&signature)),
        ("Wechatpay-Serial", PLATFORM[0].serial_no.into()),
    ]
}

fn encrypted(associated_data: &str, plain: &[u8]) -> serde_json::Value {
    let key = NullProvider.symmetric_key(&Secret::new(API_V3_KEY.as_bytes().try_into().unwrap()));
    let ciphertext = key.seal(b"0123456789ab", associated_data.as_bytes(), plain);
    serde_json::json!({
        "algorithm": "AEAD_AES_256_GCM", "nonce": "0123456789ab",
        "associated_data": associated_data, "ciphertext": base64::encode(&ciphertext),
    })
}

fn certificates(at: UnixTime) -> Response {
    let resource = encrypted("certificate", PLATFORM[0].certificate.as_bytes());
    let entry = serde_json::json!({ "serial_no": PLATFORM[0].serial_no, "encrypt_certificate": resource });
    let body = serde_json::json!({ "data": [entry] }).to_string().into_bytes();
    let reply = Response::new(200, body.clone());
    let headers = headers(&body, at);
    headers.iter().fold(reply, |reply, (name, value)| reply.with_header(name, value.as_bytes()))
}

fn notification() -> RawNotification {
    let resource = encrypted("complaint", b"{}");
    let body = serde_json::json!({ "id": "EV-1", "event_type": "COMPLAINT.CREATE", "resource": resource });
    let body = body.to_string().into_bytes();
    let headers = headers(&body, Clock::START);
    headers.iter().fold(RawNotification::new(body), |raw, (name, value)| raw.header(name, value.as_bytes()))
}

#[test]
fn notifications_that_need_one_key_fetch_it_once() {
    explore(|| {
        let shared = Shared::new();
        let caller = Arc::clone(&shared);
        let (merchant, raw) = (merchant(), notification());
        run_callers(move |_| {
            let verified =
                caller.run(merchant.verify_notification(raw.clone()), |_, at| Ok(certificates(at)));
            assert_eq!(verified.unwrap().event_type(), "COMPLAINT.CREATE");
        });
        assert_eq!(shared.fetches.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_failed_key_fetch_ends_every_notification_with_its_cause() {
    explore(|| {
        let shared = Shared::new();
        let caller = Arc::clone(&shared);
        let (merchant, raw) = (merchant(), notification());
        run_callers(move |_| {
            let lost = |_: &Transmit, _: UnixTime| Err(Failure::Lost("reset".into()));
            let error = caller.run(merchant.verify_notification(raw.clone()), lost).unwrap_err();
            let key_error: &KeyError = error.source().unwrap().downcast_ref().unwrap();
            assert!(matches!(key_error.problem().root(), KeyProblem::NoReply(_)), "{key_error}");
            assert_eq!(Ack::for_error(&error), Ack::Fail);
        });
        assert_eq!(shared.fetches.load(Ordering::SeqCst), 1);
        assert!(shared.clock.passed() < Duration::from_secs(4), "{:?}", shared.clock.passed());
    });
}

#[test]
fn a_refresh_and_a_notification_share_one_fetch() {
    explore(|| {
        let shared = Shared::new();
        let caller = Arc::clone(&shared);
        let (merchant, raw) = (merchant(), notification());
        run_callers(move |number| {
            let respond = |_: &Transmit, at: UnixTime| Ok(certificates(at));
            if number == 0 {
                caller.run(merchant.refresh_platform_keys(), respond).unwrap();
            } else {
                caller.run(merchant.verify_notification(raw.clone()), respond).unwrap();
            }
        });
        assert_eq!(shared.fetches.load(Ordering::SeqCst), 1);
    });
}

fn token_reply(token: &str) -> Response {
    let body = serde_json::json!({ "access_token": token, "expires_in": 7200 }).to_string();
    Response::new(200, body.into_bytes())
}

#[test]
fn token_refreshes_at_one_time_fetch_one_token() {
    explore(|| {
        let shared = Shared::new();
        let caller = Arc::clone(&shared);
        let merchant = keys::merchant().build();
        let appid = merchant.appid().clone();
        run_callers(move |_| {
            caller.run(merchant.refresh_token(), |_, _| Ok(token_reply("token"))).unwrap();
        });
        assert_eq!(shared.fetches.load(Ordering::SeqCst), 1);
        let memory = shared.memory.lock().unwrap();
        assert_eq!(memory.token(&appid, Clock::START).unwrap().0.expose(), "token");
    });
}

#[test]
fn a_late_refusal_of_an_old_token_keeps_the_new_one() {
    explore(|| {
        let shared = Shared::new();
        let merchant = keys::merchant().build();
        let appid = merchant.appid().clone();
        let old = AccessToken::new("old".into()).unwrap();
        let expires_at = Clock::START.after(Duration::from_hours(2));
        shared.memory.lock().unwrap().put_token(&appid, old, Clock::START, expires_at);
        let caller = Arc::clone(&shared);
        run_callers(move |number| {
            let respond = |transmit: &Transmit, _: UnixTime| match transmit.label {
                "v1.token" => Ok(token_reply("new")),
                _ if transmit.request.url().ends_with("access_token=old") => Ok(refusal(42_001)),
                _ => Ok(refusal(49_004)),
            };
            let query = merchant.query(format!("T{number}").parse().unwrap());
            let error = caller.run(query, respond).unwrap_err();
            assert_eq!(
                error.refusal().unwrap().code.as_str(),
                "49004",
                "the call is repeated with the new token"
            );
        });
        assert_eq!(shared.fetches.load(Ordering::SeqCst), 1);
        assert_eq!(shared.memory.lock().unwrap().token(&appid, Clock::START).unwrap().0.expose(), "new");
    });
}

fn refusal(code: u32) -> Response {
    Response::new(200, format!(r#"{{"errcode":{code},"errmsg":"refused"}}"#).into_bytes())
}

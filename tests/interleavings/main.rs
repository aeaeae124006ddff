//! The shared memory under many interleavings of its callers, each schedule explored by shuttle.
//!
//! The callers use the memory as an adapter does: behind a mutex, locked for one access at a time, with other callers
//! running in between. Time is virtual. It passes when somebody waits, and while requests are on their way.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking"
)]

mod flows;

use shuttle::{
    rand::{Rng as _, thread_rng},
    scheduler::RandomScheduler,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};
use std::time::Duration;
use wxpay_proto::{
    UnixTime,
    memory::{Claim, Deduplicator, Delivery, Refreshable},
};

/// The number of schedules that each test explores.
const SCHEDULES: usize = 500;
const SEED: u64 = 20_261_128;
const CALLERS: u64 = 3;
/// Nobody checks more often than this, whatever the schedule.
const MAX_CHECKS: usize = 2000;

/// Explores the schedules of a test.
fn explore(test: impl Fn() + Send + Sync + 'static) {
    let mut config = shuttle::Config::default();
    config.stack_size = 0x8_0000;
    shuttle::Runner::new(RandomScheduler::new_from_seed(SEED, SCHEDULES), config).run(test);
}

/// A clock in virtual time.
struct Clock(AtomicU64);

impl Clock {
    const START: UnixTime = UnixTime::from_secs(1_795_500_000);

    fn new() -> Self {
        Self(AtomicU64::new(Self::START.as_millis()))
    }

    fn now(&self) -> UnixTime {
        UnixTime::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn wait_until(&self, until: UnixTime) {
        self.0.fetch_max(until.as_millis(), Ordering::SeqCst);
        thread::yield_now();
    }

    fn passed(&self) -> Duration {
        self.now().since(Self::START)
    }
}

/// Runs the callers at the same time, and waits for all of them.
fn run_callers(caller: impl Fn(u64) + Send + Sync + 'static) {
    let caller = Arc::new(caller);
    let threads: Vec<_> = (0..CALLERS)
        .map(|number| {
            let caller = Arc::clone(&caller);
            thread::spawn(move || caller(number))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// The ways in which a fetch ends.
#[derive(Clone, Copy)]
enum Fetch {
    Succeeds,
    Fails,
    /// The caller is dropped in the middle of its fetch.
    Vanishes,
    /// The fetch takes longer than its lease.
    IsLate,
}

/// A cached value, whose versions are numbered in the order of the leases.
struct Cache {
    clock: Clock,
    value: Mutex<Refreshable<u64>>,
    fetching: AtomicUsize,
    fetches: AtomicU64,
    /// The number of times that a fetch began during another one.
    overlaps: AtomicUsize,
}

impl Cache {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            clock: Clock::new(),
            value: Mutex::new(Refreshable::default()),
            fetching: AtomicUsize::new(0),
            fetches: AtomicU64::new(0),
            overlaps: AtomicUsize::new(0),
        })
    }

    /// Returns the value. `fetch` decides how the fetch with this number ends.
    fn get(&self, fetch: impl Fn(u64) -> Fetch) -> Option<u64> {
        for _ in 0..MAX_CHECKS {
            let now = self.clock.now();
            let mut value = self.value.lock().unwrap();
            let claim = value.claim(now);
            let lease = match claim {
                Claim::Use(value) => return Some(value),
                Claim::Wait(until) => {
                    drop(value);
                    self.clock.wait_until(until);
                    continue;
                }
                Claim::Fetch(lease) => lease,
            };
            // Numbered under the lock: a later lease has a greater number.
            let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
            drop(value);
            let others = self.fetching.fetch_add(1, Ordering::SeqCst);
            let how = fetch(number);
            self.overlaps.fetch_add(others, Ordering::SeqCst);
            thread::yield_now();
            if let Fetch::IsLate = how {
                self.clock.wait_until(now.after(Refreshable::<u64>::LEASE_TIMEOUT * 2));
            }
            self.fetching.fetch_sub(1, Ordering::SeqCst);
            let now = self.clock.now();
            let mut value = self.value.lock().unwrap();
            match how {
                Fetch::Succeeds | Fetch::IsLate => {
                    let before = value.peek(now).map_or(0, |(value, _)| *value);
                    let (refresh_at, expires_at) =
                        (now.after(Duration::from_mins(90)), now.after(Duration::from_hours(2)));
                    value.fill(lease, number, now, refresh_at, expires_at);
                    let after = value.peek(now).map_or(0, |(value, _)| *value);
                    assert!(after >= before, "a late fetch replaced {before} by {after}");
                }
                Fetch::Fails => value.release(lease, now),
                Fetch::Vanishes => return None,
            }
        }
        panic!("a caller waits for ever");
    }
}

#[test]
fn one_caller_fetches_a_value_and_all_use_it() {
    explore(|| {
        let cache = Cache::new();
        let shared = Arc::clone(&cache);
        run_callers(move |_| assert_eq!(shared.get(|_| Fetch::Succeeds), Some(1)));
        assert_eq!(cache.fetches.load(Ordering::SeqCst), 1);
        assert_eq!(cache.overlaps.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_failed_fetch_wakes_the_next_caller() {
    explore(|| {
        let cache = Cache::new();
        let shared = Arc::clone(&cache);
        let fails_twice = |number| if number <= 2 { Fetch::Fails } else { Fetch::Succeeds };
        run_callers(move |_| assert_eq!(shared.get(fails_twice), Some(3)));
        assert_eq!(cache.overlaps.load(Ordering::SeqCst), 0);
        assert!(cache.clock.passed() < Refreshable::<u64>::LEASE_TIMEOUT, "{:?}", cache.clock.passed());
    });
}

#[test]
fn a_vanished_fetcher_is_replaced_after_its_lease() {
    explore(|| {
        let cache = Cache::new();
        let shared = Arc::clone(&cache);
        let first_vanishes = |number| if number == 1 { Fetch::Vanishes } else { Fetch::Succeeds };
        run_callers(move |_| assert!(matches!(shared.get(first_vanishes), None | Some(2))));
        assert_eq!(cache.fetches.load(Ordering::SeqCst), 2);
        assert_eq!(cache.overlaps.load(Ordering::SeqCst), 0);
        assert!(cache.clock.passed() < Refreshable::<u64>::LEASE_TIMEOUT * 2, "{:?}", cache.clock.passed());
    });
}

#[test]
fn a_late_fetcher_never_replaces_the_value_of_its_successor() {
    explore(|| {
        let cache = Cache::new();
        let shared = Arc::clone(&cache);
        let first_is_late = |number| if number == 1 { Fetch::IsLate } else { Fetch::Succeeds };
        run_callers(move |_| assert!(shared.get(first_is_late).is_some()));
        let value = cache.get(|_| panic!("the value is cached")).unwrap();
        assert_eq!(value, cache.fetches.load(Ordering::SeqCst), "the value of the last lease stays");
    });
}

/// Notifications, and how often each was handled.
struct Inbox {
    clock: Clock,
    deduplicator: Mutex<Deduplicator>,
    handling: AtomicUsize,
    handled: AtomicUsize,
    failures: AtomicUsize,
}

impl Inbox {
    fn new(failures: usize) -> Arc<Self> {
        Arc::new(Self {
            clock: Clock::new(),
            deduplicator: Mutex::new(Deduplicator::default()),
            handling: AtomicUsize::new(0),
            handled: AtomicUsize::new(0),
            failures: AtomicUsize::new(failures),
        })
    }

    /// Receives one delivery of the notification. Returns whether it is acknowledged.
    fn receive(&self) -> bool {
        for _ in 0..MAX_CHECKS {
            let now = self.clock.now();
            let delivery = self.deduplicator.lock().unwrap().begin("key", now);
            match delivery {
                Delivery::Duplicate => {
                    assert_eq!(self.handled.load(Ordering::SeqCst), 1, "a new one was taken for a duplicate");
                    return true;
                }
                Delivery::InProgress(until) => self.clock.wait_until(until),
                Delivery::New(processing) => {
                    assert_eq!(self.handling.fetch_add(1, Ordering::SeqCst), 0, "handled twice at a time");
                    thread::yield_now();
                    let fails = self
                        .failures
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |failures| failures.checked_sub(1))
                        .is_ok();
                    if !fails {
                        assert_eq!(self.handled.fetch_add(1, Ordering::SeqCst), 0, "handled twice");
                    }
                    self.handling.fetch_sub(1, Ordering::SeqCst);
                    let mut deduplicator = self.deduplicator.lock().unwrap();
                    if fails {
                        deduplicator.fail(&processing);
                    } else {
                        deduplicator.complete(&processing);
                    }
                    return !fails;
                }
            }
        }
        panic!("a delivery waits for ever");
    }
}

#[test]
fn a_notification_is_handled_once_whatever_the_number_of_deliveries() {
    explore(|| {
        let inbox = Inbox::new(0);
        let shared = Arc::clone(&inbox);
        run_callers(move |_| assert!(shared.receive()));
        assert_eq!(inbox.handled.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn after_a_failed_handler_the_next_delivery_is_handled() {
    explore(|| {
        let failures = thread_rng().gen_range(1..=2);
        let inbox = Inbox::new(failures);
        let shared = Arc::clone(&inbox);
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&acknowledged);
        run_callers(move |_| {
            counter.fetch_add(usize::from(shared.receive()), Ordering::SeqCst);
        });
        assert_eq!(inbox.handled.load(Ordering::SeqCst), 1);
        assert_eq!(acknowledged.load(Ordering::SeqCst), usize::try_from(CALLERS).unwrap() - failures);
        assert!(inbox.clock.passed() < Deduplicator::PROCESSING_TIMEOUT);
    });
}

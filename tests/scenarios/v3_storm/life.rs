//! The life of one purchase or payout: its flows, one after another, each of which may fail or be dropped.

use super::{
    network::NetworkFailure,
    shop::{Account, Shop},
};
use crate::rng::Rng;
use std::{error::Error as _, fmt::Debug, fmt::Write as _, rc::Rc, time::Duration};
use wxpay_proto::{
    Error, Fate,
    exchange::{Flow, Reply, Transmit},
    pending::PendingOperation,
    v3::{Endpoint, Lookup, Resolver},
};
use wxpay_testkit::drive::{Ended, Process};

/// The state of a life that its flows share.
pub(super) struct Life {
    pub(super) shop: Rc<Shop>,
    pub(super) account: usize,
    pub(super) serial: usize,
    pub(super) rng: Rng,
    /// The failures of the network that are still to come.
    failures: Vec<NetworkFailure>,
    is_watched: bool,
    is_traced: bool,
}

/// The certain outcome of an operation.
#[derive(Debug)]
pub(super) enum Outcome<T, O> {
    /// The operation succeeded.
    Done(T),
    /// It was resolved by queries: it was carried out.
    Found(O),
    /// It was refused, never sent, or resolved by queries: the gateway does not have it.
    Nothing,
}

impl<T, O> Outcome<T, O> {
    /// Returns whether the gateway has it.
    pub(super) fn exists(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

impl Life {
    pub(super) fn new(shop: Rc<Shop>, serial: usize, mut rng: Rng) -> Self {
        let failures = (0..3 + rng.below(3)).map(|_| rng.pick(&NetworkFailure::ALL)).collect();
        let account = serial % super::shop::ACCOUNTS;
        // Formatting every step costs more than the step.
        let is_watched = serial.is_multiple_of(50);
        let is_traced = shop.traced == Some(serial);
        Self { shop, account, serial, rng, failures, is_watched, is_traced }
    }

    /// Creates a life that nothing happens to.
    pub(super) fn without_failures(shop: Rc<Shop>, rng: Rng) -> Self {
        Self { failures: Vec::new(), ..Self::new(shop, 0, rng) }
    }

    pub(super) fn account(&self) -> &Account {
        &self.shop.accounts[self.account]
    }

    /// Returns a number that no other operation of this merchant has, but that another merchant's may have.
    pub(super) fn number(&self, prefix: &str, attempt: usize) -> String {
        format!("{prefix}{:06}{attempt}", self.serial / super::shop::ACCOUNTS)
    }

    pub(super) async fn pause(&mut self, max: Duration) {
        let millis = self.rng.below(u64::try_from(max.as_millis()).unwrap().max(1));
        self.shop.time.sleep(Duration::from_millis(millis)).await;
    }

    /// Drives a flow. It may be dropped between two steps.
    pub(super) async fn drive<F: Flow<Output: Debug>>(&mut self, flow: F) -> Result<F::Output, Ended> {
        let process = self.shop.process(&mut self.rng).clone();
        let is_dropped = !self.shop.is_calm() && self.rng.one_in(20);
        let max_steps = is_dropped.then(|| usize::try_from(1 + self.rng.below(6)).unwrap());
        let Self { shop, rng, failures, is_watched, is_traced, .. } = self;
        let send = |transmit| send(shop, rng, failures, transmit);
        let watch = |step: &dyn Debug| {
            if *is_watched {
                assert_no_secret(&shop.secrets, &format!("{step:?}"));
            }
            if *is_traced {
                trace(shop, &process, step);
            }
        };
        let result = process.drive(flow, max_steps, send, watch).await;
        match &result {
            Err(Ended::Dropped) => self.shop.total.borrow_mut().dropped += 1,
            Err(Ended::Failed(error)) if self.is_watched => {
                assert_no_secret(&self.shop.secrets, &with_causes(error));
            }
            _ => {}
        }
        result
    }

    /// Drives a call of an operation that has no pending operation, such as a query.
    pub(super) async fn call<E: Endpoint<Output: Debug>>(&mut self, endpoint: E) -> Result<E::Output, Ended> {
        let call = self.account().merchant.call(endpoint);
        self.drive(call).await
    }

    /// Carries out an operation until its outcome is certain, and compares it with the gateway's books at once.
    /// `is_recorded` looks it up there, and `query` resolves it.
    pub(super) async fn carry_out<F: Flow<Output: Debug>, Q: Resolver>(
        &mut self,
        flow: F,
        query: &Q,
        is_recorded: impl Fn(&Shop) -> bool,
    ) -> Outcome<F::Output, Q::Object> {
        let operation = query.pending().unwrap();
        let before = is_recorded(&self.shop);
        match self.drive(flow).await {
            Ok(output) => {
                assert!(is_recorded(&self.shop), "{operation} succeeded, but the gateway does not have it");
                Outcome::Done(output)
            }
            Err(Ended::Failed(mut error)) if error.fate() != Some(Fate::Unknown) => {
                assert!(error.fate().is_some(), "{operation} is no read, but its error has no fate");
                assert!(error.take_unresolved().is_none());
                assert_eq!(is_recorded(&self.shop), before, "{operation}: {error:?}, but the gateway has it");
                if !before {
                    return Outcome::Nothing;
                }
                self.resolve(query, is_recorded).await.map_or(Outcome::Nothing, Outcome::Found)
            }
            Err(ended) => {
                if let Ended::Failed(mut error) = ended {
                    let unresolved = error.take_unresolved().expect("an unknown outcome must be resolvable");
                    assert_eq!(unresolved.pending_operation(), &operation);
                }
                self.resolve(query, is_recorded).await.map_or(Outcome::Nothing, Outcome::Found)
            }
        }
    }

    /// Queries a pending operation until its outcome is certain. The failures may outlast a resolve, and it may be
    /// dropped: then the operation stays pending.
    pub(super) async fn resolve<Q: Resolver>(
        &mut self,
        query: &Q,
        is_recorded: impl Fn(&Shop) -> bool,
    ) -> Option<Q::Object> {
        // The key is stored as text.
        let stored = query.pending().unwrap().to_string();
        for _ in 0..50 {
            let operation: PendingOperation = stored.parse().unwrap();
            let resolve = self.account().merchant.resolve_pending::<Q>(operation.clone());
            match self.drive(resolve).await {
                Ok(lookup) => {
                    self.shop.total.borrow_mut().resolved += 1;
                    let exists = matches!(lookup, Lookup::Found(_));
                    assert_eq!(exists, is_recorded(&self.shop), "{operation}: resolved wrongly");
                    return lookup.found();
                }
                Err(Ended::Failed(mut error)) => {
                    assert_eq!(error.fate(), Some(Fate::Unknown), "{error:?}");
                    let unresolved =
                        error.take_unresolved().expect("a failed resolve must keep the operation");
                    assert_eq!(unresolved.pending_operation(), &operation);
                    self.pause(Duration::from_mins(1)).await;
                }
                Err(Ended::Dropped) => {}
            }
        }
        panic!("{stored}: not resolved after fifty attempts")
    }

    /// Sends queries until all failures of this life have happened.
    pub(super) async fn use_up_failures<E: Endpoint<Output: Debug>>(&mut self, query: impl Fn() -> E) {
        while !self.failures.is_empty() {
            self.call(query()).await.ok();
        }
    }
}

/// Sends a request through the network, which fails every second time as long as there are failures to come.
fn send(
    shop: &Rc<Shop>,
    rng: &mut Rng,
    failures: &mut Vec<NetworkFailure>,
    transmit: Transmit,
) -> (Reply, Duration) {
    let failure = if rng.one_in(2) { failures.pop() } else { None };
    let (reply, elapsed) = match failure {
        None => shop.send(transmit),
        Some(failure) => {
            shop.total.borrow_mut().failures += 1;
            shop.send_with(failure, transmit)
        }
    };
    // Flows that began together must not stay together.
    (reply, elapsed + Duration::from_millis(rng.below(400)))
}

/// Prints a step, the time, and the time that the process believes it is.
#[allow(clippy::print_stderr, reason = "traces a life on request")]
fn trace(shop: &Shop, process: &Process, step: &dyn Debug) {
    eprintln!("{} ({}): {step:?}", shop.time.now().as_millis(), process.now().as_millis());
}

fn with_causes(error: &Error) -> String {
    let mut text = format!("{error:?} {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, " {error:?} {error}").unwrap();
        cause = error.source();
    }
    text
}

fn assert_no_secret(secrets: &[String], text: &str) {
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "a step or an error shows a secret");
    }
}

//! Drivers for flows in virtual time: the loop of every driver, without real waiting.

mod process;
mod virtual_time;

pub use process::{Ended, Process};
pub use virtual_time::VirtualTime;

use crate::watch::WatchedMemory;
use std::{collections::BTreeMap, fmt::Debug, time::Duration};
use wxpay_proto::{
    Error, UnixTime,
    entropy::Entropy,
    exchange::{AwaitingReply, Flow, Reply, Step, Transmit, Waiting},
    world::World,
};

/// A simulated network.
pub trait Network {
    /// Returns the reply to a request sent at `now`, and the time until it arrives.
    fn send(&mut self, transmit: Transmit, now: UnixTime) -> (Reply, Duration);
}

impl<C: FnMut(Transmit, UnixTime) -> (Reply, Duration)> Network for C {
    fn send(&mut self, transmit: Transmit, now: UnixTime) -> (Reply, Duration) {
        self(transmit, now)
    }
}

/// A driver with a virtual clock, deterministic randomness, a memory, and a record of the requests sent.
#[derive(Debug)]
pub struct Driver {
    /// The current time.
    pub now: UnixTime,
    /// The memory that the flows share. Cryptography under its lock fails the test.
    pub memory: WatchedMemory,
    /// The label and time of every request so far.
    pub sent: Vec<(&'static str, UnixTime)>,
    secrets: Vec<String>,
    draws: u64,
}

/// The maximum number of steps of a flow, whatever the network does. The longest flow resolves a pending operation:
/// eight calls, each of which may check for a token every 50 ms during its 30 seconds.
pub const MAX_STEPS: usize = 8 * (30 * 20 + 20);

/// Starts at 2014-05-08 10:09:36 in China.
impl Default for Driver {
    fn default() -> Self {
        Self {
            now: UnixTime::from_secs(1_399_514_976),
            memory: WatchedMemory::default(),
            sent: Vec::new(),
            secrets: Vec::new(),
            draws: 0,
        }
    }
}

enum Event<F: Flow> {
    Begin(F),
    Reply(AwaitingReply<F>, Reply),
    Wake(Waiting<F>),
}

impl Driver {
    /// Makes the driver panic if one of these texts appears in the `Debug` output of a step or an error.
    #[must_use]
    pub fn watch_for(mut self, secrets: &[&str]) -> Self {
        self.secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        self
    }

    /// Returns a world with the current time.
    pub fn world(&mut self) -> World<'_> {
        self.draws += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.draws.to_le_bytes());
        World::new(self.now, Entropy::new(seed), &mut self.memory)
    }

    /// Advances the clock.
    pub fn wait(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
    }

    /// Returns the number of requests sent with this label.
    pub fn count(&self, label: &str) -> usize {
        self.sent.iter().filter(|(each, _)| *each == label).count()
    }

    /// Runs a flow to its end.
    ///
    /// # Errors
    ///
    /// Returns the error that the flow ends with.
    pub fn run<F: Flow<Output: Debug>>(
        &mut self,
        flow: F,
        network: &mut impl Network,
    ) -> Result<F::Output, Error> {
        self.run_all([flow], network).remove(0)
    }

    /// Runs several flows concurrently, all started now. Returns the results in the order of the flows.
    pub fn run_all<F: Flow<Output: Debug>>(
        &mut self,
        flows: impl IntoIterator<Item = F>,
        network: &mut impl Network,
    ) -> Vec<Result<F::Output, Error>> {
        let mut events = BTreeMap::new();
        let mut steps = 0_usize;
        for (index, flow) in flows.into_iter().enumerate() {
            events.insert((self.now, steps), (index, Event::Begin(flow)));
            steps += 1;
        }
        let mut results: Vec<_> = events.iter().map(|_| None).collect();
        let max_steps = MAX_STEPS * results.len();
        while let Some(((due, _), (index, event))) = events.pop_first() {
            assert!(steps <= max_steps, "a flow exceeds the maximum number of steps");
            self.now = self.now.max(due);
            let step = match event {
                Event::Begin(flow) => Step::begin(flow, self.world()),
                Event::Reply(awaiting, reply) => awaiting.resume(reply, self.world()),
                Event::Wake(waiting) => waiting.resume(self.world()),
            };
            self.assert_no_secret(&step);
            let (due, event) = match step {
                Step::Send(transmit, awaiting) => {
                    self.sent.push((transmit.label, self.now));
                    let (reply, latency) = network.send(transmit, self.now);
                    (self.now.after(latency), Event::Reply(awaiting, reply))
                }
                Step::Wait(until, waiting) => (until, Event::Wake(waiting)),
                Step::Done(result) => {
                    results[index] = Some(result);
                    continue;
                }
            };
            events.insert((due, steps), (index, event));
            steps += 1;
        }
        results.into_iter().map(|result| result.expect("every flow has ended")).collect()
    }

    fn assert_no_secret<F: Flow<Output: Debug>>(&self, step: &Step<F>) {
        if self.secrets.is_empty() {
            return;
        }
        let mut output = format!("{step:?}");
        if let Step::Done(Err(error)) = step {
            output.push_str(&error.to_string());
        }
        for secret in &self.secrets {
            assert!(!output.contains(secret), "a step shows a secret");
        }
    }
}

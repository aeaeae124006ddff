//! A program that drives many flows at once and may end at any time.

use super::{MAX_STEPS, VirtualTime};
use std::{
    cell::{Cell, RefCell},
    fmt::Debug,
    rc::Rc,
    time::Duration,
};
use wxpay_proto::{
    Error, UnixTime,
    entropy::Entropy,
    exchange::{AwaitingReply, Flow, Reply, Step, Transmit, Waiting},
    memory::Memory,
    world::World,
};

/// A program in virtual time: its memory, its wall clock, and the flows that it drives. A clone is the same program.
#[derive(Clone, Debug)]
pub struct Process(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    time: VirtualTime,
    memory: RefCell<Memory>,
    /// The number of restarts. A flow that began before a restart does not go on after it.
    restarts: Cell<u64>,
    /// The time by which the wall clock is slow.
    slow_by: Cell<Duration>,
    seed: u64,
    draws: Cell<u64>,
}

/// The end of a flow that has no output.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "a flow fails or is dropped")]
pub enum Ended {
    /// The flow failed.
    Failed(Error),
    /// The flow was dropped between two steps: it was stopped, or the program restarted.
    Dropped,
}

/// The way in which a flow goes on.
enum Next<F: Flow> {
    Reply(AwaitingReply<F>, Reply),
    Wake(Waiting<F>),
}

impl Process {
    /// Starts a program. `seed` determines its random numbers.
    pub fn new(time: VirtualTime, seed: u64) -> Self {
        Self(Rc::new(Inner {
            time,
            memory: RefCell::default(),
            restarts: Cell::new(0),
            slow_by: Cell::default(),
            seed,
            draws: Cell::new(0),
        }))
    }

    /// Returns the time that the program's wall clock shows.
    pub fn now(&self) -> UnixTime {
        self.0.time.now().before(self.0.slow_by.get())
    }

    /// Sets the wall clock slow by a duration. Sleeping flows wake when they would have: they sleep on another clock.
    pub fn set_clock_back(&self, by: Duration) {
        self.0.slow_by.set(by);
    }

    /// Forgets everything that is in the memory.
    pub fn forget(&self) {
        self.0.memory.take();
    }

    /// Ends the program and starts it again: its memory is lost, and its flows are dropped where they are.
    pub fn restart(&self) {
        self.forget();
        self.0.restarts.set(self.0.restarts.get() + 1);
    }

    /// Returns how often the program was restarted.
    pub fn restarts(&self) -> u64 {
        self.0.restarts.get()
    }

    /// Passes the memory to a function.
    pub fn with_memory<T>(&self, use_memory: impl FnOnce(&mut Memory) -> T) -> T {
        use_memory(&mut self.0.memory.borrow_mut())
    }

    /// Drives a flow to its end, or drops it after this number of steps. `send` returns the reply to a request, and the
    /// time until it arrives. `watch` sees each step.
    ///
    /// # Errors
    ///
    /// Returns the error that the flow ends with, or [`Ended::Dropped`].
    pub async fn drive<F: Flow<Output: Debug>>(
        &self,
        flow: F,
        max_steps: Option<usize>,
        mut send: impl FnMut(Transmit) -> (Reply, Duration),
        mut watch: impl FnMut(&dyn Debug),
    ) -> Result<F::Output, Ended> {
        let restarts = self.0.restarts.get();
        let mut step = self.in_world(|world| Step::begin(flow, world));
        let mut steps = 0;
        loop {
            watch(&step);
            steps += 1;
            assert!(steps < MAX_STEPS, "a flow exceeds the maximum number of steps");
            let next = match step {
                Step::Done(result) => return result.map_err(Ended::Failed),
                Step::Send(transmit, awaiting) => {
                    let (reply, latency) = send(transmit);
                    self.0.time.sleep(latency).await;
                    Next::Reply(awaiting, reply)
                }
                Step::Wait(until, waiting) => {
                    self.0.time.sleep(until.since(self.now())).await;
                    Next::Wake(waiting)
                }
            };
            if self.0.restarts.get() != restarts || max_steps.is_some_and(|max| steps >= max) {
                return Err(Ended::Dropped);
            }
            step = self.in_world(|world| match next {
                Next::Reply(awaiting, reply) => awaiting.resume(reply, world),
                Next::Wake(waiting) => waiting.resume(world),
            });
        }
    }

    fn in_world<T>(&self, step: impl FnOnce(World<'_>) -> T) -> T {
        let draw = self.0.draws.get() + 1;
        self.0.draws.set(draw);
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&draw.to_le_bytes());
        seed[8..16].copy_from_slice(&self.0.seed.to_le_bytes());
        step(World::new(self.now(), Entropy::new(seed), &mut *self.0.memory.borrow_mut()))
    }
}

//! The shape every conversation has: a step that owns its continuation.
//!
//! ```text
//!            begin                resume(reply)
//!   Flow ───────────▶ Step ──────────────────────▶ Step ─▶ … ─▶ Done(Ok | Err)
//!                      │ Send(hop, sent)
//!                      │ Wait(until, asleep)      resume() at that time
//! ```
//!
//! Whoever feeds a flow gets what is owed next back from the same call. A step that is not carried out is a
//! flow that stops; the compiler refuses to resume one twice, or to give a reply to a sleeper.

use crate::{
    clock::UnixTime,
    error::Error,
    http::{Request, Response},
    world::World,
};
use alloc::boxed::Box;
use core::{error, fmt, time::Duration};

/// What the caller owes the exchange next.
#[must_use = "an exchange advances only when its step is carried out"]
#[allow(
    clippy::exhaustive_enums,
    reason = "the driver must handle every step, and there will never be a fourth"
)]
pub enum Step<F: Flow> {
    /// Send the request, then give what came of it to [`Sent::resume`].
    Send(Hop, Sent<F>),
    /// Do nothing until then, then call [`Asleep::resume`].
    Wait(UnixTime, Asleep<F>),
    /// Nothing more is owed.
    Done(Result<F::Output, Error>),
}

/// A conversation with WeChat Pay, described but not yet begun.
///
/// The two associated states are all there is: a flow is either waiting for a reply or waiting for a moment,
/// and each can be fed only what it waits for.
///
/// The methods are called through [`Step::begin`], [`Sent::resume`] and [`Asleep::resume`]. The trait can be
/// named, in a driver's signature, but not implemented elsewhere.
pub trait Flow: Sized + Send + sealed::Sealed {
    /// What it remembers while a request is out.
    type Sent: fmt::Debug + Send;
    /// What it remembers while it waits.
    type Asleep: fmt::Debug + Send;
    /// What it comes to.
    type Output: Send;

    /// Takes the first step.
    fn begin(self, world: &mut World<'_>) -> Step<Self>;
    /// A request was answered, or lost.
    fn replied(sent: Self::Sent, reply: Reply, world: &mut World<'_>) -> Step<Self>;
    /// The moment has come.
    fn woke(asleep: Self::Asleep, world: &mut World<'_>) -> Step<Self>;
}

pub(crate) mod sealed {
    #[allow(unnameable_types, reason = "only this crate may implement a flow")]
    pub trait Sealed {}
}

/// A request to be sent, and how. Its `Debug` shows label, method and body length; URLs and bodies carry
/// secrets.
#[derive(Clone)]
#[non_exhaustive]
pub struct Hop {
    /// A short fixed name for logs and metrics, such as `v1.genprepay`.
    pub label: &'static str,
    /// The request, complete and signed.
    pub request: Request,
    /// Whether the connection must present the merchant's client certificate (mutual TLS).
    pub client_certificate: bool,
    /// How long to wait for the whole reply, connecting included.
    pub timeout: Duration,
    /// How many bytes of reply body to accept.
    pub max_reply: usize,
}

/// What came of a request.
pub type Reply = Result<Response, Failure>;

/// Why there is no reply: the one thing an adapter must judge. When in doubt, say [`Failure::Lost`].
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "adapters must choose one of the two")]
pub enum Failure {
    /// Certainly never reached WeChat Pay: no address, no connection, no TLS.
    NotSent(Box<dyn error::Error + Send + Sync>),
    /// Perhaps received, perhaps carried out: anything after the first byte may have left. The reply was lost,
    /// late, cut or too long.
    Lost(Box<dyn error::Error + Send + Sync>),
}

/// A flow with a request out.
pub struct Sent<F: Flow>(F::Sent);

/// A flow waiting for a moment.
pub struct Asleep<F: Flow> {
    until: UnixTime,
    state: F::Asleep,
}

/// A flow that never waits is never asleep.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "uninhabited on purpose")]
pub enum Never {}

impl<F: Flow> Step<F> {
    /// Begins a flow.
    pub fn begin(flow: F, mut world: World<'_>) -> Self {
        flow.begin(&mut world)
    }

    pub(crate) fn send(hop: Hop, state: F::Sent) -> Self {
        Self::Send(hop, Sent(state))
    }

    pub(crate) fn wait(until: UnixTime, state: F::Asleep) -> Self {
        Self::Wait(until, Asleep { until, state })
    }
}

impl<F: Flow> Sent<F> {
    /// Gives the flow what came of its request.
    pub fn resume(self, reply: Reply, mut world: World<'_>) -> Step<F> {
        self.step(reply, &mut world)
    }

    /// The same, from inside another flow.
    pub(crate) fn step(self, reply: Reply, world: &mut World<'_>) -> Step<F> {
        F::replied(self.0, reply, world)
    }
}

impl<F: Flow> Asleep<F> {
    /// Wakes the flow. Too early is harmless: it asks to wait again.
    pub fn resume(self, mut world: World<'_>) -> Step<F> {
        self.step(&mut world)
    }

    /// The same, from inside another flow.
    pub(crate) fn step(self, world: &mut World<'_>) -> Step<F> {
        if world.now < self.until {
            return Step::Wait(self.until, self);
        }
        F::woke(self.state, world)
    }
}

impl<F: Flow<Asleep = Never>> Asleep<F> {
    /// A flow that never waits is never asleep.
    pub(crate) fn never<T>(self) -> T {
        match self.state {}
    }
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop")
            .field("label", &self.label)
            .field("method", &self.request.method())
            .field("body_len", &self.request.body().len())
            .finish_non_exhaustive()
    }
}

impl<F: Flow> fmt::Debug for Sent<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sent").field(&self.0).finish()
    }
}

impl<F: Flow> fmt::Debug for Asleep<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asleep").field("until", &self.until).field("state", &self.state).finish()
    }
}

impl<F: Flow<Output: fmt::Debug>> fmt::Debug for Step<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(hop, sent) => f.debug_tuple("Send").field(hop).field(sent).finish(),
            Self::Wait(until, asleep) => f.debug_tuple("Wait").field(until).field(asleep).finish(),
            Self::Done(result) => f.debug_tuple("Done").field(result).finish(),
        }
    }
}

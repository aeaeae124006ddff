//! Flows and their steps. Each step owns its continuation.
//!
//! ```text
//!            begin                resume(reply)
//!   Flow ───────────▶ Step ──────────────────────▶ Step ─▶ … ─▶ Done(Ok | Err)
//!                      │ Send(transmit, sent)
//!                      │ Wait(until, waiting)      resume() at that time
//! ```
//!
//! Each call that resumes a flow returns its next step. A step that is not carried out stops the flow. The compiler
//! rejects resuming a step twice, and resuming a waiting flow with a reply.

use crate::{
    clock::UnixTime,
    error::Error,
    http::{Request, Response},
    prelude::*,
    world::World,
};
use core::{error, fmt, time::Duration};

/// The next action of a flow, for the driver to carry out.
#[must_use = "a flow advances only when its step is carried out"]
#[allow(
    clippy::exhaustive_enums,
    reason = "the driver must handle every step, and there will never be a fourth"
)]
pub enum Step<F: Flow> {
    /// Send the request, then pass the reply or the failure to [`AwaitingReply::resume`].
    Send(Transmit, AwaitingReply<F>),
    /// Wait until this time, then call [`Waiting::resume`].
    Wait(UnixTime, Waiting<F>),
    /// The flow has ended with this result.
    Done(Result<F::Output, Error>),
}

/// An operation with WeChat Pay that has not started yet.
///
/// A flow that has started is in one of two states: it awaits a reply, or it waits for a time. It can be resumed only
/// with the event it awaits.
///
/// Drivers call the methods through [`Step::begin`], [`AwaitingReply::resume`] and [`Waiting::resume`]. The trait is
/// sealed: a driver may name it in a signature, but only this crate implements it.
pub trait Flow: Sized + Send + sealed::Sealed + 'static {
    /// The state while the flow awaits a reply.
    type AwaitingReply: fmt::Debug + Send + 'static;
    /// The state while the flow waits for a time.
    type Waiting: fmt::Debug + Send + 'static;
    /// The result of the flow.
    type Output: Send + 'static;

    /// Returns whether the steps of this flow may block, because the merchant's private key
    /// [does](crate::crypto::PrivateKey::may_block). An adapter then runs each step on a thread that may wait.
    fn may_block(&self) -> bool {
        false
    }

    /// Starts the flow and returns the first step.
    fn begin(self, world: &mut World<'_>) -> Step<Self>;
    /// Resumes the flow with the reply to its request, or with the failure.
    fn on_reply(sent: Self::AwaitingReply, reply: Reply, world: &mut World<'_>) -> Step<Self>;
    /// Resumes the flow after its wait.
    fn on_wake(waiting: Self::Waiting, world: &mut World<'_>) -> Step<Self>;
}

pub(crate) mod sealed {
    #[allow(unnameable_types, reason = "only this crate may implement a flow")]
    pub trait Sealed {}
}

/// A request to send, with its transport requirements. `Debug` shows only label, method and body length, because URLs
/// and bodies carry secrets.
#[derive(Clone)]
#[non_exhaustive]
pub struct Transmit {
    /// A short fixed name for logs and metrics, such as `v1.genprepay`.
    pub label: &'static str,
    /// The complete, signed request.
    pub request: Request,
    /// Mutual TLS: if true, the connection must present the merchant's client certificate.
    pub client_certificate: bool,
    /// The timeout from connecting to the last byte of the reply.
    pub timeout: Duration,
    /// The maximum length of the reply body, in bytes.
    pub max_reply: usize,
}

/// The result of sending a request: WeChat Pay's response, or the reason why there is none.
pub type Reply = Result<Response, Failure>;

/// The reason why there is no reply: the one decision an adapter makes. When in doubt, use [`Failure::Lost`].
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "adapters must choose one of the two")]
pub enum Failure {
    /// The request certainly did not reach WeChat Pay: name resolution, connecting or the TLS handshake failed.
    NotSent(Box<dyn error::Error + Send + Sync>),
    /// The request may have been received and carried out: any failure after the first byte may have left. The reply
    /// was lost, late, truncated or too long.
    Lost(Box<dyn error::Error + Send + Sync>),
}

/// A flow that awaits the reply to its request.
#[must_use = "the flow stops here unless it is resumed"]
pub struct AwaitingReply<F: Flow>(F::AwaitingReply);

/// A flow that waits for a time.
#[must_use = "the flow stops here unless it is resumed"]
pub struct Waiting<F: Flow> {
    until: UnixTime,
    state: F::Waiting,
}

/// The waiting state of a flow that never waits. It has no values.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "uninhabited on purpose")]
pub enum Never {}

impl<F: Flow> Step<F> {
    /// Starts a flow and returns its first step.
    pub fn begin(flow: F, mut world: World<'_>) -> Self {
        flow.begin(&mut world)
    }

    pub(crate) fn send(transmit: Transmit, state: F::AwaitingReply) -> Self {
        Self::Send(transmit, AwaitingReply(state))
    }

    pub(crate) fn wait(until: UnixTime, state: F::Waiting) -> Self {
        Self::Wait(until, Waiting { until, state })
    }
}

impl<F: Flow> AwaitingReply<F> {
    /// Resumes the flow with the reply to its request, or with the failure.
    pub fn resume(self, reply: Reply, mut world: World<'_>) -> Step<F> {
        self.step(reply, &mut world)
    }

    /// Resumes the flow from inside another flow.
    pub(crate) fn step(self, reply: Reply, world: &mut World<'_>) -> Step<F> {
        F::on_reply(self.0, reply, world)
    }
}

impl<F: Flow> Waiting<F> {
    /// Resumes the flow after its wait. An early call is harmless: it returns [`Step::Wait`] again.
    pub fn resume(self, mut world: World<'_>) -> Step<F> {
        self.step(&mut world)
    }

    /// Resumes the flow from inside another flow.
    pub(crate) fn step(self, world: &mut World<'_>) -> Step<F> {
        // Drivers may wake early, and a clock may be set back: the wait is checked here, not trusted.
        if world.now < self.until {
            return Step::Wait(self.until, self);
        }
        F::on_wake(self.state, world)
    }
}

impl<F: Flow<Waiting = Never>> Waiting<F> {
    /// Returns any type: a flow that never waits cannot reach this.
    pub(crate) fn never<T>(self) -> T {
        match self.state {}
    }
}

impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transmit")
            .field("label", &self.label)
            .field("method", &self.request.method())
            .field("body_len", &self.request.body().len())
            .finish_non_exhaustive()
    }
}

impl<F: Flow> fmt::Debug for AwaitingReply<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AwaitingReply").field(&self.0).finish()
    }
}

impl<F: Flow> fmt::Debug for Waiting<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("until", &self.until).field("state", &self.state).finish()
    }
}

impl<F: Flow<Output: fmt::Debug>> fmt::Debug for Step<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(transmit, sent) => f.debug_tuple("Send").field(transmit).field(sent).finish(),
            Self::Wait(until, waiting) => f.debug_tuple("Wait").field(until).field(waiting).finish(),
            Self::Done(result) => f.debug_tuple("Done").field(result).finish(),
        }
    }
}

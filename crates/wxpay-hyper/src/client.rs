//! The driver: whatever a flow owes next is sent, waited for, or returned.

use crate::{ambient, builder::Builder, connect::Wire};
use http::HeaderValue;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use wxpay_proto::{
    Error, UnixTime,
    entropy::Entropy,
    exchange::{Flow, Step},
    memory::Memory,
    world::World,
};

/// Runs flows over pooled connections. Copies share the connections and the [`Memory`].
///
/// ```no_run
/// # async fn shop(merchant: wxpay_proto::v1::Merchant, order: wxpay_proto::v1::Order)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let client = wxpay_hyper::Client::builder().build()?;
/// let for_the_phone = client.run(merchant.prepay(order)).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    plain: Wire,
    mutual: Option<Wire>,
    proxy_authorization: Option<HeaderValue>,
    memory: Mutex<Memory>,
    clock: fn() -> UnixTime,
}

impl Client {
    /// Starts from sensible defaults: public certificate authorities, no proxy, five seconds to connect.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(plain: Wire, mutual: Option<Wire>, proxy_authorization: Option<HeaderValue>) -> Self {
        Self(Arc::new(Inner {
            plain,
            mutual,
            proxy_authorization,
            memory: Mutex::default(),
            clock: ambient::now,
        }))
    }

    /// Carries a flow to its end.
    ///
    /// **Spawn payments; do not tie them to the visitor's connection.** Dropping this future drops the flow,
    /// not the charge: what was sent stays sent, and nobody is left to hear the answer. In a web server put it
    /// in a task of its own, so that a visitor who goes away leaves the outcome known:
    ///
    /// ```
    /// # use wxpay_hyper::Client;
    /// # use wxpay_proto::exchange::Flow;
    /// # async fn answer<F>(client: Client, flow: F) where F: Flow + 'static, F::Sent: 'static,
    /// # F::Asleep: 'static, F::Output: 'static {
    /// let outcome = tokio::spawn(async move { client.run(flow).await }).await;
    /// # drop(outcome); }
    /// ```
    ///
    /// A clock that is set back does not prolong a wait: a flow sleeps as long as it meant to when it asked.
    ///
    /// # Errors
    ///
    /// What the flow comes to; [`Error::fate`] says what may have become of the request.
    pub async fn run<F: Flow>(&self, flow: F) -> Result<F::Output, Error> {
        let mut now = self.now();
        let mut step = self.step(now, |world| Step::begin(flow, world));
        loop {
            step = match step {
                Step::Send(hop, sent) => {
                    let reply = self.send(hop).await;
                    now = self.now();
                    self.step(now, |world| sent.resume(reply, world))
                }
                Step::Wait(until, asleep) => {
                    tokio::time::sleep(until.since(now)).await;
                    // The pause is over by the clock that nobody can set, whatever the other one says.
                    now = self.now().max(until);
                    self.step(now, |world| asleep.resume(world))
                }
                Step::Done(result) => return result,
            };
        }
    }

    /// Looks into what was learned, or puts something in: a token shared with other processes, for one.
    ///
    /// Every flow waits meanwhile, so let `look` be short.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = wxpay_hyper::Client::builder().build()?;
    /// let app = "wxd930ea5d5a258f4f".parse()?;
    /// assert_eq!(client.memory(|memory| memory.next_upkeep(&app)), None);
    /// # Ok(()) }
    /// ```
    pub fn memory<T>(&self, look: impl FnOnce(&mut Memory) -> T) -> T {
        // Memory is plain state, whole between any two calls: what a panicking closure leaves is usable.
        look(&mut self.0.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One step of a flow. The memory is locked in here, where nothing can be awaited.
    fn step<F: Flow>(&self, now: UnixTime, take: impl FnOnce(World<'_>) -> Step<F>) -> Step<F> {
        let entropy: Entropy = ambient::entropy();
        self.memory(|memory| take(World::new(now, entropy, memory)))
    }

    pub(crate) fn now(&self) -> UnixTime {
        (self.0.clock)()
    }

    pub(crate) fn plain(&self) -> &Wire {
        &self.0.plain
    }

    pub(crate) fn mutual(&self) -> Option<&Wire> {
        self.0.mutual.as_ref()
    }

    pub(crate) fn proxy_authorization(&self) -> Option<&HeaderValue> {
        self.0.proxy_authorization.as_ref()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("mutual_tls", &self.0.mutual.is_some()).finish_non_exhaustive()
    }
}

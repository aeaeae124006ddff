//! The seams of a client: its network, its clock and its randomness.

use crate::{ambient, client::Client};
use std::{fmt, pin::Pin, sync::Arc};
use wxpay_proto::{
    UnixTime,
    entropy::Entropy,
    exchange::{Reply, Transmit},
};

/// Sends requests and reads their replies: the network of a [`Client`].
///
/// Implement it to observe the exchanges of a client (latency, the `Date` header, the `Request-ID`), to limit them, or
/// to replace the network in a test. A [`Client`] is a transport itself, so that an observer passes requests on to one:
///
/// ```
/// use std::{pin::Pin, sync::Arc};
/// use wxpay_hyper::{Client, Transport};
/// use wxpay_proto::exchange::{Reply, Transmit};
///
/// #[derive(Debug)]
/// struct Observer(Client);
///
/// impl Transport for Observer {
///     fn send(&self, transmit: Transmit) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
///         Box::pin(async move {
///             let label = transmit.label;
///             let reply = self.0.send(transmit).await;
///             println!("{label}: {:?}", reply.as_ref().map(|reply| reply.status()).ok());
///             reply
///         })
///     }
/// }
///
/// let network = Client::builder().build()?;
/// let observed = Client::builder().transport(Arc::new(Observer(network))).build()?;
/// # drop(observed);
/// # Ok::<(), wxpay_hyper::SetupError>(())
/// ```
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends one request within `transmit.timeout`, and reads a reply of at most `transmit.max_reply` bytes. Redirects
    /// are not followed.
    ///
    /// # Errors
    ///
    /// [`Failure::NotSent`](wxpay_proto::exchange::Failure::NotSent) if certainly nothing was sent, otherwise
    /// [`Failure::Lost`](wxpay_proto::exchange::Failure::Lost).
    fn send(&self, transmit: Transmit) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>>;
}

impl Transport for Client {
    fn send(&self, transmit: Transmit) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(Self::send(self, transmit))
    }
}

/// The seams, as the builder collects them.
#[derive(Clone)]
pub(crate) struct Seams {
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
    pub(crate) entropy: Arc<dyn Fn() -> Entropy + Send + Sync>,
}

/// The network, the system clock, and the randomness of the operating system.
impl Default for Seams {
    fn default() -> Self {
        Self { transport: None, clock: Arc::new(ambient::now), entropy: Arc::new(ambient::entropy) }
    }
}

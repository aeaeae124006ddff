//! The driver: carries out the steps of a flow.

use crate::{
    body_budget::BodyBudget,
    connect::HttpClient,
    limits::DownloadLimits,
    transport::{Seams, Transport},
};
use http::HeaderValue;
use std::{
    fmt,
    future::pending,
    panic::resume_unwind,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::task::JoinError;
use wxpay_proto::{
    Error, UnixTime,
    exchange::{AwaitingReply, Flow, Step, Transmit, Waiting},
    memory::{Memory, MemoryAccess},
    world::World,
};

/// A client that runs flows over pooled connections. Clones share the connections and the [`Memory`].
///
/// One client serves any number of concurrent calls, on all cores. The memory is the only state that they share under a
/// lock. It is locked for single look-ups and inserts, and never during signing, verification, encryption, decryption,
/// parsing or a request. A signature in this process takes less than a millisecond, and runs on the thread that polls
/// [`run`](Self::run). A private key that [may block](wxpay_proto::crypto::PrivateKey::may_block) runs elsewhere: see
/// there.
///
/// [`v3::Merchant`](wxpay_proto::v3::Merchant) creates the flows of APIv3:
///
/// ```no_run
/// # async fn shop(merchant: wxpay_proto::v3::Merchant, order: wxpay_proto::v3::pay::NativeOrder)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let client = wxpay_hyper::Client::builder().build()?;
/// let code_url = client.run(merchant.call(order)).await?; // show it as a QR code
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http_client: HttpClient,
    mutual_tls_client: Option<HttpClient>,
    proxy_authorization: Option<HeaderValue>,
    download_limits: DownloadLimits,
    body_budget: BodyBudget,
    notification_services: AtomicU64,
    memory: Mutex<Memory>,
    seams: Seams,
}

impl Client {
    pub(crate) fn new(
        http_client: HttpClient,
        mutual_tls_client: Option<HttpClient>,
        proxy_authorization: Option<HeaderValue>,
        download_limits: DownloadLimits,
        body_budget: BodyBudget,
        seams: Seams,
    ) -> Self {
        Self(Arc::new(Inner {
            http_client,
            mutual_tls_client,
            proxy_authorization,
            download_limits,
            body_budget,
            notification_services: AtomicU64::new(0),
            memory: Mutex::default(),
            seams,
        }))
    }

    /// Runs a flow to its end.
    ///
    /// **Run a payment in a task of its own, not in the visitor's request.** Dropping this future drops the flow. A
    /// request already sent stays sent, and its reply is lost. In a web server, spawn the call, so that the outcome
    /// becomes known even if the visitor disconnects:
    ///
    /// ```
    /// # use wxpay_hyper::Client;
    /// # use wxpay_proto::exchange::Flow;
    /// # async fn handle<F: Flow>(client: Client, flow: F) {
    /// let outcome = tokio::spawn(async move { client.run(flow).await }).await;
    /// # drop(outcome); }
    /// ```
    ///
    /// Setting the system clock back does not prolong a wait: its length is computed when the wait begins.
    ///
    /// A merchant whose [private key may block](wxpay_proto::crypto::PrivateKey::may_block) delays no other task: the
    /// steps of its flows run on the runtime's threads for blocking calls. A panic of the key continues in this future.
    /// If this future is dropped while the key blocks, nothing is sent. A key must have a timeout of its own: tokio
    /// cannot stop it, so a runtime that shuts down waits for it.
    ///
    /// # Errors
    ///
    /// The error of the flow. [`Error::fate`] states whether WeChat Pay may have carried out the request.
    pub async fn run<F: Flow>(&self, flow: F) -> Result<F::Output, Error> {
        let mut run = Run::new(self, &flow);
        let mut step = run.begin(flow).await;
        loop {
            step = match step {
                Step::Send(transmit, awaiting) => run.send_and_resume(transmit, awaiting).await,
                Step::Wait(until, waiting) => run.wait_and_resume(until, waiting).await,
                Step::Done(result) => return result,
            };
        }
    }

    /// Runs a flow whose replies other flows need as well, such as a key fetch. Each request and the step after it run
    /// in a task of their own, so that a key reaches the cache even if this future is dropped. `held` is dropped with
    /// the flow.
    ///
    /// # Errors
    ///
    /// If the runtime shuts down, or a private key panics in a task.
    pub(crate) async fn run_to_completion<F: Flow>(
        &self,
        flow: F,
        mut held: impl Send + 'static,
    ) -> Result<Result<F::Output, Error>, JoinError> {
        let mut run = Run::new(self, &flow);
        if run.may_block {
            // Each step is awaited, and may have leased a fetch that other flows wait for.
            let running = async move {
                let result = run.client.run(flow).await;
                drop(held);
                result
            };
            return tokio::spawn(running).await;
        }
        let mut step = run.begin(flow).await;
        loop {
            step = match step {
                Step::Send(transmit, awaiting) => {
                    let sending = async move {
                        let step = run.send_and_resume(transmit, awaiting).await;
                        (run, held, step)
                    };
                    let (resumed, still_held, step) = tokio::spawn(sending).await?;
                    (run, held) = (resumed, still_held);
                    step
                }
                Step::Wait(until, waiting) => run.wait_and_resume(until, waiting).await,
                Step::Done(result) => return Ok(result),
            };
        }
    }

    /// Gives access to the cached tokens, platform keys and notification ids, to read them or to insert a token shared
    /// between processes.
    ///
    /// The memory is locked until the closure returns: keep the closure short. A flow that needs the memory meanwhile
    /// waits. Flows themselves lock it for single look-ups and inserts, and never sign or verify meanwhile.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = wxpay_hyper::Client::builder().build()?;
    /// let app = "wxd930ea5d5a258f4f".parse()?;
    /// assert_eq!(client.memory(|memory| memory.next_token_refresh(&app)), None);
    /// # Ok(()) }
    /// ```
    pub fn memory<T>(&self, access: impl FnOnce(&mut Memory) -> T) -> T {
        // A panic in the closure cannot leave a half-made change: every call on the memory is complete when it returns.
        access(&mut self.0.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn now(&self) -> UnixTime {
        (self.0.seams.clock)()
    }

    pub(crate) fn transport(&self) -> Option<&dyn Transport> {
        self.0.seams.transport.as_deref()
    }

    pub(crate) fn limits(&self) -> DownloadLimits {
        self.0.download_limits
    }

    pub(crate) fn body_budget(&self) -> &BodyBudget {
        &self.0.body_budget
    }

    /// Returns a number for a service of notifications, which no other service of this client has.
    pub(crate) fn next_notification_service(&self) -> u64 {
        self.0.notification_services.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn http_client(&self) -> &HttpClient {
        &self.0.http_client
    }

    pub(crate) fn mutual_tls_client(&self) -> Option<&HttpClient> {
        self.0.mutual_tls_client.as_ref()
    }

    pub(crate) fn proxy_authorization(&self) -> Option<&HeaderValue> {
        self.0.proxy_authorization.as_ref()
    }
}

/// One run of a flow.
struct Run {
    client: Client,
    /// The private key of the flow's merchant may block, so that each step runs on a thread that may wait.
    may_block: bool,
    /// The time of the last step.
    now: UnixTime,
}

impl Run {
    fn new<F: Flow>(client: &Client, flow: &F) -> Self {
        Self { client: client.clone(), may_block: flow.may_block(), now: UnixTime::EPOCH }
    }

    async fn begin<F: Flow>(&mut self, flow: F) -> Step<F> {
        self.advance(UnixTime::EPOCH, |world| Step::begin(flow, world)).await
    }

    async fn send_and_resume<F: Flow>(&mut self, transmit: Transmit, awaiting: AwaitingReply<F>) -> Step<F> {
        let reply = self.client.send(transmit).await;
        self.advance(UnixTime::EPOCH, |world| awaiting.resume(reply, world)).await
    }

    async fn wait_and_resume<F: Flow>(&mut self, until: UnixTime, waiting: Waiting<F>) -> Step<F> {
        // Measured from the reading that the flow computed `until` from: the system clock may have been set since.
        tokio::time::sleep(until.since(self.now)).await;
        // The wait ended by the monotonic clock. The flow must not wait again if the system clock was set back.
        self.advance(until, |world| waiting.resume(world)).await
    }

    /// Advances the flow by one step, at the current time but not before `earliest`.
    async fn advance<F: Flow>(
        &mut self,
        earliest: UnixTime,
        step: impl FnOnce(World<'_>) -> Step<F> + Send + 'static,
    ) -> Step<F> {
        let (now, step) = if self.may_block {
            let client = self.client.clone();
            let advancing = tokio::task::spawn_blocking(move || client.advance(earliest, step));
            match advancing.await {
                Ok(advanced) => advanced,
                Err(failed) => propagate(failed).await,
            }
        } else {
            self.client.advance(earliest, step)
        };
        self.now = now;
        step
    }
}

impl Client {
    /// Advances a flow by one step, on this thread. Returns the time of the step.
    fn advance<F: Flow>(
        &self,
        earliest: UnixTime,
        step: impl FnOnce(World<'_>) -> Step<F>,
    ) -> (UnixTime, Step<F>) {
        let now = self.now().max(earliest);
        let mut memory = SharedMemory { mutex: &self.0.memory, guard: None };
        (now, step(World::new(now, (self.0.seams.entropy)(), &mut memory)))
    }
}

/// Continues the panic of a task in this future.
pub(crate) async fn propagate<T>(failed: JoinError) -> T {
    match failed.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        // The runtime shuts down before the task has begun: it drops this future, too.
        Err(_) => pending().await,
    }
}

/// Access to the memory of a client, for one step.
struct SharedMemory<'a> {
    mutex: &'a Mutex<Memory>,
    guard: Option<MutexGuard<'a, Memory>>,
}

impl MemoryAccess for SharedMemory<'_> {
    fn lock(&mut self) -> &mut Memory {
        // As in `Client::memory`: a panic elsewhere cannot have left a half-made change.
        self.guard.insert(self.mutex.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn unlock(&mut self) {
        self.guard = None;
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("mutual_tls", &self.0.mutual_tls_client.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refresh;
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };
    use wxpay_proto::{
        Fen,
        http::Method,
        memory::AccessToken,
        retry,
        v1::{AppSecret, Merchant, Order, PartnerKey, PaySignKey},
        v3,
    };

    #[test]
    fn run_future_is_send_for_every_flow() {
        fn sendable(_: &impl Send) {}
        fn check<F: Flow>(client: &Client, flow: F) {
            sendable(&client.run(flow));
        }
        let client = Client::builder().build().unwrap();
        check(&client, merchant().query("1".parse().unwrap()));
        check(&client, merchant().refresh_token());

        let v3_merchant = refresh::tests::merchant("http://127.0.0.1:1");
        let raw = v3::Raw::new(Method::Get, "/v3/x").unwrap();
        let any: Box<dyn v3::Endpoint<Output = v3::RawReply>> = Box::new(raw.clone());
        check(&client, v3_merchant.call(raw));
        check(&client, v3_merchant.call(any));
        check(&client, v3_merchant.verify_notification(v3::RawNotification::new(Vec::new())));
        check(&client, v3_merchant.refresh_platform_keys());
        let pending = "v3.refund?out_refund_no=R1".parse().unwrap();
        check(&client, v3_merchant.resolve_pending::<v3::refund::QueryRefund>(pending));
        sendable(&client.refresh_platform_keys(v3_merchant.clone()));
        sendable(
            &client
                .run_to_completion(v3_merchant.verify_notification(v3::RawNotification::new(Vec::new())), ()),
        );
    }

    /// Returns noon for the first two readings, then a time one hour earlier.
    fn clock_set_back() -> UnixTime {
        static READINGS: AtomicU32 = AtomicU32::new(0);
        let hour = Duration::from_secs(3600);
        if READINGS.fetch_add(1, Ordering::SeqCst) < 2 { noon() } else { noon().before(hour) }
    }

    fn noon() -> UnixTime {
        UnixTime::from_secs(1_399_521_600)
    }

    /// A merchant with a closed port as its gateway.
    fn merchant() -> Merchant {
        let mut policy = retry::Policy::default();
        policy.max_attempts = 2;
        policy.initial_backoff = Duration::from_millis(50);
        let closed_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Merchant::builder(
            "wxd930ea5d5a258f4f".parse().unwrap(),
            AppSecret::new("a".repeat(32)).unwrap(),
            PaySignKey::new("b".repeat(128)).unwrap(),
            "1900000109".parse().unwrap(),
            PartnerKey::new("c".repeat(32)).unwrap(),
        )
        .base_url(&format!("http://{closed_port}"))
        .unwrap()
        .retry(policy)
        .build()
    }

    #[tokio::test]
    async fn clock_set_back_does_not_prolong_a_wait() {
        let client = Client::builder().clock(clock_set_back).build().unwrap();
        let merchant = merchant();
        client.memory(|memory| {
            let token = AccessToken::new("t".to_owned()).unwrap();
            memory.put_token(merchant.appid(), token, noon(), noon().after(Duration::from_secs(7200)));
        });
        let notify_url = "https://shop.example/notify".parse().unwrap();
        let order =
            Order::builder("1".parse().unwrap(), Fen::new(1), "x", notify_url, [203, 0, 113, 7].into());
        let call = client.run(merchant.prepay(order.build().unwrap()));
        let error = tokio::time::timeout(Duration::from_secs(5), call).await.unwrap().unwrap_err();
        assert_eq!(error.fate(), Some(wxpay_proto::Fate::NotSent), "both attempts must be made");
    }

    #[test]
    fn memory_stays_usable_after_a_panic_in_the_closure() {
        let client = Client::builder().build().unwrap();
        let copy = client.clone();
        let panicked = std::thread::spawn(move || copy.memory(|_| panic!("on purpose"))).join();
        assert!(panicked.is_err());
        let app = "wxd930ea5d5a258f4f".parse().unwrap();
        assert_eq!(client.memory(|memory| memory.next_token_refresh(&app)), None);
    }
}

//! Calls to WeChat Pay: observed, limited per merchant, and logged with their fate.
//!
//! ```text
//!  actions ─▶ Upstream::call ─▶ Client (the core's flows) ─▶ Recorder ─▶ the network
//!               │ quota, fate, call log                        │ Date, Request-ID, time of signing
//! ```

mod call;
mod call_log;
mod clock_skew;
mod quota;
mod recorder;
pub(crate) mod tokens;

pub(crate) use call::{CallError, CallOf, Called};
pub(crate) use call_log::CallLog;
pub(crate) use recorder::Recorder;

use crate::{ambient::Ambient, merchants::MerchantName, observe::metrics::Metrics};
use call::LogEntry;
use quota::Quota;
use recorder::EXCHANGE;
use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokens::SharedTokens;
use tokio::time::{Instant, timeout};
use wxpay_hyper::{Client, SetupError, Transport};
use wxpay_proto::{Error, id::AppId};

/// The longest time for which a call waits for its merchant's quota.
pub(crate) const QUOTA_TIMEOUT: Duration = Duration::from_secs(5);

/// The way to WeChat Pay. Clones are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct Upstream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    recorder: Arc<Recorder>,
    /// `None` if each process has its own access tokens.
    tokens: Option<SharedTokens>,
    ambient: Arc<dyn Ambient>,
    metrics: Metrics,
    log: CallLog,
    /// The limit of all processes together.
    max_calls: usize,
    /// This process's share of it.
    share: AtomicUsize,
    quotas: Mutex<BTreeMap<MerchantName, Arc<Quota>>>,
}

impl Upstream {
    /// Creates the way over a network. At most `max_calls` calls of one merchant are in progress at a time, in
    /// all processes together.
    ///
    /// # Errors
    ///
    /// If the operating system returns no random bytes.
    pub(crate) fn new(
        network: Arc<dyn Transport>,
        ambient: Arc<dyn Ambient>,
        metrics: Metrics,
        max_calls: usize,
    ) -> Result<Self, SetupError> {
        Self::with(network, None, ambient, metrics, max_calls)
    }

    /// Creates the way over a network on which all processes share the access tokens of APIv1.
    ///
    /// # Errors
    ///
    /// If the operating system returns no random bytes.
    pub(crate) fn with_shared_tokens(
        tokens: SharedTokens,
        ambient: Arc<dyn Ambient>,
        metrics: Metrics,
        max_calls: usize,
    ) -> Result<Self, SetupError> {
        Self::with(Arc::new(tokens.clone()), Some(tokens), ambient, metrics, max_calls)
    }

    fn with(
        network: Arc<dyn Transport>,
        tokens: Option<SharedTokens>,
        ambient: Arc<dyn Ambient>,
        metrics: Metrics,
        max_calls: usize,
    ) -> Result<Self, SetupError> {
        let recorder = Arc::new(Recorder::new(network, Arc::clone(&ambient), metrics.clone()));
        let (clock, entropy) = (Arc::clone(&ambient), Arc::clone(&ambient));
        let transport: Arc<dyn Transport> = recorder.clone();
        let client = Client::builder()
            .transport(transport)
            .clock(move || clock.now())
            .entropy(move || entropy.entropy())
            .build()?;
        let (log, quotas) = (CallLog::default(), Mutex::default());
        let share = AtomicUsize::new(max_calls.max(1));
        Ok(Self(Arc::new(Inner {
            client,
            recorder,
            tokens,
            ambient,
            metrics,
            log,
            max_calls,
            share,
            quotas,
        })))
    }

    /// Divides the quota of each merchant by the number of processes that make calls.
    pub(crate) fn share_quotas(&self, processes: NonZeroU32) {
        let processes = usize::try_from(processes.get()).unwrap_or(usize::MAX);
        let share = self.0.max_calls.checked_div(processes).unwrap_or_default();
        self.0.share.store(share.max(1), Ordering::Relaxed);
    }

    /// Returns the client, for flows that are no calls of a merchant's operation.
    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    /// Checks the stores of access tokens. Logs what is wrong.
    pub(crate) async fn check_token_stores(&self) {
        if let Some(tokens) = &self.0.tokens {
            tokens.check().await;
        }
    }

    /// Follows the access token of an app that all processes share.
    pub(crate) async fn follow_token(&self, app: &AppId) {
        if let Some(tokens) = &self.0.tokens {
            tokens.follow(app, &self.0.client).await;
        }
    }

    /// Returns the calls that are to be stored.
    pub(crate) fn log(&self) -> &CallLog {
        &self.0.log
    }

    /// Returns the difference between the local clock and WeChat Pay's in milliseconds, positive if the local clock is
    /// ahead. `None` before the first replies.
    pub(crate) fn clock_skew(&self) -> Option<i64> {
        self.0.recorder.clock_skew()
    }

    /// Makes a call: waits for the merchant's quota, runs it, and logs it if its fate is worth keeping.
    pub(crate) async fn call<T, F>(&self, of: CallOf, run: impl FnOnce(Client) -> F) -> Called<T>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let inner = &self.0;
        let (at, began) = (inner.ambient.now(), Instant::now());
        let quota = self.quota(&of.merchant);
        let Ok(Ok(permit)) = timeout(QUOTA_TIMEOUT, quota.acquire()).await else {
            let called = Called { result: Err(CallError::busy()), signed_at: None };
            self.record(&of, at, began, &called);
            return called;
        };
        let exchange = Arc::default();
        let result = EXCHANGE.scope(Arc::clone(&exchange), Box::pin(run(inner.client.clone()))).await;
        drop(permit);
        let exchange = recorder::take(&exchange);
        let result = result.map_err(|error| CallError::new(error, &exchange));
        // The timestamp is signed if the reply is verified: that of a success, and that of a refusal which is final. A
        // refusal by the check of fields is not signed, and has none of WeChat Pay's headers.
        let is_verified = result.as_ref().err().is_none_or(CallError::is_refused);
        let called = Called { result, signed_at: exchange.signed_at.filter(|_| is_verified) };
        self.record(&of, at, began, &called);
        called
    }

    fn record<T>(&self, of: &CallOf, at: wxpay_proto::UnixTime, began: Instant, called: &Called<T>) {
        let duration = began.elapsed();
        let error = called.result.as_ref().err();
        self.0.metrics.gateway_call(of.label, CallError::gateway_fate(error), duration);
        let is_kept = of.is_kept || error.is_some_and(|error| error.fate().is_some());
        if is_kept {
            let random = self.0.ambient.entropy().into_bytes();
            self.0.log.add(LogEntry { of, at, duration, error, random: &random }.into_row());
        }
    }

    fn quota(&self, merchant: &MerchantName) -> Arc<Quota> {
        let share = self.0.share.load(Ordering::Relaxed);
        let mut quotas = self.0.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        let quota = quotas.entry(merchant.clone()).or_insert_with(|| Arc::new(Quota::new(share)));
        quota.resize(share);
        Arc::clone(quota)
    }
}

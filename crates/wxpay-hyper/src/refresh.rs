//! Background refresh of access tokens and platform certificates.

use crate::client::Client;
use std::{convert::Infallible, error::Error as _, time::Duration};
use wxpay_proto::{UnixTime, v1, v3};

impl Client {
    /// The longest pause between two checks. It bounds the delay after a token was inserted by other means, or after
    /// the system clock was set.
    pub const MAX_REFRESH_PAUSE: Duration = Duration::from_secs(60);
    /// The shortest pause between two checks, also after a failure.
    pub const MIN_REFRESH_PAUSE: Duration = Duration::from_secs(1);

    /// Refreshes the access token of an APIv1 merchant before it expires, so that no payment waits for it. The future
    /// never completes: spawn it, and abort it at shutdown.
    ///
    /// It does not fetch the first token, because a fetch invalidates the tokens that other processes hold. The first
    /// payment fetches one, and this refreshes it from then on. It is optional: without it, a payment fetches a new
    /// token when the old one expires.
    ///
    /// ```
    /// # fn start(client: wxpay_hyper::Client, merchant: wxpay_proto::v1::Merchant) {
    /// let refresh = tokio::spawn(client.refresh_tokens(merchant));
    /// # refresh.abort(); }
    /// ```
    pub fn refresh_tokens(
        &self,
        merchant: v1::Merchant,
    ) -> impl Future<Output = Infallible> + Send + 'static + use<> {
        let client = self.clone();
        async move {
            loop {
                let (now, due) =
                    (client.now(), client.memory(|memory| memory.next_token_refresh(merchant.appid())));
                if due.is_some_and(|due| due <= now) && client.run(merchant.refresh_token()).await.is_err() {
                    tracing::warn!(label = "v1.refresh_token", "refresh failed; it will be retried");
                }
                let due = client.memory(|memory| memory.next_token_refresh(merchant.appid()));
                tokio::time::sleep(Self::refresh_pause(due, client.now())).await;
            }
        }
    }

    /// Fetches the platform certificates of an APIv3 merchant at once, and again before they become stale, so that no
    /// call and no notification waits for a key. The future never completes, even if fetches fail: spawn it, and
    /// abort it at shutdown; dropping it stops it.
    ///
    /// It is optional: a call or a notification that needs a missing certificate fetches it. For a merchant that trusts
    /// only public keys it does nothing.
    ///
    /// Several merchants, all stopped when the set is dropped:
    ///
    /// ```
    /// # fn start(client: &wxpay_hyper::Client, one: wxpay_proto::v3::Merchant, other: wxpay_proto::v3::Merchant) {
    /// let mut refresh = tokio::task::JoinSet::new();
    /// refresh.spawn(client.refresh_platform_keys(one));
    /// refresh.spawn(client.refresh_platform_keys(other));
    /// # }
    /// ```
    pub fn refresh_platform_keys(
        &self,
        merchant: v3::Merchant,
    ) -> impl Future<Output = Infallible> + Send + 'static + use<> {
        let client = self.clone();
        async move {
            loop {
                // The flow sends a request only if a refresh is due, and at most once a minute.
                if let Err(error) = client.run(merchant.refresh_platform_keys()).await {
                    let merchant = tracing::field::display(merchant.mchid());
                    let cause = error.source().map(tracing::field::display);
                    tracing::warn!(
                        label = "v3.refresh_platform_keys",
                        merchant,
                        reason = %error,
                        cause,
                        "refresh failed; it will be retried"
                    );
                }
                let due = client.memory(|memory| memory.next_platform_key_refresh(merchant.mchid()));
                tokio::time::sleep(Self::refresh_pause(due, client.now())).await;
            }
        }
    }

    fn refresh_pause(due: Option<UnixTime>, now: UnixTime) -> Duration {
        let pause = due.map_or(Self::MAX_REFRESH_PAUSE, |due| due.since(now));
        pause.clamp(Self::MIN_REFRESH_PAUSE, Self::MAX_REFRESH_PAUSE)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::ambient;
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };
    use tokio::{net::TcpListener, time};
    use wxpay_aws_lc::AwsLc;
    use wxpay_proto::{
        crypto::{PrivateKey, Unavailable},
        secret::Secret,
    };

    static CLOCK_OFFSET_SECS: AtomicU64 = AtomicU64::new(0);

    fn clock_with_offset() -> UnixTime {
        ambient::now().after(Duration::from_secs(CLOCK_OFFSET_SECS.load(Ordering::SeqCst)))
    }

    /// A private key with empty signatures.
    #[derive(Debug)]
    struct FakePrivateKey;

    impl PrivateKey for FakePrivateKey {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Unavailable> {
            Ok(Vec::new())
        }

        fn open(&self, _: &[u8]) -> Result<Secret<Vec<u8>>, wxpay_proto::crypto::InvalidSignature> {
            Err(wxpay_proto::crypto::InvalidSignature)
        }
    }

    /// An APIv3 merchant with empty signatures.
    pub(crate) fn merchant(base_url: &str) -> v3::Merchant {
        let key = v3::ApiV3Key::new("k".repeat(32)).unwrap();
        let number = "1900000109".parse().unwrap();
        v3::Merchant::builder(Arc::new(AwsLc), number, "0A".parse().unwrap(), Arc::new(FakePrivateKey), &key)
            .base_url(base_url)
            .unwrap()
            .build()
    }

    /// Starts a gateway that closes every connection at once. Returns its URL and the number of connections.
    async fn closing_gateway() -> (String, Arc<AtomicU64>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counting.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
        (url, requests)
    }

    async fn wait_for_requests(requests: &AtomicU64, times: u64) {
        while requests.load(Ordering::SeqCst) < times {
            time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[test]
    fn refresh_pause_is_between_a_second_and_a_minute() {
        let now = UnixTime::from_secs(1_000_000);
        let pause = |due| Client::refresh_pause(due, now);
        assert_eq!(
            pause(Some(UnixTime::EPOCH)),
            Client::MIN_REFRESH_PAUSE,
            "an overdue refresh must not spin"
        );
        assert_eq!(pause(Some(now.after(Duration::from_secs(30)))), Duration::from_secs(30));
        assert_eq!(pause(Some(now.after(Duration::from_secs(3600)))), Client::MAX_REFRESH_PAUSE);
        assert_eq!(pause(None), Client::MAX_REFRESH_PAUSE);
    }

    #[tokio::test]
    async fn failed_key_refresh_is_retried_after_a_minute_until_dropped() {
        let client = Client::builder().clock(clock_with_offset).build().unwrap();
        let (url, requests) = closing_gateway().await;
        let mut refresh = tokio::task::JoinSet::new();
        refresh.spawn(client.refresh_platform_keys(merchant(&url)));
        for times in 1..=3 {
            wait_for_requests(&requests, times).await;
            time::sleep(Duration::from_millis(100)).await;
            assert_eq!(requests.load(Ordering::SeqCst), times, "the fetch must be repeated once a minute");
            CLOCK_OFFSET_SECS.fetch_add(60, Ordering::SeqCst);
            time::pause();
            time::advance(Client::MAX_REFRESH_PAUSE).await;
            time::resume();
        }
        wait_for_requests(&requests, 4).await;
        drop(refresh);
        CLOCK_OFFSET_SECS.fetch_add(60, Ordering::SeqCst);
        time::pause();
        time::advance(Client::MAX_REFRESH_PAUSE).await;
        time::resume();
        time::sleep(Duration::from_millis(100)).await;
        assert_eq!(requests.load(Ordering::SeqCst), 4);
    }
}

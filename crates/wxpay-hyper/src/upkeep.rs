//! Refreshing what spoils before somebody waits for it.

use crate::client::Client;
use std::{convert::Infallible, time::Duration};
use wxpay_proto::v1::Merchant;

impl Client {
    /// How long upkeep sleeps at most before it looks again: for a token that came from elsewhere, or a clock
    /// that was set.
    pub const LONGEST_UPKEEP_PAUSE: Duration = Duration::from_secs(60);
    /// How long upkeep pauses at least, after a failure for one.
    pub const SHORTEST_UPKEEP_PAUSE: Duration = Duration::from_secs(1);

    /// Refreshes a merchant's access token before it expires, so that no payment waits for it. Never ends:
    /// spawn it, and abort it at shutdown.
    ///
    /// It does not fetch the first token. In this generation a fetch makes the tokens that other processes hold
    /// invalid, so one is fetched when it is needed, and kept fresh from then on. Without upkeep payments work
    /// as well; one of them then does the fetching.
    ///
    /// ```
    /// # fn start(client: wxpay_hyper::Client, merchant: wxpay_proto::v1::Merchant) {
    /// let upkeep = tokio::spawn(client.keep_fresh(merchant));
    /// # upkeep.abort(); }
    /// ```
    pub fn keep_fresh(
        &self,
        merchant: Merchant,
    ) -> impl Future<Output = Infallible> + Send + 'static + use<> {
        let client = self.clone();
        async move {
            loop {
                let (now, due) = (client.now(), client.memory(|memory| memory.next_upkeep(merchant.appid())));
                if due.is_some_and(|due| due <= now) && client.run(merchant.keep_token()).await.is_err() {
                    tracing::warn!(label = "v1.keep_token", "upkeep failed; it will be tried again");
                }
                let due = client.memory(|memory| memory.next_upkeep(merchant.appid()));
                let pause = due.map_or(Self::LONGEST_UPKEEP_PAUSE, |due| due.since(client.now()));
                tokio::time::sleep(pause.clamp(Self::SHORTEST_UPKEEP_PAUSE, Self::LONGEST_UPKEEP_PAUSE))
                    .await;
            }
        }
    }
}

//! The way out: the merchant, the client that carries its calls, and the token they share.

use crate::tokens::{Sharing, TokenStore};
use std::sync::Arc;
use wxpay_hyper::Client;
use wxpay_proto::{Error, exchange::Flow, id::PrepayId, v1::AppParams, v1::Merchant};

/// Calls WeChat Pay as one merchant.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) merchant: Merchant,
    pub(crate) client: Client,
    tokens: Arc<Sharing>,
}

impl Gateway {
    pub(crate) fn new(merchant: Merchant, client: Client, tokens: Box<dyn TokenStore>) -> Self {
        Self { merchant, client, tokens: Arc::new(Sharing::new(tokens)) }
    }

    /// Carries a flow to its end, with the token from the store; a new token goes there.
    pub(crate) async fn run<F: Flow>(&self, flow: F) -> Result<F::Output, Error> {
        let app = self.merchant.appid();
        self.tokens.fetch(app, &self.client).await;
        let outcome = self.client.run(flow).await;
        self.tokens.publish(app, &self.client).await;
        outcome
    }

    /// The parameters for the app, signed anew: a time and a random text of this moment.
    ///
    /// # Errors
    ///
    /// When the operating system has no random bytes.
    pub(crate) fn sign_for_phone(&self, prepayid: PrepayId) -> Result<AppParams, getrandom::Error> {
        let mut fresh = [0; 16];
        getrandom::fill(&mut fresh)?;
        let noncestr = format!("{:032x}", u128::from_le_bytes(fresh));
        Ok(AppParams::sign(&self.merchant, prepayid, crate::time::now(), noncestr))
    }
}

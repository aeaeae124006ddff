//! Outgoing calls: the merchant, the client that sends its requests, and the shared access token.

use crate::tokens::{TokenStore, TokenSync};
use std::sync::Arc;
use wxpay_hyper::Client;
use wxpay_proto::{Error, exchange::Flow, id::PrepayId, v1::AppParams, v1::Merchant};

/// A client of WeChat Pay for one merchant.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) merchant: Merchant,
    pub(crate) client: Client,
    tokens: Arc<TokenSync>,
}

impl Gateway {
    pub(crate) fn new(merchant: Merchant, client: Client, tokens: Box<dyn TokenStore>) -> Self {
        Self { merchant, client, tokens: Arc::new(TokenSync::new(tokens)) }
    }

    /// Runs a flow to completion with the access token from the store; saves a new token there.
    pub(crate) async fn run<F: Flow>(&self, flow: F) -> Result<F::Output, Error> {
        let app = self.merchant.appid();
        self.tokens.load(app, &self.client).await;
        let result = self.client.run(flow).await;
        self.tokens.save(app, &self.client).await;
        result
    }

    /// Signs the app payment parameters with the current time and a random nonce.
    ///
    /// # Errors
    ///
    /// If the operating system returns no random bytes.
    pub(crate) fn sign_app_params(&self, prepayid: PrepayId) -> Result<AppParams, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        let noncestr = format!("{:032x}", u128::from_le_bytes(bytes));
        Ok(AppParams::sign(&self.merchant, prepayid, crate::time::now(), noncestr))
    }
}

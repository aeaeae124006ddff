//! The shop: a client of the payment server and of the simulator's control interface.

use crate::Failure;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use std::time::Duration;
use wxpay_proto::secret::Secret;

/// Time after which an expected change of an order or a refund has failed to appear.
const TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(super) struct Shop {
    pub(super) server: String,
    pub(super) gateway: String,
    api_key: Secret<String>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Shop {
    pub(super) fn new(server: String, gateway: String, api_key: Secret<String>) -> Self {
        Self { server, gateway, api_key, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Places an order. Returns it with the parameters for the payer's client.
    pub(super) async fn place(&self, order: &Value) -> Result<Value, Failure> {
        self.post(&format!("{}/api/orders", self.server), order).await
    }

    pub(super) async fn order(&self, number: &str) -> Result<Value, Failure> {
        self.get(&format!("{}/api/orders/{number}", self.server)).await
    }

    /// Waits until a resource of the payment server fulfils a condition.
    pub(super) async fn wait(
        &self,
        path: &str,
        rule: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Value, Failure> {
        let url = format!("{}{path}", self.server);
        let fulfilled = async {
            loop {
                let resource = self.get(&url).await?;
                if holds(&resource) {
                    return Ok(resource);
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        let fulfilled = tokio::time::timeout(TIMEOUT, fulfilled).await;
        fulfilled.unwrap_or_else(|_| Err(Failure::failed(rule)))
    }

    pub(super) async fn get(&self, url: &str) -> Result<Value, Failure> {
        self.send(Method::GET, url, Bytes::new()).await
    }

    pub(super) async fn post(&self, url: &str, message: &Value) -> Result<Value, Failure> {
        self.send(Method::POST, url, message.to_string().into()).await
    }

    async fn send(&self, method: Method, url: &str, body: Bytes) -> Result<Value, Failure> {
        let mut request =
            Request::builder().method(method).uri(url).header(header::CONTENT_TYPE, "application/json");
        if url.starts_with(&self.server) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.api_key.expose()));
        }
        let request = request.body(Full::new(body)).map_err(|error| Failure::error(&error))?;
        let reply = self.client.request(request).await.map_err(|error| Failure::error(&error))?;
        let status = reply.status();
        let body = reply.into_body().collect().await.map_err(|error| Failure::error(&error))?.to_bytes();
        if !status.is_success() {
            let body = String::from_utf8_lossy(&body);
            return Err(Failure::failed(format!("{url} returned {status}: {body}")));
        }
        parsed(&body)
    }
}

pub(super) fn parsed(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(Failure::doing("a message is not JSON"))
}

pub(super) fn member<'a>(message: &'a Value, name: &str) -> &'a Value {
    message.get(name).unwrap_or(&Value::Null)
}

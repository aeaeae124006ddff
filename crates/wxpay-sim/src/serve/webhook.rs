//! HTTP client for notifications.

use crate::notifications::{Delivery, DeliveryResult};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::timeout;

pub(super) type Client = legacy::Client<HttpConnector, Full<Bytes>>;

/// Maximum length of the body of a notification response, in bytes. A longer response counts as no response.
const MAX_RESPONSE_BYTES: usize = 64 << 10;

pub(super) fn client() -> Client {
    legacy::Client::builder(TokioExecutor::new())
        .http1_title_case_headers(true)
        .pool_max_idle_per_host(0)
        .build_http()
}

/// Sends one delivery. Every failure counts as no response.
pub(super) async fn post(client: &Client, delivery: &Delivery) -> DeliveryResult {
    timeout(delivery.timeout(), send(client, delivery))
        .await
        .ok()
        .flatten()
        .unwrap_or(DeliveryResult::NoResponse)
}

async fn send(client: &Client, delivery: &Delivery) -> Option<DeliveryResult> {
    let builder = delivery
        .headers()
        .iter()
        .fold(hyper::Request::post(delivery.url()), |builder, (name, value)| builder.header(*name, value));
    let request = builder.body(Full::new(Bytes::copy_from_slice(delivery.body()))).ok()?;
    let (head, body) = client.request(request).await.ok()?.into_parts();
    let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await.ok()?.to_bytes().to_vec();
    Some(DeliveryResult::Response { status: head.status.as_u16(), body })
}

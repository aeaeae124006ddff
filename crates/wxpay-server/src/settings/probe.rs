//! A signed request to the gateway that changes nothing, for `wxpay doctor`.

use super::Settings;
use crate::upstream::tokens::redis::RedisStore;
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, UNIX_EPOCH},
};
use tokio::time::{Instant, timeout};
use wxpay_hyper::{Client, Transport, WxPay};
use wxpay_proto::{
    UnixTime,
    exchange::{Reply, Transmit},
    http::Method,
    v3::Raw,
};

/// The time for the whole request, retries included.
const PROBE_TIMEOUT: Duration = Duration::from_secs(15);

/// The gateway's response to a signed request of one merchant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Probe {
    /// The name of the merchant.
    pub merchant: String,
    /// The time that the request took.
    pub duration: Duration,
    /// The HTTP status; `None` without a response.
    pub status: Option<u16>,
    /// The gateway's time, from the header `Date`.
    pub date: Option<UnixTime>,
    /// The reason why the request failed: the gateway cannot be reached, refuses the signature, or its reply is not
    /// verified. A refusal for another reason is no failure.
    pub failure: Option<String>,
}

impl Settings {
    /// Sends one request for each merchant of APIv3: `GET /v3/certificates`, which changes nothing.
    pub async fn probe(&self) -> Vec<Probe> {
        let mut probes = Vec::new();
        for merchant in &self.merchants {
            let Some(v3) = merchant.v3() else { continue };
            let began = Instant::now();
            let seen = Arc::new(Mutex::new(None));
            let failure = match self.observed(&seen) {
                Ok(client) => failure(WxPay::new(client, v3.clone())).await,
                Err(error) => Some(error.to_string()),
            };
            let seen = *seen.lock().unwrap_or_else(PoisonError::into_inner);
            probes.push(Probe {
                merchant: merchant.name().to_string(),
                duration: began.elapsed(),
                status: seen.map(|seen| seen.status),
                date: seen.and_then(|seen| seen.date),
                failure,
            });
        }
        probes
    }

    /// Checks that Redis can be reached, accepts the user and the password, and permits what the server does. `None` if
    /// it is not used.
    ///
    /// # Errors
    ///
    /// Returns the reason if it does not, which has no secret. The server runs without it.
    pub async fn probe_redis(&self) -> Option<Result<Duration, String>> {
        let settings = self.redis()?;
        let began = Instant::now();
        let value = hex::encode(crate::server::system().entropy().into_bytes());
        let checked = match RedisStore::new(settings) {
            Ok(redis) => redis.check(&value).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        Some(checked.map(|()| began.elapsed()))
    }

    /// Builds a client that keeps status and time of the last response.
    fn observed(&self, seen: &Arc<Mutex<Option<Seen>>>) -> Result<Client, wxpay_hyper::SetupError> {
        let transport = Observer { network: self.client().build()?, seen: Arc::clone(seen) };
        Client::builder().transport(Arc::new(transport)).build()
    }
}

async fn failure(wxpay: WxPay) -> Option<String> {
    let raw = match Raw::new(Method::Get, "/v3/certificates") {
        Ok(raw) => raw.without_retry(),
        Err(error) => return Some(error.to_string()),
    };
    match timeout(PROBE_TIMEOUT, wxpay.call(raw)).await {
        Err(_) => Some(format!("no response within {} seconds", PROBE_TIMEOUT.as_secs())),
        Ok(Ok(_)) => None,
        Ok(Err(error)) => {
            // A merchant with the public key only has no platform certificates: 404, after the signature was accepted.
            let is_accepted = error.refusal().is_some_and(|refusal| refusal.status != 401);
            (!is_accepted).then(|| {
                let mut message = error.to_string();
                let mut cause = std::error::Error::source(&error);
                while let Some(deeper) = cause {
                    message = format!("{message}: {deeper}");
                    cause = deeper.source();
                }
                message
            })
        }
    }
}

/// Status and time of a response.
#[derive(Clone, Copy, Debug)]
struct Seen {
    status: u16,
    date: Option<UnixTime>,
}

/// A transport that keeps status and time of the last response.
#[derive(Debug)]
struct Observer {
    network: Client,
    seen: Arc<Mutex<Option<Seen>>>,
}

impl Transport for Observer {
    fn send(&self, transmit: Transmit) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(async {
            let reply = self.network.send(transmit).await;
            if let Ok(response) = &reply {
                let date = response.header("date").and_then(date);
                let seen = Seen { status: response.status(), date };
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
            }
            reply
        })
    }
}

fn date(value: &[u8]) -> Option<UnixTime> {
    let date = httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()?;
    date.duration_since(UNIX_EPOCH).ok().map(|since| UnixTime::EPOCH.after(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_response_is_read_from_its_date() {
        let expected = UnixTime::from_secs(784_111_777);
        assert_eq!(date(b"Sun, 06 Nov 1994 08:49:37 GMT"), Some(expected));
        assert_eq!((date(b"yesterday"), date(b"\xff")), (None, None));
    }
}

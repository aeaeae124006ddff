//! A network with a script of failures per order, injected outside the gateway.

use std::{collections::BTreeMap, time::Duration};
use wxpay_proto::{
    UnixTime,
    exchange::{Failure, Reply, Transmit},
    http::Response,
};
use wxpay_testkit::{drive::Network, network::SimNetwork};

/// A failure of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkFailure {
    /// No connection.
    NotSent,
    /// The request is lost before it reaches the gateway.
    LostBefore,
    /// The request is carried out, and the reply is lost.
    LostAfter,
    /// The request is carried out, and the reply arrives after the timeout.
    TooLate,
    /// The request arrives twice, and the merchant gets the second reply.
    Duplicated,
    /// The reply is a 502; the request is carried out if `effect` is true.
    BadGateway { effect: bool },
    /// The reply is an unsigned refusal, although the request was carried out.
    UnsignedRefusal,
    /// The reply is an unsigned rate limit error, although the request was carried out.
    UnsignedRateLimit,
    /// The body of the reply is modified.
    Tampered,
    /// The reply is genuine, but its timestamp is too old.
    Stale,
    /// The reply names an unknown key.
    UnknownKey,
    /// The reply has no signature.
    Unsigned,
    /// The reply is a signature probe: WeChat Pay's deliberately invalid signature.
    Probe,
    /// The reply has two signature headers.
    DuplicateHeader,
}

impl NetworkFailure {
    pub(crate) const ALL: [Self; 15] = [
        Self::NotSent,
        Self::LostBefore,
        Self::LostAfter,
        Self::TooLate,
        Self::Duplicated,
        Self::BadGateway { effect: true },
        Self::BadGateway { effect: false },
        Self::UnsignedRefusal,
        Self::UnsignedRateLimit,
        Self::Tampered,
        Self::Stale,
        Self::UnknownKey,
        Self::Unsigned,
        Self::Probe,
        Self::DuplicateHeader,
    ];
}

/// A network that injects failures into requests, by the merchant's number in each request.
pub(crate) struct FailingNetwork {
    pub(crate) sim: SimNetwork,
    scripts: BTreeMap<String, Vec<NetworkFailure>>,
    /// The number of injected failures by merchant's number.
    pub(crate) injected: BTreeMap<String, usize>,
}

impl FailingNetwork {
    pub(crate) fn new(sim: SimNetwork) -> Self {
        Self { sim, scripts: BTreeMap::new(), injected: BTreeMap::new() }
    }

    /// Adds failures for the next requests with this number, one per request; the last one is injected first.
    pub(crate) fn add_failures(&mut self, number: &str, failures: Vec<NetworkFailure>) {
        self.scripts.entry(number.into()).or_default().extend(failures);
    }

    /// Returns how many failures are left for this number.
    pub(crate) fn remaining(&self, number: &str) -> usize {
        self.scripts.get(number).map_or(0, Vec::len)
    }

    /// Removes all failures and faults.
    pub(crate) fn clear(&mut self) {
        self.scripts.clear();
        self.sim.gateway.clear_faults();
    }

    fn next(&mut self, number: &str) -> Option<NetworkFailure> {
        let failure = self.scripts.get_mut(number)?.pop()?;
        *self.injected.entry(number.into()).or_default() += 1;
        Some(failure)
    }
}

/// Returns the merchant's number in a request, from its body or its path.
fn number_of(transmit: &Transmit) -> String {
    let body: serde_json::Value = serde_json::from_slice(transmit.request.body()).unwrap_or_default();
    let in_body =
        ["out_order_no", "out_refund_no", "out_trade_no"].iter().find_map(|name| body.get(name)?.as_str());
    let path = transmit.request.url().split('?').next().unwrap();
    let in_path =
        path.split('/').skip_while(|part| !matches!(*part, "out-trade-no" | "refunds" | "orders")).nth(1);
    in_body.or(in_path).unwrap_or_default().into()
}

impl Network for FailingNetwork {
    fn send(&mut self, transmit: Transmit, now: UnixTime) -> (Reply, Duration) {
        let Some(failure) = self.next(&number_of(&transmit)) else { return self.sim.send(transmit, now) };
        let lost = || Err(Failure::Lost("lost".into()));
        let timeout = transmit.timeout;
        let mut deliver = || self.sim.send(transmit.clone(), now);
        match failure {
            NetworkFailure::NotSent => (Err(Failure::NotSent("refused".into())), Duration::from_millis(1)),
            NetworkFailure::LostBefore => (lost(), timeout),
            NetworkFailure::LostAfter => {
                deliver().0.unwrap();
                (lost(), Duration::from_millis(80))
            }
            NetworkFailure::TooLate => {
                deliver().0.unwrap();
                (lost(), timeout)
            }
            NetworkFailure::Duplicated => {
                deliver().0.unwrap();
                deliver()
            }
            NetworkFailure::BadGateway { effect } => {
                if effect {
                    deliver().0.unwrap();
                }
                (Ok(Response::new(502, b"<html>502 Bad Gateway</html>".to_vec())), Duration::from_millis(80))
            }
            NetworkFailure::UnsignedRefusal => {
                deliver().0.unwrap();
                let body = br#"{"code":"NO_AUTH","message":"no"}"#.to_vec();
                (Ok(Response::new(403, body)), Duration::from_millis(80))
            }
            NetworkFailure::UnsignedRateLimit => {
                deliver().0.unwrap();
                let body = br#"{"code":"FREQUENCY_LIMITED","message":"no"}"#.to_vec();
                (Ok(Response::new(429, body)), Duration::from_millis(80))
            }
            NetworkFailure::Tampered => changed(deliver(), |name, value| Some((name, value)), true),
            NetworkFailure::Stale => {
                let (reply, _) = deliver();
                // The reply is 301 seconds old. No client waits that long, but a proxy may have stored it.
                let shifted = (now.as_secs() - 301).to_string();
                changed(
                    (reply, Duration::from_millis(80)),
                    |name, value| match name.as_str() {
                        "wechatpay-timestamp" => Some((name, shifted.clone().into_bytes())),
                        _ => Some((name, value)),
                    },
                    false,
                )
            }
            NetworkFailure::UnknownKey => changed(
                deliver(),
                |name, value| match name.as_str() {
                    "wechatpay-serial" => Some((name, b"PUB_KEY_ID_0".to_vec())),
                    _ => Some((name, value)),
                },
                false,
            ),
            NetworkFailure::Unsigned => changed(
                deliver(),
                |name, value| (name != "wechatpay-signature").then_some((name, value)),
                false,
            ),
            NetworkFailure::Probe => changed(
                deliver(),
                |name, value| match name.as_str() {
                    "wechatpay-signature" => {
                        let rest = value.get(20..).unwrap_or_default();
                        Some((name, [b"WECHATPAY/SIGNTEST/a", rest].concat()))
                    }
                    _ => Some((name, value)),
                },
                false,
            ),
            NetworkFailure::DuplicateHeader => {
                let (reply, elapsed) = deliver();
                let reply = reply.map(|reply| {
                    let signature = reply.header("wechatpay-signature").unwrap_or_default().to_vec();
                    reply.with_header("Wechatpay-Signature", &signature)
                });
                (reply, elapsed)
            }
        }
    }
}

/// Changes the headers of a reply, and its body if `tamper` is true.
fn changed(
    (reply, elapsed): (Reply, Duration),
    header: impl Fn(String, Vec<u8>) -> Option<(String, Vec<u8>)>,
    tamper: bool,
) -> (Reply, Duration) {
    let reply = reply.map(|reply| {
        let mut body = reply.body().to_vec();
        if tamper {
            match body.iter().rposition(u8::is_ascii_digit) {
                Some(at) => body[at] = if body[at] == b'9' { b'0' } else { body[at] + 1 },
                None => body.push(b' '),
            }
        }
        reply
            .headers()
            .iter()
            .filter_map(|(name, value)| header(name.clone(), value.clone()))
            .fold(Response::new(reply.status(), body), |reply, (name, value)| {
                reply.with_header(&name, &value)
            })
    });
    (reply, elapsed)
}

//! Failures of the network, injected outside the gateway.

use super::shop::Shop;
use std::{rc::Rc, time::Duration};
use wxpay_proto::{
    UnixTime,
    exchange::{Failure, Reply, Transmit},
    http::Response,
};

/// A failure of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NetworkFailure {
    /// No connection.
    NotSent,
    /// The request is lost before it reaches the gateway.
    LostBefore,
    /// The request is carried out, and the reply is lost.
    LostAfter,
    /// The request is carried out, and the reply arrives after the timeout.
    TooLate,
    /// The request arrives only after the merchant's timeout.
    Late,
    /// The request arrives twice, and the merchant gets the second reply.
    Duplicated,
    /// The request arrives again, a while after its reply.
    Repeated,
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
    pub(super) const ALL: [Self; 17] = [
        Self::NotSent,
        Self::LostBefore,
        Self::LostAfter,
        Self::TooLate,
        Self::Late,
        Self::Duplicated,
        Self::Repeated,
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

impl Shop {
    /// Sends a request while the network fails in this way. Returns the reply, and the time until it arrives.
    pub(super) fn send_with(
        self: &Rc<Self>,
        failure: NetworkFailure,
        transmit: Transmit,
    ) -> (Reply, Duration) {
        const ROUND_TRIP: Duration = Duration::from_millis(80);
        let lost = || Err(Failure::Lost("lost".into()));
        let timeout = transmit.timeout;
        let deliver = || self.send(transmit.clone());
        match failure {
            NetworkFailure::NotSent => (Err(Failure::NotSent("refused".into())), Duration::from_millis(1)),
            NetworkFailure::LostBefore => (lost(), timeout),
            NetworkFailure::LostAfter => {
                drop(deliver());
                (lost(), ROUND_TRIP)
            }
            NetworkFailure::TooLate => {
                drop(deliver());
                (lost(), timeout)
            }
            NetworkFailure::Late => {
                self.send_later(timeout + MAX_DELAY / 2, transmit);
                (lost(), timeout)
            }
            NetworkFailure::Duplicated => {
                drop(deliver());
                deliver()
            }
            NetworkFailure::Repeated => {
                let (reply, elapsed) = deliver();
                // A refused request may be acceptable later: then the repetition would be a new request.
                if reply.as_ref().is_ok_and(|reply| reply.status() < 300) {
                    self.send_later(MAX_DELAY, transmit.clone());
                }
                (reply, elapsed)
            }
            NetworkFailure::BadGateway { effect } => {
                if effect {
                    drop(deliver());
                }
                (Ok(Response::new(502, b"<html>502 Bad Gateway</html>".to_vec())), ROUND_TRIP)
            }
            NetworkFailure::UnsignedRefusal => {
                drop(deliver());
                (Ok(Response::new(403, br#"{"code":"NO_AUTH","message":"no"}"#.to_vec())), ROUND_TRIP)
            }
            NetworkFailure::UnsignedRateLimit => {
                drop(deliver());
                let body = br#"{"code":"FREQUENCY_LIMITED","message":"no"}"#.to_vec();
                (Ok(Response::new(429, body)), ROUND_TRIP)
            }
            NetworkFailure::Tampered => changed(deliver(), |name, value| Some((name, value)), true),
            NetworkFailure::Stale => {
                let (reply, _) = deliver();
                stale((reply, ROUND_TRIP), self.time.now())
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

    /// Delivers a request after a while. Its reply goes nowhere.
    fn send_later(self: &Rc<Self>, delay: Duration, transmit: Transmit) {
        let shop = Rc::clone(self);
        self.time.spawn(async move {
            shop.time.sleep(delay).await;
            drop(shop.send(transmit));
        });
    }
}

/// The maximum time that a request is in flight after the merchant's timeout. Must be less than the 20 seconds after
/// which "no such order" is final.
const MAX_DELAY: Duration = Duration::from_secs(18);

/// Makes a reply older than a merchant may accept. No client waits that long, but a proxy may have stored it.
fn stale(reply: (Reply, Duration), now: UnixTime) -> (Reply, Duration) {
    let shifted = (now.as_secs() - 301).to_string();
    changed(
        reply,
        |name, value| match name.as_str() {
            "wechatpay-timestamp" => Some((name, shifted.clone().into_bytes())),
            _ => Some((name, value)),
        },
        false,
    )
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
            .filter_map(|(name, value)| header(name.to_owned(), value.to_owned()))
            .fold(Response::new(reply.status(), body), |reply, (name, value)| {
                reply.with_header(&name, &value)
            })
    });
    (reply, elapsed)
}

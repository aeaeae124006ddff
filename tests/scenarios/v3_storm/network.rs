//! A network that fails by a script: one failure after another for each order, none of them the gateway's own idea.

use std::{collections::BTreeMap, time::Duration};
use wxpay_proto::{
    UnixTime,
    exchange::{Failure, Reply, Transmit},
    http::Response,
};
use wxpay_testkit::{drive::Network, network::Wire};

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    /// No connection.
    NotSent,
    /// The request is lost on its way.
    LostBefore,
    /// The answer is lost: what was asked for has happened.
    LostAfter,
    /// The answer comes after the merchant gave up.
    TooLate,
    /// The request arrives twice, and the second answer is the one that is seen.
    Doubled,
    /// The answer is of a gateway that is down, though the request was carried out.
    BadGateway { effect: bool },
    /// The answer claims a refusal, and nobody signed that; the request was carried out.
    FalseRefusal,
    /// The answer claims to be too often, and nobody signed that; the request was carried out.
    FalseBusy,
    /// The answer was changed on its way.
    Tampered,
    /// The answer is genuine, and of another time.
    Stale,
    /// The answer names a key that nobody has.
    UnknownKey,
    /// The answer has lost its signature.
    Unsigned,
    /// The answer is a probe: signed wrongly on purpose.
    Probe,
    /// The answer's signature is there twice.
    DoubledHeader,
}

impl Failing {
    pub(crate) const ALL: [Self; 15] = [
        Self::NotSent,
        Self::LostBefore,
        Self::LostAfter,
        Self::TooLate,
        Self::Doubled,
        Self::BadGateway { effect: true },
        Self::BadGateway { effect: false },
        Self::FalseRefusal,
        Self::FalseBusy,
        Self::Tampered,
        Self::Stale,
        Self::UnknownKey,
        Self::Unsigned,
        Self::Probe,
        Self::DoubledHeader,
    ];
}

/// The wire, and what goes wrong on it, by the number that a request is about.
pub(crate) struct Storm {
    pub(crate) wire: Wire,
    scripts: BTreeMap<String, Vec<Failing>>,
    /// How many failures struck each number.
    pub(crate) struck: BTreeMap<String, usize>,
}

impl Storm {
    pub(crate) fn over(wire: Wire) -> Self {
        Self { wire, scripts: BTreeMap::new(), struck: BTreeMap::new() }
    }

    /// From now on these go wrong, one to each request about that number; the last comes first.
    pub(crate) fn await_for(&mut self, number: &str, script: Vec<Failing>) {
        self.scripts.entry(number.into()).or_default().extend(script);
    }

    /// How much is still to go wrong with that number.
    pub(crate) fn coming(&self, number: &str) -> usize {
        self.scripts.get(number).map_or(0, Vec::len)
    }

    /// Nothing goes wrong any more.
    pub(crate) fn calm(&mut self) {
        self.scripts.clear();
        self.wire.gateway.calm();
    }

    fn next(&mut self, number: &str) -> Option<Failing> {
        let failing = self.scripts.get_mut(number)?.pop()?;
        *self.struck.entry(number.into()).or_default() += 1;
        Some(failing)
    }
}

/// The number that a request is about: in its body, or in its path.
fn number_of(transmit: &Transmit) -> String {
    let body: serde_json::Value = serde_json::from_slice(transmit.request.body()).unwrap_or_default();
    let told =
        ["out_order_no", "out_refund_no", "out_trade_no"].iter().find_map(|name| body.get(name)?.as_str());
    let path = transmit.request.url().split('?').next().unwrap();
    let named =
        path.split('/').skip_while(|part| !matches!(*part, "out-trade-no" | "refunds" | "orders")).nth(1);
    told.or(named).unwrap_or_default().into()
}

impl Network for Storm {
    fn carry(&mut self, transmit: Transmit, now: UnixTime) -> (Reply, Duration) {
        let Some(failing) = self.next(&number_of(&transmit)) else { return self.wire.carry(transmit, now) };
        let lost = || Err(Failure::Lost("lost".into()));
        let timeout = transmit.timeout;
        let mut carried = || self.wire.carry(transmit.clone(), now);
        match failing {
            Failing::NotSent => (Err(Failure::NotSent("refused".into())), Duration::from_millis(1)),
            Failing::LostBefore => (lost(), timeout),
            Failing::LostAfter => {
                carried().0.unwrap();
                (lost(), Duration::from_millis(80))
            }
            Failing::TooLate => {
                carried().0.unwrap();
                (lost(), timeout)
            }
            Failing::Doubled => {
                carried().0.unwrap();
                carried()
            }
            Failing::BadGateway { effect } => {
                if effect {
                    carried().0.unwrap();
                }
                (Ok(Response::new(502, b"<html>502 Bad Gateway</html>".to_vec())), Duration::from_millis(80))
            }
            Failing::FalseRefusal => {
                carried().0.unwrap();
                let body = br#"{"code":"NO_AUTH","message":"no"}"#.to_vec();
                (Ok(Response::new(403, body)), Duration::from_millis(80))
            }
            Failing::FalseBusy => {
                carried().0.unwrap();
                let body = br#"{"code":"FREQUENCY_LIMITED","message":"no"}"#.to_vec();
                (Ok(Response::new(429, body)), Duration::from_millis(80))
            }
            Failing::Tampered => changed(carried(), |name, value| Some((name, value)), true),
            Failing::Stale => {
                let (reply, _) = carried();
                // It arrives five minutes and a second after it was signed. Nobody waits so long, but a proxy may
                // have kept it.
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
            Failing::UnknownKey => changed(
                carried(),
                |name, value| match name.as_str() {
                    "wechatpay-serial" => Some((name, b"PUB_KEY_ID_0".to_vec())),
                    _ => Some((name, value)),
                },
                false,
            ),
            Failing::Unsigned => changed(
                carried(),
                |name, value| (name != "wechatpay-signature").then_some((name, value)),
                false,
            ),
            Failing::Probe => changed(
                carried(),
                |name, value| match name.as_str() {
                    "wechatpay-signature" => {
                        let rest = value.get(20..).unwrap_or_default();
                        Some((name, [b"WECHATPAY/SIGNTEST/a", rest].concat()))
                    }
                    _ => Some((name, value)),
                },
                false,
            ),
            Failing::DoubledHeader => {
                let (reply, took) = carried();
                let reply = reply.map(|reply| {
                    let signature = reply.header("wechatpay-signature").unwrap_or_default().to_vec();
                    reply.with("Wechatpay-Signature", &signature)
                });
                (reply, took)
            }
        }
    }
}

/// The answer with other headers, or another body.
fn changed(
    (reply, took): (Reply, Duration),
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
            .fold(Response::new(reply.status(), body), |made, (name, value)| made.with(&name, &value))
    });
    (reply, took)
}

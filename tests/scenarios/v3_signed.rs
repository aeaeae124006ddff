//! Messages signed in WeChat Pay's place, and merchants to verify them.

use std::{fmt::Debug, time::Duration};
use wxpay_proto::{
    Error, UnixTime,
    exchange::{Failure, Flow, Reply, Transmit},
    http::Response,
    retry::Policy,
    v3::{ApiV3Key, Builder, Merchant, RawNotification},
    wire::base64,
};
use wxpay_testkit::{
    drive::Driver,
    keys::v3::{self, MCHID, PLATFORM, PUBLIC_KEY, PUBLIC_KEY_ID, PUBLIC_KEY_PRIVATE, SERIAL_NO},
};

/// Returns a builder with these keys, one attempt per call, and no trusted keys yet.
pub(crate) fn merchant(private_key: &str, api_v3_key: &str) -> Builder {
    let mut retry = Policy::default();
    retry.max_attempts = 1;
    Merchant::builder(
        v3::provider(),
        MCHID.parse().unwrap(),
        SERIAL_NO.parse().unwrap(),
        v3::private_key(private_key),
        &ApiV3Key::new(api_v3_key.into()).unwrap(),
    )
    .retry(retry)
}

/// Builds a merchant that trusts a platform certificate and a WeChat Pay public key, so that nothing is fetched.
pub(crate) fn with_trusted_keys(builder: Builder) -> Merchant {
    builder
        .platform_certificate(&v3::certificate(PLATFORM[0].certificate))
        .unwrap()
        .public_key(PUBLIC_KEY_ID.parse().unwrap(), v3::public_key(PUBLIC_KEY))
        .build()
}

/// A body signed by WeChat Pay, with its signature headers.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Signed {
    pub(crate) fn new(serial: &str, timestamp: &str, nonce: &str, signature: &str, body: &[u8]) -> Self {
        let headers = [
            ("Wechatpay-Timestamp", timestamp),
            ("Wechatpay-Nonce", nonce),
            ("Wechatpay-Signature", signature),
            ("Wechatpay-Serial", serial),
        ];
        let headers = headers.map(|(name, value)| (name, value.to_owned())).to_vec();
        Self { headers, body: body.to_vec() }
    }

    /// Signs a body with the private key of the throw-away WeChat Pay public key.
    pub(crate) fn sign(body: &[u8], at: UnixTime) -> Self {
        let (timestamp, nonce) = (at.as_secs().to_string(), "593BEC0C930BF1AF");
        let message = [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat();
        let signature = v3::private_key(PUBLIC_KEY_PRIVATE).sign(&message).unwrap();
        Self::new(PUBLIC_KEY_ID, &timestamp, nonce, &base64::encode(&signature), body)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| *header == name);
        &found.unwrap_or_else(|| panic!("{name}")).1
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| *header != name);
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn replace(self, name: &'static str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    pub(crate) fn reply(&self, status: u16) -> Response {
        self.headers.iter().fold(Response::new(status, self.body.clone()), |reply, (name, value)| {
            reply.with_header(name, value.as_bytes())
        })
    }

    pub(crate) fn raw_notification(&self) -> RawNotification {
        self.headers.iter().fold(RawNotification::new(self.body.clone()), |raw, (name, value)| {
            raw.header(name, value.as_bytes())
        })
    }
}

/// Returns a test driver whose clock starts at this time.
pub(crate) fn driver_at(at: UnixTime) -> Driver {
    let mut driver = Driver::default();
    driver.now = at;
    driver
}

/// Runs a flow that gets one reply, without delay.
pub(crate) fn run_with_reply<F: Flow<Output: Debug>>(
    flow: F,
    reply: Response,
    at: UnixTime,
) -> Result<F::Output, Error> {
    let mut reply = Some(reply);
    let network = move |_: Transmit, _: UnixTime| -> (Reply, Duration) {
        (reply.take().ok_or_else(|| Failure::NotSent("no further reply".into())), Duration::ZERO)
    };
    driver_at(at).run(flow, &mut { network })
}

/// Runs a flow that needs no network.
pub(crate) fn run_without_network<F: Flow<Output: Debug>>(flow: F, at: UnixTime) -> Result<F::Output, Error> {
    let network =
        |_: Transmit, _: UnixTime| -> (Reply, Duration) { panic!("the flow must not send a request") };
    driver_at(at).run(flow, &mut { network })
}

/// Returns the text of an error's source.
pub(crate) fn cause(error: &Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

/// Asserts that one of the causes of an error contains this text.
pub(crate) fn assert_cause(error: &Error, expected: &str) {
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    assert!(causes.iter().any(|cause| cause.contains(expected)), "{expected}: {causes:?}");
}

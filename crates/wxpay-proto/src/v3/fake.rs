//! A fake platform for tests: its keys and certificates, its signatures and ciphertexts, and a driver in virtual time.

use super::{
    seal::RequestWriter,
    verify::Verified,
    {ApiV3Key, Builder, Endpoint, KeyError, KeyProblem, Merchant, Notification, RawNotification, message},
};
use crate::{
    clock::UnixTime,
    crypto::{Certificate, CryptoProvider as _, PrivateKey, fake},
    entropy::Entropy,
    error::Error,
    exchange::{Flow, Reply, Step, Transmit},
    http::{Request, Response},
    id::PublicKeyId,
    memory::Memory,
    prelude::*,
    secret::Secret,
    wire::{base64, time},
    world::World,
};
use core::error::Error as _;
use serde_json::json;

/// 2027-01-15T08:00:00Z, within the validity of all test certificates.
pub(super) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
pub(super) const API_V3_KEY: &str = "planted0planted0planted0planted0";
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119";
const PUBLIC_KEY: &[u8] = b"the platform's public key";
const MERCHANT_KEY: &[u8] = b"the merchant's private key";

/// Returns a merchant that trusts platform certificates.
pub(super) fn with_certificates() -> Builder {
    builder_of(merchant_key(), API_V3_KEY)
}

/// Returns the merchant 1900007291 with this private key and this APIv3 key; it trusts platform certificates.
pub(super) fn builder_of(private_key: Arc<dyn PrivateKey>, api_v3_key: &str) -> Builder {
    let api_v3_key = ApiV3Key::new(api_v3_key.into()).unwrap();
    let (mchid, serial_no) = ("1900007291".parse().unwrap(), "408B07E7".parse().unwrap());
    Merchant::builder(Arc::new(fake::FakeProvider), mchid, serial_no, private_key, &api_v3_key)
}

pub(super) fn merchant_key() -> Arc<dyn PrivateKey> {
    fake::FakeProvider.private_key(&Secret::new(MERCHANT_KEY.to_vec())).unwrap()
}

/// Returns a merchant that trusts the platform's public key.
pub(super) fn builder() -> Builder {
    builder_with(merchant_key())
}

/// Returns a merchant that trusts the platform's public key, with this private key.
pub(super) fn builder_with(private_key: Arc<dyn PrivateKey>) -> Builder {
    builder_of(private_key, API_V3_KEY)
        .public_key(public_key_id(), fake::FakeProvider.public_key(PUBLIC_KEY).unwrap())
}

/// Returns a built merchant that trusts the platform's public key.
pub(super) fn merchant() -> Merchant {
    builder().build()
}

pub(super) fn public_key_id() -> PublicKeyId {
    PUBLIC_KEY_ID.parse().unwrap()
}

/// One of the platform's keys.
#[derive(Clone, Debug)]
pub(super) struct SigningKey {
    pub(super) id: String,
    /// The key's certificate in PEM, or empty.
    pub(super) pem: String,
    key: Arc<dyn PrivateKey>,
}

impl SigningKey {
    /// Returns the key of a certificate that is valid from 2027-01-01 to 2032-01-01.
    pub(super) fn certificate(number: u8) -> Self {
        Self::certificate_of(number, "270101000000", "20320101000000")
    }

    pub(super) fn certificate_of(number: u8, not_before: &str, not_after: &str) -> Self {
        let pem = fake::certificate(number, not_before, not_after);
        let certificate = Certificate::parse_pem(pem.as_bytes()).unwrap();
        let key = fake::FakeProvider.private_key(&Secret::new(certificate.spki().to_vec())).unwrap();
        Self { id: certificate.serial().to_string(), pem, key }
    }

    /// Returns the key whose public half [`builder`] trusts.
    pub(super) fn public_key() -> Self {
        let key = fake::FakeProvider.private_key(&Secret::new(PUBLIC_KEY.to_vec())).unwrap();
        Self { id: PUBLIC_KEY_ID.into(), pem: String::new(), key }
    }

    /// Signs a body, and returns the headers.
    pub(super) fn headers(&self, body: &[u8], at: UnixTime) -> Vec<(&'static str, String)> {
        let timestamp = at.as_secs().to_string();
        let signature = self.key.sign(&message::reply(&timestamp, "c5ac7061fccab6bf", body)).unwrap();
        Vec::from([
            ("Wechatpay-Timestamp", timestamp),
            ("Wechatpay-Nonce", "c5ac7061fccab6bf".into()),
            ("Wechatpay-Signature", base64::encode(&signature)),
            ("Wechatpay-Serial", self.id.clone()),
        ])
    }

    /// Creates a signed reply.
    pub(super) fn reply(&self, status: u16, body: &str, at: UnixTime) -> Response {
        let reply = Response::new(status, body.as_bytes().to_vec());
        let headers = self.headers(body.as_bytes(), at);
        headers.iter().fold(reply, |reply, (name, value)| reply.with_header(name, value.as_bytes()))
    }
}

impl SigningKey {
    /// Returns the certificate of this key with another serial number, `0A00` followed by this byte.
    pub(super) fn pem_with_serial(&self, number: u8) -> String {
        let mut der = crate::crypto::pem::certificate(self.pem.as_bytes()).unwrap();
        let at = der.windows(4).position(|window| window == [2, 3, 0x0a, 0]).unwrap();
        der[at..][4] = number;
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64::encode(&der))
    }

    /// Returns whether a JSON string was sealed with the public half of this key.
    pub(super) fn has_sealed(&self, text: &[u8], plain: &str) -> bool {
        let sealed: String = serde_json::from_slice(text).unwrap();
        let opened = self.key.open(&base64::decode(sealed.as_bytes()).unwrap());
        opened.is_ok_and(|opened| opened.expose() == plain.as_bytes())
    }

    /// Creates a signed notification.
    pub(super) fn notification(&self, body: &str, at: UnixTime) -> RawNotification {
        let headers = self.headers(body.as_bytes(), at);
        let received = RawNotification::new(body.as_bytes().to_vec());
        headers.iter().fold(received, |received, (name, value)| received.header(name, value.as_bytes()))
    }
}

/// Seals a text for the platform's public key, as on the wire.
pub(super) fn sealed(plain: &str) -> String {
    base64::encode(&fake::FakeProvider.public_key(PUBLIC_KEY).unwrap().seal(plain.as_bytes()).unwrap())
}

/// Seals a text for the merchant's certificate, as on the wire.
pub(super) fn sealed_for_merchant(plain: &[u8]) -> String {
    base64::encode(&fake::FakeProvider.public_key(MERCHANT_KEY).unwrap().seal(plain).unwrap())
}

/// Encrypts a text with an APIv3 key, as on the wire.
pub(super) fn aead_resource(api_v3_key: &str, associated_data: &str, plain: &str) -> serde_json::Value {
    let key = Secret::new(api_v3_key.as_bytes().try_into().unwrap());
    let ciphertext = fake::FakeProvider.symmetric_key(&key).seal(
        b"fdasflkja484",
        associated_data.as_bytes(),
        plain.as_bytes(),
    );
    json!({
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": "fdasflkja484",
        "associated_data": associated_data,
        "ciphertext": base64::encode(&ciphertext),
    })
}

/// Returns an entry of the list of certificates.
pub(super) fn entry(signer: &SigningKey, api_v3_key: &str) -> serde_json::Value {
    let certificate = Certificate::parse_pem(signer.pem.as_bytes()).unwrap();
    json!({
        "serial_no": signer.id,
        "effective_time": time::format_rfc3339(certificate.not_before()),
        "expire_time": time::format_rfc3339(certificate.not_after()),
        "encrypt_certificate": aead_resource(api_v3_key, "certificate", &signer.pem),
    })
}

/// Returns the list of these certificates.
pub(super) fn list(signers: &[&SigningKey]) -> String {
    let data: Vec<_> = signers.iter().map(|signer| entry(signer, API_V3_KEY)).collect();
    json!({ "data": data }).to_string()
}

/// Returns the body of a notification with this content.
pub(super) fn envelope(api_v3_key: &str, event_type: &str, original_type: &str, plain: &str) -> String {
    let mut resource = aead_resource(api_v3_key, original_type, plain);
    resource["original_type"] = original_type.into();
    json!({
        "id": "EV-2018022511223320873",
        "create_time": "2027-01-15T16:00:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": "支付成功",
        "resource": resource,
    })
    .to_string()
}

/// Returns the world at [`NOW`].
pub(super) fn world(memory: &mut Memory) -> World<'_> {
    World::new(NOW, Entropy::new([7; 32]), memory)
}

/// Returns a notification with this content as received, signed with the platform's public key.
pub(super) fn raw_notification(event_type: &str, original_type: &str, plain: &str) -> RawNotification {
    let body = envelope(API_V3_KEY, event_type, original_type, plain);
    SigningKey::public_key().notification(&body, NOW)
}

/// Returns a notification with this content, verified and decrypted.
pub(super) fn notification(event_type: &str, original_type: &str, plain: &str) -> Notification {
    let verify_notification =
        merchant().verify_notification(raw_notification(event_type, original_type, plain));
    Harness::new().run(verify_notification, |_, _| panic!("expected no request")).unwrap()
}

/// Drafts an operation's request: returns method and target, and the body or `meta` part that is signed.
pub(super) fn drafted<E: Endpoint + ?Sized>(endpoint: &E) -> (String, String) {
    drafted_by(&merchant(), endpoint).unwrap()
}

/// Drafts a request of this merchant like [`drafted`].
pub(super) fn drafted_by<E: Endpoint + ?Sized>(
    me: &Merchant,
    endpoint: &E,
) -> Result<(String, String), Error> {
    let mut memory = Memory::default();
    let draft = endpoint.draft(&mut RequestWriter::new(me, &mut world(&mut memory)))?;
    let line = format!("{} {}", draft.method(), draft.target());
    Ok((line, String::from_utf8(draft.signed_bytes().to_vec()).unwrap()))
}

/// Returns path and query of an operation that is a `GET`.
pub(super) fn target<E: Endpoint + ?Sized>(endpoint: &E) -> String {
    let (line, body) = drafted(endpoint);
    assert_eq!(body, "");
    line.strip_prefix("GET ").unwrap().into()
}

/// Reads a verified success with an operation.
pub(super) fn read<E: Endpoint>(endpoint: &E, body: &str) -> Result<E::Output, Error> {
    let mut memory = Memory::default();
    endpoint.read(verified(body), &merchant(), &mut world(&mut memory))
}

/// Returns a body that counts as verified.
pub(super) fn verified(body: &str) -> Verified<'_> {
    Verified::decrypted(body.as_bytes())
}

/// Returns the problem with a key that an error is caused by; of a throttled fetch, the problem that it found.
pub(super) fn key_problem(error: &Error) -> &KeyProblem {
    let key_error = error.source().and_then(|source| source.downcast_ref::<KeyError>());
    key_error.unwrap_or_else(|| panic!("expected a KeyError: {error:?}")).problem().root()
}

/// The driver of flows in virtual time: holds time, memory and the requests sent so far.
#[derive(Debug)]
pub(super) struct Harness {
    pub(super) now: UnixTime,
    pub(super) memory: Memory,
    pub(super) sent: Vec<Request>,
    seed: u8,
}

impl Harness {
    pub(super) fn new() -> Self {
        Self { now: NOW, memory: Memory::default(), sent: Vec::new(), seed: 0 }
    }

    pub(super) fn world(&mut self) -> World<'_> {
        self.seed = self.seed.wrapping_add(1);
        World::new(self.now, Entropy::new([self.seed; 32]), &mut self.memory)
    }

    /// Drives a flow to its end. `respond` replies to each request, and may advance the time. Otherwise time passes
    /// only by waiting.
    pub(super) fn run<F: Flow>(
        &mut self,
        flow: F,
        mut respond: impl FnMut(&Transmit, &mut UnixTime) -> Reply,
    ) -> Result<F::Output, Error> {
        let mut step = Step::begin(flow, self.world());
        for _ in 0..1000 {
            step = match step {
                Step::Send(transmit, sent) => {
                    let reply = respond(&transmit, &mut self.now);
                    self.sent.push(transmit.request);
                    sent.resume(reply, self.world())
                }
                Step::Wait(until, waiting) => {
                    self.now = self.now.max(until);
                    waiting.resume(self.world())
                }
                Step::Done(result) => return result,
            };
        }
        panic!("the flow did not end after 1000 steps");
    }
}

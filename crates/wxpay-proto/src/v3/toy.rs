//! A toy platform to test against: its keys and certificates, what it signs and seals, and a driver in virtual time.

use super::{
    seal::Pen,
    verify::Verified,
    {ApiV3Key, Builder, Endpoint, Merchant, Notice, Received, message},
};
use crate::{
    clock::UnixTime,
    crypto::{Certificate, PrivateKey, Provider as _, toy},
    entropy::Entropy,
    error::Error,
    exchange::{Flow, Hop, Reply, Step},
    http::{Request, Response},
    id::PublicKeyId,
    memory::Memory,
    secret::Secret,
    wire::{base64, time},
    world::World,
};
use alloc::{
    format,
    string::{String, ToString as _},
    sync::Arc,
    vec::Vec,
};
use serde_json::json;

/// 2027-01-15, when all is well.
pub(super) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
pub(super) const API_V3_KEY: &str = "planted0planted0planted0planted0";
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119";
const PUBLIC_KEY: &[u8] = b"the platform's public key";
const MERCHANTS_KEY: &[u8] = b"the merchant's private key";

/// A merchant that believes certificates.
pub(super) fn by_certificates() -> Builder {
    of(merchants_key(), API_V3_KEY)
}

/// The merchant 1900007291 with this key of its own and this APIv3 key; it believes certificates.
pub(super) fn of(private_key: Arc<dyn PrivateKey>, api_v3_key: &str) -> Builder {
    let api_v3_key = ApiV3Key::new(api_v3_key.into()).unwrap();
    let (mchid, serial_no) = ("1900007291".parse().unwrap(), "408B07E7".parse().unwrap());
    Merchant::builder(Arc::new(toy::Toy), mchid, serial_no, private_key, &api_v3_key)
}

pub(super) fn merchants_key() -> Arc<dyn PrivateKey> {
    toy::Toy.private_key(&Secret::new(MERCHANTS_KEY.to_vec())).unwrap()
}

/// A merchant that believes the platform's public key.
pub(super) fn builder() -> Builder {
    builder_with(merchants_key())
}

/// The same with another key of its own.
pub(super) fn builder_with(private_key: Arc<dyn PrivateKey>) -> Builder {
    of(private_key, API_V3_KEY).public_key(public_key_id(), toy::Toy.public_key(PUBLIC_KEY).unwrap())
}

/// The same, built.
pub(super) fn merchant() -> Merchant {
    builder().build()
}

pub(super) fn public_key_id() -> PublicKeyId {
    PUBLIC_KEY_ID.parse().unwrap()
}

/// One of the platform's keys.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub(super) id: String,
    /// Its certificate, if it has one.
    pub(super) pem: String,
    key: Arc<dyn PrivateKey>,
}

impl Signer {
    /// The key of a certificate that is good from 2027-01-01 to 2032-01-01.
    pub(super) fn certificate(number: u8) -> Self {
        Self::certificate_of(number, "270101000000", "20320101000000")
    }

    pub(super) fn certificate_of(number: u8, not_before: &str, not_after: &str) -> Self {
        let pem = toy::certificate(number, not_before, not_after);
        let certificate = Certificate::parse_pem(pem.as_bytes()).unwrap();
        let key = toy::Toy.private_key(&Secret::new(certificate.spki().to_vec())).unwrap();
        Self { id: certificate.serial().to_string(), pem, key }
    }

    /// The public key that [`builder`] believes.
    pub(super) fn public_key() -> Self {
        let key = toy::Toy.private_key(&Secret::new(PUBLIC_KEY.to_vec())).unwrap();
        Self { id: PUBLIC_KEY_ID.into(), pem: String::new(), key }
    }

    /// The headers of something signed.
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

    /// A signed reply.
    pub(super) fn reply(&self, status: u16, body: &str, at: UnixTime) -> Response {
        let reply = Response::new(status, body.as_bytes().to_vec());
        let headers = self.headers(body.as_bytes(), at);
        headers.iter().fold(reply, |reply, (name, value)| reply.with(name, value.as_bytes()))
    }
}

impl Signer {
    /// Whether a JSON text was sealed with its public half.
    pub(super) fn has_sealed(&self, text: &[u8], plain: &str) -> bool {
        let sealed: String = serde_json::from_slice(text).unwrap();
        let opened = self.key.open(&base64::decode(sealed.as_bytes()).unwrap());
        opened.is_ok_and(|opened| opened.expose() == plain.as_bytes())
    }

    /// A signed notice.
    pub(super) fn notice(&self, body: &str, at: UnixTime) -> Received {
        let headers = self.headers(body.as_bytes(), at);
        let received = Received::new(body.as_bytes().to_vec());
        headers.iter().fold(received, |received, (name, value)| received.with(name, value.as_bytes()))
    }
}

/// What is sealed for the platform's public key, as the wire has it.
pub(super) fn sealed(plain: &str) -> String {
    base64::encode(&toy::Toy.public_key(PUBLIC_KEY).unwrap().seal(plain.as_bytes()).unwrap())
}

/// What is sealed for the merchant's certificate, as the wire has it.
pub(super) fn sealed_for_merchant(plain: &[u8]) -> String {
    base64::encode(&toy::Toy.public_key(MERCHANTS_KEY).unwrap().seal(plain).unwrap())
}

/// A box under an APIv3 key, as the wire has it.
pub(super) fn boxed(api_v3_key: &str, original_type: &str, plain: &str) -> serde_json::Value {
    let key = Secret::new(api_v3_key.as_bytes().try_into().unwrap());
    let ciphertext = toy::Toy.symmetric_key(&key).seal(b"fdasflkja484", b"certificate", plain.as_bytes());
    json!({
        "original_type": original_type,
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": "fdasflkja484",
        "associated_data": "certificate",
        "ciphertext": base64::encode(&ciphertext),
    })
}

/// One entry of the list of certificates.
pub(super) fn entry(signer: &Signer, api_v3_key: &str) -> serde_json::Value {
    let certificate = Certificate::parse_pem(signer.pem.as_bytes()).unwrap();
    json!({
        "serial_no": signer.id,
        "effective_time": time::rfc3339(certificate.not_before()),
        "expire_time": time::rfc3339(certificate.not_after()),
        "encrypt_certificate": boxed(api_v3_key, "", &signer.pem),
    })
}

/// The list of these certificates.
pub(super) fn list(signers: &[&Signer]) -> String {
    let data: Vec<_> = signers.iter().map(|signer| entry(signer, API_V3_KEY)).collect();
    json!({ "data": data }).to_string()
}

/// The body of a notice that says this.
pub(super) fn envelope(api_v3_key: &str, event_type: &str, original_type: &str, plain: &str) -> String {
    json!({
        "id": "EV-2018022511223320873",
        "create_time": "2027-01-15T16:00:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": "支付成功",
        "resource": boxed(api_v3_key, original_type, plain),
    })
    .to_string()
}

/// The world of a moment when all is well.
pub(super) fn world(memory: &mut Memory) -> World<'_> {
    World::new(NOW, Entropy::new([7; 32]), memory)
}

/// A notice that says this, signed with the platform's public key, as it comes in.
pub(super) fn received(event_type: &str, original_type: &str, plain: &str) -> Received {
    let body = envelope(API_V3_KEY, event_type, original_type, plain);
    Signer::public_key().notice(&body, NOW)
}

/// The same, heard.
pub(super) fn notice(event_type: &str, original_type: &str, plain: &str) -> Notice {
    let hear = merchant().hear(received(event_type, original_type, plain));
    Stage::new().run(hear, |_, _| panic!("nothing is fetched")).unwrap()
}

/// What an operation wants to say: method and target, and the text that is signed.
pub(super) fn written<E: Endpoint + ?Sized>(endpoint: &E) -> (String, String) {
    let (me, mut memory) = (merchant(), Memory::default());
    let draft = endpoint.draft(&mut Pen::new(&me, &mut world(&mut memory))).unwrap();
    let line = format!("{} {}", draft.method(), draft.target());
    (line, String::from_utf8(draft.signed().to_vec()).unwrap())
}

/// Path and query of an operation that is a `GET`.
pub(super) fn target<E: Endpoint + ?Sized>(endpoint: &E) -> String {
    let (line, body) = written(endpoint);
    assert_eq!(body, "");
    line.strip_prefix("GET ").unwrap().into()
}

/// What an operation reads out of a verified success.
pub(super) fn read<E: Endpoint>(endpoint: &E, body: &str) -> Result<E::Output, Error> {
    let mut memory = Memory::default();
    endpoint.read(verified(body), &merchant(), &mut world(&mut memory))
}

/// A text that is to be believed.
pub(super) fn verified(body: &str) -> Verified<'_> {
    Verified::opened(body.as_bytes())
}

/// Time, memory and the requests made so far.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) now: UnixTime,
    pub(super) memory: Memory,
    pub(super) sent: Vec<Request>,
    draws: u8,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self { now: NOW, memory: Memory::default(), sent: Vec::new(), draws: 0 }
    }

    pub(super) fn world(&mut self) -> World<'_> {
        self.draws = self.draws.wrapping_add(1);
        World::new(self.now, Entropy::new([self.draws; 32]), &mut self.memory)
    }

    /// Drives a flow to its end. Time passes by waiting alone; `answer` is what comes of each request.
    pub(super) fn run<F: Flow>(
        &mut self,
        flow: F,
        mut answer: impl FnMut(&Hop, &mut UnixTime) -> Reply,
    ) -> Result<F::Output, Error> {
        let mut step = Step::begin(flow, self.world());
        for _ in 0..1000 {
            step = match step {
                Step::Send(hop, sent) => {
                    let reply = answer(&hop, &mut self.now);
                    self.sent.push(hop.request);
                    sent.resume(reply, self.world())
                }
                Step::Wait(until, asleep) => {
                    self.now = self.now.max(until);
                    asleep.resume(self.world())
                }
                Step::Done(result) => return result,
            };
        }
        panic!("the flow does not end");
    }
}

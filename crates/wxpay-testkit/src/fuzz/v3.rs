//! The bodies of the APIv3 targets, with the fast cryptography of [`null`](crate::null).

mod bill_parts;
mod conversation;
mod files;
mod gateway;
mod headers;
mod ids;
mod notifications;
mod replies;

pub use bill_parts::v3_bill_part;
pub(super) use conversation::conversation;
pub use files::{bill, multipart};
pub use gateway::v3_gateway;
pub use headers::v3_headers;
pub use ids::v3_ids;
pub use notifications::v3_notification;
pub use replies::v3_reply;

use crate::{
    drive::Driver,
    keys::v3::{self, API_V3_KEY, MCHID, PLATFORM, PUBLIC_KEY_ID, SERIAL_NO},
    null::{NullProvider, private_key, private_key_of, public_key},
    watch::watched,
};
use std::sync::Arc;
use wxpay_proto::{
    UnixTime,
    crypto::{CryptoProvider as _, PrivateKey},
    http::Response,
    secret::Secret,
    v3::{ApiV3Key, Builder, Merchant, RawNotification},
    wire::base64,
};

const NONCE: &str = "593BEC0C930BF1AF";
/// The payee's name. It must not appear in any output.
const NAME: &str = "n4meThatNobodyMaySee";

/// Returns a merchant's builder that trusts the WeChat Pay public key and fetches platform certificates.
fn merchant() -> Builder {
    let provider = watched(NullProvider);
    let private_key = provider.private_key(&private_key("merchant")).unwrap();
    let public_key = provider.public_key(&public_key("wechatpay")).unwrap();
    Merchant::builder(
        provider,
        MCHID.parse().unwrap(),
        SERIAL_NO.parse().unwrap(),
        private_key,
        &ApiV3Key::new(API_V3_KEY.into()).unwrap(),
    )
    .public_key(PUBLIC_KEY_ID.parse().unwrap(), public_key)
    .platform_certificates()
}

/// Returns a driver that panics if a secret is shown.
fn driver() -> Driver {
    Driver::default().watch_for(&[API_V3_KEY, NAME])
}

/// The platform key that signs a message.
#[derive(Clone, Copy)]
enum Signer {
    PublicKey,
    Certificate,
}

impl Signer {
    fn id(self) -> &'static str {
        match self {
            Self::PublicKey => PUBLIC_KEY_ID,
            Self::Certificate => PLATFORM[0].serial_no,
        }
    }

    fn key(self) -> Arc<dyn PrivateKey> {
        let der = match self {
            Self::PublicKey => private_key("wechatpay"),
            Self::Certificate => private_key_of(v3::certificate(PLATFORM[0].certificate).spki()),
        };
        NullProvider.private_key(&der).unwrap()
    }

    /// Returns the signature headers for a body.
    fn headers(self, body: &[u8], at: UnixTime) -> [(&'static str, String); 4] {
        let timestamp = at.to_string();
        let message = [timestamp.as_bytes(), b"\n", NONCE.as_bytes(), b"\n", body, b"\n"].concat();
        [
            ("Wechatpay-Timestamp", timestamp),
            ("Wechatpay-Nonce", NONCE.into()),
            ("Wechatpay-Signature", base64::encode(&self.key().sign(&message).unwrap())),
            ("Wechatpay-Serial", self.id().into()),
        ]
    }

    fn reply(self, status: u16, body: &[u8], at: UnixTime) -> Response {
        let reply = Response::new(status, body.to_vec());
        self.headers(body, at)
            .iter()
            .fold(reply, |reply, (name, value)| reply.with_header(name, value.as_bytes()))
    }

    fn notification(self, body: &[u8], at: UnixTime) -> RawNotification {
        let raw = RawNotification::new(body.to_vec());
        let headers = self.headers(body, at);
        headers.iter().fold(raw, |raw, (name, value)| raw.header(name, value.as_bytes()))
    }
}

/// Returns a resource that is encrypted with the merchant's APIv3 key.
fn encrypted_resource(associated_data: &str, plain: &[u8]) -> serde_json::Value {
    let key = NullProvider.symmetric_key(&Secret::new(API_V3_KEY.as_bytes().try_into().unwrap()));
    let ciphertext = base64::encode(&key.seal(b"0123456789ab", associated_data.as_bytes(), plain));
    serde_json::json!({
        "algorithm": "AEAD_AES_256_GCM", "nonce": "0123456789ab",
        "associated_data": associated_data, "ciphertext": ciphertext,
    })
}

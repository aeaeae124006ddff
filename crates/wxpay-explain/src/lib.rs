//! Names the cause of a wrong WeChat Pay APIv3 signature.
//!
//! A signature by RSA (PKCS #1 v1.5) contains the SHA-256 digest of the string that was really signed, and everybody who has
//! the public key can recover it. This crate recovers it, and compares it with the digests of the strings that broken
//! programs sign: without the last line feed, with the host in the URL, with the body serialised again, and about fifty
//! more, singly and in pairs. A match is a proof. Both strings are then shown with `\n`, `\r` and blanks visible and the
//! first difference marked, with the remedy, in English or in Chinese.
//!
//! ```
//! use wxpay_explain::{CauseId, Explainer, Key, Keys, Language, Message};
//!
//! # let public_key = include_str!("../tests/example/public.pem");
//! # let signature = include_str!("../tests/example/signature.txt");
//! let keys = Keys::from_iter([Key::from_pem(public_key.as_bytes())?]);
//! let reply = Message::parse(format!(
//!     "HTTP/1.1 200 OK\r\n\
//!      Wechatpay-Timestamp: 1700000000\r\n\
//!      Wechatpay-Nonce: 5K8264ILTKCH16CQ2502SI8ZNMTM67VS\r\n\
//!      Wechatpay-Serial: PUB_KEY_ID_0116000000012025\r\n\
//!      Wechatpay-Signature: {signature}\r\n\
//!      \r\n\
//!      {{\"prepay_id\": \"wx1\"}}"
//! ).as_bytes())?;
//! let explanation = Explainer::new(keys).explain(&reply, None);
//! assert_eq!(explanation.causes[0].id, CauseId::BodyReserialized);
//! assert_eq!(explanation.summary(), "body_reserialized (line 3, byte 14)");
//! assert!(explanation.causes[0].message(Language::Chinese).starts_with("报文主体在签名与发送之间被重新序列化"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # In scope
//!
//! Requests, replies, notifications, and the parameters with which a client starts a payment, as [`Message`]. Any bytes
//! may be a message. The time of an explanation is bounded: about a millisecond for a body of 4 KB, whether a cause is
//! found or not. Larger bodies reduce the number of pairs that are tried.
//!
//! # Out of scope
//!
//! The verdict. A program that receives messages must verify them itself; [`Explanation::valid`] is a diagnosis.
//! Signatures of APIv1 and APIv2, and of SM2.

mod cause;
mod client;
mod comparison;
mod detail;
mod draft;
mod explainer;
mod explanation;
mod header;
mod keys;
mod language;
mod message;
mod multipart;
mod ordered;
mod resource;
mod rsa;
mod search;
mod serial;
mod signature;
mod subject;
mod variants;
mod verified;
mod visible;

pub use cause::{CauseId, Certainty};
pub use comparison::{Comparison, Difference};
pub use explainer::Explainer;
pub use explanation::{Cause, Explanation};
pub use keys::{InvalidKey, Key, Keys, Owner};
pub use language::Language;
pub use message::{InvalidMessage, Kind, Message};
pub use verified::Verified;
pub use visible::{Layout, is_invisible, visible};

//! A validated request.

use super::{
    errors::{self, Refusal},
    reply::to_json,
    route::PathParameters,
};
use crate::{clock::Now, keys::KeyPair, ledger::RequestDigest, time};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, OutTradeNo},
    secret::Secret,
};

/// A request whose signature, path and fields are valid.
pub(crate) struct Call {
    /// The label of the operation.
    pub(crate) label: &'static str,
    /// The path of the operation, with parameters in braces.
    pub(crate) path_template: &'static str,
    /// The calling merchant.
    pub(crate) mchid: MchId,
    /// The `Wechatpay-Serial` of the request.
    pub(crate) wechatpay_serial: Option<String>,
    /// The business time.
    pub(crate) now: UnixTime,
    /// Both clocks.
    pub(crate) clocks: Now,
    pub(super) path: PathParameters,
    pub(super) query: Map<String, Value>,
    pub(crate) body: Value,
    pub(super) opened: Opened,
    /// The file of an upload.
    pub(crate) file: Vec<u8>,
    /// The URL of the request up to the path, which download URLs are built on.
    pub(crate) base_url: String,
}

/// Decodes the `%` escapes of a part of a path or a query.
pub(super) fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl Call {
    /// Returns a text of the body, by JSON pointer.
    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str)
    }

    /// Returns a number of the body, by JSON pointer.
    pub(crate) fn number(&self, pointer: &str) -> Option<u64> {
        self.body.pointer(pointer).and_then(Value::as_u64)
    }

    /// Returns an amount of the body in fen. The field must be declared as required.
    pub(crate) fn fen(&self, pointer: &str) -> Fen {
        self.number(pointer).map_or(Fen::ZERO, Fen::new)
    }

    /// Returns a parameter of the path, unescaped.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| value)
    }

    /// Returns a parameter of the query, unescaped.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).and_then(Value::as_str)
    }

    /// Returns a text of the query or, if absent, of the body.
    pub(crate) fn query_or_body(&self, name: &str) -> Option<&str> {
        self.query(name).or_else(|| self.body.get(name).and_then(Value::as_str))
    }

    /// Checks that an mchid in the request is the caller's.
    pub(crate) fn check_mchid(&self, mchid: Option<&str>) -> Result<(), Refusal> {
        if mchid.is_some_and(|mchid| mchid != self.mchid.as_str()) {
            return Err(errors::MCHID_MISMATCH.with_reason("mchid must be that of the calling merchant"));
        }
        Ok(())
    }

    /// Returns the order number in the path. An invalid number cannot belong to an order: it is "not found".
    pub(crate) fn out_trade_no(&self) -> Result<OutTradeNo, Refusal> {
        self.path("out_trade_no")
            .parse()
            .map_err(|_| errors::ORDER_NOT_EXIST.with_reason("out_trade_no is invalid"))
    }

    /// Converts `time_expire` of the body to business time. The merchant wrote it by the wall clock.
    pub(crate) fn time_expire(&self) -> Result<Option<UnixTime>, Refusal> {
        let Some(value) = self.text("/time_expire") else { return Ok(None) };
        let time = time::parse_rfc3339(value).and_then(|time| self.clocks.business_time_of(time));
        let error = || errors::PARAM_ERROR.with_message("time_expire应晚于当前时间");
        time.map(Some).ok_or_else(error)
    }

    /// Returns the plaintext of an encrypted field of the body, if it is present.
    pub(crate) fn opened(&self, pointer: &str) -> Result<Option<&str>, Refusal> {
        match self.opened.0.get(pointer) {
            None => Ok(None),
            Some(Ok(plaintext)) => Ok(Some(plaintext.expose())),
            Some(Err(refusal)) => Err(refusal.clone()),
        }
    }

    /// Returns the body with the hash of the plaintext in place of each encrypted field. OAEP gives a new ciphertext each
    /// time; with the hash, repeated requests compare as equal.
    pub(crate) fn normalized_body(&self) -> Result<Value, Refusal> {
        let mut body = self.body.clone();
        for (pointer, opened) in &self.opened.0 {
            let plaintext = opened.as_ref().map_err(Refusal::clone)?;
            if let Some(value) = body.pointer_mut(pointer) {
                *value = hex::encode(digest(&SHA256, plaintext.expose().as_bytes())).into();
            }
        }
        Ok(body)
    }

    /// Returns the identity of the request: repetitions have the same.
    pub(crate) fn request_digest(&self) -> Result<RequestDigest, Refusal> {
        let body = to_json(&self.normalized_body()?);
        let hash = digest(&SHA256, &body);
        let bytes = hash.as_ref().try_into();
        bytes.map(RequestDigest).map_err(|_| errors::SYSTEM_ERROR.with_reason("SHA-256 has 32 bytes"))
    }
}

/// The plaintexts of a request's encrypted fields, by JSON pointer. They are opened once, before the gateway is locked.
#[derive(Default)]
pub(crate) struct Opened(BTreeMap<String, Result<Secret<String>, Refusal>>);

impl Opened {
    /// Opens the fields at these pointers with the key that `Wechatpay-Serial` names.
    pub(super) fn of(body: &Value, pointers: Vec<String>, key: &KeyPair) -> Self {
        let opened = pointers.into_iter().filter_map(|pointer| {
            let ciphertext = body.pointer(&pointer)?.as_str()?;
            let plaintext = open(&pointer, ciphertext, key);
            Some((pointer, plaintext))
        });
        Self(opened.collect())
    }
}

impl Opened {
    /// Puts the plaintexts in the place of their ciphertexts.
    pub(super) fn put_into(self, body: &mut Value) -> Result<(), Refusal> {
        for (pointer, plaintext) in self.0 {
            let plaintext = plaintext?;
            if let Some(value) = body.pointer_mut(&pointer) {
                *value = plaintext.expose().as_str().into();
            }
        }
        Ok(())
    }
}

fn open(pointer: &str, ciphertext: &str, key: &KeyPair) -> Result<Secret<String>, Refusal> {
    let plaintext = STANDARD.decode(ciphertext).ok().and_then(|ciphertext| key.open(&ciphertext));
    let plaintext = plaintext.and_then(|plaintext| String::from_utf8(plaintext).ok());
    plaintext.map(Secret::new).ok_or_else(|| {
        errors::NOT_ENCRYPTED.with_reason(format!("{pointer} cannot be decrypted with the named key"))
    })
}

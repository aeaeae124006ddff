//! A validated request.

use super::{
    errors::{self, Refusal},
    route::PathParameters,
};
use crate::gateway::Gateway;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, OutTradeNo},
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
    pub(crate) now: UnixTime,
    pub(super) path: PathParameters,
    pub(super) query: Map<String, Value>,
    pub(crate) body: Value,
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

    /// Decrypts a field of the body, if it is present. `Wechatpay-Serial` must name the key that encrypted it.
    pub(crate) fn decrypt_field(&self, gateway: &Gateway, pointer: &str) -> Result<Option<String>, Refusal> {
        let Some(ciphertext) = self.text(pointer).filter(|ciphertext| !ciphertext.is_empty()) else {
            return Ok(None);
        };
        let header_error =
            |issue: &str| errors::PARAM_ERROR.for_field("header", "Wechatpay-Serial", "".into(), issue);
        let serial = self.wechatpay_serial.as_deref().ok_or_else(|| header_error("缺少Wechatpay-Serial"))?;
        let merchant = gateway.v3.merchants.get(&self.mchid);
        let key = merchant.and_then(|merchant| merchant.platform().decryption_key(serial, self.now));
        let key = key.ok_or_else(|| header_error("平台证书序列号Wechatpay-Serial错误"))?;
        let plaintext = STANDARD.decode(ciphertext).ok().and_then(|ciphertext| key.open(&ciphertext));
        let plaintext = plaintext.and_then(|plaintext| String::from_utf8(plaintext).ok());
        let decryption_error =
            || errors::PARAM_ERROR.for_field("body", pointer, "".into(), "敏感信息解密失败");
        plaintext.map(Some).ok_or_else(decryption_error)
    }

    /// Returns the body with the hash of the plaintext in place of each encrypted field. OAEP gives a new ciphertext
    /// each time; with the hash, repeated requests compare as equal.
    pub(crate) fn normalized_body(
        &self,
        gateway: &Gateway,
        encrypted_fields: &[&str],
    ) -> Result<Value, Refusal> {
        let mut body = self.body.clone();
        for pointer in encrypted_fields {
            if let (Some(plaintext), Some(value)) =
                (self.decrypt_field(gateway, pointer)?, body.pointer_mut(pointer))
            {
                *value = hex::encode(digest(&SHA256, plaintext.as_bytes())).into();
            }
        }
        Ok(body)
    }
}

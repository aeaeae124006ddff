//! A validated request.

use super::errors::{self, Refusal};
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
    pub(super) path: Map<String, Value>,
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
        self.path.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns a parameter of the query, unescaped.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).and_then(Value::as_str)
    }

    /// Returns a text of the query or, if absent, of the body.
    pub(crate) fn query_or_body(&self, name: &str) -> Option<&str> {
        self.query(name).or_else(|| self.body.get(name).and_then(Value::as_str))
    }

    /// Checks that a merchant's number in the request is the caller's.
    pub(crate) fn check_mchid(&self, mchid: Option<&str>) -> Result<(), Refusal> {
        if mchid.is_some_and(|mchid| mchid != self.mchid.as_str()) {
            return Err(
                errors::MCHID_MISMATCH.with_reason("mchid must be the number of the calling merchant")
            );
        }
        Ok(())
    }

    /// Returns the order number in the path. An invalid number cannot belong to an order: it is "not found".
    pub(crate) fn out_trade_no(&self) -> Result<OutTradeNo, Refusal> {
        self.path("out_trade_no")
            .parse()
            .map_err(|_| errors::ORDER_NOT_EXIST.with_reason("out_trade_no is invalid"))
    }

    /// Decrypts a field of the body, if it is present. `Wechatpay-Serial` must name the key it was encrypted with.
    pub(crate) fn decrypt_field(&self, gateway: &Gateway, pointer: &str) -> Result<Option<String>, Refusal> {
        let Some(sealed) = self.text(pointer).filter(|sealed| !sealed.is_empty()) else { return Ok(None) };
        let wrong =
            |issue: &str| errors::PARAM_ERROR.for_field("header", "Wechatpay-Serial", "".into(), issue);
        let named = self.wechatpay_serial.as_deref().ok_or_else(|| wrong("缺少Wechatpay-Serial"))?;
        let merchant = gateway.v3.merchants.get(&self.mchid);
        let key = merchant.and_then(|merchant| merchant.platform().decryption_key(named, self.now));
        let key = key.ok_or_else(|| wrong("平台证书序列号Wechatpay-Serial错误"))?;
        let plain = STANDARD.decode(sealed).ok().and_then(|sealed| key.open(&sealed));
        let plain = plain.and_then(|plain| String::from_utf8(plain).ok());
        let refused = || errors::PARAM_ERROR.for_field("body", pointer, "".into(), "敏感信息解密失败");
        plain.map(Some).ok_or_else(refused)
    }

    /// Returns the body with each encrypted field decrypted and hashed. Two identical requests are then equal although
    /// each was encrypted anew.
    pub(crate) fn normalized_body(&self, gateway: &Gateway, sealed: &[&str]) -> Result<Value, Refusal> {
        let mut body = self.body.clone();
        for pointer in sealed {
            if let (Some(plain), Some(place)) =
                (self.decrypt_field(gateway, pointer)?, body.pointer_mut(pointer))
            {
                *place = hex::encode(digest(&SHA256, plain.as_bytes())).into();
            }
        }
        Ok(body)
    }
}

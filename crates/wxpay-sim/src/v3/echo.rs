//! `POST /v3/security/echo`: lets a merchant test signatures and encryption in both directions.

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Field, Kind, optional, required, text},
    notification::Event,
    operation::Operation,
    reply::{Reply, to_json},
};
use crate::gateway::Gateway;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::sync::Arc;

pub(super) const OPERATIONS: &[Operation] =
    &[Operation::post("v3.security.echo", "/v3/security/echo", FIELDS, echo)];

const FIELDS: &[Field] = &[
    required("echo_message", "回显信息", text(1024)),
    optional("encrypted_echo_message", "平台证书或微信支付公钥加密测试字段", Kind::Encrypted),
    optional("notify_url", "通知地址", Kind::Url),
];

/// Returns both messages, the encrypted one re-encrypted for the merchant. The notification contains the same.
fn echo(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let message_plaintext = call.opened("/encrypted_echo_message")?;
    let message = call.text("/echo_message").unwrap_or_default();
    let mut body = json!({ "echo_message": message });
    if let (Some(message_plaintext), Some(members)) = (message_plaintext, body.as_object_mut()) {
        let key = gateway.registry().get(&call.mchid).and_then(|merchant| merchant.encryption_key());
        let ciphertext = key.and_then(|key| key.seal(message_plaintext.as_bytes()));
        let ciphertext =
            ciphertext.ok_or_else(|| errors::SYSTEM_ERROR.with_reason("the message cannot be encrypted"))?;
        members.insert("encrypted_echo_message".into(), STANDARD.encode(ciphertext).into());
    }
    if let Some(url) = call.text("/notify_url") {
        let event = Event {
            mchid: call.mchid.clone(),
            notify_url: url.into(),
            created_at: call.now,
            event_type: "SECURITY_ECHO.SUCCESS",
            summary: "商户签名验签／加解密测试",
            original_type: "security",
            plaintext: to_json(&body),
            request_serial: call.wechatpay_serial.clone(),
            retry_schedule: None,
        };
        gateway.notify("", Arc::new(event), call.now.after(gateway.settings().notify_delay));
    }
    Ok(Reply::json(&body))
}

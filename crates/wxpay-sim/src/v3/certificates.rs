//! `GET /v3/certificates`: lists the platform certificates, each encrypted with the APIv3 key.

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Field, Kind, optional},
    notification::seal,
    operation::Operation,
    reply::Reply,
};
use crate::{gateway::Gateway, rng::ALPHANUMERIC, time};
use serde_json::json;

pub(super) const OPERATIONS: &[Operation] =
    &[Operation::get("v3.certificates", "/v3/certificates", list).with_query(QUERY).calls_per_second(1000)];

const QUERY: &[Field] = &[optional("algorithm_type", Kind::OneOf(&["RSA", "SM2", "ALL"]))];

fn list(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let no_certificates = errors::RESOURCE_NOT_EXISTS
        .with_message("无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥");
    let merchant = gateway.registry().get(&call.mchid).cloned().ok_or_else(|| no_certificates.clone())?;
    // The simulator has no SM2 certificates.
    let is_rsa = call.query("algorithm_type") != Some("SM2");
    let key =
        merchant.api_v3_key().ok_or_else(|| errors::INVALID_REQUEST.with_message("商户未设置APIv3密钥"))?;
    let mut data = Vec::new();
    for listed in merchant.platform().certificates(call.now).filter(|_| is_rsa) {
        let certificate = &listed.certificate;
        let pem = certificate
            .pem()
            .map_err(|_| errors::SYSTEM_ERROR.with_reason("the platform key has no certificate"))?;
        let nonce = gateway.rng.text(ALPHANUMERIC, 12);
        data.push(json!({
            "serial_no": certificate.serial(),
            "effective_time": time::rfc3339(certificate.not_before()),
            "expire_time": time::rfc3339(certificate.not_after()),
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": nonce,
                "associated_data": "certificate",
                "ciphertext": seal(key.expose(), &nonce, "certificate", pem.as_bytes()),
            },
        }));
    }
    if data.is_empty() { Err(no_certificates) } else { Ok(Reply::json(&json!({ "data": data }))) }
}

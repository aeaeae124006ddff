//! `GET /v3/certificates`: lists the platform certificates, each encrypted with the APIv3 key.

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Field, Kind, optional},
    notification::seal,
    operation::Operation,
    reply::Reply,
};
use crate::{gateway::Gateway, rng::ALPHANUMERIC, settings::NoCertificateMessage, time};
use serde_json::json;
use wxpay_proto::{UnixTime, id::MchId};

pub(super) const OPERATIONS: &[Operation] =
    &[Operation::get("v3.certificates", "/v3/certificates", list).with_query(QUERY).calls_per_second(1000)];

const QUERY: &[Field] = &[optional("algorithm_type", "证书算法版本", Kind::OneOf(&["RSA", "SM2", "ALL"]))];

/// The message as in public captures.
const USE_PUBLIC_KEY: &str = "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。可查看指引https://pay.weixin.qq.com/docs/merchant/products/platform-certificate/wxp-pub-key-guide.html";

fn list(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    // The simulator has no SM2 certificates.
    list_for(gateway, &call.mchid, call.now, call.query("algorithm_type") != Some("SM2"))
}

/// Lists the platform certificates of a merchant. Other regions have the list under a path of their own.
pub(super) fn list_for(
    gateway: &mut Gateway,
    mchid: &MchId,
    now: UnixTime,
    is_rsa: bool,
) -> Result<Reply, Refusal> {
    let no_certificates =
        errors::RESOURCE_NOT_EXISTS.with_message(match gateway.settings().v3.no_certificate_message {
            NoCertificateMessage::UsePublicKey => USE_PUBLIC_KEY,
            NoCertificateMessage::NotFound => "证书不存在",
        });
    let merchant = gateway.registry().get(mchid).cloned().ok_or_else(|| no_certificates.clone())?;
    if merchant.platform().are_certificates_voided() {
        return Err(errors::NO_AUTH.with_message("平台证书已作废，请使用微信支付公钥"));
    }
    let key =
        merchant.api_v3_key().ok_or_else(|| errors::INVALID_REQUEST.with_message("商户未设置APIv3密钥"))?;
    let mut data = Vec::new();
    for listed in merchant.platform().certificates(now).filter(|_| is_rsa) {
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

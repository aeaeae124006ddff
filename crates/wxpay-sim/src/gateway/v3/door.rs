//! Validation: the checks that all requests share.

use super::{
    authorization::{Authorization, target},
    call::{Call, decoded},
    errors::{self, Refusal},
    fields,
    multipart::Upload,
    operation::{Operation, Takes},
    reply::Negative,
    route,
};
use crate::gateway::Gateway;
use serde_json::{Map, Value, json};
use wxpay_proto::{UnixTime, http::Request, id::MchId};

/// The facts about a request that validation found, whether the request is valid or not.
#[derive(Default)]
pub(super) struct Door {
    /// The calling merchant, if it is known. Its signature may be invalid.
    pub(super) mchid: Option<MchId>,
    pub(super) label: Option<&'static str>,
    pub(super) negative: Option<Negative>,
    /// The kind of the fault that was injected.
    pub(super) fault: Option<&'static str>,
}

/// Makes the checks that all requests share, in the order stated in the [module docs](super).
pub(super) fn enter(
    gateway: &mut Gateway,
    request: &Request,
    door: &mut Door,
    now: UnixTime,
) -> Result<(&'static Operation, Call), Refusal> {
    for name in ["accept", "user-agent"] {
        if request.header(name).is_none_or(str::is_empty) {
            return Err(errors::INVALID_REQUEST.saying("Http头缺少Accept或User-Agent"));
        }
    }
    let upload = Upload::read(request)?;
    let signed = upload.as_ref().map_or_else(|| request.body(), |upload| upload.meta);
    let mchid = authorized(gateway, request, signed, door, now)?;
    if let Some(word) = request.header("wechatpay-negative-test") {
        let unknown =
            || errors::PARAM_ERROR.at("header", "Wechatpay-Negative-Test", word.into(), "未知的取值");
        door.negative = Some(Negative::named(word).ok_or_else(unknown)?);
    }
    let target = target(request);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (operation, path) = route::find(request.method(), path)?;
    door.label = Some(operation.label);
    if gateway.settings.v3.rate_limits {
        gateway.v3.rates.count(operation, &mchid, now)?;
    }
    let query = queried(query)?;
    fields::check(&query, &[operation.query], "query")?;
    let (body, file) = match operation.takes {
        Takes::Nothing => (Value::Null, Vec::new()),
        Takes::Json(declared) => (json_of(request.body(), &[declared, operation.also])?, Vec::new()),
        Takes::Upload(declared) => {
            let upload = upload.ok_or_else(|| {
                errors::PARAM_ERROR.at("header", "Content-Type", "".into(), "应为multipart/form-data")
            })?;
            (json_of(upload.meta, &[declared])?, upload.file.to_vec())
        }
    };
    let asked = request.header("wechatpay-serial").map(String::from);
    let base = request.url().find(target).and_then(|at| request.url().get(..at)).unwrap_or_default();
    let base = base.into();
    let Operation { label, path: template, .. } = *operation;
    Ok((operation, Call { label, template, mchid, asked, now, path, query, body, file, base }))
}

/// Verifies `Authorization` and returns the merchant that signed the request.
fn authorized(
    gateway: &Gateway,
    request: &Request,
    signed: &[u8],
    door: &mut Door,
    now: UnixTime,
) -> Result<MchId, Refusal> {
    let said = request.header("authorization").and_then(Authorization::parse);
    let said =
        said.ok_or_else(|| errors::BAD_AUTHORIZATION.because("Authorization is missing or malformed"))?;
    if now.as_secs().abs_diff(said.timestamp) > gateway.settings.v3.window.as_secs() {
        return Err(
            errors::SIGN_ERROR.saying("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
        );
    }
    let mchid = said.mchid.parse::<MchId>().ok();
    let merchant = mchid.and_then(|mchid| gateway.v3.merchants.get(&mchid));
    let merchant = merchant.ok_or_else(|| errors::MCH_NOT_EXISTS.because("mchid is not a known merchant"))?;
    door.mchid = Some(merchant.mchid().clone());
    let key = merchant
        .public_key(&said.serial_no)
        .ok_or_else(|| errors::SIGN_ERROR.saying("商户证书序列号有误。请使用签名私钥匹配的证书序列号"))?;
    let message = said.message(request, signed);
    if !key.verifies(&message, &said.signature()) {
        return Err(mismatch(request, signed, &said));
    }
    Ok(merchant.mchid().clone())
}

/// The number of characters of the body that are repeated in a signature error.
const SHOWN: usize = 64;

/// Builds a signature error with the message that the gateway rebuilt, for comparison. The issue is given twice: at the
/// documented place, and one level deeper, where real replies have it.
fn mismatch(request: &Request, signed: &[u8], said: &Authorization) -> Refusal {
    let length = said.message(request, signed).len();
    let body: String = String::from_utf8_lossy(signed).chars().take(SHOWN).collect();
    let truncated = said.message(request, body.as_bytes());
    errors::SIGN_ERROR.because("the signature does not match the message and the certificate").with_detail(
        json!({
            "detail": { "issue": "sign not match" },
            "field": "signature",
            "issue": "sign not match",
            "location": "authorization",
            "sign_information": {
                "method": request.method().as_str(),
                "url": target(request),
                "sign_message_length": length,
                "truncated_sign_message": String::from_utf8_lossy(&truncated),
            },
        }),
    )
}

/// Parses the names and values of a query, unescaped.
fn queried(query: &str) -> Result<Map<String, Value>, Refusal> {
    let mut said = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        let field = format!("/{name}");
        if said.insert(name, value.clone().into()).is_some() {
            return Err(errors::PARAM_ERROR.at("query", &field, value.into(), "参数重复"));
        }
    }
    Ok(said)
}

fn json_of(body: &[u8], declared: &[&[fields::Field]]) -> Result<Value, Refusal> {
    let malformed = || errors::PARAM_ERROR.at("body", "", "".into(), "请求体不是合法的JSON对象");
    let value: Value = serde_json::from_slice(body).map_err(|_| malformed())?;
    let Value::Object(members) = &value else { return Err(malformed()) };
    fields::check(members, declared, "body")?;
    Ok(value)
}

//! Validation: the checks that all requests share.

use super::{
    authorization::{Authorization, target},
    call::{Call, percent_decoded},
    errors::{self, Refusal},
    fields,
    multipart::Upload,
    operation::{BodyKind, Operation},
    reply::NegativeTest,
    route,
};
use crate::gateway::Gateway;
use serde_json::{Map, Value, json};
use wxpay_proto::{UnixTime, http::Request, id::MchId};

/// The facts about a request that validation found, whether the request is valid or not.
#[derive(Default)]
pub(super) struct RequestContext {
    /// The calling merchant, if it is known. Its signature may be invalid.
    pub(super) mchid: Option<MchId>,
    pub(super) label: Option<&'static str>,
    pub(super) negative: Option<NegativeTest>,
    /// The kind of the fault that was injected.
    pub(super) fault: Option<&'static str>,
}

/// Makes the checks that all requests share, in the order stated in the [module docs](super).
pub(super) fn validate(
    gateway: &mut Gateway,
    request: &Request,
    door: &mut RequestContext,
    now: UnixTime,
) -> Result<(&'static Operation, Call), Refusal> {
    for name in ["accept", "user-agent"] {
        if request.header(name).is_none_or(str::is_empty) {
            return Err(errors::INVALID_REQUEST.with_message("Http头缺少Accept或User-Agent"));
        }
    }
    let upload = Upload::parse(request)?;
    let signed = upload.as_ref().map_or_else(|| request.body(), |upload| upload.meta);
    let mchid = authenticate(gateway, request, signed, door, now)?;
    if let Some(word) = request.header("wechatpay-negative-test") {
        let unknown =
            || errors::PARAM_ERROR.for_field("header", "Wechatpay-Negative-Test", word.into(), "未知的取值");
        door.negative = Some(NegativeTest::from_name(word).ok_or_else(unknown)?);
    }
    let target = target(request);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (operation, path) = route::find(request.method(), path)?;
    door.label = Some(operation.label);
    if gateway.settings.v3.rate_limits {
        gateway.v3.rates.count(operation, &mchid, now)?;
    }
    let query = parse_query(query)?;
    fields::check(&query, &[operation.query], "query")?;
    let (body, file) = match operation.body {
        BodyKind::Empty => (Value::Null, Vec::new()),
        BodyKind::Json(declared) => {
            (parse_body(request.body(), &[declared, operation.more_fields])?, Vec::new())
        }
        BodyKind::Upload(declared) => {
            let upload = upload.ok_or_else(|| {
                errors::PARAM_ERROR.for_field("header", "Content-Type", "".into(), "应为multipart/form-data")
            })?;
            (parse_body(upload.meta, &[declared])?, upload.file.to_vec())
        }
    };
    let asked = request.header("wechatpay-serial").map(String::from);
    let base = request.url().find(target).and_then(|at| request.url().get(..at)).unwrap_or_default();
    let base = base.into();
    let Operation { label, path: template, .. } = *operation;
    Ok((
        operation,
        Call {
            label,
            path_template: template,
            mchid,
            wechatpay_serial: asked,
            now,
            path,
            query,
            body,
            file,
            base_url: base,
        },
    ))
}

/// Verifies `Authorization` and returns the merchant that signed the request.
fn authenticate(
    gateway: &Gateway,
    request: &Request,
    signed: &[u8],
    door: &mut RequestContext,
    now: UnixTime,
) -> Result<MchId, Refusal> {
    let said = request.header("authorization").and_then(Authorization::parse);
    let said =
        said.ok_or_else(|| errors::BAD_AUTHORIZATION.with_reason("Authorization is missing or malformed"))?;
    if now.as_secs().abs_diff(said.timestamp) > gateway.settings.v3.timestamp_tolerance.as_secs() {
        return Err(
            errors::SIGN_ERROR.with_message("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
        );
    }
    let mchid = said.mchid.parse::<MchId>().ok();
    let merchant = mchid.and_then(|mchid| gateway.v3.merchants.get(&mchid));
    let merchant =
        merchant.ok_or_else(|| errors::MCH_NOT_EXISTS.with_reason("mchid is not a known merchant"))?;
    door.mchid = Some(merchant.mchid().clone());
    let key = merchant.public_key(&said.serial_no).ok_or_else(|| {
        errors::SIGN_ERROR.with_message("商户证书序列号有误。请使用签名私钥匹配的证书序列号")
    })?;
    let message = said.message(request, signed);
    if !key.verifies(&message, &said.signature()) {
        return Err(signature_mismatch(request, signed, &said));
    }
    Ok(merchant.mchid().clone())
}

/// The number of characters of the body that are repeated in a signature error.
const MAX_ECHOED_CHARS: usize = 64;

/// Builds a signature error with the message that the gateway rebuilt, for comparison. The issue is given twice: at the
/// documented place, and one level deeper, where real replies have it.
fn signature_mismatch(request: &Request, signed: &[u8], said: &Authorization) -> Refusal {
    let length = said.message(request, signed).len();
    let body: String = String::from_utf8_lossy(signed).chars().take(MAX_ECHOED_CHARS).collect();
    let truncated = said.message(request, body.as_bytes());
    errors::SIGN_ERROR
        .with_reason("the signature does not match the message and the certificate")
        .with_detail(json!({
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
        }))
}

/// Parses the names and values of a query, unescaped.
fn parse_query(query: &str) -> Result<Map<String, Value>, Refusal> {
    let mut said = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (percent_decoded(name), percent_decoded(value));
        let field = format!("/{name}");
        if said.insert(name, value.clone().into()).is_some() {
            return Err(errors::PARAM_ERROR.for_field("query", &field, value.into(), "参数重复"));
        }
    }
    Ok(said)
}

fn parse_body(body: &[u8], declared: &[&[fields::Field]]) -> Result<Value, Refusal> {
    let malformed = || errors::PARAM_ERROR.for_field("body", "", "".into(), "请求体不是合法的JSON对象");
    let value: Value = serde_json::from_slice(body).map_err(|_| malformed())?;
    let Value::Object(members) = &value else { return Err(malformed()) };
    fields::check(members, declared, "body")?;
    Ok(value)
}

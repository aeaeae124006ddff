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

/// The facts that validation found about a valid or invalid request.
#[derive(Default)]
pub(super) struct RequestContext {
    /// The merchant named in `Authorization`, if it is known. The signature may be invalid.
    pub(super) mchid: Option<MchId>,
    pub(super) label: Option<&'static str>,
    pub(super) negative: Option<NegativeTest>,
    /// The kind of the fault that was injected.
    pub(super) fault: Option<&'static str>,
}

/// Makes the checks that all requests share, in the order of the [module docs](super).
pub(super) fn validate(
    gateway: &mut Gateway,
    request: &Request,
    context: &mut RequestContext,
    now: UnixTime,
) -> Result<(&'static Operation, Call), Refusal> {
    for name in ["accept", "user-agent"] {
        if request.header(name).is_none_or(str::is_empty) {
            return Err(errors::INVALID_REQUEST.with_message("Http头缺少Accept或User-Agent"));
        }
    }
    let upload = Upload::parse(request)?;
    let signed_body = upload.as_ref().map_or_else(|| request.body(), |upload| upload.meta);
    let mchid = authenticate(gateway, request, signed_body, context, now)?;
    if let Some(name) = request.header("wechatpay-negative-test") {
        let unknown =
            || errors::PARAM_ERROR.for_field("header", "Wechatpay-Negative-Test", name.into(), "未知的取值");
        context.negative = Some(NegativeTest::from_name(name).ok_or_else(unknown)?);
    }
    let target = target(request);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (operation, path) = route::find(request.method(), path)?;
    context.label = Some(operation.label);
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
    let wechatpay_serial = request.header("wechatpay-serial").map(String::from);
    let base_url = request.url().find(target).and_then(|at| request.url().get(..at)).unwrap_or_default();
    let base_url = base_url.into();
    let Operation { label, path: path_template, .. } = *operation;
    Ok((
        operation,
        Call { label, path_template, mchid, wechatpay_serial, now, path, query, body, file, base_url },
    ))
}

/// Verifies `Authorization` and returns the merchant that signed the request.
fn authenticate(
    gateway: &Gateway,
    request: &Request,
    signed_body: &[u8],
    context: &mut RequestContext,
    now: UnixTime,
) -> Result<MchId, Refusal> {
    let authorization = request.header("authorization").and_then(Authorization::parse);
    let authorization = authorization
        .ok_or_else(|| errors::BAD_AUTHORIZATION.with_reason("Authorization is missing or malformed"))?;
    if now.as_secs().abs_diff(authorization.timestamp) > gateway.settings.v3.timestamp_tolerance.as_secs() {
        return Err(
            errors::SIGN_ERROR.with_message("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
        );
    }
    let mchid = authorization.mchid.parse::<MchId>().ok();
    let merchant = mchid.and_then(|mchid| gateway.v3.merchants.get(&mchid));
    let merchant =
        merchant.ok_or_else(|| errors::MCH_NOT_EXISTS.with_reason("mchid is not a known merchant"))?;
    context.mchid = Some(merchant.mchid().clone());
    let key = merchant.public_key(authorization.serial_no).ok_or_else(|| {
        errors::SIGN_ERROR.with_message("商户证书序列号有误。请使用签名私钥匹配的证书序列号")
    })?;
    let message = authorization.message(request, signed_body);
    if !key.verifies(&message, &authorization.signature()) {
        return Err(signature_mismatch(request, signed_body, &authorization));
    }
    Ok(merchant.mchid().clone())
}

/// The maximum number of characters of the body that a signature error repeats.
const MAX_ECHOED_CHARS: usize = 64;

/// Builds a signature error with the message that the gateway rebuilt, for comparison. The issue occurs twice: at the
/// documented place, and one level deeper as in real replies.
fn signature_mismatch(request: &Request, signed_body: &[u8], authorization: &Authorization<'_>) -> Refusal {
    let length = authorization.message(request, signed_body).len();
    let body: String = String::from_utf8_lossy(signed_body).chars().take(MAX_ECHOED_CHARS).collect();
    let truncated = authorization.message(request, body.as_bytes());
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
    let mut parameters = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (percent_decoded(name), percent_decoded(value));
        let field = format!("/{name}");
        if parameters.insert(name, value.clone().into()).is_some() {
            return Err(errors::PARAM_ERROR.for_field("query", &field, value.into(), "参数重复"));
        }
    }
    Ok(parameters)
}

fn parse_body(body: &[u8], declared: &[&[fields::Field]]) -> Result<Value, Refusal> {
    let malformed = || errors::PARAM_ERROR.for_field("body", "", "".into(), "请求体不是合法的JSON对象");
    let value: Value = serde_json::from_slice(body).map_err(|_| malformed())?;
    let Value::Object(members) = &value else { return Err(malformed()) };
    fields::check(members, declared, "body")?;
    Ok(value)
}

//! Validation: the checks that all requests share. They need no lock on the gateway.

use super::{
    authorization::Authorization,
    call::{Call, Opened, percent_decoded},
    catalogue, cause,
    errors::{self, Refusal},
    exchange::Parsed,
    fields::{self, Check, Field},
    multipart::Upload,
    operation::{BodyKind, Operation},
    path,
    reply::NegativeTest,
    serial,
};
use crate::{clock::Now, front_end::Directory, gateway::target, merchant::Merchant};
use serde_json::{Map, Value, json};
use wxpay_proto::{http::Request, id::MchId};

/// The facts that validation found about a valid or invalid request.
#[derive(Default)]
pub(super) struct RequestContext {
    /// The merchant named in `Authorization`, if it is known. The signature may be invalid.
    pub(super) mchid: Option<MchId>,
    /// The operation, if validation came as far.
    pub(super) operation: Option<&'static Operation>,
    pub(super) negative: Option<NegativeTest>,
    /// The kind of the fault that was injected.
    pub(super) fault: Option<&'static str>,
}

/// A valid request and its operation.
pub(super) enum Validated {
    /// An implemented operation.
    Implemented { operation: &'static Operation, call: Box<Call> },
    /// An operation of the catalogue.
    Catalogued(Box<catalogue::Call>),
}

/// Makes the checks that all requests share, in the order of the [module docs](super).
pub(super) fn validate(
    parsed: &mut Parsed<'_>,
    directory: &Directory,
    context: &mut RequestContext,
    now: Now,
) -> Result<Validated, Refusal> {
    let request = parsed.request;
    for name in ["accept", "user-agent"] {
        if request.header(name).is_none_or(str::is_empty) {
            return Err(errors::INVALID_REQUEST.with_message("Http头缺少Accept或User-Agent"));
        }
    }
    let upload = Upload::parse(request)?;
    let signed_body = upload.as_ref().map_or_else(|| request.body(), |upload| upload.meta);
    let merchant = authenticate(parsed, directory, signed_body, context, now)
        .map_err(|refusal| with_cause(refusal, parsed, directory, now))?;
    if let Some(name) = request.header("wechatpay-negative-test") {
        let unknown = || errors::PARAM_ERROR.with_message("Wechatpay-Negative-Test的取值未知");
        context.negative = Some(NegativeTest::from_name(name).ok_or_else(unknown)?);
    }
    let base_url = request.url().find(target(request)).and_then(|at| request.url().get(..at));
    let base_url = base_url.unwrap_or_default();
    if let Some(found) = parsed.catalogued.clone() {
        let query = found.operation.parse_query(parsed.query);
        let query = query.map_err(|(name, value)| fields::duplicate_parameter(&[], &name, &value))?;
        let (json, base_url) = (parsed.json.take(), base_url.into());
        let check = directory.settings.v3.catalogue_check;
        let verified = catalogue::Verified { request, merchant, upload, query, json, base_url, now, check };
        return catalogue::validate(found, verified).map(|call| Validated::Catalogued(Box::new(call)));
    }
    let (operation, path) = parsed.route.clone()?;
    context.operation = Some(operation);
    let query = parse_query(parsed.query, operation.query)?;
    let check = Check::new(directory.settings.v3.length_unit)
        .object(&path::members(&path), &[path::PARAMETERS], "uri_template")
        .object(&query, &[operation.query], "query");
    let (check, body, file) = match operation.body {
        BodyKind::Empty => (check, Value::Null, Vec::new()),
        BodyKind::Json(declared) => {
            // The body was parsed once already, for the fault rules.
            let members = object(parsed.json.take())?;
            let check = check.object(&members, &[declared, operation.more_fields], "body");
            (check, Value::Object(members), Vec::new())
        }
        BodyKind::Upload(declared) => {
            let upload = upload.ok_or_else(fields::not_multipart)?;
            let members = object(serde_json::from_slice(upload.meta).ok())?;
            let check = check.object(&members, &[declared], "body");
            (check, Value::Object(members), upload.file.to_vec())
        }
    };
    let encrypted_fields = check.finish()?;
    let wechatpay_serial = request.header("wechatpay-serial").map(String::from);
    let needs_key = operation.requires_serial || !encrypted_fields.is_empty();
    let named_key = || serial::named_key(merchant, wechatpay_serial.as_deref(), now.wall);
    let key = needs_key.then(named_key).transpose()?;
    let opened = key.map(|key| Opened::of(&body, encrypted_fields, key)).unwrap_or_default();
    let call = Call {
        label: operation.label,
        path_template: operation.path,
        mchid: merchant.mchid().clone(),
        wechatpay_serial,
        now: now.business,
        clocks: now,
        path,
        query,
        body,
        opened,
        file,
        base_url: base_url.into(),
    };
    Ok(Validated::Implemented { operation, call: Box::new(call) })
}

/// Adds the cause to the reason of a refusal, which is logged and not sent.
fn with_cause(mut refusal: Refusal, parsed: &Parsed<'_>, directory: &Directory, now: Now) -> Refusal {
    let authorization = parsed.authorization.as_ref();
    let tolerance = directory.settings.v3.timestamp_tolerance.as_secs();
    let wall = now.wall.as_secs();
    let is_late =
        authorization.is_some_and(|authorization| wall.abs_diff(authorization.timestamp) > tolerance);
    if let Some(cause) = cause::of(parsed.request, authorization, directory, is_late.then_some(wall)) {
        refusal.reason = format!("{}: {cause}", refusal.reason);
    }
    refusal
}

/// Verifies `Authorization` and returns the merchant that signed the request.
fn authenticate<'a>(
    parsed: &Parsed<'_>,
    directory: &'a Directory,
    signed_body: &[u8],
    context: &mut RequestContext,
    now: Now,
) -> Result<&'a Merchant, Refusal> {
    let authorization = parsed
        .authorization
        .as_ref()
        .ok_or_else(|| errors::BAD_AUTHORIZATION.with_reason("Authorization is missing or malformed"))?;
    let tolerance = directory.settings.v3.timestamp_tolerance.as_secs();
    if now.wall.as_secs().abs_diff(authorization.timestamp) > tolerance {
        return Err(
            errors::SIGN_ERROR.with_message("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
        );
    }
    let mchid = authorization.mchid.parse::<MchId>().ok();
    let merchant = mchid.and_then(|mchid| directory.merchants.get(&mchid));
    let merchant =
        merchant.ok_or_else(|| errors::MCH_NOT_EXISTS.with_reason("mchid is not a known merchant"))?;
    context.mchid = Some(merchant.mchid().clone());
    let key = merchant.public_key(authorization.serial_no).ok_or_else(|| {
        errors::SIGN_ERROR.with_message("商户证书序列号有误。请使用签名私钥匹配的证书序列号")
    })?;
    let message = authorization.message(parsed.request, signed_body);
    let signature = authorization.signature();
    // Receipts wanted a message without its last line feed until 2023; both are accepted since.
    let is_receipt = parsed.path.starts_with("/v3/transferdownload/");
    let older = message.strip_suffix(b"\n").filter(|_| is_receipt);
    let is_valid = |message: &[u8]| key.verifies(message, &signature);
    if !is_valid(&message) && !older.is_some_and(is_valid) {
        return Err(signature_mismatch(parsed.request, signed_body, authorization));
    }
    Ok(merchant)
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
fn parse_query(query: &str, declared: &[Field]) -> Result<Map<String, Value>, Refusal> {
    let mut parameters = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (percent_decoded(name), percent_decoded(value));
        if parameters.contains_key(&name) {
            return Err(fields::duplicate_parameter(declared, &name, &value));
        }
        parameters.insert(name, value.into());
    }
    Ok(parameters)
}

fn object(json: Option<Value>) -> Result<Map<String, Value>, Refusal> {
    let Some(Value::Object(members)) = json else { return Err(fields::malformed_body()) };
    Ok(members)
}

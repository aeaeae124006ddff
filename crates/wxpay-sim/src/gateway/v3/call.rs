//! A call that came through the front door, and the door.

use super::{
    authorization::{Authorization, target},
    errors::{self, Refusal},
    fields,
    multipart::Upload,
    reply::Negative,
    route::{self, Operation, Takes},
};
use crate::gateway::Gateway;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use wxpay_proto::{
    Fen, UnixTime,
    http::Request,
    id::{MchId, OutTradeNo},
};

/// What the door found out of a request, be it let in or not.
#[derive(Default)]
pub(super) struct Door {
    /// Who calls, as far as the merchant is known; its signature may be wrong.
    pub(super) mchid: Option<MchId>,
    pub(super) label: Option<&'static str>,
    pub(super) negative: Option<Negative>,
    /// The kind of the fault that struck it.
    pub(super) fault: Option<&'static str>,
}

/// A call whose signature, path and fields are in order.
pub(crate) struct Call {
    pub(crate) operation: &'static Operation,
    /// Who calls.
    pub(crate) mchid: MchId,
    /// The `Wechatpay-Serial` of the request.
    pub(crate) asked: Option<String>,
    pub(crate) now: UnixTime,
    path: Map<String, Value>,
    query: Map<String, Value>,
    pub(crate) body: Value,
    /// The file of an upload.
    pub(crate) file: Vec<u8>,
    /// The URL it came to, up to the path.
    pub(crate) base: String,
}

/// The checks that all calls share, in the stated order.
pub(super) fn enter(
    gateway: &mut Gateway,
    request: &Request,
    door: &mut Door,
    now: UnixTime,
) -> Result<Call, Refusal> {
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
    Ok(Call { operation, mchid, asked, now, path, query, body, file, base: base.into() })
}

/// Who signed the request.
fn authorized(
    gateway: &Gateway,
    request: &Request,
    signed: &[u8],
    door: &mut Door,
    now: UnixTime,
) -> Result<MchId, Refusal> {
    let said = request.header("authorization").and_then(Authorization::parse);
    let said =
        said.ok_or_else(|| errors::BAD_AUTHORIZATION.because("Authorization is absent or malformed"))?;
    if now.as_secs().abs_diff(said.timestamp) > gateway.settings.v3.window.as_secs() {
        return Err(
            errors::SIGN_ERROR.saying("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
        );
    }
    let mchid = said.mchid.parse::<MchId>().ok();
    let merchant = mchid.and_then(|mchid| gateway.v3.merchants.get(&mchid));
    let merchant = merchant.ok_or_else(|| errors::MCH_NOT_EXISTS.because("no such merchant"))?;
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

/// So many characters of the body are shown to whoever signed something else.
const SHOWN: usize = 64;

/// What the gateway rebuilt, for the merchant to compare. The issue is told where the documents have it, and a level
/// deeper, where replies have it.
fn mismatch(request: &Request, signed: &[u8], said: &Authorization) -> Refusal {
    let length = said.message(request, signed).len();
    let body: String = String::from_utf8_lossy(signed).chars().take(SHOWN).collect();
    let truncated = said.message(request, body.as_bytes());
    errors::SIGN_ERROR.because("the signature is not of this message by this key").with_detail(json!({
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

/// Names and values of a query, unescaped.
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

/// A part of a path or a query, `%` escapes undone.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl Call {
    /// A text of the body, by JSON pointer.
    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str)
    }

    /// A number of the body.
    pub(crate) fn number(&self, pointer: &str) -> Option<u64> {
        self.body.pointer(pointer).and_then(Value::as_u64)
    }

    /// An amount of the body that is declared as required.
    pub(crate) fn fen(&self, pointer: &str) -> Fen {
        self.number(pointer).map_or(Fen::ZERO, Fen::new)
    }

    /// A part of the path, unescaped.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A parameter of the query, unescaped.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).and_then(Value::as_str)
    }

    /// A text of the query, or else of the body.
    pub(crate) fn said(&self, name: &str) -> Option<&str> {
        self.query(name).or_else(|| self.body.get(name).and_then(Value::as_str))
    }

    /// Holds a merchant's number in the request to that of the caller.
    pub(crate) fn is_from(&self, mchid: Option<&str>) -> Result<(), Refusal> {
        if mchid.is_some_and(|mchid| mchid != self.mchid.as_str()) {
            return Err(errors::OTHER_MERCHANT.because("mchid is not the caller's"));
        }
        Ok(())
    }

    /// The order's number in the path. One that breaks its rule is of no order.
    pub(crate) fn order_number(&self) -> Result<OutTradeNo, Refusal> {
        self.path("out_trade_no")
            .parse()
            .map_err(|_| errors::ORDER_NOT_EXIST.because("out_trade_no breaks its rule"))
    }

    /// Opens a sealed field of the body, if it is there. `Wechatpay-Serial` must name the key it is sealed for.
    pub(crate) fn opened(&self, gateway: &Gateway, pointer: &str) -> Result<Option<String>, Refusal> {
        let Some(sealed) = self.text(pointer).filter(|sealed| !sealed.is_empty()) else { return Ok(None) };
        let wrong = |issue: &str| errors::PARAM_ERROR.at("header", "Wechatpay-Serial", "".into(), issue);
        let named = self.asked.as_deref().ok_or_else(|| wrong("缺少Wechatpay-Serial"))?;
        let merchant = gateway.v3.merchants.get(&self.mchid);
        let key = merchant.and_then(|merchant| merchant.platform().opens(named, self.now));
        let key = key.ok_or_else(|| wrong("平台证书序列号Wechatpay-Serial错误"))?;
        let plain = STANDARD.decode(sealed).ok().and_then(|sealed| key.open(&sealed));
        let plain = plain.and_then(|plain| String::from_utf8(plain).ok());
        let refused = || errors::PARAM_ERROR.at("body", pointer, "".into(), "敏感信息解密失败");
        plain.map(Some).ok_or_else(refused)
    }

    /// What the call asks for, its sealed fields opened and hashed: two calls that ask the same are equal, though each was
    /// sealed anew.
    pub(crate) fn comparable(&self, gateway: &Gateway, sealed: &[&str]) -> Result<Value, Refusal> {
        let mut body = self.body.clone();
        for pointer in sealed {
            if let (Some(plain), Some(place)) = (self.opened(gateway, pointer)?, body.pointer_mut(pointer)) {
                *place = hex::encode(digest(&SHA256, plain.as_bytes())).into();
            }
        }
        Ok(body)
    }
}

//! APIv3 payment parameters of a page, a mini program or an app.

use super::{InvalidParameter, ParameterCause, PaymentRequest};
use crate::{
    faults::ApiVersion,
    gateway::{Gateway, OrderRef},
    ledger::{Order, TradeType},
    merchant::Merchant,
    v3,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use wxpay_explain::{Certainty, Explainer, Explanation, Keys, Kind, Language, Message};
use wxpay_proto::{
    Fen,
    id::{AppId, MchId, OutTradeNo},
};

/// An order or a combined order, reduced to the fields that the client needs.
struct PlacedOrder {
    trade_type: TradeType,
    total: Fen,
    description: String,
    /// The merchant that placed the order and signs the parameters.
    mchid: MchId,
    out_trade_no: OutTradeNo,
    /// The apps of the merchant and of its sub-merchants.
    appids: Vec<AppId>,
    sub_mchid: Option<MchId>,
}

impl PlacedOrder {
    fn find(gateway: &Gateway, handle: &str) -> Option<Self> {
        let order = gateway.find_order(&OrderRef::Handle(handle.into()))?;
        let description = String::from(&*order.terms().description);
        let apps_of = |order: &Order| order.sub_merchant().and_then(|sub| sub.appid.clone());
        let combined = order.combined.as_deref().and_then(|key| gateway.ledger.combined.get(key));
        let Some(combined) = combined else {
            return Some(Self {
                trade_type: order.trade_type,
                total: order.total(),
                description,
                mchid: order.mchid().clone(),
                out_trade_no: order.out_trade_no.clone(),
                appids: [order.appid().clone()].into_iter().chain(apps_of(order)).collect(),
                sub_mchid: order.sub_mchid().cloned(),
            });
        };
        let all = combined.sub_orders.iter().filter_map(|key| gateway.ledger.order(key));
        let total = all.clone().fold(0, |sum: u64, order| sum.saturating_add(order.total().get()));
        Some(Self {
            trade_type: combined.trade_type,
            total: Fen::new(total),
            description,
            mchid: combined.key.0.clone(),
            out_trade_no: combined.key.1.clone(),
            appids: [combined.appid.clone()].into_iter().chain(all.filter_map(apps_of)).collect(),
            sub_mchid: None,
        })
    }
}

/// Payment parameters of a page, a mini program or an app, in a common form.
struct Parameters<'a> {
    trade_type: TradeType,
    appid: Option<&'a str>,
    prepay_id: &'a str,
    /// The signed lines after the appid, in order.
    signed: [&'a str; 3],
    signature: (&'static str, &'a str),
}

const NON_EMPTY: &str = "is required and must be a non-empty string";

/// Parameters that only a page or a mini program has: those of an app have names in lower case.
const PAGE_PARAMETERS: [&str; 5] = ["appId", "timeStamp", "nonceStr", "signType", "paySign"];

/// Returns true for the parameters of a page or a mini program, also without `paySign`.
fn is_page(members: &Map<String, Value>) -> bool {
    let package = members.get("package").and_then(Value::as_str).unwrap_or_default();
    let is_app = members.contains_key("sign") || members.contains_key("prepayid");
    members.contains_key("paySign")
        || !is_app
            && (package.starts_with("prepay_id=")
                || PAGE_PARAMETERS.iter().any(|name| members.contains_key(*name)))
}

/// Returns true for APIv3 parameters: all parameters of a page, and those of an app whose order or whose appid is one of
/// APIv3.
pub(super) fn is_v3(gateway: &Gateway, parameters: &[u8]) -> bool {
    let Ok(members) = serde_json::from_slice::<Map<String, Value>>(parameters) else { return false };
    let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
    let order = gateway.find_order(&OrderRef::Handle(text("prepayid").into()));
    is_page(&members)
        || order.is_some_and(|order| order.terms().form.api_version() == ApiVersion::V3)
        || order.is_none() && gateway.merchants().any(|merchant| merchant.has_app(text("appid")))
}

/// Verifies the parameters.
///
/// On a page or in a mini program, `paySign` covers appid, time, nonce and `prepay_id=…`. In an app, `sign` covers appid,
/// time, nonce and the bare `prepayid`. The parameters of a mini program have no `appId`.
pub(super) fn parse(gateway: &Gateway, parameters: &[u8]) -> Result<PaymentRequest, InvalidParameter> {
    let invalid = InvalidParameter::new;
    let members: Map<String, Value> = serde_json::from_slice(parameters)
        .map_err(|_| invalid("parameters", "must be a JSON object in UTF-8"))?;
    let params = if is_page(&members) { page(&members)? } else { app(&members)? };
    let placed = PlacedOrder::find(gateway, params.prepay_id);
    let placed = placed.filter(|placed| placed.trade_type == params.trade_type);
    let placed =
        placed.ok_or_else(|| invalid("prepay_id", "must be a prepay_id of an order of this trade type"))?;
    let merchant = gateway.merchant_by_mchid(&placed.mchid);
    let merchant = merchant.ok_or_else(|| invalid("partnerid", "must be a known merchant"))?;
    let partner = members.get("partnerid").and_then(Value::as_str);
    let is_partner = |mchid: &MchId| partner == Some(mchid.as_str());
    if params.trade_type == TradeType::App
        && !is_partner(&placed.mchid)
        && !placed.sub_mchid.as_ref().is_some_and(is_partner)
    {
        return Err(invalid("partnerid", "must be the order's merchant"));
    }
    let mut apps =
        placed.appids.iter().filter(|appid| params.appid.is_none_or(|id| id == appid.as_str())).peekable();
    if apps.peek().is_none() {
        return Err(invalid("appid", "must be the order's app"));
    }
    // The parameters of a mini program do not name the app, so every app of the order is tried.
    if !apps.any(|appid| is_signed_by(merchant, appid.as_str(), &params)) {
        return Err(invalid(
            params.signature.0,
            "must be the merchant's RSA signature over the four lines appid, time, nonce, package or prepayid",
        ));
    }
    let PlacedOrder { total, description, mchid, out_trade_no, .. } = placed;
    Ok(PaymentRequest { total, description, mchid, out_trade_no, prepay_id: params.prepay_id.into() })
}

/// Adds the causes to refused parameters. They explain the refusal, and change nothing of it.
pub(super) fn explained(gateway: &Gateway, parameters: &[u8], invalid: InvalidParameter) -> InvalidParameter {
    let Some(explanation) = explanation(gateway, parameters).filter(|explanation| !explanation.valid) else {
        return invalid;
    };
    let summary = Some(explanation.summary()).filter(|summary| !summary.is_empty());
    let causes = explanation.causes.into_iter().map(|cause| ParameterCause {
        id: cause.id.as_str(),
        is_proved: cause.certainty == Certainty::Exact,
        message: cause.message(Language::English),
        chinese: cause.message(Language::Chinese),
    });
    InvalidParameter { causes: causes.collect(), summary, ..invalid }
}

/// Explains parameters by the keys and the app of the order that they name. `None` if they name none.
fn explanation(gateway: &Gateway, parameters: &[u8]) -> Option<Explanation> {
    let members: Map<String, Value> = serde_json::from_slice(parameters).ok()?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let id = text("prepayid").or_else(|| text("package"))?;
    let id = id.trim_start_matches("prepay_id=");
    let placed = PlacedOrder::find(gateway, id.split('&').next().unwrap_or(id))?;
    let mut keys = Keys::default();
    v3::add_keys(&mut keys, gateway.merchant_by_mchid(&placed.mchid)?);
    let mut explainer = Explainer::new(keys).with_mchid(placed.mchid.as_str());
    if let Some(appid) = placed.appids.first() {
        explainer = explainer.with_appid(appid.as_str());
    }
    let message = Message {
        kind: Kind::ClientParams,
        method: String::new(),
        url: String::new(),
        headers: Vec::new(),
        body: parameters.to_vec(),
    };
    Some(explainer.explain(&message, None))
}

/// Parses the parameters of a page: `appId`, `timeStamp`, `nonceStr`, `package`, `signType` and `paySign`.
fn page(members: &Map<String, Value>) -> Result<Parameters<'_>, InvalidParameter> {
    if text(members, "signType")? != "RSA" {
        return Err(InvalidParameter::new("signType", "must be RSA"));
    }
    let package = text(members, "package")?;
    let id = package.strip_prefix("prepay_id=");
    let id =
        id.ok_or_else(|| InvalidParameter::new("package", "must be prepay_id= followed by the prepay_id"))?;
    Ok(Parameters {
        trade_type: TradeType::Jsapi,
        appid: members.contains_key("appId").then(|| text(members, "appId")).transpose()?,
        // Installment parameters may follow, separated by `&`.
        prepay_id: id.split('&').next().unwrap_or(id),
        signed: [seconds(members, "timeStamp")?, text(members, "nonceStr")?, package],
        signature: ("paySign", text(members, "paySign")?),
    })
}

/// Parses the parameters of an app: `appid`, `partnerid`, `prepayid`, `package`, `noncestr`, `timestamp` and `sign`.
fn app(members: &Map<String, Value>) -> Result<Parameters<'_>, InvalidParameter> {
    if text(members, "package")? != "Sign=WXPay" {
        return Err(InvalidParameter::new("package", "must be Sign=WXPay"));
    }
    let prepay_id = text(members, "prepayid")?;
    Ok(Parameters {
        trade_type: TradeType::App,
        appid: Some(text(members, "appid")?),
        prepay_id,
        signed: [seconds(members, "timestamp")?, text(members, "noncestr")?, prepay_id],
        signature: ("sign", text(members, "sign")?),
    })
}

fn text<'a>(members: &'a Map<String, Value>, field: &'static str) -> Result<&'a str, InvalidParameter> {
    let value = members.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    value.ok_or_else(|| InvalidParameter::new(field, NON_EMPTY))
}

/// Returns a member that is a time in seconds. It must be a JSON string: real clients refuse a number.
fn seconds<'a>(members: &'a Map<String, Value>, field: &'static str) -> Result<&'a str, InvalidParameter> {
    let value = text(members, field)?;
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    if digits { Ok(value) } else { Err(InvalidParameter::new(field, "must be a decimal number of seconds")) }
}

fn is_signed_by(merchant: &Merchant, appid: &str, params: &Parameters<'_>) -> bool {
    let [time, nonce, last] = params.signed;
    let message = format!("{appid}\n{time}\n{nonce}\n{last}\n");
    let signature = STANDARD.decode(params.signature.1).unwrap_or_default();
    merchant.verify(message.as_bytes(), &signature)
}

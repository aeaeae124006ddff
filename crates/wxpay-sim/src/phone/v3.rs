//! The third generation's parameters: of a page or a mini program, and of an app.

use super::{PayResp, Refused};
use crate::{
    gateway::{CannotPay, Gateway, Named, PaidTransaction, Payer},
    ledger::v3::TradeType,
    merchant::Merchant,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Map, Value};
use wxpay_proto::{
    Fen, UnixTime,
    id::{AppId, MchId, OutTradeNo},
};

/// What the payer sees before the tap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Bill {
    /// What is to be paid, in fen.
    pub total: Fen,
    /// What is bought; of a combined order, the first.
    pub description: String,
    /// Who ordered it.
    pub mchid: MchId,
    /// Its number.
    pub out_trade_no: OutTradeNo,
    /// The order on the gateway.
    pub prepay_id: String,
}

/// An order, or a combined one, as far as a phone is concerned.
struct Placed {
    trade_type: TradeType,
    total: Fen,
    description: String,
    /// Who placed it, and signs.
    mchid: MchId,
    out_trade_no: OutTradeNo,
    /// Its app, and the sub-merchant's.
    appids: Vec<AppId>,
    sub_mchid: Option<MchId>,
}

impl Placed {
    fn named(gateway: &Gateway, named: &Named, now: UnixTime) -> Option<Self> {
        let order = gateway.transaction(named, now)?;
        let Some(whole) = gateway.combined(named, now) else {
            return Some(Self {
                trade_type: order.trade_type,
                total: order.total,
                description: order.description,
                mchid: order.mchid,
                out_trade_no: order.out_trade_no,
                appids: [Some(order.appid), order.sub_appid].into_iter().flatten().collect(),
                sub_mchid: order.sub_mchid,
            });
        };
        let all = whole.sub_orders.iter();
        let total = all.clone().fold(0, |sum: u64, order| sum.saturating_add(order.total.get()));
        let sub_appids = all.filter_map(|order| order.sub_appid.clone());
        Some(Self {
            trade_type: whole.trade_type,
            total: Fen::new(total),
            description: order.description,
            mchid: whole.combine_mchid,
            out_trade_no: whole.combine_out_trade_no,
            appids: [whole.combine_appid].into_iter().chain(sub_appids).collect(),
            sub_mchid: None,
        })
    }
}

/// The parameters in one form, whichever program made them.
struct Parameters<'a> {
    trade_type: TradeType,
    appid: Option<&'a str>,
    prepay_id: &'a str,
    /// What was signed besides the app, in order, and where the signature is.
    signed: [&'a str; 3],
    signature: (&'static str, &'a str),
}

const MUST: &str = "must be there, a text that is not empty";

impl Bill {
    /// Whether the parameters are of this generation: those of a page always, those of an app if the order is.
    #[must_use]
    pub fn is_meant(gateway: &Gateway, parameters: &[u8], now: UnixTime) -> bool {
        let Ok(members) = serde_json::from_slice::<Map<String, Value>>(parameters) else { return false };
        let known = |id: &str| gateway.transaction(&Named::Handle(id.into()), now).is_some();
        members.contains_key("paySign") || members.get("prepayid").and_then(Value::as_str).is_some_and(known)
    }

    /// Reads the parameters as the program on the phone got them, a JSON object: those of a page or a mini program
    /// (`paySign` over app, time, nonce and `prepay_id=…`), or those of an app (`sign` over app, time, nonce and the
    /// bare `prepayid`). A mini program leaves out `appId`.
    ///
    /// # Errors
    ///
    /// [`Refused`] with the field at fault: not JSON, one missing, another merchant's, an order that is not known, a
    /// signature that does not match.
    pub fn read(gateway: &Gateway, parameters: &[u8], now: UnixTime) -> Result<Self, Refused> {
        let refused = |field, rule| Refused { field, rule };
        let members: Map<String, Value> = serde_json::from_slice(parameters)
            .map_err(|_| refused("parameters", "must be a JSON object in UTF-8"))?;
        let said = if members.contains_key("paySign") { page(&members)? } else { app(&members)? };
        let placed = Placed::named(gateway, &Named::Handle(said.prepay_id.into()), now);
        let placed = placed.filter(|placed| placed.trade_type == said.trade_type);
        let placed =
            placed.ok_or_else(|| refused("prepay_id", "must be one that an order of this kind gave"))?;
        let merchant = gateway.merchant_of(&placed.mchid);
        let merchant = merchant.ok_or_else(|| refused("partnerid", "must be a merchant"))?;
        let partner = members.get("partnerid").and_then(Value::as_str);
        let is_partner = |mchid: &MchId| partner == Some(mchid.as_str());
        if said.trade_type == TradeType::App
            && !is_partner(&placed.mchid)
            && !placed.sub_mchid.as_ref().is_some_and(is_partner)
        {
            return Err(refused("partnerid", "must be the order's merchant"));
        }
        let mut apps = placed
            .appids
            .iter()
            .filter(|appid| said.appid.is_none_or(|said| said == appid.as_str()))
            .peekable();
        if apps.peek().is_none() {
            return Err(refused("appid", "must be the order's app"));
        }
        if !apps.any(|appid| is_signed(merchant, appid.as_str(), &said)) {
            return Err(refused(
                said.signature.0,
                "must be the merchant's RSA signature over the four lines",
            ));
        }
        let Placed { total, description, mchid, out_trade_no, .. } = placed;
        Ok(Self { total, description, mchid, out_trade_no, prepay_id: said.prepay_id.into() })
    }

    /// The payer pays.
    ///
    /// # Errors
    ///
    /// [`CannotPay`], with what the app gets back in [`CannotPay::resp`].
    pub fn pay(
        &self,
        gateway: &mut Gateway,
        payer: &Payer,
        now: UnixTime,
    ) -> Result<(PayResp, PaidTransaction), CannotPay> {
        let paid = gateway.pay_transaction(&Named::Handle(self.prepay_id.clone()), payer, now)?;
        Ok((PayResp::new(0, ""), paid))
    }
}

/// `appId`, `timeStamp`, `nonceStr`, `package`, `signType` and `paySign`.
fn page(members: &Map<String, Value>) -> Result<Parameters<'_>, Refused> {
    if text(members, "signType")? != "RSA" {
        return Err(Refused { field: "signType", rule: "must be RSA" });
    }
    let package = text(members, "package")?;
    let id = package.strip_prefix("prepay_id=");
    let id = id.ok_or(Refused { field: "package", rule: "must be prepay_id= and the prepay_id" })?;
    Ok(Parameters {
        trade_type: TradeType::Jsapi,
        appid: members.contains_key("appId").then(|| text(members, "appId")).transpose()?,
        // Instalments may stand behind it.
        prepay_id: id.split('&').next().unwrap_or(id),
        signed: [seconds(members, "timeStamp")?, text(members, "nonceStr")?, package],
        signature: ("paySign", text(members, "paySign")?),
    })
}

/// `appid`, `partnerid`, `prepayid`, `package`, `noncestr`, `timestamp` and `sign`.
fn app(members: &Map<String, Value>) -> Result<Parameters<'_>, Refused> {
    if text(members, "package")? != "Sign=WXPay" {
        return Err(Refused { field: "package", rule: "must be Sign=WXPay" });
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

fn text<'a>(members: &'a Map<String, Value>, field: &'static str) -> Result<&'a str, Refused> {
    let said = members.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    said.ok_or(Refused { field, rule: MUST })
}

/// Seconds are a text here, and phones refuse a number.
fn seconds<'a>(members: &'a Map<String, Value>, field: &'static str) -> Result<&'a str, Refused> {
    let said = text(members, field)?;
    let digits = said.bytes().all(|byte| byte.is_ascii_digit());
    if digits { Ok(said) } else { Err(Refused { field, rule: "must be seconds in digits" }) }
}

fn is_signed(merchant: &Merchant, appid: &str, said: &Parameters<'_>) -> bool {
    let [time, nonce, last] = said.signed;
    let message = format!("{appid}\n{time}\n{nonce}\n{last}\n");
    let signature = STANDARD.decode(said.signature.1).unwrap_or_default();
    merchant.verifies(message.as_bytes(), &signature)
}

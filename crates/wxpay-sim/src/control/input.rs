//! What a caller of the interface may say, and the rules of it.

use super::problem::Problem;
use crate::{faults::Step, gateway::Payer};
use serde_json::{Map, Value};
use wxpay_proto::{
    Fen,
    id::{Invalid, MchId, OutTradeNo},
};

pub(super) fn order_number(text: &str) -> Result<OutTradeNo, Problem> {
    let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    text.parse().map_err(|error: Invalid| Problem::field(error.field(), error.rule()))
}

pub(super) fn mchid(text: &str) -> Result<MchId, Problem> {
    text.parse().map_err(|error: Invalid| Problem::field("mchid", error.rule()))
}

pub(super) fn step(word: &str) -> Result<Step, Problem> {
    Step::named(word).ok_or_else(|| Problem::field("step", "must be obtain, switch, roll_back or void"))
}

pub(super) fn payer(fields: &Fields) -> Result<Payer, Problem> {
    fields.refuse_all_but(&["openid", "discount", "bank_type"])?;
    let mut payer = Payer::default();
    if let Some(openid) = fields.text("openid")? {
        let openid = openid.parse();
        payer =
            payer.with_openid(openid.map_err(|error: Invalid| Problem::field(error.field(), error.rule()))?);
    }
    if let Some(discount) = fields.number("discount", 0..=u64::MAX)? {
        payer = payer.with_discount(Fen::new(discount));
    }
    if let Some(bank_type) = fields.text("bank_type")? {
        payer = payer.with_bank_type(bank_type);
    }
    Ok(payer)
}

/// The members of a JSON object.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn required(body: &[u8]) -> Result<Self, Problem> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            _ => Err(Problem::field("body", "must be a JSON object")),
        }
    }

    /// An empty body is an empty object.
    pub(super) fn optional(body: &[u8]) -> Result<Self, Problem> {
        if body.trim_ascii().is_empty() { Ok(Self(Map::new())) } else { Self::required(body) }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    pub(super) fn refuse_all_but(&self, known: &[&str]) -> Result<(), Problem> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Problem::field(name, "is not known here")),
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::field(name, "must be a string")),
        }
    }

    pub(super) fn truth(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(*truth)),
            Some(_) => Err(Problem::field(name, "must be true or false")),
        }
    }

    pub(super) fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, Problem> {
        let value = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value.as_u64().filter(|number| range.contains(number)),
        };
        let rule = || format!("must be a whole number from {} to {}", range.start(), range.end());
        value.map(Some).ok_or_else(|| Problem::field(name, &rule()))
    }
}

//! What a caller of the interface may say, and the rules of it.

use super::problem::Problem;
use crate::{
    faults::{Operation, Rule, Trouble},
    gateway::Payer,
};
use serde_json::{Map, Value};
use wxpay_proto::{
    Fen, UnixTime,
    id::{Invalid, OutTradeNo},
};

pub(super) fn order_number(text: &str) -> Result<OutTradeNo, Problem> {
    let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    text.parse().map_err(|error: Invalid| Problem::field(error.field(), error.rule()))
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

pub(super) fn rule(fields: &Fields) -> Result<Rule, Problem> {
    fields.refuse_all_but(&[
        "kind",
        "operation",
        "out_trade_no",
        "per_mille",
        "count",
        "from",
        "until",
        "millis",
        "bytes",
        "effect",
    ])?;
    let kind = fields.text("kind")?.ok_or_else(|| Problem::field("kind", "must be there"))?;
    let trouble = trouble(kind, fields)?;
    let mut rule = Rule::new(trouble);
    if let Some(word) = fields.text("operation")? {
        let operation = Operation::named(word).ok_or_else(|| {
            Problem::field("operation", "must be token, genprepay, orderquery, delivernotify, notice or pay")
        })?;
        if !trouble.befalls(operation) {
            return Err(Problem::field("operation", "must be one that this kind can befall"));
        }
        rule = rule.on(operation);
    }
    if let Some(number) = fields.text("out_trade_no")? {
        rule = rule.of_order(order_number(number)?);
    }
    if let Some(per_mille) = fields.number("per_mille", 0..=1000)? {
        rule = rule.per_mille(u32::try_from(per_mille).unwrap_or(1000));
    }
    if let Some(count) = fields.number("count", 0..=u64::from(u32::MAX))? {
        rule = rule.times(u32::try_from(count).unwrap_or(u32::MAX));
    }
    let moment = |name| fields.number(name, 0..=u64::MAX).map(|second| second.map(UnixTime::from_secs));
    Ok(rule.within(moment("from")?, moment("until")?))
}

fn trouble(kind: &str, fields: &Fields) -> Result<Trouble, Problem> {
    let effect = fields.truth("effect")?;
    let millis = fields.number("millis", 0..=600_000)?;
    let bytes = fields.number("bytes", 0..=1_000_000)?;
    let trouble = match kind {
        "lost_after" => Trouble::LostAfter,
        "lost_before" => Trouble::LostBefore,
        "delayed" => {
            Trouble::Delayed { millis: millis.ok_or_else(|| Problem::field("millis", "must be there"))? }
        }
        "cut" => Trouble::Cut { bytes: usize::try_from(bytes.unwrap_or_default()).unwrap_or_default() },
        "server_error" => Trouble::ServerError { effect: effect.unwrap_or_default() },
        "garbage" => Trouble::Garbage { effect: effect.unwrap_or_default() },
        "system_error" => Trouble::SystemError { effect: effect.unwrap_or_default() },
        "token_replaced" => Trouble::TokenReplaced,
        "token_expired" => Trouble::TokenExpired,
        "quota_used_up" => Trouble::QuotaUsedUp,
        "early" => Trouble::Early,
        "second_payment" => Trouble::SecondPayment,
        "notice_lost" => Trouble::NoticeLost,
        "notice_doubled" => Trouble::NoticeDoubled,
        "notice_reordered" => Trouble::NoticeReordered,
        "notice_forged" => Trouble::NoticeForged,
        _ => return Err(Problem::field("kind", "must be a kind of trouble that the README lists")),
    };
    Ok(trouble)
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

    pub(super) fn refuse_all_but(&self, known: &[&str]) -> Result<(), Problem> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Problem::field(name, "is not known here")),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::field(name, "must be a string")),
        }
    }

    fn truth(&self, name: &str) -> Result<Option<bool>, Problem> {
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

//! Why a call of the interface was refused, as problem details (RFC 9457).

use super::Answer;
use crate::{gateway::CannotPay, phone::PayResp};
use serde_json::{Map, Value};

/// Members besides the status; see [`Answer::content_type`].
pub(super) struct Problem {
    status: u16,
    members: Map<String, Value>,
}

impl Problem {
    /// A field that breaks its rule; `rule` ends a sentence that begins with the field's name.
    pub(super) fn field(field: &str, rule: &str) -> Self {
        Self::new(400, "a field breaks its rule", &format!("{field} {rule}"))
            .with("field", field)
            .with("rule", rule)
    }

    pub(super) fn cannot(cannot: CannotPay) -> Self {
        match cannot {
            CannotPay::NoSuchOrder => Self::new(404, "no such order", &cannot.to_string()),
            CannotPay::AlreadyPaid | CannotPay::Expired => {
                Self::new(409, "the order cannot be paid", &cannot.to_string())
            }
            CannotPay::DiscountTooLarge => Self::field("discount", "must leave at least 1 fen to pay"),
            CannotPay::BankType => Self::field("bank_type", "must be 1 to 16 of 0-9 A-Z a-z _"),
            CannotPay::OtherPayer => Self::field("openid", "must be the payer whom the order was placed for"),
        }
    }

    pub(super) fn no_such_call() -> Self {
        Self::new(404, "no such call", "the control interface has no call of that method and path")
    }

    /// Adds what the app gets back.
    pub(super) fn with_resp(self, resp: &PayResp) -> Self {
        let resp = serde_json::to_value(resp).unwrap_or_default();
        self.with("resp", resp)
    }

    pub(super) fn into_answer(self) -> Answer {
        Answer { status: self.status, body: Value::Object(self.members), notices_first: false }
    }

    fn new(status: u16, title: &str, detail: &str) -> Self {
        let empty = Self { status, members: Map::new() };
        empty.with("title", title).with("status", status).with("detail", detail)
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(String::from(name), value.into());
        self
    }
}

//! The input of a request: values that satisfy their declared rules, and their conversion to operations.

mod config;
mod orders;
mod values;
mod webhooks;

use super::{
    cursor::{Cursor, List},
    fields::DEFAULT_LIMIT,
    operation::{
        ListAudit, ListCases, ListEvents, NotificationKind, NotificationRef, Page, Remedy, ResolveCase,
        StreamEvents,
    },
    problem::Problem,
};
pub(crate) use values::Values;
use wxpay_proto::v3::{Sensitive, refund::BankCard};

/// The values of a request, by name, each in accordance with its field.
#[derive(Debug, Default)]
pub(crate) struct Input {
    pub(crate) path: Values,
    pub(crate) query: Values,
    pub(crate) headers: Values,
    pub(crate) body: Values,
}

impl Input {
    /// Returns an id of the path.
    pub(crate) fn id(&mut self, name: &str) -> Result<String, Problem> {
        self.path.required_text(name)
    }

    /// Returns the page that the query selects.
    fn page(&mut self, list: List) -> Result<Page, Problem> {
        let limit = self.query.number("limit").unwrap_or(DEFAULT_LIMIT);
        let cursor = self.query.text("cursor").map(|text| Cursor::decode(list, &text)).transpose()?;
        Ok(Page { cursor, limit: usize::try_from(limit).unwrap_or(usize::MAX) })
    }

    fn types(&mut self) -> Vec<String> {
        let types = self.query.text("types").unwrap_or_default();
        types.split(',').filter(|kind| !kind.is_empty()).map(String::from).collect()
    }

    pub(crate) fn list_events(&mut self) -> Result<ListEvents, Problem> {
        Ok(ListEvents {
            merchant: self.query.text("merchant"),
            types: self.types(),
            page: self.page(List::Events)?,
        })
    }

    pub(crate) fn stream_events(&mut self) -> Result<StreamEvents, Problem> {
        let (merchant, types) = (self.query.text("merchant"), self.types());
        let (last, cursor) = (self.headers.text("Last-Event-ID"), self.query.text("cursor"));
        let after = last.or(cursor).map(|text| Cursor::decode(List::Events, &text)).transpose()?;
        Ok(StreamEvents { merchant, types, after })
    }

    pub(crate) fn list_cases(&mut self) -> Result<ListCases, Problem> {
        Ok(ListCases {
            merchant: self.query.text("merchant"),
            status: self.query.text("status"),
            page: self.page(List::Cases)?,
        })
    }

    pub(crate) fn resolve_case(&mut self) -> Result<ResolveCase, Problem> {
        let remedy = self.body.required_text("remedy")?;
        let (destination, note) = (self.body.object("destination"), self.body.text("note"));
        let remedy = match (remedy.as_str(), destination) {
            ("redirect", Some(destination)) => Remedy::Redirect(bank_card(destination)?),
            ("redirect", None) => {
                return Err(Problem::invalid_field("destination", "is required for the remedy redirect"));
            }
            (_, Some(_)) => {
                return Err(Problem::invalid_field("destination", "is only for the remedy redirect"));
            }
            ("refund", None) => Remedy::Refund,
            ("retry", None) => Remedy::Retry,
            (_, None) => Remedy::Accept,
        };
        Ok(ResolveCase { case_id: self.id("case_id")?, remedy, note })
    }

    pub(crate) fn list_audit(&mut self) -> Result<ListAudit, Problem> {
        Ok(ListAudit { subject: self.query.text("subject"), page: self.page(List::Audit)? })
    }

    pub(crate) fn notification(&mut self) -> Result<NotificationRef, Problem> {
        let kind = match self.id("kind")?.as_str() {
            "refund" => NotificationKind::Refund,
            "v1" => NotificationKind::V1,
            _ => NotificationKind::Payment,
        };
        Ok(NotificationRef { merchant: self.id("merchant")?, kind })
    }
}

/// Returns the payer's bank card that a refund goes to. `None`: the merchant's own.
fn bank_card(mut destination: Values) -> Result<Option<BankCard>, Problem> {
    if destination.required_text("type")? == "MERCHANT_BANK_CARD" {
        return Ok(None);
    }
    let bank_type = destination.required_text("bank_type")?;
    let mut sensitive = |name: &str| -> Result<Sensitive, Problem> {
        let text = destination.required_text(name)?;
        Sensitive::new(text)
            .map_err(|error| Problem::invalid_field(format!("destination.{name}"), error.rule()))
    };
    let (bank_account, real_name) = (sensitive("bank_account")?, sensitive("real_name")?);
    // The destination cannot be corrected once WeChat Pay has accepted it.
    if !bank_account.expose().bytes().all(|byte| byte.is_ascii_digit()) {
        let rule = "must be the digits of the card's number, without blanks";
        return Err(Problem::invalid_field("destination.bank_account", rule));
    }
    BankCard::new(bank_type, bank_account, real_name)
        .map(Some)
        .map_err(|error| Problem::invalid_field("destination.bank_type", error.rule()))
}

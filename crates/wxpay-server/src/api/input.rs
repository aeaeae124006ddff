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
        let remedy = match self.body.required_text("remedy")?.as_str() {
            "refund" => Remedy::Refund,
            "retry" => Remedy::Retry,
            _ => Remedy::Accept,
        };
        Ok(ResolveCase { case_id: self.id("case_id")?, remedy, note: self.body.text("note") })
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

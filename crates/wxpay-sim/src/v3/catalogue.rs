//! The operations of a catalogue: those that a user's description knows and this simulator does not implement.
//!
//! Their requests are verified like all others and checked against the description; the setting
//! [`catalogue_check`](crate::settings::V3::catalogue_check) decides whether what breaks it is refused. Their replies are made from its
//! schemas: the request is echoed, and what was written under a merchant's number is returned by a later query.
//! Such a reply is marked with the header `Wxpay-Sim: catalogue`, and in the log with [`LABEL`].
//!
//! Queries of money are an exception: an order, a refund or a balance that nobody wrote is "not found", never invented.

mod reply;
mod times;
mod validate;
mod words;
mod writes;

pub(super) use validate::{Call, Verified, validate};
pub(super) use writes::Writes;

use super::{
    certificates,
    errors::{self, Refusal},
    reply::Reply,
};
use crate::{gateway::Gateway, warnings::Kind};
use reply::Maker;
use serde_json::Value;
use std::sync::Arc;
use wxpay_catalogue::{Catalogue, Complaint};

/// The label of all operations of the catalogue, in logs and for fault rules.
pub(crate) const LABEL: &str = "v3.catalogue";

/// The header that marks replies made from the catalogue.
pub(super) const MARK: (&str, &str) = ("wxpay-sim", "catalogue");

impl Gateway {
    /// Answers the operations of a catalogue, besides those that the gateway implements. `None` removes it.
    pub fn set_catalogue(&mut self, catalogue: Option<Catalogue>) {
        self.directory.catalogue = catalogue.map(Arc::new);
    }
}

/// Answers a valid request.
pub(super) fn answer(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let operation = &call.found.operation;
    if !call.complaints.is_empty() {
        let number = writes::subject(call);
        let detail = format!("{} {} {}", operation.method, operation.path, listed(&call.complaints));
        gateway.warn(call.now, Kind::BrokenDescription, number.as_deref(), detail);
    }
    let is_query = operation.method == "GET";
    if is_query && operation.path.ends_with("v3/certificates") || operation.path == "/v3/global/certificates"
    {
        // A client trusts what this list contains: it must be real.
        return certificates::list_for(gateway, &call.mchid, call.now, true);
    }
    let earlier = gateway.v3.catalogue.find(call).cloned();
    if is_query && earlier.is_none() && words::is_money_query(operation) {
        let reason = "no request to the catalogue has written this number, and money is not invented";
        return Err(errors::RESOURCE_NOT_EXISTS.with_reason(reason));
    }
    if let Some(file_type) = &operation.reply.file_type {
        return Ok(Reply::file(b"wxpay-sim\n".to_vec(), words::static_content_type(file_type)));
    }
    let body = match operation.reply.schema.as_deref().filter(|_| operation.reply.status != 204) {
        None => None,
        Some(schema) => {
            let maker = Maker::new(gateway, call, earlier.as_deref());
            Some(maker.reply(schema).ok_or_else(|| {
                errors::SYSTEM_ERROR.with_reason("a sensitive field cannot be encrypted for the merchant")
            })?)
        }
    };
    if !is_query {
        let max = gateway.settings().max_orders;
        gateway.v3.catalogue.add(call, earlier.as_deref(), body.as_ref(), max);
    }
    Ok(match body {
        Some(Value::Object(members)) if members.is_empty() && operation.reply.status == 202 => {
            Reply::accepted()
        }
        Some(body) => Reply::of(operation.reply.status, &body, 0),
        None if operation.reply.status == 202 => Reply::accepted(),
        None if operation.reply.status == 204 => Reply::no_content(),
        None => Reply::of(operation.reply.status, &Value::Object(serde_json::Map::new()), 0),
    })
}

/// The maximum number of complaints in a warning.
const MAX_LISTED: usize = 5;

/// Lists complaints in one line.
fn listed(complaints: &[Complaint]) -> String {
    let shown: Vec<String> = complaints.iter().take(MAX_LISTED).map(ToString::to_string).collect();
    let more = complaints.len().saturating_sub(MAX_LISTED);
    let more = if more > 0 { format!("; {more} more") } else { String::new() };
    format!("{}{more}", shown.join("; "))
}

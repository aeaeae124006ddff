//! Pages of lists. The gateway is locked while a page is made, so a page examines a bounded number of records.

use super::{
    ControlResponse,
    call::Call,
    field::{DIGITS, Field, Kind, NUMBER_CURSOR, POSITION, RECEIVER_CURSOR, SHORT_NUMBER_CURSOR, optional},
};
use serde::Serialize;
use wxpay_openapi::{Header, Schema};

/// Parameters of a list in the order of arrival.
pub(super) const BY_POSITION: &[Field] = &[LIMIT, after(Kind::Form(&POSITION))];
/// Parameters of a list of merchants.
pub(super) const BY_MCHID: &[Field] = &[LIMIT, after(Kind::Text(1, 32, DIGITS))];
/// Parameters of a list of merchants' numbers of up to 64 characters.
pub(super) const BY_NUMBER: &[Field] = &[LIMIT, after(Kind::Form(&NUMBER_CURSOR))];
/// Parameters of a list of merchants' numbers of up to 32 letters and digits.
pub(super) const BY_SHORT_NUMBER: &[Field] = &[LIMIT, after(Kind::Form(&SHORT_NUMBER_CURSOR))];
/// Parameters of the list of receivers.
pub(super) const BY_RECEIVER: &[Field] = &[LIMIT, after(Kind::Form(&RECEIVER_CURSOR))];

/// Response header of lists that are returned page by page.
pub(super) const LINK: &[Header] = &[Header {
    name: "Link",
    schema: Schema::Text,
    description: "`<URL>; rel=\"next\"`: the next page. Absent on the last page.",
}];

const LIMIT: Field =
    optional("limit", Kind::Number(1, MAX_LIMIT), "The maximum number of records to return. Default: 100.");

const fn after(kind: Kind) -> Field {
    optional("after", kind, "The cursor of the previous page, as in its Link header.")
}

const MAX_LIMIT: u64 = 1000;
const DEFAULT_LIMIT: u64 = 100;
/// Maximum number of records that one page examines: a filter may match none of them.
const MAX_EXAMINED: usize = 2000;

/// Builds a page of the wanted records, which follow the cursor of the request. Each record comes with its own cursor.
/// The response has the cursor of the next page if there may be one.
pub(super) fn page<C: ToString, T: Serialize>(
    call: &Call<'_>,
    records: impl Iterator<Item = (C, T)>,
    is_wanted: impl Fn(&T) -> bool,
) -> ControlResponse {
    let limit = call.query.number("limit").unwrap_or(DEFAULT_LIMIT);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut page, mut last) = (Vec::new(), None);
    let mut records = records.peekable();
    for (cursor, record) in records.by_ref().take(MAX_EXAMINED) {
        last = Some(cursor);
        if is_wanted(&record) {
            page.push(record);
        }
        if page.len() == limit {
            break;
        }
    }
    let next = last.filter(|_| records.peek().is_some()).map(|cursor| cursor.to_string());
    ControlResponse { next, ..ControlResponse::json(page) }
}

/// Splits a cursor of the form `mchid/number`.
pub(super) fn cursor<'a>(call: &'a Call<'_>) -> Option<(&'a str, &'a str)> {
    call.query.text("after")?.split_once('/')
}

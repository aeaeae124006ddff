//! Pages of lists.

use super::Answer;
use crate::api::cursor::{Cursor, List};
use serde::Serialize;
use serde_json::{Value, json};

/// Returns a page. `next` is the position after the last row, if there may be more.
pub(super) fn page(list: List, data: &[Value], next: Option<&impl Serialize>) -> Answer {
    let next_cursor = next.map(|position| Cursor::encode(list, position));
    Answer::ok(json!({ "data": data, "has_more": next_cursor.is_some(), "next_cursor": next_cursor }))
}

/// Cuts rows that were read, one more than the page has, to the page. Returns whether there are more.
pub(super) fn cut<T>(rows: &mut Vec<T>, limit: usize) -> bool {
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    has_more
}

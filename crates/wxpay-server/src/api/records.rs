//! Records of responses, declared for the document.

mod case;
mod event;
mod merchant;
mod order;
mod problem;
mod refund;
mod webhook;

pub(crate) use case::{AUDIT, CASE, CASES, remedies};
pub(crate) use event::{EVENT_STREAM, EVENTS};
pub(crate) use merchant::{API_KEY, API_KEYS, MERCHANT, MERCHANTS, NEW_API_KEY, scopes};
pub(crate) use order::{ORDER, ORDERS, PAYABLE_ORDER, channels, statuses as order_statuses};
pub(crate) use problem::PROBLEM;
pub(crate) use refund::{REFUND, REFUNDS};
pub(crate) use webhook::{ATTEMPTS, ENDPOINT, ENDPOINTS, NEW_SECRET, REPLAY, TEST};

use wxpay_openapi::{Member, Schema, required_member};

/// Members that every list has besides `data`.
const NEXT_CURSOR: Member = required_member(
    "next_cursor",
    Schema::Nullable(&Schema::Text),
    "The cursor of the next page; null on the last page.",
);
const HAS_MORE: Member = required_member("has_more", Schema::Boolean, "True if there is a next page.");

/// Declares a list of records that is returned page by page.
macro_rules! list {
    ($(#[$doc:meta])* $list:ident, $name:literal, $record:ident) => {
        $(#[$doc])*
        pub(crate) const $list: wxpay_openapi::Schema = wxpay_openapi::Schema::Record(&wxpay_openapi::Record {
            name: $name,
            description: "A page of a list.",
            members: &[
                wxpay_openapi::required_member(
                    "data",
                    wxpay_openapi::Schema::List(&$record),
                    "The records of this page.",
                ),
                $crate::api::records::NEXT_CURSOR,
                $crate::api::records::HAS_MORE,
            ],
        });
    };
}
use list;

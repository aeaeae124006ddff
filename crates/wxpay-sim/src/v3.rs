//! APIv3: JSON over HTTPS, signed with RSA in both directions.
//!
//! # Validation
//!
//! [`validate`] checks every request in this order and refuses it at the first failed check: the headers `Accept` and
//! `User-Agent`; the form of `Authorization`; its timestamp; its merchant; its certificate; its signature over the raw
//! target and the raw body; `Wechatpay-Negative-Test`; path and method; the rate limit; the parameters of the path, the
//! query and the body, field by field; `Wechatpay-Serial` where the tables require it. Later checks belong to the
//! product.
//!
//! # Adding a product
//!
//! A product is a file or a directory of this module. It has a table of [`Operation`](operation::Operation)s and a
//! function for each:
//!
//! ```text
//! pub(crate) const OPERATIONS: &[Operation] = &[
//!     Operation::post("v3.refund.create", "/v3/refund/domestic/refunds", FIELDS, create).calls_per_second(150),
//!     Operation::get("v3.refund.query", "/v3/refund/domestic/refunds/{out_refund_no}", query).with_query(QUERY),
//! ];
//!
//! const FIELDS: &[Field] =
//!     &[required("out_refund_no", "商户退款单号", Kind::Text(bytes(1, 64), Alphabet::RefundNumber)), …];
//!
//! fn create(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> { … }
//! ```
//!
//! * The table is listed in `OPERATION_TABLES` of [`route`].
//! * Fields are declared with the types of [`fields`]. The body has been validated when the function runs; the function
//!   reads it with [`Call::text`](call::Call::text), [`number`](call::Call::number) and similar methods, by JSON
//!   pointers.
//! * A refusal is a code of [`errors`] with a message or a reason; it is signed, unlike those of the field check. The
//!   function must not have changed anything when it returns one.
//! * An event that happens later is a [`Task`](crate::gateway::tasks::Task); a notification is sent with
//!   `Gateway::notify`.
//! * State is kept in the [`ledger`](crate::ledger).

mod authorization;
mod bill;
pub(crate) mod call;
pub(crate) mod catalogue;
mod cause;
mod certificates;
mod combine;
mod download;
mod echo;
pub(crate) mod errors;
mod exchange;
pub(crate) mod fields;
mod form;
pub(crate) mod inspect;
mod keys;
mod media;
mod multipart;
pub(crate) mod notification;
pub(crate) mod operation;
mod party;
mod path;
pub(crate) mod pay;
mod profitsharing;
mod rates;
mod refund;
mod reply;
pub(crate) mod route;
mod serial;
mod signature;
mod transfer;
mod validate;

pub(crate) use cause::add_keys;
pub use refund::PlatformRefundError;
pub use route::SupportedOperation;

use crate::{
    clock::Now,
    front_end::{self, Directory, Exchange},
};
use download::Downloads;
use form::Form;
use rates::RateLimiter;
use std::sync::Arc;
use wxpay_proto::http::Request;

/// The front end of APIv3.
#[derive(Debug)]
pub(crate) struct FrontEnd;

impl front_end::FrontEnd for FrontEnd {
    fn serves(&self, path: &str) -> bool {
        wxpay_catalogue::is_api_v3(path)
    }

    fn read<'a>(&self, request: &'a Request, directory: &Directory, now: Now) -> Box<dyn Exchange + 'a> {
        Box::new(exchange::ReadRequest::read(request, directory, now))
    }
}

/// The state of this front end besides the ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    rates: RateLimiter,
    downloads: Downloads,
    catalogue: catalogue::Writes,
    /// The form of the latest order. Most orders share it.
    latest_form: Option<Arc<Form>>,
}

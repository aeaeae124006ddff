//! The interface for the shop: REST over JSON, declared once in [`routes`].
//!
//! ```text
//! request ─▶ find_route ─▶ (API key, rate limit) ─▶ parse ─▶ Operation ─▶ execute ─▶ Answer
//!               404 405        401 403 429          400 413 415 422
//! ```
//!
//! * [`routes`]: the table of routes, their fields, scopes and problems;
//! * [`records`]: the objects of responses;
//! * [`service`]: the steps from a request to its response;
//! * [`execute`]: the operations, carried out;
//! * [`parse`](mod@parse): the conversion of a request to an [`Operation`](operation::Operation);
//! * [`problem`]: problem details;
//! * [`keys`], [`rate_limit`], [`idempotency`], [`cursor`]: pure rules;
//! * [`document`]: the `OpenAPI` document and its page.

pub(crate) mod cursor;
pub(crate) mod document;
pub(crate) mod execute;
pub(crate) mod fields;
pub(crate) mod idempotency;
pub(crate) mod input;
pub(crate) mod keys;
pub(crate) mod operation;
pub(crate) mod parse;
pub(crate) mod problem;
pub(crate) mod rate_limit;
pub(crate) mod records;
pub(crate) mod routes;
pub(crate) mod service;
pub(crate) mod time;

/// Maximum length of a request body, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

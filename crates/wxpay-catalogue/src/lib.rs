//! Reads a description of WeChat Pay's APIv3 operations, and checks requests against it.
//!
//! The description is the user's own file, Swagger 2.0 or OpenAPI 3 in JSON; the community maintains one in the package
//! `wechatpay-openapi`. This crate contains none. It reads no file and opens no connection: bytes in, complaints out.
//!
//! ```
//! use wxpay_catalogue::{Catalogue, ComplaintKind};
//! use wxpay_proto::{http::Method, v3::Raw};
//!
//! let description = br##"{
//!     "swagger": "2.0",
//!     "paths": {"/v3/lamps/{lamp_id}/switch": {"post": {
//!         "parameters": [
//!             {"name": "lamp_id", "in": "path", "type": "string", "required": true},
//!             {"name": "_", "in": "body", "schema": {
//!                 "type": "object", "required": ["is_on"],
//!                 "properties": {"is_on": {"type": "boolean"}, "owner_name": {"type": "string", "format": "base64"}}
//!             }}
//!         ],
//!         "responses": {"204": {}}
//!     }}}
//! }"##;
//! let (catalogue, defects) = Catalogue::read(description)?;
//! assert!(defects.is_empty());
//!
//! let raw = Raw::new(Method::Post, "/v3/lamps/L1/switch")?.json(br#"{"is_onn": true, "owner_name": "Zhang"}"#)?;
//! let complaints = catalogue.check(raw.method().as_str(), raw.target(), raw.body());
//! let shown: Vec<_> = complaints.iter().map(|complaint| (complaint.kind, complaint.place.as_str())).collect();
//! assert_eq!(shown, [
//!     (ComplaintKind::Unsealed, "/body/owner_name"),
//!     (ComplaintKind::Unknown, "/body/is_onn"),
//!     (ComplaintKind::Missing, "/body/is_on"),
//! ]);
//! assert_eq!(complaints[1].to_string(), "/body/is_onn: unknown field; did you mean is_on?");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Complaints are hints
//!
//! About one in eleven of the official samples breaks the community's table, so a complaint is no refusal: a field may be
//! newer than the file. The caller decides.
//!
//! # Sealed fields
//!
//! A sensitive field is a string with the format `base64`, with `x-is-sensitive`, or whose description says that it is
//! encrypted. Its value must be a ciphertext in Base64.
//!
//! # Limits
//!
//! A file has at most [`MAX_BYTES`]. Operations outside of APIv3 are ignored. A defect of one operation leaves that
//! operation out, and is named by its place as a JSON pointer.

mod check;
mod compile;
mod example;
mod operation;
mod pointer;
mod read;
mod route;
mod schema;
mod search;

pub use check::{Complaint, ComplaintKind, Report};
pub use example::Example;
pub use operation::{Body, Operation, Parameter, Reply};
pub use pointer::{Part, Pointer};
pub use read::{Defect, MAX_BYTES, Unreadable};
pub use route::Found;
pub use schema::{Property, Range, Schema, Type};
pub use search::closest;

use route::Routes;
use std::sync::Arc;

/// The operations of a description.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    operations: Vec<Arc<Operation>>,
    routes: Routes,
}

impl Catalogue {
    /// Returns all operations, sorted by path.
    pub fn operations(&self) -> &[Arc<Operation>] {
        &self.operations
    }

    /// Finds the operation of a request. `path` is a path as sent, without the query. Literal parts take precedence over
    /// parameters.
    pub fn find(&self, method: &str, path: &str) -> Option<Found> {
        self.routes.find(method, path)
    }

    /// Finds the operations that a user names by their path, as described or as sent, and perhaps by a method.
    pub fn named(&self, method: Option<&str>, path: &str) -> Vec<&Arc<Operation>> {
        let path = path.split('?').next().unwrap_or_default();
        let of_method = |operation: &&Arc<Operation>| {
            method.is_none_or(|method| operation.method.eq_ignore_ascii_case(method))
        };
        let described = self.operations.iter().filter(|operation| operation.path == path).filter(of_method);
        let described: Vec<_> = described.collect();
        if !described.is_empty() {
            return described;
        }
        let sent: Vec<_> = self.methods(path).iter().filter_map(|method| self.find(method, path)).collect();
        let is_sent =
            |operation: &&Arc<Operation>| sent.iter().any(|found| Arc::ptr_eq(&found.operation, operation));
        self.operations.iter().filter(is_sent).filter(of_method).collect()
    }

    /// Returns the methods that a path has, as sent.
    pub fn methods(&self, path: &str) -> Vec<&'static str> {
        self.routes.methods(path)
    }
}

/// Returns whether a path is one of APIv3: its first or second part is `v3`, as in `/v3/…`, `/hk/v3/…` and
/// `/global/v3/…`.
pub fn is_api_v3(path: &str) -> bool {
    path.split('/').skip(1).take(2).any(|part| part == "v3")
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! An operation: its method and path, its fields, its rate limits, and the function that answers it.

use super::{call::Call, errors::Refusal, fields::Field, reply::Reply};
use crate::gateway::Gateway;
use wxpay_proto::http::Method;

/// The function that answers an operation.
pub(crate) type Handler = fn(&mut Gateway, &Call) -> Result<Reply, Refusal>;

/// An operation of the APIv3 gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// The label for logs and warnings, for example `v3.pay.jsapi`.
    pub(crate) label: &'static str,
    pub(crate) method: Method,
    /// The path. Parts in braces are parameters.
    pub(crate) path: &'static str,
    pub(crate) query: &'static [Field],
    pub(crate) body: BodyKind,
    /// Additional fields of the body.
    pub(crate) more_fields: &'static [Field],
    /// True if `Wechatpay-Serial` is required even without an encrypted field.
    pub(crate) requires_serial: bool,
    /// The documented limit of requests per second and merchant, if there is one.
    pub(crate) max_calls_per_second: Option<u32>,
    /// The documented limit of failing requests per second and merchant, if there is one.
    pub(crate) max_failures_per_second: Option<u32>,
    pub(crate) handler: Handler,
}

/// The body that an operation accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BodyKind {
    /// No body. A body that is sent is ignored, but the signature covers it.
    Empty,
    /// A JSON object with these fields.
    Json(&'static [Field]),
    /// A file, and a JSON object with these fields that describes it. Only the object is signed.
    Upload(&'static [Field]),
}

impl Operation {
    pub(crate) const fn get(label: &'static str, path: &'static str, handler: Handler) -> Self {
        let (limit, failing_limit) = (None, None);
        Self {
            label,
            method: Method::Get,
            path,
            query: &[],
            body: BodyKind::Empty,
            more_fields: &[],
            requires_serial: false,
            max_calls_per_second: limit,
            max_failures_per_second: failing_limit,
            handler,
        }
    }

    pub(crate) const fn post(
        label: &'static str,
        path: &'static str,
        fields: &'static [Field],
        handler: Handler,
    ) -> Self {
        let (limit, failing_limit) = (None, None);
        let body = BodyKind::Json(fields);
        Self {
            label,
            method: Method::Post,
            path,
            query: &[],
            body,
            more_fields: &[],
            requires_serial: false,
            max_calls_per_second: limit,
            max_failures_per_second: failing_limit,
            handler,
        }
    }

    /// Declares a POST without a body.
    pub(crate) const fn post_without_body(label: &'static str, path: &'static str, handler: Handler) -> Self {
        Self { body: BodyKind::Empty, ..Self::post(label, path, &[], handler) }
    }

    pub(crate) const fn upload(
        label: &'static str,
        path: &'static str,
        meta: &'static [Field],
        handler: Handler,
    ) -> Self {
        Self { body: BodyKind::Upload(meta), ..Self::post(label, path, &[], handler) }
    }

    /// Adds the fields of the query.
    pub(crate) const fn with_query(self, query: &'static [Field]) -> Self {
        Self { query, ..self }
    }

    /// Adds fields of the body. Two operations of one function differ in them.
    pub(crate) const fn with_fields(self, fields: &'static [Field]) -> Self {
        Self { more_fields: fields, ..self }
    }

    /// Requires `Wechatpay-Serial` even without an encrypted field.
    pub(crate) const fn requires_serial(self) -> Self {
        Self { requires_serial: true, ..self }
    }

    /// Limits the requests per second.
    pub(crate) const fn calls_per_second(self, limit: u32) -> Self {
        Self { max_calls_per_second: Some(limit), ..self }
    }

    /// Limits the failing requests per second.
    pub(crate) const fn failures_per_second(self, limit: u32) -> Self {
        Self { max_failures_per_second: Some(limit), ..self }
    }
}

//! An operation: its method and path, its fields, its rate limits, and the function that answers it.

use super::{call::Call, errors::Refusal, fields::Field, reply::Reply};
use crate::gateway::Gateway;
use wxpay_proto::http::Method;

/// The function that answers an operation.
pub(crate) type Answer = fn(&mut Gateway, &Call) -> Result<Reply, Refusal>;

/// An operation of the APIv3 gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// The label for logs and warnings, for example `v3.pay.jsapi`.
    pub(crate) label: &'static str,
    pub(crate) method: Method,
    /// The path. Parts in braces are parameters.
    pub(crate) path: &'static str,
    pub(crate) query: &'static [Field],
    pub(crate) takes: Takes,
    /// Additional fields of the body.
    pub(crate) also: &'static [Field],
    /// The documented limit of requests per second and merchant, if there is one.
    pub(crate) limit: Option<u32>,
    /// The documented limit of failing requests per second and merchant, if there is one.
    pub(crate) failing_limit: Option<u32>,
    pub(crate) answer: Answer,
}

/// The body that an operation accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    /// No body. A body that is sent is ignored, but the signature covers it.
    Nothing,
    /// A JSON object with these fields.
    Json(&'static [Field]),
    /// A file, and a JSON object with these fields that describes it. Only the object is signed.
    Upload(&'static [Field]),
}

impl Operation {
    pub(crate) const fn get(label: &'static str, path: &'static str, answer: Answer) -> Self {
        let (limit, failing_limit) = (None, None);
        Self {
            label,
            method: Method::Get,
            path,
            query: &[],
            takes: Takes::Nothing,
            also: &[],
            limit,
            failing_limit,
            answer,
        }
    }

    pub(crate) const fn post(
        label: &'static str,
        path: &'static str,
        fields: &'static [Field],
        answer: Answer,
    ) -> Self {
        let (limit, failing_limit) = (None, None);
        let takes = Takes::Json(fields);
        Self { label, method: Method::Post, path, query: &[], takes, also: &[], limit, failing_limit, answer }
    }

    /// Declares a POST without a body.
    pub(crate) const fn empty_post(label: &'static str, path: &'static str, answer: Answer) -> Self {
        Self { takes: Takes::Nothing, ..Self::post(label, path, &[], answer) }
    }

    pub(crate) const fn upload(
        label: &'static str,
        path: &'static str,
        meta: &'static [Field],
        answer: Answer,
    ) -> Self {
        Self { takes: Takes::Upload(meta), ..Self::post(label, path, &[], answer) }
    }

    /// Adds the fields of the query.
    pub(crate) const fn asking(self, query: &'static [Field]) -> Self {
        Self { query, ..self }
    }

    /// Adds fields of the body. Two operations of one function differ in them.
    pub(crate) const fn also(self, also: &'static [Field]) -> Self {
        Self { also, ..self }
    }

    /// Limits the requests per second.
    pub(crate) const fn at_most(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Limits the failing requests per second.
    pub(crate) const fn failing_at_most(self, limit: u32) -> Self {
        Self { failing_limit: Some(limit), ..self }
    }
}

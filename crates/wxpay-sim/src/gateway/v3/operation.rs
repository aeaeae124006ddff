//! An operation: its method and path, what it takes, how often it may be called, and the function that answers it.

use super::{call::Call, errors::Refusal, fields::Field, reply::Reply};
use crate::gateway::Gateway;
use wxpay_proto::http::Method;

/// What answers an operation.
pub(crate) type Answer = fn(&mut Gateway, &Call) -> Result<Reply, Refusal>;

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// For logs and warnings: `v3.pay.jsapi`.
    pub(crate) label: &'static str,
    pub(crate) method: Method,
    /// Parts in braces are parameters.
    pub(crate) path: &'static str,
    pub(crate) query: &'static [Field],
    pub(crate) takes: Takes,
    /// More members of the body.
    pub(crate) also: &'static [Field],
    /// Calls a second that a merchant may make, if that is documented.
    pub(crate) limit: Option<u32>,
    /// Calls a second that may fail.
    pub(crate) failing_limit: Option<u32>,
    pub(crate) answer: Answer,
}

/// What an operation takes as body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    /// Nothing; a body is not looked at, but signed.
    Nothing,
    /// An object of these members.
    Json(&'static [Field]),
    /// A file, and an object of these members that tells of it and is what was signed.
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

    /// A POST without a body.
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

    /// With parameters in the query.
    pub(crate) const fn asking(self, query: &'static [Field]) -> Self {
        Self { query, ..self }
    }

    /// With more members in the body: what tells two operations of one function apart.
    pub(crate) const fn also(self, also: &'static [Field]) -> Self {
        Self { also, ..self }
    }

    /// At most so many calls a second.
    pub(crate) const fn at_most(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// At most so many failing calls a second.
    pub(crate) const fn failing_at_most(self, limit: u32) -> Self {
        Self { failing_limit: Some(limit), ..self }
    }
}

//! The operations: which function answers which method and path, what it takes, how often it may be called.

use super::{
    bill,
    call::{Call, decoded},
    certificates, combine, echo,
    errors::{self, Refusal},
    fields::Field,
    media, pay, profitsharing, refund,
    reply::Reply,
    transfer,
};
use crate::gateway::Gateway;
use serde::Serialize;
use serde_json::{Map, Value};
use wxpay_proto::http::Method;

/// Every product's table.
const PRODUCTS: &[&[Operation]] = &[
    certificates::OPERATIONS,
    echo::OPERATIONS,
    pay::prepay::OPERATIONS,
    pay::code::OPERATIONS,
    pay::order::OPERATIONS,
    pay::partner::OPERATIONS,
    combine::OPERATIONS,
    combine::order::OPERATIONS,
    bill::OPERATIONS,
    media::OPERATIONS,
    transfer::bill::OPERATIONS,
    transfer::authorized::OPERATIONS,
    transfer::authorization::OPERATIONS,
    transfer::qq_wallet::OPERATIONS,
    transfer::receipt::OPERATIONS,
    refund::OPERATIONS,
    profitsharing::share::OPERATIONS,
    profitsharing::query::OPERATIONS,
    profitsharing::give_back::OPERATIONS,
    profitsharing::receiver::OPERATIONS,
];

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

/// An operation that the gateway serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Served {
    /// As in the records of requests: `v3.pay.jsapi`.
    pub label: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path; parts in braces are parameters, by their documented names.
    pub path: &'static str,
}

impl Gateway {
    /// Every operation of the third generation that it serves, product by product.
    pub fn operations() -> impl Iterator<Item = Served> {
        let all = PRODUCTS.iter().copied().flatten();
        all.map(|Operation { label, method, path, .. }| Served { label, method: method.as_str(), path })
    }
}

/// The label of every operation.
pub(crate) fn labels() -> impl Iterator<Item = &'static str> {
    PRODUCTS.iter().copied().flatten().map(|operation| operation.label)
}

/// The operation of a method and a path, and the path's parameters. Fixed parts win over parameters.
pub(super) fn find(method: Method, path: &str) -> Result<(&'static Operation, Map<String, Value>), Refusal> {
    let mut is_known = false;
    let all = PRODUCTS.iter().copied().flatten();
    for operation in all
        .filter(|operation| !operation.path.contains('{'))
        .chain(PRODUCTS.iter().copied().flatten().filter(|operation| operation.path.contains('{')))
    {
        if let Some(parameters) = matched(operation.path, path) {
            if operation.method == method {
                return Ok((operation, parameters));
            }
            is_known = true;
        }
    }
    let refused = if is_known { errors::METHOD_NOT_ALLOWED } else { errors::RESOURCE_NOT_EXISTS };
    Err(refused.because(format!("no operation {method} {path}")))
}

fn matched(pattern: &str, path: &str) -> Option<Map<String, Value>> {
    let mut parameters = Map::new();
    let (mut parts, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (parts.next(), given.next()) {
            (None, None) => return Some(parameters),
            (Some(part), Some(given)) => {
                match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                    Some(name) if !given.is_empty() => {
                        parameters.insert(name.into(), decoded(given).into());
                    }
                    None if part == given => {}
                    _ => return None,
                }
            }
            (Some(_), None) | (None, Some(_)) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_operation_and_its_parameters() {
        let (operation, path) = find(Method::Get, "/v3/pay/transactions/out-trade-no/A%2DB%5F1").unwrap();
        assert_eq!(operation.label, "v3.pay.query");
        assert_eq!(path["out_trade_no"], "A-B_1");
        assert_eq!(find(Method::Get, "/v3/certificates").unwrap().0.label, "v3.certificates");
        let status = |method, path| find(method, path).err().map(|refusal| refusal.status);
        assert_eq!(status(Method::Post, "/v3/certificates"), Some(405));
        for path in ["/v3/", "/v3/certificates/", "/v3/pay/transactions/out-trade-no/", "/v3/pay"] {
            assert_eq!(status(Method::Get, path), Some(404), "{path}");
        }
    }

    #[test]
    fn no_two_operations_are_one() {
        let all: Vec<_> = PRODUCTS.iter().copied().flatten().collect();
        let names: std::collections::BTreeSet<_> =
            all.iter().map(|operation| (operation.method.as_str(), operation.path)).collect();
        let labels: std::collections::BTreeSet<_> = all.iter().map(|operation| operation.label).collect();
        assert_eq!((names.len(), labels.len()), (all.len(), all.len()));
    }
}

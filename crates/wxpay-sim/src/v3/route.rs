//! Routing: the operations of all products, and the lookup by method and path.

use super::{
    bill,
    call::percent_decoded,
    catalogue, certificates, combine, echo,
    errors::{self, Refusal},
    media,
    operation::Operation,
    pay, profitsharing, refund, transfer,
};
use crate::gateway::Gateway;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};
use wxpay_proto::http::Method;

/// The operation tables of all products.
const OPERATION_TABLES: &[&[Operation]] = &[
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
    profitsharing::create::OPERATIONS,
    profitsharing::query::OPERATIONS,
    profitsharing::returns::OPERATIONS,
    profitsharing::receiver::OPERATIONS,
];

/// An operation that the gateway supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct SupportedOperation {
    /// The label, as in the records of requests, for example `v3.pay.jsapi`.
    pub label: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path. Parts in braces are parameters with their documented names.
    pub path: &'static str,
}

impl Gateway {
    /// Returns all supported APIv3 operations, product by product.
    pub fn operations() -> impl Iterator<Item = SupportedOperation> {
        let all = OPERATION_TABLES.iter().copied().flatten();
        all.map(|Operation { label, method, path, .. }| SupportedOperation {
            label,
            method: method.as_str(),
            path,
        })
    }
}

/// Returns the labels of all operations, each once: paths of one operation share its label, and so do all operations of
/// the catalogue.
pub(crate) fn labels() -> impl Iterator<Item = &'static str> {
    let mut seen = BTreeSet::new();
    let all = OPERATION_TABLES.iter().copied().flatten();
    let all = all.map(|operation| operation.label).chain([catalogue::LABEL]);
    all.filter(move |label| seen.insert(*label))
}

/// The values of the parameters in a path, unescaped, by name.
pub(super) type PathParameters = Vec<(&'static str, String)>;

/// The operations by path: most requests have a path without parameters, and the others differ in length.
struct Routes {
    fixed: BTreeMap<&'static str, Vec<&'static Operation>>,
    /// The operations with parameters in their path, by the number of its parts.
    with_parameters: BTreeMap<usize, Vec<&'static Operation>>,
}

static ROUTES: LazyLock<Routes> = LazyLock::new(|| {
    let mut routes = Routes { fixed: BTreeMap::new(), with_parameters: BTreeMap::new() };
    for operation in OPERATION_TABLES.iter().copied().flatten() {
        if operation.path.contains('{') {
            let parts = operation.path.split('/').count();
            routes.with_parameters.entry(parts).or_default().push(operation);
        } else {
            routes.fixed.entry(operation.path).or_default().push(operation);
        }
    }
    routes
});

/// Finds the operation of a method and a path, and the path's parameters. Fixed path segments take precedence over
/// parameters.
pub(super) fn find(method: Method, path: &str) -> Result<(&'static Operation, PathParameters), Refusal> {
    let mut is_known = false;
    let fixed = ROUTES.fixed.get(path).into_iter().flatten().map(|operation| (operation, Vec::new()));
    let with_parameters = ROUTES.with_parameters.get(&path.split('/').count()).into_iter().flatten();
    let with_parameters =
        with_parameters.filter_map(|operation| Some((operation, match_path(operation.path, path)?)));
    for (operation, parameters) in fixed.chain(with_parameters) {
        if operation.method == method {
            return Ok((operation, parameters));
        }
        is_known = true;
    }
    let code = if is_known { errors::METHOD_NOT_ALLOWED } else { errors::RESOURCE_NOT_EXISTS };
    Err(code.with_reason(format!("no operation {method} {path}")))
}

/// Returns the parameters of a path with as many parts as the pattern, or `None` if it does not match.
fn match_path(pattern: &'static str, path: &str) -> Option<PathParameters> {
    let mut parameters = Vec::new();
    for (part, segment) in pattern.split('/').zip(path.split('/')) {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => parameters.push((name, percent_decoded(segment))),
            None if part == segment => {}
            _ => return None,
        }
    }
    Some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_returns_the_operation_and_its_path_parameters() {
        let (operation, path) = find(Method::Get, "/v3/pay/transactions/out-trade-no/A%2DB%5F1").unwrap();
        assert_eq!(operation.label, "v3.pay.query");
        assert_eq!(path, [("out_trade_no", String::from("A-B_1"))]);
        assert_eq!(find(Method::Get, "/v3/certificates").unwrap().0.label, "v3.certificates");
        let status = |method, path| find(method, path).err().map(|refusal| refusal.status);
        assert_eq!(status(Method::Post, "/v3/certificates"), Some(405));
        for path in ["/v3/", "/v3/certificates/", "/v3/pay/transactions/out-trade-no/", "/v3/pay"] {
            assert_eq!(status(Method::Get, path), Some(404), "{path}");
        }
    }

    #[test]
    fn paths_are_unique_and_those_of_one_label_share_their_method() {
        let all: Vec<_> = OPERATION_TABLES.iter().copied().flatten().collect();
        let paths: BTreeSet<_> =
            all.iter().map(|operation| (operation.method.as_str(), operation.path)).collect();
        assert_eq!(paths.len(), all.len());
        let methods: BTreeSet<_> =
            all.iter().map(|operation| (operation.label, operation.method.as_str())).collect();
        assert_eq!(methods.len() + 1, labels().count(), "and that of the catalogue");
    }
}

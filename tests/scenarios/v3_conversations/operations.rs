//! Coverage: the simulator serves every typed operation, and the conversations use every served one.

use super::{bills, codes, combined, files, orders, partner, profit_sharing, refunds, shop::Shop, transfers};
use crate::v3_operations::typed_operations;
use std::collections::BTreeSet;
use wxpay_sim::Gateway;

fn served() -> BTreeSet<String> {
    Gateway::operations().map(|served| format!("{} {}", served.method, served.path)).collect()
}

/// The only served operation without a type: the download of transfer receipts, whose URL is in a reply.
const UNTYPED: &str = "GET /v3/transferdownload/signfile";

#[test]
#[cfg_attr(not(documented_operations), ignore = "needs ../shared/protocol")]
fn simulator_serves_exactly_the_typed_operations() {
    let (typed, served) = (BTreeSet::from_iter(typed_operations()), served());
    let missing: Vec<_> = typed.difference(&served).collect();
    let untyped: Vec<_> = served.difference(&typed).collect();
    assert!(missing.is_empty(), "not served: {missing:?}");
    assert_eq!(untyped, [UNTYPED], "not typed");
}

#[test]
fn conversations_use_every_operation() {
    let conversations: [fn() -> Shop; 8] = [
        orders::conversation,
        refunds::conversation,
        partner::conversation,
        codes::conversation,
        combined::conversation,
        files::conversation,
        bills::conversation,
        transfers::conversation,
    ];
    let shops = conversations.into_iter().map(|conversation| conversation());
    let succeeded: BTreeSet<(&str, String)> =
        shops.chain(profit_sharing::conversations()).flat_map(|shop| succeeded(&shop)).collect();
    let unused: Vec<_> = Gateway::operations()
        .filter(|served| {
            // Paths of one operation share its label, and each path must have been requested.
            !succeeded
                .iter()
                .any(|(method, path)| *method == served.method && path_matches(path, served.path))
        })
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// Returns method and path of the requests that succeeded in a conversation.
fn succeeded(shop: &Shop) -> Vec<(&'static str, String)> {
    let requests = shop.network.gateway.requests().filter(|request| matches!(request.status, 200 | 204));
    requests
        .map(|request| {
            let path = request.target.split('?').next().unwrap_or_default();
            (request.method, path.to_owned())
        })
        .collect()
}

/// Returns whether a path matches a template, whose parts in braces are parameters.
fn path_matches(path: &str, template: &str) -> bool {
    let (parts, documented): (Vec<_>, Vec<_>) = (path.split('/').collect(), template.split('/').collect());
    parts.len() == documented.len()
        && parts
            .iter()
            .zip(documented)
            .all(|(part, documented)| documented.starts_with('{') || *part == documented)
}

//! What is served is driven.

use super::{bills, codes, combined, files, partner, refunds, sharing};
use std::collections::BTreeSet;
use wxpay_sim::Gateway;

/// Transfers have conversations of their own.
#[test]
fn every_operation_but_transfers_is_driven_to_its_answer() {
    let [shared, shared_for_another] = sharing::conversations();
    let shops = [
        refunds::orders(),
        refunds::conversation(),
        partner::conversation(),
        codes::conversation(),
        combined::conversation(),
        files::conversation(),
        bills::conversation(),
        shared,
        shared_for_another,
    ];
    let answered: BTreeSet<&str> = shops
        .iter()
        .flat_map(|shop| shop.wire.gateway.requests())
        .filter(|request| matches!(request.status, 200 | 204))
        .filter_map(|request| request.operation)
        .collect();
    let of_transfers = |path: &str| path.starts_with("/v3/fund-app/");
    let silent: Vec<_> = Gateway::operations()
        .filter(|served| !of_transfers(served.path) && !answered.contains(served.label))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

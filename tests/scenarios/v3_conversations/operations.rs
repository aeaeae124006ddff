//! What is served is driven.

use super::{bills, codes, combined, files, partner, refunds, sharing, transfers};
use std::collections::BTreeSet;
use wxpay_sim::Gateway;

#[test]
fn every_operation_is_driven_to_its_answer() {
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
        transfers::conversation(),
    ];
    let answered: BTreeSet<&str> = shops
        .iter()
        .flat_map(|shop| shop.wire.gateway.requests())
        .filter(|request| matches!(request.status, 200 | 204))
        .filter_map(|request| request.operation)
        .collect();
    let silent: Vec<_> = Gateway::operations().filter(|served| !answered.contains(served.label)).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

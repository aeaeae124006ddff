//! The parameters in the paths of operations.

use super::{
    fields::{Alphabet, Field, Kind, bytes, optional},
    party::MCHID_KIND,
    route::PathParameters,
};
use serde_json::{Map, Value};

/// The declaration of all parameters. They are optional because each path has its own.
pub(super) const PARAMETERS: &[Field] = &[
    optional("out_trade_no", "商户订单号", Kind::Text(bytes(1, 32), Alphabet::OrderNumber)),
    optional("combine_out_trade_no", "合单商户订单号", Kind::Text(bytes(1, 32), Alphabet::OrderNumber)),
    optional("transaction_id", "微信支付订单号", OPAQUE),
    optional("combine_transaction_id", "微信支付订单号", OPAQUE),
    optional("out_refund_no", "商户退款单号", Kind::Text(bytes(1, 64), Alphabet::RefundNumber)),
    optional("refund_id", "微信支付退款单号", OPAQUE),
    optional("out_order_no", "商户分账单号", Kind::Text(bytes(1, 64), Alphabet::RefundNumber)),
    optional("out_return_no", "商户回退单号", Kind::Text(bytes(1, 64), Alphabet::RefundNumber)),
    optional("sub_mchid", "子商户号", MCHID_KIND),
    optional("out_bill_no", "商户单号", Kind::Text(bytes(1, 32), Alphabet::Alphanumeric)),
    optional("transfer_bill_no", "微信转账单号", OPAQUE),
    optional("out_authorization_no", "商户侧授权单号", Kind::Text(bytes(1, 32), Alphabet::Alphanumeric)),
];

/// A number that WeChat Pay assigned.
const OPAQUE: Kind = Kind::Text(bytes(1, 64), Alphabet::Any);

/// Returns the parameters of a path as members of an object.
pub(super) fn members(parameters: &PathParameters) -> Map<String, Value> {
    parameters.iter().map(|(name, value)| (String::from(*name), value.as_str().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Gateway;

    #[test]
    fn every_parameter_of_a_path_is_declared() {
        for operation in Gateway::operations() {
            let names =
                operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            for name in names {
                assert!(PARAMETERS.iter().any(|field| field.name == name), "{}: {name}", operation.path);
            }
        }
    }
}

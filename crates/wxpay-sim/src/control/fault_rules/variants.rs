//! The schemas of a fault rule: one for each parameter and set of operations.

use super::{CONDITIONS, KINDS, Kind, Parameter, api_versions};
use crate::{control::route::Variant, faults::Operation};

/// Returns the schemas of a rule. Kinds with the same parameter that apply to the same requests have one schema.
pub(in crate::control) fn variants() -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    for kind in KINDS {
        let (operations, versions) = applies_to(kind);
        let name = format!("{}Fault{}", requests(&operations, &versions), suffix(kind.parameter));
        if let Some(variant) = variants.iter_mut().find(|variant| variant.name == name) {
            variant.kinds.push(kind.name);
        } else {
            variants.push(Variant {
                name,
                kinds: vec![kind.name],
                fields: CONDITIONS.into_iter().chain(kind.parameter.field()).collect(),
                choices: vec![("operation", operations), ("api_version", versions)],
                exclusive: ["out_trade_no", "number"],
            });
        }
    }
    variants
}

/// Returns whether an operation belongs to an API version. Payments and notifications belong to both.
pub(super) fn is_of_version(operation: Operation, api_version: &str) -> bool {
    operation.as_str().split_once('.').is_none_or(|(prefix, _)| prefix == api_version)
}

/// Returns the operations and the API versions that a kind applies to.
fn applies_to(kind: &Kind) -> (Vec<&'static str>, Vec<&'static str>) {
    let fault = kind.default_fault();
    let operations = || Operation::all().filter(|operation| fault.applies_to(*operation));
    let is_possible = |version: &&str| {
        (*version != "v1" || !fault.is_v3_only())
            && operations().any(|operation| is_of_version(operation, version))
    };
    (operations().map(Operation::as_str).collect(), api_versions().into_iter().filter(is_possible).collect())
}

/// Returns the name of a set of operations and API versions.
fn requests(operations: &[&str], versions: &[&str]) -> &'static str {
    let has = |name| operations.contains(&name);
    match operations {
        ["notification"] if versions.len() == 1 => "V3Notification",
        ["notification"] => "Notification",
        ["pay"] => "Payment",
        ["v1.token"] => "Token",
        _ if has("v1.token") => "Call",
        _ if has("v1.genprepay") && has("pay") => "Placement",
        _ if has("v1.genprepay") => "V1Call",
        _ if has("pay") => "V3CallOrPayment",
        _ if has("v3.pay.jsapi") => "V3Call",
        _ => "Close",
    }
}

const fn suffix(parameter: Parameter) -> &'static str {
    match parameter {
        Parameter::None => "",
        Parameter::Commits => "WithCommits",
        Parameter::Millis => "WithMillis",
        Parameter::MillisOr(_) => "WithDefaultMillis",
        Parameter::Bytes => "WithBytes",
        Parameter::Rate => "WithRate",
        Parameter::Step => "WithStep",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_one_schema_apply_to_the_same_requests() {
        for variant in variants() {
            for name in variant.kinds {
                let kind = KINDS.iter().find(|kind| kind.name == name).unwrap();
                let (operations, versions) = applies_to(kind);
                let expected = [("operation", operations), ("api_version", versions)];
                assert_eq!(variant.choices, expected, "{name} {}", variant.name);
                let parameter = kind.parameter.field().map(|field| (field.name, field.is_required));
                let last = variant.fields.get(CONDITIONS.len()).map(|field| (field.name, field.is_required));
                assert_eq!(parameter, last, "{name} {}", variant.name);
            }
        }
    }
}

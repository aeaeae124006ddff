//! Every typed operation against `operations.json`: method, path, and the names and JSON types of all fields of
//! requests and replies. [`deviations`] lists the deviations and their reasons.
//!
//! The file is read from `../shared/protocol` next to the checkout, with the list of operations that must have a type:
//! tiers T1 and T2 of `v3-endpoints.md`. Without it these tests are ignored.
//!
//! Requests are compared as sent: the samples of an operation together send all documented fields, and no others.
//! Replies are generated from the documentation, once with all fields and once with the required ones, and must be
//! parsed. To find out whether a field is read, it is repeated: if the reply can still be read, the field is not. The
//! same is done with names that are not documented for the reply.

mod deviations;
mod replies;
mod requests;
mod sample;
mod spec;
mod tolerance;

use deviations::{Deviation, Deviations};
use sample::Sample;
use spec::{Kind, Spec};
use std::collections::{BTreeMap, BTreeSet};
use wxpay_proto::{
    http::Method,
    v3::{Endpoint as _, Raw},
};
use wxpay_sim::{Gateway, faults::Operation as FaultOperation};

/// Returns method and path of the operations that must have a type: tiers T1 and T2.
pub(crate) fn typed_operations() -> Vec<String> {
    Spec::read().tiers
}

/// Returns the samples of each operation.
fn by_operation() -> BTreeMap<&'static str, Vec<Sample>> {
    let mut samples = BTreeMap::new();
    for sample in requests::all() {
        samples.entry(sample.operation).or_insert_with(Vec::new).push(sample);
    }
    samples
}

#[test]
#[cfg_attr(not(documented_operations), ignore = "needs ../shared/protocol")]
fn every_operation_of_tiers_1_and_2_has_a_type_and_no_other() {
    let spec = Spec::read();
    assert_eq!(spec.tiers.len(), 65);
    let samples = by_operation();
    for operation in &spec.tiers {
        assert!(samples.contains_key(operation.as_str()), "{operation}");
    }
    for operation in samples.keys() {
        assert!(spec.tiers.iter().any(|listed| listed == operation), "{operation}");
    }
}

/// A verified object with a `code` is an error object, unless the operation's success has that member, too.
#[test]
#[cfg_attr(not(documented_operations), ignore = "needs ../shared/protocol")]
fn no_typed_success_has_a_code_and_untyped_ones_that_have_are_known() {
    let spec = Spec::read();
    for operation in &spec.tiers {
        assert!(!spec.operation(operation).response.contains_key("code"), "{operation}");
    }
    assert!(spec.with_code.len() > 15);
    // The reply to a notification is listed among the operations.
    for path in spec.with_code.iter().filter(|path| *path != "/v3/webhooks") {
        assert!(Raw::new(Method::Post, path).unwrap().success_has_code(), "{path}");
    }
    assert!(!Raw::new(Method::Post, "/v3/refund/domestic/refunds").unwrap().success_has_code());
}

#[test]
fn core_and_simulator_have_the_same_label_for_each_operation() {
    let served: BTreeMap<String, &str> = Gateway::operations()
        .map(|served| (format!("{} {}", served.method, served.path), served.label))
        .collect();
    let mut labels = BTreeSet::new();
    for sample in requests::all() {
        let Some(label) = sample.label else { continue };
        assert_eq!(served.get(sample.operation), Some(&label), "{}", sample.operation);
        assert!(FaultOperation::from_name(label).is_some(), "fault rules accept the label {label}");
        labels.insert(label);
    }
    let other: Vec<_> = served.values().filter(|label| !labels.contains(**label)).collect();
    assert!(other.iter().all(|label| **label == "v3.download"), "labels of the simulator alone: {other:?}");
}

#[test]
#[cfg_attr(not(documented_operations), ignore = "needs ../shared/protocol")]
fn requests_contain_the_documented_fields_only() {
    let spec = Spec::read();
    let mut deviations = Deviations::new(&spec.tiers, Deviation::is_of_requests);
    for (name, samples) in by_operation() {
        let operation = spec.operation(name);
        let mut unsent = operation.request.clone();
        for sample in &samples {
            let sent = sample.sent_fields(operation);
            for (path, kind) in &sent {
                unsent.remove(path);
                match operation.request.get(path) {
                    None => deviations.expect(name, Deviation::Undocumented, path),
                    Some(field) if field.kind == *kind => {}
                    Some(field) => deviations.report(format!(
                        "{name}: {path} is sent as {kind:?}, documented as {:?}",
                        field.kind
                    )),
                }
            }
            for (path, field) in &operation.request {
                let parent = path.rsplit_once(['.', '[']).map(|(parent, _)| parent.trim_end_matches("[]"));
                let is_expected = parent.is_none_or(|parent| sent.contains_key(parent));
                if field.required && is_expected && !sent.contains_key(path) {
                    deviations.expect(name, Deviation::Omittable, path);
                }
            }
            for (path, text) in sample.texts() {
                let documented = operation.request.get(&path).map(|field| field.values.as_slice());
                if documented.is_some_and(|values| !values.is_empty() && !values.contains(&text)) {
                    deviations.report(format!("{name}: {path} has the undocumented value {text}"));
                }
            }
        }
        for path in unsent.keys() {
            deviations.expect(name, Deviation::Unsent, path);
        }
    }
    deviations.assert_explained();
}

#[test]
#[cfg_attr(not(documented_operations), ignore = "needs ../shared/protocol")]
fn replies_are_parsed_as_documented() {
    let spec = Spec::read();
    let mut deviations = Deviations::new(&spec.tiers, Deviation::is_of_replies);
    let names = spec.names();
    for (name, samples) in by_operation() {
        let operation = spec.operation(name);
        let mut fields = operation.response.clone();
        for path in deviations::paths(name, Deviation::RequiredUndocumented) {
            let field = spec::Field { kind: Kind::Integer, required: true, values: Vec::new() };
            assert!(fields.insert(path.to_owned(), field).is_none(), "{name}: {path} is documented");
        }
        for sample in &samples {
            let Some(read) = &sample.read else { continue };
            let full = sample.with_echoed_texts(replies::full(&fields));
            if let Err(error) = read(&replies::text(&full)) {
                deviations.report(format!("{name}: the full reply does not parse: {error:?}\n{full}"));
                continue;
            }
            let required = |fields: &_| replies::text(&sample.with_echoed_texts(replies::required(fields)));
            if read(&required(&fields)).is_err() {
                let mut fields = fields.clone();
                for path in deviations::paths(name, Deviation::RequiredOptional) {
                    deviations.expect(name, Deviation::RequiredOptional, path);
                    fields.get_mut(path).unwrap_or_else(|| panic!("{name}: {path}")).required = true;
                }
                if let Err(error) = read(&required(&fields)) {
                    deviations.report(format!(
                        "{name}: the reply with the required fields does not parse: {error:?}"
                    ));
                }
            }
            for path in fields.keys() {
                let (parent, field) = replies::split_path(path);
                let is_read = read(&replies::with_repeated(&full, parent, &[field])).is_err();
                match (is_read, operation.response.contains_key(path)) {
                    (true, true) => {}
                    (true, false) => deviations.expect(name, Deviation::RequiredUndocumented, path),
                    (false, _) => deviations.expect(name, Deviation::Unread, path),
                }
            }
            for path in replies::undocumented_reads(&full, &names, &**read) {
                deviations.expect(name, Deviation::ReadUndocumented, &path);
            }
        }
    }
    deviations.assert_explained();
}

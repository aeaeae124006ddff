//! Replies with one member of an unexpected shape. A member that money does not need never makes a reply unreadable: it
//! is read as if it were absent. A member that money needs makes it so, and is named by the error.

mod essential;

use super::{
    by_operation,
    deviations::{self, Deviation},
    replies,
    sample::Sample,
    spec::{Field, Kind, Spec},
};
use essential::ESSENTIAL;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error as _,
};

/// The one reply that is read otherwise: a list of keys, of which each is proved by itself.
const EXCLUDED: &str = "GET /v3/certificates";

/// The members whose absence another rule reports.
const CONSEQUENCES: [(&str, &str); 5] = [
    ("sp_mchid", "mchid: is missing"),
    ("download_bill_list", "bill_sequence must number all parts"),
    ("combine_transaction_id", "combine_out_trade_no must be that of the queried order"),
    ("transaction_id", "out_trade_no must be that of the"),
    ("sub_mchid", "out_trade_no must be that of the"),
];

/// An operation, and a reply with all documented members.
struct Case {
    name: &'static str,
    sample: Sample,
    fields: BTreeMap<String, Field>,
    reply: Value,
}

fn cases() -> Vec<Case> {
    let spec = Spec::read();
    let mut cases = Vec::new();
    for (name, samples) in by_operation() {
        let mut fields = spec.operation(name).response.clone();
        for path in deviations::paths(name, Deviation::RequiredUndocumented) {
            fields.insert(path.to_owned(), Field { kind: Kind::Integer, required: true, values: Vec::new() });
        }
        for sample in samples.into_iter().filter(|sample| sample.read.is_some() && name != EXCLUDED) {
            let reply = sample.with_echoed_texts(replies::full(&fields));
            cases.push(Case { name, sample, fields: fields.clone(), reply });
        }
    }
    cases
}

/// The result of reading a reply with one member replaced.
#[derive(Debug, PartialEq, Eq)]
enum Reading {
    /// The reply was read as if the member were absent.
    LikeAbsent,
    /// The error names the member, or one inside it.
    Named,
}

impl Case {
    fn read(&self, reply: &Value) -> Result<String, String> {
        let read = self.sample.read.as_ref().unwrap();
        read(&reply.to_string()).map_err(|error| {
            let cause = error.source().map(ToString::to_string);
            cause.unwrap_or_else(|| panic!("{}: an error without a cause: {error:?}", self.name))
        })
    }

    fn read_with(&self, path: &str, value: &Value) -> Reading {
        let (parent, name) = replies::split_path(path);
        let mut changed = self.reply.clone();
        replies::at(&mut changed, parent)[name] = value.clone();
        match self.read(&changed) {
            Ok(output) => {
                let mut absent = self.reply.clone();
                replies::at(&mut absent, parent).as_object_mut().unwrap().remove(name);
                assert_eq!(Ok(output), self.read(&absent), "{}: {path} is {value}", self.name);
                Reading::LikeAbsent
            }
            Err(cause) => {
                let named = path.trim_end_matches("[]").replace("[]", "[0]");
                let consequence =
                    CONSEQUENCES.iter().any(|(of, begin)| *of == path && cause.starts_with(begin));
                assert!(
                    consequence || cause.starts_with(&named),
                    "{}: {path} is {value}: {cause}",
                    self.name
                );
                Reading::Named
            }
        }
    }
}

/// Returns whether a value has another shape than the documented one. An empty text is no text.
fn is_misshapen(value: &Value, kind: &Kind) -> bool {
    match (kind, value) {
        (Kind::String, Value::String(text)) => text.is_empty(),
        (Kind::Integer, Value::Number(number)) => !number.is_u64(),
        (Kind::Array(items), Value::Array(values)) => values.iter().all(|value| is_misshapen(value, items)),
        (Kind::Bool, Value::Bool(_)) | (Kind::Object, Value::Object(_)) => false,
        _ => true,
    }
}

fn misshapen_values() -> Vec<Value> {
    let numbers = [json!(7), json!(-1), json!(1.5), json!(u64::MAX), json!(1e300)];
    let others =
        [Value::Null, json!(""), json!("text"), json!(true), json!([]), json!({}), json!([[]]), json!([{}])];
    let nested = [json!({"a": [1, {"b": null}]}), json!(["a", 1, null]), json!({"total": "1", "": {}})];
    numbers.into_iter().chain(others).chain(nested).collect()
}

#[test]
#[cfg_attr(not(documented_operations), ignore = "needs ../shared/protocol")]
fn each_member_is_essential_or_may_have_any_shape() {
    let mut essential: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for case in cases() {
        let essential = essential.entry(case.name).or_default();
        for (path, field) in &case.fields {
            let values = misshapen_values().into_iter().filter(|value| is_misshapen(value, &field.kind));
            let readings: Vec<_> = values.map(|value| case.read_with(path, &value)).collect();
            if readings.contains(&Reading::Named) {
                essential.insert(path.clone());
            }
        }
    }
    let printed: Vec<String> = essential
        .into_iter()
        .filter(|(_, paths)| !paths.is_empty())
        .map(|(name, paths)| {
            format!("(\"{name}\", \"{}\"),", paths.into_iter().collect::<Vec<_>>().join(" "))
        })
        .collect();
    let expected: Vec<String> =
        ESSENTIAL.iter().map(|(name, paths)| format!("(\"{name}\", \"{paths}\"),")).collect();
    assert_eq!(printed, expected, "the table must be:\n{}", printed.join("\n"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300_f64).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 32, 4, |inner| {
        let name = prop_oneof!["[a-z_]{0,9}", Just("amount".to_owned()), Just("total".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
#[cfg_attr(not(documented_operations), ignore = "needs ../shared/protocol")]
fn a_member_of_any_shape_is_like_an_absent_one_or_named() {
    let cases = cases();
    proptest!(ProptestConfig::with_cases(2000), |(case: prop::sample::Index, path: prop::sample::Index, value in any_json())| {
        let case = case.get(&cases);
        if let Some((path, field)) = case.fields.iter().nth(path.index(case.fields.len().max(1)))
            && is_misshapen(&value, &field.kind)
        {
            case.read_with(path, &value);
        }
    });
}

//! The fault rules.

use super::{Frame, MAX_ROWS, Visit, rendered};
use crate::{control::ROOT, faults::Operation};
use askama::Template;
use serde_json::Value;

/// A rule in force.
struct Rule {
    id: u64,
    kind: String,
    applies: String,
    hits: u64,
    remaining: Option<u64>,
}

#[derive(Template)]
#[template(path = "faults.html")]
struct Show {
    f: Frame,
    rules: Vec<Rule>,
    kinds: Vec<String>,
    operations: Vec<&'static str>,
}

/// Shows the rules and the form for one more.
pub(super) fn show(visit: &mut Visit<'_>) -> String {
    let real = visit.request.real;
    let mut list = |path: &str| {
        let response = visit.simulation.control("GET", &format!("{ROOT}{path}"), &[], real);
        response.body.as_array().cloned().unwrap_or_default()
    };
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(String::from);
    let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_u64);
    let rules = list(&format!("faults?limit={MAX_ROWS}"));
    let rules = rules.iter().map(|rule| {
        let conditions =
            ["operation", "path", "mchid", "number"].into_iter().filter_map(|name| text(rule, name));
        Rule {
            id: number(rule, "id").unwrap_or_default(),
            kind: text(rule, "kind").unwrap_or_default(),
            applies: conditions.collect::<Vec<_>>().join(", "),
            hits: number(rule, "hits").unwrap_or_default(),
            remaining: number(rule, "remaining"),
        }
    });
    let rules = rules.collect();
    let kinds = list("faults/kinds").iter().filter_map(|kind| text(kind, "kind")).collect();
    let operations = Operation::all().map(Operation::as_str).collect();
    rendered(&Show { f: visit.frame.clone(), rules, kinds, operations })
}

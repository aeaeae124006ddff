//! Routes of fault injection: rules and kinds.

use super::{
    ControlResponse, Simulation,
    call::Call,
    fault_rules,
    page::{BY_POSITION, LINK, page},
    problem::Problem,
    route::{Body, Route, RouteGroup},
    schema::{Record, SECONDS, Schema, optional_member, required_member},
};
use crate::faults::{FaultRule, Operation};
use serde_json::{Value, json};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "faults",
    description: "Fault rules. The first rule that fires decides. A rule without conditions fires every time, \
        without limit.",
    routes: &[
        Route::get("faults", "list_faults", "Lists the rules in force.", FAULTS, |simulation, call| {
            Ok(list(simulation, call))
        })
        .paged(BY_POSITION).with_response_headers(LINK),
        Route::post("faults", "add_fault", "Adds a rule after the others. Returns it.", RULE, add)
            .with_body(Body::ByKind(fault_rules::variants))
            .created()
            .with_problems(&[(
                422,
                "The rule can never fire: its operation is of another API version, or until is not later than from.",
            )]),
        Route::post(
            "faults",
            "clear_faults",
            "Removes every rule. Faults that were already injected still take effect.",
            FAULTS,
            |simulation, _| {
                simulation.gateway.clear_faults();
                Ok(ControlResponse::json(simulation.gateway.fault_rules()))
            },
        )
        .method("DELETE"),
        Route::get(
            "faults/kinds",
            "list_fault_kinds",
            "Lists the fault kinds, each with its parameter and the operations that it applies to.",
            KINDS,
            |_, _| Ok(ControlResponse::ok(kinds())),
        ),
        Route::get("faults/{id}", "show_fault", "Returns one rule.", RULE, show)
            .with_problems(&[RULE_NOT_FOUND]),
        Route::post("faults/{id}", "remove_fault", "Removes one rule. Returns it.", RULE, remove)
            .method("DELETE")
            .with_problems(&[RULE_NOT_FOUND]),
    ],
};

const RULE_NOT_FOUND: (u16, &str) = (404, "The rule does not exist.");
pub(super) const FAULTS: Schema = Schema::List(&RULE);
const RULE: Schema = Schema::Record(&FAULT);
const FAULT: Record = Record {
    name: "FaultRule",
    description: "A rule in force. A null condition is not checked.",
    members: &[
        required_member("id", Schema::Count, "The id of the rule."),
        required_member("kind", Schema::Enum(fault_rules::kinds), "The kind of fault."),
        optional_member("commits", Schema::Boolean, "True if the request is carried out."),
        optional_member("millis", Schema::Count, "The duration, in milliseconds."),
        optional_member("bytes", Schema::Count, "The number of body bytes that are sent."),
        optional_member("bytes_per_second", Schema::Count, "The rate, in bytes per second."),
        optional_member("step", Schema::Enum(fault_rules::steps), "The step of the migration."),
        required_member(
            "api_version",
            Schema::Nullable(&Schema::Enum(fault_rules::api_versions)),
            "Condition: the API version.",
        ),
        required_member(
            "operation",
            Schema::Nullable(&Schema::Enum(fault_rules::operations)),
            "Condition: the operation.",
        ),
        required_member("path", Schema::Nullable(&Schema::Text), "Condition: the pattern of the path."),
        required_member("mchid", Schema::Nullable(&Schema::Text), "Condition: the merchant."),
        required_member("number", Schema::Nullable(&Schema::Text), "Condition: a merchant-assigned number."),
        required_member("per_mille", Schema::Count, "The probability, in thousandths."),
        required_member("seed", Schema::Nullable(&Schema::Count), "The seed of the rule's own randomness."),
        required_member(
            "remaining",
            Schema::Nullable(&Schema::Count),
            "The number of injections left; null for no limit.",
        ),
        required_member("from", Schema::Nullable(&SECONDS), "Condition: not before this time."),
        required_member("until", Schema::Nullable(&SECONDS), "Condition: before this time."),
        required_member("hits", Schema::Count, "The number of injections so far."),
    ],
};
const KINDS: Schema = Schema::List(&Schema::Record(&KIND));
const KIND: Record = Record {
    name: "FaultKind",
    description: "A kind of fault.",
    members: &[
        required_member("kind", Schema::Enum(fault_rules::kinds), "The name of the kind."),
        required_member(
            "parameter",
            Schema::Nullable(&Schema::Text),
            "The name of the kind's parameter, if it has one.",
        ),
        required_member("required", Schema::Boolean, "True if the parameter is required."),
        optional_member("default_millis", Schema::Count, "The default of the parameter millis."),
        required_member(
            "applies_to",
            Schema::List(&Schema::Enum(fault_rules::operations)),
            "The operations that it applies to.",
        ),
    ],
};

fn add(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let id = simulation.gateway.inject(fault_rules::rule(&call.body)?);
    find(simulation, Some(id))
}

/// Returns the rules after a position, which is their id. They are in the order of their ids.
fn rules_after(simulation: &Simulation, id: u64) -> &[FaultRule] {
    let rules = simulation.gateway.fault_rules();
    let (_, after) = rules.split_at(rules.partition_point(|rule| rule.id() <= id));
    after
}

fn list(simulation: &mut Simulation, call: &Call<'_>) -> ControlResponse {
    let after = call.query.text("after").and_then(|after| after.parse().ok()).unwrap_or_default();
    page(call, rules_after(simulation, after).iter().map(|rule| (rule.id(), rule)), |_| true)
}

fn show(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    find(simulation, call.path.number("id"))
}

fn remove(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let id = call.path.number("id");
    let removed = find(simulation, id)?;
    simulation.gateway.remove_fault(id.unwrap_or_default());
    Ok(removed)
}

fn find(simulation: &Simulation, id: Option<u64>) -> Result<ControlResponse, Problem> {
    let before = id.and_then(|id| id.checked_sub(1));
    let rule = before.and_then(|before| rules_after(simulation, before).first());
    let rule = rule.filter(|rule| Some(rule.id()) == id);
    rule.map(ControlResponse::json).ok_or_else(|| Problem::not_found("rule"))
}

fn kinds() -> Value {
    let entries = fault_rules::KINDS.iter().map(|kind| {
        let field = kind.parameter.field();
        let fault = kind.default_fault();
        let applies_to: Vec<&str> = Operation::all()
            .filter(|operation| fault.applies_to(*operation))
            .map(Operation::as_str)
            .collect();
        let mut entry = json!({
            "kind": kind.name,
            "parameter": field.map(|field| field.name),
            "required": field.is_some_and(|field| field.is_required),
            "applies_to": applies_to,
        });
        if let (Some(millis), Some(members)) = (kind.default_millis(), entry.as_object_mut()) {
            members.insert("default_millis".into(), millis.into());
        }
        entry
    });
    entries.collect()
}

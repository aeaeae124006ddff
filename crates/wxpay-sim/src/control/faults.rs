//! Routes of fault injection: rules and kinds.

use super::{
    Answer, Simulation,
    call::Call,
    problem::Problem,
    route::{Body, Room, Route},
    rules,
    shape::{Record, Shape, always, sometimes},
};
use crate::faults::Operation;
use serde_json::{Value, json};

pub(super) const ROOM: Room = Room {
    name: "faults",
    about: "Fault rules. The first rule that fires decides. A rule without conditions fires every time, \
        without limit.",
    routes: &[
        Route::get("faults", "list_faults", "Lists the rules in force.", FAULTS, |simulation, _| {
            Ok(Answer::shown(simulation.gateway.troubles()))
        }),
        Route::post("faults", "add_fault", "Adds a rule after the others. Returns all rules.", FAULTS, add)
            .taking(Body::ByKind(rules::variants))
            .created(),
        Route::post(
            "faults",
            "clear_faults",
            "Removes every rule. Faults that were already injected still take effect.",
            FAULTS,
            |simulation, _| {
                simulation.gateway.calm();
                Ok(Answer::shown(simulation.gateway.troubles()))
            },
        )
        .by("DELETE"),
        Route::get(
            "faults/kinds",
            "list_fault_kinds",
            "Lists the fault kinds, each with its parameter and the operations that it applies to.",
            KINDS,
            |_, _| Ok(Answer::ok(kinds())),
        ),
        Route::get("faults/{id}", "show_fault", "Returns one rule.", Shape::Record(&FAULT), show)
            .or(&[NO_FAULT]),
        Route::post("faults/{id}", "remove_fault", "Removes one rule. Returns the others.", FAULTS, end)
            .by("DELETE")
            .or(&[NO_FAULT]),
    ],
};

const NO_FAULT: (u16, &str) = (404, "The rule does not exist.");
pub(super) const FAULTS: Shape = Shape::List(&Shape::Record(&FAULT));
const FAULT: Record = Record {
    name: "FaultRule",
    about: "A rule in force. A null condition is not checked.",
    members: &[
        always("id", Shape::Count, "The id of the rule."),
        always("kind", Shape::Word(rules::kinds), "The kind of fault."),
        sometimes("effect", Shape::Truth, "True if the request is carried out."),
        sometimes("millis", Shape::Count, "The duration, in milliseconds."),
        sometimes("bytes", Shape::Count, "The number of body bytes that are sent."),
        sometimes("bytes_per_second", Shape::Count, "The rate, in bytes per second."),
        sometimes("step", Shape::Word(rules::steps), "The step of the migration."),
        always("api_version", Shape::Maybe(&Shape::Word(|| vec!["v1", "v3"])), "Condition: the API version."),
        always("operation", Shape::Maybe(&Shape::Word(rules::operations)), "Condition: the operation."),
        always("path", Shape::Maybe(&Shape::Text), "Condition: the pattern of the path."),
        always("mchid", Shape::Maybe(&Shape::Text), "Condition: the merchant."),
        always("number", Shape::Maybe(&Shape::Text), "Condition: a merchant-assigned number."),
        always("per_mille", Shape::Count, "The probability, in thousandths."),
        always("seed", Shape::Maybe(&Shape::Count), "The seed of the rule's own randomness."),
        always("remaining", Shape::Maybe(&Shape::Count), "The number of injections left; null for no limit."),
        always("from", Shape::Maybe(&Shape::Seconds), "Condition: not before this time."),
        always("until", Shape::Maybe(&Shape::Seconds), "Condition: before this time."),
        always("hits", Shape::Count, "The number of injections so far."),
    ],
};
const KINDS: Shape = Shape::List(&Shape::Record(&KIND));
const KIND: Record = Record {
    name: "FaultKind",
    about: "A kind of fault.",
    members: &[
        always("kind", Shape::Word(rules::kinds), "The name of the kind."),
        always("parameter", Shape::Maybe(&Shape::Text), "The name of the kind's parameter, if it has one."),
        always("required", Shape::Truth, "True if the parameter is required."),
        sometimes("default_millis", Shape::Count, "The default of the parameter millis."),
        always(
            "applies_to",
            Shape::List(&Shape::Word(rules::operations)),
            "The operations that it applies to.",
        ),
    ],
};

fn add(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    simulation.gateway.trouble(rules::rule(&call.body)?);
    Ok(Answer::shown(simulation.gateway.troubles()))
}

fn show(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let id = call.path.number("id");
    let rule = simulation.gateway.troubles().iter().find(|rule| Some(rule.id()) == id);
    rule.map(Answer::shown).ok_or_else(|| Problem::unknown("rule"))
}

fn end(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let id = call.path.number("id").unwrap_or_default();
    if simulation.gateway.end_trouble(id) {
        Ok(Answer::shown(simulation.gateway.troubles()))
    } else {
        Err(Problem::unknown("rule"))
    }
}

fn kinds() -> Value {
    let shown = rules::KINDS.iter().map(|kind| {
        let field = kind.takes.field();
        let trouble = kind.plain();
        let befalls: Vec<&str> =
            Operation::all().filter(|operation| trouble.befalls(*operation)).map(Operation::as_str).collect();
        let mut shown = json!({
            "kind": kind.word,
            "parameter": field.map(|field| field.name),
            "required": field.is_some_and(|field| field.is_required),
            "applies_to": befalls,
        });
        if let (Some(millis), Some(members)) = (kind.millis(), shown.as_object_mut()) {
            members.insert("default_millis".into(), millis.into());
        }
        shown
    });
    shown.collect()
}

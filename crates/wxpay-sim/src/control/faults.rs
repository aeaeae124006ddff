//! Trouble on demand: rules added, shown, ended.

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
    about: "Rules of trouble. The first that strikes decides; one without further words strikes every time, for ever.",
    routes: &[
        Route::get("faults", "list_faults", "The rules in force.", FAULTS, |simulation, _| {
            Ok(Answer::shown(simulation.gateway.troubles()))
        }),
        Route::post("faults", "add_fault", "Adds a rule behind the others; tells all.", FAULTS, add)
            .taking(Body::ByKind(rules::variants))
            .created(),
        Route::post(
            "faults",
            "end_faults",
            "Ends every rule. What is on its way stays so.",
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
            "Every kind of trouble: what it takes, and what it befalls.",
            KINDS,
            |_, _| Ok(Answer::ok(kinds())),
        ),
        Route::get("faults/{id}", "show_fault", "One rule.", Shape::Record(&FAULT), show).or(&[NO_FAULT]),
        Route::post("faults/{id}", "end_fault", "Ends one rule; tells the others.", FAULTS, end)
            .by("DELETE")
            .or(&[NO_FAULT]),
    ],
};

const NO_FAULT: (u16, &str) = (404, "There is no such rule.");
pub(super) const FAULTS: Shape = Shape::List(&Shape::Record(&FAULT));
const FAULT: Record = Record {
    name: "Rule",
    about: "A rule in force. What is null is not asked for.",
    members: &[
        always("id", Shape::Count, "Its number."),
        always("kind", Shape::Word(rules::kinds), "What goes wrong."),
        sometimes("effect", Shape::Truth, "Whether the request is carried out."),
        sometimes("millis", Shape::Count, "So many milliseconds."),
        sometimes("bytes", Shape::Count, "After so many bytes."),
        sometimes("bytes_per_second", Shape::Count, "So many bytes in a second."),
        sometimes("step", Shape::Word(rules::steps), "Which step of the migration."),
        always("generation", Shape::Maybe(&Shape::Word(|| vec!["v1", "v3"])), "In this generation alone."),
        always("operation", Shape::Maybe(&Shape::Word(rules::operations)), "With this operation alone."),
        always("path", Shape::Maybe(&Shape::Text), "On paths of this pattern alone."),
        always("mchid", Shape::Maybe(&Shape::Text), "With this merchant alone."),
        always("number", Shape::Maybe(&Shape::Text), "With this number of the merchant's alone."),
        always("per_mille", Shape::Count, "In so many of a thousand cases."),
        always("seed", Shape::Maybe(&Shape::Count), "The seed of its own chance."),
        always("left", Shape::Maybe(&Shape::Count), "So often it may strike yet."),
        always("from", Shape::Maybe(&Shape::Seconds), "From when."),
        always("until", Shape::Maybe(&Shape::Seconds), "Until before when."),
        always("struck", Shape::Count, "So often it has struck."),
    ],
};
const KINDS: Shape = Shape::List(&Shape::Record(&KIND));
const KIND: Record = Record {
    name: "Kind",
    about: "A kind of trouble.",
    members: &[
        always("kind", Shape::Word(rules::kinds), "Its word."),
        always("takes", Shape::Maybe(&Shape::Text), "The field that says more of it."),
        always("must_say", Shape::Truth, "Whether that field must be there."),
        sometimes("millis", Shape::Count, "So many milliseconds count if none are said."),
        always("befalls", Shape::List(&Shape::Word(rules::operations)), "The operations that it can strike."),
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
            "takes": field.map(|field| field.name),
            "must_say": field.is_some_and(|field| field.is_required),
            "befalls": befalls,
        });
        if let (Some(millis), Some(members)) = (kind.millis(), shown.as_object_mut()) {
            members.insert("millis".into(), millis.into());
        }
        shown
    });
    shown.collect()
}

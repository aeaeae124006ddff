//! The virtual clock: shown, moved on, set, stopped, let run.

use super::{
    Answer, Simulation,
    call::Call,
    field::{Kind, must},
    problem::Problem,
    route::{Body, Room, Route},
    shape::{Record, Shape, always},
};
use serde_json::json;
use std::time::Duration;
use wxpay_proto::UnixTime;

/// Ten years at once are enough.
const MOST_SECONDS: u64 = 315_360_000;
/// The end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

pub(super) const ROOM: Room = Room {
    name: "clock",
    about: "The virtual clock, which goes forward alone.",
    routes: &[
        Route::get("clock", "show_clock", "The time.", CLOCK, |simulation, call| Ok(shown(simulation, call))),
        Route::post("clock", "advance_clock", "Moves the clock on.", CLOCK, |simulation, call| {
            Ok(advance(simulation, call))
        })
        .taking(Body::Required(&[must(
            "advance_seconds",
            Kind::Number(0, MOST_SECONDS),
            "By so many seconds; at most ten years.",
        )])),
        Route::post("clock", "set_clock", "Moves the clock on to a moment.", CLOCK, set)
            .by("PUT")
            .taking(Body::Required(&[must(
                "now",
                Kind::Number(0, LAST_SECOND),
                "The moment, in seconds since 1970; none that is past.",
            )]))
            .or(&[(409, "The moment is past: the clock does not go back.")]),
        Route::post(
            "clock/freeze",
            "freeze_clock",
            "Stops the clock where it is.",
            CLOCK,
            |simulation, call| {
                simulation.clock.freeze(call.real);
                Ok(shown(simulation, call))
            },
        ),
        Route::post(
            "clock/run",
            "run_clock",
            "Lets the clock run on from where it is.",
            CLOCK,
            |simulation, call| {
                simulation.clock.run(call.real);
                Ok(shown(simulation, call))
            },
        ),
    ],
};

pub(super) const CLOCK: Shape = Shape::Record(&Record {
    name: "Clock",
    about: "The virtual clock.",
    members: &[
        always("now", Shape::Seconds, "The time."),
        always("runs", Shape::Truth, "Whether time passes by itself."),
    ],
});

pub(super) fn shown(simulation: &Simulation, call: &Call<'_>) -> Answer {
    let clock = &simulation.clock;
    Answer::ok(json!({ "now": clock.now(call.real).as_secs(), "runs": clock.runs() }))
}

fn advance(simulation: &mut Simulation, call: &Call<'_>) -> Answer {
    let seconds = call.body.number("advance_seconds").unwrap_or_default();
    simulation.clock.advance(Duration::from_secs(seconds));
    shown(simulation, call)
}

fn set(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let to = UnixTime::from_secs(call.body.number("now").unwrap_or_default());
    if to.as_secs() < call.now.as_secs() {
        let detail = format!("the clock does not go back: it is {} already", call.now.as_secs());
        return Err(Problem::conflict("the moment is past", &detail));
    }
    simulation.clock.advance(to.since(call.now));
    Ok(shown(simulation, call))
}

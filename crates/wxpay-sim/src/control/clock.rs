//! Routes of the virtual clock.

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

/// Maximum advance in one request, in seconds: ten years.
const MOST_SECONDS: u64 = 315_360_000;
/// Maximum time, in seconds since 1970: the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

pub(super) const ROOM: Room = Room {
    name: "clock",
    about: "The virtual clock, which never goes back.",
    routes: &[
        Route::get("clock", "show_clock", "Returns the time.", CLOCK, |simulation, call| {
            Ok(shown(simulation, call))
        }),
        Route::post("clock", "advance_clock", "Advances the clock.", CLOCK, |simulation, call| {
            Ok(advance(simulation, call))
        })
        .taking(Body::Required(&[must(
            "advance_seconds",
            Kind::Number(0, MOST_SECONDS),
            "The number of seconds to advance by; at most ten years.",
        )])),
        Route::post("clock", "set_clock", "Advances the clock to a time.", CLOCK, set)
            .by("PUT")
            .taking(Body::Required(&[must(
                "now",
                Kind::Number(0, LAST_SECOND),
                "The time, in seconds since 1970; must not be in the past.",
            )]))
            .or(&[(409, "The time is in the past: the clock does not go back.")]),
        Route::post(
            "clock/freeze",
            "freeze_clock",
            "Freezes the clock at its current time.",
            CLOCK,
            |simulation, call| {
                simulation.clock.freeze(call.real);
                Ok(shown(simulation, call))
            },
        ),
        Route::post(
            "clock/run",
            "run_clock",
            "Lets the clock run from its current time.",
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
        always("now", Shape::Seconds, "The current virtual time."),
        always("runs", Shape::Truth, "True if the clock runs, false if it is frozen."),
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
        let detail = format!("the clock does not go back: the time is {}", call.now.as_secs());
        return Err(Problem::conflict("the time is in the past", &detail));
    }
    simulation.clock.advance(to.since(call.now));
    Ok(shown(simulation, call))
}

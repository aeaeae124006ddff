//! Routes of the business clock.

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::{Kind, required},
    problem::Problem,
    route::{Body, Route, RouteGroup},
    schema::{Record, SECONDS, Schema, required_member},
};
use serde_json::json;
use std::time::Duration;
use wxpay_proto::UnixTime;

/// Maximum advance in one request, in seconds: ten years.
const MAX_ADVANCE_SECONDS: u64 = 315_360_000;
/// Maximum time, in seconds since 1970: the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "clock",
    description: "The business clock: expiry, retries, refunds and bills follow it. Signatures follow the wall clock.",
    routes: &[
        Route::get("clock", "show_clock", "Returns the time.", CLOCK, |simulation, call| {
            Ok(show(simulation, call))
        }),
        Route::post("clock", "advance_clock", "Advances the clock.", CLOCK, advance)
            .with_body(Body::Required(&[required(
                "advance_seconds",
                Kind::Number(0, MAX_ADVANCE_SECONDS),
                "The number of seconds to advance by; at most ten years.",
            )]))
            .with_problems(&[(409, "The clock would pass the end of the year 9999.")]),
        Route::post("clock", "set_clock", "Sets the clock, forward or back.", CLOCK, |simulation, call| {
            Ok(set(simulation, call))
        })
        .method("PUT")
        .with_body(Body::Required(&[required(
            "now",
            Kind::Number(0, LAST_SECOND),
            "The time, in seconds since 1970. What was due at a later time waits for it again.",
        )])),
        Route::post(
            "clock/freeze",
            "freeze_clock",
            "Freezes the clock at its current time.",
            CLOCK,
            |simulation, call| {
                simulation.clock.freeze(call.real);
                Ok(show(simulation, call))
            },
        ),
        Route::post(
            "clock/run",
            "run_clock",
            "Lets the clock run from its current time.",
            CLOCK,
            |simulation, call| {
                simulation.clock.run(call.real);
                Ok(show(simulation, call))
            },
        ),
    ],
};

pub(super) const CLOCK: Schema = Schema::Record(&Record {
    name: "Clock",
    description: "The business clock.",
    members: &[
        required_member("now", SECONDS, "The current business time."),
        required_member("runs", Schema::Boolean, "True if the clock runs, false if it is frozen."),
    ],
});

pub(super) fn show(simulation: &Simulation, call: &Call<'_>) -> ControlResponse {
    let clock = &simulation.clock;
    ControlResponse::ok(json!({ "now": clock.business(call.real).as_secs(), "runs": clock.runs() }))
}

fn advance(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let seconds = call.body.number("advance_seconds").unwrap_or_default();
    if call.now.business.as_secs().saturating_add(seconds) > LAST_SECOND {
        return Err(Problem::conflict(
            "the clock is at its end",
            "the clock cannot pass the end of the year 9999",
        ));
    }
    simulation.clock.advance(Duration::from_secs(seconds));
    Ok(show(simulation, call))
}

fn set(simulation: &mut Simulation, call: &Call<'_>) -> ControlResponse {
    let time = UnixTime::from_secs(call.body.number("now").unwrap_or_default());
    simulation.clock.set(time, call.real);
    show(simulation, call)
}

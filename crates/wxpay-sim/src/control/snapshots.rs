//! Routes of saved states.

use super::{
    ControlResponse, Simulation,
    call::Call,
    problem::Problem,
    route::{Route, RouteGroup},
    schema::{Record, SECONDS, Schema, required_member},
};
use crate::gateway::NoSnapshot;
use serde_json::{Value, json};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "snapshots",
    description: "Saved states: copies of everything that the gateway knows, in the simulator's memory.",
    routes: &[
        Route::get("snapshots", "list_snapshots", "Lists the saved states.", SNAPSHOTS, |simulation, _| {
            Ok(list(simulation))
        }),
        Route::post(
            "snapshots/{snapshot}",
            "save_snapshot",
            "Saves the state under a name. A state of this name is replaced. Returns all.",
            SNAPSHOTS,
            |simulation, call| {
                let name = call.path.text("snapshot").unwrap_or_default();
                simulation.gateway.save_snapshot(name, call.now.business).map_err(problem)?;
                Ok(list(simulation))
            },
        )
        .method("PUT")
        .with_problems(&[(409, "8 states are saved already.")]),
        Route::post(
            "snapshots/{snapshot}",
            "delete_snapshot",
            "Deletes a saved state. Returns the others.",
            SNAPSHOTS,
            |simulation, call| {
                let name = call.path.text("snapshot").unwrap_or_default();
                simulation.gateway.delete_snapshot(name).map_err(problem)?;
                Ok(list(simulation))
            },
        )
        .method("DELETE")
        .with_problems(&[NOT_FOUND]),
        Route::post(
            "snapshots/{snapshot}/load",
            "load_snapshot",
            "Replaces everything that the gateway knows with a saved state: also merchants, keys, settings and fault rules. \
             The business clock goes on from the time of the save. Returns all.",
            SNAPSHOTS,
            load,
        )
        .with_problems(&[NOT_FOUND]),
    ],
};

const NOT_FOUND: (u16, &str) = (404, "No state is saved under this name.");
const SNAPSHOTS: Schema = Schema::List(&Schema::Record(&Record {
    name: "Snapshot",
    description: "A saved state.",
    members: &[
        required_member("name", Schema::Text, "The name."),
        required_member("saved_at", SECONDS, "The time of the save."),
        required_member("orders", Schema::Count, "The number of orders in it."),
    ],
}));

fn list(simulation: &Simulation) -> ControlResponse {
    let states = simulation.gateway.snapshots().map(|(name, snapshot)| {
        json!({ "name": name, "saved_at": snapshot.saved_at.as_secs(), "orders": snapshot.orders() })
    });
    ControlResponse::ok(states.collect::<Value>())
}

fn load(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let name = call.path.text("snapshot").unwrap_or_default();
    let saved_at = simulation.gateway.load_snapshot(name).map_err(problem)?;
    simulation.clock.set(saved_at, call.real);
    Ok(list(simulation))
}

fn problem(error: NoSnapshot) -> Problem {
    match error {
        NoSnapshot::Unknown => Problem::not_found("saved state"),
        NoSnapshot::Full => Problem::conflict("there is no room", &error.to_string()),
    }
}

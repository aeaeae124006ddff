//! Routes of the gateway's state: its counts, and its reset.

use super::{
    ControlResponse, Removed, Simulation,
    call::Call,
    route::{Route, RouteGroup},
    schema::{Record, SECONDS, Schema, required_member},
};
use serde_json::json;
use std::sync::Arc;

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "state",
    description: "The state of the gateway as a whole.",
    routes: &[
        Route::get(
            "state",
            "show_state",
            "Returns the clock and the number of records of each kind.",
            Schema::Record(&STATE),
            |simulation, call| Ok(show(simulation, call)),
        ),
        Route::post(
            "state/reset",
            "reset_state",
            "Forgets all orders, transfers, authorizations, receivers, notifications, requests and warnings, with \
             what is scheduled for them and what the catalogue remembers. Merchants, keys, tokens, fault rules, settings and the clock stay.",
            Schema::Record(&STATE),
            |simulation, call| {
                let removed = Removed(Some(Arc::new(simulation.gateway.reset())));
                Ok(ControlResponse { removed, ..show(simulation, call) })
            },
        ),
    ],
};

const STATE: Record = Record {
    name: "State",
    description: "The clock and the number of records.",
    members: &[
        required_member("now", SECONDS, "The current business time."),
        required_member("runs", Schema::Boolean, "True if the clock runs, false if it is frozen."),
        required_member("counts", Schema::Record(&COUNTS), "The number of records of each kind."),
    ],
};
const COUNTS: Record = Record {
    name: "Counts",
    description: "The number of records of each kind.",
    members: &[
        required_member("orders", Schema::Count, "Orders of all API versions."),
        required_member("refunds", Schema::Count, "Refunds."),
        required_member("transfers", Schema::Count, "Transfers to users."),
        required_member("authorizations", Schema::Count, "Transfer authorizations."),
        required_member("profitsharing", Schema::Count, "Profit-sharing requests."),
        required_member("receivers", Schema::Count, "Profit-sharing receivers."),
        required_member("notifications", Schema::Count, "Notifications."),
        required_member("merchants", Schema::Count, "APIv3 merchants."),
        required_member("faults", Schema::Count, "Fault rules in force."),
        required_member("requests", Schema::Count, "The latest requests."),
        required_member("warnings", Schema::Count, "Warnings."),
    ],
};

fn show(simulation: &Simulation, call: &Call<'_>) -> ControlResponse {
    let gateway = &simulation.gateway;
    let ledger = &gateway.ledger;
    ControlResponse::ok(json!({
        "now": call.now.business.as_secs(),
        "runs": simulation.clock.runs(),
        "counts": {
            "orders": ledger.order_count(),
            "refunds": ledger.refund_count(),
            "transfers": ledger.transfers.len(),
            "authorizations": ledger.transfers.authorizations.len(),
            "profitsharing": ledger.sharings.len(),
            "receivers": ledger.sharings.receivers.len(),
            "notifications": gateway.notifications.len(),
            "merchants": gateway.merchants().count(),
            "faults": gateway.fault_rules().len(),
            "requests": gateway.requests().count(),
            "warnings": gateway.warnings().count(),
        },
    }))
}

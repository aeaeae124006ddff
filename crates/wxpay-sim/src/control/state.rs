//! Route of the gateway's complete state.

use super::{
    ControlResponse, Simulation,
    authorizations::AUTHORIZATIONS,
    call::Call,
    faults::FAULTS,
    field::{Kind, optional},
    merchants, orders,
    profitsharing::{RECEIVERS, SHARINGS},
    records::{
        merchant::MERCHANTS,
        notification::{NOTIFICATIONS, WARNING_RECORDS},
        order::ORDERS,
    },
    refunds::{self, REFUNDS},
    requests::REQUESTS,
    route::{Route, RouteGroup},
    schema::{Record, Schema, optional_member, required_member},
    settings::{self, SETTINGS},
    transfers::TRANSFERS,
};
use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Map, Value, json};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "state",
    description: "The complete state of the gateway.",
    routes: &[Route::get(
        "state",
        "show_state",
        "Returns the clock, a digest of the state, the number of records of each kind, and all records.",
        Schema::Record(&STATE),
        |simulation, call| Ok(show(simulation, call)),
    )
    .with_query(&[optional("records", Kind::Boolean, "True to include the records. Default: true.")])],
};

const STATE: Record = Record {
    name: "State",
    description: "The complete state of the gateway.",
    members: &[
        required_member("now", Schema::Seconds, "The current virtual time."),
        required_member("runs", Schema::Boolean, "True if the clock runs, false if it is frozen."),
        required_member(
            "digest",
            Schema::Text,
            "SHA-256 of the records and the secrets, in hexadecimal: equal as long as the state has not \
             changed. The time is not included, but its effects on the records are.",
        ),
        required_member("counts", Schema::Record(&COUNTS), "The number of records of each kind."),
        optional_member("records", Schema::Record(&RECORDS), "The records."),
    ],
};
const COUNTS: Record = Record {
    name: "Counts",
    description: "The number of records of each kind.",
    members: &[
        required_member("orders", Schema::Count, "Orders of both API versions."),
        required_member("refunds", Schema::Count, "Refunds."),
        required_member("transfers", Schema::Count, "Transfers to users."),
        required_member("authorizations", Schema::Count, "Transfer authorizations."),
        required_member("profitsharing", Schema::Count, "Profit-sharing requests."),
        required_member("receivers", Schema::Count, "Profit-sharing receivers."),
        required_member("notifications", Schema::Count, "Notifications."),
        required_member("merchants", Schema::Count, "APIv3 merchants."),
        required_member("faults", Schema::Count, "Fault rules in force."),
        required_member("requests", Schema::Count, "The latest APIv3 requests."),
        required_member("warnings", Schema::Count, "Warnings."),
    ],
};
const RECORDS: Record = Record {
    name: "Records",
    description: "All records.",
    members: &[
        required_member("orders", ORDERS, "Orders of both API versions."),
        required_member("refunds", REFUNDS, "Refunds."),
        required_member("transfers", TRANSFERS, "Transfers to users."),
        required_member("authorizations", AUTHORIZATIONS, "Transfer authorizations."),
        required_member("profitsharing", SHARINGS, "Profit-sharing requests."),
        required_member("receivers", RECEIVERS, "Profit-sharing receivers."),
        required_member("notifications", NOTIFICATIONS, "Notifications."),
        required_member("merchants", MERCHANTS, "APIv3 merchants."),
        required_member("faults", FAULTS, "Fault rules in force."),
        required_member("requests", REQUESTS, "The latest APIv3 requests."),
        required_member("warnings", WARNING_RECORDS, "Warnings."),
        required_member("settings", SETTINGS, "The current settings."),
    ],
};

fn show(simulation: &mut Simulation, call: &Call<'_>) -> ControlResponse {
    let records = records(simulation, call);
    let counts: Map<String, Value> =
        records.iter().filter_map(|(name, all)| Some((name.clone(), all.as_array()?.len().into()))).collect();
    let mut state = json!({
        "now": call.now.as_secs(),
        "runs": simulation.clock.runs(),
        "digest": digest(simulation, &records),
        "counts": counts,
    });
    if let Some(members) = state.as_object_mut().filter(|_| call.query.boolean("records") != Some(false)) {
        members.insert("records".into(), Value::Object(records));
    }
    ControlResponse::ok(state)
}

fn records(simulation: &mut Simulation, call: &Call<'_>) -> Map<String, Value> {
    let gateway = &mut simulation.gateway;
    let (transfers, authorizations) = (gateway.transfers(call.now), gateway.authorizations(call.now));
    let sharings = gateway.sharings(call.now);
    let gateway = &simulation.gateway;
    let records = [
        ("transfers", ControlResponse::json(transfers).body),
        ("authorizations", ControlResponse::json(authorizations).body),
        ("profitsharing", ControlResponse::json(sharings).body),
        ("receivers", ControlResponse::json(gateway.receivers().collect::<Vec<_>>()).body),
        ("orders", Value::Array(orders::all(gateway, call.now, None))),
        ("refunds", ControlResponse::json(refunds::all(simulation, call)).body),
        ("notifications", ControlResponse::json(gateway.notifications()).body),
        ("merchants", ControlResponse::json(merchants::all(simulation, call)).body),
        ("faults", ControlResponse::json(gateway.fault_rules()).body),
        ("requests", ControlResponse::json(gateway.requests().collect::<Vec<_>>()).body),
        ("warnings", ControlResponse::json(gateway.warnings().collect::<Vec<_>>()).body),
        ("settings", settings::values(gateway.settings())),
    ];
    records.into_iter().map(|(name, value)| (String::from(name), value)).collect()
}

/// Returns the digest of the records and of the merchants' APIv3 keys, which no record contains.
fn digest(simulation: &Simulation, records: &Map<String, Value>) -> String {
    let mut digest = Context::new(&SHA256);
    digest.update(Value::Object(records.clone()).to_string().as_bytes());
    for merchant in simulation.gateway.merchants() {
        let key = merchant.api_v3_key().map(|key| key.expose().as_str()).unwrap_or_default();
        digest.update(key.as_bytes());
        digest.update(b"\n");
    }
    hex::encode(digest.finish())
}

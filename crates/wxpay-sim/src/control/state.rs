//! Route of the gateway's complete state.

use super::{
    Answer, Simulation,
    authorizations::AUTHORIZATIONS,
    call::Call,
    faults::FAULTS,
    field::{Kind, may},
    merchants, orders,
    records::{
        merchant::MERCHANTS,
        notification::{NOTIFICATIONS, REMARKS},
        order::ORDERS,
    },
    refunds::{self, REFUNDS},
    requests::REQUESTS,
    route::{Room, Route},
    settings::{self, SETTINGS},
    shape::{Record, Shape, always, sometimes},
    sharings::{RECEIVERS, SHARINGS},
    transfers::TRANSFERS,
};
use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Map, Value, json};

pub(super) const ROOM: Room = Room {
    name: "state",
    about: "The complete state of the gateway.",
    routes: &[Route::get(
        "state",
        "show_state",
        "Returns the clock, a digest of the state, the number of records of each kind, and all records.",
        Shape::Record(&STATE),
        |simulation, call| Ok(show(simulation, call)),
    )
    .asking(&[may("records", Kind::Truth, "Whether to include the records. Default: true.")])],
};

const STATE: Record = Record {
    name: "State",
    about: "The complete state of the gateway.",
    members: &[
        always("now", Shape::Seconds, "The current virtual time."),
        always("runs", Shape::Truth, "True if the clock runs, false if it is frozen."),
        always(
            "digest",
            Shape::Text,
            "SHA-256 of the records and the secrets, in hexadecimal: equal as long as the state has not \
             changed. The time is not included, but its effects on the records are.",
        ),
        always("counts", Shape::Record(&COUNTS), "The number of records of each kind."),
        sometimes("records", Shape::Record(&RECORDS), "The records."),
    ],
};
const COUNTS: Record = Record {
    name: "Counts",
    about: "The number of records of each kind.",
    members: &[
        always("orders", Shape::Count, "Orders of both API versions."),
        always("refunds", Shape::Count, "Refunds."),
        always("transfers", Shape::Count, "Transfers to users."),
        always("authorizations", Shape::Count, "Transfer authorizations."),
        always("profitsharing", Shape::Count, "Profit-sharing requests."),
        always("receivers", Shape::Count, "Profit-sharing receivers."),
        always("notifications", Shape::Count, "Notifications."),
        always("merchants", Shape::Count, "APIv3 merchants."),
        always("faults", Shape::Count, "Fault rules in force."),
        always("requests", Shape::Count, "The latest APIv3 requests."),
        always("warnings", Shape::Count, "Warnings."),
    ],
};
const RECORDS: Record = Record {
    name: "Records",
    about: "All records.",
    members: &[
        always("orders", ORDERS, "Orders of both API versions."),
        always("refunds", REFUNDS, "Refunds."),
        always("transfers", TRANSFERS, "Transfers to users."),
        always("authorizations", AUTHORIZATIONS, "Transfer authorizations."),
        always("profitsharing", SHARINGS, "Profit-sharing requests."),
        always("receivers", RECEIVERS, "Profit-sharing receivers."),
        always("notifications", NOTIFICATIONS, "Notifications."),
        always("merchants", MERCHANTS, "APIv3 merchants."),
        always("faults", FAULTS, "Fault rules in force."),
        always("requests", REQUESTS, "The latest APIv3 requests."),
        always("warnings", REMARKS, "Warnings."),
        always("settings", SETTINGS, "The current settings."),
    ],
};

fn show(simulation: &mut Simulation, call: &Call<'_>) -> Answer {
    let records = records(simulation, call);
    let counts: Map<String, Value> =
        records.iter().filter_map(|(name, all)| Some((name.clone(), all.as_array()?.len().into()))).collect();
    let mut state = json!({
        "now": call.now.as_secs(),
        "runs": simulation.clock.runs(),
        "digest": digest(simulation, &records),
        "counts": counts,
    });
    if let Some(members) = state.as_object_mut().filter(|_| call.query.truth("records") != Some(false)) {
        members.insert("records".into(), Value::Object(records));
    }
    Answer::ok(state)
}

fn records(simulation: &mut Simulation, call: &Call<'_>) -> Map<String, Value> {
    let gateway = &mut simulation.gateway;
    let (transfers, authorizations) = (gateway.transfers(call.now), gateway.authorizations(call.now));
    let sharings = gateway.sharings(call.now);
    let gateway = &simulation.gateway;
    let shown = [
        ("transfers", Answer::shown(transfers).body),
        ("authorizations", Answer::shown(authorizations).body),
        ("profitsharing", Answer::shown(sharings).body),
        ("receivers", Answer::shown(gateway.receivers().collect::<Vec<_>>()).body),
        ("orders", Value::Array(orders::all(gateway, call.now, None))),
        ("refunds", Answer::shown(refunds::all(simulation, call)).body),
        ("notifications", Answer::shown(gateway.notifications()).body),
        ("merchants", Answer::shown(merchants::all(simulation, call)).body),
        ("faults", Answer::shown(gateway.troubles()).body),
        ("requests", Answer::shown(gateway.requests().collect::<Vec<_>>()).body),
        ("warnings", Answer::shown(gateway.warnings().collect::<Vec<_>>()).body),
        ("settings", settings::shown(gateway.settings())),
    ];
    shown.into_iter().map(|(name, value)| (String::from(name), value)).collect()
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

//! Everything at once.

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
    about: "Everything that the gateway knows, in one document.",
    routes: &[Route::get(
        "state",
        "show_state",
        "The clock, a digest that tells whether anything changed, how many of everything there are, and all of it.",
        Shape::Record(&STATE),
        |simulation, call| Ok(show(simulation, call)),
    )
    .asking(&[may("records", Kind::Truth, "Whether the records themselves are there; they are.")])],
};

const STATE: Record = Record {
    name: "State",
    about: "Everything that the gateway knows.",
    members: &[
        always("now", Shape::Seconds, "The time."),
        always("runs", Shape::Truth, "Whether time passes by itself."),
        always(
            "digest",
            Shape::Text,
            "SHA-256 of the records and the secrets, in hexadecimal digits: the same as long as nothing changed. The time \
             is not in it, but what it brings about is.",
        ),
        always("counts", Shape::Record(&COUNTS), "How many of everything there are."),
        sometimes("records", Shape::Record(&RECORDS), "All of it."),
    ],
};
const COUNTS: Record = Record {
    name: "Counts",
    about: "How many of everything there are.",
    members: &[
        always("orders", Shape::Count, "Orders of both generations."),
        always("refunds", Shape::Count, "Refunds."),
        always("transfers", Shape::Count, "Transfers to users."),
        always("authorizations", Shape::Count, "What payees allow."),
        always("sharings", Shape::Count, "Payments that were shared."),
        always("receivers", Shape::Count, "Who may get a part of one."),
        always("notices", Shape::Count, "Notices."),
        always("merchants", Shape::Count, "Merchants of the third generation."),
        always("faults", Shape::Count, "Rules of trouble in force."),
        always("requests", Shape::Count, "The last calls of the third generation."),
        always("warnings", Shape::Count, "What was noticed."),
    ],
};
const RECORDS: Record = Record {
    name: "Records",
    about: "Everything there is.",
    members: &[
        always("orders", ORDERS, "Orders of both generations."),
        always("refunds", REFUNDS, "Refunds."),
        always("transfers", TRANSFERS, "Transfers to users."),
        always("authorizations", AUTHORIZATIONS, "What payees allow."),
        always("sharings", SHARINGS, "Payments that were shared."),
        always("receivers", RECEIVERS, "Who may get a part of one."),
        always("notices", NOTIFICATIONS, "Notices."),
        always("merchants", MERCHANTS, "Merchants of the third generation."),
        always("faults", FAULTS, "Rules of trouble in force."),
        always("requests", REQUESTS, "The last calls of the third generation."),
        always("warnings", REMARKS, "What was noticed."),
        always("settings", SETTINGS, "How the switches stand."),
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
        ("sharings", Answer::shown(sharings).body),
        ("receivers", Answer::shown(gateway.receivers().collect::<Vec<_>>()).body),
        ("orders", Value::Array(orders::all(gateway, call.now, None))),
        ("refunds", Answer::shown(refunds::all(simulation, call)).body),
        ("notices", Answer::shown(gateway.notifications()).body),
        ("merchants", Answer::shown(merchants::all(simulation, call)).body),
        ("faults", Answer::shown(gateway.troubles()).body),
        ("requests", Answer::shown(gateway.requests().collect::<Vec<_>>()).body),
        ("warnings", Answer::shown(gateway.warnings().collect::<Vec<_>>()).body),
        ("settings", settings::shown(gateway.settings())),
    ];
    shown.into_iter().map(|(name, value)| (String::from(name), value)).collect()
}

/// Of the records, and of what is never shown: the merchants' keys.
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
